"""Receipt links: steady, short, and closed to everyone who did not get one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.links import ALPHABET, TOKEN_CHARS, BadLink, ReceiptLinks
from tests.support.paid import paid

PAID_AT = datetime(2026, 11, 23, 13, 5, 59, tzinfo=UTC)
LINKS = ReceiptLinks(["first-secret"], "https://pay.example.ma/", ttl_days=400)
tokens = st.binary(min_size=16, max_size=16).map(bytes.hex)
moments = st.timedeltas(timedelta(0), timedelta(days=27_000)).map(
    lambda since: datetime(2020, 1, 1, tzinfo=UTC) + since
)
ID = "00112233445566778899aabbccddeeff"


@given(tokens, moments, st.integers(1, 4_000))
def test_a_link_opens_for_as_long_as_it_was_promised(token: str, paid_at: datetime, ttl_days: int) -> None:
    links = ReceiptLinks(["s"], "https://x", ttl_days)
    made = links.make(token, paid_at)
    assert len(made) == TOKEN_CHARS
    assert set(made) <= set(ALPHABET)
    assert made == links.make(token, paid_at)
    end = paid_at + timedelta(days=ttl_days)
    assert links.verify(made, paid_at) == token
    assert links.verify(made, end - timedelta(microseconds=1)) == token
    assert links.verify(made, end + timedelta(days=1)) is BadLink.EXPIRED


@given(tokens, st.integers(0, TOKEN_CHARS - 1), st.sampled_from(ALPHABET))
def test_any_other_letter_closes_it(token: str, place: int, letter: str) -> None:
    made = LINKS.make(token, PAID_AT)
    forged = made[:place] + letter + made[place + 1 :]
    assert LINKS.verify(forged, PAID_AT) == (token if forged == made else BadLink.FORGED)


@given(st.text(max_size=60) | st.text(alphabet=ALPHABET, min_size=TOKEN_CHARS, max_size=TOKEN_CHARS))
def test_whatever_is_typed_is_answered_and_never_opens(typed: str) -> None:
    assert LINKS.verify(typed, PAID_AT) is BadLink.FORGED


def test_the_end_cannot_be_moved() -> None:
    short = ReceiptLinks(["first-secret"], "https://x", ttl_days=1).make(ID, PAID_AT)
    long = LINKS.make(ID, PAID_AT)
    assert short != long
    assert LINKS.verify(short, PAID_AT + timedelta(days=3)) is BadLink.EXPIRED


def test_keys_rotate_without_closing_what_was_sent() -> None:
    made = LINKS.make(ID, PAID_AT)
    rotated = ReceiptLinks(["new", "first-secret"], "https://x")
    assert rotated.verify(made, PAID_AT) == ID
    assert rotated.make(ID, PAID_AT) != made
    assert ReceiptLinks(["new"], "https://x").verify(made, PAID_AT) is BadLink.FORGED


def test_a_payment_has_a_link_once_it_is_paid() -> None:
    payment = paid()
    link = LINKS.of(payment)
    assert link is not None
    base, _, token = link.rpartition("/")
    assert base == "https://pay.example.ma/receipts"
    assert LINKS.verify(token, PAID_AT) == payment.receipt_token
    assert LINKS.of(replace(payment, receipt_token=None)) is None
    assert LINKS.of(replace(payment, paid_at=None)) is None


@pytest.mark.parametrize("keys", [[], [""], ["a", ""], ["k"] * 9])
def test_keys_are_wanted_and_few(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="secret keys"):
        ReceiptLinks(keys, "https://x")


def test_what_cannot_be_signed_is_refused() -> None:
    with pytest.raises(ValueError, match="one day"):
        ReceiptLinks(["k"], "https://x", ttl_days=0)
    with pytest.raises(ValueError, match="hexadecimal"):
        LINKS.make("nonsense", PAID_AT)


@pytest.mark.parametrize("pasted", ["{}.", "({})", "{})", "\u200f{}", "{}\u200e.", "«\u00a0{}\u00a0»", "{}،", '"{}"'])
def test_what_is_pasted_with_a_link_is_no_part_of_it(pasted: str) -> None:
    made = LINKS.make(ID, PAID_AT)
    assert LINKS.verify(pasted.format(made), PAID_AT) == ID
    assert LINKS.verify(made + "." * 9, PAID_AT) is BadLink.FORGED
