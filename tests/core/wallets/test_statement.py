"""A wallet's statement against the books: by our reference or by the wallet's, and each way to disagree."""

from pathlib import Path

from core.database.ledger.reading import LedgerReader
from core.database.settlement.reconciliation import Run, findings, look_for_overdue, reconcile
from core.payments.table import Payment, PaymentState
from core.settlement.rows import Columns
from core.wallets.attempts import AttemptState, WalletRecord
from tests.core.ledger.ledgers import balances
from tests.core.wallets.conftest import NEQDI, WalletShop
from tests.support.bank import CARD, CVV

HEADER = "order_id,transaction_number,amount,date,type,commission\n"


async def paid(shop: WalletShop) -> WalletRecord:
    record = await shop.asked()
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    await shop.round(1)
    return await shop.again(record)


async def read(shop: WalletShop, file: Path, *rows: str) -> tuple[Run, dict[str, str]]:
    file.write_text(HEADER + "".join(f"{row}\n" for row in rows))  # noqa: ASYNC240 - a test's own small file
    run = await reconcile(shop.database, file, Columns(), shop.clock.now(), acquirer=NEQDI)
    async with findings(shop.database, run.file_hash) as found:
        return run, {each.order_id: each.why async for each in found}


def row(shop: WalletShop, named: str, amount: str = "769.20", kind: str = "sale", fee: str = "7.69") -> str:
    return f"{named},,{amount},{shop.clock.now().isoformat()},{kind},{fee}"


async def test_what_agrees_is_booked_by_either_name(shop: WalletShop, tmp_path: Path) -> None:
    record = await paid(shop)
    for number, named in enumerate((record.attempt.reference.upper(), str(record.attempt.receipt))):
        run, found = await read(shop, tmp_path / f"{number}.csv", row(shop, named))
        assert (run.rows_read, found) == (1, {} if not number else {record.attempt.payment_id: "settled 2 times"})
    sheet = await LedgerReader(shop.database).sheet(shop.clock.now())
    assert sheet.holds
    booked = await balances(shop.database)
    assert {name: centimes for name, centimes in booked.items() if NEQDI in name and centimes} == {
        f"bank:{NEQDI}": 76920 - 769,
        f"fees:{NEQDI}": 769,
    }


async def test_every_way_to_disagree(shop: WalletShop, tmp_path: Path) -> None:
    record = await paid(shop)
    ours = record.attempt.payment_id
    run, found = await read(shop, tmp_path / "a.csv", row(shop, "W999999"))
    assert found == {"W999999": "no such payment", ours: "here it is captured"}
    assert (run.missing_here, run.missing_there, run.different) == (1, 1, 0)
    _, found = await read(shop, tmp_path / "b.csv", row(shop, record.attempt.reference, "1.00", fee="0.01"))
    assert found == {ours: "another amount"}
    shop.by_hand = True  # the file paid in another amount than was captured


async def test_a_wallets_payment_is_no_acquirers_and_a_cards_no_wallets(shop: WalletShop, tmp_path: Path) -> None:
    card = await shop.paid()
    assert (await shop.seen(card)).state is PaymentState.CAPTURED
    _, found = await read(shop, tmp_path / "a.csv", row(shop, card.id))
    assert found == {card.id: "it is a payment of cmi"}


async def test_a_statement_ends_what_nobody_heard_the_end_of(shop: WalletShop, tmp_path: Path) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    assert (await shop.again(record)).state is AttemptState.DECLINED
    shop.neqdi.declined.clear()
    shop.neqdi.pays(record.attempt)
    named = row(shop, record.attempt.reference)
    _, found = await read(shop, tmp_path / "a.csv", named)
    assert found == {record.attempt.payment_id: "here it is declined"}
    await shop.round(1)
    assert (await shop.again(record)).state is AttemptState.PAID
    run, found = await read(shop, tmp_path / "a.csv", named)
    assert (run.matched, found) == (1, {})


async def test_money_that_came_beside_a_card_is_known_with_its_return(shop: WalletShop, tmp_path: Path) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    card = await shop.till.authorise(record.attempt.payment_id, CARD, CVV, wait_s=60)
    assert isinstance(card, Payment)
    shop.neqdi.declined.clear()
    shop.neqdi.pays(record.attempt)
    await shop.wallets.called_back(NEQDI, record.attempt.reference, b"")
    await shop.round(1)
    await shop.round(1)
    late = await shop.again(record)
    assert late.state is AttemptState.RETURNED
    sold, back = row(shop, str(late.attempt.receipt)), row(shop, late.attempt.reference, kind="refund")
    run, found = await read(shop, tmp_path / "a.csv", sold, back)
    assert (run.matched, found) == (2, {})


async def test_a_wallet_that_sent_a_statement_is_waited_for(shop: WalletShop, tmp_path: Path) -> None:
    record = await paid(shop)
    shop.clock.forward(10 * 86_400)
    await look_for_overdue(shop.database, shop.clock.now())
    missing = "SELECT order_id FROM reconciliation_findings WHERE queue = 'missing_there' AND resolved_at IS NULL"
    assert await shop.database.all(missing) == [], "it never sent any"
    _, found = await read(shop, tmp_path / "a.csv", row(shop, "W999999"))
    assert found[record.attempt.payment_id] == "here it is captured"
