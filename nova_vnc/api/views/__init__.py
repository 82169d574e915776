# SPDX-License-Identifier: Apache-2.0
"""Resources as users see them."""
