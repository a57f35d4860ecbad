"""Transfers that no payment's event makes: what settlement, chargebacks and two people bring."""

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
