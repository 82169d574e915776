# SPDX-License-Identifier: Apache-2.0
"""JSON schemas of bodies and queries; where they differ by microversion, by the first one that has them."""
