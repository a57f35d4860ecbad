"""What an auditor reads: each account's day, and the equations that must hold. Pure.

E1 all debits are all credits. E2 and E3: what the ledger says of bills, refunds, credits and doubts is what the tables
say. E4: the acquirer's receivable is what was captured and not paid in. E5: what settlement booked is what the
acquirer's files say. E6: nothing is negative that must not be.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.ledger.accounts import CAPTURES, CREDITS, POSTED, TO_POST, TO_REFUND, every_account, never_negative, signed

DOUBT_OLD = timedelta(days=1)
# Payers' accounts, each under the equation that compares it with the tables.
COMPARED = {TO_POST: "E2", POSTED: "E2", TO_REFUND: "E2", CREDITS: "E3", CAPTURES: "E3"}


@dataclass(frozen=True, slots=True)
class Sums:
    """Debits and credits of one account, in centimes."""

    debits_centimes: int = 0
    credits_centimes: int = 0

    def plus(self, other: "Sums") -> "Sums":
        return Sums(self.debits_centimes + other.debits_centimes, self.credits_centimes + other.credits_centimes)


@dataclass(frozen=True, slots=True)
class AccountDay:
    """The day of one account; opening and closing are positive on the account's own side."""

    account: str
    currency: str
    opening_centimes: int
    debits_centimes: int
    credits_centimes: int
    closing_centimes: int


@dataclass(frozen=True, slots=True)
class Equation:
    """`says` in words; it holds when both sides are the same."""

    name: str
    says: str
    left_centimes: int
    right_centimes: int

    @property
    def holds(self) -> bool:
        return self.left_centimes == self.right_centimes


@dataclass(frozen=True, slots=True)
class Doubt:
    """Money of one payment whose end is not known, and since when."""

    payment_id: str
    account: str
    centimes: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """A payment whose tables and transfers disagree: the first would need this movement to be what the second say."""

    payment_id: str
    bill: str
    debit: str
    credit: str
    centimes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures that the equations are made of, read at one moment. `tables`: account -> centimes by the payment
    tables.
    """

    ledger: Mapping[tuple[str, str], Sums]  # (account, currency)
    tables: Mapping[str, int]
    taken_centimes: int  # taken and not given back, counted from the payments by another way
    outside_centimes: int  # what settlement, chargebacks and write-offs took off the receivables
    booked_centimes: int  # settled by the ledger, net of credits
    files_centimes: int | None  # the same by the acquirer's files; None: there are none


@dataclass(frozen=True, slots=True)
class BalanceSheet:
    """The accounts' day, and how the ledger stands. `equations` of an earlier day are only those a day can tell by
    itself.
    """

    day: date
    closed: bool
    accounts: tuple[AccountDay, ...]
    equations: tuple[Equation, ...]
    differences: tuple[Difference, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def holds(self) -> bool:
        return all(equation.holds for equation in self.equations)


def account_days(
    opening: Mapping[tuple[str, str], Sums], moved: Mapping[tuple[str, str], Sums]
) -> tuple[AccountDay, ...]:
    """Accounts in their order; those that never moved are shown at zero, in the currency the others have."""
    keys = opening.keys() | moved.keys()
    currencies = sorted({currency for _, currency in keys}) or ["MAD"]
    usual = {account: number for number, account in enumerate(every_account())}
    named = {account for account, _ in keys} | usual.keys()
    order = sorted(named, key=lambda account: (usual.get(account, -1), account))
    return tuple(
        _account_day(
            account, currency, opening.get((account, currency), Sums()), moved.get((account, currency), Sums())
        )
        for currency in currencies
        for account in order
    )


def _account_day(account: str, currency: str, opening: Sums, moved: Sums) -> AccountDay:
    closing = opening.plus(moved)
    return AccountDay(
        account,
        currency,
        signed(account, opening.debits_centimes, opening.credits_centimes),
        moved.debits_centimes,
        moved.credits_centimes,
        signed(account, closing.debits_centimes, closing.credits_centimes),
    )


def by_itself(ledger: Mapping[tuple[str, str], Sums]) -> Iterable[Equation]:
    """E1 for each currency, and E6: what sums alone can tell."""
    for currency in sorted({currency for _, currency in ledger}) or ["MAD"]:
        sums = [each for (_, of), each in ledger.items() if of == currency]
        debits, credited = sum(each.debits_centimes for each in sums), sum(each.credits_centimes for each in sums)
        yield Equation("E1", f"all debits are all credits, in {currency}", debits, credited)
    for (account, currency), each in sorted(ledger.items()):
        balance = signed(account, each.debits_centimes, each.credits_centimes)
        if never_negative(account) and balance < 0:
            yield Equation("E6", f"{account} is not negative, in {currency}", balance, 0)


def equations(figures: Figures) -> tuple[Equation, ...]:
    """Returns all equations in order; E6 appears when one fails, and once as holding otherwise."""
    ledger = dict.fromkeys(every_account(), 0)
    for (account, _), each in figures.ledger.items():
        ledger[account] = ledger.get(account, 0) + signed(account, each.debits_centimes, each.credits_centimes)
    alone = list(by_itself(figures.ledger))
    found = [each for each in alone if each.name == "E1"]
    for account, name in COMPARED.items():
        says = f"{account} is what the payments' tables say"
        found.append(Equation(name, says, ledger[account], figures.tables.get(account, 0)))
    owed = sum(centimes for account, centimes in ledger.items() if account.startswith("acquirer:"))
    unsettled = figures.taken_centimes - figures.outside_centimes
    found.append(Equation("E4", "the receivable is what was captured and not paid in", owed, unsettled))
    if figures.files_centimes is not None:
        says = "what settlement booked is what the acquirer's files say"
        found.append(Equation("E5", says, figures.booked_centimes, figures.files_centimes))
    negative = [each for each in alone if each.name == "E6"]
    return (*found, *(negative or [Equation("E6", "no account is negative that must not be", 0, 0)]))


def fails(equations: Sequence[Equation]) -> dict[str, bool]:
    """Equation -> whether one of that name fails; for the metrics."""
    names = sorted({each.name for each in equations})
    return {name: any(not each.holds for each in equations if each.name == name) for name in names}
