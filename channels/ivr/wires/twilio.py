"""Twilio voice (docs/protocols/ivr.md): webhooks as forms, answers as TwiML. Pure.

The action's `v` is the version of the page that was spoken: it binds an answer to its question, so a repeated webhook
gets the same document. `l` is the language spoken, for an apology when the session cannot be read. A URL holds nothing
else: what was typed comes in bodies only.

Menus are one key long and have no finish key, so that `*` and `#` are answers too. Fields end with `#` and never by
their length, the four digits of an expiry neither: with numDigits the habitual `#` would fall into the next field, and
`*` could not restart a field that its first digits had used up. Twilio has one timer for the first digit and between
digits; a caller looking for the card needs the longer one.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from channels.ivr.speaker import Spoken, spoken
from channels.ivr.wires import twilio_pay, twiml
from channels.ivr.wires.twilio_pay import Pay, taken
from channels.wire import Incoming, Malformed, Reply, required
from core.languages import LanguageCode
from core.repositories import Delivery
from core.subscribers.lines import msisdn
from sessions.screens.menu import Charge, Menu, Tell
from sessions.turn.turns import Inbound, TurnAnswer

PATH = "/ivr/twilio"
KEY_TIMEOUT_S = 8
DIGIT_TIMEOUT_S = 10  # between two digits too: one turns the card over
DIAL_TIMEOUT_S = 30
DIGITS_MAX = 200
VERSION_DIGITS_MAX = 6
FINISH_KEY = "#"
MORE_TIME = "*"  # speak.KEYS.restart
# silence comes back with the same version
FIELD = twiml.gathering(timeout=str(DIGIT_TIMEOUT_S), finishOnKey=FINISH_KEY)
ONE_KEY = twiml.gathering(timeout=str(KEY_TIMEOUT_S), numDigits="1", finishOnKey="")
ANSWERED = "completed"
PLACED = "outbound-api"  # the Direction of a call that our account's own REST request made, at each of its webhooks
ENDED = frozenset({"completed", "failed", "busy", "no-answer", "canceled"})
_SID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PAYMENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
# A hidden number comes as a word, or as that word typed on a keypad.
_HIDDEN = re.compile(
    r"\+?(266696687|7378742833|2562533|8656696|86282452253|anonymous|restricted|blocked)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class CallOver:
    """The line is dead: whose dialog it was."""

    dialog: str
    msisdn: str


class TwilioVoice:
    """Decodes raise Malformed only."""

    name = "twilio"

    def __init__(
        self,
        public_url: str,
        help_number: str,
        *,
        pay: Pay | None = None,
        currency: str = "MAD",
    ) -> None:
        """`public_url` is what Twilio reaches, `help_number` what it dials for a person; `pay`: <Pay> takes cards."""
        self._pay = pay
        self._currency = currency
        self._action = f"{public_url.rstrip('/')}{PATH}/turn"
        self._help_number = help_number

    def arrival(self, incoming: Incoming) -> Inbound:
        """A call begins: the customer's, or ours that a customer answers (its URL names the payment)."""
        form = incoming.form()
        dialog, caller = _party(form)
        payment_id = incoming.params().get("payment") if _outbound(form) else None
        if payment_id is not None and _PAYMENT_ID.fullmatch(payment_id) is None:
            raise Malformed("payment is no payment's id")
        return Inbound(dialog, caller, order=0, begins=True, payment_id=payment_id, placed=_placed(form))

    def turn(self, incoming: Incoming) -> Inbound:
        """Keys, silence, the end of a pause or of <Pay>, about the page of version `v`."""
        form = incoming.form()
        dialog, caller = _party(form)
        version = incoming.params().get("v", "")
        if not (version.isascii() and version.isdecimal()) or len(version) > VERSION_DIGITS_MAX:
            raise Malformed("v is no page's version")
        if (how := taken(form)) is not None:
            return Inbound(dialog, caller, order=int(version), typed=how, placed=_placed(form))
        digits = form.get("Digits", "")
        if len(digits) > DIGITS_MAX:
            raise Malformed("too many digits")
        # `#` alone asks for more time: the same question again, and it costs no try
        if digits == FINISH_KEY or (not digits and form.get("FinishedOnKey") == FINISH_KEY):
            digits = MORE_TIME
        return Inbound(dialog, caller, order=int(version), typed=digits or None, placed=_placed(form))

    def hang_up(self, incoming: Incoming) -> CallOver | None:
        """The hang-up that an event tells of; None for the events of a call that goes on."""
        form = incoming.form()
        status = required(form, "CallStatus")
        return CallOver(*_party(form)) if status in ENDED else None

    def ended(self, incoming: Incoming) -> tuple[str, Delivery, str] | None:
        """The end of a call that we placed: its id, whether it was answered, and Twilio's word for it."""
        form = incoming.form()
        status = form.get("CallStatus", "")
        if status not in ENDED or not _outbound(form):
            return None
        return form.get("CallSid", ""), Delivery.DELIVERED if status == ANSWERED else Delivery.FAILED, status

    def language(self, incoming: Incoming) -> LanguageCode | None:
        """The language spoken before this request, if it tells."""
        try:
            code = incoming.params().get("l", "")
        except Malformed:
            return None
        return LanguageCode(code) if code in set(LanguageCode) else None

    def encode(self, answer: TurnAnswer, dialog: str = "") -> Reply:
        """The page spoken, and what Twilio does after it. `dialog` is told to the connector."""
        verbs = twiml.say(spoken(answer.page.text, answer.language))
        url = f"{self._action}?v={answer.version}&l={answer.language.value}"
        match answer.words:
            case Tell(transfer=True):
                dial = twiml.verb("Dial", self._help_number, timeout=str(DIAL_TIMEOUT_S))
                return _reply(verbs, dial)
            case Tell(wait_s=None):
                return _reply(verbs, twiml.HANGUP)
            case Tell(wait_s=float() | int() as wait_s):
                pause = twiml.verb("Pause", length=str(math.ceil(wait_s)))
                return _reply(verbs, pause, twiml.verb("Redirect", url, method="POST"))
            case Charge() as charge:
                if self._pay is None:
                    raise ValueError("a card is asked of a connector that was not set up")
                return _reply(verbs, twilio_pay.verb(self._pay, charge, url, dialog, answer.language, self._currency))
            case words:
                return _reply(twiml.gather(url, verbs, FIELD if not isinstance(words, Menu) else ONE_KEY))

    def apologise(self, parts: Sequence[Spoken]) -> Reply:
        """Words instead of an error, then the end: Twilio would otherwise read out its own, in English."""
        return _reply(twiml.say(parts), twiml.HANGUP)


def _outbound(form: Mapping[str, str]) -> bool:
    return form.get("Direction", "").startswith("outbound")


def _placed(form: Mapping[str, str]) -> bool:
    return form.get("Direction") == PLACED


def _party(form: Mapping[str, str]) -> tuple[str, str]:
    """The call, and the customer's MSISDN; who hides it is served under a name of this call alone."""
    dialog = required(form, "CallSid")
    if _SID.fullmatch(dialog) is None:
        raise Malformed("CallSid is no call's id")
    number = form.get("To" if _outbound(form) else "From", "")
    try:
        return dialog, f"anonymous:{dialog}" if _HIDDEN.fullmatch(number) else msisdn(number)
    except ValueError:
        return dialog, f"anonymous:{dialog}"


def _reply(*verbs: str) -> Reply:
    return Reply(twiml.document(*verbs), media_type="text/xml; charset=utf-8")
