"""Digits that must not be seen are not, by any of the usual leaks; masks hide; Luhn against the long way round."""

import dataclasses
import json
import logging
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cards import Card, Secret, brand_of, luhn, pan_plausible
from core.subscribers.lines import mask_email, mask_msisdn, mask_reference

PAN = "5453010000066100"
CARD = Card(Secret(PAN), 12, 2031)


def luhn_by_hand(digits: str) -> bool:
    """Every second digit from the right doubled, the digits of the products summed."""
    summed = 0
    for place, digit in enumerate(reversed(digits), 1):
        for figure in str(int(digit) * (2 if place % 2 == 0 else 1)):
            summed += int(figure)
    return summed % 10 == 0


@given(st.from_regex(r"[0-9]{1,24}", fullmatch=True))
def test_luhn_is_the_long_way_round(digits: str) -> None:
    assert luhn(digits) is luhn_by_hand(digits)


@given(st.text(max_size=24))
def test_nothing_typed_breaks_a_check(text: str) -> None:
    assert isinstance(luhn(text), bool)
    assert isinstance(pan_plausible(Secret(text)), bool)


@given(st.from_regex(r"[0-9]{0,19}", fullmatch=True))
def test_every_number_has_a_brand(digits: str) -> None:
    assert brand_of(Secret(digits)) in {"visa", "mastercard", "card"}


def test_a_traceback_with_its_locals_shows_no_card() -> None:
    pan, card = Secret(PAN), CARD
    try:
        raise ValueError(f"cannot take {pan} of {card} ({pan!r}, {pan!s:>30})")  # noqa: TRY301 - it is the traceback that is tried
    except ValueError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "***" in told
    assert PAN not in told
    assert "2031" not in told


def test_a_log_line_shows_no_card(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").error("%s %r %s", CARD.pan, CARD.pan, [CARD])
    assert "***" in caplog.text
    assert PAN not in caplog.text


def test_no_encoder_takes_a_card() -> None:
    for value in (CARD, CARD.pan):
        for encode in (json.dumps, msgspec.json.encode, msgspec.msgpack.encode):
            with pytest.raises(TypeError):
                encode(value)
    with pytest.raises(TypeError):
        dataclasses.asdict(CARD)


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_a_masked_number_hides_its_middle(e164: str) -> None:
    masked = mask_msisdn(e164)
    assert len(masked) == len(e164)
    assert masked.count("*") >= len(e164) - 8
    assert len(masked.replace("*", "")) <= 8


@given(st.from_regex(r"[0-9]{7,12}", fullmatch=True))
def test_a_masked_reference_hides_its_middle(reference: str) -> None:
    assert len(mask_reference(reference).replace(".", "")) == 5


@given(st.from_regex(r"[a-z]{3,20}@[a-z]{1,10}\.ma", fullmatch=True))
def test_a_masked_address_hides_its_name(address: str) -> None:
    name, _, host = address.partition("@")
    assert mask_email(address) == f"{name[0]}***@{host}"


def test_a_masked_address_stays_within_ascii() -> None:
    assert mask_email("ê.x@example.com") == "***@example.com"
