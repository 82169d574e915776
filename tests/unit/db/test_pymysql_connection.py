# SPDX-License-Identifier: Apache-2.0
import ssl

from nova_vnc.db.pymysql_connection import Connection


def context_of(**options):
    return Connection(defer_connect=True, **options).ctx


def test_without_options_all_share_a_context():
    assert context_of() is context_of()
    assert context_of().verify_mode is ssl.CERT_NONE


def test_with_options_each_has_its_own(tmp_path):
    verified = context_of(ssl={'verify_mode': True})
    assert verified.verify_mode is ssl.CERT_REQUIRED
    assert verified is not context_of(ssl={'verify_mode': True})
    assert verified is not context_of()
