"""The mail sink's letters as mailboxes show them. A letter's frame runs nothing and loads nothing."""

from email.parser import BytesHeaderParser
from email.policy import default
from hashlib import sha256
from types import MappingProxyType

from lab.mailsink import Mail, MailSink

# The page's own policy would take a letter's styles away: a letter is a document with its own, and no rights.
LETTER_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)


def letter_id(mail: Mail) -> str:
    """The same for the same bytes."""
    return sha256(mail.raw).hexdigest()[:24]


class Mailboxes:
    """Customers' mail; empty where a real SMTP server was given."""

    def __init__(self, sink: MailSink | None) -> None:
        self._sink = sink

    @property
    def works(self) -> bool:
        """Is there a sink?"""
        return self._sink is not None

    def told(self, not_for: frozenset[str] = frozenset()) -> list[dict[str, str]]:
        """What the list shows, newest first, without the mail of those addresses."""
        return [
            {"id": letter_id(mail), "from": mail.sender, "to": mail.to, "subject": mail.subject, "at": _date(mail)}
            for mail in reversed(self._mails())
            if not_for.isdisjoint(mail.recipients)
        ]

    def html(self, wanted: str) -> str | None:
        """A letter, its links opening beside the phone."""
        for mail in self._mails():
            if letter_id(mail) == wanted:
                head, tag, rest = (
                    mail.html or f"<!doctype html><head></head><pre>{_escaped(mail.text)}</pre>"
                ).partition("<head>")
                return f'{head}{tag}<base target="_blank">{rest}'
        return None

    def _mails(self) -> tuple[Mail, ...]:
        return () if self._sink is None else self._sink.mails()


def _date(mail: Mail) -> str:
    date = BytesHeaderParser(policy=default).parsebytes(mail.raw)["Date"]
    moment = getattr(date, "datetime", None)
    return moment.isoformat() if moment is not None else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
