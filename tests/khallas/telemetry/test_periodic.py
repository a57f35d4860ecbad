"""What is done again and again: an error ends nothing, and a stop lets what was begun come to its end."""

import asyncio

import pytest

from khallas.telemetry.periodic import repeated


class Act:
    """Takes as long as its gate is shut; its second time is an error."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self.ended = 0
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1
        self.begun.release()
        await self.gate.wait()
        if self.times == 2:
            raise LookupError
        self.ended += 1


async def test_an_error_ends_nothing() -> None:
    act = Act()
    act.gate.set()
    async with repeated(act, 0.001, "act"):
        for _ in range(4):
            await act.begun.acquire()
    assert act.ended >= 3


@pytest.mark.parametrize(("at_end", "times"), [(False, 1), (True, 2)])
async def test_a_stop_waits_for_what_was_begun(at_end: bool, times: int) -> None:
    act = Act()
    async with repeated(act, 60.0, "act", at_end=at_end):
        await act.begun.acquire()
        asyncio.get_running_loop().call_later(0.02, act.gate.set)
    assert (act.times, act.ended) == (times, 1)


async def test_a_stop_waits_no_longer_than_its_bound() -> None:
    act = Act()
    async with asyncio.timeout(60), repeated(act, 60.0, "act", end_max_s=0.02):
        await act.begun.acquire()
    assert (act.times, act.ended) == (1, 0)
