"""/desk/chargebacks and a payment's dispute: entries, steps, and the evidence sheet that answers the bank."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.receipt_view import Operator
from channels.web.desk.dialogs import DialogWords
from channels.web.desk.entry import HOME, DeskRequest, Threshold
from channels.web.desk.showing import number_of, payment_id_of, said, shown, words_for
from channels.web.pages import private_headers
from channels.web.receipts import extras
from core.chargebacks.service import (
    DECISIONS,
    MOVES,
    BadChargeback,
    Chargeback,
    ChargebackRefusal,
    ChargebackState,
    claim_of,
)
from core.help_desk.access_log import Actor
from core.help_desk.office import Office
from core.help_desk.service import WholeCard
from core.money import dh

CHARGEBACKS = HOME + "/chargebacks"


@dataclass(frozen=True, slots=True)
class ChargebackRow:
    """A chargeback, and the steps that this person may do."""

    id: int
    payment_id: str
    case: str
    reason: str
    amount: str
    state: str
    deadline: str
    steps: tuple[tuple[str, str], ...]


class _DisputePages:
    def __init__(self, office: Office, threshold: Threshold, operator: Operator) -> None:
        self._office = office
        self._threshold = threshold
        self._operator = operator

    async def all(self, visit: DeskRequest) -> Response:
        """GET: those that want an answer, the nearest deadline first."""
        chargebacks = await self._office.open_chargebacks(visit.actor)
        return await self._show(visit, chargebacks, "", CHARGEBACKS)

    async def of_payment(self, visit: DeskRequest) -> Response:
        """GET: one payment's, with the form of a new one."""
        payment_id = payment_id_of(visit)
        return await self._show(
            visit, await self._office.disputes(visit.actor, payment_id), payment_id, _of(payment_id)
        )

    async def enter(self, visit: DeskRequest) -> Response:
        """POST: what the acquirer's letter says."""
        payment_id = payment_id_of(visit)
        try:
            claim = claim_of({**visit.form, "order_id": payment_id})
            outcome = await self._office.enter(visit.actor, claim)
        except BadChargeback:
            return await self._go(visit, payment_id, "notice.chargeback.bad", keep=True)
        except WholeCard:
            return await self._go(visit, payment_id, "search.card")
        refused = isinstance(outcome, ChargebackRefusal)
        notice = outcome if refused else "received"
        return await self._go(visit, payment_id, f"notice.chargeback.{notice}", keep=refused)

    async def step(self, visit: DeskRequest) -> Response:
        """POST: the next step of one."""
        after = next((state for state in ChargebackState if state == visit.field("after")), ChargebackState.RECEIVED)
        try:
            payment_id, refusal = await self._office.step(visit.actor, number_of(visit), after, visit.field("note"))
        except WholeCard:
            return await said(self._threshold, visit, CHARGEBACKS, "search.card")
        return await self._go(visit, payment_id, f"notice.chargeback.{refusal or 'done'}")

    async def evidence(self, visit: DeskRequest) -> Response:
        """GET: the sheet, as a PDF."""
        payment_id = payment_id_of(visit)
        if not extras.pdf():
            return self._threshold.notice("missing", visit.language, 404)
        found = await self._office.evidence_of(visit.actor, payment_id)
        from channels.web.receipts import evidence_pdf

        texts = self._threshold.pages.texts
        dialogs = DialogWords(texts, visit.language).all(found.dialogs)
        view = evidence_pdf.sheet_of(found, dialogs, visit.language, words_for(self._threshold, visit))
        pdf = await asyncio.to_thread(evidence_pdf.render, view, self._operator.name, payment_id)
        headers = {**private_headers(), "Content-Disposition": f'attachment; filename="evidence-{payment_id}.pdf"'}
        return Response(pdf, 200, headers, "application/pdf")

    async def _go(self, visit: DeskRequest, payment_id: str, notice: str, *, keep: bool = False) -> Response:
        return await said(self._threshold, visit, _of(payment_id), notice, keep=keep)

    async def _show(self, visit: DeskRequest, found: Sequence[Chargeback], payment_id: str, path: str) -> Response:
        rows = tuple(self._row(each, visit) for each in found)
        more: dict[str, Any] = {"rows": rows, "payment_id": payment_id, "has_pdf": extras.pdf()}
        return await shown(self._threshold, visit, "chargebacks", path=path, **more)

    def _row(self, each: Chargeback, visit: DeskRequest) -> ChargebackRow:
        t = words_for(self._threshold, visit)
        claim = each.claim
        steps = tuple((str(after), t(f"chargeback.to.{after}")) for after in _steps(each, visit.actor))
        state = t(f"chargeback.state.{each.state}")
        deadline = f"{claim.deadline:%d/%m/%Y}"
        amount = dh(claim.amount_centimes)
        return ChargebackRow(
            each.id, claim.payment_id, claim.case_id, claim.reason_code, amount, state, deadline, steps
        )


def _steps(each: Chargeback, actor: Actor) -> Sequence[ChargebackState]:
    may = [after for after in ChargebackState if after in MOVES.get(each.state, frozenset())]
    if not actor.decides:
        may = [after for after in may if after not in DECISIONS]
    return [after for after in may if after is not ChargebackState.ACCEPTED or actor.name != each.entered_by]


def _of(payment_id: str) -> str:
    return f"{HOME}/payments/{payment_id}/dispute"


def routes(office: Office, threshold: Threshold, operator: Operator) -> Sequence[BaseRoute]:
    """The routes of the disputes' pages."""
    pages = _DisputePages(office, threshold, operator)
    shows, does, one = threshold.shows, threshold.does, HOME + "/payments/{payment_id}"
    return [
        Route(CHARGEBACKS, shows(pages.all), methods=["GET"]),
        Route(CHARGEBACKS + "/{number:int}", does(pages.step), methods=["POST"]),
        Route(one + "/dispute", shows(pages.of_payment), methods=["GET"]),
        Route(one + "/dispute", does(pages.enter), methods=["POST"]),
        Route(one + "/evidence.pdf", shows(pages.evidence), methods=["GET"]),
    ]
