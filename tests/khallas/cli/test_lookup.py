"""`khallas lookup` finds a payment by whatever a customer can read out, and tells its story without the card."""

import json
import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from core.help_desk.timeline import Source
from khallas.cli.lookup import find, story_lines
from khallas.cli.told import dumps
from lab.servers.postgres import Postgres
from tests.journeys.player import Player
from tests.journeys.script import Action
from tests.support.waiting import until
from tests.support.world import load_demo_data, place, world

PAYS = """\
phone 0600000001
dial *1117# > 1 > 1 > 1 > 1 > 1
answer > 4000009900005102# > 1228# > 1 > 123#
> 1 > 4000000000000010# > 1228# > 1 > 123#
sms
mail
"""


@pytest.fixture
def demo_url(postgres: Postgres, template_database: str) -> Iterator[str]:
    yield postgres.create("lookup", template_database)
    postgres.drop("lookup")


async def test_whatever_a_customer_reads_out(redis_url: str, demo_url: str) -> None:
    await load_demo_data(demo_url)
    async with place() as at, world(redis_url, demo_url, at=at) as here:
        player = Player(here)
        for line in PAYS.splitlines():
            await player.play(Action(line))
        await player.quiet()
        await player.close()
        row = await here.house.database.one("SELECT auth_code, transaction_number, reference FROM payments")
        assert row is not None
        for asked in (*row.values(), "2026-00000001", "0600000001", "+212600000001"):
            ((told, story),) = await find(here.house.settings, asked)
            assert (told["state"], told["amount_centimes"], told["card"]) == ("captured", 76920, "visa ****0010")
            bill = {"number": "0000171682062019", "month": "2019-05", "amount_centimes": 76920}
            assert (told["currency"], told["service"], told["line"]) == ("MAD", "mobile", "0600000001")
            assert told["invoices"] == [bill]
            lines = "\n".join(story_lines(told, story))
            assert row["auth_code"] in lines
            assert "amount  769,20 DH" in lines
            assert re.search(r"paid_at  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", lines)
            paid_at = json.loads(dumps(told))["paid_at"]
            assert datetime.fromisoformat(paid_at).tzinfo is not None
            assert "declined" in lines
            for text in (lines, dumps(told)):
                assert "4000000000000010" not in text
                assert "+212600000001" not in text
        assert await find(here.house.settings, "no such thing") == []
        events = [told for told in story if told.source is Source.PAYMENT]
        assert all(told.request for told in events)
        assert f"request {events[0].request}" in lines

        async def shown() -> bool:
            """The turn that made the payment is in the transcript under the same id."""
            turns = "SELECT screen FROM transcript_turns WHERE request = %(request)s"
            rows = await here.house.database.all(turns, request=events[0].request)
            return [row["screen"] for row in rows] == ["HandOver"]

        assert events[0].what == "create"
        await until(shown)
