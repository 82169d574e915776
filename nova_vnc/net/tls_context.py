# SPDX-License-Identifier: Apache-2.0
"""What TLS goes by: certificates, keys, versions and ciphers, read from files that are renewed while we run."""

from __future__ import annotations

import os
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Sequence

# Nova's words for [console]ssl_minimum_version. 'default' leaves it to OpenSSL and its configuration on this system.
MINIMUM_VERSIONS = {
    'default': None,
    'tlsv1_1': ssl.TLSVersion.TLSv1_1,
    'tlsv1_2': ssl.TLSVersion.TLSv1_2,
    'tlsv1_3': ssl.TLSVersion.TLSv1_3,
}

# Between two looks at the files: a renewal need not be seen sooner, and a look is two calls of the system.
_LOOK_INTERVAL_S = 1.0

_Identity = tuple[tuple[int, int, int, int] | None, ...]


class Unusable(Exception):
    """There is no context to be had; the text tells why."""


class UnusableFile(Unusable):
    """A certificate, key or list of authorities cannot be used.

    :ivar what: 'cert', 'key' or 'ca': which of the caller's files it is
    :ivar path: the file
    """

    def __init__(self, what: str, path: str, reason: str) -> None:
        super().__init__(f'{path}: {reason}')
        self.what = what
        self.path = path


class UnusableCiphers(Unusable):
    """OpenSSL knows none of the ciphers."""


def server_context(cert: str, key: str | None = None, ciphers: str | None = None,
                   minimum_version: str = 'default', client_ca: str | None = None) -> ssl.SSLContext:
    """Return what a server goes by.

    :param cert: file with its certificate, and those between it and the root
    :param key: file with its key; None: it is in cert
    :param ciphers: as OpenSSL lists them, for TLS up to 1.2; None: those of this system
    :param minimum_version: a key of MINIMUM_VERSIONS
    :param client_ca: file with the authorities whose certificates clients have to show; None: they need none
    :raises UnusableFile: 'cert', 'key' or 'ca'
    :raises UnusableCiphers: there are none of these
    """
    context = _new_context(ssl.PROTOCOL_TLS_SERVER, ciphers, minimum_version)
    _load_certificate(context, cert, key)
    if client_ca is not None:
        _load_authorities(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(ca: str | None = None, cert: str | None = None, key: str | None = None, *, check_host: bool = False,
                   ciphers: str | None = None, minimum_version: str = 'default') -> ssl.SSLContext:
    """Return what a client goes by that accepts no server without a certificate it can check.

    :param ca: file with the authorities to trust; None: those of this system
    :param cert: file with a certificate of its own; None: it has none
    :param check_host: whether the certificate has to be for the host that TlsTransport is told
    :raises UnusableFile: 'ca', 'cert' or 'key'

    All else as in server_context().
    """
    context = _new_context(ssl.PROTOCOL_TLS_CLIENT, ciphers, minimum_version)
    context.check_hostname = check_host
    if ca is None:
        context.load_default_certs()
    else:
        _load_authorities(context, ca)
    if cert is not None:
        _load_certificate(context, cert, key)
    return context


class ReloadingContext:
    """A context that is built anew when one of its files has changed. Thread-safe.

    Connections go on with the context that they began with. While a renewed file cannot be used, as in the moment
    between the certificate and its key, the last good context stays.

    :param build: returns it, or raises Unusable
    :param paths: of the files
    :param on_failure: told once of each state of the files that cannot be used, and whether there is a context still
    """

    def __init__(self, build: Callable[[], ssl.SSLContext], paths: Sequence[str],
                 on_failure: Callable[[Unusable, bool], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._build = build
        self._paths = tuple(paths)
        self._on_failure = on_failure
        self._clock = clock
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._identity: _Identity | None = None     # of the files that were read last
        self._looked_at: float | None = None

    def current(self) -> ssl.SSLContext | None:
        """Return the newest context that could be built, None where none ever could."""
        failure = None
        with self._lock:
            now = self._clock()
            if self._looked_at is None or now - self._looked_at >= _LOOK_INTERVAL_S:
                self._looked_at = now
                failure = self._renew()
            context = self._context
        if failure is not None:
            self._on_failure(failure, context is not None)
        return context

    def _renew(self) -> Unusable | None:
        # The identity is taken first: what changes while the files are read is seen as a change the next time.
        identity = tuple(_identify(path) for path in self._paths)
        if identity == self._identity:
            return None
        self._identity = identity
        try:
            self._context = self._build()
        except Unusable as error:
            return error
        return None


def _identify(path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _new_context(protocol: int, ciphers: str | None, minimum_version: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    # Compression, with which secrets can be guessed (CRIME), Python leaves off by itself. By a renegotiation a client
    # costs a server a handshake, and a server changes who it is (RFC 9325 section 3.5 keeps what cannot be left off).
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # Python has OpenSSL take an end that TLS does not tell of for one that it does.
    context.options &= ~getattr(ssl, 'OP_IGNORE_UNEXPECTED_EOF', 0)
    version = MINIMUM_VERSIONS[minimum_version]
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', DeprecationWarning)     # it is the operator's to choose
            context.minimum_version = version
    if ciphers:
        try:
            context.set_ciphers(ciphers)
        except ssl.SSLError:
            raise UnusableCiphers(f'{ciphers}: OpenSSL knows none of these ciphers') from None
    return context


def _load_certificate(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    _check_readable('cert', cert)
    if key is not None:
        _check_readable('key', key)
    try:
        # An encrypted key would have OpenSSL ask on the terminal; so it gets an answer, which is wrong.
        context.load_cert_chain(cert, key, password='')
    except ssl.SSLError as error:
        if error.reason == 'KEY_VALUES_MISMATCH':
            raise UnusableFile('key' if key else 'cert', key or cert, 'the key does not belong to the certificate '
                                                                      f'in {cert}') from None
        raise UnusableFile(*_blame(cert, key), 'no certificate and key in PEM format, or the key is encrypted'
                           if key is None else 'not in PEM format, or encrypted') from None
    except (OSError, ValueError) as error:
        raise UnusableFile('cert', cert, str(error)) from None


def _blame(cert: str, key: str | None) -> tuple[str, str]:
    """Tell which of two files is no good: load_cert_chain() does not say."""
    if key is None:
        return 'cert', cert
    try:
        with open(cert, encoding='ascii', errors='replace') as file:
            text = file.read()
        body = text[text.index('-----BEGIN CERTIFICATE'):]
        ssl.PEM_cert_to_DER_cert(body[:body.index('-----END CERTIFICATE-----') + 25].strip())
    except (OSError, ValueError):
        return 'cert', cert
    return 'key', key


def _load_authorities(context: ssl.SSLContext, ca: str) -> None:
    _check_readable('ca', ca)
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError:
        raise UnusableFile('ca', ca, 'no certificates in PEM format') from None


def _check_readable(what: str, path: str) -> None:
    try:
        with open(path, 'rb'):
            pass
    except OSError as error:
        raise UnusableFile(what, path, error.strerror or 'cannot be read') from None
