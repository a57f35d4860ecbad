"""Requests as documented; answers of every shape, none of which raises or repeats a card number."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from core.acquirers import cmi_xml as xml
from core.cards import Card, Secret
from core.ports import Order

PAN, CVV, PIN = "4000000000000010", "987", "4711"
ACCOUNT = xml.CmiAccount(
    "https://cmi.example/fim/api", "600000001", "api", Secret("pass&word"), cardholder_present_code="2"
)
ORDER = Order("order-1", 76920, "MAD", "salma@example.com", "+212600000001")
CARD = Card(Secret(PAN), 3, 2031)

printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)


def read(request: str) -> dict[str, str]:
    root = fromstring(request)
    assert root.tag == "CC5Request"
    return {child.tag: child.text or "" for child in root}


def test_a_sale_as_documented() -> None:
    fields = read(xml.auth_request(ACCOUNT, ORDER, CARD, Secret(CVV)))
    assert fields == {
        "Name": "api",
        "Password": "pass&word",
        "ClientId": "600000001",
        "Mode": "P",
        "OrderId": "order-1",
        "Type": "Auth",
        "IPAddress": "",
        "Email": "salma@example.com",
        "Number": PAN,
        "Expires": "03/31",
        "Cvv2Val": CVV,
        "Total": "769.20",
        "Currency": "504",
        "Taksit": "",
        "CardholderPresentCode": "2",
        "BillTo": "",
    }


@pytest.mark.parametrize(
    ("request_xml", "said"),
    [
        (lambda: xml.void_request(ACCOUNT, "o"), {"Type": "Void"}),
        (lambda: xml.credit_request(ACCOUNT, "o", 5), {"Type": "Credit", "Total": "0.05", "Currency": "504"}),
        (
            lambda: xml.capture_request(ACCOUNT, "o", 100000),
            {"Type": "PostAuth", "Total": "1000.00", "Currency": "504"},
        ),
    ],
)
def test_later_steps(request_xml: Callable[[], str], said: dict[str, str]) -> None:
    asked_by = {"Name": "api", "Password": "pass&word", "ClientId": "600000001", "Mode": "P", "OrderId": "o"}
    assert read(request_xml()) == asked_by | said


@pytest.mark.parametrize(
    ("request_xml", "extra"),
    [
        (lambda: xml.status_request(ACCOUNT, "o"), {"ORDERSTATUS": "QUERY"}),
        (lambda: xml.history_request(ACCOUNT, "o"), {"ORDERHISTORY": "QUERY"}),
        (lambda: xml.challenge_request(ACCOUNT, "o", "c-1", Secret(PIN)), {"CHALLENGEID": "c-1", "CHALLENGEPIN": PIN}),
    ],
)
def test_questions_name_no_type(request_xml: Callable[[], str], extra: dict[str, str]) -> None:
    root = fromstring(request_xml())
    box = root.find("Extra")
    assert root.find("Type") is None
    assert box is not None
    assert {child.tag: child.text for child in box} == extra


@given(st.text(max_size=60))
def test_any_text_makes_a_readable_request(email: str) -> None:
    order = Order("o", 100, "MAD", email, "")
    fromstring(xml.auth_request(ACCOUNT, order, CARD, Secret(CVV)))


def response(top: str, extra: str = "") -> bytes:
    return f"<CC5Response>{top}<Extra>{extra}</Extra></CC5Response>".encode()


def test_an_answer_is_read() -> None:
    answer = xml.parse_answer(
        response(
            "<OrderId>o</OrderId><Response>Approved</Response><AuthCode>123456</AuthCode>"
            "<ProcReturnCode>00</ProcReturnCode><TransId>22303RqiC11252</TransId><ErrMsg/>",
            "<ERRORCODE/><NUMCODE>00</NUMCODE><CARDBRAND>VISA</CARDBRAND>",
        )
    )
    assert answer is not None
    assert (answer.order_id, answer.response, answer.code, answer.error_code) == ("o", "Approved", "00", "")
    assert (answer.auth_code, answer.transaction_number) == ("123456", "22303RqiC11252")


@pytest.mark.parametrize(
    "body",
    [
        response("<ERRORCODE>CORE-2511</ERRORCODE>"),
        response("", "<ERRORCODE>CORE-2511</ERRORCODE>"),
        response("", "<NUMCODE>992511</NUMCODE>"),
        response("<NUMCODE>992511</NUMCODE>"),
    ],
)
def test_the_error_code_stands_anywhere(body: bytes) -> None:
    answer = xml.parse_answer(body)
    assert answer is not None
    assert answer.error_code == "CORE-2511"


def test_missing_elements_are_empty() -> None:
    assert xml.parse_answer(b"<CC5Response/>") == xml.Cc5Answer()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff<CC5Response>",
        b"<html>Bad Gateway</html>",
        b"<CC5Response><Response>Approved</Response>",
        response("<ProcReturnCode>05</ProcReturnCode><ProcReturnCode>00</ProcReturnCode>"),
        b"<CC5Response><Extra><A>1</A></Extra><Extra><A>2</A></Extra></CC5Response>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><CC5Response><Response>&b;</Response></CC5Response>',
        b'<?xml version="1.0" encoding="no-such"?><CC5Response/>',
        b"<a>" * 20_000,
        b"<CC5Response>" + b"<A/>" * 600 + b"</CC5Response>",
        response("<ErrMsg>" + "x" * xml.ANSWER_MAX_BYTES + "</ErrMsg>"),
    ],
)
def test_what_cannot_be_read_is_none(body: bytes) -> None:
    assert xml.parse_answer(body) is None


@given(st.binary(max_size=400))
def test_garbage_never_raises(body: bytes) -> None:
    xml.parse_answer(body)
    xml.parse_answer(b"<CC5Response>" + body + b"</CC5Response>")


@given(printable, printable)
def test_texts_come_through(order_id: str, response_text: str) -> None:
    root = ElementTree.Element("CC5Response")
    ElementTree.SubElement(root, "OrderId").text = order_id
    ElementTree.SubElement(root, "Response").text = response_text
    answer = xml.parse_answer(ElementTree.tostring(root, encoding="utf-8"))
    assert answer is not None
    assert (answer.order_id, answer.response) == (order_id.strip(" \r\n").strip(), response_text.strip())


@given(st.integers(0, 10**10))
def test_amounts_of_an_inquiry_come_in_two_forms(centimes: int) -> None:
    decimal = f"{centimes // 100}.{centimes % 100:02d}"
    assert xml.amount_of(str(centimes)) == centimes
    assert xml.amount_of(decimal) == centimes
    assert xml.amount_of(decimal.replace(".", ",")) == centimes
    assert xml.decimal_amount_of(decimal) == centimes


@pytest.mark.parametrize("text", ["", " ", "-5", "7.692", "1e3", "769.20 MAD", "9" * 13, "٧٦"])
def test_what_is_no_amount(text: str) -> None:
    assert xml.amount_of(text) is None


def test_a_peer_that_echoes_the_card_is_not_repeated() -> None:
    answer = xml.parse_answer(
        response(
            f"<AuthCode>{PAN}</AuthCode><TransId>x{PAN}</TransId><ProcReturnCode>{PAN}</ProcReturnCode>"
            f"<ErrMsg>card {PAN} code {CVV}</ErrMsg>",
            f"<ERRORCODE>{PAN}</ERRORCODE><PAN>{PAN}</PAN>",
        )
    )
    assert PAN not in repr(answer)
    assert CVV not in repr(answer)


def test_the_account_hides_its_password() -> None:
    assert "pass&word" not in repr(ACCOUNT)
    with pytest.raises(TypeError):
        pickle.dumps(ACCOUNT)


# --- nearly XML: read where the meaning is certain ---

SAID = "<OrderId>o</OrderId><Response>Approved</Response><ProcReturnCode>00</ProcReturnCode>"
BODY = f"<CC5Response>{SAID}{{more}}</CC5Response>"
DECLARED = '<?xml version="1.0" encoding="UTF-8"?>'


def nearly(more: str = "", before: str = "", after: str = "", encoding: str = "utf-8") -> bytes:
    return (before + DECLARED + BODY.format(more=more) + after).encode(encoding)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (nearly(before="\n"), ""),
        (nearly(before="\ufeff"), ""),
        (nearly(before=" \r\n\t\ufeff\n"), ""),
        (nearly(after="\x00"), ""),
        (nearly(after="\n\x00\x00 junk & <br>"), ""),
        (nearly("<ErrMsg>Marks & Co &</ErrMsg>"), "Marks & Co &"),
        (nearly("<ErrMsg>a&b=c&d;</ErrMsg>"), "a&b=c&d;"),
        (nearly("<ErrMsg>Op&eacute;ration &amp; suite</ErrMsg>"), "Opération & suite"),
        (nearly("<ErrMsg>Opération</ErrMsg>", encoding="latin-1"), "Opération"),
        (nearly("<ErrMsg>Opération</ErrMsg>").replace(b"UTF-8", b"ISO-8859-9"), "OpÃ©ration"),
        ("<ErrMsg>é".encode() + b"\xe9", None),
        (nearly("<ErrMsg>Opération &</ErrMsg>", encoding="latin-1").replace(b"UTF-8", b"ISO-8859-1"), "Opération &"),
        (nearly("<ErrMsg>é{}</ErrMsg>").replace(b"{}", b"\xe9"), "éé"),
        (nearly("<ErrMsg><![CDATA[a & b]]></ErrMsg><X>&</X>"), "a & b"),
        (BODY.format(more="").encode("utf-16"), ""),
        (BODY.format(more="<ErrMsg>é &</ErrMsg>").encode(), "é &"),
        (nearly("<ErrMsg>é &</ErrMsg>").replace(b"UTF-8", b"US-ASCII"), "é &"),
        (nearly("<ErrMsg>İ &</ErrMsg>", encoding="iso-8859-9").replace(b"UTF-8", b"ISO-8859-9"), "İ &"),
        (nearly("<ErrMsg>é{}</ErrMsg>").replace(b"{}", b"\x80\xff"), "éÿ"),
        (nearly("<ErrMsg>a&eacute b&nosuch;</ErrMsg>"), "a&eacute b&nosuch;"),
        # what is not certain stays unknown
        (nearly(after=BODY.format(more="").replace("Approved", "Declined")), None),
        (nearly(after="<CC5Response>"), None),
        (nearly(after="</CC5Response>"), None),
        (nearly("<ErrMsg>\x00</ErrMsg>"), None),
        (nearly("<ErrMsg>&#0;</ErrMsg>"), None),
        (nearly("<ErrMsg>a < b</ErrMsg>"), None),
        (nearly("<ErrMsg>cut"), None),
        (nearly()[:-5], None),
        (b"Warning: x in y.php" + nearly(), None),
        (b'<!DOCTYPE a [<!ENTITY x "00">]>' + BODY.format(more="<ErrMsg>&x; &</ErrMsg>").encode(), None),
    ],
)
def test_an_answer_that_is_nearly_xml(body: bytes, message: str | None) -> None:
    read_ = xml.parse_answer(body)
    if message is None:
        assert read_ is None
    else:
        assert read_ is not None
        assert (read_.order_id, read_.response, read_.code, read_.message) == ("o", "Approved", "00", message)


@given(st.binary(max_size=200), st.binary(max_size=40), st.binary(max_size=40))
def test_junk_around_an_answer_never_changes_what_it_says(inside: bytes, before: bytes, after: bytes) -> None:
    """Whatever stands around or in its words: the code that is read is the one that was sent, or none is."""
    framed = before + b"<CC5Response><ProcReturnCode>51</ProcReturnCode><ErrMsg>" + inside
    answer = xml.parse_answer(framed + b"</ErrMsg></CC5Response>" + after)
    assert answer is None or answer.code == "51"


# --- every field, and every bound from both sides ---


def test_a_sale_names_the_payers_telephone() -> None:
    bill_to = fromstring(xml.auth_request(ACCOUNT, ORDER, CARD, Secret(CVV))).find("BillTo")
    assert bill_to is not None
    assert {child.tag: child.text for child in bill_to} == {"TelVoice": "+212600000001"}


def test_every_field_of_an_answer_is_its_own() -> None:
    told = "<Total>769.20</Total><HostRefNum>432100</HostRefNum><ErrMsg>Refus 51</ErrMsg><NUMCODE>992508</NUMCODE>"
    answer = xml.parse_answer(response(told, "<NUMCODE>992511</NUMCODE><Trx1> \tS\t &#13;\n</Trx1>"))
    assert answer is not None
    assert (answer.total, answer.rrn, answer.message) == ("769.20", "432100", "Refus ##")
    assert answer.error_code == "CORE-2511"  # the inner one goes first
    assert answer.extra == {"NUMCODE": "992511", "TRX1": "\tS\t"}  # tabs part the fields of a row


@pytest.mark.parametrize(("elements", "read"), [(499, True), (500, False)])
def test_an_answer_has_five_hundred_elements_at_most(elements: int, read: bool) -> None:
    many = "".join(f"<A{number}/>" for number in range(elements))
    assert (xml.parse_answer(response(many)) is not None) is read  # the box counts as one of them
    assert (xml.parse_answer(response("", many + "<B/>")) is not None) is read


@pytest.mark.parametrize(("size", "read"), [(65_536, True), (65_537, False)])
def test_an_answer_has_64_kibibytes_at_most(size: int, read: bool) -> None:
    frame = len(response("<ErrMsg></ErrMsg>"))
    assert (xml.parse_answer(response(f"<ErrMsg>{'x' * (size - frame)}</ErrMsg>")) is not None) is read


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a" * 64, True),
        ("a" * 65, False),
        ("0" * 12, True),
        ("0" * 13, False),
        ("0" * 19, False),
        ("0" * 20, True),
        ("1" + "0" * 12, True),
        ("T-0000.00000_000000", False),
        ("a b", False),
    ],
)
def test_an_identifier_is_kept_where_it_can_be_no_cards_number(text: str, kept: bool) -> None:
    assert xml.identifier(text) == (text if kept else "")


def test_the_peers_words_are_cut_and_lose_digits_and_what_cannot_be_seen() -> None:
    assert xml.scrubbed("carte 4\u0664\u0007 refusée") == "carte ## refusée"
    assert (len(xml.scrubbed("x" * 120)), len(xml.scrubbed("x" * 121))) == (120, 120)


def test_what_no_document_can_hold_is_left_out_of_a_request() -> None:
    root = fromstring(
        xml.auth_request(ACCOUNT, replace(ORDER, email="a\x00b", telephone="1\ufffe2"), CARD, Secret(CVV))
    )
    assert (root.findtext("Email"), root.findtext("BillTo/TelVoice")) == ("ab", "12")
    assert fromstring(xml.auth_request(ACCOUNT, replace(ORDER, email=None), CARD, Secret(CVV))).findtext("Email") == ""


def test_a_document_type_is_refused_though_it_names_no_entity() -> None:
    body = response("<OrderId>o</OrderId>")
    assert xml.parse_answer(body) is not None
    assert xml.parse_answer(b"<!DOCTYPE CC5Response>" + body) is None
