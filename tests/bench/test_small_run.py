"""The smallest bench, for real: a burst against a real server steps through real sessions, and its table is told."""

from contextlib import nullcontext
from itertools import islice

import pytest
from redis.asyncio import Redis

from bench import __main__ as command
from bench import people, stage, steps
from bench.contest import Plan
from bench.load import CONNECTIONS, burst
from bench.measure import Sample
from bench.results import Finding, Row, at_least, from_json
from bench.rows.payment import burst as pay
from bench.rows.ussd import TICKED
from bench.stage import KHALLAS, Backends, khallas_environ, server
from bench.till import BILLS
from sessions.store.codec import decode
from sessions.store.protocol import Key

STEPS = 2


@pytest.fixture(autouse=True)
def _any_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite keeps its cores: nothing is measured here."""
    monkeypatch.setattr("os.sched_setaffinity", lambda pid, cores: None)


@pytest.fixture
def backends(redis_url: str, database_url: str) -> Backends:
    return Backends(redis_url, database_url, 0)


async def test_every_step_of_a_burst_moves_its_session_and_a_wrong_answer_is_an_error(backends: Backends) -> None:
    with server("Khallas", KHALLAS, khallas_environ(backends), "/healthz") as running:
        async with Redis.from_url(backends.redis_url) as redis:
            await steps.seed(redis, "ussd", 1)
            await steps.seed(redis, "ivr", 1)
            ussd = await burst(running.port, steps.ussd(1, steps=STEPS), 20, expect=TICKED)
            voice = steps.voice(1)
            calls = await burst(running.port, lambda n: islice(voice(n), STEPS), 20, expect=b"<Gather")
            for channel in ("ussd", "ivr"):
                for connection in range(CONNECTIONS):
                    key = Key(steps.msisdn(connection), channel, steps.dialog(connection, 0))
                    stored = await redis.get(key.record)
                    assert isinstance(stored, bytes)
                    record = decode(stored.partition(b"|")[2])
                    assert record.order == steps.ORDER + STEPS
                    assert type(record.screen).__name__ == "PickInvoices"
        wrong = await burst(running.port, steps.ussd(1, steps=1), 20, connections=2, expect=b"nobody says this")
        assert running.cpu_s() > 0
        assert running.rss_bytes() > 1_000_000
    for found in (ussd, calls):
        assert (found.requests, found.errors) == (CONNECTIONS * STEPS, 0)
    assert (wrong.requests, wrong.errors) == (2, 2)


def test_payments_and_their_bare_statements_both_pay(database_url: str) -> None:
    people.seed(database_url, people=120, bills=BILLS)
    for mode in ("khallas", "bare"):
        found = pay(mode, database_url, 5)
        assert (found.requests, found.errors) == (5, 0)
        assert found.cpu_us > 0


def test_the_command_tells_and_keeps_what_it_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    wrong = Sample(10.0, 1.0, 2.0, 3.0, 100, 1, 0.5)

    def row(backends: Backends, plan: Plan) -> list[Row]:
        return [Row("ussd", "A row", (Finding("ratio", 1.0, "x", at_least(1.4)),), {"Khallas": [wrong] * plan.bursts})]

    out = tmp_path_factory.mktemp("bench") / "results.json"
    monkeypatch.setattr(command, "ROWS", {"ussd": row})
    monkeypatch.setattr(stage, "backends", lambda: nullcontext(Backends("", "", 0)))
    assert command.main(["--rows", "usd"]) == 2
    assert "there are ussd" in capsys.readouterr().err
    assert command.main(["--quick", "--bursts", "2", "--out", str(out)]) == 1  # an answer was wrong
    told = capsys.readouterr().out
    assert "MISSED" in told
    assert "repeat it on a quiet machine" in told
    rows, about = from_json(out.read_text())
    assert len(rows[0].samples["Khallas"]) == about["bursts"] == 2
