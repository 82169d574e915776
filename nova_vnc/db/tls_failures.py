# SPDX-License-Identifier: Apache-2.0
"""What a failure of TLS to a database means to who wrote its URL, where TLS is asked for."""

from __future__ import annotations

import ssl
from typing import cast

import sqlalchemy as sa

from nova_vnc.db import failures
from nova_vnc.net import pem

# CR_SSL_CONNECTION_ERROR of MariaDB and MySQL.
_MYSQL_NO_TLS = 2026

_FILES = ('ssl_ca', 'ssl_cert', 'ssl_key')

# libpq gives nothing but words, in the language of the service (fe-secure-openssl.c, fe-connect.c; auth.c of the
# server). Where they are others, they are shown without the name of the argument.
_POSTGRESQL = (('certificate verify failed', 'sslrootcert'), ('does not match host name', 'sslmode'),
               ('root certificate file', 'sslrootcert'), ('no encryption', 'sslmode'), ('SSL was required', 'sslmode'),
               ('private key file', 'sslkey'), ('certificate file', 'sslcert'),
               ('requires a valid client certificate', 'sslcert'))


def meaning_of(error: BaseException, url: str, option: str) -> str | None:
    """Return one line that names what to look at, or None if the error has nothing to do with TLS.

    :param option: where the URL stands
    """
    parsed = sa.make_url(url)
    original = failures.original_of(error)
    if parsed.get_backend_name() == 'postgresql':
        return _of_postgresql(failures.reason_of(error), parsed, option)
    if parsed.get_backend_name() == 'mysql':
        # PyMySQL keeps there what it met when it connected.
        return _of_mysql(getattr(original, 'original_exception', None) or original, parsed, option)
    return None


def _of_postgresql(text: str, url: sa.URL, option: str) -> str | None:
    for words, argument in _POSTGRESQL:
        if words in text:
            return f'{text} (see {_shown(url, argument)} in {option})'
    return None


def _of_mysql(error: BaseException, url: sa.URL, option: str) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in pem.FOR_ANOTHER_HOST:
            return f'its certificate is for another host than {url.host}, which {option} names'
        return f'its certificate does not hold by {_shown(url, "ssl_ca")} in {option}: {error.verify_message}'
    if error.args and error.args[0] == _MYSQL_NO_TLS:
        return f'{error.args[-1]} (see {_shown(url, "ssl_ca")} in {option})'
    if isinstance(error, (FileNotFoundError, PermissionError, ssl.SSLError)):
        return _of_file(url, option) or (f'TLS: {error.reason or error}' if isinstance(error, ssl.SSLError) else None)
    return None


def _of_file(url: sa.URL, option: str) -> str | None:
    """Return what is wrong with a file that the URL names; ssl names none."""
    for argument in _FILES:
        path = cast('str', url.query.get(argument, ''))
        if path and (flaw := pem.flaw_of(path)):
            return f'{argument}={path} in {option}: {flaw}'
    return None


def _shown(url: sa.URL, argument: str) -> str:
    return f'{argument}={url.query[argument]}' if argument in url.query else argument
