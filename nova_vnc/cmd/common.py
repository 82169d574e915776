# SPDX-License-Identifier: Apache-2.0
"""What all commands have in common: how they are configured and how they end."""

from __future__ import annotations

import importlib.metadata
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from oslo_config import cfg
from oslo_log import log as logging

from nova_vnc import conf as nova_vnc_conf
from nova_vnc import exception, service
from nova_vnc.cmd import daemon, early_log, log_format, log_options, reload, report, supervise
from nova_vnc.conf import opts, refusal, retired
from nova_vnc.rpc import transport

LOG = logging.getLogger(__name__)

# Files, search paths and the logging of Nova's commands: /etc/nova/nova.conf and so on.
PROJECT = 'nova'

ServiceBuilder = Callable[..., service.Service]     # of the options, the bus, and for a worker the listening socket


def version() -> str:
    return importlib.metadata.version('nova-vnc')


def configure(argv: Sequence[str], register_cli_opts: Sequence[Callable[[cfg.ConfigOpts], None]] = (),
              default_config_files: list[str] | None = None, use_stderr: bool = False) -> cfg.ConfigOpts:
    """Parse the command line and the files, set up logging, and return the configuration.

    It is the global object, because oslo.messaging registers some of its options only there.

    :param register_cli_opts: of modules of nova_vnc.conf that offer options on this command's line
    :param default_config_files: instead of those that oslo.config finds for Nova
    :param use_stderr: log to stderr where the files say nothing; the default of oslo.log is stdout
    :raises ConfigurationError: a file cannot be read, or what every command needs has a value it cannot have
    """
    conf: cfg.ConfigOpts = cfg.CONF
    opts.set_defaults()
    logging.register_options(conf)
    conf.set_default('use_stderr', use_stderr)
    for register in register_cli_opts:
        register(conf)
    nova_vnc_conf.register_opts(conf)
    let_go = early_log.hold()
    try:
        conf(list(argv), project=PROJECT, version=version(), default_config_files=default_config_files)
        with refusal.naming_options(conf):
            conf.concurrency_backend    # was chosen by concurrency, which leaves complaints to others  # noqa: B018
        log_options.set_up(conf, PROJECT, version())
        log_format.use_own_words()
        log_format.name_threads_where_asked_for(conf)
        log_format.follow_nova()
        let_go()
    except UnicodeDecodeError as error:
        raise exception.ConfigurationError(reason=refusal.not_text(error)) from None
    except (cfg.Error, logging.LogConfigError, OSError) as error:
        raise exception.ConfigurationError(reason=' '.join(str(error).split())) from None
    return conf


def run(argv: Sequence[str] | None, build_service: ServiceBuilder,
        register_cli_opts: Sequence[Callable[[cfg.ConfigOpts], None]] = (), can_be_daemon: bool = False,
        workers: supervise.Workers | None = None) -> NoReturn:
    """Be one service until it is told to stop; ends the process.

    :param can_be_daemon: [DEFAULT]daemon is meant for this service
    :param workers: how it is spread over several processes; build_service is then called in each of them, and given
        the listening socket if there are several
    """
    argv = sys.argv[1:] if argv is None else argv
    started = None
    membership = supervise.join(argv) if workers is not None else None
    try:
        conf = configure(argv, [retired.register_cli_opts, *register_cli_opts])
        with refusal.naming_options(conf):
            if can_be_daemon and conf.daemon and membership is None:
                _warn_if_mute(conf)
                started = daemon.detach(program())
            count = workers.count(conf) if workers is not None else 1
    except exception.ConfigurationError as error:
        service.end_process(refuse(error, membership))
    if workers is not None and membership is None and count > 1:
        actions = signal_actions(conf, argv, fixed_options=workers.fixed_options)
        service.end_process(supervise.serve(conf, workers, count, started, actions))
    failure = None
    try:
        with refusal.naming_options(conf):
            bus = transport.build_transport(conf)
            built = build_service(conf, bus) if membership is None else build_service(conf, bus, membership.listener)
    except exception.ConfigurationError as error:
        failure = error
    if failure is not None:     # not above: oslo.log adds the exception that is being handled to the line
        service.refuse(str(failure), membership)
        service.end_process(1)
    transport.connect_in_background(bus)
    # Reports are files in one directory.
    name = f'{program()}-worker-{membership.number}' if membership is not None else ''
    service.end_process(service.serve(built, started, actions=signal_actions(conf, argv, name=name),
                                      superior=membership))


def _warn_if_mute(conf: cfg.ConfigOpts) -> None:
    if not any((conf.log_file, conf.log_dir, conf.use_syslog, conf.use_journal, conf.log_config_append)):
        LOG.warning('[DEFAULT]daemon = True leaves the log without a place to go to: set log_file, use_syslog or '
                    'use_journal')


def signal_actions(conf: cfg.ConfigOpts, argv: Sequence[str], default_config_files: list[str] | None = None,
                   fixed_options: frozenset[str] | None = None, name: str = '') -> Mapping[int, Callable[[], bool]]:
    """Return what a service does on the signals that do not end it, for service.serve(); they tell whether it is done.

    :param fixed_options: of the parent of workers: see reload.Reloader
    :param name: of the process, where it is not that of the program
    """
    reloader = reload.Reloader(conf, argv, PROJECT, default_config_files, fixed_options)

    def write_report() -> bool:
        report.write(conf, name or program(), version())
        return True
    # Older releases of Nova gave the report on SIGUSR1.
    return {signal.SIGHUP: reloader.reload, signal.SIGUSR2: write_report, signal.SIGUSR1: write_report}


def program() -> str:
    return sys.argv[0].rpartition('/')[2]


def refuse(error: exception.NovaVNCError, superior: service.Superior | None = None) -> int:
    """Say why the command does not start, before there is a log, and return its exit status."""
    if superior is not None:
        superior.refuse(str(error))
    else:
        print(f'{program()}: {error}', file=sys.stderr, flush=True)
    return 1
