# SPDX-License-Identifier: Apache-2.0
import pytest

from nova_vnc import exception
from nova_vnc.rpc import compute


@pytest.mark.parametrize(('level', 'versions'), [
    (None, ('5.0', '4.0')), ('', ('5.0', '4.0')), ('auto', ('5.0', '4.0')), ('AUTO', ('5.0', '4.0')),
    ('4.0', ('4.0',)), ('4.22', ('4.0',)), ('pike', ('4.0',)), ('5.0', ('5.0',)), ('6.5', ('5.0',)),
    ('queens', ('5.0',)), ('2026.1', ('5.0',)),
])
def test_versions_to_send(level, versions):
    assert compute.versions_to_send(level) == versions


@pytest.mark.parametrize('level', ['3.40', 'fünf;', '-'])
def test_levels_that_cannot_be_sent(level):
    with pytest.raises(exception.ConfigurationError, match='upgrade_levels'):
        compute.versions_to_send(level)
