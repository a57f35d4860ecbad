"""Every code the facts name, and what it must never be taken for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.acquirers.cmi_codes import Verdict, clean_code, error_code_of, kind_of, verdict_of
from core.ports import DeclineKind

OTHER_CARD = ["05", "14", "15", "51", "54", "57", "58", "62", "82", "84", "85", "93"]
LIMIT = ["61", "65", "75"]
NEUTRAL = ["04", "07", "33", "34", "36", "37", "38", "41", "43", "59", "63"]
OUR_FAULT = ["03", "12", "13", "30", "76", "77", "81"]
INQUIRE = ["91", "96", "19", "09"]
CONFIGURATION = [*range(1006, 1030), *range(2001, 2013), 2105, 2106, 2201, 2202, 2254]
NEVER_FAILED = [*range(1000, 1006), 2700, 2800, 2900, 3000]


def test_approved_is_exactly_00_and_approved() -> None:
    assert verdict_of("00", "Approved") is Verdict.APPROVED
    assert verdict_of("00", " approved ") is Verdict.APPROVED


@pytest.mark.parametrize(
    ("code", "response", "error_code"),
    [
        ("00", "Declined", ""),
        ("00", "Error", ""),
        ("00", "", ""),
        ("00", "Approved", "CORE-2507"),
        ("00", "Approved", "CORE-2008"),
        ("05", "Approved", ""),
        ("08", "Approved", ""),
        ("11", "Approved", ""),
        ("", "Approved", ""),
        ("99", "Approved", "CORE-2008"),
    ],
)
def test_half_an_approval_is_asked_about(code: str, response: str, error_code: str) -> None:
    assert verdict_of(code, response, error_code) is Verdict.INQUIRE


@pytest.mark.parametrize("code", ["08", "11"])
def test_08_and_11_are_no_approvals(code: str) -> None:
    assert verdict_of(code, "Declined") is Verdict.INQUIRE


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (OTHER_CARD, DeclineKind.OTHER_CARD),
        (LIMIT, DeclineKind.LIMIT),
        (NEUTRAL, DeclineKind.NEUTRAL),
        (OUR_FAULT, DeclineKind.OUR_FAULT),
    ],
)
def test_every_listed_decline(codes: list[str], kind: DeclineKind) -> None:
    assert {verdict_of(code, response) for code in codes for response in ("Declined", "Error", "")} == {
        Verdict.DECLINED
    }
    assert {kind_of(code) for code in codes} == {kind}


@pytest.mark.parametrize("code", INQUIRE)
def test_busy_codes_inquire_first(code: str) -> None:
    assert verdict_of(code, "Declined") is Verdict.INQUIRE
    assert kind_of(code) is DeclineKind.BANK_BUSY


@pytest.mark.parametrize(
    ("code", "error_code"),
    [("92", ""), ("92", "CORE-2008"), ("99", "BM-9100"), ("99", "BM-9199"), ("05", "BM-9101"), ("", "")]
    + [("99", f"CORE-{number}") for number in NEVER_FAILED],
)
def test_unknown_is_never_a_failure(code: str, error_code: str) -> None:
    assert verdict_of(code, "Error", error_code) is Verdict.UNKNOWN


@pytest.mark.parametrize("number", CONFIGURATION)
def test_configuration_faults_are_ours(number: int) -> None:
    assert verdict_of("99", "Error", f"CORE-{number}") is Verdict.DECLINED
    assert kind_of("99", f"CORE-{number}") is DeclineKind.OUR_FAULT


@pytest.mark.parametrize(
    ("error_code", "verdict"),
    [
        ("CORE-2304", Verdict.PENDING),
        ("CORE-2016", Verdict.PENDING),
        ("CORE-2504", Verdict.NOTHING_LEFT),
        ("CORE-2507", Verdict.INQUIRE),
        ("CORE-2508", Verdict.NOT_SETTLED),
        ("CORE-2511", Verdict.TOO_LATE),
        ("CORE-2998", Verdict.UNKNOWN),
        ("CORE-4711", Verdict.INQUIRE),
        ("BM-1001", Verdict.INQUIRE),
        ("", Verdict.INQUIRE),
    ],
)
def test_99_reads_the_error_code_first(error_code: str, verdict: Verdict) -> None:
    assert verdict_of("99", "Error", error_code) is verdict


def test_an_error_code_weighs_more_than_a_decline() -> None:
    assert verdict_of("05", "Declined", "CORE-2507") is Verdict.INQUIRE
    assert verdict_of("12", "Error", "CORE-2304") is Verdict.PENDING


@pytest.mark.parametrize(
    ("error_code", "numeric", "expected"),
    [
        ("core-2508", "", "CORE-2508"),
        ("", "992508", "CORE-2508"),
        ("", "00", ""),
        ("0", "0", ""),
        ("CORE-2511", "992508", "CORE-2511"),
        ("4000 0000 0000 0010", "", "?"),
    ],
)
def test_error_code_of(error_code: str, numeric: str, expected: str) -> None:
    assert error_code_of(error_code, numeric) == expected


def test_the_pin_has_its_own_words() -> None:
    assert kind_of("75", answering_pin=True) is DeclineKind.PIN
    assert kind_of("55", answering_pin=True) is DeclineKind.PIN
    assert kind_of("75") is DeclineKind.LIMIT
    assert kind_of("51", answering_pin=True) is DeclineKind.OTHER_CARD


def spellings(*right: str) -> st.SearchStrategy[str]:
    """The right words, what nearly is one, and anything else."""
    near = [
        change
        for word in right
        for change in (word + "0", word[:-1], word.upper(), f" {word}", f"{word}\x00", word * 2)
    ]
    return st.sampled_from([*right, *near]) | st.text(max_size=12)


@given(spellings("00"), spellings("Approved", "Declined", "Error"), spellings("", "CORE-2507", "00", "0"))
@example("00", "Approved", "")
@example("00", " APPROVED ", "")
def test_nothing_else_is_approved(code: str, response: str, error_code: str) -> None:
    """In both directions, with inputs that are approvals, that nearly are, and that are none."""
    approved = (code, response.strip().lower(), error_code) == ("00", "approved", "")
    assert (verdict_of(code, response, error_code) is Verdict.APPROVED) is approved


@given(st.text(max_size=30))
def test_a_clean_code_is_short_and_plain(text: str) -> None:
    cleaned = clean_code(text)
    assert len(cleaned) <= 12
    assert cleaned in {text, "?"}
    assert cleaned.isascii()


@pytest.mark.parametrize(
    ("sent", "code"),
    [("051", "51"), ("005", "05"), ("51", "51"), ("000", "000"), ("00", "00"), ("5", "5"), ("1051", "1051")],
)
def test_a_code_in_three_digits_is_the_same_code(sent: str, code: str) -> None:
    """An approval is spelt one way alone."""
    assert clean_code(sent) == code


BESIDE = [999, 1030, 2000, 2013, 2015, 2017, 2104, 2107, 2200, 2203, 2253, 2255, 2303, 2305, 2502, 2505, 2506, 2509]


@pytest.mark.parametrize("number", [*BESIDE, 2510, 2512, 2699, 3001])
def test_what_stands_beside_a_range_is_asked_about(number: int) -> None:
    assert verdict_of("99", "Error", f"CORE-{number}") is Verdict.INQUIRE


def test_a_credit_of_more_than_is_left_is_refused() -> None:
    assert verdict_of("99", "Error", "CORE-2503") is Verdict.DECLINED


def test_what_no_line_names_is_another_card_unless_an_error_code_stands_there() -> None:
    assert kind_of("44") is DeclineKind.OTHER_CARD
    assert {kind_of("44", "CORE-4711"), kind_of("99"), kind_of("", "CORE-4711")} == {DeclineKind.OUR_FAULT}


def test_a_code_has_twelve_characters_at_most() -> None:
    assert [clean_code("A" * 12), clean_code("A" * 13), clean_code("")] == ["A" * 12, "?", ""]
