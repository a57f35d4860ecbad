"""Chargebacks: entered once, refused when the money went back, posted in the ledger; what a dispute needs is kept."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors

from core.acquirers.cmi_outcomes import outcome_of
from core.acquirers.cmi_xml import parse_answer
from core.cards import Secret
from core.chargebacks.model import DisputeFacts, facts_kept, facts_of
from core.chargebacks.service import (
    BadChargeback,
    Chargeback,
    ChargebackRefusal,
    Chargebacks,
    ChargebackState,
    Claim,
    claim_of,
)
from core.database.settlement.chargebacks import PgChargebacks
from core.payments.table import Payment
from core.ports import Approved
from core.refunds.model import RefundPart
from core.refunds.requests import Reason, RefundRequestRefusal
from lab.clocks import NOON, StillClock
from tests.support.bank import CARD, CVV
from tests.support.desks import AGENT, OTHER_SUPERVISOR, SUPERVISOR, DeskShop, desk_of
from tests.support.port import port
from tests.support.shop import Shop

DAYS = (date(2026, 11, 20), date(2026, 12, 5))


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


def desk(at: DeskShop) -> Chargebacks:
    return Chargebacks(PgChargebacks(at.shop.database), at.shop.clock)


def claim(payment: Payment, centimes: int = 76920, case: str = "CB-1") -> Claim:
    return Claim(case, payment.id, "10.4", centimes, *DAYS)


async def posted(at: DeskShop) -> Payment:
    payment = await at.shop.paid()
    await at.shop.work()
    return payment


async def received(at: DeskShop, payment: Payment, centimes: int = 76920) -> Chargeback:
    entered = await desk(at).receive("sami", claim(payment, centimes))
    assert isinstance(entered, Chargeback), entered
    return entered


async def transfers(at: DeskShop) -> list[tuple[str, str, int]]:
    rows = await at.shop.database.all(
        "SELECT debit, credit, amount_centimes FROM ledger_transfers WHERE event LIKE 'chargeback%%'"
        " ORDER BY event <> 'chargeback_received', id"
    )
    return [(row["debit"], row["credit"], row["amount_centimes"]) for row in rows]


async def test_it_is_entered_once_and_posted_with_the_payment_s_event(at: DeskShop) -> None:
    payment = await posted(at)
    first = await received(at, payment)
    assert await received(at, payment) == first
    assert await transfers(at) == [("chargebacks:cmi", "acquirer:cmi:receivable", 76920)]
    assert "chargeback_received>captured" in await at.shop.story(payment)
    other = await desk(at).receive("sami", claim(payment, 100))
    assert other is ChargebackRefusal.KNOWN


@pytest.mark.parametrize(
    ("end", "booked"),
    [
        (ChargebackState.WON, ("acquirer:cmi:receivable", "chargebacks:cmi", 76920)),
        (ChargebackState.LOST, ("losses", "chargebacks:cmi", 76920)),
    ],
)
async def test_it_ends_by_a_supervisor_s_word(at: DeskShop, end: ChargebackState, booked: tuple[str, str, int]) -> None:
    entered = await received(at, await posted(at))
    hand = desk(at)
    assert await hand.move(AGENT, entered, end, "") is ChargebackRefusal.NOT_ALLOWED
    assert await hand.move(AGENT, entered, ChargebackState.EVIDENCE_SENT, "by post") is None
    sent = await hand.books.get(entered.id)
    assert sent is not None
    assert await hand.move(SUPERVISOR, sent, end, "") is None
    assert (await transfers(at))[1:] == [booked]
    ended = await hand.books.get(entered.id)
    assert ended is not None
    assert await hand.move(SUPERVISOR, ended, ChargebackState.LOST, "") is ChargebackRefusal.NOT_NOW
    assert await hand.move(SUPERVISOR, sent, ChargebackState.LOST, "") is ChargebackRefusal.NOT_NOW  # a lost race
    assert await hand.books.open(10) == ()


async def test_a_loss_is_accepted_by_somebody_else(at: DeskShop) -> None:
    entered = await received(at, await posted(at))
    hand = desk(at)
    assert await hand.move(SUPERVISOR, entered, ChargebackState.ACCEPTED, "") is ChargebackRefusal.SECOND_PERSON
    with pytest.raises(errors.CheckViolation):
        await at.shop.database.do("UPDATE chargebacks SET state = 'accepted', decided_by = 'sami'")
    assert await hand.move(OTHER_SUPERVISOR, entered, ChargebackState.ACCEPTED, "") is None


async def test_what_went_back_is_not_charged_back_too(at: DeskShop) -> None:
    payment = await posted(at)
    part = (RefundPart(payment.invoices[0].number, 10_000),)
    assert isinstance(await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.OTHER, "x", part), Payment)
    assert await desk(at).receive("sami", claim(payment)) is ChargebackRefusal.GONE_BACK
    await received(at, payment, 66_920)
    assert await desk(at).receive("sami", claim(payment, 1, "CB-2")) is ChargebackRefusal.GONE_BACK


async def test_a_payment_given_back_whole_is_not_charged_back(at: DeskShop) -> None:
    payment = await posted(at)
    await at.shop.till.undo(payment.id, "test")
    assert await desk(at).receive("sami", claim(payment)) is ChargebackRefusal.GONE_BACK
    await at.shop.work()
    assert await desk(at).receive("sami", claim(payment)) is ChargebackRefusal.GONE_BACK
    assert await transfers(at) == []


async def test_what_is_charged_back_is_not_given_back_too(at: DeskShop) -> None:
    payment = await posted(at)
    entered = await received(at, payment, 10_000)
    outcome = await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.OTHER, "x")
    assert outcome is RefundRequestRefusal.CHARGED_BACK
    assert await desk(at).receive("sami", claim(payment, 76920, "CB-2")) is ChargebackRefusal.TOO_MUCH
    assert await desk(at).move(SUPERVISOR, entered, ChargebackState.WON, "") is None
    again = await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.OTHER, "x")
    assert not isinstance(again, RefundRequestRefusal)


async def test_nothing_taken_is_nothing_to_charge_back(at: DeskShop) -> None:
    payment = await at.shop.started()
    assert await desk(at).receive("sami", claim(payment)) is ChargebackRefusal.NOT_TAKEN
    unknown = Claim("CB-9", "nobody", "10.4", 1, *DAYS)
    assert await desk(at).receive("sami", unknown) is ChargebackRefusal.NO_PAYMENT


ROW = {
    "case_id": "CB-1",
    "order_id": "O",
    "reason_code": "10.4",
    "amount": "1 165,80 DH",
    "received_on": "2026-11-20",
    "deadline": "2026-12-05",
}


def test_a_row_of_the_acquirer_s_file() -> None:
    assert claim_of(ROW) == Claim("CB-1", "O", "10.4", 116580, *DAYS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "1.165"}, {"amount": "0"}, {"amount": "-5"}, {"case_id": ""}, {"case_id": "a\x00"},
        {"reason_code": "x" * 21}, {"deadline": "2026-11-19"}, {"received_on": "29/11/2026"}, {"deadline": "\ud800"},
    ],
)  # fmt: skip
def test_what_is_no_chargeback(wrong: dict[str, str]) -> None:
    with pytest.raises(BadChargeback):
        claim_of(ROW | wrong)


async def test_what_a_dispute_needs_is_kept_when_the_payment_is_made(shop: Shop) -> None:
    facts = DisputeFacts(rrn="633114000123", cvv_result="M", cardholder_present="1")
    payment = await shop.started()

    async def answers(*_: object) -> Approved:
        return Approved("390059", "100001001587", 76920, "visa", facts)

    shop.bank.scripts.append(answers)
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    shop.by_hand = True  # the bank's own ledger knows nothing of this answer
    row = await shop.database.one("SELECT dispute_facts FROM payments WHERE id = %(id)s", id=payment.id)
    assert row is not None
    assert facts_kept(row["dispute_facts"]) == facts


def test_facts_of_cc5_and_of_the_page() -> None:
    body = (
        b"<CC5Response><OrderId>o</OrderId><Response>Approved</Response><AuthCode>390059</AuthCode>"
        b"<HostRefNum>633114000123</HostRefNum><ProcReturnCode>00</ProcReturnCode><TransId>1</TransId>"
        b"<Extra><SETTLEID>118</SETTLEID><TRXDATE>20261129 10:00:00</TRXDATE></Extra></CC5Response>"
    )
    answer = parse_answer(body)
    assert answer is not None
    approved = outcome_of(answer)
    assert isinstance(approved, Approved)
    assert approved.facts == DisputeFacts(rrn="633114000123", batch="118", taken_at="20261129 10:00:00")
    page = {
        "mdstatus": "1",
        "eci": "05",
        "maskedcreditcard": "400000***0010",
        "cavv": "AAABBJg0VhI0VniQ",
        "xid": "eGlk",
    }
    found = facts_of(page | {"maskedcreditcard": "4000 00** **** 0010"})
    assert (found.masked_card, found.md_status, found.eci) == ("400000******0010", "1", "05")


@given(st.dictionaries(st.sampled_from(("xid", "cavv", "hostrefnum", "eci", "maskedpan", "terminalid")), st.text()))
def test_no_fact_holds_a_whole_card(said: dict[str, str]) -> None:
    pan = "4000000000000010"
    told = facts_of(said | {"xid": pan, "maskedcreditcard": pan, "cavv": "4000 0000 0000 0010"}).told()
    assert all(pan not in "".join(c for c in text if c.isdigit()) for text in told.values())
    assert Secret(pan).reveal() not in str(told)


# --- the rules, without a database ------------------------------------------------------------------------------------

LEAST = Claim("c" * 64, "O", "r" * 20, 1, DAYS[0], DAYS[0])


def test_a_claim_at_its_bounds() -> None:
    assert replace(LEAST, case_id="c", reason_code="r").amount_centimes == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"case_id": "c" * 65}, "case_id"),
        ({"case_id": ""}, "case_id"),
        ({"case_id": "a\n"}, "case_id"),
        ({"reason_code": "r" * 21}, "reason_code"),
        ({"reason_code": ""}, "reason_code"),
        ({"amount_centimes": 0}, "amount"),
        ({"amount_centimes": -1}, "amount"),
        ({"deadline": DAYS[0] - timedelta(days=1)}, "deadline"),
    ],
)
def test_what_passes_a_claims_bounds(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(BadChargeback, match=why):
        replace(LEAST, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["case_id", "order_id", "reason_code", "amount", "received_on", "deadline"])
def test_a_row_wants_each_of_its_columns_and_no_spaces(name: str) -> None:
    spaced = {column: f" {cell} " for column, cell in ROW.items()}
    assert claim_of(spaced) == claim_of(ROW)
    del spaced[name]
    if name == "order_id":  # the books know no payment without an id
        assert claim_of(spaced).payment_id == ""
    else:
        with pytest.raises(BadChargeback, match=name):
            claim_of(spaced)


ENDS = {ChargebackState.WON, ChargebackState.LOST, ChargebackState.ACCEPTED}
STEPS = {
    ChargebackState.RECEIVED: {ChargebackState.EVIDENCE_SENT, *ENDS},
    ChargebackState.EVIDENCE_SENT: ENDS,
}


@pytest.mark.parametrize("after", ChargebackState)
@pytest.mark.parametrize("before", ChargebackState)
async def test_every_step_there_is_and_who_takes_it(before: ChargebackState, after: ChargebackState) -> None:
    """Entered by one supervisor; an agent, that supervisor and another one try."""
    entered, books = Chargeback(7, LEAST, before, entered_by=SUPERVISOR.name), port()
    rules = Chargebacks(books, StillClock())
    legal = after in STEPS.get(before, set())
    assert entered.open is (before in STEPS)
    expected = {
        AGENT: ChargebackRefusal.NOT_ALLOWED if after in ENDS else None,
        SUPERVISOR: ChargebackRefusal.SECOND_PERSON if after is ChargebackState.ACCEPTED else None,
        OTHER_SUPERVISOR: None,
    }
    for actor, refusal in expected.items():
        told = await rules.move(actor, entered, after, "  by\n post " + "x" * 400)
        assert told is (refusal if legal else ChargebackRefusal.NOT_NOW)
    note = ("by post " + "x" * 400)[:300]
    allowed = [actor.name for actor, refusal in expected.items() if legal and refusal is None]
    assert books.asked == [("move", entered, after, name, note, NOON) for name in allowed]


async def test_who_entered_it_and_when_is_written_down() -> None:
    books = port(receive=ChargebackRefusal.KNOWN)
    assert await Chargebacks(books, StillClock()).receive("sami", LEAST) is ChargebackRefusal.KNOWN
    assert books.asked == [("receive", LEAST, "sami", NOON)]
