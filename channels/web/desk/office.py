"""/desk/findings and /desk/by-hand: what does not agree with the bank, and what only two people can end.

As on the desk's other pages a POST acts and leads to a GET that shows, and nothing typed reaches a URL.
"""

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.web.desk.entry import HOME, DeskRequest, Threshold
from channels.web.desk.office_view import finding_row, matter_row, request_row
from channels.web.desk.showing import number_of, payment_id_of, said, shown, words_for
from channels.web.desk.view import SECTION
from core.amounts import NoAmount, read_unsigned_amount
from core.help_desk.office import Office
from core.help_desk.service import WholeCard
from core.payments.janitor import NoSuchPayment
from core.refunds.resolving import HandRefusal, Proposed, Resolution

FINDINGS, BY_HAND = HOME + "/findings", HOME + "/by-hand"
ACTS = ("take", "propose", "close", "keep")


class _OfficePages:
    def __init__(self, office: Office, threshold: Threshold) -> None:
        self._office = office
        self._threshold = threshold

    async def findings(self, visit: DeskRequest) -> Response:
        """GET: what is open, what waits for a second person first."""
        now = self._office.clock.now()
        waiting = await self._office.open_findings(visit.actor)
        texts, t = self._threshold.pages.texts, words_for(self._threshold, visit)

        def known(key: str) -> bool:
            return texts.has(visit.language, SECTION, key)

        rows = tuple(finding_row(each, visit.actor, now, t, known) for each in waiting)
        return await shown(self._threshold, visit, "findings", path=FINDINGS, rows=rows)

    async def finding(self, visit: DeskRequest) -> Response:
        """POST: one act on one of them."""
        act, number = visit.request.path_params["act"], number_of(visit)
        if act not in ACTS:
            raise NoSuchPayment(act)
        try:
            refusal = await self._office.finding(visit.actor, act, number, visit.field("reason"))
        except WholeCard:
            return await self._go(visit, FINDINGS, "search.card")
        return await self._go(visit, FINDINGS, f"notice.finding.{refusal or act}", keep=refusal is not None)

    async def by_hand(self, visit: DeskRequest) -> Response:
        """GET: what waits for people, and for the second of them."""
        matters, requests = await self._office.waiting(visit.actor)
        t = words_for(self._threshold, visit)
        waiting = tuple(request_row(each, visit.actor, t) for each in requests)
        rows = tuple(matter_row(each, t) for each in matters)
        return await shown(
            self._threshold, visit, "by-hand", path=BY_HAND, matters=rows, requests=waiting, payment_id=""
        )

    async def of_payment(self, visit: DeskRequest) -> Response:
        """GET: the same of one payment, with the forms."""
        payment_id = payment_id_of(visit)
        matters, requests = await self._office.matters(visit.actor, payment_id)
        t = words_for(self._threshold, visit)
        known = tuple(request_row(each, visit.actor, t) for each in requests)
        rows = tuple(matter_row(each, t) for each in matters)
        path = _of(payment_id)
        return await shown(
            self._threshold, visit, "by-hand", path=path, matters=rows, requests=known, payment_id=payment_id
        )

    async def propose(self, visit: DeskRequest) -> Response:
        """POST: what became of it, and on what evidence."""
        payment_id = payment_id_of(visit)
        try:
            proposed = _asked(visit, payment_id)
            outcome = HandRefusal.NO_NUMBERS if proposed is None else await self._office.propose(visit.actor, proposed)
        except WholeCard:
            return await self._go(visit, _of(payment_id), "search.card")
        refused = isinstance(outcome, HandRefusal)
        notice = outcome if refused else "proposed"
        return await self._go(visit, _of(payment_id), f"notice.hand.{notice}", keep=refused)

    async def decide(self, visit: DeskRequest) -> Response:
        """POST: the second person's word."""
        approves = visit.request.path_params["act"] == "approve"
        if approves and not visit.field("sure"):
            return await self._go(visit, BY_HAND, "notice.unsure")
        payment_id, refusal = await self._office.decide(visit.actor, number_of(visit), approves=approves)
        notice = refusal or ("approved" if approves else "rejected")
        return await self._go(visit, _of(payment_id), f"notice.hand.{notice}")

    async def _go(self, visit: DeskRequest, where: str, notice: str, *, keep: bool = False) -> Response:
        return await said(self._threshold, visit, where, notice, keep=keep)


def _asked(visit: DeskRequest, payment_id: str) -> Proposed | None:
    """None where the amount is none."""
    end = next((end for end in Resolution if end == visit.field("end")), None)
    if end is None:
        return None
    typed = visit.field("amount").strip()
    try:
        amount = read_unsigned_amount(typed) if typed else None
    except NoAmount:
        return None
    numbers = visit.field("auth_code").strip(), visit.field("transaction_number").strip()
    return Proposed(payment_id, visit.field("subject"), end, visit.field("evidence").strip(), *numbers, amount)


def _of(payment_id: str) -> str:
    return f"{HOME}/payments/{payment_id}/by-hand"


def routes(office: Office, threshold: Threshold) -> Sequence[BaseRoute]:
    """The addresses of the office."""
    pages = _OfficePages(office, threshold)
    shows, does, one = threshold.shows, threshold.does, HOME + "/payments/{payment_id}/by-hand"
    return [
        Route(FINDINGS, shows(pages.findings), methods=["GET"]),
        Route(FINDINGS + "/{number:int}/{act}", does(pages.finding), methods=["POST"]),
        Route(BY_HAND, shows(pages.by_hand), methods=["GET"]),
        Route(BY_HAND + "/{number:int}/{act}", does(pages.decide), methods=["POST"]),
        Route(one, shows(pages.of_payment), methods=["GET"]),
        Route(one, does(pages.propose), methods=["POST"]),
    ]
