"""How every page of the desk is shown: its head, a notice once, and what was typed into a form that was refused.

Nothing typed reaches a URL: it waits in the session until its page is shown again, without whatever may be a card.
"""

import re
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from channels.web.desk.entry import DeskRequest, Handler, Threshold, go
from channels.web.desk.sessions import TypedForm
from channels.web.desk.view import SECTION
from channels.web.pages import CSP_WORKING
from core import card_numbers
from core.payments.janitor import NoSuchPayment

FIELD_CHARS_MAX = 500
FIELDS_MAX = 110  # a form of parts has one a bill
_PAYMENT = re.compile(r"[0-9A-Z]{26}")
UNKEPT = frozenset({"csrf", "sure", "form", "password", "old", "new", "again"})

Words = Callable[..., str]


async def shown(threshold: Threshold, visit: DeskRequest, name: str, *, path: str, **values: Any) -> Response:
    """A page with its head. `path` is where it lives, without its query: what was typed there comes back there."""
    session = visit.session.kept
    draft = session.draft if session.draft is not None and session.draft.path == path else None
    if session.notice or draft is not None:
        still = None if draft is not None else session.draft
        await threshold.sessions.change(visit.session, notice="", draft=still)

    def typed(form: str, field: str, otherwise: str = "") -> str:
        fields = dict(draft.fields) if draft is not None and draft.form == form else {}
        return fields.get(field, otherwise)

    more: dict[str, Any] = {
        "user": visit.user,
        "csrf": session.csrf,
        "notice": session.notice,
        "here": name,
        "path": path,
        "tab": visit.tab,
        "head": await threshold.head(),
        "typed": typed,
        "opened": "" if draft is None else draft.form,
    }
    return threshold.pages.html(
        f"desk/{name}.html", visit.language, section=SECTION, csp=CSP_WORKING, **(more | values)
    )


async def said(threshold: Threshold, visit: DeskRequest, where: str, notice: str, *, keep: bool = False) -> Response:
    """A redirect to that page, which says this once. `keep`: its form comes back as it was typed."""
    draft = _draft(visit, where) if keep else None
    await threshold.sessions.change(visit.session, notice=notice, draft=draft)
    return go(where + (f"?s={visit.tab}" if visit.tab else ""))


def _draft(visit: DeskRequest, where: str) -> TypedForm:
    """What is a card's number, or may become one, is not kept."""
    typed = [(name, text[:FIELD_CHARS_MAX]) for name, text in visit.form.items() if name not in UNKEPT and text]
    safe = tuple((name, text) for name, text in typed[:FIELDS_MAX] if not card_numbers.holds(text))
    return TypedForm(where, visit.field("form"), safe)


def words_for(threshold: Threshold, visit: DeskRequest) -> Words:
    """The desk's words in this visit's language."""

    def t(key: str, **values: str) -> str:
        return threshold.pages.texts.fill(visit.language, SECTION, key, **values)

    return t


def payment_id_of(visit: DeskRequest) -> str:
    """Reads the payment's id of an address. Raises NoSuchPayment for what cannot be one."""
    payment_id = str(visit.request.path_params["payment_id"])
    if _PAYMENT.fullmatch(payment_id) is None:
        raise NoSuchPayment(payment_id)
    return payment_id


def number_of(visit: DeskRequest) -> int:
    """Reads the row's number of an address. Raises NoSuchPayment for what cannot be one."""
    number = int(visit.request.path_params["number"])
    if number >= 1 << 63:
        raise NoSuchPayment(str(number))
    return number


def for_administrators(threshold: Threshold, handler: Handler) -> Handler:
    """A page of theirs: 403 for everybody else."""

    async def answer(visit: DeskRequest) -> Response:
        if not visit.actor.administers:
            return threshold.notice("not-yours", visit.language, 403)
        return await handler(visit)

    return answer
