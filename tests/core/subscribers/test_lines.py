"""References, numbers, codes and addresses as people type them."""

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.subscribers.emails import email_of
from core.subscribers.lines import (
    REGION,
    ServiceType,
    digits_of,
    mask_email,
    mask_msisdn,
    mask_reference,
    msisdn,
    national,
    payment_code_of,
    reachable,
    reference_of,
)


@pytest.mark.parametrize(
    "typed", ["0600000001", "06 00 00 00 01", "+212600000001", "00212600000001", "212600000001", "٠٦٠٠٠٠٠٠٠١"]
)
def test_a_mobile_in_any_spelling(typed: str) -> None:
    assert (
        reference_of(ServiceType.MOBILE, typed.removeprefix("00") if typed.startswith("00") else typed) == "0600000001"
    )


@pytest.mark.parametrize(
    ("service", "typed"),
    [
        (ServiceType.MOBILE, "0537000103"),
        (ServiceType.FIXED, "0600000001"),
        (ServiceType.MOBILE, "06000"),
        (ServiceType.MOBILE, "letters"),
        (ServiceType.INTERNET, "1234"),
        (ServiceType.INTERNET, ""),
    ],
)
def test_a_reference_of_another_service_is_refused(service: ServiceType, typed: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        reference_of(service, typed)


def test_references_of_the_other_services() -> None:
    assert reference_of(ServiceType.FIXED, "05 37 00 01 03") == "0537000103"
    assert reference_of(ServiceType.INTERNET, "n° 7710345") == "7710345"


def test_numbers_are_kept_in_e164() -> None:
    assert (msisdn("0600000001"), national("+212600000001")) == ("+212600000001", "0600000001")
    for foreign in ("+33612345678", "+213551234567"):
        assert national(msisdn(foreign)) == foreign
    for written in ('"Salma 3" <sip:0612345678@example.com>', "call 0612345678", "xx0612345678"):
        assert msisdn(written) == "+212612345678"
    for text in ("", "hello", "+", "12"):
        with pytest.raises(ValueError, match="not a telephone number"):
            msisdn(text)


@given(st.from_regex(r"(\+212|0)[0-9]{8,10}", fullmatch=True))
@example("0021200000")
@example("0000000000")
def test_plain_moroccan_numbers_are_read_as_the_library_reads_them(text: str) -> None:
    try:
        parsed = phonenumbers.parse(text, REGION)
        possible = phonenumbers.is_possible_number(parsed)
    except phonenumbers.NumberParseException:  # 00 and no country's digits
        possible = False
    if not possible:
        with pytest.raises(ValueError, match="not a telephone number"):
            msisdn(text)
    else:
        assert msisdn(text) == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@given(st.text() | st.text("0٠१9a+ "))
def test_digits_are_ascii_whatever_was_typed(text: str) -> None:
    assert digits_of(text).isascii()
    assert digits_of(digits_of(text)) == digits_of(text)
    assert digits_of("é" + text) == digits_of(text)  # nothing else than digits of ASCII is asked of ASCII


def test_codes_are_text() -> None:
    assert payment_code_of(" 012-345 ") == "012345"
    for text in ("123", "12345678901", "code"):
        with pytest.raises(ValueError, match="4 to 10 digits"):
            payment_code_of(text)


@pytest.mark.parametrize(
    "text", ["", "salma", "@example.com", "a@b", "a b@example.com", "a@-x.com", "a" * 255 + "@x.ma"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        email_of(text)


def test_masks_show_little() -> None:
    assert mask_reference("0600000003") == "06...003"
    assert mask_msisdn("+212600000001") == "+2126*****001"
    assert mask_msisdn("777") == "***"
    assert mask_email("salma@example.com") == "s***@example.com"


@pytest.mark.parametrize(
    "typed",
    [
        "a\x00b@x.ma",
        "a\x1b[2Jb@x.ma",
        "a\u202eb@x.ma",
        "a\u200bb@x.ma",
        "a\u2066b@x.ma",
        "a\x7fb@x.ma",
        "a\ud800b@x.ma",
        "4000000000000010@x.ma",
        "4000.0000.0000.0010@x.ma",
        "٤٠٠٠٠٠٠٠٠٠٠٠٠٠١٠@x.ma",
        "me+4000-0000-0000-0010@x.ma",
    ],
)
def test_an_address_holds_nothing_unseen_and_no_card(typed: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        email_of(typed)


@pytest.mark.parametrize(
    ("service", "shortest", "longest"),
    [(ServiceType.INTERNET, "12345", "123456789012"), (ServiceType.MOBILE, "0700000000", "0700000000")],
)
def test_a_reference_has_its_services_length(service: ServiceType, shortest: str, longest: str) -> None:
    assert (reference_of(service, shortest), reference_of(service, longest)) == (shortest, longest)
    for typed in (shortest[:-1], longest + "0"):
        with pytest.raises(ValueError, match=r"digits|number"):
            reference_of(service, typed)


def test_each_service_has_its_prefixes() -> None:
    for prefix, service in (("05", ServiceType.FIXED), ("08", ServiceType.FIXED), ("06", ServiceType.MOBILE)):
        assert reference_of(service, f"{prefix}37000103") == f"{prefix}37000103"
    assert reference_of(ServiceType.MOBILE, "+212 (0)6 00 00 00 03") == "0600000003"


def test_a_code_has_four_to_ten_digits() -> None:
    assert (payment_code_of("0123"), payment_code_of("0123456789")) == ("0123", "0123456789")


def test_who_can_be_rung_has_a_number() -> None:
    assert reachable("+212600000001")
    assert not reachable("hidden:12")


def test_masks_of_short_numbers_and_of_names_beyond_ascii() -> None:
    assert (mask_msisdn("12345678"), mask_msisdn("123456789")) == ("********", "12345*789")
    assert (mask_email("\u0633@example.com"), mask_email("@example.com")) == ("***@example.com", "***@example.com")
