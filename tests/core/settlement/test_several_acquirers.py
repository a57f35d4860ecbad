"""Settlement of two acquirers: each file is compared with that acquirer's payments, booked there, and run apart."""

from datetime import UTC, datetime

from core.cards import Card, Secret
from core.database.ledger.reading import LedgerReader
from core.database.settlement.reconciliation import FindingQueue, Run, reconcile, run_key
from core.payments.table import Payment
from core.settlement.rows import Columns
from lab.chaos.customer import APPROVED_CARD
from tests.core.settlement.test_reconciliation import HEADER, Office, office

__all__ = ["office"]
CARD, CVV = Card(Secret(APPROVED_CARD), 12, 2030), Secret("000")


async def moved(office: Office, payment: Payment) -> None:
    """It was the second acquirer's from the start: the till here knows the first one alone."""
    await office.open_.database.do("UPDATE payments SET acquirer_free = true WHERE id = %(id)s", id=payment.id)
    await office.open_.database.do("UPDATE payments SET acquirer = 'naps' WHERE id = %(id)s", id=payment.id)


async def read(office: Office, acquirer: str, *sold: Payment) -> Run:
    rows = (f"{each.id},,,{each.amount_centimes / 100:.2f},{datetime.now(UTC):%Y-%m-%d},sale\n" for each in sold)
    office.file.write_text(HEADER + "".join(rows))
    now = datetime.now(UTC)
    return await reconcile(office.open_.database, office.file, Columns(), now, acquirer=acquirer)


async def test_a_settlement_that_names_the_others_payment_is_a_finding_and_books_nothing(office: Office) -> None:
    sold = await office.sells(0)
    run = await read(office, "naps", sold)
    found = [(each.queue, each.order_id, each.why) for each in await office.queues(run)]
    assert found == [(FindingQueue.MISSING_HERE, sold.id, "it is a payment of cmi")]
    assert await office.open_.database.all("SELECT 1 FROM ledger_transfers WHERE event = 'settled'") == []
    agreed = await read(office, "cmi", sold)
    assert (agreed.matched, agreed.open) == (1, 0)


async def test_each_file_is_its_acquirers_and_so_are_the_accounts(office: Office) -> None:
    first, second = await office.sells(0), await office.sells(1)
    mine = await read(office, "cmi", first, second)
    assert (mine.matched, mine.missing_there, mine.open) == (2, 0, 0)
    theirs = await read(office, "naps", second)
    assert theirs.missing_here == 1
    sheet = await LedgerReader(office.open_.database).sheet(datetime.now(UTC))
    assert sheet.holds, [each for each in sheet.equations if not each.holds]


async def test_what_no_file_of_its_own_acquirer_names_is_missing_there(office: Office) -> None:
    sold = await office.sells(0)
    await moved(office, sold)
    await read(office, "cmi")
    run = await read(office, "naps")
    assert [(each.queue, each.order_id) for each in await office.queues(run)] == [(FindingQueue.MISSING_THERE, sold.id)]
    agreed = await read(office, "naps", sold)
    assert (agreed.matched, agreed.open) == (1, 0)
    booked = await office.open_.database.all("SELECT debit, credit FROM ledger_transfers WHERE event = 'settled'")
    assert [(row["debit"], row["credit"]) for row in booked] == [("bank:naps", "acquirer:naps:receivable")]


async def test_the_same_bytes_of_two_acquirers_are_two_runs(office: Office) -> None:
    mine, theirs = await read(office, "cmi"), await read(office, "naps")
    assert (mine.runs, theirs.runs) == (1, 1)
    assert theirs.file_hash == run_key("naps", mine.file_hash)
    assert (await read(office, "cmi")).runs == 2


async def test_what_a_wallet_paid_is_in_no_acquirers_file(office: Office) -> None:
    sold = await office.sells(0)
    await office.open_.database.do("UPDATE payments SET wallet = 'neqdi' WHERE id = %(id)s", id=sold.id)
    assert (await read(office, "cmi")).open == 0
    run = await read(office, "cmi", sold)
    found = [(each.queue, each.why) for each in await office.queues(run)]
    assert found == [(FindingQueue.MISSING_HERE, "it is a payment of neqdi")]
    assert await office.open_.database.all("SELECT 1 FROM ledger_transfers WHERE event = 'settled'") == []
    # once another payment of that acquirer is booked, what its files say is still what the ledger has of them
    await read(office, "cmi", await office.sells(1))
    sheet = await LedgerReader(office.open_.database).sheet(datetime.now(UTC))
    assert [each.name for each in sheet.equations if not each.holds] == []
