"""Twilio's <Pay> (docs/protocols/ivr.md): it takes the card's digits itself and has our connector charge them. Pure.

Every step and every error is prompted in our own words: <Pay> speaks no Arabic, and one voice leads the whole call.
The action's form names how it ended, the parameters name the payment to the connector; a URL names neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from channels.ivr.speaker import Spoken
from channels.ivr.wires import twiml
from core.languages import LANGUAGES, LanguageCode
from core.messaging.texts import Texts
from sessions.screens.menu import Charge, Taken

SECTION = "pay"
ATTEMPTS_MAX = 3
TIMEOUT_S = 8  # for the first digit as for the next ones: <Pay> has one timer
PAYMENT, CALL = "payment", "call"  # parameters
RESULT = "Result"  # of the action's form
# A card's brands as <Pay> knows them; CMI's own is not among them.
CARD_TYPES = "visa mastercard"

TAKEN: Mapping[str, Taken] = MappingProxyType(
    {
        "success": Taken.DONE,
        "too-many-failed-attempts": Taken.TRIES,
        "payment-connector-error": Taken.FAILED,
        "caller-interrupted-with-star": Taken.LEFT,
        "caller-hung-up": Taken.LEFT,
        "validation-error": Taken.BROKEN,
        "internal-error": Taken.BROKEN,
    }
)

# A step, the text that asks for it, and what can go wrong in it with its text.
_STEPS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "payment-card-number",
        "number",
        (("timeout", "timeout"), ("invalid-card-number", "number"), ("invalid-card-type", "type")),
    ),
    ("expiration-date", "expiry", (("timeout", "timeout"), ("invalid-date", "expiry"))),
    ("security-code", "code", (("timeout", "timeout"), ("invalid-security-code", "code"))),
    ("payment-processing", "processing", (("card-declined", "declined"), ("internal-error", "internal"))),
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt of one step of <Pay>; with `error`, when the step is asked again after that error."""

    step: str
    error: str
    text: str


@dataclass(frozen=True, slots=True)
class Pay:
    """Tells how cards are taken by <Pay>: the connector's name at Twilio, and the prompts of each language."""

    connector: str
    prompts: Mapping[LanguageCode, tuple[Prompt, ...]]


def pay_of(connector: str, texts: Texts) -> Pay:
    """Makes the prompts from the texts. Raises MissingText."""
    return Pay(connector, {language: tuple(_prompts(texts, language)) for language in LanguageCode})


def _prompts(texts: Texts, language: LanguageCode) -> list[Prompt]:
    made = []
    for step, asked, errors in _STEPS:
        question = texts.get(language, SECTION, asked)
        made.append(Prompt(step, "", question))
        for error, key in errors:
            wrong = texts.get(language, SECTION, f"error.{key}")
            # once the card is typed nothing is asked again
            made.append(Prompt(step, error, wrong if asked == "processing" else f"{wrong} {question}"))
    return made


def taken(form: Mapping[str, str]) -> Taken | None:
    """Returns how <Pay> ended, None when the form tells of none. A result nobody knows is looked into
    like a failure.
    """
    return TAKEN.get(form[RESULT], Taken.FAILED) if RESULT in form else None


def verb(pay: Pay, charge: Charge, action: str, dialog: str, language: LanguageCode, currency: str) -> str:
    """The verb as TwiML: its prompts, and which payment and call the connector is told."""
    prompts = "".join(_prompt(prompt, language) for prompt in pay.prompts[language])
    parameters = ((PAYMENT, charge.payment_id), (CALL, dialog))
    parameters_xml = "".join(twiml.verb("Parameter", name=name, value=value) for name, value in parameters)
    return twiml.verb(
        "Pay",
        inside=prompts + parameters_xml,
        action=action,
        input="dtmf",
        timeout=str(TIMEOUT_S),
        maxAttempts=str(ATTEMPTS_MAX),
        securityCode="true",
        postalCode="false",
        paymentConnector=pay.connector,
        paymentMethod="credit-card",
        validCardTypes=CARD_TYPES,
        tokenType="one-time",
        chargeAmount=f"{charge.amount_centimes // 100}.{charge.amount_centimes % 100:02d}",
        currency=currency.lower(),
        language=LANGUAGES[language].twilio_pay,
    )


def _prompt(prompt: Prompt, language: LanguageCode) -> str:
    about = {"for": prompt.step} | ({"errorType": prompt.error} if prompt.error else {})
    return twiml.verb("Prompt", inside=twiml.say((Spoken(language, prompt.text),)), **about)
