"""The days a settlement file speaks of, and what must surface although no file names it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.database.settlement.reconciliation import look_for_overdue, reconcile
from core.settlement.findings import FindingQueue
from core.settlement.rows import Columns, RowKind
from core.zone import ZONE
from tests.core.settlement.test_reconciliation import HEADER, Office, office

__all__ = ["office"]
NOW = datetime.now(UTC)
TODAY = NOW.astimezone(ZONE).date()


async def found(office: Office) -> dict[tuple[FindingQueue, str], str]:
    run = await office.run()
    return {(each.queue, each.order_id): each.why for each in await office.queues(run)}


async def captured_at(office: Office, order_id: str, moment: datetime) -> None:
    await office.open_.database.do("UPDATE payments SET paid_at = %(at)s WHERE id = %(id)s", at=moment, id=order_id)


async def test_a_date_is_the_whole_day(office: Office) -> None:
    first, second = [await office.sells(number) for number in range(2)]
    office.file.write_text(f"order_id,amount,date\n{first.id},{first.amount_centimes / 100:.2f},{TODAY}\n")
    assert await found(office) == {(FindingQueue.MISSING_THERE, second.id): "here it is captured"}


async def test_the_edges_of_the_day_belong_to_it_where_rows_have_times(office: Office) -> None:
    sold = [await office.sells(number) for number in range(3)]
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=ZONE)
    for payment, moment in zip(sold, (midnight, midnight + timedelta(seconds=1), NOW), strict=True):
        await captured_at(office, payment.id, moment)
    amount = sold[1].amount_centimes / 100
    office.file.write_text(f"order_id,amount,date\n{sold[1].id},{amount:.2f},{TODAY}T00:00:01\n")
    assert set(await found(office)) == {
        (FindingQueue.MISSING_THERE, sold[0].id),
        (FindingQueue.MISSING_THERE, sold[2].id),
    }


async def test_between_two_files_nothing_falls_through(office: Office) -> None:
    sold = [await office.sells(number) for number in range(3)]
    days = [datetime(2026, 11, day, 12, tzinfo=ZONE) for day in (10, 12, 13)]
    for payment, moment in zip(sold, days, strict=True):
        await captured_at(office, payment.id, moment)
    for payment in (sold[0], sold[2]):
        day = "2026-11-10" if payment is sold[0] else "2026-11-13"
        office.file.write_text(f"order_id,amount,date\n{payment.id},{payment.amount_centimes / 100:.2f},{day}\n")
        run = await reconcile(office.open_.database, office.file, Columns(), NOW, overdue_days=60)
    assert [each.order_id for each in await office.queues(run)] == [sold[1].id]


async def test_the_day_is_morocco_s_and_not_utc_s(office: Office) -> None:
    """In 2025 Morocco was an hour ahead: half past midnight of the 11th was still the 10th in UTC."""
    late = await office.sells(0)
    await captured_at(office, late.id, datetime(2025, 11, 11, 0, 30, tzinfo=ZONE))
    now = datetime(2025, 11, 12, 9, tzinfo=UTC)
    office.file.write_text("order_id,amount,date\nnobody,1.00,2025-11-11\n")
    run = await reconcile(office.open_.database, office.file, Columns(), now)
    assert (FindingQueue.MISSING_THERE, late.id) in {(each.queue, each.order_id) for each in await office.queues(run)}


async def test_an_empty_file_says_that_nothing_was_settled(office: Office) -> None:
    sold = await office.sells(0)
    office.file.write_text(HEADER)
    assert await found(office) == {(FindingQueue.MISSING_THERE, sold.id): "here it is captured"}


async def test_what_comes_with_a_later_file_is_missing_no_more(office: Office) -> None:
    sold = await office.sells(0)
    office.file.write_text(HEADER)
    first = await office.run()
    assert first.missing_there == 1
    office.settle()
    assert (await office.run()).open == 0
    assert await office.open_.database.all("SELECT 1 FROM reconciliation_findings WHERE resolved_at IS NULL") == []
    assert sold.id


async def test_a_sale_of_long_ago_in_no_file_surfaces_whatever_the_file_speaks_of(office: Office) -> None:
    old = await office.sells(0)
    await captured_at(office, old.id, NOW - timedelta(days=30))
    office.file.write_text(f"order_id,amount,date\nnobody,1.00,{TODAY}\n")
    assert (FindingQueue.MISSING_THERE, old.id) in await found(office)


async def test_one_order_in_two_files_is_settled_twice(office: Office, tmp_path: Path) -> None:
    sold = await office.sells(0)
    text = office.settle()
    assert (await office.run()).open == 0
    office.file.write_text(text + "nobody,1,,1.00,2026-11-29,Auth\n")
    assert (FindingQueue.DIFFERENT, sold.id) in await found(office)


@pytest.mark.parametrize(
    ("credited", "expected"),
    [
        ("", (FindingQueue.MISSING_THERE, "here it was given back")),
        ("1.00", (FindingQueue.DIFFERENT, "less given back than here")),
    ],
)
async def test_a_credit_short_or_absent_surfaces(
    office: Office, credited: str, expected: tuple[FindingQueue, str]
) -> None:
    sold = await office.sells(0)
    office.settle()
    await office.open_.till.undo(sold.id, "test")
    await office.open_.sweep.run()
    text = office.settle().splitlines()
    kept = [line for line in text if "Credit" not in line]
    if credited:
        kept.append(f"{sold.id},1,,{credited},{NOW.isoformat()},Credit")
    office.file.write_text("\n".join(kept) + "\n")
    run = await office.run()
    queues = {(each.queue, each.why) for each in await office.queues(run) if each.kind is RowKind.CREDIT}
    assert queues == {expected}


async def test_no_file_at_all_is_a_finding_until_one_comes(office: Office) -> None:
    sold = await office.sells(0)
    database = office.open_.database
    await look_for_overdue(database, NOW)
    open_ = "SELECT queue FROM reconciliation_findings WHERE resolved_at IS NULL ORDER BY queue"
    assert await database.all(open_) == []
    await captured_at(office, sold.id, NOW - timedelta(days=5))
    await look_for_overdue(database, NOW)
    assert [row["queue"] for row in await database.all(open_)] == ["missing_there", "no_file"]
    office.settle()
    await office.run()
    assert await database.all(open_) == []


async def test_the_sign_and_the_type_tell_credits(office: Office) -> None:
    sold = await office.sells(0)
    office.file.write_text(f"order_id,amount,date\n{sold.id},-{sold.amount_centimes / 100:.2f},{TODAY}\n")
    run = await office.run()
    about = {(each.queue, each.kind, each.why) for each in await office.queues(run)}
    assert about == {
        (FindingQueue.MISSING_HERE, RowKind.CREDIT, "here it is captured"),
        (FindingQueue.MISSING_THERE, RowKind.SALE, "here it is captured"),
    }
    assert run.matched == 0


@pytest.mark.parametrize("kind", ["Void", "Remboursement", "Chargeback", "R", "C", "sales"])
async def test_a_type_that_nobody_knows_is_told_with_its_line(office: Office, kind: str) -> None:
    sold = await office.sells(0)
    amount = f"{sold.amount_centimes / 100:.2f}"
    office.file.write_text(f"{HEADER}nobody,,,1.00,{TODAY},Auth\n{sold.id},,,{amount},{TODAY},{kind}\n")
    run = await office.run()
    lines = {each.line: each.why for each in await office.queues(run) if each.queue is FindingQueue.UNREADABLE}
    assert list(lines) == [3]
    assert "neither a sale nor a credit" in lines[3]
    assert (run.matched, run.missing_there) == (0, 1)


async def test_what_two_people_closed_stays_closed(office: Office) -> None:
    await office.sells(0)
    office.file.write_text(f"{HEADER}nobody,,,1.00,{TODAY},Auth\nx,,,much,{TODAY},Auth\n")
    run = await office.run()
    assert (run.unreadable, run.missing_here, run.missing_there) == (1, 1, 1)
    close = """UPDATE reconciliation_findings SET closing_reason = 'x', closing_by = 'sami', closing_at = now(),
               closed_by = 'sofia', closed_at = now()"""
    await office.open_.database.do(close)
    again = await office.run()
    assert (again.open, again.closed, again.unreadable) == (0, 3, 0)
    assert await office.queues(again) == []


async def test_commission_and_net_are_checked_where_they_are_told(office: Office) -> None:
    first, second = [await office.sells(number) for number in range(2)]
    columns = Columns(commission=("frais", "tva"), net="net", batch="remise", value_date="valeur")
    header = "order_id,amount,date,frais,tva,net,remise,valeur\n"

    def line(order_id: str, centimes: int, off: int) -> str:
        net = (centimes - 1200 + off) / 100
        return f"{order_id},{centimes / 100:.2f},{TODAY},10.00,2.00,{net:.2f},R7,2026-11-30\n"

    office.file.write_text(
        header + line(first.id, first.amount_centimes, 0) + line(second.id, second.amount_centimes, 1)
    )
    run = await office.run(columns)
    assert [(f.order_id, f.why) for f in await office.queues(run)] == [
        (second.id, "the net is not the amount less the commission")
    ]
    total = first.amount_centimes + second.amount_centimes
    assert (run.sales_centimes, run.commission_centimes, run.net_centimes) == (total, 2400, total - 2400 + 1)
    kept = await office.open_.database.all("SELECT DISTINCT batch, value_date::text FROM settlement_rows")
    assert kept == [{"batch": "R7", "value_date": "2026-11-30"}]


BOOKED = """
SELECT debit, credit, amount_centimes FROM ledger_transfers WHERE starts_with(id, 'settlement:') ORDER BY id
"""


async def test_what_is_settled_is_booked_once_whatever_file_names_it(office: Office) -> None:
    sold = await office.sells(0)
    text = f"order_id,transaction_number,amount,date,type,commission\n{sold.id},77,769.20,{TODAY},Auth,7.69\n"
    for more in ("", "", "nobody,1,1.00,2026-11-29,Auth,\n"):  # again, and in another file
        office.file.write_text(text + more)
        await office.run()
    rows = await office.open_.database.all(BOOKED)
    assert [(row["debit"], row["credit"], row["amount_centimes"]) for row in rows] == [
        ("bank:cmi", "acquirer:cmi:receivable", 76920 - 769),
        ("fees:cmi", "acquirer:cmi:receivable", 769),
    ]
