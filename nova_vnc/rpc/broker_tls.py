# SPDX-License-Identifier: Apache-2.0
"""TLS to the message broker, by oslo.messaging's options, and what its failures mean to who set them."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from nova_vnc import exception
from nova_vnc.net import pem

_GROUP = '[oslo_messaging_rabbit]'
_FILES = ('ssl_ca_file', 'ssl_cert_file', 'ssl_key_file')

# What [oslo_messaging_rabbit]ssl_version may say, in any case (impl_rabbit); not every OpenSSL has all of them.
_VERSIONS = {'tlsv1': 'PROTOCOL_TLSv1', 'sslv23': 'PROTOCOL_TLS', 'sslv2': 'PROTOCOL_SSLv2', 'sslv3': 'PROTOCOL_SSLv3',
             'tlsv1_1': 'PROTOCOL_TLSv1_1', 'tlsv1_2': 'PROTOCOL_TLSv1_2'}

# What a server says that wants a certificate of ours, or another one: alerts 40 to 49 and 116 of RFC 8446 section 6,
# under OpenSSL's names for their reasons.
_REFUSES_OUR_CERTIFICATE = (
    'TLSV13_ALERT_CERTIFICATE_REQUIRED', 'SSLV3_ALERT_HANDSHAKE_FAILURE', 'SSLV3_ALERT_BAD_CERTIFICATE',
    'SSLV3_ALERT_UNSUPPORTED_CERTIFICATE', 'SSLV3_ALERT_CERTIFICATE_REVOKED', 'SSLV3_ALERT_CERTIFICATE_EXPIRED',
    'SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'TLSV1_ALERT_UNKNOWN_CA', 'TLSV1_ALERT_ACCESS_DENIED')
_NO_TLS_THERE = ('WRONG_VERSION_NUMBER', 'RECORD_LAYER_FAILURE')
_NO_VERSION_IN_COMMON = ('TLSV1_ALERT_PROTOCOL_VERSION', 'UNSUPPORTED_PROTOCOL', 'NO_PROTOCOLS_AVAILABLE')


_PROBE_TIMEOUT_S = 3.0


class TLSFailure(OSError):
    """TLS to the broker failed, or may be what is missing; the message names the option."""


class BrokerTLS:
    """
    :param options: the group [oslo_messaging_rabbit], with what the URL overrides
    :raises ConfigurationError: ssl_version names none
    """

    def __init__(self, options: Any) -> None:
        self.is_on = bool(options.ssl)
        self._files = {name: getattr(options, name) for name in _FILES if getattr(options, name)}
        self._version = _version_of(options.ssl_version) if self.is_on and options.ssl_version else None

    def arguments(self) -> dict[str, Any] | bool:
        """Return kombu's `ssl`, new for each connection: kombu writes the name of the host into it."""
        if not self.is_on:
            return False
        found = {argument: self._files[option] for argument, option in (
            ('keyfile', 'ssl_key_file'), ('certfile', 'ssl_cert_file'), ('ca_certs', 'ssl_ca_file'))
            if option in self._files}
        if self._version is not None:
            found['ssl_version'] = self._version
        if 'ca_certs' in found:
            # kombu puts in the name of the host that it connects to, and so has it verified.
            found |= {'cert_reqs': ssl.CERT_REQUIRED, 'server_hostname': None}
        return found or True

    @contextlib.contextmanager
    def explained(self, host: str, port: int) -> Iterator[None]:
        """Surround one connection: a failure that has to do with TLS becomes a TLSFailure."""
        if self.is_on:
            self._check_files()
        try:
            yield
        except ssl.SSLError as error:
            raise TLSFailure(self._meaning_of(error, host)) from None
        except OSError as error:
            # py-amqp raises one without a number when the other side ends the connection.
            if not (error.errno is None or isinstance(error, (ConnectionResetError, BrokenPipeError))) \
                    or isinstance(error, (TimeoutError, ConnectionRefusedError)):
                raise
            words = error.strerror or str(error)
            if not self.is_on:
                # Mostly it is just being stopped.
                if _speaks_tls(host, port):
                    raise TLSFailure(f'{words}; its port speaks TLS, set {_GROUP}ssl = True') from None
                raise
            raise TLSFailure(self._meaning_of_end(words)) from None

    def _check_files(self) -> None:
        """Name the file that cannot be used; ssl names none."""
        for option, path in self._files.items():
            if flaw := pem.flaw_of(path):
                raise TLSFailure(f'{_GROUP}{option} = {path}: {flaw}')
        if 'ssl_key_file' in self._files and 'ssl_cert_file' not in self._files:
            raise TLSFailure(f'{_GROUP}ssl_key_file needs ssl_cert_file')

    def _meaning_of(self, error: ssl.SSLError, host: str) -> str:
        reason = error.reason or ''
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._meaning_of_distrust(error, host)
        if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return self._meaning_of_end('it ended the connection')
        if reason in _REFUSES_OUR_CERTIFICATE:
            own = self._files.get('ssl_cert_file')
            return f'it does not take {_GROUP}ssl_cert_file = {own} ({reason})' if own else \
                f'it demands a certificate, set {_GROUP}ssl_cert_file and ssl_key_file ({reason})'
        if reason in _NO_TLS_THERE:
            return f'its port speaks no TLS, which {_GROUP}ssl = True asks for; it mostly does at 5671 ({reason})'
        if reason in _NO_VERSION_IN_COMMON:
            return f'no version of TLS in common, see {_GROUP}ssl_version ({reason})'
        if reason == 'KEY_VALUES_MISMATCH':
            return f'{_GROUP}ssl_key_file = {self._files.get("ssl_key_file")} is not the key of ssl_cert_file'
        return f'TLS: {reason or error}'

    def _meaning_of_distrust(self, error: ssl.SSLCertVerificationError, host: str) -> str:
        if error.verify_code in pem.FOR_ANOTHER_HOST:
            return f'its certificate is for another host than {host}, which the URL names'
        path = self._files.get('ssl_ca_file')
        return f'its certificate does not hold by {_GROUP}ssl_ca_file = {path}: {error.verify_message}' if path else \
            f'its certificate does not hold by the CAs of this machine, set {_GROUP}ssl_ca_file: {error.verify_message}'

    def _meaning_of_end(self, words: str) -> str:
        """A RabbitMQ that is not shown the certificate that it demands may just hang up."""
        own = self._files.get('ssl_cert_file')
        return f'{words}; it may not take {_GROUP}ssl_cert_file = {own}' if own else \
            f'{words}; if it demands a certificate, set {_GROUP}ssl_cert_file and ssl_key_file'


def _speaks_tls(host: str, port: int) -> bool:
    """Ask, as the end of a connection in the clear alone tells nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE     # nothing is told to it
    try:
        with socket.create_connection((host, port), _PROBE_TIMEOUT_S) as sock, context.wrap_socket(sock):
            return True
    except ssl.SSLError as error:
        return error.reason in (*_REFUSES_OUR_CERTIFICATE, *_NO_VERSION_IN_COMMON)
    except OSError:
        return False


def _version_of(text: str) -> Any:
    version = getattr(ssl, _VERSIONS.get(text.lower(), ''), None)
    if version is None:
        raise exception.ConfigurationError(
            reason=f'{_GROUP}ssl_version = {text}: not one of SSLv23 (the best version in common), TLSv1_2, TLSv1_1, '
                   'TLSv1')
    return version
