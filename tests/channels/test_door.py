"""Fields read within bounds, whatever the peer sends."""

import contextlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.door import FIELD_BYTES_MAX, FIELDS_MAX, Incoming, Malformed, fields, required, same


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=20))
def test_what_was_encoded_is_read(values: dict[str, str]) -> None:
    assert fields(urlencode(values).encode()) == values


@given(st.binary(max_size=400))
def test_garbage_is_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):  # and nothing else is ever raised
        assert len(fields(body)) <= FIELDS_MAX


@pytest.mark.parametrize(
    "body", [b"a=%FF", b"a=\xc3\xa9", b"&".join([b"a=1"] * (FIELDS_MAX + 1)), b"a=" + b"x" * (FIELD_BYTES_MAX + 1)]
)
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
