# SPDX-License-Identifier: Apache-2.0
"""The commands. Each reads as: choose the concurrency backend, configure, build, serve.

A command's module imports the rest of the package only after concurrency.patch(), for what was imported before that
would stay native.
"""
