"""The hosted page's hash and its callback."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.acquirers.hosted import Callback, HostedShop, page_fields, trusted, ver3_hash
from core.acquirers.hosted_hash import charset_of, kit_text, signed_part
from core.cards import Secret
from core.chargebacks.model import DisputeFacts
from core.languages import LanguageCode
from lab.cmi.posts import kit_hash

SHOP = HostedShop("600000001", Secret("store|key\\1"), "https://k/ok", "https://k/no", "https://k", "https://k/cb")

# Inputs and results of the two public vectors (docs/protocols/cmi.md): an independent implementation's tests.
VECTOR = {
    "clientid": "190100000",
    "amount": "100.25",
    "oid": "order222",
    "okUrl": "https://domain.com/success",
    "failUrl": "https://domain.com/fail_url",
    "lang": "tr",
    "currency": "949",
    "taksit": "",
    "islemtipi": "Auth",
    "hashAlgorithm": "ver3",
}
PAY = {"storetype": "3d_pay", "rnd": "rand", "firmaadi": "siparis veren", "Email": "test@test.com"}
SECURE = {"storetype": "3d", "rnd": "12345"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (PAY, "/uPxhEKWCEGi3NsDOOQ4u8Hu5g71v5GWspOid70WehTWEz97PqxG3IN1Jv5jsbOXOw3Z3Rr/0UtywzEgbqFfdA=="),
        (SECURE, "4aUsG5hqlIFLc9s8PKc5rWb2OLhmxDDewNgKa2XrwoYCIxlyVq8Fjl4IVaZzoqL983CfTseicmnTA0PjZr74xg=="),
    ],
)
def test_the_public_vectors(more: dict[str, str], expected: str) -> None:
    assert ver3_hash({**VECTOR, **more}, Secret("123456")) == expected


def test_hash_and_encoding_are_left_out_and_values_trimmed() -> None:
    assert ver3_hash({"a": " x ", "HASH": "h", "Encoding": "e"}, Secret("k")) == ver3_hash({"a": "x"}, Secret("k"))


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_values_cannot_run_into_each_other(a: str, b: str, c: str, d: str) -> None:
    one, other = {"a": a, "b": b}, {"a": c, "b": d}
    same = [text.strip() for text in (a, b)] == [text.strip() for text in (c, d)]
    assert (ver3_hash(one, Secret("k")) == ver3_hash(other, Secret("k"))) is same


@given(st.permutations(["clientid", "Amount", "oid", "TranType", "BillToName"]))
def test_the_order_of_fields_does_not_matter(names: list[str]) -> None:
    expected = ver3_hash({name: name for name in sorted(names)}, Secret("k"))
    assert ver3_hash({name: name for name in names}, Secret("k")) == expected


def order_page() -> dict[str, str]:
    return page_fields(
        SHOP,
        "order-1",
        76920,
        language=LanguageCode.FR,
        email="salma@example.com",
        holder="Salma",
        telephone="+212600000001",
        nonce="n-1",
    )


def test_the_page_is_signed_and_in_dirhams() -> None:
    fields = order_page()
    assert {name: text for name, text in fields.items() if name != "HASH"} == {
        "clientid": "600000001",
        "storetype": "3D_PAY_HOSTING",
        "TranType": "PreAuth",
        "amount": "769.20",
        "currency": "504",
        "oid": "order-1",
        "okUrl": "https://k/ok",
        "failUrl": "https://k/no",
        "shopurl": "https://k",
        "callbackUrl": "https://k/cb",
        "CallbackResponse": "true",
        "lang": "fr",
        "email": "salma@example.com",
        "BillToName": "Salma",
        "tel": "+212600000001",
        "rnd": "n-1",
        "hashAlgorithm": "ver3",
        "encoding": "UTF-8",
        "refreshtime": "5",
        "sessiontimeout": "600",
    }
    assert fields["HASH"] == ver3_hash(fields, SHOP.store_key)
    assert "store|key" not in repr((SHOP, fields))


def page_of(session_s: int) -> dict[str, str]:
    return page_fields(
        SHOP, "o", 1, language=LanguageCode.AR, email="", holder="", telephone="", nonce="n", session_s=session_s
    )


@pytest.mark.parametrize("session_s", [29, 2701])
def test_a_session_has_bounds(session_s: int) -> None:
    with pytest.raises(ValueError, match="30 to 2700"):
        page_of(session_s)


@pytest.mark.parametrize("session_s", [30, 2700])
def test_a_session_lives_as_long_as_its_bounds(session_s: int) -> None:
    assert page_of(session_s)["sessiontimeout"] == str(session_s)


def callback(**changes: str) -> dict[str, str]:
    fields = {
        "oid": "order-1",
        "clientid": "600000001",
        "amount": "769.20",
        "currency": "504",
        "Response": "Approved",
        "ProcReturnCode": "00",
        "mdStatus": "1",
        "AuthCode": "123456",
        "TransId": "100001001587",
        **changes,
    }
    return {**fields, "HASH": ver3_hash(fields, SHOP.store_key)}


def test_a_callback_is_read_whole() -> None:
    facts = DisputeFacts(rrn="432100", md_status="1")
    assert trusted(SHOP, callback(HostRefNum="432100")) == Callback(
        "order-1", "600000001", 76920, "504", "00", "Approved", "1", "123456", "100001001587", facts
    )


def test_what_a_callback_leaves_out_is_empty() -> None:
    signed = {"x": "1", "HASH": ver3_hash({"x": "1"}, SHOP.store_key)}
    assert trusted(SHOP, signed) == Callback("", "", None, "", "", "", "", "", "")


@pytest.mark.parametrize("name", ["oid", "amount", "currency", "ProcReturnCode", "mdStatus", "AuthCode", "HASH"])
def test_any_changed_field_is_a_forgery(name: str) -> None:
    fields = callback()
    assert trusted(SHOP, fields) is not None
    assert trusted(SHOP, {**fields, name: fields[name] + "1"}) is None


def test_no_hash_and_twice_the_same_name_are_forgeries() -> None:
    fields = callback()
    del fields["HASH"]
    assert trusted(SHOP, fields) is None
    doubled = {**fields, "OID": "order-2"}
    assert trusted(SHOP, {**doubled, "HASH": ver3_hash(doubled, SHOP.store_key)}) is None


@pytest.mark.parametrize("key", ["", " ", "\t"])
def test_without_a_store_key_nothing_is_believed(key: str) -> None:
    """Anybody can make a hash that ends in nothing."""
    shop = replace(SHOP, store_key=Secret(key))
    fields = callback()
    del fields["HASH"]
    assert trusted(shop, {**fields, "HASH": ver3_hash(fields, shop.store_key)}) is None


# --- the kit's own reading (docs/guides/cmi.md) ---------------------------------------------------------------------


def by_kit(fields: dict[str, str], encoding: str = "UTF-8") -> dict[str, str]:
    """Signed by the emulator's own reading, which shares nothing with ours."""
    return {**fields, "HASH": kit_hash(fields, encoding, SHOP.store_key)}


def unsigned() -> dict[str, str]:
    return {name: text for name, text in callback().items() if name != "HASH"}


CRITERIA = {f"DIMCRITERIA{number}": f"c{number}" for number in (10, 2, 1)}


@pytest.mark.parametrize(
    "more",
    [
        {"EXTRA.CARDISSUER": "CREDIT DU MAROC D&#39;ENTREPRISE"},
        {"ErrMsg": "Op&eacute;ration refus&#xE9;e &amp; close"},
        {"cardHolderName": "Salma "},
        {"cardHolderName": " Salma\n"},
        {"cardHolderName": "a|b\\c"},
        {"okUrl": "https://k/ok?a=1&copy=2"},
        CRITERIA,
        {**CRITERIA, "EXTRA.HOSTMSG": "&eacute; "},
    ],
)
def test_what_the_kit_signs_is_believed(more: dict[str, str]) -> None:
    fields = {**unsigned(), **more}
    signed = by_kit(fields) if "copy" not in str(more) else {**fields, "HASH": ver3_hash(fields, SHOP.store_key)}
    assert trusted(SHOP, signed) is not None
    assert trusted(SHOP, {**signed, "amount": "1.00"}) is None


@given(st.text(max_size=12), st.text(max_size=12), st.sampled_from(["a1", "a10", "a2", "A_b", "EXTRA.X", "z"]))
def test_any_text_under_any_name_is_read_as_the_kit_signs_it(one: str, other: str, name: str) -> None:
    spelled = {text: html_kept(text) for text in (one, other)}
    fields = {**unsigned(), name: spelled[one], "cardHolderName": spelled[other]}
    assert trusted(SHOP, by_kit(fields)) is not None


def html_kept(text: str) -> str:
    """As the gateway writes a text: its ampersands are entities."""
    return text.replace("&", "&amp;").encode("utf-8", "ignore").decode()


@pytest.mark.parametrize(
    "extra", [{"NATIONALIDNO": "1"}, {"countdown": "1", "_charset_": "UTF-8"}, {"utm_campaign": "x"}]
)
def test_what_no_hash_covers_is_left_out_and_not_believed(extra: dict[str, str]) -> None:
    assert trusted(SHOP, {**callback(), **extra}) is not None
    del (fields := callback())["AuthCode"]
    signed = {**fields, "HASH": ver3_hash({k: v for k, v in fields.items() if k != "HASH"}, SHOP.store_key)}
    assert trusted(SHOP, {**signed, "AuthCode": "999999"}) is None


def test_a_plus_that_became_a_space_is_the_same_hash() -> None:
    signed = next(one for one in (callback(rnd=str(n)) for n in range(50)) if "+" in one["HASH"])
    assert trusted(SHOP, {**signed, "HASH": signed["HASH"].replace("+", " ")}) is not None


def test_a_name_in_two_cases_with_one_value_is_one_thing() -> None:
    doubled = {name: text for name, text in callback(OID="order-1").items() if name != "HASH"}
    assert trusted(SHOP, {**doubled, "HASH": ver3_hash(doubled, SHOP.store_key)}) is not None


# --- which fields a hash covers, in which order and alphabet, from both sides of every bound ------------------------


@pytest.mark.parametrize(
    ("signed", "added"),
    [
        ({"clientid": "1"}, {"HASH": "h", "Encoding": "e"}),
        ({"clientid": "1", "countdown": "2"}, {"HASH": "h"}),
        ({"clientid": "1", "of_the_shop": "2"}, {"countdown": "3", "_charset_": "4"}),
        ({"clientid": "1", "of_the_shop": "2"}, {"NATIONALIDNO": "3", "countdown": "4"}),
        ({"clientid": "1", "EXTRA.X": "2"}, {"utm_campaign": "3", "countdown": "4"}),
    ],
)
def test_only_what_the_hash_covers_is_handed_on(signed: dict[str, str], added: dict[str, str]) -> None:
    key = Secret("k")
    assert signed_part({**signed, **added}, ver3_hash(signed, key), key) == signed
    assert signed_part({**signed, **added}, ver3_hash(signed, Secret("other")), key) is None


def test_a_field_that_goes_unsigned_now_and_then_is_believed_where_it_is_signed() -> None:
    key, fields = Secret("k"), {"clientid": "1", "nationalidno": "2", "of_the_shop": "3"}
    assert signed_part({**fields, "countdown": "4"}, ver3_hash(fields, key), key) == fields


@given(st.permutations(["D10", "D2", "D", "D1x", "d1", "Dx1", "D02y", "clientid"]))
def test_names_stand_in_the_kits_order(names: list[str]) -> None:
    """Numbers by their size, and what ends first goes first, however the post arranges them."""
    key, fields = Secret("k"), {name: name for name in names}
    assert signed_part(fields, kit_hash(fields, "utf-8", key), key) == fields


@pytest.mark.parametrize(
    ("fields", "codec"),
    [
        ({}, None),
        ({"encoding": ""}, None),
        ({"encoding": "utf-7"}, None),
        ({"Encoding": " UTF-8 "}, "utf-8"),
        ({"_charset_": "Windows-1256"}, "cp1256"),
        ({"encoding": "unheard", "_charset_": "latin1"}, "iso-8859-1"),
        ({"encoding": "ISO-8859-9", "_charset_": "utf8"}, "iso-8859-9"),
    ],
)
def test_the_alphabet_that_a_post_names(fields: dict[str, str], codec: str | None) -> None:
    assert charset_of(fields) == codec


def test_a_hash_over_the_alphabet_that_is_named_is_found() -> None:
    """No other of the readings can write the name."""
    key, fields = Secret("k"), {"billtoname": "\u0633\u0644\u0645\u0649", "encoding": "windows-1256"}
    signed = {"billtoname": fields["billtoname"]}
    assert signed_part(fields, kit_hash(fields, "cp1256", key), key) == signed


@pytest.mark.parametrize(("first", "last"), [(9, 10), (13, 13), (0x20, 0x7E), (0xA0, 0xD7FF), (0xE000, 0x10FFFD)])
def test_a_number_between_the_bounds_is_its_character(first: int, last: int) -> None:
    for code in (first, last):
        assert (kit_text(f"&#{code};"), kit_text(f"&#x{code:x};"), kit_text(f"&#X{code:X};")) == (chr(code),) * 3


@pytest.mark.parametrize("code", [0, 8, 11, 12, 14, 0x1F, 0x7F, 0x9F, 0xD800, 0xDFFF, 0x10FFFE, 0x10FFFF])
def test_a_number_beside_the_bounds_stays_as_it_is(code: int) -> None:
    assert kit_text(f"&#{code};&#x{code:x};") == f"&#{code};&#x{code:x};"


def test_a_name_that_is_no_entity_stays_as_it_is() -> None:
    assert kit_text("&eacute;&nosuch;&eacute ") == "é&nosuch;&eacute "


@pytest.mark.parametrize(("fields", "read"), [(200, True), (201, False)])
def test_a_callback_has_two_hundred_fields_at_most(fields: int, read: bool) -> None:
    more = {f"x{number}": "1" for number in range(fields - len(callback()))}
    signed = callback(**more)
    assert (len(signed), trusted(SHOP, signed) is not None) == (fields, read)
