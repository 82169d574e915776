# SPDX-License-Identifier: Apache-2.0
"""Any two steps of who adds, asks and deletes may have those of others between them: what holds in every order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_vnc import exception
from nova_vnc.consoleauth.stores import epochs
from nova_vnc.consoleauth.tokens import Authorization
from tests.unit.consoleauth.stores.test_contract import GIVEN, INSTANCE, NOW, another

LIVES = epochs.Lives(token_s=660, epoch_s=86400)


class Memory(dict):
    """What is kept; drops_writes: a server that has no room, which its client does not say."""

    drops_writes = False

    def do(self, step: epochs.Read | epochs.Write | epochs.Pause) -> dict[str, str | None]:
        if isinstance(step, epochs.Read):
            return {key: self.get(key) for key in step.keys}
        if isinstance(step, epochs.Write) and not self.drops_writes:
            self.update(step.texts)
        return {}

    def run(self, steps: epochs.Steps[Any]) -> Any:
        call = Call(steps)
        while not call.is_over:
            call.go_on(self)
        return call.result()

    def add(self, authorization: Authorization, now: float = NOW) -> None:
        self.run(epochs.add(authorization, now, LIVES))

    def holds(self, authorization: Authorization) -> bool:
        return self.run(epochs.get(authorization.token, NOW)) is not None


class Call:
    """One of the operations, a step at a time. began, ended: the numbers of its first and its last step."""

    def __init__(self, steps: epochs.Steps[Any]) -> None:
        self._steps = steps
        self._next = next(steps)
        self.is_over = False
        self.began: int | None = None
        self.ended: int | None = None
        self._outcome: tuple[Any, Exception | None] = (None, None)

    def go_on(self, memory: Memory, number: int = 0) -> None:
        self.began = number if self.began is None else self.began
        self.ended = number
        try:
            self._next = self._steps.send(memory.do(self._next))
        except StopIteration as end:
            self._outcome, self.is_over = (end.value, None), True
        except exception.NovaVNCError as error:
            self._outcome, self.is_over = (None, error), True

    @property
    def failed(self) -> bool:
        return self._outcome[1] is not None

    def result(self) -> Any:
        value, error = self._outcome
        if error is not None:
            raise error
        return value


class Eviction:
    """The epoch is lost, as a step of its own."""

    is_over = False

    def go_on(self, memory: Memory, number: int = 0) -> None:
        memory.pop(epochs.epoch_key(INSTANCE), None)
        self.is_over = True


def orders(start: Callable[[], tuple[Memory, Sequence[Call | Eviction]]]) -> Iterator[
        tuple[Memory, Sequence[Call | Eviction]]]:
    """Yield memory and calls after each order in which their steps can come."""
    choices: list[int] = []
    while True:
        memory, calls = start()
        taken: list[tuple[int, int]] = []       # which of how many
        while open_calls := [call for call in calls if not call.is_over]:
            choice = choices[len(taken)] if len(taken) < len(choices) else 0
            open_calls[choice].go_on(memory, len(taken))
            taken.append((choice, len(open_calls)))
        yield memory, calls
        while taken and taken[-1][0] + 1 == taken[-1][1]:
            taken.pop()
        if not taken:
            return
        choices = [choice for choice, _ in taken[:-1]] + [taken[-1][0] + 1]


def adding(authorization: Authorization) -> Call:
    return Call(epochs.add(authorization, NOW, LIVES))


def deleting() -> Call:
    return Call(epochs.delete_for_instance(INSTANCE, NOW))


def memory_with(*authorizations: Authorization) -> Memory:
    memory = Memory()
    for authorization in authorizations:
        memory.add(authorization)
    return memory


def test_deletion_misses_no_token_while_another_is_added():
    added = another()
    count = 0
    for memory, (deletion, addition) in orders(lambda: (memory_with(GIVEN), [deleting(), adding(added)])):
        count += 1
        assert not memory.holds(GIVEN)
        assert deletion.result() >= 1
        addition.result()
        if addition.ended > deletion.ended:
            assert memory.holds(added)
        if addition.ended < deletion.began:
            assert not memory.holds(added)
        memory.add(another())
        assert not memory.holds(GIVEN)
    assert count > 20


def test_no_token_comes_back_with_an_epoch_that_was_lost():
    added = another()
    count = 0
    for memory, (_, addition, _) in orders(lambda: (memory_with(GIVEN), [deleting(), adding(added), Eviction()])):
        count += 1
        assert not memory.holds(GIVEN)
        memory.add(another())
        assert not memory.holds(GIVEN)
        assert addition.is_over
    assert count > 100


def test_two_deletions():
    for memory, _ in orders(lambda: (memory_with(GIVEN), [deleting(), deleting(), Eviction()])):
        assert not memory.holds(GIVEN)


def test_first_tokens_of_a_vm_at_once():
    """Who makes an epoch looks again: a token is lost only if the other one wrote its own later than this look."""
    added, other = another(), another()
    both = 0
    for memory, calls in orders(lambda: (Memory(), [adding(added), adding(other)])):
        for call in calls:
            call.result()
        assert memory.holds(added) or memory.holds(other)
        both += memory.holds(added) and memory.holds(other)
    assert both > 100


@settings(max_examples=300)
@given(st.data())
def test_any_number_of_calls(data: st.DataObject):
    """No token authorized before a deletion's begin survives its end, whatever else goes on and gets lost."""
    tokens = [another() for _ in range(3)]
    kinds = data.draw(st.lists(st.sampled_from([*range(3), 'delete', 'evict']), min_size=2, max_size=7))
    calls = [(kind, deleting() if kind == 'delete' else Eviction() if kind == 'evict' else adding(tokens[kind]))
             for kind in kinds]
    memory = Memory()
    number = 0
    while open_calls := [call for _, call in calls if not call.is_over]:
        data.draw(st.sampled_from(open_calls)).go_on(memory, number)
        number += 1
    deletions = [call for kind, call in calls if kind == 'delete' and not call.failed]
    for index, authorization in enumerate(tokens):
        additions = [call for kind, call in calls if kind == index]
        if any(all(addition.ended < deletion.began for addition in additions) for deletion in deletions):
            assert not memory.holds(authorization)


def test_what_was_not_written_is_said():
    memory = memory_with(GIVEN)
    memory.drops_writes = True
    with pytest.raises(exception.StoreUnavailable):
        memory.run(epochs.delete_for_instance(INSTANCE, NOW))
    with pytest.raises(exception.StoreUnavailable):
        memory.add(another())
    with pytest.raises(exception.StoreUnavailable):
        Memory.add(memory, another(instance_uuid='c6a9f7a5-0a05-4a5c-8d22-8f0a1f6d2c2b'))
    assert memory.holds(GIVEN)


def test_no_token_in_clear():
    memory = memory_with(GIVEN)
    assert GIVEN.token not in repr(memory)


@pytest.mark.parametrize(('age_s', 'expires_in_s', 'survives'), [
    (LIVES.epoch_s / 3, 600, True),
    (LIVES.epoch_s * 0.6, 600 + LIVES.epoch_s, True),       # others would be lost
    (LIVES.epoch_s * 0.6, 600, False),                      # none is left
    (LIVES.epoch_s - 600, 600 + LIVES.epoch_s, False),      # a new one would outlive it
    (-3600, 600, True),                                     # the clock was set back
])
def test_no_token_outlives_its_epoch(age_s: float, expires_in_s: int, survives: bool):
    first = dataclasses.replace(GIVEN, expires=NOW + expires_in_s)
    memory = memory_with(first)
    before = memory[epochs.epoch_key(INSTANCE)]
    memory.add(another(), NOW + age_s)
    assert (memory[epochs.epoch_key(INSTANCE)] == before) is survives


def test_count_is_bounded():
    memory = Memory()
    for _ in range(epochs._MAX_COUNTED + 10):
        memory.add(another())
    assert memory.run(epochs.delete_for_instance(INSTANCE, NOW)) == epochs._MAX_COUNTED
