# SPDX-License-Identifier: Apache-2.0
"""The database of nova-consoleauth.

factory: options -> Database. engine: transactions, and the one place where errors of the database libraries become
ours. connections: how they are made. failures: what those errors mean. sqlite_file: the file of our own. schema: whose
tables these are, and migrations. models: the tables. tokens, instances: the queries.
"""
