"""What a wire heard, and whether it was heard before. Pure.

Most gateways number their requests somehow, and a repeat or a late copy is told by that. Some count nothing: two
requests with the same keys are then a copy that was delivered twice, or a customer who pressed one key on two screens.
A copy comes at once; a person must first receive the page, read it and type. The last request leaves a mark and a time
in its record for that: never its keys, the mark is an HMAC under a key that Redis does not see.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from core.typed import plain, tidy
from sessions.store.codec import Record

REPEAT_MS = 1_000  # nobody answers a page sooner, over the air and by hand; copies follow within some 100 ms
_WRAP_MS = 2**32  # 49 days: the time takes five bytes of a record


class Inbound(msgspec.Struct, frozen=True):
    """A request as a wire decoded it. `order` grows within a dialog; a wire whose gateway counts nothing leaves it
    None.

    `echo` is what the wire wants back when it words the answer; nobody else looks at it.
    """

    dialog: str
    msisdn: str
    order: int | None
    typed: str | None = None
    begins: bool = False
    payment_id: str | None = None
    echo: Mapping[str, str] = {}
    ids_return: bool = False  # its gateway gives the id of an ended dialog to a new one
    asks_from: str = ""  # the internet address of a browser; a telephone has none
    so_far: str | None = None  # all that was typed in this dialog, at gateways that send it all each time
    placed: bool = False  # a call of ours: whoever hears it has the telephone of that number

    def __repr__(self) -> str:
        return f"Heard(dialog={self.dialog!r}, order={self.order})"  # never what was typed


def latest(inbound: Inbound, record: Record | None, mark: Callable[[str], int]) -> Inbound:
    """The request with what was typed since the last one, where its gateway joins everything by "*".

    A customer types "*" too: only what follows the text of the request before is one answer, stars and all. That text
    is known by its length and a mark. Where it does not begin this one, the last piece is the best there is. `order`
    counts the stars: where one more has come it parts the new answer, which has none, from what was known.
    """
    if inbound.so_far is None or record is None or not record.said_mark:
        return inbound
    if inbound.order == record.order + 1:  # nearly always, and known without a mark
        return inbound
    known, rest = inbound.so_far[: record.said_chars], inbound.so_far[record.said_chars :]
    if mark(known) != record.said_mark or (known and not rest.startswith("*")):
        return inbound
    return msgspec.structs.replace(inbound, typed=rest[1:] if known else rest)


def is_dialled(text: str | None, service_code: str) -> bool:
    """Returns whether the service's own code was typed: somebody dialled anew, and no gateway said so."""
    if not text or "#" not in text:  # nearly always
        return False
    stem = service_code.strip("*#")
    if not stem:
        return False
    typed = plain(tidy(text)).replace(" ", "")
    return typed == f"*{stem}#" or (typed.startswith(f"*{stem}*") and typed.endswith("#"))


def before(inbound: Inbound, record: Record, mark: int, arrived_ms: int) -> bool:
    """Returns whether this request was answered before. `mark` and `arrived_ms` count where it bears no number.

    What arrived before the last answer was ready is its copy too, however long that answer took.
    """
    if inbound.order is not None:
        return inbound.order <= record.order
    since_ms = (arrived_ms - record.answered_ms + _WRAP_MS // 2) % _WRAP_MS - _WRAP_MS // 2
    return mark == record.mark and since_ms < REPEAT_MS


def dials_again(inbound: Inbound, ended: Record) -> bool:
    """Returns whether a dialog that came to its end begins once more, at a gateway that gives the same id to a new one.

    Everywhere else a begin after the end is a late copy, answered as the end was.
    """
    return inbound.ids_return and inbound.begins and inbound.order == 0 < ended.order


def place(inbound: Inbound, last: Record | None) -> int:
    """The request's place in its dialog, counted here where the gateway does not."""
    if inbound.order is not None:
        return inbound.order
    return last.order + 1 if last is not None else 0


def stamp(now: datetime) -> int:
    """A moment as a record keeps it."""
    return int(now.timestamp() * 1000) % _WRAP_MS
