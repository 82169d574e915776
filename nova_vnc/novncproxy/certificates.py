# SPDX-License-Identifier: Apache-2.0
"""The proxy's certificate, as the options name it, and what the log says of it."""

from __future__ import annotations

import dataclasses
import os
import ssl

from oslo_log import log as logging

from nova_vnc import exception
from nova_vnc.net import tls_context
from nova_vnc.net.tls_context import ReloadingContext, Unusable, UnusableCiphers, UnusableFile

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """[DEFAULT]cert and key, [console]ssl_ciphers and ssl_minimum_version."""

    cert: str
    key: str | None = None
    ciphers: str | None = None
    minimum_version: str = 'default'

    def check(self) -> None:
        """:raises ConfigurationError: TLS cannot be had with it"""
        try:
            self._load()
        except Unusable as error:
            raise exception.ConfigurationError(
                reason=f'{_describe(error)}; and with [DEFAULT]ssl_only = True there is nothing but TLS') from None

    def open(self) -> ReloadingContext:
        """Return what connections go by, which follows the files."""
        contexts = ReloadingContext(self._build, [self.cert, *filter(None, [self.key])], self._report)
        contexts.current()  # what is wrong with the files is said now
        return contexts

    def _load(self) -> ssl.SSLContext:
        return tls_context.server_context(self.cert, self.key or None, self.ciphers, self.minimum_version)

    def _build(self) -> ssl.SSLContext:
        context = self._load()
        LOG.info('TLS with the certificate in [DEFAULT]cert = %s', self.cert)
        return context

    def _report(self, error: Unusable, is_in_use: bool) -> None:
        if is_in_use:
            LOG.error('%s. New connections still get the certificate that was there before.', _describe(error))
        elif os.path.exists(self.cert):     # where it does not, nobody has asked for TLS
            LOG.error('%s. Until that is mended, connections with TLS are turned away.', _describe(error))


def _describe(error: Unusable) -> str:
    if isinstance(error, UnusableFile):
        return f'[DEFAULT]{error.what} = {error}'
    if isinstance(error, UnusableCiphers):
        return f'[console]ssl_ciphers = {error}'
    return str(error)
