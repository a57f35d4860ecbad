"""How many of our files one request enters, told in docs/ARCHITECTURE.md: counted in a server that has warmed up."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lab.caller import SmsPhone, UssdPhone
from tests.support.world import PUBLIC_URL, load_demo_data, world

ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(f"{ROOT / folder}/" for folder in ("khallas", "channels", "sessions", "core"))
TICKING_FILES_MAX, READING_FILES_MAX, SMS_FILES_MAX = 27, 39, 21  # at most one above the truth: they may only fall
TRIES = 4
SALMA = "+212600000001"
CALLERS = tuple(f"+21260000000{n}" for n in (2, 1, 3, 5))  # of the demo data, each with unpaid bills


@contextmanager
def entered() -> Iterator[set[str]]:
    """The files of ours whose functions were called within the block, in this thread, by tasks that began there."""
    files: set[str] = set()
    running = asyncio.all_tasks()  # what runs at intervals: every request has a task of its own

    def look(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(OURS) and asyncio.current_task() not in running:
            files.add(name[len(str(ROOT)) + 1 :])

    sys.setprofile(look)
    try:
        yield files
    finally:
        sys.setprofile(None)


def of_the_request(tries: list[set[str]]) -> list[str]:
    """What every try entered but the first, which found nothing warm: what runs at intervals falls into some only."""
    return sorted(set.intersection(*tries[1:]))


async def test_a_ussd_step_enters_few_files(redis_url: str, database_url: str) -> None:
    """Of two kinds: a key within the conversation, and one for which bills are read."""
    await load_demo_data(database_url)
    ticks, reads = [], []
    async with world(redis_url, database_url, beside=False) as at:
        for caller in CALLERS:
            async with UssdPhone(at.url, caller) as phone:
                await phone.dial()
                await phone.send("1")
                assert (await phone.send("1")).screen == "Terms"
                with entered() as reading:
                    assert (await phone.send("1")).screen == "PickInvoices"
                with entered() as ticking:
                    assert (await phone.send("2")).screen == "PickInvoices"
            ticks.append(ticking)
            reads.append(reading)
    ticked, read = of_the_request(ticks), of_the_request(reads)
    assert len(ticked) <= TICKING_FILES_MAX, ticked
    assert len(read) <= READING_FILES_MAX, read


async def test_an_sms_code_enters_few_files(redis_url: str, database_url: str) -> None:
    await load_demo_data(database_url)
    async with (
        world(redis_url, database_url, beside=False) as at,
        SmsPhone(at.url, SALMA, public_url=PUBLIC_URL) as phone,
    ):
        tries = []
        for _ in range(TRIES):
            with entered() as files:
                await phone.send("code")
            tries.append(files)
    every = of_the_request(tries)
    assert len(every) <= SMS_FILES_MAX, every
