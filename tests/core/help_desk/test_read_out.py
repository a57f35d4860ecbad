"""What was read out, to the letter: days and their years, the zeros that nobody says, names, receipts and addresses."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.help_desk.read_out import address_in, bare, card_and_day, name_in, receipt_read_out, spellings
from core.help_desk.spoken_days import MONTHS, in_figures
from core.zone import ZONE

TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("29/11", TODAY),
        ("30/11", date(2025, 11, 30)),
        ("29/11/26", TODAY),
        ("29/11/00", date(2000, 11, 29)),
        ("29/11/1999", date(1999, 11, 29)),
        ("29.11.2031", date(2031, 11, 29)),
        ("29 11 2027", date(2027, 11, 29)),
        ("2025-01-02", date(2025, 1, 2)),
        ("29/2/2024", date(2024, 2, 29)),
        ("30/12/9999", date(9999, 12, 30)),
        ("31/12/9999", None),  # no day comes after it
        ("1/1/0000", None),
        ("0000-01-01", None),
        ("29/2", None),
        ("31/11/2026", None),
        ("29/11/202", None),
        ("29/13", None),
        ("hier", TODAY - timedelta(days=1)),
        ("yesterday", TODAY - timedelta(days=1)),
        ("البارح", TODAY - timedelta(days=1)),
        ("avant-hier", TODAY - timedelta(days=2)),
        ("avant hier", TODAY - timedelta(days=2)),
        ("أول أمس", TODAY - timedelta(days=2)),
        ("أمس", TODAY - timedelta(days=1)),
        ("امس", TODAY - timedelta(days=1)),
        ("hier soir", TODAY - timedelta(days=1)),
        ("اول امس", TODAY - timedelta(days=2)),
        ("today", TODAY),
        ("aujourd'hui", TODAY),
        ("aujourd\u2019hui", TODAY),
        ("اليوم", TODAY),
        ("ce matin", TODAY),
        ("ce soir", TODAY),
        ("this morning", TODAY),
        ("this evening", TODAY),
    ],
)
def test_a_day_beside_a_card(said: str, day: date | None) -> None:
    for text in (f"0010 {said}", f"{said} 0010"):
        found = card_and_day(text, TODAY)
        if day is None:
            assert found is None
            continue
        assert found is not None
        assert found.last4 == "0010"
        assert found.begins == datetime(day.year, day.month, day.day, tzinfo=ZONE)
        after = day + timedelta(days=1)
        assert found.ends == datetime(after.year, after.month, after.day, tzinfo=ZONE)


def test_a_day_without_its_year_wants_to_know_today_s() -> None:
    for said in ("0010 29/11", "0010 hier", "hier 0010"):
        assert card_and_day(said) is None
    for said in ("10 29/11/2026", "0010", "00100 29/11/2026", "x" * 99 + " 0010 29/11/2026"):
        assert card_and_day(said, TODAY) is None
    told = card_and_day("0010 29/11/2024")
    assert told is not None
    assert told.begins.astimezone(UTC) == datetime(2024, 11, 28, 23, tzinfo=UTC)


SAID = {
    1: "janvier janv. January jan يناير",
    2: "février FÉVR. fevrier February feb فبراير",
    3: "mars March mar. مارس",
    4: "avril avr April apr أبريل ابريل إبريل",
    5: "mai May ماي مايو",
    6: "juin June jun يونيو يونيه",
    7: "juillet juil. July jul يوليوز يوليو يوليه",
    8: "août aout Août August aug غشت أغسطس اغسطس",
    9: "septembre sept. September sep شتنبر سبتمبر",
    10: "octobre oct October أكتوبر اكتوبر",
    11: "novembre nov. November نونبر نوفمبر",
    12: "décembre déc. December dec دجنبر ديسمبر",
}


@pytest.mark.parametrize("number", SAID)
def test_a_month_is_known_however_it_is_said(number: int) -> None:
    for name in SAID[number].split():
        assert in_figures(f"le 7 {name} 2026", TODAY) == f"7/{number}/2026"
        assert in_figures(f"{name} 7, 2026", TODAY) == f"7/{number}/2026"
        assert in_figures(f"7 {name}", TODAY) == f"7/{number}"
        assert in_figures(f"1er {name}", TODAY) == f"1/{number}"
        assert in_figures(f"the 2nd of {name}", TODAY) == f"2/{number}"


def test_no_month_begins_as_another_does() -> None:
    names = [name for each in MONTHS.values() for name in each]
    assert [(one, other) for one in names for other in names if one != other and other.startswith(one)] == []


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("29/11/2026 à 13h05", "29/11/2026"),
        ("29/11/2026 13:05:59", "29/11/2026"),
        ("2026-11-29T13:05", "2026-11-29"),
        ("visa xxxx 0010", "xxxx 0010"),
        ("carte 0010", "0010"),
        ("29 novembre 1999", "29/11 1999"),
        ("Éé 1", "1"),
    ],
)
def test_words_and_the_time_of_day_are_left_out(said: str, left: str) -> None:
    assert in_figures(said, None) == left


def padded(digits: str) -> set[str]:
    return {digits.zfill(length) for length in range(len(digits), 17)}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("12", {"12"}),
        ("123", padded("123")),
        ("123456789012345", padded("123456789012345")),
        ("1234567890123456", {"1234567890123456"}),
        ("12 13 06", {"12 13 06"} | padded("121306")),
        ("12-13.06", {"12-13.06"} | padded("121306")),
        ("l2I3O6", {"l2I3O6", "L2I3O6"} | padded("121306")),
        ("l2O", {"l2O", "L2O"}),  # too few digits beside them
        ("l23O4", {"l23O4", "L23O4"} | padded("12304")),
        ("T-9x", {"T-9x", "T-9X"}),
        ("N° reçu: 12", {"N° reçu: 12", "N° REÇU: 12", "12"}),
        ("", set()),
    ],
)
def test_how_a_number_may_be_kept(said: str, kept: set[str]) -> None:
    assert spellings(said) == kept


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("Reçu N° : #121306.", "121306"),
        ("mon code est 12 13 06, merci", "12 13 06"),
        ("réf. réf. réf. réf. réf. abc", "réf. abc"),  # four names, and no more
        ("«T9»", "T9"),
        ("code", "code"),
        *((f"{sign}121306{sign}", "121306") for sign in "'\"`«»“”.,;:!?()[]{}<>#*-/=•"),
        ("x" * 94 + "121306", "x" * 94 + "121306"),
        ("x" * 95 + "121306", "x" * 95 + "12130"),  # what is longer than a search is cut
    ],
)
def test_names_before_a_number_are_no_part_of_it(said: str, number: str) -> None:
    assert bare(said) == number


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sal", ""),
        ("Salm", "salm"),
        ("Sa lm", "sa lm"),
        ("Salma Démo", "salma demo"),
        ("سلمى أحمد", "سلمي احمد"),
        ("a b c d e f g", "a b c d e f"),
        ("Salma 3", ""),
        ("s@lma abc", ""),
    ],
)
def test_a_name_has_letters_and_no_digit(text: str, name: str) -> None:
    assert name_in(text) == name


@pytest.mark.parametrize(
    ("text", "receipt"),
    [
        *(("2026-42", (2026, 42)), ("42-2026", (2026, 42)), ("R 2026/00000042", (2026, 42)), ("2026 42", (2026, 42))),
        *(("202600000042", (2026, 42)), ("00000042 2026", (2026, 42)), ("2026-" + "1" * 18, (2026, int("1" * 18)))),
        *(("42 2026", None), ("2026-" + "1" * 19, None), ("1999-42", None), ("20260000042", None), ("abc", None)),
    ],
)
def test_a_receipt_s_year_and_number(text: str, receipt: tuple[int, int] | None) -> None:
    assert receipt_read_out(text) == receipt


def test_an_address_as_it_is_compared() -> None:
    assert address_in("(<Salma@Example.com>),") == "salma@example.com"
    assert address_in("hélène@example.com") == "hélène@example.com"
    longest = f"{'y' * 64}@" + ".".join(("x" * 49, "x" * 49, "m" * 35))
    assert (len(longest), address_in(longest)) == (200, longest)
    for text in ("salma", "", "salma@", longest + "m"):
        assert address_in(text) is None
