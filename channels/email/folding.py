"""Headers as they go over the wire. Pure.

Python's own folding loses the space between two encoded words, so that "DH لفائدة" is read as "DHلفائدة" (RFC 2047 6.2:
white space between them is no text). email.header.Header keeps it; this policy uses it where a person's words stand.
"""

from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from functools import cache

CRLF = "\r\n"


_CLASSES = HeaderRegistry()


@cache
def _class_of(name: str) -> type[BaseHeader]:
    return _CLASSES[name]


class _KeptClasses(HeaderRegistry):
    """Python's own makes a class for every header that is written; these are made once for each name."""

    def __getitem__(self, name: str) -> type[BaseHeader]:
        return _class_of(name)


_KEPT = _KeptClasses()


class WirePolicy(EmailPolicy):
    """Seven bits and CRLF; with `utf8` (RFC 6532) headers are written as they are."""

    def __init__(self, *, utf8: bool = False) -> None:
        super().__init__(linesep=CRLF, cte_type="7bit", utf8=utf8, message_factory=EmailMessage, header_factory=_KEPT)

    def fold_binary(self, name: str, value: str) -> bytes:
        """Writes one header with its line end."""
        folded = None if self.utf8 else _folded(name, value)
        return super().fold_binary(name, value) if folded is None else folded.encode("ascii")


def _folded(name: str, value: str) -> str | None:
    """None where the standard library does it right: structured headers and plain ASCII."""
    if str(value).isascii():
        return None
    match name.lower():
        case "subject":
            return f"{name}: {_words(name, value)}{CRLF}"
        case "from":
            (mailbox,) = getattr(value, "addresses", (None,))
            if isinstance(mailbox, Address):
                return f"{name}: {_words(name, mailbox.display_name)}{CRLF} <{mailbox.addr_spec}>{CRLF}"
    return None


def _words(name: str, text: str) -> str:
    return Header(str(text), "utf-8", header_name=name).encode(linesep=CRLF)
