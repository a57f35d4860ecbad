"""E-mail addresses as RFC 5321 and 5890 have them: slips and unseen marks are refused, hosts in any script are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.subscribers.emails import NotAnAddress, email_of
from tests.support.hostile import UNSEEN

TAKEN = {
    "salma@example.com": "salma@example.com",
    " Salma.Demo@Example.COM \r\n": "Salma.Demo@example.com",
    "s+a_l-m'a@sub.example.ma": "s+a_l-m'a@sub.example.ma",
    "a@exämple.com": "a@xn--exmple-cua.com",
    "a@EXÄMPLE.com": "a@xn--exmple-cua.com",
    "salma@مثال.المغرب": "salma@xn--mgbh0fb.xn--mgbc0a9azcg",
    "salma@xn--mgbh0fb.xn--mgbc0a9azcg": "salma@xn--mgbh0fb.xn--mgbc0a9azcg",
    "a@straße.de": "a@xn--strae-oqa.de",
    "a@例え.テスト": "a@xn--r8jz45g.xn--zckzah",
    "a@1and1.com": "a@1and1.com",
    "a@\uff45\uff58ample.com": "a@example.com",
}
REFUSED = (
    *("salma..demo@example.com", ".salma@example.com", "salma.@example.com", "@example.com", "salma@", "salma", ""),
    *("salma@example", "salma@.com", "salma@example..com", "salma@example.com.", "a@b@example.com", "a b@example.com"),
    *("salma@-example.com", "salma@example-.com", "salma@exa_mple.com", "salma@127.0.0.1", "salma@[127.0.0.1]"),
    *(
        "salma@xn--zzzzzzzz99999999.com",
        "salma@xn--.com",
        "a@\u2603\ufe0e.com",
        "hélène@example.com",
        "سلمى@example.com",
    ),
    *(
        "<salma@example.com>",
        "salma@example.com,b@c.de",
        "salma;x@example.com",
        '"a b"@example.com',
        "a\x00@example.com",
    ),
    *("a" * 65 + "@example.com", "a@" + "b" * 64 + ".com", "a@" + ".".join(["b" * 60] * 5) + ".com"),
    *(
        "4000000000000010@example.com",
        "salma@exam ple.com",
        "salma@example.c",
        "salma@example.123",
        "a\x00@example.com",
    ),
    *("a@exa\u00admple.com", "a@exam\u3000ple.com"),
)


@pytest.mark.parametrize(("typed", "kept"), TAKEN.items())
def test_addresses_that_people_have(typed: str, kept: str) -> None:
    assert email_of(typed) == kept
    assert email_of(kept) == kept, "kept once, it stays"


@pytest.mark.parametrize("typed", REFUSED, ids=ascii)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(NotAnAddress):
        email_of(typed)


@given(mark=st.sampled_from([*UNSEEN, "\x00", "\x1b", "\u2028", "\u00a0"]), at=st.integers(0, 16), utf8=st.booleans())
def test_nothing_unseen_is_part_of_an_address(mark: str, at: int, utf8: bool) -> None:
    address = "salma@example.com"
    typed = address[:at] + mark + address[at:]
    with pytest.raises(NotAnAddress):
        email_of(typed, utf8=utf8)


@pytest.mark.parametrize("local", ["hélène", "سلمى", "he\u0301le\u0300ne", "salma\u0663"])
def test_letters_beyond_ascii_where_the_mail_server_takes_them(local: str) -> None:
    assert email_of(f"{local}@example.com", utf8=True).isascii() is False
    with pytest.raises(NotAnAddress):
        email_of(f"{local}..x@example.com", utf8=True)


@pytest.mark.parametrize("local", ["sal\u20acma", "salma\u2603", "salma\u2019s"])
def test_signs_beyond_ascii_are_no_letters(local: str) -> None:
    with pytest.raises(NotAnAddress):
        email_of(f"{local}@example.com", utf8=True)


@given(typed=st.text(max_size=80), utf8=st.booleans())
def test_any_text_is_an_address_or_none(typed: str, utf8: bool) -> None:
    try:
        kept = email_of(f"{typed}@example.com", utf8=utf8)
    except NotAnAddress:
        return
    assert kept.endswith("@example.com")
    assert ".." not in kept
    assert utf8 or kept.isascii()


HOST_OF_190 = ".".join(["b" * 60] * 3) + ".example"


def test_the_longest_addresses_are_addresses() -> None:
    for kept in ("a" * 64 + "@example.com", "a@" + "b" * 63 + ".com", "a" * 63 + "@" + HOST_OF_190, "a@b.ma"):
        assert email_of(kept) == kept
    with pytest.raises(NotAnAddress):
        email_of("a" * 64 + "@" + HOST_OF_190)  # 255 octets
