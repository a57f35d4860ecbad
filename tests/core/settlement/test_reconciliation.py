"""Settlement files against the books: what agrees, and each way in which it does not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.acquirers.cmi import CmiAcquirer
from core.cards import Card, Secret
from core.clock import SystemClock
from core.database.help_desk.accounts import PgUsers
from core.database.payments.repository import PgPayments
from core.database.pool import Database, make_pool
from core.database.refunds.requests import PgRefundRequests
from core.database.settlement.reconciliation import (
    FindingQueue,
    NoSettlementFile,
    Run,
    SettlementFinding,
    findings,
    reconcile,
)
from core.help_desk.access_log import Actor
from core.help_desk.accounts import Role
from core.payments.orders import StartOrder
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentState
from core.refunds.model import RefundPart
from core.refunds.requests import Reason, RefundRequestRefusal, RefundRequests
from core.repositories import DatabaseUnavailable
from core.settlement.rows import Columns, RowKind, UnreadableRow, settled_row
from lab.chaos.customer import APPROVED_CARD, customer, order_of
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.cmi.lies import Manner
from lab.cmi.stand import EmulatedCmi, emulated_cmi

CARD, CVV = Card(Secret(APPROVED_CARD), 12, 2030), Secret("000")
CUSTOMERS = 6
HEADER = "order_id,transaction_number,auth_code,amount,date,type\n"


@dataclass
class Office:
    """A till that sold, an acquirer that settles, and a file between them."""

    open_: OpenTill
    cmi: EmulatedCmi
    file: Path

    def order(self, number: int) -> StartOrder:
        return order_of(customer(number), f"+2126{number:08d}", f"reconciled:{number}")

    async def sells(self, number: int) -> Payment:
        started = await self.open_.till.start(self.order(number))
        assert isinstance(started, Payment)
        outcome = await self.open_.till.authorise(started.id, CARD, CVV, wait_s=60)
        assert isinstance(outcome, Payment)
        return outcome

    def settle(self) -> str:
        self.cmi.ledger.settle(datetime.now(UTC))
        text = self.cmi.ledger.settlement_csv()
        self.file.write_text(text)
        return text

    async def run(self, columns: Columns | None = None) -> Run:
        return await reconcile(self.open_.database, self.file, columns or Columns(), datetime.now(UTC))

    async def queues(self, run: Run) -> list[SettlementFinding]:
        async with findings(self.open_.database, run.file_hash) as found:
            return [finding async for finding in found]


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with emulated_cmi() as cmi:
        acquirer = CmiAcquirer(cmi.account, timeout_s=0.3)
        async with open_till(database_url, acquirer, SystemClock(), Times()) as open_:
            await give_bills(open_.database, [customer(number) for number in range(CUSTOMERS)])
            yield Office(open_, cmi, tmp_path / "settlement.csv")
        await acquirer.aclose()


async def test_what_agrees_is_matched_and_a_run_can_be_repeated(office: Office) -> None:
    for number in range(3):
        await office.sells(number)
    office.settle()
    run = await office.run()
    assert (run.rows_read, run.matched, run.missing_here, run.missing_there, run.different) == (3, 3, 0, 0, 0)
    again = await office.run()
    assert (again.file_hash, again.runs, again.matched) == (run.file_hash, 2, 3)
    assert await office.queues(again) == []


async def test_money_that_we_do_not_know_of_is_asked_about_at_once(office: Office) -> None:
    office.cmi.lie(Manner.SILENT_AFTER_CHARGING)
    lost = await office.sells(0)
    assert lost.state is PaymentState.UNKNOWN
    office.settle()
    run = await office.run()
    found = await office.queues(run)
    assert [(f.queue, f.order_id, f.ours_centimes, f.why) for f in found] == [
        (FindingQueue.MISSING_HERE, lost.id, None, "here it is unknown")
    ]
    await office.open_.sweep.run()
    repeated = await office.run()
    assert (repeated.matched, repeated.missing_here, await office.queues(repeated)) == (1, 0, [])


async def test_every_way_to_disagree(office: Office) -> None:
    sold = [await office.sells(number) for number in range(5)]
    lines = office.settle().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    rows[1][3] = "1.00"
    rows[2][1] = "999"
    del rows[3]
    rows.append([*rows[3][:1], "777", "", "5.00", rows[0][4], "Credit"])
    rows.append(["nobody", "1", "", "12.00", rows[0][4], "Auth"])
    rows.insert(0, rows[0])
    rows[-1][4] = datetime.now(UTC).isoformat()
    office.file.write_text(HEADER + "".join(",".join(row) + "\n" for row in rows))
    run = await office.run()
    found = {(f.queue, f.order_id, f.kind): f.why for f in await office.queues(run)}
    assert found == {
        (FindingQueue.DIFFERENT, sold[0].id, RowKind.SALE): "settled 2 times",
        (FindingQueue.DIFFERENT, sold[1].id, RowKind.SALE): "another amount",
        (FindingQueue.DIFFERENT, sold[2].id, RowKind.SALE): "another transaction",
        (FindingQueue.MISSING_THERE, sold[3].id, RowKind.SALE): "here it is captured",
        (FindingQueue.MISSING_HERE, sold[4].id, RowKind.CREDIT): "here it is captured",
        (FindingQueue.MISSING_HERE, "nobody", RowKind.SALE): "no such payment",
    }
    assert (run.matched, run.missing_here, run.missing_there, run.different) == (1, 2, 1, 3)


async def test_a_credit_that_we_made_is_matched(office: Office) -> None:
    sold = await office.sells(0)
    office.settle()
    await office.open_.till.undo(sold.id, "test")
    await office.open_.sweep.run()
    office.settle()
    run = await office.run()
    assert (run.rows_read, run.matched, run.different, run.missing_here) == (2, 2, 0, 0)


async def test_parts_go_back_at_the_emulator_before_and_after_the_day_s_end_and_are_matched(office: Office) -> None:
    sold = await office.sells(0)
    await office.open_.sweep.run()  # posted
    database, now = office.open_.database, datetime.now(UTC)
    for name in ("sami", "sofia"):
        await PgUsers(database).add(name, Role.SUPERVISOR, "no hash", now)
    undoing = RefundRequests(PgRefundRequests(database, PgPayments(database)), SystemClock())
    number, whole = sold.invoices[0].number, sold.amount_centimes

    async def give(centimes: int) -> None:
        part = (RefundPart(number, centimes),)
        assert isinstance(await undoing.propose(Actor("sami", Role.SUPERVISOR), sold, Reason.OTHER, "x", part), Payment)
        await database.do("UPDATE refunds SET due_at = now() WHERE state = 'asked'")
        await office.open_.sweep.run()

    await give(3_000)
    assert office.cmi.ledger.credited_centimes(sold.id) == 0  # a part waits for the day's end
    office.settle()
    await give(whole - 3_000)
    await database.do("UPDATE refunds SET due_at = now() WHERE state = 'asked'")
    await office.open_.sweep.run()
    assert office.cmi.ledger.credited_centimes(sold.id) == whole
    office.settle()
    run = await office.run()
    assert (run.matched, run.different, run.missing_here) == (2, 0, 0)
    assert await office.open_.till.unpaid(sold.service, sold.line_reference) == sold.invoices
    refused = await undoing.propose(Actor("sami", Role.SUPERVISOR), sold, Reason.OTHER, "x", (RefundPart(number, 1),))
    assert refused is RefundRequestRefusal.TOO_MUCH
    assert await office.open_.till.attendant.page_over(sold.id) == sold  # an inquiry after it all: nothing is undone


async def test_columns_are_the_contracts(office: Office) -> None:
    sold = await office.sells(0)
    columns = Columns("OID", "TRX", "AUTH", "MONTANT", "JOUR", "SENS", ("r",), "%d/%m/%Y", minor_units=True)
    day = datetime.now(UTC).strftime("%d/%m/%Y")
    office.file.write_text(f"JOUR;SENS;OID;MONTANT\n{day};V;{sold.id};{sold.amount_centimes}\n")
    run = await office.run(columns)
    assert (run.matched, run.unreadable) == (1, 0)


async def test_rows_that_cannot_be_read_are_counted(office: Office) -> None:
    sold = await office.sells(0)
    good = office.settle()
    bad = f"{sold.id},1,1,much,2026-11-23,Auth\n,1,1,1.00,2026-11-23,Auth\na,b\nx,1,1,1.00,yesterday,Auth\n"
    office.file.write_text(good + bad)
    run = await office.run()
    assert (run.rows_read, run.unreadable, run.matched) == (5, 4, 1)


async def test_a_file_of_something_else_writes_nothing(office: Office) -> None:
    office.file.write_text("name,colour\nx,y\n")
    with pytest.raises(NoSettlementFile, match="lacks amount, date, order_id"):
        await office.run()
    office.file.write_bytes(HEADER.encode() + b"\xff\xfe,1,1,1.00,2026-11-23,Auth\n")
    with pytest.raises(NoSettlementFile, match="UTF-8"):
        await office.run()
    assert (
        await office.open_.database.all("SELECT 1 FROM settlement_runs UNION ALL SELECT 1 FROM settlement_rows") == []
    )


async def test_a_large_file_is_read_as_it_comes(office: Office) -> None:
    row = ",1,1,10.00,2026-11-01T10:00:00+00:00,Auth\n"
    office.file.write_text(HEADER + "".join(f"order-{number}{row}" for number in range(20_000)))
    heard: list[int] = []
    run = await reconcile(office.open_.database, office.file, Columns(), datetime.now(UTC), heard.append)
    assert (run.rows_read, run.missing_here) == (20_000, 20_000)
    assert heard == [*range(1_000, 20_001, 1_000), 20_000]
    assert len(await office.queues(run)) == 20_000


async def test_a_database_that_is_away(tmp_path: Path) -> None:
    file = tmp_path / "settlement.csv"
    file.write_text(HEADER)
    async with make_pool("postgresql://nobody@127.0.0.1:1/none") as pool:
        pool.timeout = 0.2
        with pytest.raises(DatabaseUnavailable):
            await reconcile(Database(pool), file, Columns(), datetime.now(UTC))


@pytest.mark.parametrize("amount", ["-769.20", "769,2", "769.20"])
def test_amounts_in_their_forms(amount: str) -> None:
    row = settled_row(Columns(), {"order_id": "o", "amount": amount, "date": "2026-11-23", "type": "Refund"})
    assert (row.amount_centimes, row.kind, row.at) == (76920, RowKind.CREDIT, datetime(2026, 11, 23, tzinfo=UTC))


def test_an_endless_order_id_is_no_row() -> None:
    with pytest.raises(UnreadableRow):
        settled_row(Columns(), {"order_id": "o" * 65, "amount": "1.00", "date": "2026-11-23"})
