"""Fields read within bounds, whatever the peer sends."""

import contextlib
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.http.charset import body_of, text_of
from channels.wire import FIELD_BYTES_MAX, FIELDS_MAX, Incoming, Malformed, fields, required, same


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=20))
def test_what_was_encoded_is_read(values: dict[str, str]) -> None:
    assert fields(urlencode(values).encode()) == values


@given(st.binary(max_size=400))
def test_garbage_is_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):  # and nothing else is ever raised
        assert len(fields(body)) <= FIELDS_MAX


@given(st.lists(st.sampled_from(["a", "%", "%2", "B", "2", "%2B", "%2A", "%23", "%2b", "%25", "+", "&", "=", "%26"])))
def test_telephones_signs_are_read_as_any_others(pieces: list[str]) -> None:
    spelled = "".join(pieces)
    read = parse_qsl(spelled, keep_blank_values=True, encoding="latin-1")
    assert fields(spelled.encode()) == dict(read)


@pytest.mark.parametrize("body", [b"&".join([b"a=1"] * (FIELDS_MAX + 1)), b"a=" + b"x" * (FIELD_BYTES_MAX + 1)])
def test_past_the_bounds_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        fields(body)


def test_the_bounds_themselves_are_allowed() -> None:
    assert len(fields(b"&".join(b"f%d=1" % n for n in range(FIELDS_MAX)))) == FIELDS_MAX
    assert len(fields(b"a=" + b"x" * FIELD_BYTES_MAX)["a"]) == FIELD_BYTES_MAX


def test_empty_fields_are_kept_and_the_last_of_a_name_wins() -> None:
    assert fields(b"a=&b=1&b=2&c") == {"a": "", "b": "2", "c": ""}


def test_a_required_field() -> None:
    assert required({"a": "1"}, "a") == "1"
    for values in ({}, {"a": ""}):
        with pytest.raises(Malformed, match="field a"):
            required(values, "a")


def test_body_and_query_of_a_request() -> None:
    request = Incoming("POST", "https://x/y?q=1", "/y", "q=1", {}, b"b=2")
    assert request.form() == {"b": "2"}
    assert request.params() == {"q": "1"}


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_secrets_are_the_same_or_not(left: str, right: str) -> None:
    assert same(left, left)
    assert same(left, right) is (left == right)


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"a=%C3%A9", "", "\u00e9"),
        (b"a=\xc3\xa9", "", "\u00e9"),  # raw
        (b"a=%E9", "", "\u00e9"),  # a francophone gateway's Latin-1
        (b"a=\xe9+b", "; charset=utf-8", "\u00e9 b"),  # what it declares is no truth
        (b"a=%E3", "; charset=windows-1256", "\u0645"),
        (b"a=%E3", '; charset="Windows-1256"', "\u0645"),
        (b"a=%D9%85", "; charset=iso-8859-1", "\u0645"),  # UTF-8 under another name
        (b"a=%E9", "; charset=no-such-thing", "\u00e9"),
        (b"a=%FF%FE1", "", "\u00ff\u00fe1"),
        (b"\xef\xbb\xbfa=1", "", "1"),
        (b"a=%00", "", "\x00"),
    ],
)
def test_a_form_is_read_whatever_its_octets_mean(body: bytes, kind: str, text: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded" + kind}
    assert Incoming("POST", "", "", "", headers, body).form() == {"a": text}
    query = body.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    assert set(Incoming("GET", "", "", query, {}, b"").params()) == {"a"}


@given(octets=st.binary(max_size=60), declared=st.sampled_from(["", "utf-16", "cp1256", "ucs-2", "utf-7", "rot13"]))
def test_any_octets_are_some_text(octets: bytes, declared: str) -> None:
    assert isinstance(text_of(octets, declared), str)
    assert isinstance(body_of(octets, declared), str)


MULTIPART = "multipart/form-data; boundary=XX"


def _multipart(**values: bytes) -> bytes:
    head = b'--XX\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    return b"".join(head % (name.encode(), value) for name, value in values.items()) + b"--XX--\r\n"


def test_a_multipart_form_is_a_form() -> None:
    body = _multipart(sessionId=b"AT1", text=b"1*\xe9", empty=b"", arabic="\u0645".encode())
    form = Incoming("POST", "", "", "", {"content-type": MULTIPART}, body).form()
    assert form == {"sessionId": "AT1", "text": "1*\u00e9", "empty": "", "arabic": "\u0645"}


@given(body=st.binary(max_size=200))
def test_a_broken_multipart_form_is_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert len(Incoming("POST", "", "", "", {"content-type": MULTIPART}, b"--XX\r\n" + body).form()) <= FIELDS_MAX
