"""What a form of the web door brings, as plain values, and what of it cannot be right. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

from channels.wire import Malformed
from core import card_numbers
from core.languages import LanguageCode
from core.payments.orders import BILLS_MAX
from core.subscribers.emails import email_of
from core.subscribers.lines import ServiceType, payment_code_of, reference_of

FIELDS_MAX = BILLS_MAX + 64
TEXT_CHARS_MAX = 254
VERSION_DIGITS_MAX = 12
SECRET = frozenset({"code"})  # never shown again


@dataclass(frozen=True, slots=True)
class PostedForm:
    """A form: the last of each name, and every bill that is ticked."""

    values: dict[str, str]
    bills: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """A field, trimmed; empty where it was not sent. One that is too long stays so: cut it would be another."""
        return self.values.get(name, "").strip()[: TEXT_CHARS_MAX + 1]

    @property
    def version(self) -> int:
        """The version of the session that the form's page was drawn of; -1 for none that can be."""
        text = self.text("step")
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= VERSION_DIGITS_MAX else -1

    @property
    def language(self) -> LanguageCode | None:
        try:
            return LanguageCode(self.text("lang"))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field that cannot be right, and the text that says how to mend it."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Identification:
    """Who pays for which line, well-formed: whether the code is right is not known here."""

    service: ServiceType
    reference: str
    code: str
    email: str

    @property
    def line(self) -> str:
        return f"{self.service}:{self.reference}"


def posted(body: bytes) -> PostedForm:
    """A form as browsers send it. Raises Malformed past the bounds."""
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Malformed("too many fields") from None
    return PostedForm(dict(pairs), tuple(value for name, value in pairs if name == "bill"))


def service_of(text: str) -> ServiceType | None:
    """The kind of bill that is named so; None for none that is."""
    return ServiceType(text) if text in set(ServiceType) else None


def identification(
    service: ServiceType | None, form: PostedForm, *, utf8: bool = False
) -> Identification | tuple[FieldError, ...]:
    """Reads the first page's form. All that is wrong is told at once, in the page's order, and no code is tried before
    everything else is right.

    Of no service: the form asked for it, and it was left out. `utf8`: the mail server takes addresses beyond ASCII.
    """
    errors = [] if service is not None else [FieldError("service", "service.missing")]

    def read(name: str, way: Callable[[str], str], wrong: str) -> str:
        text = form.text(name)
        try:
            return way(text)
        except ValueError:
            errors.append(FieldError(name, f"{name}.missing" if not text else wrong))
            return ""

    reference = read("reference", *_reference(service))
    code = read("code", payment_code_of, "code.wrong")
    email = read("email", partial(_email, utf8=utf8), "email.wrong")
    if not form.text("terms"):
        errors.append(FieldError("terms", "terms.missing"))
    if errors or service is None:
        return tuple(errors)
    return Identification(service, reference, code, email)


def line_to_text(service: ServiceType | None, form: PostedForm) -> str | FieldError:
    """The mobile line whose code is to be texted. Where the kind of bill was not chosen, asking says that it is one."""
    if service not in {None, ServiceType.MOBILE}:
        return FieldError("code", "text-code.printed")
    text = form.text("reference")
    try:
        return reference_of(ServiceType.MOBILE, text)
    except ValueError:
        return FieldError("reference", "reference.wrong.mobile" if text else "reference.missing")


def _reference(service: ServiceType | None) -> tuple[Callable[[str], str], str]:
    """How a reference of this kind is read, and what is said of one that cannot be."""
    if service is None:
        return _something, "reference.missing"
    return (lambda text: reference_of(service, text)), f"reference.wrong.{service.value}"


def shown_again(form: PostedForm) -> dict[str, str]:
    """The typed values for the page that asks again: no code, and nothing that reads as a card's number."""
    texts = {name: form.text(name) for name in ("service", "reference", "email", "terms") if name not in SECRET}
    return {name: "" if card_numbers.holds(text) else text for name, text in texts.items()}


def _something(text: str) -> str:
    if not text:
        raise ValueError("nothing was typed")
    return text


def _email(text: str, *, utf8: bool) -> str:
    if "*" in text:  # as on every other channel: the screen takes none
        raise ValueError("not an e-mail address")
    return email_of(text, utf8=utf8)
