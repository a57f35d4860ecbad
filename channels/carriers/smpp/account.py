"""Who we are at one SMSC, written as a URL: smpp://system_id:password@host:2775/name?window=10. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

from channels.carriers.smpp.coding import Alphabet
from channels.carriers.smpp.ids import SmscIds

PORT, TLS_PORT = 2775, 3550
NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
WINDOW, WINDOW_MAX = 10, 1_000
ENQUIRE_S, ENQUIRE_MIN_S, ENQUIRE_MAX_S = 30.0, 0.1, 600.0
RESPONSE_S, RESPONSE_MAX_S = 10.0, 60.0
# between two parts of a long message over one connection; after an outage they come over another, however late
JOIN_S, JOIN_MIN_S, JOIN_MAX_S = 300, 10, 3_600
NUMBER_MAX = 6  # the highest type of number
PLAN_MAX = 18
SYSTEM_ID_MAX = 15
PASSWORD_MAX = 64  # the standard's 8 is kept by few


class Sessions(StrEnum):
    """The ways in which an SMSC names the USSD dialog of a telephone."""

    AUTO = "auto"  # by whatever it sends, as the traffic tells
    OCTET = "octet"  # the first octet of its_session_info; the second counts (SMPP 3.4, 5.3.2.43)
    BITS15 = "bits15"  # all of its_session_info but the last bit
    REFERENCE = "reference"  # user_message_reference
    MSISDN = "msisdn"  # by nothing: a telephone has one dialog at a time


@dataclass(frozen=True, slots=True)
class SmscAccount:
    """Our account at one SMSC. `name` is the route's; `source` what our messages come from ("" = the short code)."""

    name: str
    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    tls: bool = False
    ca: str = ""  # of an SMSC whose certificate no public authority signed
    system_type: str = ""
    address_range: str = ""
    source: str = ""
    source_ton: int = 0
    source_npi: int = 1
    window: int = WINDOW
    enquire_s: float = ENQUIRE_S
    response_s: float = RESPONSE_S
    join_s: int = JOIN_S
    alphabet: Alphabet = Alphabet.GSM7
    ids: SmscIds = SmscIds.AUTO
    sessions: Sessions = Sessions.AUTO


def account_of(url: str) -> SmscAccount:
    """Reads an account from its URL. Raises ValueError in words that hold no secret.

    `ids` in it: how receipts spell ids (channels/carriers/smpp/ids.py). `ca`: a file of certificates in place of the
    system's.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("an SMSC is written smpp://system_id:password@host:2775/name") from None
    tls = parts.scheme == "smpps"
    name = parts.path.strip("/")
    if parts.scheme not in {"smpp", "smpps"} or not parts.hostname or not parts.username:
        raise ValueError("an SMSC is written smpp://system_id:password@host:2775/name")
    if not NAME.fullmatch(name):
        raise ValueError("an SMSC's name is up to 16 small letters and digits, after the port")
    system_id, password = unquote(parts.username), unquote(parts.password or "")
    if len(system_id) > SYSTEM_ID_MAX or len(password) > PASSWORD_MAX:
        raise ValueError(f"SMSC {name}: its system_id or password is too long")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    account = SmscAccount(
        name=name,
        host=parts.hostname,
        port=port or (TLS_PORT if tls else PORT),
        system_id=system_id,
        password=password,
        tls=tls,
        ca=_authority(options, name, tls=tls),
        system_type=options.pop("system_type", ""),
        address_range=options.pop("address_range", ""),
        source=options.pop("source", ""),
        source_ton=_whole(options, name, "source_ton", 0, 0, NUMBER_MAX),
        source_npi=_whole(options, name, "source_npi", 1, 0, PLAN_MAX),
        window=_whole(options, name, "window", WINDOW, 1, WINDOW_MAX),
        enquire_s=_seconds(options, name, "enquire_s", ENQUIRE_S, ENQUIRE_MAX_S),
        response_s=_seconds(options, name, "response_s", RESPONSE_S, RESPONSE_MAX_S),
        join_s=_whole(options, name, "join_s", JOIN_S, JOIN_MIN_S, JOIN_MAX_S),
        alphabet=_alphabet(options, name),
        ids=SmscIds(_one_of(options, name, "ids", SmscIds)),
        sessions=Sessions(_one_of(options, name, "sessions", Sessions)),
    )
    if options:
        raise ValueError(f"SMSC {name}: {', '.join(sorted(options))} is no option")
    return account


def _authority(options: dict[str, str], name: str, *, tls: bool) -> str:
    path = options.pop("ca", "")
    if path and not tls:
        raise ValueError(f"SMSC {name}: ca is for smpps://")
    return path


def _whole(options: dict[str, str], name: str, option: str, default: int, low: int, high: int) -> int:
    value = options.pop(option, str(default))
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ValueError(f"SMSC {name}: {option} is a number from {low} to {high}")
    return int(value)


def _seconds(options: dict[str, str], name: str, option: str, default: float, high: float) -> float:
    try:
        value = float(options.pop(option, default))
    except ValueError:
        value = 0.0
    if not ENQUIRE_MIN_S <= value <= high:
        raise ValueError(f"SMSC {name}: {option} is a number from {ENQUIRE_MIN_S} to {high}")
    return value


_ALPHABETS: Mapping[str, Alphabet] = {str(a): a for a in Alphabet}


def _alphabet(options: dict[str, str], name: str) -> Alphabet:
    word = options.pop("alphabet", Alphabet.GSM7)
    if word not in _ALPHABETS:
        raise ValueError(f"SMSC {name}: alphabet is one of {', '.join(_ALPHABETS)}")
    return _ALPHABETS[word]


def _one_of(options: dict[str, str], name: str, option: str, known: type[StrEnum]) -> str:
    word = options.pop(option, "auto")
    if word not in set(known):
        raise ValueError(f"SMSC {name}: {option} is one of {', '.join(known)}")
    return word
