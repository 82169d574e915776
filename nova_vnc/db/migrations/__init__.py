# SPDX-License-Identifier: Apache-2.0
"""Alembic's script directory. versions/ holds one module a revision, named by its number; schema.py runs them."""
