"""Our verdicts are twilio's, on its public vector and on generated requests."""

import hashlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from channels.carriers.twilio.signature import HEADER, guard, sign, valid
from channels.wire import Incoming, SenderRefused

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
# the vendor's published example, as docs/protocols/sms.md quotes it
VECTOR_PARAMS = [("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234")]
VECTOR_PARAMS += [("From", "+14158675309"), ("To", "+18005551212")]
VECTOR = "RSOYDt4T1cUTdK1PDd93/VVr8B8="

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
urls = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["pay.example.ma", "localhost", "10.0.0.7"]),
    st.sampled_from(["", ":80", ":443", ":8000"]),
    st.sampled_from(["", "/", "/sms/twilio", "/a%20b/c"]),
    st.sampled_from(["", "?ref=01J-x", "?a=1&b="]),
)


def test_the_public_vector() -> None:
    assert sign("12345", URL, VECTOR_PARAMS) == VECTOR
    assert valid(("12345",), URL, VECTOR_PARAMS, VECTOR)
    assert not valid(("12346",), URL, VECTOR_PARAMS, VECTOR)
    assert not valid(("12345",), URL, VECTOR_PARAMS[1:], VECTOR)


@given(token=st.text("abcdef0123456789", min_size=1, max_size=32), url=urls, pairs=st.dictionaries(texts, texts))
def test_signatures_equal_twilios(token: str, url: str, pairs: dict[str, str]) -> None:
    theirs = RequestValidator(token)
    assert sign(token, url, list(pairs.items())) == theirs.compute_signature(url, pairs)
    signature = theirs.compute_signature(url, pairs)
    assert valid((token,), url, list(pairs.items()), signature)


@given(signed=urls, asked=urls, pairs=st.dictionaries(texts, texts, max_size=3), spoil=st.booleans())
def test_verdicts_equal_twilios(signed: str, asked: str, pairs: dict[str, str], spoil: bool) -> None:
    theirs = RequestValidator("token")
    signature = theirs.compute_signature(signed, pairs)
    if spoil:
        signature = signature[1:] + signature[0]
    assert valid(("token",), asked, list(pairs.items()), signature) is theirs.validate(asked, pairs, signature)


@given(body=st.binary(max_size=50), other=st.binary(max_size=50))
def test_a_json_body_is_signed_by_its_hash(body: bytes, other: bytes) -> None:
    url = f"https://pay.example.ma/ivr/x?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = RequestValidator("token").compute_signature(url, {})
    assert valid(("token",), url, body, signature)
    assert valid(("token",), url, other, signature) is (other == body)


def test_a_body_that_is_no_form_and_has_no_hash_is_never_valid() -> None:
    assert not valid(("token",), URL, b"{}", sign("token", URL))


def test_two_tokens_while_one_is_rotated() -> None:
    signature = sign("old", URL, VECTOR_PARAMS)
    assert valid(("new", "old"), URL, VECTOR_PARAMS, signature)
    assert not valid(("new",), URL, VECTOR_PARAMS, signature)
    assert not valid((), URL, VECTOR_PARAMS, signature)


@pytest.mark.parametrize("signature", ["", "é", "\ud800", "A" * 5000])
def test_a_strange_signature_is_wrong_and_nothing_worse(signature: str) -> None:
    assert not valid(("token",), URL, VECTOR_PARAMS, signature)


def request(body: bytes, signature: str | None, content_type: str = "application/x-www-form-urlencoded") -> Incoming:
    headers = {"content-type": content_type} | ({HEADER: signature} if signature is not None else {})
    return Incoming("POST", URL, "/myapp.php", "foo=1&bar=2", headers, body)


def test_the_guard_lets_the_signed_in() -> None:
    pairs = [("Body", " CODE "), ("Empty", ""), ("Media", "b"), ("Media", "a")]
    body = urlencode(pairs).encode()
    guard(("token",), request(body, sign("token", URL, pairs)))
    guard(("token",), request(body, sign("token", URL, pairs), "application/x-www-form-urlencoded; charset=UTF-8"))


def test_the_guard_signs_over_empty_and_unknown_fields() -> None:
    signature = sign("token", URL, [("Body", "CODE")])
    with pytest.raises(SenderRefused):
        guard(("token",), request(b"Body=CODE&New=", signature))


@pytest.mark.parametrize("body", [b"", b"Body=CODE", b"Body=%ff", b"\xff\x00", b"a&" * 500])
@pytest.mark.parametrize("signature", [None, "", "nonsense"])
def test_the_guard_refuses_before_it_reads(body: bytes, signature: str | None) -> None:
    with pytest.raises(SenderRefused):
        guard(("token",), request(body, signature))


def test_the_guard_knows_gets_and_json() -> None:
    get = Incoming("GET", URL, "/myapp.php", "foo=1&bar=2", {HEADER: sign("token", URL)}, b"")
    guard(("token",), get)
    url = f"https://pay.example.ma/x?bodySHA256={hashlib.sha256(b'{}').hexdigest()}"
    headers = {HEADER: sign("token", url), "content-type": "application/json"}
    guard(("token",), Incoming("POST", url, "/x", "", headers, b"{}"))
    with pytest.raises(SenderRefused):
        guard(("token",), Incoming("POST", url, "/x", "", headers, b"[]"))
