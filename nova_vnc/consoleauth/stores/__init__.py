# SPDX-License-Identifier: Apache-2.0
"""Where tokens are kept: base has the interface, every other module a driver of [consoleauth]token_store."""
