# SPDX-License-Identifier: Apache-2.0
"""How tokens are kept where nothing can be compared and set, nor listed: the protocol alone, without its I/O.

Each VM has an epoch, a random word under a key of its own, and a token is valid while the epoch that it was written
with is still there. To delete a VM's tokens is to replace its epoch, so none is missed, whatever is being added
meanwhile. An epoch is written once and never again: neither one that was lost (evicted, or with its server) nor one
that was replaced comes back, so tokens die with their epoch and are never revived. Whoever adds a token looks again
when it is written, and writes it anew if the epoch was replaced in between.

The one thing that is left to chance: two processes that make the first epoch of a VM at once do not see each other.
So who made one waits a moment (Pause) and looks again; then both use the later one. A process that takes longer than
this moment between its look and its write costs the other one's token, never a deletion.

Steps are generators: they yield Read, Write and Pause, and are sent what was read. Any two steps may have those of
others between them. tests/unit/consoleauth/stores/test_epochs.py goes through the orders.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from nova_vnc import exception
from nova_vnc.consoleauth import tokens
from nova_vnc.consoleauth.stores import access_urls

T = TypeVar('T')

# A token is written anew when its VM's epoch was replaced in this very moment; nobody does that so often.
_MAX_TRIES = 8
# What counts the tokens of a VM is no longer than this; it is for the count alone.
_MAX_COUNTED = 500
# When and by whom a token was asked for is not what it stands for.
_NOT_DATA = frozenset({'expires', 'created_at', 'request_id'})


@dataclasses.dataclass(frozen=True)
class Read:
    """Sent back: the text of each key, None where there is none."""

    keys: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Write:
    """:ivar lasting: to be kept for the life of an epoch, not for that of a token"""

    texts: Mapping[str, str]
    lasting: bool = False


@dataclasses.dataclass(frozen=True)
class Pause:
    """For as long as another one may need between a look at a key and its write."""


Steps = Generator[Read | Write | Pause, dict[str, str | None], T]


@dataclasses.dataclass(frozen=True)
class Lives:
    """Seconds: how long the backend keeps each kind of entry."""

    token_s: int
    epoch_s: int


def token_key(token: str) -> str:
    return f'token {tokens.hash_token(token)}'


def epoch_key(instance_uuid: str) -> str:
    return f'epoch {instance_uuid}'


def count_key(instance_uuid: str) -> str:
    return f'count {instance_uuid}'


def add(authorization: tokens.Authorization, now: float, lives: Lives) -> Steps[None]:
    """As TokenStore.add.

    :param now: unix seconds, by the clock of this machine
    """
    token, instance_uuid = token_key(authorization.token), authorization.instance_uuid
    epoch, count = epoch_key(instance_uuid), count_key(instance_uuid)
    for _ in range(_MAX_TRIES):
        found = yield Read((token, epoch, count))
        wanted = yield from _settle_with_known(authorization, found[token])
        if wanted is None:
            return
        counted = _read_count(found[count], found[epoch])
        is_new = _is_to_be_replaced(found[epoch], any(expires > now for expires in counted.values()), now, lives)
        current = _new_epoch(now) if is_new else str(found[epoch])
        if is_new:
            yield Write({epoch: current}, lasting=True)
        text = _write_token(wanted, current)
        counted = {} if is_new else counted
        yield Write({token: text, count: _write_count(counted, tokens.hash_token(wanted.token), wanted.expires, current,
                                                      now)})
        if is_new:
            yield Pause()
        found = yield Read((token, epoch))
        if found[token] == text and found[epoch] == current:
            return
        if found[token] is None and found[epoch] in (None, current):
            raise exception.StoreUnavailable(reason='what was written is not there')
    raise exception.StoreUnavailable(reason='what was written is replaced or lost every time')


def get(token: str, now: float) -> Steps[tokens.Authorization | None]:
    """As TokenStore.get."""
    found = yield Read((token_key(token),))
    text = found[token_key(token)]
    if text is None:
        return None
    authorization, epoch = _read_token(text, token)
    if not tokens.is_valid(authorization, now):
        return None
    key = epoch_key(authorization.instance_uuid)
    found = yield Read((key,))
    return authorization if found[key] == epoch else None


def delete_for_instance(instance_uuid: str, now: float) -> Steps[int]:
    """As TokenStore.delete_for_instance. The count misses tokens that were added at the same time."""
    epoch, count = epoch_key(instance_uuid), count_key(instance_uuid)
    found = yield Read((epoch, count))
    before = found[epoch]
    if before is None:      # no token of this VM is valid, and none will be that was written up to now
        return 0
    yield Write({epoch: _new_epoch(now)}, lasting=True)
    after = yield Read((epoch,))
    if after[epoch] == before:
        raise exception.StoreUnavailable(reason='what was written is not there')
    return len(_read_count(found[count], before))


def _settle_with_known(wanted: tokens.Authorization, text: str | None) -> Steps[tokens.Authorization | None]:
    """Return what is to be written beside what there is already; None for nothing."""
    if text is None:
        return wanted
    known, known_epoch = _read_token(text, wanted.token)
    key = epoch_key(known.instance_uuid)
    found = yield Read((key,))
    if found[key] != known_epoch:
        return wanted
    if _data_of(known) != _data_of(wanted):
        raise exception.TokenInUse()
    return wanted if wanted.expires > known.expires else None


def _data_of(authorization: tokens.Authorization) -> dict[str, Any]:
    return {name: value for name, value in vars(authorization).items() if name not in _NOT_DATA}


# -- what is written

def _new_epoch(now: float) -> str:
    return f'{uuid.uuid4().hex} {int(now)}'


def _is_to_be_replaced(epoch: str | None, has_tokens: bool, now: float, lives: Lives) -> bool:
    """Tell whether a token needs a new epoch: it must not outlive its own, which the backend drops by and by.

    So an epoch is replaced at half of its life if no token is known that would die of it, and else when it must be. One
    from the future, seen after the clock was set back, may be as old as can be.
    """
    if epoch is None:
        return True
    age = now - int(epoch.split()[1])
    if age < 0 or age > lives.epoch_s / 2:
        return not has_tokens or age > lives.epoch_s - lives.token_s
    return False


def _write_token(authorization: tokens.Authorization, epoch: str) -> str:
    data = dict(vars(authorization))
    token, access_url = data.pop('token'), data.pop('access_url')
    marked_url = None if access_url is None else access_urls.take_token_out(access_url, token)
    return json.dumps({**data, 'marked_url': marked_url, 'epoch': epoch})


def _read_token(text: str, token: str) -> tuple[tokens.Authorization, str]:
    data = json.loads(text)
    epoch, marked_url = data.pop('epoch'), data.pop('marked_url')
    access_url = None if marked_url is None else access_urls.put_token_in(marked_url, token)
    return tokens.Authorization(**data, token=token, access_url=access_url), epoch


def _read_count(text: str | None, epoch: str | None) -> dict[str, int]:
    """Return when each token of an epoch expires (unix seconds), by its hash."""
    if text is None:
        return {}
    data = json.loads(text)
    return dict(data['expires']) if data['epoch'] == epoch else {}


def _write_count(counted: Mapping[str, int], token_hash: str, expires: int, epoch: str, now: float) -> str:
    still_valid = {name: until for name, until in counted.items() if until > now}
    latest = [*still_valid.items(), (token_hash, expires)][-_MAX_COUNTED:]
    return json.dumps({'epoch': epoch, 'expires': dict(latest)})
