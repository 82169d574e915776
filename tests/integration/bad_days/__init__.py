# SPDX-License-Identifier: Apache-2.0
"""What users and operators see when something is not as it should be, on the processes that an operator runs.

doc/source/admin/bad-days.rst has a row for each of these, and names the test.
"""
