"""Every transcript of this folder, played anew and compared word for word.

    UPDATE_TRANSCRIPTS=1 pytest tests/journeys     writes them anew; read the difference before you commit it

A transcript's first action may be `bank-timeout N s`: how long the till waits for the bank; or `with-wallet`: customers
have one.
"""

import asyncio
import itertools
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.cards import luhn
from lab.servers.postgres import Postgres
from tests.journeys.player import Player
from tests.journeys.script import Action, Note, read, told
from tests.support.world import BANK_TIMEOUT_S, Place, World, load_demo_data, place, stored_rows, world

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.rglob("*.txt"))
UPDATE = os.environ.get("UPDATE_TRANSCRIPTS") == "1"
DEMO_TEMPLATE = "journeys_template"
TRANSCRIPT_MAX_S = 60.0
PATIENCE = "bank-timeout"
WALLET = "with-wallet"
_CARD = re.compile(r"\d{13,19}")
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo_template(postgres: Postgres, template_database: str) -> AsyncIterator[str]:
    """A database with the demo data, to be copied."""
    await load_demo_data(postgres.create(DEMO_TEMPLATE, template_database))
    yield DEMO_TEMPLATE
    postgres.drop(DEMO_TEMPLATE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def at() -> AsyncIterator[Place]:
    """The servers all transcripts share."""
    async with place() as made:
        yield made


@pytest.fixture
def demo_database_url(postgres: Postgres, demo_template: str) -> Iterator[str]:
    """A fresh database with the demo data."""
    name = f"journey_{next(_numbers)}"
    yield postgres.create(name, demo_template)
    postgres.drop(name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER).with_suffix("")))
async def test_transcript(
    file: Path, at: Place, redis_url: str, demo_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    steps = read(_text(file))
    caplog.set_level(logging.DEBUG)
    async with (
        asyncio.timeout(TRANSCRIPT_MAX_S),
        world(
            redis_url, demo_database_url, at=at, bank_timeout_s=_patience_s(steps), with_wallet=_wallet(steps)
        ) as here,
    ):
        player = Player(here)
        try:
            lines = [line for step in steps for line in await _played(step, player)]
            await player.quiet()
        finally:
            await player.close()
        await _no_card_is_kept(player, here, caplog.text)
        left = player.left_over()
    _compare(file, "\n".join(lines) + "\n")
    assert left == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _compare(file: Path, now: str) -> None:
    if UPDATE:
        file.write_text(now, encoding="utf-8")
    assert now == _text(file)


def _patience_s(steps: list[Note | Action]) -> float:
    told = [step.rest for step in steps if isinstance(step, Action) and step.verb == PATIENCE]
    return float(told[0].removesuffix(" s")) if told else BANK_TIMEOUT_S


def _wallet(steps: list[Note | Action]) -> bool:
    return any(isinstance(step, Action) and step.verb == WALLET for step in steps)


async def _played(step: Note | Action, player: Player) -> list[str]:
    if isinstance(step, Note) or step.verb in {PATIENCE, WALLET}:
        return [step.line]
    try:
        return told(step, await player.play(step))
    except Exception as error:
        raise AssertionError(f"{step.line!r} failed: {error!r}") from error


async def _no_card_is_kept(player: Player, here: World, logs: str) -> None:
    """A card number that was typed is in no table, no session and no log, sealed or not."""
    cards = {match for keys in player.typed for match in _CARD.findall(keys) if luhn(match)}
    if not cards:
        return
    kept = await stored_rows(here.house.database)
    async for key in here.house.redis.scan_iter():
        kept += f"\n{key!r}\n{await here.house.redis.dump(key)!r}"
    for card in cards:
        assert card not in kept
        assert card not in logs


def test_there_is_a_transcript_of_every_language() -> None:
    assert {file.parent.name for file in FILES} == {"fr", "ar", "en"}
