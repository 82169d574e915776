# SPDX-License-Identifier: Apache-2.0
"""Our processes and those of released Novas in one cloud; the outcome is printed as a table (matrix.py)."""
