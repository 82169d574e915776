# SPDX-License-Identifier: Apache-2.0
"""The message bus, and one module for each service's contract, which both of its ends import.

transport: the bus itself. serializer: the context on it. errors: failures on it. caller, background: calls with a
deadline. shared_calls, silent_hosts: calls that are not made. consoleauth, compute: the contracts - topic, versions,
method and argument names - and the client classes. server: the other end. reply_exchange: what servers of old releases
reply through. broker, broker_log, exclusive: the RabbitMQ behind it, and what the log says of it.
"""
