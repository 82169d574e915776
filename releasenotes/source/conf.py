# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration of the release notes."""

project = 'nova-vnc release notes'
copyright = 'the authors of nova-vnc'
extensions = ['reno.sphinxext']
html_theme = 'alabaster'
release = version = ''
