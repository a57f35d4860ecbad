"""What gateways send, from the recorded requests, and ten thousand ways to send it wrongly. Reads files, else pure."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from channels.carriers.twilio.signature import HEADER, sign
from tests.security.asgi import Ask
from tests.support.world import PUBLIC_URL

WIRES = Path(__file__).parent.parent / "wires"
TOKEN = "demo-token"
MARK = "zqxvkwj"  # in whatever is made up: it must come back in no log and no metric
FORM = "application/x-www-form-urlencoded"
LONG = 9_000  # more than a field may have
MANY_FIELDS = 100
MANY = "".join(f"&{MARK}{n}=" for n in range(MANY_FIELDS))


def ussd() -> list[Ask]:
    """Every USSD gateway's."""
    found = [
        Ask("POST", "/ussd/africastalking", (("content-type", FORM),), body)
        for body in (
            b"sessionId=AT-1&serviceCode=%2A1117%23&phoneNumber=%2B212600000001&networkCode=60401&text=",
            b"sessionId=AT-1&serviceCode=%2A1117%23&phoneNumber=%2B212600000001&networkCode=60401&text=1*7",
        )
    ]
    for file in sorted(WIRES.glob("ussd-*.json")):
        entries = json.loads(file.read_text()).get("requests", ())
        found += [_recorded(entry["request"]) for entry in entries if "request" in entry]  # SMPP has no HTTP
    return found


def sms() -> list[Ask]:
    """Texts and delivery reports of Twilio and Kannel."""
    found: list[Ask] = []
    for name in ("sms-twilio.json", "sms-kannel.json"):
        told = json.loads((WIRES / name).read_text())
        for kind in ("texts", "reports"):
            found += [_recorded(entry["request"]) for entry in told.get(kind, ()) if "request" in entry]
    return found


def ivr() -> list[Ask]:
    """Calls, keys and hang-ups."""
    entries = json.loads((WIRES / "ivr-twilio.json").read_text())
    return [Ask("POST", entry["target"], (("content-type", FORM),), entry["body"].encode()) for entry in entries]


def connector(authorization: str, payment_id: str) -> list[Ask]:
    """Charges and tokens asked of the Pay connector."""
    body = {
        "method": "charge",
        "transaction_id": "TX1",
        "cardnumber": "4000000000000010",
        "cvv": "123",
        "amount": "1.0",
        "currency_code": "mad",
        "expiry_month": "12",
        "expiry_year": "28",
        "parameters": {"payment": payment_id, "call": "CA1"},
    }
    headers = (("content-type", "application/json"), ("authorization", authorization))
    return [
        Ask("POST", "/ivr/pay-connector", headers, json.dumps(body | {"method": method}).encode())
        for method in ("charge", "tokenize")
    ]


def signed(request: Ask) -> Ask:
    """With Twilio's signature over what it now says, where it can have one."""
    try:
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=1_000)
        signature = sign(TOKEN, PUBLIC_URL + request.target, pairs)
    except ValueError:
        return request
    return replace(request, headers=(*(h for h in request.headers if h[0] != HEADER), (HEADER, signature)))


def wrong(chance: random.Random, request: Ask) -> Ask:
    """The request spoilt in one to four ways."""
    for _ in range(chance.choice((1, 1, 2, 3, 4))):
        kind = _kind(request)
        ways = _ANY + {"json": _JSON, "xml": _XML}.get(kind, _FIELDS)
        request = chance.choice(ways)(chance, request)
    return request


def _recorded(request: Mapping[str, Any]) -> Ask:
    headers = tuple((name.lower(), value) for name, value in request.get("headers", {}).items())
    return Ask(request["method"], request["path"], headers, request["body"].encode())


def _kind(request: Ask) -> str:
    told = dict(request.headers).get("content-type", "")
    return "json" if "json" in told else "xml" if "xml" in told else "form"


# --- ways ------------------------------------------------------------------------------------------------------------

Way = Callable[[random.Random, Ask], Ask]


def _noise(chance: random.Random, request: Ask) -> Ask:
    return replace(request, body=chance.randbytes(chance.choice((0, 1, 7, 200, 5_000))))


def _flipped(chance: random.Random, request: Ask) -> Ask:
    body = bytearray(request.body or b"x")
    for _ in range(chance.choice((1, 3, 20))):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return replace(request, body=bytes(body))


def _cut(chance: random.Random, request: Ask) -> Ask:
    return replace(request, body=request.body[: chance.randrange(len(request.body) + 1)])


def _doubled(chance: random.Random, request: Ask) -> Ask:
    return replace(request, body=request.body * chance.choice((2, 3, 8)))


def _padded(chance: random.Random, request: Ask) -> Ask:
    junk = chance.choice((b"\0", b"\xff\xfe", b"&=&=", b"%", b"%ff", b"\r\n", b"{}", b"x" * 100_000))
    return replace(request, body=chance.choice((junk + request.body, request.body + junk)))


def _other_type(chance: random.Random, request: Ask) -> Ask:
    told = chance.choice(("application/json", "text/xml", FORM, "multipart/form-data; boundary=x", "", "é", MARK))
    return replace(request, headers=(*(h for h in request.headers if h[0] != "content-type"), ("content-type", told)))


def _other_method(chance: random.Random, request: Ask) -> Ask:
    return replace(request, method=chance.choice(("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW")))


def _other_path(chance: random.Random, request: Ask) -> Ask:
    more = chance.choice(("/", "/..", "%00", "%2e%2e/", "/" + MARK, "%ff", ";x", "//", "?" + "a=1&" * 500, "?v=-1"))
    return replace(request, target=request.target + more)


def _more_headers(chance: random.Random, request: Ask) -> Ask:
    name, value = chance.choice(
        (
            ("x-khallas-secret", MARK),
            ("content-length", "99999999"),
            ("content-length", "x"),
            ("cookie", "a" * 5_000),
            ("transfer-encoding", MARK),
            ("x-forwarded-for", MARK),
            ("authorization", "Basic " + MARK),
            ("host", MARK),
        )
    )
    return replace(request, headers=(*request.headers, (name, value)))


_BAD = (
    "",
    " ",
    "\0",
    MARK,
    "-1",
    "0",
    "9" * 400,
    "1e999",
    "NaN",
    "²³",
    "٠٦٠٠٠٠٠٠٠١",
    "\u202e\u200f",
    "😀" * 50,
    "' OR 1=1 --",
    "${jndi:x}",
    "{{7*7}}",
    "../../etc/passwd",
    "+",
    "+2126",
    "null",
    "*" * 300,
    "x" * LONG,
    "é" * 400,
    "%s%n",
)


def _field_spoilt(chance: random.Random, request: Ask) -> Ask:
    pairs = _pairs(request)
    if not pairs:
        return _noise(chance, request)
    at = chance.randrange(len(pairs))
    name, value = pairs[at]
    match chance.randrange(5):
        case 0:
            del pairs[at]
        case 1:
            pairs[at] = (name, chance.choice(_BAD))
        case 2:
            pairs[at] = (name + chance.choice(("x", "[]", "\0", " ")), value)
        case 3:
            pairs.append((name, chance.choice(_BAD)))
        case _:
            return _retold(request, _told(request) + MANY)
    return _with(request, pairs)


def _field_undecodable(chance: random.Random, request: Ask) -> Ask:
    pairs = _pairs(request)
    name = chance.choice(pairs)[0] if pairs else "a"
    told = urlencode(pairs) + f"&{quote(name)}=" + chance.choice(("%ff", "%c3%28", "%ed%a0%80", "%u0041", "%"))
    return _retold(request, told)


def _pairs(request: Ask) -> list[tuple[str, str]]:
    return parse_qsl(_told(request), keep_blank_values=True, errors="replace")


def _told(request: Ask) -> str:
    return request.query if request.method == "GET" else request.body.decode("latin-1")


def _with(request: Ask, pairs: list[tuple[str, str]]) -> Ask:
    return _retold(request, urlencode(pairs))


def _retold(request: Ask, told: str) -> Ask:
    if request.method == "GET":
        return replace(request, target=f"{request.path}?{told}")
    return replace(request, body=told.encode("latin-1", "replace"))


def _json_spoilt(chance: random.Random, request: Ask) -> Ask:
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError):
        return _noise(chance, request)
    if not isinstance(told, dict) or not told:
        return _noise(chance, request)
    name = chance.choice(list(told))
    odd: tuple[Any, ...] = (None, True, -1, 10**40, 1.5, [], {}, [[[]]], {MARK: MARK}, float("nan"), *_BAD)
    match chance.randrange(5):
        case 0:
            del told[name]
        case 1:
            told[name + "x"] = told.pop(name)
        case 2:
            told |= {f"{MARK}{n}": n for n in range(MANY_FIELDS)}
        case _:
            told[name] = chance.choice(odd)
    return replace(request, body=json.dumps(told, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass"))


def _json_odd(chance: random.Random, request: Ask) -> Ask:
    deep = chance.choice((50, 1_000, 20_000))
    bodies = (
        b"[" * deep,
        b'{"a":' * deep,
        b"null",
        b"[]",
        b'""',
        b"1" * 5_000,
        b'{"a":1,"a":2}',
        b'{"\\ud800":"\\udfff"}',
        b"\xef\xbb\xbf" + request.body,
        request.body.decode("latin-1").encode("utf-16"),
        request.body.replace(b'"', b"'"),
        request.body[:-1] + b",}",
    )
    return replace(request, body=chance.choice(bodies))


def _xml_odd(chance: random.Random, request: Ask) -> Ask:
    bodies = (
        b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><dialog>&b;</dialog>',
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><dialog type="Begin">&x;</dialog>',
        b"<a>" * chance.choice((100, 5_000)),
        b"<dialog/>",
        b"<dialog type='Begin'><x/></dialog>",
        request.body.replace(b"type=", b"typo="),
        request.body.replace(b"digits=", b"digit="),
        request.body.replace(b"Begin", MARK.encode()),
        request.body.replace(b"2", b"\xd9\xa2"),
        request.body.replace(b"utf-8", b"utf-7").replace(b"UTF-8", b"utf-32"),
        request.body.replace(b"<", b"<zq:", 3),
    )
    return replace(request, body=chance.choice(bodies))


_ANY: tuple[Way, ...] = (
    _noise,
    _flipped,
    _cut,
    _doubled,
    _padded,
    _other_type,
    _other_method,
    _other_path,
    _more_headers,
)
_FIELDS: tuple[Way, ...] = (_field_spoilt,) * 8 + (_field_undecodable,) * 3
_JSON: tuple[Way, ...] = (_json_spoilt,) * 8 + (_json_odd,) * 3
_XML: tuple[Way, ...] = (_xml_odd,) * 8
