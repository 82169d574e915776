# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration."""

import importlib.metadata

project = 'nova-vnc'
copyright = 'the authors of nova-vnc'
release = version = importlib.metadata.version('nova-vnc')

extensions = ['oslo_config.sphinxext']
html_theme = 'alabaster'
html_theme_options = {
    'description': 'The console plane of an OpenStack cloud',
    'page_width': '1280px',
    'body_max_width': 'auto',
    'fixed_sidebar': True,
}
html_static_path = ['_static']
html_css_files = ['wide-tables.css']
