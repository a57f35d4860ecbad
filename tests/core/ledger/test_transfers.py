"""Transfers that no payment's event makes: what settlement, chargebacks and two people bring."""

from datetime import timedelta

import pytest

from core.ledger.accounts import (
    LOSSES,
    PAYERS,
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
    batch_commission,
    chargeback_lost,
    chargeback_received,
    chargeback_won,
    corrected,
    settled_credit,
    settled_sale,
    written_off,
)
from tests.core.fakes import NOON

HERE = LedgerOccasion("key", NOON, "payment")
OWED = receivable()


def moved(transfers: tuple[Transfer, ...]) -> list[tuple[str, str, int]]:
    return [(each.debit, each.credit, each.amount_centimes) for each in transfers]


def test_settlement_is_net_to_the_bank_commission_to_the_fees_and_the_gross_off_what_is_owed() -> None:
    assert moved(settled_sale(HERE, 10_000, 150)) == [(bank(), OWED, 9_850), (fees(), OWED, 150)]
    assert moved(settled_sale(HERE, 10_000)) == [(bank(), OWED, 10_000)]
    assert moved(settled_credit(HERE, 10_000, 150)) == [(OWED, bank(), 9_850), (OWED, fees(), 150)]
    assert moved(batch_commission(HERE, 150)) == [(fees(), bank(), 150)]
    assert [each.id for each in settled_sale(HERE, 10_000, 150)] == ["key.1", "key.2"]
    for commission in (-1, 10_001):
        with pytest.raises(ValueError, match="commission"):
            settled_sale(HERE, 10_000, commission)


def test_a_chargeback_is_won_or_lost() -> None:
    assert moved(chargeback_received(HERE, 100)) == [(chargebacks(), OWED, 100)]
    assert moved(chargeback_won(HERE, 100)) == [(OWED, chargebacks(), 100)]
    assert moved(chargeback_lost(HERE, 100)) == [(LOSSES, chargebacks(), 100)]


def test_two_people_write_off_and_never_what_is_a_payers() -> None:
    assert moved(written_off(HERE, OWED, 100, "amal", "badr")) == [(LOSSES, OWED, 100)]
    for first, second in (("amal", "amal"), ("", "badr"), ("amal", "")):
        with pytest.raises(ValueError, match="one person"):
            written_off(HERE, OWED, 100, first, second)
    for account in (TO_POST, LOSSES):
        with pytest.raises(ValueError, match="written off"):
            written_off(HERE, account, 100, "amal", "badr")


def test_a_correction_names_the_first_and_turns_it_round() -> None:
    (wrong,) = chargeback_received(HERE, 100)
    (counter,) = corrected(wrong, LedgerOccasion("fix", NOON, note="another's"))
    assert moved((counter,)) == [(OWED, chargebacks(), 100)]
    assert counter.note == "corrects key.1: another's"


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
        *settled_sale(here, 100, 10),
        *settled_credit(here, 100, 10),
        *batch_commission(here, 10),
        *chargeback_received(here, 1),
        *chargeback_won(here, 1),
        *chargeback_lost(here, 1),
        *written_off(here, receivable("amex"), 1, "amal", "badr"),
    )
    assert [f"{each.id} {each.event}" for each in made] == [
        "key.1 settled",
        "key.2 settled",
        "key.1 settled_credit",
        "key.2 settled_credit",
        "key.1 commission",
        "key.1 chargeback_received",
        "key.1 chargeback_won",
        "key.1 chargeback_lost",
        "key.1 written_off",
    ]
    assert {(each.at, each.payment_id, each.note, each.currency) for each in made} == {
        (NOON, "payment", "a note", "EUR")
    }
    assert {account for each in made for account in (each.debit, each.credit)} <= set(every_account("amex"))


def test_a_commission_may_be_the_whole_and_never_more() -> None:
    assert moved(settled_sale(HERE, 100, 100)) == [(fees(), OWED, 100)]
    assert moved(settled_credit(HERE, 100, 100)) == [(OWED, fees(), 100)]
    assert moved(settled_credit(HERE, 100)) == [(OWED, bank(), 100)]
    for commission in (-1, 101):
        with pytest.raises(ValueError, match="commission"):
            settled_credit(HERE, 100, commission)


def test_the_smallest_transfer_is_one_centime() -> None:
    assert Transfer("x", NOON, OWED, POSTED, 1, "test").currency == "MAD"
    with pytest.raises(ValueError, match="one centime"):
        Transfer("x", NOON, OWED, POSTED, 0, "test")


@pytest.mark.parametrize("account", sorted(PAYERS))
def test_no_payers_money_is_written_off(account: str) -> None:
    with pytest.raises(ValueError, match="written off"):
        written_off(HERE, account, 100, "amal", "badr")


def test_a_correction_keeps_whose_and_which_bill_it_was() -> None:
    wrong = Transfer("w.1", NOON, OWED, POSTED, 7, "settled", "payment", "bill", "note", "EUR")
    (counter,) = corrected(wrong, LedgerOccasion("fix", NOON + timedelta(days=1), "another"))
    assert counter == Transfer(
        "fix.1", NOON + timedelta(days=1), POSTED, OWED, 7, "correction", "payment", "bill", "corrects w.1", "EUR"
    )
