"""What CMI's hosted page really posts: 66, 72 or 105 fields, in a merchant's alphabet, signed as its own kit reads it.

Written apart from the client's reading on purpose. The names were seen at real merchants; the values are made up, with
entities and trailing spaces where a bank's words have them. Pure.
"""

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import product
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlencode

from core.cards import Secret

Fields = Mapping[str, str]
ENCODINGS = ("UTF-8", "ISO-8859-9", "ISO-8859-1", "ISO-8859-15", "windows-1252", "windows-1254", "windows-1256")
COUNTS = (66, 72, 105)

_ADDED: Fields = MappingProxyType(
    {
        "PAResSyntaxOK": "true",
        "maskedCreditCard": "4000 00** **** 0010",
        "ACQBIN": "400000",
        "Ecom_Payment_Card_ExpDate_Month": "12",
        "Ecom_Payment_Card_ExpDate_Year": "30",
        "EXTRA.CARDBRAND": "VISA",
        "EXTRA.CARDISSUER": "CREDIT DU MAROC D&#39;ENTREPRISE",
        "EXTRA.TRXDATE": "20261129 12:00:00",
        "EXTRA.HOSTMSG": "Op&eacute;ration",
        "MaskedPan": "400000***0010",
        "acqStan": "001587",
        "paymentType": "CreditCard",
        "clientIp": "192.0.2.7",
        "cardHolderName": "Salma Opération ",
        "CVVPresence": "true",
        "iReqDetail": "",
        "choix1": "",
        "md": "400000:0A1B",
        "payResults.dsId": "1",
        "vendorCode": "",
        "SettleId": "42",
        "mdErrorMsg": "Authenticated",
        "PAResVerified": "true",
        "cavv": "AAABBEg0VhI0VniQEjRWAAAAAAA=",
        "digest": "digest",
        "callbackCall": "true",
        "cavvAlgorithm": "2",
        "xid": "MDAwMDAwMDAwMDAwMDAwMDAwMDE=",
        "SID": "",
        "dsId": "1",
        "eci": "05",
        "version": "2.0",
        "ccnHash": "0f1e2d3c",
        "txstatus": "Y",
        "HostRefNum": "633412001587",
    }
)
_MORE_72: Fields = MappingProxyType(
    {
        **dict.fromkeys(("BillToCity", "BillToCompany", "BillToPostalCode", "BillToStreet12"), ""),
        "BillToCountry": "504",
        "traninstallment": "",
    }
)
_MORE_105: Fields = MappingProxyType(
    {
        **{f"DIMCRITERIA{number}": f"critère {number}" for number in range(1, 11)},
        **{f"Editable{what}": "false" for what in ("Amount", "Email", "Name", "Tel", "Currency", "Description", "Oid")},
        **{f"print{what}": "true" for what in ("Amount", "Email", "Name", "Tel", "Currency", "Description", "Oid")},
        "orderItemCount": "1",
        "linkType": "single",
        "paymentLinkToken": "0a1b2c3d",
        **dict.fromkeys(("BillToStreet1", "BillToStreet2", "BillToStreet3", "BillToStateProv", "description"), ""),
        "amountCur": "",
        "symbolCur": "MAD",
    }
)


@dataclass(frozen=True, slots=True)
class Manners:
    """How one merchant's page posts."""

    fields: int = 72
    encoding: str = "UTF-8"
    way_back: Literal["GET", "POST"] = "POST"


_WAYS: tuple[Literal["GET", "POST"], ...] = ("POST", "GET")
EVERY_MANNER = tuple(Manners(count, name, way) for count, name, way in product(COUNTS, ENCODINGS, _WAYS))


def real_set(ours: Fields, said: Fields, manners: Manners, store_key: Secret) -> dict[str, str]:
    """Ours as they came, what the page adds, and what it has to say, signed."""
    sent = {name: text for name, text in ours.items() if name.lower() != "hash"}
    sent["encoding"] = manners.encoding
    ids = {"ReturnOid": sent.get("oid", ""), "TRANID": "", "merchantID": sent.get("clientid", "")}
    fields = {**_ADDED, **ids, **sent, **said}
    for more in (_MORE_72, _MORE_105):
        if manners.fields > COUNTS[0] and (more is _MORE_72 or manners.fields > COUNTS[1]):
            fields = {**more, **fields}
    rest = manners.fields - 1 - len(fields)
    fields |= {f"EXTRA.UNLISTED{number}": "" for number in range(rest)}
    # a browser or a gateway writes what its alphabet lacks as an entity, and signs what it wrote
    fields = {name: _within(text, manners.encoding) for name, text in fields.items()}
    return {**fields, "HASH": kit_hash(fields, manners.encoding, store_key)}


def _within(text: str, encoding: str) -> str:
    return text.encode(encoding, "xmlcharrefreplace").decode(encoding)


def body_of(fields: Fields, encoding: str) -> bytes:
    """The urlencoded post in that alphabet."""
    return urlencode(fields, encoding=encoding, errors="xmlcharrefreplace").encode()


def kit_hash(fields: Fields, encoding: str, store_key: Secret) -> str:
    """The kit's own reading (docs/guides/cmi.md): natural order, entities decoded, nothing trimmed.

    The text is signed in the merchant's alphabet where that alphabet can write it, as PHP's kit does with raw bytes.
    """
    joined = ""
    for name in sorted(fields, key=cmp_to_key(_natcasecmp)):
        if name.lower() not in {"hash", "encoding"}:
            text = html.unescape(re.sub(r"\n\Z", "", fields[name]))
            joined += text.replace("\\", "\\\\").replace("|", "\\|") + "|"
    joined += store_key.reveal().replace("\\", "\\\\").replace("|", "\\|")
    try:
        raw = joined.encode(encoding)
    except UnicodeEncodeError:
        raw = joined.encode()
    return base64.b64encode(hashlib.sha512(raw).digest()).decode()


def _natcasecmp(one: str, other: str) -> int:
    """As PHP's natcasesort compares: runs of digits as numbers, everything else by its capital."""
    left, right = one.upper(), other.upper()
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i].isdigit() and right[j].isdigit():
            first, second = re.match(r"\d+", left[i:]), re.match(r"\d+", right[j:])
            assert first is not None
            assert second is not None
            if int(first[0]) != int(second[0]):
                return -1 if int(first[0]) < int(second[0]) else 1
            i, j = i + len(first[0]), j + len(second[0])
        elif left[i] != right[j]:
            return -1 if left[i] < right[j] else 1
        else:
            i, j = i + 1, j + 1
    return (len(left) - i) - (len(right) - j)
