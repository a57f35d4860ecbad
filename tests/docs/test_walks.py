"""How many of our files one request enters, told in docs/ARCHITECTURE.md: counted in a server that has warmed up."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lab.caller import SmsPhone, UssdPhone
from tests.journeys.world import load_demo_data
from tests.security.world import PUBLIC_URL, world

ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(f"{ROOT / folder}/" for folder in ("khallas", "channels", "sessions", "core"))
ALSO_RUNNING = ("khallas/telemetry/", "core/database/jobs.py")  # at intervals, for all requests together
TALKING_FILES_MAX, READING_FILES_MAX, SMS_FILES_MAX = 34, 45, 35  # the true numbers and one or two: they may only fall
TRIES = 4
SALMA = "+212600000001"


@contextmanager
def entered() -> Iterator[set[str]]:
    """The files of ours whose functions were called within the block, in this thread."""
    files: set[str] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(OURS):
            files.add(name[len(str(ROOT)) + 1 :])

    sys.setprofile(look)
    try:
        yield files
    finally:
        sys.setprofile(None)


def of_the_request(tries: list[set[str]]) -> list[str]:
    """What every try entered: what runs at intervals falls into some of them only."""
    return sorted(name for name in set.intersection(*tries) if not name.startswith(ALSO_RUNNING))


async def test_a_ussd_step_enters_few_files(redis_url: str, database_url: str) -> None:
    """Of two kinds: a key within the conversation, and one for which bills are read."""
    await load_demo_data(database_url)
    async with world(redis_url, database_url, beside=False) as at, UssdPhone(at.url, SALMA) as phone:
        talks, reads = [], []
        for _ in range(TRIES):
            await phone.dial()
            await phone.send("1")
            with entered() as reading:
                await phone.send("1")
            with entered() as talking:
                await phone.send("9")
            await phone.drop()
            talks.append(talking)
            reads.append(reading)
    asked, read = of_the_request(talks[1:]), of_the_request(reads[1:])  # the first dialog found nothing warm
    assert len(asked) <= TALKING_FILES_MAX, asked
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
    every = of_the_request(tries[1:])
    assert len(every) <= SMS_FILES_MAX, every
