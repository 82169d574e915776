# SPDX-License-Identifier: Apache-2.0
"""Which VMs there are, whose they are, and on which host.

base has the interface, reported the driver that lives on the reports of nova-vnc-compute, claims and name_filter its
pure rules.
"""
