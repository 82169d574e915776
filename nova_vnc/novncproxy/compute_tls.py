# SPDX-License-Identifier: Apache-2.0
"""TLS to VNC servers, for VeNCrypt: whose certificates are taken, which one is shown, and what can go wrong.

What goes wrong becomes a sentence for the operator, which names the option.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.net.stream import Handshake
from nova_vnc.net.tls import CertificateRejected, TlsError, TruncatedStream, wrap
from nova_vnc.net.tls_context import ReloadingContext, Unusable, UnusableFile, client_context
from nova_vnc.net.transport import Transport
from nova_vnc.rfb.security import VeNCryptSubtype

LOG = logging.getLogger(__name__)

# In anonymous Diffie-Hellman no certificate is shown. OpenSSL has it at level 0 alone, and TLS 1.3 not at all.
_ANONYMOUS_CIPHERS = 'aNULL:!eNULL:@SECLEVEL=0'

# What TlsError says of a failure that OpenSSL has a word for, and of alerts by which a server says what it thinks of
# our certificate, or of the lack of one.
_FAILED = 'TLS failed: '
_ALERT = ' alert '
_ABOUT_CERTIFICATES = ('certificate', 'unknown ca', 'access denied')

CA_CERTS = '[vnc]vencrypt_ca_certs'
CLIENT_CERT = '[vnc]vencrypt_client_cert'
CLIENT_KEY = '[vnc]vencrypt_client_key'
CHECK_HOSTNAME = '[novncproxy]vencrypt_check_hostname'
_OPTIONS = {'ca': CA_CERTS, 'cert': CLIENT_CERT, 'key': CLIENT_KEY}


@dataclasses.dataclass(frozen=True)
class Files:
    """Paths of PEM files.

    :ivar ca_certs: of the authorities whose certificates are taken
    :ivar client_cert: what is shown to servers that ask; None: nothing
    :ivar client_key: of that certificate
    """

    ca_certs: str
    client_cert: str | None = None
    client_key: str | None = None

    def paths(self) -> list[str]:
        return [path for path in (self.ca_certs, self.client_cert, self.client_key) if path]


class ComputeTLS:
    """What TLS to VNC servers is to be like.

    The files are read again when they have changed, so that a renewed certificate needs no restart; what cannot be used
    is logged then, and what was read before stays in use.

    :param files: None: certificates are not needed, as TLSNone is the only subtype
    :param check_hostname: whether a certificate has to be for the very host that is connected to
    :raises ConfigurationError: a file cannot be used
    """

    def __init__(self, files: Files | None, check_hostname: bool = False) -> None:
        self._files = files
        self._check_hostname = check_hostname
        self._anonymous = _build_anonymous_context()
        self._with_certificates: ReloadingContext | None = None
        if files is not None:
            try:
                _build_context(files, check_hostname)
            except Unusable as error:
                raise exception.ConfigurationError(reason=f'{_named_failure(error)}.') from None
            self._with_certificates = ReloadingContext(lambda: _build_context(files, check_hostname), files.paths(),
                                                       _log_failure)
            self._with_certificates.current()

    def wrapper(self, subtype: int | None, host: str) -> Callable[[Transport], tuple[Transport, Handshake]]:
        """Return what TransportStream.upgrade() takes.

        :param subtype: X509_NONE or TLS_NONE
        :param host: as it was asked for
        """
        if subtype == VeNCryptSubtype.TLS_NONE:
            return wrap(self._anonymous)
        context = None if self._with_certificates is None else self._with_certificates.current()
        if context is None:
            raise ValueError('X509None needs certificates')
        return wrap(context, server_hostname=host if self._check_hostname else None)

    def describe(self, error: Exception) -> str:
        """Say what went wrong with TLS, for the operator. Nothing in it is the peer's text.

        :param error: of the connection, while TLS was being started or right after that
        """
        text = str(error)
        if isinstance(error, CertificateRejected):
            # "Hostname mismatch", "IP address mismatch".
            if self._check_hostname and ' mismatch' in error.reason:
                return f'its certificate is for another host ({CHECK_HOSTNAME} = True): {error.reason}'
            return f'its certificate is not accepted: {error.reason} ({self._named(CA_CERTS)})'
        if isinstance(error, TlsError) and not isinstance(error, TruncatedStream) and text.startswith(_FAILED):
            if _ALERT in text and any(word in text for word in _ABOUT_CERTIFICATES):
                return f'it does not accept the certificate of the proxy: {text} ({self._named(CLIENT_CERT)})'
            return text
        return (f'it closed when TLS was to start: {text}. So does one that does not accept the certificate of the '
                f'proxy: {self._named(CLIENT_CERT)}')

    def _named(self, option: str) -> str:
        paths = {} if self._files is None else {CA_CERTS: self._files.ca_certs, CLIENT_CERT: self._files.client_cert}
        path = paths.get(option)
        return f'{option} = {path}' if path else f'{option} is not set'


def _named_failure(error: Unusable) -> str:
    return f'{_OPTIONS[error.what]} = {error}' if isinstance(error, UnusableFile) else str(error)


def _log_failure(error: Unusable, has_context: bool) -> None:
    LOG.error('%s. %s', _named_failure(error), 'What was read before stays in use.' if has_context
              else 'No VNC server can be reached with VeNCrypt.')


def _build_context(files: Files, check_hostname: bool) -> ssl.SSLContext:
    return client_context(files.ca_certs, files.client_cert, files.client_key, check_host=check_hostname)


def _build_anonymous_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_ANONYMOUS_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context
