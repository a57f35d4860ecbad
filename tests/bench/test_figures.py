"""The bench's own arithmetic, tables, pictures and pages: a figure that is told must be the one that was measured."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from bench import cost, people, plots, profile, report
from bench.baselines.payment import Statement, again, ulid
from bench.contest import Plan
from bench.load import answer_size, at_ms, post
from bench.measure import Sample, middle, slope
from bench.reasons import REASONS
from bench.results import Finding, Row, at_least, at_most, from_json, number, table, to_json
from bench.rows.start import NOT_IN_PRODUCTION, without
from core.languages import LanguageCode
from core.payments.table import Payment, PaymentState
from core.subscribers.lines import ServiceType


def sample(rate: float = 1_000.0, cpu_us: float = 200.0, errors: float = 0.0) -> Sample:
    return Sample(rate, 5.0, 20.0, cpu_us, 4_000, errors, 0.01)


def rows() -> list[Row]:
    """A whole run's."""
    two = {"Khallas": [sample(2_000, 100)], "bare step (d)": [sample()]}
    points = {"step CPU, us": [(1.0, 200.0), (1_000.0, 210.0)]}
    left = Finding("all that a dialog leaves there, Redis's own tables too", 600, "bytes")
    disk = Finding("a payment with its bills, in PostgreSQL", 4_096, "bytes")
    ratio = Finding("requests/s, times the bare step's", 2.0, "x", at_least(1.4))
    return [
        Row("ussd", "USSD step", (ratio,), two),
        Row("peer", "The peer", (Finding("p99, times the peer's", 1.2, "x", at_most(1.0)),), two),
        Row("sms", "SMS", (), two),
        Row("voice", "Voice", (), two),
        Row("payment", "Payment", (disk,), two),
        Row("live", "Live", (left,), two, points),
        Row("bills", "Bills", (), two, points),
        Row("start", "Start", (), points={"resident memory, MiB": [(20_000.0, 90.0), (200_000.0, 90.5)]}),
    ]


ABOUT = {"at": "2026-11-23T05:00+00:00", "revision": "abc", "python": "3.11.2", "bursts": 3, "seconds": 4.0}


def paid() -> Payment:
    """Customer 0's payment, as the bench's till makes it."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Payment(
        id="01KHALLAS0000000000000MODEL",
        reference="482913",
        state=PaymentState.CAPTURED,
        service=ServiceType.MOBILE,
        line_reference=people.reference(0),
        payer_msisdn=people.msisdn(0),
        email="salma@example.com",
        language=LanguageCode.FR,
        channel="ivr",
        invoices=(),
        amount_centimes=0,
        currency="MAD",
        created_at=now,
        expires_at=now,
        receipt_token="Tk3n-of-this-one-alone",
    )


def test_an_answer_ends_where_its_length_says() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nhello"
    last = b"HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello"
    assert answer_size(whole) == len(whole)
    assert answer_size(last) == len(last)
    assert answer_size(whole[:30]) is None
    assert answer_size(post("/", b"a=b")) == len(post("/", b"a=b"))


def test_percentiles_medians_and_slopes() -> None:
    assert at_ms([n / 1000 for n in range(100)], 0.99) == 99
    assert at_ms([], 0.5) == 0
    assert middle([sample(10), sample(30), sample(11)]).rate == 11
    assert slope([(0, 5), (1, 7), (2, 9)]) == pytest.approx(2)
    with pytest.raises(ValueError, match="at least one burst"):
        Plan(bursts=0)


@pytest.mark.parametrize(("value", "verdict"), [(1.39, "MISSED"), (1.4, "met"), (2.0, "met")])
def test_a_goal_is_met_from_its_bound_on(value: float, verdict: str) -> None:
    assert Finding("ratio", value, "x", at_least(1.4)).verdict == verdict
    assert Finding("ratio", -value, "x", at_most(-1.4)).verdict == verdict


def test_results_are_read_as_they_were_written() -> None:
    found, about = from_json(to_json(rows(), ABOUT))
    assert table(found) == table(rows())
    assert about == ABOUT
    assert "MISSED" in table(found)
    assert [number(value) for value in (0, 0.456, 12.34, 12345.6)] == ["0", "0.46", "12.3", "12,346"]


def test_pages_and_pictures_are_made_of_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results.json"
    results.write_text(to_json(rows(), ABOUT))
    scaling = tmp_path / "SCALING.md"
    scaling.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "PAGE", tmp_path / "PERFORMANCE.md")
    monkeypatch.setattr(report, "SCALING", scaling)
    monkeypatch.setattr(report, "PICTURES", tmp_path)
    assert report.main(results) == 0
    page = (tmp_path / "PERFORMANCE.md").read_text()
    assert "**1 of 2 goals are met.**" in page
    assert "| 1.20 x | <= 1 | **missed** |" in page
    assert f"- **The peer.** {REASONS['peer']}" in page
    assert REASONS["ussd"] not in page
    figures = scaling.read_text()
    assert figures.startswith("before\n")
    assert figures.endswith("after\n")
    assert "old" not in figures
    pictures = sorted(tmp_path.glob("bench-*.svg"))
    assert len(pictures) == 5
    for picture in pictures:
        assert ET.fromstring(picture.read_text()).tag.endswith("svg")  # noqa: S314 - written a moment ago
        assert f"pictures/{picture.name}" in page


def test_no_page_is_made_of_half_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    assert report.main(results) == 1
    results.write_text(to_json(rows()[:1], ABOUT))
    assert report.main(results) == 1
    assert "./run bench first" in capsys.readouterr().err


def test_a_bar_is_as_long_as_its_figure() -> None:
    svg = plots.bars("t", "/s", [("Khallas", 200.0), ("other <1>", 50.0)])
    rects = [each for each in ET.fromstring(svg) if each.tag.endswith("rect")][1:]  # noqa: S314 - our own text
    ours, theirs = (float(each.attrib["width"]) for each in rects)
    assert ours == pytest.approx(4 * theirs, abs=0.2)
    assert [each.attrib["fill"] for each in rects] == [plots.OURS, plots.THEIRS]


def test_what_a_million_customers_cost() -> None:
    costs = cost.Costs(ussd_us=200, voice_us=300, payment_us=1_000, sms_us=500, dialog_bytes=600, payment_bytes=4_096)
    one = cost.bill(cost.Load("hour", 10.0), costs)
    assert one.web_cores == pytest.approx(10 * (5 * 200 + 8 * 300 + 1_000) / 1e6)
    assert one.redis_mib == pytest.approx(10 * 600 * 2 * 600 / 2**20)
    assert cost.disk_gib_a_year(costs) == pytest.approx(12e6 * 4_096 / 2**30)


def test_a_profile_counts_a_function_once_a_stack() -> None:
    text = profile.summary(
        ["run (a.py:1);take (sessions/turn/turns.py:9);take (sessions/turn/turns.py:12) 3", "run (a.py:2) 1"]
    )
    assert " 75.0%  take (sessions/turn/turns.py)" in text
    assert " 25.0%  run (a.py)" in text


def test_a_replayed_statement_is_about_another_customer() -> None:
    model = paid()
    params = {
        "id": model.id,
        "reference": f"{model.id}-receipt_sms-1",
        "numbers": [people.number(0, 1)],
        "payer": people.msisdn(0),
        "line": people.reference(0),
        "token": model.receipt_token,
        "amount": 19_900,
        "bills": Jsonb([{"number": people.number(0, 1)}]),
    }
    [renewed] = again([Statement("SELECT 1", params)], model, 5)
    bills = renewed.params.pop("bills")
    assert bills.obj == [{"number": people.number(5, 1)}]
    assert renewed.params == {
        "id": ulid(5),
        "reference": f"{ulid(5)}-receipt_sms-1",
        "numbers": [people.number(5, 1)],
        "payer": people.msisdn(5),
        "line": people.reference(5),
        "token": f"{5:022d}",
        "amount": 19_900,
    }
    assert len({ulid(n) for n in range(1_000)}) == 1_000
    assert len(ulid(1)) == 26


def test_a_worker_is_measured_as_production_installs_it() -> None:
    locked = Path(__file__).parents[2].joinpath("requirements", "production.lock").read_text()
    assert NOT_IN_PRODUCTION not in locked
    with without(NOT_IN_PRODUCTION) as path:
        tried = f"import redis.asyncio\nimport {NOT_IN_PRODUCTION}.sdk.metrics"
        ended = subprocess.run([sys.executable, "-c", tried], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert ended.stderr.strip().endswith(f"ModuleNotFoundError: No module named {NOT_IN_PRODUCTION}")
