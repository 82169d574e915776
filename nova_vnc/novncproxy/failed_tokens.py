# SPDX-License-Identifier: Apache-2.0
"""How many tokens that turn out not to be valid may come from one address, so that nobody guesses at full speed.

A leaky bucket (ITU-T I.371, the continuous-state version) for each address. What is being checked counts as if it had
failed, or else many at once would be beyond the limit before the first answer; a token that is valid, or whose check
failed for another reason, is given back. So a crowd with valid links fills nothing.

While the bucket is full a link that was valid lately passes all the same. A new one has to be lucky: each token that
the address may try in a second goes to whoever comes first.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Hashable, Iterator

from nova_vnc.novncproxy.refusal import Refusal, Refused
from nova_vnc.rpc.expiring import ExpiringSet

# What may come at once, in seconds of the rate: all the old tabs of an office in the morning.
_BURST_S = 10.0

# Addresses that are known at a time, some 300 bytes each. One that is silent for _BURST_S has nothing left to be known.
_MAX_SOURCES = 16_384

# Tokens live for [consoleauth]token_ttl, 10 minutes.
_REMEMBER_VALID_S = 600.0


@dataclasses.dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class FailedTokens:
    """Thread-safe.

    :param per_second: failed tokens that an address may send for any length of time; 0 is no limit
    :param on_full: told the name of the limit that was reached, and who reached it
    """

    LIMIT = 'max_failed_tokens_per_address'

    def __init__(self, per_second: int, on_full: Callable[[str, str], None],
                 clock: Callable[[], float] = time.monotonic, max_sources: int = _MAX_SOURCES) -> None:
        self._per_second = per_second
        self._most = per_second * _BURST_S
        self._on_full = on_full
        self._clock = clock
        self._max_sources = max_sources
        self._lock = threading.Lock()
        self._buckets: collections.OrderedDict[str, _Bucket] = collections.OrderedDict()   # the latest used last
        self._valid = ExpiringSet(_REMEMBER_VALID_S, clock)

    def __len__(self) -> int:
        return len(self._buckets)

    @contextlib.contextmanager
    def counted(self, source: str, token: Hashable) -> Iterator[None]:
        """Run the check of a token, which raises Refused(TOKEN) where that is not valid.

        :param source: see pending.source_of()
        :param token: what stands for the token
        :raises Refused: GUESSED, without a check, where too many have failed
        """
        if not self._per_second:
            yield
            return
        is_known = token in self._valid
        if not is_known and not self._pour(source):
            self._on_full(self.LIMIT, source)
            raise Refused(Refusal.GUESSED, f'[novncproxy]{self.LIMIT} is reached')
        has_failed = False
        try:
            yield
            self._valid.add(token)
        except Refused as refused:
            has_failed = refused.refusal is Refusal.TOKEN
            raise
        finally:
            if has_failed:
                self._valid.discard(token)
            elif not is_known:
                self._take_back(source)

    def _pour(self, source: str) -> bool:
        with self._lock:
            bucket = self._bucket_of(source)
            if bucket.level + 1 > self._most:
                return False
            bucket.level += 1
            return True

    def _take_back(self, source: str) -> None:
        with self._lock:
            bucket = self._bucket_of(source)
            bucket.level = max(0.0, bucket.level - 1)
            if not bucket.level:
                del self._buckets[source]

    def _bucket_of(self, source: str) -> _Bucket:
        """Return the bucket as it is by now."""
        now = self._clock()
        self._forget_old(now)
        bucket = self._buckets.setdefault(source, _Bucket(0.0, now))
        self._buckets.move_to_end(source)
        bucket.level = max(0.0, bucket.level - max(0.0, now - bucket.at) * self._per_second)
        bucket.at = now
        if len(self._buckets) > self._max_sources:
            self._buckets.popitem(last=False)
        return bucket

    def _forget_old(self, now: float) -> None:
        while self._buckets:
            source, bucket = next(iter(self._buckets.items()))
            if now - bucket.at < _BURST_S:
                return
            del self._buckets[source]
