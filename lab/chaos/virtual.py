"""An event loop whose time is virtual: what waits an hour is over at once, and one seed gives one order of things.

Rule of this file: nothing that runs on it may do real I/O.
"""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

STEP_S = 1e-6  # past a timer's own time, so that rounding never leaves it waiting


class Deadlock(Exception):
    """Everything waits and nothing ever will happen: the simulated program's fault."""


class _NoWaiting(selectors.BaseSelector):
    """Knows its loop's one real file (its own wake-up pipe), and jumps over every wait."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj, events, data)  # asyncio hands over numbers
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[fileobj]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self.now += timeout + STEP_S
        return []

    def close(self) -> None:
        self._keys.clear()


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` begins at 0 and moves only when everybody waits."""

    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now
