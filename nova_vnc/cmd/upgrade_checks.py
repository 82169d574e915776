# SPDX-License-Identifier: Apache-2.0
"""What `nova-vnc-status upgrade check` looks at."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import oslo_messaging
from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Code, Result, UpgradeCommands

from nova_vnc import context, exception
from nova_vnc.conf import files, refusal, retired, weaknesses
from nova_vnc.consoleauth import inspection, resources
from nova_vnc.rpc import broker, census, compute, consoleauth, exclusive, transport
from nova_vnc.rpc.caller import Caller

_ANSWER_TIMEOUT_S = 5.0

Check = Callable[['UpgradeChecks'], Result]


def _safe(check: Check) -> Check:
    """A check says what is wrong with the file that it reads, rather than end the command."""
    @functools.wraps(check)
    def run(checks: UpgradeChecks) -> Result:
        try:
            with refusal.naming_options(checks.conf):
                return check(checks)
        except exception.NovaVNCError as error:
            return Result(Code.FAILURE, str(error))
        except UnicodeDecodeError as error:
            return Result(Code.FAILURE, refusal.not_text(error))
        except OSError as error:
            return Result(Code.FAILURE, str(error))
    return run


class UpgradeChecks(UpgradeCommands):
    """:ivar conf: to be set before a check runs"""

    display_title = 'Upgrade Check Results'
    conf: cfg.ConfigOpts

    @functools.cached_property
    def _bus(self) -> oslo_messaging.Transport:
        return transport.build_transport(self.conf)

    @_safe
    def _retired_options(self) -> Result:
        found = retired.find(files.paths_of(self.conf))
        return _warn(f'{path}: {option}' for path, option in found)

    @_safe
    def _weak_options(self) -> Result:
        return _warn(weaknesses.find(self.conf))

    @_safe
    def _message_broker(self) -> Result:
        looked_at = transport.broker_of(self._bus)
        if looked_at is None:
            return Result(Code.WARNING, '[DEFAULT]transport_url leads to no RabbitMQ: nothing can be said of it.')
        try:
            looked_at.look()
        except broker.ERRORS as error:
            return Result(Code.FAILURE,
                          f'RabbitMQ at {looked_at.name} ([DEFAULT]transport_url) cannot be used: {error}')
        return Result(Code.SUCCESS)

    @_safe
    def _consumers(self) -> Result:
        queues = exclusive.queues_of(self._bus)
        if queues is None:
            return Result(Code.SUCCESS)
        try:
            asked = queues.count_consumers(consoleauth.TOPIC)
            of_host = queues.count_consumers(f'{compute.TOPIC}.{self.conf.host}')
        except broker.ERRORS:
            return Result(Code.WARNING, 'RabbitMQ could not be asked who consumes the queues.')
        client = consoleauth.ConsoleAuthAPI(Caller(self._bus, max_concurrent=1), _ANSWER_TIMEOUT_S)
        counted = census.take(asked, lambda: client.list_instances(context.RequestContext(), limit=0))
        return _worst([*_say_consumers(counted), *_say_compute(self.conf.host, of_host)])

    @_safe
    def _stores(self) -> Result:
        return _worst(Result(Code.FAILURE if finding.stops_it else Code.WARNING, finding.text)
                      for finding in inspection.look_at_stores(resources.Resources(self.conf)))

    _upgrade_checks = (
        ('Options without meaning', _retired_options),
        ('Options that are set but weak', _weak_options),
        ('Message broker', _message_broker),
        ('Consumers of the queues', _consumers),
        ('Token store, instance directory and database', _stores),
    )


def _say_consumers(counted: census.Census) -> list[Result]:
    queue = f'The queue {consoleauth.TOPIC}'
    if counted.foreign and counted.ours:
        return [Result(Code.FAILURE, f"{queue} is consumed by Nova's own nova-consoleauth and by ours: each gets a "
                                     'part of the tokens and knows nothing of the others. Stop one of them.')]
    if counted.foreign:
        return [Result(Code.WARNING, f"{queue} is consumed by Nova's own nova-consoleauth. nova-novncproxy works with "
                                     'it; consoles then have no name in their title, and users are not told why a '
                                     'valid link cannot be opened.')]
    if counted.silent:
        return [Result(Code.WARNING, f'{queue} has {counted.consumers} consumers, and {counted.silent} questions were '
                                     f'not answered within {_ANSWER_TIMEOUT_S:.0f} s: one of them hangs, or is a '
                                     'nova-consoleauth of Nova before 2019.')]
    return []


def _say_compute(host: str, consumers: int) -> list[Result]:
    if consumers < 2:
        return []
    return [Result(Code.FAILURE, f'The queue {compute.TOPIC}.{host} has {consumers} consumers: nova-compute and '
                                 'nova-vnc-compute, or two of one kind, with the same [DEFAULT]host. Each gets a part '
                                 'of the requests. Stop one, or give it a host name of its own.')]


def _warn(sentences: Iterable[str]) -> Result:
    return _worst(Result(Code.WARNING, sentence) for sentence in sentences)


def _worst(results: Iterable[Result]) -> Result:
    found = list(results)
    if not found:
        return Result(Code.SUCCESS)
    return Result(max(result.code for result in found), ' '.join(result.details or '' for result in found))
