"""Transfers that no payment's event makes: those of a chargeback."""

import pytest

from core.ledger.accounts import (
    LOSSES,
    POSTED,
    TO_POST,
    TO_REFUND,
    AccountKind,
    bank,
    chargebacks,
    every_account,
    fees,
    kind_of,
    never_negative,
    receivable,
    signed,
)
from core.ledger.transfers import (
    LedgerOccasion,
    Transfer,
    chargeback_lost,
    chargeback_received,
    chargeback_won,
)
from lab.clocks import NOON

HERE = LedgerOccasion("key", NOON, "payment")
OWED = receivable()


def moved(transfers: tuple[Transfer, ...]) -> list[tuple[str, str, int]]:
    return [(each.debit, each.credit, each.amount_centimes) for each in transfers]


def test_a_chargeback_is_won_or_lost() -> None:
    assert moved(chargeback_received(HERE, 100)) == [(chargebacks(), OWED, 100)]
    assert moved(chargeback_won(HERE, 100)) == [(OWED, chargebacks(), 100)]
    assert moved(chargeback_lost(HERE, 100)) == [(LOSSES, chargebacks(), 100)]


@pytest.mark.parametrize(("debit", "credit", "amount"), [(OWED, OWED, 1), (OWED, POSTED, 0), ("petty cash", POSTED, 1)])
def test_what_is_no_transfer_is_refused(debit: str, credit: str, amount: int) -> None:
    with pytest.raises(ValueError, match=r"account|centime|sides"):
        Transfer("x", NOON, debit, credit, amount, "test")


def test_a_balance_is_positive_on_its_accounts_own_side() -> None:
    assert (signed(OWED, 3, 1), signed(POSTED, 1, 3), signed(fees(), 3, 1)) == (2, 2, 2)
    assert {kind_of(account) for account in every_account()} == set(AccountKind)
    assert [account for account in every_account() if never_negative(account)] == [
        chargebacks(),
        LOSSES,
        TO_POST,
        POSTED,
        TO_REFUND,
        "doubt:credits",
    ]


def test_the_accounts_names_and_kinds_are_fixed() -> None:
    """They stand in rows of years ago and in the database's own functions."""
    kinds = {account: kind_of(account) for account in every_account("amex")}
    assert list(kinds.items()) == [
        ("acquirer:amex:receivable", AccountKind.ASSET),
        ("bank:amex", AccountKind.ASSET),
        ("fees:amex", AccountKind.EXPENSE),
        ("chargebacks:amex", AccountKind.ASSET),
        ("losses", AccountKind.EXPENSE),
        ("bills:to_post", AccountKind.LIABILITY),
        ("bills:posted", AccountKind.LIABILITY),
        ("customers:to_refund", AccountKind.LIABILITY),
        ("doubt:credits", AccountKind.LIABILITY),
        ("doubt:captures", AccountKind.LIABILITY),
    ]
    assert (OWED, bank(), fees(), chargebacks()) == (
        "acquirer:cmi:receivable",
        "bank:cmi",
        "fees:cmi",
        "chargebacks:cmi",
    )


def test_a_transfer_says_what_it_is_when_and_of_what() -> None:
    here = LedgerOccasion("key", NOON, "payment", "amex", "a note", "EUR")
    made = (
        *chargeback_received(here, 1),
        *chargeback_won(here, 1),
        *chargeback_lost(here, 1),
    )
    assert [f"{each.id} {each.event}" for each in made] == [
        "key.1 chargeback_received",
        "key.1 chargeback_won",
        "key.1 chargeback_lost",
    ]
    assert {(each.at, each.payment_id, each.note, each.currency) for each in made} == {
        (NOON, "payment", "a note", "EUR")
    }
    assert {account for each in made for account in (each.debit, each.credit)} <= set(every_account("amex"))


def test_the_smallest_transfer_is_one_centime() -> None:
    assert Transfer("x", NOON, OWED, POSTED, 1, "test").currency == "MAD"
    with pytest.raises(ValueError, match="one centime"):
        Transfer("x", NOON, OWED, POSTED, 0, "test")
