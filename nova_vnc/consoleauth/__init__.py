# SPDX-License-Identifier: Apache-2.0
"""nova-consoleauth: the only owner of state. It keeps tokens and the directory of VMs, and checks tokens.

tokens: pure rules. stores/, directory/: the two interfaces to what is kept, and their drivers. checker: what a token
stands for now; host_checks asks the VM's host for it. manager: the endpoints on the bus. service, factory: the process.
"""
