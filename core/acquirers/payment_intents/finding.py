"""Finding an order at the gateway by our own name for it.

Rule of this file: an order is only called absent where a look that is never behind (the lists) has seen everything
since it could first be sent there; the search may be behind by SEARCH_BEHIND_MAX_S, and only ever adds. A page that
is still open is Pending; one whose time is over is closed before anything is called absent
(docs/protocols/payment-intents.md, Finding an order).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.acquirers.payment_intents.outcomes import judged, settles, standing_of
from core.acquirers.payment_intents.transport import Exchange, GatewayAnswer, Said
from core.acquirers.payment_intents.wire import (
    ORDER_KEY,
    UNTIL_KEY,
    Form,
    IntentList,
    IntentObject,
    SessionList,
    SessionObject,
)
from core.ids import CROCKFORD
from core.ports import Inquiry, Pending, UnknownOutcome

SEARCH_BEHIND_MAX_S = 3_600  # documented: less than a minute, and up to an hour in an outage
SESSION_LIFE_MAX_S = 86_400  # no page lives longer
CLOCKS_APART_S = 300  # ours and theirs
PAGE_LENGTH = 100
PAGES_MAX = 20
FOUND_MAX = 10  # intents of one order
WHOLE = {"expand[0]": "latest_charge"}


class LookFailed(Exception):
    """The gateway's fault: a look told nothing that can be used. Never a reason to call an order absent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An order at the gateway: what it says together, and the intents behind it."""

    says: Inquiry
    intents: tuple[IntentObject, ...] = ()


class OrderFinder:
    """Looks orders up. `pages`: whether sessions are opened under this account at all."""

    def __init__(self, exchange: Exchange, currency: str, *, pages: bool, now: Callable[[], float] = time.time) -> None:
        self._exchange = exchange
        self._currency = currency
        self._pages = pages
        self._now = now

    async def order(self, order_id: str) -> Standing:
        """Returns what became of an order."""
        try:
            intents = await self._whole(await self._searched(order_id))
            standing = self._standing(order_id, intents)
            if settles(standing.says):
                return standing
            intents += await self._whole(await self._listed(order_id), known=intents)
            standing = self._standing(order_id, intents)
            return standing if settles(standing.says) or not self._pages else await self._paged(order_id, intents)
        except LookFailed as error:
            return Standing(UnknownOutcome(str(error)))

    async def intent(self, intent_id: str) -> IntentObject:
        """Reads one intent with its latest charge, as it stands now. Raises LookFailed."""
        answer = await self._exchange.get(f"/v1/payment_intents/{intent_id}", WHOLE)
        read = answer.holds(IntentObject) if isinstance(answer, GatewayAnswer) else None
        if read is None or read.id != intent_id:
            raise LookFailed(why_of(answer))
        return read

    def _standing(self, order_id: str, intents: tuple[IntentObject, ...]) -> Standing:
        return Standing(standing_of([judged(one, order_id, self._currency) for one in intents]), intents)

    async def _whole(self, ids: Iterable[str], known: tuple[IntentObject, ...] = ()) -> tuple[IntentObject, ...]:
        """Lists and searches tell an intent as it was: each is read again. Raises LookFailed."""
        seen = {one.id for one in known}
        wanted = [each for each in dict.fromkeys(ids) if each not in seen]
        if len(wanted) > FOUND_MAX:
            raise LookFailed("more intents than one order can have")
        return tuple([await self.intent(each) for each in wanted])

    async def _searched(self, order_id: str) -> list[str]:
        query = {"query": f"metadata['{ORDER_KEY}']:'{_quoted(order_id)}'", "limit": str(PAGE_LENGTH)}
        answer = await self._exchange.get("/v1/payment_intents/search", query)
        page = answer.holds(IntentList) if isinstance(answer, GatewayAnswer) else None
        if page is None or page.has_more:
            raise LookFailed(why_of(answer))
        return [one.id for one in page.data if one.order_id == order_id]

    async def _listed(self, order_id: str) -> list[str]:
        """What the search may not know yet."""
        since = self._since(order_id, SEARCH_BEHIND_MAX_S)
        intent_ids: list[str] = []
        after: Form = {}
        for _ in range(PAGES_MAX):
            query = {"created[gte]": str(since), "limit": str(PAGE_LENGTH), **after}
            answer = await self._exchange.get("/v1/payment_intents", query)
            page = answer.holds(IntentList) if isinstance(answer, GatewayAnswer) else None
            if page is None:
                raise LookFailed(why_of(answer))
            intent_ids += [one.id for one in page.data if one.order_id == order_id]
            if not page.has_more:
                return intent_ids
            if not page.data:
                break
            after = {"starting_after": page.data[-1].id}
        raise LookFailed("too many orders of others to look through")

    async def _paged(self, order_id: str, intents: tuple[IntentObject, ...]) -> Standing:
        """The order's pages: open ones may still be paid on, those whose time is over no more."""
        more: list[str] = []
        for session in await self.sessions(order_id):
            if session.status == "open":
                if not self._over(session):
                    return Standing(Pending(), intents)
                session = await self._closed(session)
            if session.payment_intent is not None:
                more.append(session.payment_intent)
        # a page that was just closed may have changed what was read before
        again = await self._whole([*(one.id for one in intents), *more])
        return self._standing(order_id, again)

    async def sessions(self, order_id: str) -> list[SessionObject]:
        """The pages that were ever opened for an order, as they stand now. Raises LookFailed."""
        since = self._since(order_id, SESSION_LIFE_MAX_S)
        matches: list[SessionObject] = []
        after: Form = {}
        for _ in range(PAGES_MAX):
            query = {"created[gte]": str(since), "limit": str(PAGE_LENGTH), **after}
            answer = await self._exchange.get("/v1/checkout/sessions", query)
            page = answer.holds(SessionList) if isinstance(answer, GatewayAnswer) else None
            if page is None:
                raise LookFailed(why_of(answer))
            matches += [one for one in page.data if one.client_reference_id == order_id]
            if not page.has_more:
                return matches
            if not page.data:
                break
            after = {"starting_after": page.data[-1].id}
        raise LookFailed("too many pages of others to look through")

    async def _closed(self, session: SessionObject) -> SessionObject:
        """The session, when nobody can pay on it any more. Raises LookFailed."""
        answer = await self._exchange.post(f"/v1/checkout/sessions/{session.id}/expire", {}, f"{session.id}-expire")
        closed = answer.holds(SessionObject) if isinstance(answer, GatewayAnswer) else None
        if closed is None:  # paid, or over, in this very moment
            answer = await self._exchange.get(f"/v1/checkout/sessions/{session.id}", {})
            closed = answer.holds(SessionObject) if isinstance(answer, GatewayAnswer) else None
        if closed is None or closed.id != session.id or closed.status not in {"expired", "complete"}:
            raise LookFailed("a page that is over and cannot be closed")
        return closed

    def _over(self, session: SessionObject) -> bool:
        until = session.metadata.get(UNTIL_KEY, "")
        return until.isascii() and until.isdigit() and int(until) < self._now()

    def _since(self, order_id: str, behind_s: int) -> int:
        """Before this no look is needed: the order did not exist, or the search knows it."""
        earliest = self._now() - behind_s
        made_at = made_at_of(order_id)
        return int(max(earliest, made_at if made_at is not None else earliest)) - CLOCKS_APART_S


def made_at_of(order_id: str) -> float | None:
    """Returns when an order of ours was made, from its own name (a ULID); None for another kind of name."""
    if len(order_id) != 26 or any(letter not in CROCKFORD for letter in order_id):
        return None
    number = 0
    for letter in order_id[:10]:
        number = number * 32 + CROCKFORD.index(letter)
    return number / 1000


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def why_of(answer: Said) -> str:
    """Returns why an answer cannot be used, for a log line."""
    if isinstance(answer, GatewayAnswer):
        return f"HTTP {answer.status}" if not answer.ok else "answer cannot be read"
    return answer.why
