"""`khallas balance` and `khallas ledger verify`: what they print, how they end; and what the worker's look tells."""

import asyncio
import json

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from core.clock import SystemClock
from core.database.pool import open_database
from khallas.cli.main import app
from khallas.telemetry.ledger_watch import LedgerWatch
from khallas.telemetry.payment_metrics import PaymentMetrics

PAID = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    language, channel, bills, amount_centimes, currency, created_at, expires_at, paid_at, approved_centimes)
VALUES ('01PAID', 'k', 'f', '123456', 'captured', 'mobile', '0600000001', '+212600000001', 'fr', 'ussd',
    '[{"number": "1", "amount_centimes": 76920}]', 76920, 'MAD', now(), now(), now(), 76920);
INSERT INTO payment_lines (payment_id, service, line_reference, invoice_number, amount_centimes, active, posting)
VALUES ('01PAID', 'mobile', '0600000001', '1', 76920, true, 'pending');
INSERT INTO payment_events (payment_id, at, event, state) VALUES ('01PAID', now(), 'approved', 'captured');
"""


@pytest.fixture
def runner(database_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(PAID)
    return CliRunner()


def one_centime_more(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE payment_lines SET amount_centimes = amount_centimes + 1")


def test_books_that_balance(runner: CliRunner) -> None:
    done = runner.invoke(app, ["balance"])
    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line.split()[1:] for line in done.output.splitlines() if line[:1].islower()}
    assert rows["acquirer:cmi:receivable"] == ["MAD", "0.00", "769.20", "0.00", "769.20"]
    assert rows["bills:to_post"] == ["MAD", "0.00", "0.00", "769.20", "769.20"]
    assert "E4  holds  the receivable is what was captured and not paid in: 769.20 = 769.20" in done.output
    told = json.loads(runner.invoke(app, ["balance", "--json"]).stdout)
    assert (told["ok"], {each["name"] for each in told["equations"]}) == (True, {"E1", "E2", "E3", "E4", "E6"})
    assert (
        told["accounts"][0] | {"account": "acquirer:cmi:receivable", "closing_centimes": 76920} == told["accounts"][0]
    )


def test_an_earlier_day_and_what_is_no_day(runner: CliRunner) -> None:
    done = runner.invoke(app, ["balance", "--on", "2020-01-01"])
    assert (done.exit_code, done.output.splitlines()[0]) == (0, "2020-01-01")
    assert "769.20" not in done.output
    assert runner.invoke(app, ["balance", "--on", "29/11/2026"]).exit_code == 2


def test_one_centime_by_hand_fails_and_is_named(runner: CliRunner, database_url: str) -> None:
    done = runner.invoke(app, ["ledger", "verify"])
    assert (done.exit_code, done.output) == (0, "ok: 0 closed days; rows, days, tables and transfers agree\n")
    one_centime_more(database_url)
    done = runner.invoke(app, ["balance"])
    assert done.exit_code == 1
    assert "E2  FAILS  bills:to_post is what the payments' tables say: 769.20 is not 769.21" in done.output
    assert "payment 01PAID bill 1: no transfer of 0.01 from bills:to_post to acquirer:cmi:receivable" in done.output
    done = runner.invoke(app, ["ledger", "verify"])
    assert done.exit_code == 1
    assert "payment 01PAID, bill 1: the tables and the transfers differ by 0.01" in done.output
    told = json.loads(runner.invoke(app, ["ledger", "verify", "--json"]).stdout)
    assert (told["ok"], told["days"], len(told["wrongs"])) == (False, 0, 3)


async def test_the_workers_look_is_a_metric_that_pages(
    runner: CliRunner, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry = CollectorRegistry()
    async with open_database(database_url) as database:
        watch = LedgerWatch(database, SystemClock(), PaymentMetrics(registry))
        await watch.look()
        assert registry.get_sample_value("khallas_ledger_equation_fails", {"equation": "E2"}) == 0
        one_centime_more(database_url)
        async with watch.watched():
            await asyncio.sleep(0)  # it begins
    assert registry.get_sample_value("khallas_ledger_equation_fails", {"equation": "E2"}) == 1
    assert registry.get_sample_value("khallas_ledger_doubts_old") == 0
    assert "payment 01PAID: 1 centimes differ" in caplog.text
