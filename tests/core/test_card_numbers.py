"""No card's number is kept however it is spelled, and no number of the business is taken for one."""

import csv
import itertools
import re
from collections.abc import Iterator
from importlib import resources
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.card_numbers import MASK, holds, masked
from core.cards import luhn
from tests.core.card_spellings import CARDS, spellings

untraced = pytest.mark.no_cover  # texts by the thousand: counting their lines would take four times as long


@untraced
def test_ten_thousand_spellings_of_twenty_cards_are_all_seen() -> None:
    assert len(CARDS) == 20
    assert [text for _, text in spellings(10_000) if not holds(text)] == []


@untraced
def test_nothing_of_them_is_left_once_masked() -> None:
    for _, text in spellings(2_000, words=False):
        assert MASK in masked(text)
        assert not holds(masked(text)), text


@pytest.mark.parametrize(
    "text",
    [
        "4000000000000010 12 30 123",
        "4000 0000 0000 0010 12 30 123",
        "40000000000000101230123",
        "14000000000000010",
        "9 4000-0000-0000-0010",
        "4000 0000 0000 00101230",
        "4000x0000x0000x0010",
        "4000 et 0000 et 0000 et 0010",
        "40000000x00000010",
        "40000000 puis 00000010",
        "3782 abc 822463 def 10005",
        "4000 0000 0000, et les derniers: 0010",
        "4000 point 0000 virgule 0000 slash 0010",
        "4000 then 0000 and then 0000 finally 0010",
        "4000 (quatre mille) 0000 (zero) 0000 (zero) 0010",
        "les quatre premiers 4000 les suivants 0000 ensuite 0000 et enfin 0010, exp 12/30",
        "519163 xx 0100004896, code 123",
        "٤٠٠٠ ثم ٠٠٠٠ وبعدها ٠٠٠٠ واخيرا ٠٠١٠",
        "quatre zéro zéro zéro zéro zéro zéro zéro zéro zéro zéro zéro zéro zéro un zéro",
        "four zero zero zero, zero zero zero zero, zero zero zero zero, zero zero one zero",
        "4000 zero zero zero zero 0000 0010",
        "أربعة صفر صفر صفر صفر صفر صفر صفر صفر صفر صفر صفر صفر صفر واحد صفر",
        "4000&nbsp;0000&nbsp;0000&nbsp;0010",
        "4000 puis 0000, puis 0000 fin 0010",
        "4a0a0a0a0a0a0a0a0a0a0a0a0a0a1a0",
        "carte 4OOO OOOO OOOO OO1O",
        "visa 4l11 1111 lIII 1111, exp 12/30",
        "4000\u00a00000\u202f0000 - 0010",
        "٤٠٠٠ 0000 ۰۰۰۰ 0010",
        "4️⃣0️⃣0️⃣0️⃣ 0️⃣0️⃣0️⃣0️⃣ 0️⃣0️⃣0️⃣0️⃣ 0️⃣0️⃣1️⃣0️⃣",
        "0612345678 4000000000000010",
        "4000000000000010@x.ma",
        "4.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0@example.com",
        "bill 0000171682062019, 4000,0000,0000,0010",
    ],
)
def test_as_agents_paste_them(text: str) -> None:
    assert holds(text)


def _demo() -> Iterator[list[str]]:
    for name in ("invoices.csv", "subscribers.csv"):
        with (resources.files("lab") / "demo" / name).open(encoding="utf-8") as file:
            yield from ([value for value in row.values() if value] for row in csv.DictReader(file))


def test_no_number_of_the_demo_is_a_card() -> None:
    rows = list(_demo())
    alone = {value for row in rows for value in row}
    assert len(alone) > 100
    assert [value for value in sorted(alone) if holds(value)] == []
    for separator in (" ", " / ", "\n", ", ", " - "):
        assert [row for row in rows if holds(separator.join(row))] == []


@untraced
def test_no_two_numbers_of_the_demo_are_a_card() -> None:
    """Lines, bills, customers, payment codes and authorisations, any one beside any other."""
    random = Random(1)
    numbers = sorted({value for row in _demo() for value in row if re.fullmatch(r"\d{6,16}", value)})
    numbers += [
        f"{random.choice('01235678')}{random.randrange(10**5):05}" for _ in range(40)
    ]  # a Visa of 13 begins with 4
    for one, other in itertools.product(numbers, numbers):
        for between in (" ", ", ", "\n", " et ", " / "):
            assert not holds(one + between + other), (one, other)


@untraced
def test_authorisations_one_after_the_other_are_seldom_a_card() -> None:
    random = Random(5)
    for between in (", ", " et ", "; "):
        lists = (between.join(f"{random.randrange(10**6):06}" for _ in range(3)) for _ in range(2_000))
        assert sum(map(holds, lists)) < 20


@untraced
def test_what_agents_write_beside_a_customer_is_no_card() -> None:
    random = Random(9)
    for _ in range(2_000):
        mobile = "0" + random.choice("67") + "".join(random.choices("0123456789", k=8))
        other = "0" + random.choice("67") + "".join(random.choices("0123456789", k=8))
        pairs = " ".join(mobile[at : at + 2] for at in range(0, 10, 2))
        authorisation, reference = random.randrange(10**6), random.randrange(10**6)
        for text in (
            mobile,
            f"+212{mobile[1:]}",
            f"00212{mobile[1:]}",
            f"{mobile} {other}",
            f"{pairs} / {' '.join(other[at : at + 2] for at in range(0, 10, 2))}",
            f"212{mobile[1:]} 212{other[1:]}",
            f"{mobile[1:]} {other[1:]}",
            f"{authorisation:06} {reference:06}",
            f"{mobile} 769.20 2026-11-29",
            f"auth {authorisation:06}, {mobile}, reçu 2026-{reference}, 1 204,75 DH le 29/11/2026 14:05",
        ):
            assert not holds(text), text


def test_what_agents_write_in_sentences_is_no_card() -> None:
    """Numbers with words between them, which a card's groups may have as well."""
    rows = [row for row in _demo() if len(row) > 4]
    random = Random(14)
    for _ in range(5_000):
        reference, number = random.choice(rows)[1], random.choice(rows)[0]
        authorisation, code, hand_over = (f"{random.randrange(10**6):06}" for _ in range(3))
        day, amount = random.randrange(1, 29), f"{random.randrange(10, 3_000)},{random.randrange(100):02}"
        receipt, contract, post = (random.randrange(most) for most in (9_999, 10**5, 9_999))
        for text in (
            f"ligne {reference} autorisation {authorisation} référence {hand_over}",
            f"auth {authorisation} puis auth {code} et encore {hand_over}, {amount} DH",
            f"facture {number} payée le {day} à 14h05, {amount} DH, accord {authorisation}, reçu 2026-{receipt}",
            f"client {reference}, contrat {contract}, ticket {receipt}{post} rappel {day}/11 18h30",
            f"code {code} pour {reference}, {day} factures, rappeler au poste {post}",
        ):
            assert not holds(text), text


def test_two_bills_are_no_card() -> None:
    assert not holds("0000171682062019 0000000000000000 0000204411102026")
    assert not holds("4000000000000011")


@given(text=st.text(max_size=200) | st.text("0123456789 -./\u0664\u2003", max_size=200), wide=st.booleans())
def test_masking_is_done_once_and_never_fails(text: str, wide: bool) -> None:
    once = masked(text, any_issuer=wide)
    assert masked(once, any_issuer=wide) == once
    assert holds(text) <= (masked(text) != text)


@given(stem=st.from_regex(r"[3-6][0-9]{11,17}", fullmatch=True))
def test_whatever_a_bank_could_issue_is_seen_where_it_stands_alone(stem: str) -> None:
    number = next(stem + digit for digit in "0123456789" if luhn(stem + digit))
    assert holds(f"carte {number} merci")


@untraced
def test_each_digit_is_looked_at_a_bounded_number_of_times() -> None:
    """A text of 64,000 digits is read in one pass; quadratic reading of it would take minutes."""
    for text in ("1 " * 32_000, "4" * 64_000, "4 " * 32_000, "0612345678 " * 5_000, "4000-" * 12_000):
        assert isinstance(holds(text), bool)
        assert not holds(masked(text))
