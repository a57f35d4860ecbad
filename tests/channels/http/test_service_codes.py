"""An aggregator's other customers, with our callback's address and the right secret, are not our customers."""

import json

import msgspec
import pytest

from channels.wire import Incoming, SenderRefused
from khallas.bootstrap.authentication import gate
from khallas.settings.model import load

SECRET = "vD8s3kQp0XzW1mNb7Ty4"


def asked(body: bytes, peer: str = "192.0.2.3", secret: str = SECRET) -> Incoming:
    return Incoming("POST", "https://k/ussd", "/ussd", "", {"x-khallas-secret": secret}, body, peer)


def check(wire: str, incoming: Incoming) -> None:
    rule = {f"KHALLAS_GATEWAY_SECRETS__{wire.upper()}": f"{SECRET} net:192.0.2.0/28"}
    gate(load({**rule, "KHALLAS_USSD__SERVICE_CODE": "*384*1117#"}), wire)(incoming)


@pytest.mark.parametrize(
    ("wire", "field", "form"),
    [("africastalking", "serviceCode", True), ("hubtel", "ServiceCode", False), ("infobip", "shortCode", False)],
)
def test_a_dialog_of_another_code_is_refused(wire: str, field: str, *, form: bool) -> None:
    def body(code: str) -> bytes:
        return f"{field}={code.replace('#', '%23')}&text=".encode() if form else json.dumps({field: code}).encode()

    for code in ("*384*1117#", "384*1117"):
        check(wire, asked(body(code)))
    for code in ("*384*1118#", "*384#", "*1117#", "384*1117*9"):
        with pytest.raises(SenderRefused):
            check(wire, asked(body(code)))
    check(wire, asked(b"text=" if form else b"{}"))  # says nothing: the aggregator's doing
    check(wire, asked(b"{not json"))  # the wire says it better


@pytest.mark.parametrize("wire", ["africastalking", "hubtel", "infobip"])
def test_neither_the_address_nor_the_secret_is_enough(wire: str) -> None:
    check(wire, asked(b""))
    for peer, secret in (("192.0.2.99", SECRET), ("192.0.2.3", "another")):
        with pytest.raises(SenderRefused):
            check(wire, asked(b"", peer, secret))


@pytest.mark.parametrize(
    ("codec", "mark", "kind"),
    [
        ("utf-8", b"", "application/json"),
        ("utf-8", b"\xef\xbb\xbf", "application/json"),
        ("utf-16-le", b"\xff\xfe", "application/json"),
        ("utf-16-be", b"", "application/json; charset=UTF-16BE"),
        ("utf-8", b"", "application/x-www-form-urlencoded"),
    ],
)
@pytest.mark.parametrize("blank", ["", " ", "\u2005", "\n"])
def test_json_is_known_in_any_charset_and_behind_blanks(codec: str, mark: bytes, kind: str, blank: str) -> None:
    body = mark + f'{blank}{{"shortCode": "*1117#"}}'.encode(codec)
    told = msgspec.structs.replace(asked(body), headers={"x-khallas-secret": SECRET, "content-type": kind})
    with pytest.raises(SenderRefused, match="service code"):
        check("infobip", told)
