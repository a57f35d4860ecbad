"""The ledger's values without a database: places, legs, days, sums and equations, each whole."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest

from core.hash_chain import canonical
from core.ledger.accounts import (
    CAPTURES,
    CREDITS,
    LOSSES,
    POSTED,
    TO_POST,
    TO_REFUND,
    bank,
    every_account,
    fees,
    kind_of,
    never_negative,
    receivable,
)
from core.ledger.balances import (
    AccountDay,
    BalanceSheet,
    Equation,
    Figures,
    Sums,
    account_days,
    by_itself,
    equations,
    fails,
)
from core.ledger.day_report import DayReport, ReportRow, summed
from core.ledger.days import Closing, RowsHash, bounds, day_of, last_over
from core.ledger.following import Happened, _paired, applied, legs
from core.ledger.places import EXCESS, Line, place, positions
from core.ledger.transfers import Transfer
from core.payments.table import PaymentState
from core.refunds.model import Refund, RefundState
from core.repositories import PostingState
from core.zone import ZONE
from lab.clocks import NOON
from tests.support.paid import paid

OWED = receivable()
PAYMENT = paid()
DAY = date(2026, 11, 23)

# --- where money lies -------------------------------------------------------------------------------------------------

HERE = ("captured", "integrity_failure", "voiding", "refunding")
BY_POSTING: dict[str, str | None] = {
    "pending": TO_POST, "posted": POSTED, "refused": TO_REFUND, "crediting": CREDITS, "stuck": CREDITS,
    "credited": None, "asked": TO_REFUND, EXCESS: CAPTURES, "nobody knows": CREDITS,
}  # fmt: skip


@pytest.mark.parametrize("item", BY_POSTING)
@pytest.mark.parametrize("state", PaymentState)
def test_a_place_by_the_payments_state_and_its_bills(state: PaymentState, item: str) -> None:
    usual = BY_POSTING[item] if state in HERE else None
    expected = usual
    if usual is not None and state is PaymentState.REFUNDING:
        expected = CREDITS
    elif usual in {TO_POST, POSTED} and state is PaymentState.VOIDING:
        expected = TO_REFUND
    assert place(state, item) == expected


def refund(state: RefundState, centimes: int, *, whole: bool = False) -> Refund:
    return Refund(1, PAYMENT.id, "1", centimes, state, 1, whole=whole)


def test_the_positions_of_a_payment_in_parts() -> None:
    lines = [Line("1", PostingState.POSTED, 900), Line("2", None, 50), Line("3", PostingState.PENDING, 0)]
    parts = [refund(state, 10**n) for n, state in enumerate(RefundState)]
    wholes = [replace(part, whole=True, amount_centimes=7 * part.amount_centimes) for part in parts]
    asked, doubtful = 1, 10 + 100_000  # asked; crediting and stuck
    assert [part.state for part in parts][:2] == ["asked", "crediting"]
    assert parts[5].state == "stuck"
    assert positions(PAYMENT, lines, parts + wholes) == {
        ("1", POSTED): 900, ("1", TO_REFUND): asked, ("1", CREDITS): doubtful
    }  # fmt: skip


def test_what_was_taken_beside_the_bills() -> None:
    asked = PAYMENT.amount_centimes
    more, unpaid = replace(PAYMENT, approved_centimes=asked + 5), replace(PAYMENT, paid_at=None)
    assert positions(PAYMENT, [], []) == {}
    assert positions(more, [], []) == {("", CAPTURES): 5}
    assert positions(unpaid, [], []) == {("", CAPTURES): asked}
    assert positions(replace(unpaid, approved_centimes=7), [], []) == {("", CAPTURES): 7}
    surplus = {"w1": 3, "w2": 4}
    assert positions(PAYMENT, [], [], surplus) == {("w1", CAPTURES): 3, ("w2", CAPTURES): 4}


def test_a_credit_that_was_refused_is_owed_still() -> None:
    lines = [Line("1", PostingState.POSTED, 900)]
    going = replace(PAYMENT, state=PaymentState.REFUNDING)
    assert positions(going, lines, []) == {("1", CREDITS): 900}
    assert positions(replace(going, by_hand="undo_refused"), lines, []) == {("1", TO_REFUND): 900}
    assert positions(replace(PAYMENT, by_hand="unconfirmed"), lines, []) == {("1", POSTED): 900}


# --- transfers --------------------------------------------------------------------------------------------------------


def moved(event: str, before: dict[tuple[str, str], int], now: dict[tuple[str, str], int]) -> list[tuple[object, ...]]:
    happened = Happened("e", NOON, event, "p", "EUR", "amex")
    made = legs(happened, before, now)
    assert [each.id for each in made] == [f"e.{number}" for number in range(1, len(made) + 1)]
    assert {(each.at, each.event, each.payment_id, each.currency) for each in made} <= {(NOON, event, "p", "EUR")}
    return [(each.bill, each.debit, each.credit, each.amount_centimes) for each in made]


def test_the_legs_of_an_event() -> None:
    theirs = receivable("amex")
    taken = {("1", TO_POST): 100, ("2", TO_POST): 50}
    assert moved("approved", {}, taken) == [("1", theirs, TO_POST, 100), ("2", theirs, TO_POST, 50)]
    assert moved("bill_posted", taken, {("1", POSTED): 100, ("2", TO_POST): 50}) == [("1", TO_POST, POSTED, 100)]
    back = {("1", POSTED): 60, ("1", TO_REFUND): 40, ("2", TO_POST): 50}
    assert moved("part", {("1", POSTED): 100, ("2", TO_POST): 50}, back) == [("1", POSTED, TO_REFUND, 40)]
    assert moved("voided", back, {}) == [
        ("1", POSTED, theirs, 60), ("1", TO_REFUND, theirs, 40), ("2", TO_POST, theirs, 50)
    ]  # fmt: skip


def test_an_event_that_only_moves_takes_nothing_in_and_gives_nothing_back() -> None:
    assert moved("part", {("1", POSTED): 100}, {("1", POSTED): 60, ("1", TO_REFUND): 50}) == [
        ("1", POSTED, TO_REFUND, 40)
    ]
    assert moved("part", {("1", POSTED): 100}, {}) == moved("part", {}, {("1", POSTED): 100}) == []
    assert moved("part_credited", {("1", CREDITS): 5}, {}) == [("1", CREDITS, receivable("amex"), 5)]


def test_what_was_lost_pairs_with_what_was_gained_in_the_order_of_names() -> None:
    for deltas, pairs in (
        ({"a": -100, "b": 60, "c": 40}, [("a", "b", 60), ("a", "c", 40)]),
        ({"a": -60, "b": -40, "c": 100}, [("a", "c", 60), ("b", "c", 40)]),
        ({"a": -70, "b": -30, "c": 50, "d": 50}, [("a", "c", 50), ("a", "d", 20), ("b", "d", 30)]),
        ({"a": -60, "b": -50, "c": 100, "d": 10}, [("a", "c", 60), ("b", "c", 40), ("b", "d", 10)]),
        ({"a": 0, "b": -1, "c": 1}, [("b", "c", 1)]),
        ({"a": -100, "b": 60, None: 40}, [("a", "b", 60)]),
        ({"a": -5}, []),
    ):
        assert list(_paired(deltas)) == pairs  # type: ignore[arg-type]


def test_positions_after_transfers() -> None:
    def transfer(debit: str, credit: str, centimes: int, bill: str = "1") -> Transfer:
        return Transfer("x", NOON, debit, credit, centimes, "e", bill=bill)

    after = applied({("1", TO_POST): 5}, (transfer(OWED, TO_POST, 10), transfer(TO_POST, POSTED, 4, "1")), OWED)
    assert after == {("1", TO_POST): 11, ("1", POSTED): 4}
    assert applied(after, (transfer(TO_POST, OWED, 11), transfer(POSTED, OWED, 4)), OWED) == {}
    with pytest.raises(ValueError, match="one centime"):
        transfer(OWED, TO_POST, 0)
    with pytest.raises(ValueError, match="two sides"):
        transfer(OWED, OWED, 1)
    for name in ("petty cash", "bills", "banks:x", ""):
        with pytest.raises(ValueError, match=f"^{name} is no account$"):
            kind_of(name)
    assert never_negative("chargebacks:x")
    assert not never_negative("chargebacks")


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "over"),
    [
        (datetime(2026, 11, 24, 0, 29, 59, tzinfo=ZONE), date(2026, 11, 22)),
        (datetime(2026, 11, 24, 0, 30, tzinfo=ZONE), date(2026, 11, 23)),
        (datetime(2026, 11, 24, 23, 59, tzinfo=ZONE), date(2026, 11, 23)),
    ],
)
def test_the_latest_day_that_can_be_closed(local: datetime, over: date) -> None:
    assert last_over(local) == last_over(local.astimezone(UTC)) == over


def test_a_day_is_moroccos() -> None:
    """Which was an hour ahead of UTC until September 2026."""
    assert bounds(date(2025, 11, 11)) == (
        datetime(2025, 11, 10, 23, tzinfo=UTC),
        datetime(2025, 11, 11, 23, tzinfo=UTC),
    )
    begins, ends = bounds(DAY)
    assert (day_of(begins), day_of(ends - timedelta(microseconds=1)), day_of(ends)) == (
        DAY,
        DAY,
        DAY + timedelta(days=1),
    )
    assert (ends - begins, begins.tzinfo) == (timedelta(days=1), UTC)


def test_a_days_rows_are_hashed_in_their_order() -> None:
    rows = RowsHash()
    assert (rows.rows_count, rows.digest()) == (0, sha256().digest())
    for row in ({"id": "1"}, {"id": "2"}):
        rows.take(row)
    whole = sha256(canonical({"id": "1"}) + b"\n" + canonical({"id": "2"}) + b"\n").digest()
    assert (rows.rows_count, rows.digest()) == (2, whole)
    totals = {("b", "MAD"): Sums(3, 4), ("a", "MAD"): Sums(1, 2), ("a", "EUR"): Sums(5, 6)}
    assert Closing(7, DAY, 2, b"\x01\xff", totals).fields() == {
        "day": DAY, "rows": 2, "rows_hash": "01ff", "totals": "a EUR 5 6\na MAD 1 2\nb MAD 3 4"
    }  # fmt: skip


# --- balances ---------------------------------------------------------------------------------------------------------


def test_an_accounts_day_opens_moves_and_closes() -> None:
    opening = {(OWED, "MAD"): Sums(10, 4), (TO_POST, "MAD"): Sums(1, 9)}
    days = account_days(opening, {(OWED, "MAD"): Sums(5, 2), (bank("amex"), "MAD"): Sums(7, 0)})
    by_name = {day.account: day for day in days}
    assert by_name[OWED] == AccountDay(OWED, "MAD", 6, 5, 2, 9)
    assert by_name[TO_POST] == AccountDay(TO_POST, "MAD", 8, 0, 0, 8)
    assert by_name[bank("amex")] == AccountDay(bank("amex"), "MAD", 0, 7, 0, 7)
    assert [day.account for day in days] == [bank("amex"), *every_account()]  # another acquirer's before those of ours


def test_each_currency_is_shown_and_an_empty_ledger_is_in_dirhams() -> None:
    nothing = account_days({}, {})
    assert {(day.currency, day.opening_centimes, day.closing_centimes) for day in nothing} == {("MAD", 0, 0)}
    both = account_days({(OWED, "MAD"): Sums(1, 0)}, {(OWED, "EUR"): Sums(2, 0)})
    assert [day.currency for day in both] == ["EUR"] * 10 + ["MAD"] * 10
    assert [day.closing_centimes for day in both if day.account == OWED] == [2, 1]
    assert [(each.says, each.left_centimes, each.right_centimes) for each in by_itself({})] == [
        ("all debits are all credits, in MAD", 0, 0)
    ]


LEDGER = {
    (OWED, "MAD"): Sums(1_000, 100), (receivable("amex"), "MAD"): Sums(50, 0), (TO_POST, "MAD"): Sums(0, 500),
    (POSTED, "MAD"): Sums(0, 300), (TO_REFUND, "MAD"): Sums(0, 100), (CREDITS, "MAD"): Sums(0, 40),
    (CAPTURES, "MAD"): Sums(0, 10), (fees(), "MAD"): Sums(7, 0), (LOSSES, "MAD"): Sums(0, 0),
}  # fmt: skip
TABLES = {TO_POST: 500, POSTED: 300, TO_REFUND: 100, CREDITS: 40, CAPTURES: 10}
FIGURES = Figures(LEDGER, TABLES, taken_centimes=1_000, outside_centimes=50, booked_centimes=7, files_centimes=7)


def sides(figures: Figures) -> list[tuple[str, int, int]]:
    return [(each.name, each.left_centimes, each.right_centimes) for each in equations(figures)]


def test_the_equations_that_must_hold() -> None:
    assert sides(FIGURES) == [
        ("E1", 1_057, 1_050), ("E2", 500, 500), ("E2", 300, 300), ("E2", 100, 100), ("E3", 40, 40), ("E3", 10, 10),
        ("E4", 950, 950), ("E5", 7, 7), ("E6", 0, 0),
    ]  # fmt: skip
    assert [each.says for each in equations(FIGURES)] == [
        "all debits are all credits, in MAD",
        "bills:to_post is what the payments' tables say",
        "bills:posted is what the payments' tables say",
        "customers:to_refund is what the payments' tables say",
        "doubt:credits is what the payments' tables say",
        "doubt:captures is what the payments' tables say",
        "the receivable is what was captured and not paid in",
        "what settlement booked is what the acquirer's files say",
        "no account is negative that must not be",
    ]
    assert "E5" not in {name for name, _, _ in sides(replace(FIGURES, files_centimes=None))}
    nothing = Figures({}, {}, 0, 0, 0, None)
    assert sides(nothing) == [(name, 0, 0) for name in ("E1", "E2", "E2", "E2", "E3", "E3", "E4", "E6")]


def test_each_equation_that_does_not_hold_is_named() -> None:
    negative = LEDGER | {(TO_POST, "MAD"): Sums(501, 500), (LOSSES, "MAD"): Sums(0, 1), (OWED, "MAD"): Sums(0, 1)}
    found = [each for each in equations(replace(FIGURES, ledger=negative)) if each.name == "E6"]
    assert [(each.says, each.left_centimes, each.right_centimes) for each in found] == [
        ("bills:to_post is not negative, in MAD", -1, 0),
        ("losses is not negative, in MAD", -1, 0),
    ]
    balanced = replace(FIGURES, ledger=LEDGER | {(fees(), "MAD"): Sums(0, 0)})
    sheet = BalanceSheet(DAY, False, (), tuple(equations(balanced)))
    assert sheet.holds
    assert not replace(sheet, equations=(*sheet.equations, Equation("E4", "", 1, 2))).holds
    assert fails((*sheet.equations, Equation("E4", "", 1, 2))) == {
        "E1": False, "E2": False, "E3": False, "E4": True, "E5": False, "E6": False
    }  # fmt: skip
    assert not Equation("E1", "", 1, 2).holds


def test_a_report_adds_up() -> None:
    numbers = dict(
        zip((name for name in ReportRow.__slots__ if name not in {"acquirer", "tender"}), range(1, 10), strict=True)
    )
    row = ReportRow("cmi", "visa", **numbers)
    report = DayReport(DAY, NOON, over=True, rows=(row, row))
    assert report.total == ReportRow("", "", **{name: 2 * number for name, number in numbers.items()})
    assert (row.net_centimes, summed([])) == (row.taken_centimes - row.back_centimes, ReportRow("", ""))
