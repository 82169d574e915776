# SPDX-License-Identifier: Apache-2.0
"""etc/nova.conf.sample is what oslo-config-generator makes of our options now.

Only our own options are compared: those of the libraries differ with the installed versions.
"""

import io
import re
from pathlib import Path

from oslo_config import cfg, generator

ROOT = Path(__file__).parents[3]
NAMESPACE = 'nova_vnc.conf'


def blocks_of_ours(sample: str) -> dict[str, str]:
    """Return {group: what the sample says of our options in it}."""
    blocks = {}
    for section in re.split(r'^(?=\[\w+\]$)', sample, flags=re.MULTILINE):
        for origin in re.split(r'^(?=#\n# From )', section, flags=re.MULTILINE):
            if origin.startswith(f'#\n# From {NAMESPACE}\n'):
                blocks[section.partition('\n')[0]] = origin.strip()
    return blocks


def generate() -> str:
    conf = cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    conf(['--config-file', str(ROOT / 'etc/nova-vnc-config-generator.conf'), '--namespace', NAMESPACE])
    text = io.StringIO()
    generator.generate(conf, text)
    return text.getvalue()


def test_the_sample_is_fresh() -> None:
    committed = blocks_of_ours((ROOT / 'etc/nova.conf.sample').read_text())
    assert '[vnc]' in committed
    assert committed == blocks_of_ours(generate()), 'run: tox -e genconfig'
