"""The facts of a dispute: under every name that acquirers give them, and never a whole card's number."""

import pytest

from core.chargebacks.model import DisputeFacts, facts_kept, facts_of

SAID = {
    "hostrefnum": "rrn",
    "mdstatus": "md_status",
    "eci": "eci",
    "payersecuritylevel": "eci",
    "cavv": "cavv",
    "payerauthenticationcode": "cavv",
    "xid": "xid",
    "payertxnid": "xid",
    "cvv2result": "cvv_result",
    "cvvresult": "cvv_result",
    "extra.cvv2result": "cvv_result",
    "terminalid": "terminal",
    "terminal": "terminal",
    "acqterminal": "terminal",
    "settleid": "batch",
    "extra.settleid": "batch",
    "trxdate": "taken_at",
    "extra.trxdate": "taken_at",
}


@pytest.mark.parametrize(("theirs", "ours"), SAID.items())
def test_each_name_that_acquirers_use_is_one_of_ours(theirs: str, ours: str) -> None:
    assert facts_of({theirs: " M1 "}).told() == {ours: "M1"}


def test_the_first_name_that_holds_something_counts() -> None:
    assert facts_of({"eci": "", "payersecuritylevel": "05"}).eci == "05"
    assert facts_of({"eci": "07", "payersecuritylevel": "05"}).eci == "07"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("4000*****0010", "4000********0010"),
        ("400000******0010", "400000******0010"),
        ("40000012****0010", "400000******0010"),
        ("4000 00xx xxxx 0010", "400000******0010"),
        ("400***0010", ""),
        ("4000***0010", ""),
        ("4000000000000010", ""),
    ],
)
@pytest.mark.parametrize("name", ["maskedcreditcard", "maskedpan"])
def test_a_card_shows_six_digits_and_four_at_most(name: str, said: str, kept: str) -> None:
    found = facts_of({name: said})
    assert (found.masked_card, found.last4) == (kept, "0010" if kept else None)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1" * 12, True),
        ("1" * 13, False),
        ("1" * 6 + " " + "1" * 7, False),
        ("1" * 6 + "-" + "1" * 7, False),
        ("4000.0000.0000.0010", False),
        ("4000/0000/0000/0010", False),
        ("4000:0000:0000:0010", False),
        ("rrn=4000_0000+0000=0010", False),
        ("20261129 10:00:00", True),
        ("2026-11-29 10:00:00", True),
    ],
)
def test_what_could_be_a_cards_number_is_left_out(text: str, kept: bool) -> None:
    assert facts_of({"hostrefnum": text}).rrn == (text if kept else "")


def test_a_fact_is_cut_at_eighty_characters() -> None:
    assert facts_of({"cavv": "a" * 80}).cavv == facts_of({"cavv": "a" * 81}).cavv == "a" * 80


def test_what_the_books_keep_is_read_back_and_what_they_do_not_know_is_left() -> None:
    assert facts_kept({"rrn": "1", "eci": 5, "later": "x"}) == DisputeFacts(rrn="1", eci="5")
    assert facts_kept(None) == DisputeFacts()
