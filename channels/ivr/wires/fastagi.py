"""FastAGI: Asterisk's own dialect of voice (protocols/ivr.md): greeting -> Heard, answer -> what to do on the line.
Pure.

The dialplan calls `AGI(agi://HOST/khallas)` and holds two variables: KHALLAS_SECRET, the gateway's secret (none where
networks are allowed instead), and on our own calls KHALLAS_CALL, the token that names the payment and whom we ring; it
is signed, so that no dialplan's slip lets one caller into another's payment. Both are read by GET VARIABLE, for
arguments stand in CDRs; a dialplan that gives them as first and second argument is understood as well. What happened is
left in the channel variable KHALLAS_RESULT and the dialplan goes on: "transfer" is its to dial, everything else ends.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from channels.carriers.asterisk.call_tokens import TOKEN_VARIABLE, CallTokens
from channels.ivr.prompts import Phrase, Prompts
from channels.wire import Incoming, Malformed
from core.languages import LanguageCode
from core.subscribers.lines import msisdn
from sessions.screens.menu import Digits, Menu, Tell
from sessions.turn.turns import Inbound, TurnAnswer

NAME = "fastagi"
PATH = "khallas"
RESULT_VARIABLE = "KHALLAS_RESULT"
VARIABLES = {"arg_1": "KHALLAS_SECRET", "arg_2": TOKEN_VARIABLE}  # by the argument that may stand in their place
SECRET_HEADER = "x-khallas-secret"  # noqa: S105 - the header that Gate reads
MORE_TIME = "*"
GO_ON, TOO_LONG = "go-on", "call-too-long"
CHARGES = "ConfirmTotal"  # the question whose key costs money
HIDDEN = frozenset({"", "unknown", "anonymous", "restricted", "unavailable", "private", "s"})
PRESENTATION_HIDDEN = 0x60  # Q.931's presentation bits: restricted (32 to 35), not available (64 to 67)
UNIQUEID_CHARS_MAX = 256
_DIALOG = re.compile(r"[A-Za-z0-9._-]{1,64}")


class CallResult(StrEnum):
    """KHALLAS_RESULT: how a call left us."""

    ENDED = "ended"
    TRANSFER = "transfer"
    FAILED = "failed"  # we apologised
    BUSY = "busy"  # too many calls: nothing was said
    TIMEOUT = "timeout"  # the call was too long
    REFUSED = "refused"  # the secret, the address or the token was wrong


@dataclass(frozen=True, slots=True)
class Ask:
    """Say it, interruptibly, and listen. `drain`: throw away what was typed before it is heard.

    `least`: digits of a whole answer; `go_on` is said to who falls silent before that.
    """

    said: tuple[Phrase, ...]
    one_key: bool
    drain: bool
    least: int = 1
    secret: bool = False
    go_on: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Say it to its end, then go on by itself."""

    said: tuple[Phrase, ...]
    wait_s: float


@dataclass(frozen=True, slots=True)
class End:
    """Say it to its end, then give the call back to the dialplan."""

    said: tuple[Phrase, ...]
    result: CallResult


Step = Ask | Wait | End


class FastAgi:
    """Decodes raise Malformed and Refused only."""

    name = NAME

    def __init__(self, prompts: Prompts, tokens: CallTokens) -> None:
        self._prompts = prompts
        self._tokens = tokens

    def incoming(self, greeting: Mapping[str, str], peer: str) -> Incoming:
        """The request that authentication checks: the first argument, or its variable, is the secret."""
        secret = greeting.get("arg_1", "")
        return Incoming("AGI", "", f"/{PATH}", "", {SECRET_HEADER: secret}, b"", peer)

    def arrival(self, greeting: Mapping[str, str]) -> Inbound:
        """A call begins: the customer's, or ours that a customer answered."""
        if greeting.get("network_script", "").strip("/") != PATH:
            raise Malformed("no such script")
        dialog = _dialog(greeting.get("uniqueid", ""))
        if token := greeting.get("arg_2", ""):
            payment_id, payer = self._tokens.read(token)
            return Inbound(dialog, payer, order=0, begins=True, payment_id=payment_id, placed=True)
        return Inbound(dialog, _caller(greeting, dialog), order=0, begins=True)

    def turn(self, before: Inbound, answer: TurnAnswer, typed: str | None) -> Inbound:
        """The request that a typed answer, or silence, makes about the page of `answer`, whose version is the order: it
        only grows.
        """
        return Inbound(before.dialog, before.msisdn, order=answer.version, typed=typed, placed=before.placed)

    def step(self, answer: TurnAnswer, before: TurnAnswer | None, typed: str | None) -> Step:
        """The commands for the line. A question asked again, or one that charges, is not answered by earlier keys."""
        phrases = self._prompts.phrases(answer.page.text, answer.language)
        match answer.words:
            case Tell(transfer=True):
                return End(phrases, CallResult.TRANSFER)
            case Tell(wait_s=None):
                return End(phrases, CallResult.ENDED)
            case Tell(wait_s=float() | int() as wait_s):
                return Wait(phrases, wait_s)
            case words:
                again = before is not None and before.screen == answer.screen and typed not in {None, MORE_TIME}
                drain = again or answer.screen == CHARGES
                if not isinstance(words, Digits):
                    return Ask(phrases, isinstance(words, Menu), drain)
                go_on = self._prompts.say(GO_ON, answer.language)
                return Ask(phrases, False, drain, words.least, words.secret, go_on)

    def too_long(self, languages: Sequence[LanguageCode]) -> End:
        """The call has lasted as long as a call may."""
        return End(tuple(p for each in languages for p in self._prompts.say(TOO_LONG, each)), CallResult.TIMEOUT)

    def apology(self, parts: Sequence[tuple[LanguageCode, str]]) -> End:
        """Words instead of silence."""
        return End(
            tuple(p for language, text in parts for p in self._prompts.phrases(text, language)), CallResult.FAILED
        )


def _dialog(uniqueid: str) -> str:
    """A call's id; of one with other letters, which a switch's systemname brings along, a digest."""
    if not 0 < len(uniqueid) <= UNIQUEID_CHARS_MAX or not uniqueid.strip():
        raise Malformed("uniqueid is no call's id")
    return uniqueid if _DIALOG.fullmatch(uniqueid) else f"u-{sha256(uniqueid.encode()).hexdigest()[:32]}"


def _caller(greeting: Mapping[str, str], dialog: str) -> str:
    """The caller's MSISDN; a hidden number is served under a name of this call alone. It can be spoofed.

    A number may come along although its presentation is restricted or unavailable: it is not used.
    """
    number, presentation = greeting.get("callerid", "").strip(), greeting.get("callingpres", "").strip()
    shown = not presentation.isdecimal() or not int(presentation[:4]) & PRESENTATION_HIDDEN
    if number.lower() in HIDDEN or not shown:
        return f"anonymous:{dialog}"
    try:
        return msisdn(number)
    except ValueError:
        return f"anonymous:{dialog}"
