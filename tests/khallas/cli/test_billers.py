"""`khallas billers` over a real database: money that found no bill is seen until a person says that it is back."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from core.billers.outside import OutsideOrder, OutsideTaken
from core.database.billers.outside import PgOutsidePayments
from core.database.pool import open_database
from core.subscribers.lines import ServiceType
from khallas.cli.main import app
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.queues import Queues
from lab.clocks import StillClock

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ORDER = OutsideOrder(
    "daraja", "TK1", ServiceType.MOBILE, "0600000099", None, 76_920, "MAD", their_reference="TK1", final=True
)


def khallas(*words: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, ["billers", *words])
    return done.exit_code, json.loads(done.stdout) if "--json" in words and done.exit_code == 0 else done.output


async def taken_and_due(url: str, order: OutsideOrder | None = None) -> int:
    """How much waits, as the metrics tell it; after this payment, where one is given."""
    registry = CollectorRegistry()
    async with open_database(url) as database:
        if order is not None:
            assert isinstance(await PgOutsidePayments(database, "MAD").take(order, "OURS-1", NOW), OutsideTaken)
        await Queues(database, StillClock(), PaymentMetrics(registry)).look()
    return int(registry.get_sample_value("khallas_queue_due", {"queue": "outside_left"}) or 0)


def test_money_without_a_bill_is_counted_and_listed_until_it_is_given_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    assert khallas("left", "--json") == (0, [])
    assert asyncio.run(taken_and_due(database_url, ORDER)) == 1
    _, listed = khallas("left", "--json")
    assert [(each["id"], each["left_centimes"], each["their_reference"]) for each in listed] == [
        ("OURS-1", 76_920, "TK1")
    ]
    assert "769.20 MAD" in khallas("left")[1]
    assert khallas("given-back", "OURS-1", " ")[0] == 1, "without evidence nothing is given back"
    assert khallas("given-back", "OURS-2", "a letter")[0] == 1
    assert khallas("given-back", "OURS-1", "their letter of 29/11")[0] == 0
    assert khallas("given-back", "OURS-1", "another letter")[0] == 1
    assert (khallas("left", "--json")[1], asyncio.run(taken_and_due(database_url))) == ([], 0)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT given_back_by, evidence, left_centimes FROM outside_payments").fetchone()
    assert row is not None
    assert row[0].startswith("cli:")
    assert row[1:] == ("their letter of 29/11", 76_920)
