"""The operations page's numbers are what the books say: seeded, read, and counted again by hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from core.database.help_desk.operations import PgOps
from core.database.pool import Database, open_database
from core.help_desk.operations import BankAnswer, Sales, Undecided, UndecidedPayment, WorkQueue

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SINCE = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
THIS_HOUR = NOW.replace(minute=0)

PAYMENT = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    language, channel, bills, amount_centimes, currency, created_at, expires_at, due_at, sent_at, approved_centimes,
    paid_at)
VALUES (%(id)s, %(id)s, '', %(id)s, %(state)s, 'mobile', '0600000001', '+212600000001', 'fr', %(channel)s, '[]',
    %(centimes)s, 'MAD', %(at)s, %(at)s, %(due_at)s, %(at)s, %(approved)s, %(paid_at)s)
"""
EVENT = """
INSERT INTO payment_events (payment_id, at, event, state, detail) VALUES (%(id)s, %(at)s, %(event)s, '', %(detail)s)
"""
MESSAGE = """
INSERT INTO messages (reference, kind, payment_id, recipient, status, error, due_at, created_at, updated_at)
VALUES (%(reference)s, %(kind)s, %(id)s, '', %(status)s, %(error)s, %(due_at)s, %(at)s, %(at)s)
"""
LINE = """
INSERT INTO payment_lines (payment_id, service, line_reference, invoice_number, amount_centimes, active, posting,
    posting_due_at)
VALUES (%(id)s, 'mobile', '0600000001', %(id)s, 100, true, %(posting)s, %(due_at)s)
"""


@dataclass
class Ledger:
    """Puts rows where a test wants them."""

    database: Database

    async def payment(
        self,
        name: str,
        at: datetime = NOW,
        *,
        state: str = "captured",
        channel: str = "ussd",
        centimes: int = 10_000,
        approved: int | None = None,
    ) -> None:
        paid_at = at if state in {"captured", "refunded"} else None
        due_at = at if state == "voiding" else None
        await self.database.do(
            PAYMENT,
            id=name,
            state=state,
            channel=channel,
            centimes=centimes,
            at=at,
            due_at=due_at,
            approved=approved,
            paid_at=paid_at,
        )

    async def event(self, name: str, event: str, detail: str | None = None, at: datetime = NOW) -> None:
        await self.database.do(EVENT, id=name, at=at, event=event, detail=detail)

    async def message(
        self, reference: str, kind: str, status: str, *, at: datetime = NOW, waits: bool = False, error: str = ""
    ) -> None:
        due_at = NOW if waits else None
        await self.database.do(
            MESSAGE, reference=reference, kind=kind, id=None, status=status, error=error, due_at=due_at, at=at
        )

    async def line(self, name: str, posting: str, *, waits: bool = False) -> None:
        await self.database.do(LINE, id=name, posting=posting, due_at=NOW if waits else None)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with open_database(database_url) as database:
        yield Ledger(database)


async def test_an_empty_house_is_all_noughts(ledger: Ledger) -> None:
    overview = await PgOps(ledger.database).overview(SINCE)
    assert overview.sales == ()
    assert overview.undecided == Undecided(0, 0, None, ())
    assert [queue.waiting for queue in overview.queues] == [0, 0, 0, 0]
    assert (overview.by_hand, overview.giving_back, overview.settlement, overview.troubles) == (0, 0, None, ())


async def test_payments_and_dirhams_by_hour_and_channel(ledger: Ledger) -> None:
    await ledger.payment("a", THIS_HOUR)
    await ledger.payment("b", NOW, approved=12_345)  # the acquirer's amount counts
    await ledger.payment("c", NOW, channel="ivr", state="refunded")  # what was taken was taken
    await ledger.payment("d", THIS_HOUR - timedelta(microseconds=1), centimes=500)
    await ledger.payment("e", SINCE)
    await ledger.payment("f", SINCE - timedelta(microseconds=1))
    await ledger.payment("g", NOW, state="declined")
    overview = await PgOps(ledger.database).overview(SINCE)
    assert overview.sales == (
        Sales(SINCE, "ussd", 1, 10_000),
        Sales(THIS_HOUR - timedelta(hours=1), "ussd", 1, 500),
        Sales(THIS_HOUR, "ivr", 1, 10_000),
        Sales(THIS_HOUR, "ussd", 2, 22_345),
    )


async def test_answers_are_counted_by_code_and_old_ones_are_not(ledger: Ledger) -> None:
    await ledger.payment("a")
    for event, detail in (
        ("approved", None),
        ("refused", "other_card 51"),
        ("refused", "other_card 51"),
        ("refused", "limit 61"),
        ("lost", "no answer in 30 s"),
        ("lost", "pending"),
        ("bill_posted", "0000171682062019"),
    ):
        await ledger.event("a", event, detail)
    await ledger.event("a", "approved", at=SINCE - timedelta(seconds=1))
    overview = await PgOps(ledger.database).overview(SINCE)
    assert set(overview.answers) == {
        BankAnswer("approved", "", 1),
        BankAnswer("refused", "other_card 51", 2),
        BankAnswer("refused", "limit 61", 1),
        BankAnswer("lost", "", 2),
    }
    assert overview.events == {"approved": 1, "refused": 3, "lost": 2}


async def test_what_waits_is_as_old_as_its_beginning(ledger: Ledger) -> None:
    hour_ago, days_ago = NOW - timedelta(hours=1), NOW - timedelta(days=3)
    await ledger.message("1", "receipt_sms", "queued", at=hour_ago, waits=True)
    await ledger.message("2", "answer_sms", "queued", waits=True)
    await ledger.message("3", "receipt_mail", "queued", at=days_ago, waits=True)
    await ledger.message("4", "receipt_mail", "failed", error="refused")
    await ledger.message("5", "receipt_sms", "failed", at=days_ago)
    await ledger.message("6", "outgoing_call", "sent")
    await ledger.payment("p", hour_ago)
    await ledger.line("p", "pending", waits=True)
    await ledger.payment("q")
    await ledger.line("q", "stuck")
    await ledger.payment("r", state="voiding")
    overview = await PgOps(ledger.database).overview(SINCE)
    assert overview.queues == (
        WorkQueue("sms", 2, hour_ago, 0),
        WorkQueue("mail", 1, days_ago, 1),
        WorkQueue("call", 0, None, 0),
        WorkQueue("posting", 1, hour_ago, 1),
    )
    assert (overview.by_hand, overview.giving_back) == (1, 1)
    (trouble,) = overview.troubles
    assert (trouble.event, trouble.detail, trouble.message) == ("receipt_mail", "refused", True)


async def test_undecided_payments_and_errors_lead_to_their_story(ledger: Ledger) -> None:
    for minutes in range(12):
        await ledger.payment(f"u{minutes:02}", NOW - timedelta(minutes=minutes), state="unknown")
    await ledger.event("u03", "mismatch", "approved 1, asked 2", at=NOW - timedelta(minutes=3))
    await ledger.event("u04", "undo_refused", at=NOW)
    await ledger.event("u05", "send", at=NOW)
    overview = await PgOps(ledger.database).overview(SINCE)
    oldest = NOW - timedelta(minutes=11)
    assert (overview.undecided.count, overview.undecided.centimes, overview.undecided.oldest) == (12, 120_000, oldest)
    assert overview.undecided.first[0] == UndecidedPayment("u11", oldest, 10_000)
    assert len(overview.undecided.first) == 10
    assert [(each.event, each.payment_id) for each in overview.troubles] == [
        ("undo_refused", "u04"),
        ("mismatch", "u03"),
    ]


async def test_the_last_comparison_with_the_bank_is_told(ledger: Ledger) -> None:
    for name, ran_at, different in (("a" * 64, NOW, 2), ("b" * 64, SINCE, 0)):
        await ledger.database.do(
            "INSERT INTO settlement_runs (file_hash, file_name, ran_at, rows_read, unreadable, matched, missing_here,"
            " missing_there, different) VALUES (%(name)s, 'cmi.csv', %(ran_at)s, 9, 0, 6, 1, 0, %(different)s)",
            name=name,
            ran_at=ran_at,
            different=different,
        )
    overview = await PgOps(ledger.database).overview(SINCE)
    assert overview.settlement is not None
    assert (overview.settlement.at, overview.settlement.open, overview.settlement.matched) == (NOW, 3, 6)


async def test_nothing_can_be_written_on_the_way_and_the_connection_is_as_before(ledger: Ledger) -> None:
    for _ in range(12):  # more than the pool has
        await PgOps(ledger.database).overview(SINCE)
    await ledger.payment("a")
    row = await ledger.database.one("SHOW transaction_isolation")
    assert row == {"transaction_isolation": "read committed"}
    assert len((await PgOps(ledger.database).overview(SINCE)).sales) == 1
