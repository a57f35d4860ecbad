"""A payment -> the mail that carries its receipt: text and HTML, in the payer's language. Pure.

Nobody's words reach a header unchecked: the recipient is validated, and EmailMessage refuses a line break. The
Message-ID depends on the payment and the copy alone, so that a mailbox shows a repeated mail once.
"""

from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from channels.email.folding import WirePolicy
from channels.links import ReceiptLinks
from channels.receipt_colours import COLOURS
from channels.receipt_view import Operator, ReceiptView, receipt_view
from channels.templates import CompiledOnce
from core.languages import LanguageCode
from core.messaging.bidi import joined
from core.messaging.texts import Texts
from core.payments.table import Payment
from core.subscribers.emails import email_of

SECTION = "mail"
TEMPLATES = Path(__file__).parent / "templates"
_COMPILED = CompiledOnce()
# around numbers in Arabic text, where a mail program has no markup to go by (Unicode TR 9)
ISOLATE, END_ISOLATE = "\u2066", "\u2069"


class BadAddress(ValueError):
    """The recipient's address cannot be one: do not retry. The words do not repeat it."""


@dataclass(frozen=True, slots=True)
class MailSender:
    """The sender of mails: "Name <address>" or an address alone."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> "MailSender":
        """Reads a sender as it is written in a setting. Raises ValueError when it is no mail address."""
        if any(ord(char) < 32 for char in text):
            raise ValueError("a sender is one line")
        name, address = parseaddr(text)
        if not address.isascii():
            raise ValueError("a sender's address is ASCII: not every server takes another")
        return cls(name, email_of(address))

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class Composer:
    """Writes the mails that carry receipts."""

    def __init__(self, texts: Texts, operator: Operator, sender: MailSender, links: ReceiptLinks) -> None:
        self._texts = texts
        self._operator = operator
        self._sender = sender
        self._links = links
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(("html",)),
            auto_reload=False,  # no look at the file for each mail
            bytecode_cache=_COMPILED,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def message_id(self, payment: Payment, copy: int = 0) -> str:
        """The Message-ID of a mail, the same for every try. A copy that somebody asked for is another mail, or
        mailboxes would hide it.
        """
        number = f".{copy}" if copy else ""
        return f"<receipt.{payment.id}{number}@{self._sender.domain}>"

    def compose(self, payment: Payment, recipient: str, now: datetime, copy: int = 0) -> EmailMessage:
        """The mail, which says of the payment what is true now. Raises BadAddress."""
        view = receipt_view(payment, self._texts, self._operator)
        to = _recipient(recipient)
        message = EmailMessage(policy=WirePolicy(utf8=not to.addr_spec.isascii()))
        message["From"] = _mailbox(self._sender.address, self._sender.name or self._operator.name)
        message["To"] = to
        message["Subject"] = self._say(
            view.language, f"subject.{view.status}", receipt=view.number, total=view.total, operator=self._operator.name
        )
        message["Date"] = now
        message["Message-ID"] = self.message_id(payment, copy)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(self._render("receipt.txt", payment, view))
        message.add_alternative(self._render("receipt.html", payment, view), subtype="html")
        message["Content-Language"] = view.language.value  # after the content, which clears its headers
        return message

    def _say(self, language: LanguageCode, key: str, **values: str) -> str:
        return self._texts.fill(language, SECTION, key, **values)

    def _render(self, name: str, payment: Payment, view: ReceiptView) -> str:
        def t(key: str, **values: str) -> str:
            return self._say(view.language, key, **values)

        def latin(text: str) -> str:
            return f"{ISOLATE}{joined(text)}{END_ISOLATE}" if view.rtl else text

        colours = COLOURS[view.status]
        return self._templates.get_template(name).render(
            view=view,
            t=t,
            latin=latin,
            operator=self._operator,
            link=self._links.of(payment),
            tone=colours.tone,
            tint=colours.tint,
        )


def _recipient(typed: str) -> Address:
    try:
        return _mailbox(email_of(typed, utf8=True), "")  # whether it may be sent is the server's to say
    except ValueError:
        raise BadAddress("not an e-mail address") from None


def _mailbox(address: str, name: str) -> Address:
    """Raises ValueError for what the standard library does not take as an address."""
    user, _, domain = address.rpartition("@")
    try:
        return Address(display_name=name, username=user, domain=domain)
    except (HeaderParseError, IndexError) as error:
        raise ValueError("not an e-mail address") from error
