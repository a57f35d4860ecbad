"""The hosted page's hash and its callback."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.acquirers.hosted import HostedShop, page_fields, trusted, ver3_hash
from core.cards import Secret
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
    assert (fields["amount"], fields["currency"], fields["TranType"]) == ("769.20", "504", "PreAuth")
    assert fields["HASH"] == ver3_hash(fields, SHOP.store_key)
    assert "store|key" not in repr((SHOP, fields))


@pytest.mark.parametrize("session_s", [29, 2701])
def test_a_session_has_bounds(session_s: int) -> None:
    with pytest.raises(ValueError, match="30 to 2700"):
        page_fields(
            SHOP, "o", 1, language=LanguageCode.AR, email="", holder="", telephone="", nonce="n", session_s=session_s
        )


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
