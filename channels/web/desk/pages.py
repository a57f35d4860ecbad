"""/desk: the help desk's pages. Search, one payment's story, acts, and requests that wait for a second person.

Rules: what was typed never reaches a URL; a POST acts and leads to a GET that shows; core/help_desk/service.py logs
before it reads.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.web.desk.dialogs import DialogWords
from channels.web.desk.entry import HOME, DeskRequest, Threshold, go
from channels.web.desk.parts import NotAnAmount, parts_typed
from channels.web.desk.sessions import searched, with_search
from channels.web.desk.showing import number_of, payment_id_of, said, shown
from channels.web.desk.view import DeskWords
from core.help_desk.service import QUERY_CHARS_MAX, Case, HelpDesk, WholeCard
from core.help_desk.transcripts import DialogTranscript
from core.payments.table import UNDECIDED, Payment
from core.refunds.model import RefundPart
from core.refunds.requests import Reason, RefundRequest, RefundRequestRefusal
from core.repositories import MessageKind
from core.subscribers.lines import msisdn

FOUND_SHOWN = 50
MARK_BYTES = 6
APPROVALS, DIALOGS = "/desk/approvals", "/desk/dialogs"


class _DeskPages:
    def __init__(self, desk: HelpDesk, threshold: Threshold) -> None:
        self._desk = desk
        self._threshold = threshold

    # --- search ---------------------------------------------------------------------------------------------------

    async def home(self, visit: DeskRequest) -> Response:
        """The search box, and what the last search found."""
        query = searched(visit.session.kept, visit.tab)
        payments = await self._desk.search(visit.actor, query) if query else ()
        words = self._words(visit)
        rows = tuple(words.found(payment) for payment in payments)
        full, number = len(rows) == FOUND_SHOWN, _is_number(query)
        return await self._show(visit, "search", path=HOME, query=query, found=rows, full=full, number=number)

    async def search(self, visit: DeskRequest) -> Response:
        """A search that means one payment leads straight to it."""
        typed = visit.field("q").strip()
        if not typed:
            return go(HOME)
        try:
            payments = await self._desk.search(visit.actor, typed)
        except WholeCard:
            await self._threshold.sessions.change(visit.session, notice="search.card")
            return go(HOME)
        # each search has a mark of its own in the address, so that two tabs never show one another's customer
        mark = secrets.token_urlsafe(MARK_BYTES)
        searches = with_search(visit.session.kept, mark, typed[:QUERY_CHARS_MAX])
        await self._threshold.sessions.change(visit.session, searches=searches)
        return go(f"{_of(payments[0].id) if len(payments) == 1 else HOME}?s={mark}")

    async def dialogs(self, visit: DeskRequest) -> Response:
        """GET: what the number that was searched for was shown lately."""
        query = searched(visit.session.kept, visit.tab)
        if not _is_number(query):
            return go(HOME)
        return await self._dialogs(visit, await self._desk.dialogs_of(visit.actor, query), HOME)

    async def payer_dialogs(self, visit: DeskRequest) -> Response:
        """POST: the same of a payment's payer, whose number stays masked."""
        return await self._dialogs(
            visit, await self._desk.dialogs_of_payer(visit.actor, payment_id_of(visit)), _of(payment_id_of(visit))
        )

    async def _dialogs(self, visit: DeskRequest, dialogs: Sequence[DialogTranscript], back: str) -> Response:
        views = DialogWords(self._threshold.pages.texts, visit.language).all(reversed(dialogs))
        return await self._show(visit, "dialogs", path=back, back=back, dialogs=views)

    # --- one payment ------------------------------------------------------------------------------------------------

    async def payment(self, visit: DeskRequest) -> Response:
        """GET: the story, masked."""
        return await self._case(visit, await self._desk.open(visit.actor, payment_id_of(visit)))

    async def contact(self, visit: DeskRequest) -> Response:
        """POST: the same with the payer's number and address, which is logged by itself."""
        if not await self._threshold.may_reveal(visit):
            return await self._back(visit, payment_id_of(visit), "notice.contacts")
        return await self._case(visit, await self._desk.open(visit.actor, payment_id_of(visit), contact=True))

    async def resend(self, visit: DeskRequest) -> Response:
        kind = next((kind for kind in MessageKind if kind == visit.field("kind")), None)
        sent = kind is not None and await self._desk.resend(visit.actor, payment_id_of(visit), kind)
        return await self._back(visit, payment_id_of(visit), "notice.resent" if sent else "notice.not-resent")

    async def send_to(self, visit: DeskRequest) -> Response:
        """Sends a receipt to another number or address than the payer's, which the log keeps masked."""
        kind = next((kind for kind in MessageKind if kind == visit.field("kind")), None)
        payment_id = payment_id_of(visit)
        if not visit.field("sure"):
            return await self._back(visit, payment_id, "notice.unsure", keep=True)
        if kind is None:
            return await self._back(visit, payment_id, "notice.not-resent", keep=True)
        try:
            sent = await self._desk.resend_to(visit.actor, payment_id, kind, visit.field("to"))
        except WholeCard:
            return await self._back(visit, payment_id, "search.card")
        except ValueError:
            return await self._back(visit, payment_id, "notice.no-recipient", keep=True)
        return await self._back(visit, payment_id, "notice.resent" if sent else "notice.not-resent", keep=not sent)

    async def inquire(self, visit: DeskRequest) -> Response:
        payment = await self._desk.inquire(visit.actor, payment_id_of(visit))
        # an answer that decides nothing is not told as if it did
        notice = "notice.still-asked" if payment.state in UNDECIDED else "notice.inquired"
        return await self._back(visit, payment_id_of(visit), notice)

    async def note(self, visit: DeskRequest) -> Response:
        try:
            noted = await self._desk.note(visit.actor, payment_id_of(visit), visit.field("text"))
        except WholeCard:
            return await self._back(visit, payment_id_of(visit), "search.card")
        return await self._back(visit, payment_id_of(visit), "notice.noted" if noted else "notice.not-noted")

    # --- money back -------------------------------------------------------------------------------------------------

    async def undo(self, visit: DeskRequest) -> Response:
        """A proposal; the decision as well where one person is enough."""
        reason = next((reason for reason in Reason if reason == visit.field("reason")), None)
        if reason is None:
            return await self._back(visit, payment_id_of(visit), f"notice.{RefundRequestRefusal.NO_REASON}", keep=True)
        if not visit.field("sure"):
            return await self._back(visit, payment_id_of(visit), "notice.unsure", keep=True)
        try:
            parts = await self._parts(visit) if visit.field("parts") else ()
        except NotAnAmount:
            return await self._back(visit, payment_id_of(visit), "notice.no_part", keep=True)
        try:
            outcome = await self._desk.propose_undo(
                visit.actor, payment_id_of(visit), reason, visit.field("comment"), parts
            )
        except WholeCard:
            return await self._back(visit, payment_id_of(visit), "search.card")
        refused = isinstance(outcome, RefundRequestRefusal)
        return await self._back(visit, payment_id_of(visit), _told(outcome), keep=refused)

    async def _parts(self, visit: DeskRequest) -> tuple[RefundPart, ...]:
        """Of the form that asks for parts: none at all is a mistake, and never the whole. Raises NotAnAmount."""
        payment = await self._desk.payment(payment_id_of(visit))
        parts = parts_typed(visit.form, payment)
        if not parts:
            raise NotAnAmount
        return parts

    async def approvals(self, visit: DeskRequest) -> Response:
        """Shows what waits for a second person (GET)."""
        words = self._words(visit)
        queue = await self._desk.queue(visit.actor)
        waiting = tuple(words.asked(request, payment, visit.actor) for request, payment in queue)
        return await self._show(visit, "approvals", path=APPROVALS, waiting=waiting)

    async def approve(self, visit: DeskRequest) -> Response:
        number = number_of(visit)
        if not visit.field("sure"):
            return await said(self._threshold, visit, APPROVALS, "notice.unsure")
        payment_id, outcome = await self._desk.approve_undo(visit.actor, number)
        return await self._back(visit, payment_id, _told(outcome))

    async def reject(self, visit: DeskRequest) -> Response:
        payment_id, refusal = await self._desk.reject_undo(visit.actor, number_of(visit))
        return await self._back(visit, payment_id, "notice.rejected" if refusal is None else f"notice.{refusal}")

    # --- ------------------------------------------------------------------------------------------------------------

    async def _case(self, visit: DeskRequest, case: Case) -> Response:
        view = self._words(visit).case(case, visit.actor, self._desk.undoing)
        return await self._show(visit, "payment", path=_of(view.id), view=view)

    async def _back(self, visit: DeskRequest, payment_id: str, notice: str, *, keep: bool = False) -> Response:
        return await said(self._threshold, visit, _of(payment_id), notice, keep=keep)

    async def _show(self, visit: DeskRequest, name: str, **values: Any) -> Response:
        return await shown(self._threshold, visit, name, **values)

    def _words(self, visit: DeskRequest) -> DeskWords:
        pages = self._threshold.pages
        return DeskWords(pages.texts, visit.language, pages.operator.wallets)


def _is_number(query: str) -> bool:
    """Whether what was searched for can be a telephone's number."""
    try:
        msisdn(query)
    except ValueError:
        return False
    return True


def _of(payment_id: str) -> str:
    return f"{HOME}/payments/{payment_id}"


def _told(outcome: RefundRequest | Payment | RefundRequestRefusal) -> str:
    match outcome:
        case RefundRequest():
            return "notice.proposed"
        case Payment():
            return "notice.undoing"
        case _:
            return f"notice.{outcome}"


def routes(desk: HelpDesk, threshold: Threshold) -> Sequence[BaseRoute]:
    """All addresses of the help desk."""
    pages = _DeskPages(desk, threshold)
    shows, does, one = threshold.shows, threshold.does, HOME + "/payments/{payment_id}"
    return [
        Route(HOME, shows(pages.home), methods=["GET"]),
        Route(HOME + "/logout", does(threshold.leave), methods=["POST"]),
        Route(HOME + "/search", does(pages.search), methods=["POST"]),
        Route(DIALOGS, shows(pages.dialogs), methods=["GET"]),
        Route(one, shows(pages.payment), methods=["GET"]),
        Route(one + "/dialogs", does(pages.payer_dialogs), methods=["POST"]),
        Route(one + "/contact", does(pages.contact), methods=["POST"]),
        Route(one + "/resend", does(pages.resend), methods=["POST"]),
        Route(one + "/send-to", does(pages.send_to), methods=["POST"]),
        Route(one + "/inquire", does(pages.inquire), methods=["POST"]),
        Route(one + "/note", does(pages.note), methods=["POST"]),
        Route(one + "/undo", does(pages.undo), methods=["POST"]),
        Route(APPROVALS, shows(pages.approvals), methods=["GET"]),
        Route(APPROVALS + "/{number:int}/approve", does(pages.approve), methods=["POST"]),
        Route(APPROVALS + "/{number:int}/reject", does(pages.reject), methods=["POST"]),
    ]
