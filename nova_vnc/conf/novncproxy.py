# SPDX-License-Identifier: Apache-2.0
"""[novncproxy]: what this project's nova-novncproxy adds to Nova's options."""

from __future__ import annotations

from oslo_config import cfg, types

GROUP = cfg.OptGroup('novncproxy', title='noVNC proxy options')

OPTS: list[cfg.Opt] = [
    cfg.IntOpt(
        'workers',
        default=1,
        min=0,
        help="""
Number of processes that serve; 0 means one for each core that the service may run on.

One process keeps one core busy at most. With more than one, a parent process holds the listening socket, serves nobody
itself, starts the workers, and replaces those that end or hang. With 1 there is no parent.

Each worker has the memory, the connections to the message bus and the limit of open files of a process, and what the
options ``max_...`` below limit they limit for each worker. SIGHUP replaces the workers, so that all options take effect
but this one, ``daemon`` and those of the listening address.
"""),
    cfg.ListOpt(
        'target_networks',
        default=[],
        help="""
Networks (CIDR) in which the proxy may open connections to VNC servers; empty means any.

Set it to the management network of the compute hosts. Whatever the message bus says, the proxy then opens no connection
to anywhere else.

Related options:

* ``[vnc]server_proxyclient_address`` of every compute host must lie in one of them
"""),
    cfg.ListOpt(
        'vencrypt_subtypes',
        item_type=types.String(choices=(
            ('x509none', 'TLS; the VNC server has to show a certificate'),
            ('tlsnone', 'TLS; nobody shows a certificate'),
        )),
        default=['x509none'],
        help="""
What ``vencrypt`` in ``[vnc]auth_schemes`` means, the most wanted first.

``tlsnone`` is TLS without certificates (anonymous Diffie-Hellman, at most TLS 1.2), which Nova does not have. It keeps
what passes from those who listen, and not from one who stands in between. It is for VNC servers that have no
certificates.

Related options:

* ``[vnc]auth_schemes`` must have ``vencrypt``
* ``[vnc]vencrypt_ca_certs``, which ``x509none`` needs
"""),
    cfg.BoolOpt(
        'vencrypt_check_hostname',
        default=False,
        help="""
Whether the certificate of a VNC server (VeNCrypt) has to be for the very host that the proxy connects to: the name or
address that the host has as ``[vnc]server_proxyclient_address`` must be among the certificate's subjectAltNames.

Where it is False, as in Nova, whoever has got the certificate of one compute host can pass for every other one. Set it
to True once the certificates of all hosts have their names.

Related options:

* ``[vnc]auth_schemes`` must have ``vencrypt``
* ``[vnc]server_proxyclient_address`` of the compute hosts
"""),
    cfg.ListOpt(
        'trusted_proxies',
        default=[],
        help="""
Networks (CIDR) of the load balancers in front of the proxy; empty means that there are none.

What they say of their clients counts, and what anybody else says of himself does not: the headers ``X-Forwarded-For``
and ``X-Forwarded-Proto``, and the PROXY protocol, version 2, in front of a connection. The client's address is what log
lines show then, and what the limits ``max_..._per_address`` count; a load balancer's own address has no such limit.

Name only addresses from which every connection comes through a load balancer that sets these headers itself, or speaks
the PROXY protocol: a client's own headers would count otherwise.
"""),
    cfg.IntOpt(
        'drain_timeout',
        default=30,
        min=0,
        help="""
Seconds that open sessions go on after SIGTERM, while no new ones are accepted; 0 ends them at once.

A session that is still open then is closed with the WebSocket code 1001. A second SIGTERM ends all at once. Keep it
below the time that the service manager waits before it kills (``TimeoutStopSec``).
"""),
    cfg.IntOpt(
        'header_timeout',
        default=10,
        min=1,
        help="""
Seconds a client may take to send the header of a request, and to read the answer to it.
"""),
    cfg.IntOpt(
        'keep_alive_timeout',
        default=15,
        min=0,
        help="""
Seconds an idle HTTP connection is kept for the next request; 0 closes it after each answer.
"""),
    cfg.IntOpt(
        'token_check_timeout',
        default=8,
        min=1,
        help="""
Seconds the check of a token may take in all, the message bus being up or down. With the default a user reads within
10 seconds that the console service is unavailable.
"""),
    cfg.IntOpt(
        'connect_timeout',
        default=5,
        min=1,
        help="""
Seconds the proxy waits for the TCP connection to a VNC server.
"""),
    cfg.IntOpt(
        'target_timeout',
        default=60,
        min=1,
        max=86400,
        help="""
Seconds after which a VNC server whose host acknowledges nothing any more counts as lost, and its sessions end.

This is about hosts that vanish without a word, whether something was under way to them or not. A VNC server that stands
still, as with a storage that hangs, is acknowledged for by its host, and keeps its sessions; unless so much is waiting
for it, some 100 KiB of keys, mouse movements and clipboard, that its host has taken nothing more for this time.
"""),
    cfg.IntOpt(
        'handshake_timeout',
        default=10,
        min=1,
        help="""
Seconds the RFB handshake may take, for the VNC server and for the browser each.
"""),
    cfg.IntOpt(
        'max_pending_connections',
        default=1024,
        min=1,
        help="""
Most connections at a time that are not sessions yet: header, token check and handshake under way, pages being read.

One more takes the place of another one, which is closed: of one that has let the proxy wait for some seconds, if there
is any; of those, one from the address that holds most; of those, the one that has been inactive for longest. Open
sessions do not count.

Related options:

* ``max_pending_per_address``, ``max_pending_per_token`` and ``max_pending_per_instance``
"""),
    cfg.IntOpt(
        'max_pending_per_address',
        default=512,
        min=0,
        help="""
Most of the pending connections that one source address may have at a time, or one /64 of IPv6; 0 means as many as
``max_pending_connections``. One more takes the place of an inactive one of the same address.

Many users may share an address: an office behind NAT, and all users of a load balancer that is not named in
``trusted_proxies``.

Related options:

* ``trusted_proxies``
"""),
    cfg.IntOpt(
        'max_pending_per_token',
        default=16,
        min=0,
        help="""
Most of the pending connections that may have shown the same token; 0 means as many as ``max_pending_connections``.

One more takes the place of one whose browser keeps the RFB handshake waiting. If all of them wait for the VNC server,
the newest is told to try again in a moment (429).
"""),
    cfg.IntOpt(
        'max_pending_per_instance',
        default=64,
        min=0,
        help="""
Most of the pending connections that may have shown a token for the same VM; 0 means as many as
``max_pending_connections``. One more: see ``max_pending_per_token``; the token with most connections gives way.
"""),
    cfg.IntOpt(
        'max_pending_checks',
        default=256,
        min=1,
        help="""
Most tokens whose check waits for an answer at a time; the tokens of one host have half of it. One more is told that the
console service is unavailable. Equal tokens count once.
"""),
    cfg.IntOpt(
        'max_sessions',
        default=0,
        min=0,
        help="""
Most sessions at a time in each process of the proxy; 0 means as many as the limit of open files is good for
(``LimitNOFILE``), which is the ceiling in any case. A line at start tells how many those are.

A session takes two open files, a recorded one three; some are kept for what is no session. One more is refused with
503, and the sessions that are open go on. Set it where memory or the network gives out before the open files do.
"""),
    cfg.IntOpt(
        'max_sessions_per_address',
        default=0,
        min=0,
        help="""
Most sessions at a time that one source address may have in each process of the proxy, or one /64 of IPv6; 0 is no
limit. One more is refused with 429.

Many users may share an address: an office behind NAT, and all users of a load balancer that is not named in
``trusted_proxies``. Set it where single users of a public proxy open more sessions than the others can bear.

Related options:

* ``trusted_proxies``
"""),
    cfg.IntOpt(
        'max_sessions_per_instance',
        default=100,
        min=0,
        help="""
Most sessions at a time for the same VM in each process of the proxy; 0 is no limit.

One more that comes with the link of an open one takes the place of the oldest of these, which is closed: so a page that
is loaded again is not kept out by the session that it has left. With another link it waits for two seconds for one to
end, and is then refused with 429. A browser that has vanished is noticed after two to three ``ping_interval``.

Related options:

* ``ping_interval``
"""),
    cfg.IntOpt(
        'max_failed_tokens_per_address',
        default=50,
        min=0,
        help="""
Most tokens a second that turn out not to be valid and come from one source address, or one /64 of IPv6, in each process
of the proxy; 0 is no limit. Ten times as many may come at once. One more is refused with 429, and
``nova-consoleauth`` is not asked.

Valid tokens do not count, and one that was valid within the last 10 minutes is let through in any case. A new one of
somebody who shares the address with a guesser is refused as long as all that may be tried is taken by the guesses; it
works at the latest some moments after they have ended.

Related options:

* ``trusted_proxies``
"""),
    cfg.IntOpt(
        'ping_interval',
        default=30,
        min=0,
        help="""
Seconds between two WebSocket pings to each browser; 0 sends none.

Pings find browsers that are gone and keep load balancers from closing idle sessions. A browser that answers nothing for
two intervals is gone.
"""),
    cfg.BoolOpt(
        'own_console_page',
        default=True,
        help="""
Answer ``/vnc_auto.html`` with the proxy's own page, which connects at once, shows why a console cannot be opened, and
titles the page with the VM's name. Where it is False, the file of that name in ``[DEFAULT]web`` is served.
"""),
    cfg.StrOpt(
        'console_page_logo',
        default='',
        help="""
Path of a picture that the proxy's own console page shows at the beginning of its bar; empty means none.

SVG or PNG, at most 256 KiB. It is shown 24 pixels high, on the light or dark ground that the browser asks for. The file
is read at the start; the service does not start with one that it cannot use.

Related options:

* ``own_console_page`` must be True
* ``console_page_home_url``, where a click on it leads
"""),
    cfg.StrOpt(
        'console_page_home_url',
        default='',
        help="""
Address (http or https), such as that of the dashboard, to which the proxy's own console page links at the beginning of
its bar; empty means no link.

The link is the logo where there is one, and a word else. In a frame of a dashboard it is not shown.

Related options:

* ``own_console_page`` must be True
* ``console_page_logo``
"""),
    cfg.StrOpt(
        'console_page_banner',
        default='',
        help="""
Text that the proxy's own console page shows below its bar, such as a notice of who may use the system; empty means
none.

At most 500 characters; it is text and not HTML. Everybody can read it who can reach the proxy, without a token too.

Related options:

* ``own_console_page`` must be True
"""),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP.name, OPTS)]
