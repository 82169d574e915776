# SPDX-License-Identifier: Apache-2.0
"""The compute driver for libvirt.

domain: what a domain's XML says, pure. connection: the only module that knows libvirt; everything in it blocks.
native_calls and wakeup: the way from (green) threads to blocking calls, and back. driver: the compute driver.
"""
