"""What inquiries, histories and challenges say of a payment."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.acquirers.cmi_history import credited_centimes_of, rows_of, standing_of_rows
from core.acquirers.cmi_outcomes import AskHistory, InquireFirst, challenge_of, outcome_of, standing_of
from core.acquirers.cmi_xml import Cc5Answer
from core.chargebacks.model import DisputeFacts
from core.payments.table import Challenge
from core.ports import (
    Approved,
    AuthorisedOnly,
    ChallengeRequired,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    Pending,
    Undone,
    UnknownOutcome,
)

PAID = {
    "ORD_ID": "o",
    "CHARGE_TYPE_CD": "S",
    "TRANS_STAT": "C",
    "PROC_RET_CD": "00",
    "CAPTURE_AMT": "76920",
    "ORIG_TRANS_AMT": "76920",
    "AUTH_CODE": "P1",
    "TRANS_ID": "T1",
}
ASKS_PIN = {
    "CHALLENGE": "OTP_NUMERIC",
    "CHALLENGEID": "c-1",
    "CHALLENGELENGTH": "3",
    "CHALLENGEATTEMPTS": "2",
    "CHALLENGEEXPIRES": "2026-11-23T10:00:00Z",
}
CHALLENGE = Challenge("c-1", 3, 2, datetime(2026, 11, 23, 10, tzinfo=UTC))


def found(**fields: str) -> Cc5Answer:
    return Cc5Answer(code="00", response="Approved", order_id="o", extra={**PAID, **fields})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (found(), Approved("P1", "T1", 76920)),
        (found(TRANS_STAT="S"), Approved("P1", "T1", 76920)),
        (found(CAPTURE_AMT="769.20"), Approved("P1", "T1", 76920)),
        (found(CAPTURE_AMT=""), Approved("P1", "T1", 76920)),
        (found(CARDBRAND="VISA"), Approved("P1", "T1", 76920, "visa")),
        (found(CAPTURE_AMT="many"), UnknownOutcome("captured, with an amount that cannot be read")),
        (found(TRANS_STAT="A"), Approved("P1", "T1", 76920)),
        (found(TRANS_STAT="A", CAPTURE_AMT=""), AuthorisedOnly("P1", "T1", 76920)),
        (found(TRANS_STAT="PN"), Pending()),
        (found(TRANS_STAT="PN", **ASKS_PIN), ChallengeRequired(CHALLENGE)),
        (found(TRANS_STAT="V"), Undone()),
        (found(TRANS_STAT="CNCL"), Undone()),
        (found(TRANS_STAT="D", PROC_RET_CD="51"), AskHistory(Decline("51", DeclineKind.OTHER_CARD))),
        (found(TRANS_STAT="D"), AskHistory(UnknownOutcome("declined with code 00"))),
        (found(ORD_ID="another"), UnknownOutcome("inquiry answered for another order")),
        (Cc5Answer(code="99", message="No record found for #"), NoSuchOrder()),
        (Cc5Answer(code="99", error_code="CORE-2006"), UnknownOutcome("inquiry answered CORE-2006")),
        (Cc5Answer(), UnknownOutcome("inquiry answered without a code")),
    ],
)
def test_an_orders_status(answer: Cc5Answer, expected: Inquiry | AskHistory) -> None:
    assert standing_of(answer, "o") == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"TRANS_STAT": "ERR"},
        {"TRANS_STAT": "R"},
        {"TRANS_STAT": ""},
        {"PROC_RET_CD": ""},
        {"PROC_RET_CD": "08"},
        {"PROC_RET_CD": "11"},
        {"PROC_RET_CD": "05"},
        {"CHARGE_TYPE_CD": "C"},
    ],
)
def test_what_is_not_conclusive_asks_the_history(fields: dict[str, str]) -> None:
    assert standing_of(found(**fields), "o") == AskHistory(UnknownOutcome("order's status is not conclusive"))


def test_the_querys_own_code_is_not_the_payments() -> None:
    declined = found(TRANS_STAT="D", PROC_RET_CD="05")
    assert declined.code == "00"
    assert not isinstance(standing_of(declined, "o"), Approved)


def test_a_joined_status_is_read_too() -> None:
    joined = "\t".join(f"{name}:{text}" for name, text in PAID.items() if name != "PROC_RET_CD")
    answer = Cc5Answer(code="00", order_id="o", extra={"ORDERSTATUS": joined, "PROC_RET_CD": "00"})
    assert standing_of(answer, "o") == Approved("P1", "T1", 76920)


def test_an_empty_template_is_no_order() -> None:
    template = {"ORDERSTATUS": "ORD_ID:\tCHARGE_TYPE_CD:\tTRANS_STAT:\tAUTH_CODE:"}
    assert standing_of(Cc5Answer(code="99", message="No record found for o", extra=template), "o") == NoSuchOrder()


@given(st.dictionaries(st.sampled_from([*PAID, *ASKS_PIN, "ORDERSTATUS"]), st.text(max_size=12)))
def test_no_status_of_nonsense_raises(extra: Mapping[str, str]) -> None:
    assert not isinstance(standing_of(Cc5Answer(code="00", extra=extra), "o"), Approved)  # of another order, at best


CODES = st.sampled_from(["00", "", "0", "000", "05", " 00 ", "\u0660\u0660", "00\t"]) | st.text(max_size=4)
STATES = st.sampled_from(["C", "S", "A", "c", "D", "V", "CNCL", "PN", ""]) | st.text(max_size=3)
SALES = st.sampled_from(["S", "", "C", "s"]) | st.text(max_size=2)


@given(CODES, STATES, SALES)
@example("00", "C", "S")
@example("00", "S", "")
@example("00", "c", "S")
def test_a_status_is_approved_with_its_own_00_of_a_captured_sale_alone(code: str, state: str, sale: str) -> None:
    answer = found(PROC_RET_CD=code, TRANS_STAT=state, CHARGE_TYPE_CD=sale)
    paid = code == "00" and state.upper() in {"C", "S", "A"} and sale in {"S", ""}
    assert isinstance(standing_of(answer, "o"), Approved) is paid


@given(st.dictionaries(st.sampled_from(list(ASKS_PIN)), st.text(max_size=12)))
def test_no_challenge_raises(fields: Mapping[str, str]) -> None:
    challenge_of(Cc5Answer(extra={**ASKS_PIN, **fields}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"CHALLENGE": "REDIRECT"},
        {"CHALLENGEID": ""},
        {"CHALLENGELENGTH": "0"},
        {"CHALLENGELENGTH": "9"},
        {"CHALLENGEATTEMPTS": "x"},
        {"CHALLENGEATTEMPTS": "0"},
        {"CHALLENGEEXPIRES": "soon"},
    ],
)
def test_a_challenge_of_nonsense_is_none(wrong: dict[str, str]) -> None:
    assert challenge_of(Cc5Answer(extra={**ASKS_PIN, **wrong})) is None


@pytest.mark.parametrize("code", ["99", "55", "91"])
def test_a_challenge_goes_before_its_code(code: str) -> None:
    answer = Cc5Answer(code=code, response="Declined", extra=ASKS_PIN)
    assert outcome_of(answer) == ChallengeRequired(CHALLENGE)


def test_a_challenge_cannot_undo_an_approval() -> None:
    assert outcome_of(Cc5Answer(code="00", response="Approved", extra=ASKS_PIN)) == Approved("", "")


@pytest.mark.parametrize(
    ("total", "amount"),
    [("769.20", 76920), ("769,2", 76920), ("769", 76900), ("", None)],
)
def test_the_amount_taken_is_handed_on(total: str, amount: int | None) -> None:
    assert outcome_of(Cc5Answer(code="00", response="Approved", total=total)) == Approved("", "", amount)


def test_an_unreadable_amount_is_no_approval() -> None:
    assert isinstance(outcome_of(Cc5Answer(code="00", response="Approved", total="lots")), UnknownOutcome)


def test_contradictions_never_end_as_a_refusal() -> None:
    for answer in (
        Cc5Answer(code="99", response="Error", error_code="CORE-2507"),
        Cc5Answer(code="08", response="Approved"),
        Cc5Answer(code="00", response="Declined"),
    ):
        outcome = outcome_of(answer)
        assert isinstance(outcome, InquireFirst)
        assert isinstance(outcome.otherwise, UnknownOutcome)


def trx(charge_type: str, state: str, amount: str, code: str = "00", number: str = "T1") -> str:
    times = "2026-11-23 10:00:00\t\t"
    return f"{charge_type}\t{state}\t{amount}\t{amount}\t{times}\tHOST\tAUTH\t{code}\t{number}"


def history(*rows: str) -> Cc5Answer:
    return Cc5Answer(code="00", extra={f"TRX{i}": row for i, row in enumerate(rows, start=1)})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([trx("S", "C", "100")], Approved("AUTH", "T1", 100)),
        ([trx("S", "D", "100", "05"), trx("S", "S", "100")], Approved("AUTH", "T1", 100)),
        ([trx("S", "C", "100"), trx("S", "D", "100", "05")], Approved("AUTH", "T1", 100)),
        ([trx("S", "S", "100"), trx("C", "C", "40")], Approved("AUTH", "T1", 100)),
        ([trx("S", "S", "100"), trx("C", "C", "40"), trx("C", "S", "60")], Undone()),
        ([trx("S", "S", "100"), trx("C", "D", "100", "05")], Approved("AUTH", "T1", 100)),
        ([trx("S", "V", "100")], Undone()),
        ([trx("S", "PN", "100", "")], Pending()),
        ([trx("S", "D", "100", "05"), trx("S", "D", "100", "51")], Decline("51", DeclineKind.OTHER_CARD)),
        ([trx("S", "ERR", "100", "99")], None),
        ([trx("S", "C", "100", "08")], None),
        ([trx("S", "C", "much")], None),
    ],
)
def test_a_history(rows: list[str], expected: Inquiry | None) -> None:
    read = rows_of(history(*rows))
    assert read is not None
    assert standing_of_rows(read) == expected


def test_half_a_history_is_none() -> None:
    assert rows_of(history(trx("S", "C", "100"), "S\tC")) is None
    assert rows_of(history(*[trx("S", "D", "1", "05")] * 51)) is None
    assert rows_of(Cc5Answer(code="99")) is None


def test_money_back_is_added_up() -> None:
    rows = rows_of(history(trx("S", "S", "100"), trx("C", "C", "40"), trx("C", "S", "10"), trx("C", "D", "9", "05")))
    assert rows is not None
    assert credited_centimes_of(rows) == 50


@pytest.mark.parametrize("nothing", ["", "0", "0.00", "000", "0,00"])
def test_held_with_nothing_captured_yet_is_held(nothing: str) -> None:
    held = found(TRANS_STAT="A", CAPTURE_AMT=nothing, ORIG_TRANS_AMT="76920")
    assert standing_of(held, "o") == AuthorisedOnly("P1", "T1", 76920)


@pytest.mark.parametrize("state", ["C", "S"])
def test_captured_with_an_amount_of_nothing_is_not_understood(state: str) -> None:
    assert isinstance(standing_of(found(TRANS_STAT=state, CAPTURE_AMT="0"), "o"), UnknownOutcome)


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"CHALLENGELENGTH": "1", "CHALLENGEATTEMPTS": "1"}, (1, 1)),
        ({"CHALLENGELENGTH": "8", "CHALLENGEATTEMPTS": "10"}, (8, 10)),
        ({"CHALLENGEATTEMPTS": "11"}, None),
    ],
)
def test_a_challenge_has_one_to_eight_digits_and_ten_tries(
    fields: dict[str, str], asked: tuple[int, int] | None
) -> None:
    challenge = challenge_of(Cc5Answer(extra={**ASKS_PIN, **fields}))
    assert (challenge and (challenge.length, challenge.attempts_left)) == asked


def test_a_challenges_end_without_a_time_zone_is_utc() -> None:
    assert challenge_of(Cc5Answer(extra={**ASKS_PIN, "CHALLENGEEXPIRES": "2026-11-23T10:00:00"})) == CHALLENGE


@pytest.mark.parametrize(
    ("brand", "read"), [(" VISA ", "visa"), ("A" * 20, "a" * 20), ("A" * 21, None), ("4000", None)]
)
def test_a_brand_is_a_word(brand: str, read: str | None) -> None:
    outcome = outcome_of(Cc5Answer(code="00", response="Approved", extra={"CARDBRAND": brand}))
    assert outcome == Approved("", "", None, read)


def test_a_refusal_bears_the_code_that_says_most() -> None:
    assert outcome_of(Cc5Answer(code="99", error_code="CORE-2005", message="no")) == Decline(
        "CORE-2005", DeclineKind.OUR_FAULT, "no"
    )
    assert outcome_of(Cc5Answer(code="51", message="no")) == Decline("51", DeclineKind.OTHER_CARD, "no")


def test_a_long_history_is_read_whole() -> None:
    rows = rows_of(history(*[trx("S", "D", "1", "05")] * 49, trx("S", "C", "100")))
    assert rows is not None
    assert len(rows) == 50
    assert standing_of_rows(rows) == Approved("AUTH", "T1", 100)


def test_money_back_that_cannot_be_read_settles_nothing() -> None:
    rows = rows_of(history(trx("S", "S", "100"), trx("C", "C", "much")))
    assert rows is not None
    assert credited_centimes_of(rows) is None
    assert standing_of_rows(rows) is None


def test_what_a_dispute_will_need_is_kept() -> None:
    """Equality leaves the facts out: they are asked for by name."""
    told = {"MASKEDPAN": "400000******0010", "CARDBRAND": "VISA"}
    for answer in (
        outcome_of(Cc5Answer(code="00", response="Approved", rrn="432100", extra=told)),
        standing_of(replace(found(**told), rrn="432100"), "o"),
    ):
        assert isinstance(answer, Approved)
        assert answer.facts == DisputeFacts(rrn="432100", masked_card="400000******0010")


@pytest.mark.parametrize(
    ("code", "answering_pin", "kind"),
    [
        ("75", True, DeclineKind.PIN),
        ("55", True, DeclineKind.PIN),
        ("75", False, DeclineKind.LIMIT),
        ("51", True, DeclineKind.OTHER_CARD),
    ],
)
def test_a_wrong_pin_is_told_apart_only_while_a_pin_was_asked(
    code: str, answering_pin: bool, kind: DeclineKind
) -> None:
    outcome = outcome_of(Cc5Answer(code=code, response="Declined"), answering_pin=answering_pin)
    assert outcome == Decline(code, kind)


def test_a_challenge_without_a_name_is_none() -> None:
    assert (
        challenge_of(Cc5Answer(extra={name: text for name, text in ASKS_PIN.items() if name != "CHALLENGEID"})) is None
    )


def test_an_order_that_is_named_is_not_absent_whatever_the_words_say() -> None:
    named = Cc5Answer(code="99", message="No record found", extra={"ORD_ID": "o"})
    assert standing_of(named, "o") == UnknownOutcome("inquiry answered 99")


@pytest.mark.parametrize("words", ["No record", "No record foun", "record found", "no  record found"])
def test_other_words_make_no_order_absent(words: str) -> None:
    assert standing_of(Cc5Answer(code="99", message=words), "o") == UnknownOutcome("inquiry answered 99")


def test_a_history_ends_where_a_row_is_missing() -> None:
    rows = rows_of(Cc5Answer(code="00", extra={"TRX1": trx("S", "D", "1", "05"), "TRX3": trx("S", "C", "100")}))
    assert rows is not None
    assert [row.state for row in rows] == ["D"]


def test_a_rows_amount_is_what_was_captured_and_else_what_was_asked() -> None:
    fields = trx("S", "C", "100").split("\t")
    for asked, captured, amount in (("100", "40", 40), ("100", "", 100)):
        fields[2:4] = asked, captured
        rows = rows_of(history("\t".join(fields)))
        assert rows is not None
        assert rows[0].amount_centimes == amount


def test_one_undone_row_among_refused_ones_is_undone() -> None:
    for rows, standing in (
        ([trx("S", "D", "1", "05"), trx("S", "V", "1")], Undone()),
        ([trx("S", "D", "1", "05"), trx("S", "PN", "1", "")], Pending()),
        ([trx("S", "D", "1", "05"), trx("S", "A", "1")], Pending()),
        ([trx("S", "D", "1", "05"), trx("S", "D", "1", "00")], None),
        ([trx("S", "D", "1", "51"), trx("S", "D", "1", "61")], Decline("61", DeclineKind.LIMIT)),
        ([], None),
    ):
        read = rows_of(history(*rows))
        assert read is not None
        assert standing_of_rows(read) == standing


def test_a_status_that_leaves_fields_out_is_read_without_them() -> None:
    bare = dict.fromkeys(("CAPTURE_AMT", "ORIG_TRANS_AMT", "AUTH_CODE", "TRANS_ID"), "")
    assert standing_of(found(**bare), "o") == Approved("", "", None)
    refused = AskHistory(Decline("", DeclineKind.OTHER_CARD))
    assert standing_of(found(TRANS_STAT="D", PROC_RET_CD=""), "o") == refused
