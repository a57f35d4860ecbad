"""The CMI client: one acquirer behind core.ports.Acquirer (docs/protocols/cmi.md).

Rule of this file: NotSent means that no byte of a charge can have left (core/http_peer.py); after that, whatever is not
an explicit answer is Unknown. Nothing the peer does raises; cancellation passes through.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from core.acquirers import cmi_xml as xml
from core.acquirers.breaker import Breaker
from core.acquirers.cmi_codes import Verdict, verdict_of
from core.acquirers.cmi_history import credited_centimes_of, rows_of, standing_of_rows
from core.acquirers.cmi_outcomes import AskHistory, InquireFirst, outcome_of, refusal_of, standing_of
from core.acquirers.cmi_page import MD_STATUSES, CmiPage
from core.acquirers.hosted import HostedShop
from core.cards import Card, Secret
from core.http_peer import CONNECT_TIMEOUT_S, HttpPeer, HttpReply
from core.payments.hosted_page_port import PageWays
from core.ports import (
    Approved,
    Authorisation,
    AuthorisedOnly,
    ChallengeRequired,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    NotSent,
    NotSettled,
    Order,
    Pending,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)

TIMEOUT_S = 30.0
INQUIRY_TIMEOUT_S = 10.0  # an answer that is awaited longer is asked for again later
CONNECTIONS_MAX = 50


class CmiAcquirer:
    """Implements core.ports.Acquirer. Raises ValueError only for an account that cannot work."""

    def __init__(
        self,
        account: xml.CmiAccount,
        *,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        connections_max: int = CONNECTIONS_MAX,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._peer = HttpPeer(
            account.url,
            headers={"Accept": "text/xml, application/xml"},
            timeout_s=timeout_s,
            connect_timeout_s=connect_timeout_s,
            connections_max=connections_max,
            answer_bytes_max=xml.ANSWER_MAX_BYTES,
        )
        self.breaker = breaker or Breaker(clock)

    async def aclose(self) -> None:
        """Close the connections; the client opens new ones if it is asked again."""
        await self._peer.aclose()

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        """Charge a card. Codes that settle nothing are settled by one inquiry at once."""
        refused = self._cannot_send(order)
        if refused is not None:
            return refused
        return await self._charge(order.id, xml.auth_request(self._account, order, card, cvv))

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        """Hand on the bank's one-time PIN; a wrong one with tries left is ChallengeRequired again."""
        refused = self._cannot_send(order)
        if refused is not None:
            return refused
        request = xml.challenge_request(self._account, order.id, challenge_id, pin)
        return await self._charge(order.id, request, answering_pin=True)

    async def inquire(self, order_id: str) -> Inquiry:
        """Returns what became of an order: its status, and its history where the status does not settle it."""
        answer = await self._look(xml.status_request(self._account, order_id))
        if not isinstance(answer, xml.Cc5Answer):
            return UnknownOutcome(answer.why)
        standing = standing_of(answer, order_id)
        if not isinstance(standing, AskHistory):
            return standing
        history = await self._look(xml.history_request(self._account, order_id))
        rows = rows_of(history) if isinstance(history, xml.Cc5Answer) and history.order_id in {"", order_id} else None
        order_standing = standing_of_rows(rows) if rows else None
        # the latest row alone settles nothing: a refused duplicate may stand behind a charge (docs/protocols/cmi.md)
        unread = (
            standing.otherwise
            if isinstance(standing.otherwise, UnknownOutcome)
            else UnknownOutcome("no history can be read")
        )
        return order_standing or unread

    async def void(self, order_id: str) -> Undoing:
        """Take a charge back before settlement; a repeat of one that went through is Undone again."""
        return await self._undo(order_id, xml.void_request(self._account, order_id))

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        """Give money back after settlement.

        The gateway has no key for repeats, and an order's status says nothing of a part: only a listed refusal is one,
        a word that settles nothing is BANK_BUSY. After both compare `credited_centimes`.
        """
        answer = await self._ask(xml.credit_request(self._account, order_id, amount_centimes))
        if isinstance(answer, NotSent):
            return Decline("", DeclineKind.BANK_DOWN, answer.why)
        if isinstance(answer, UnknownOutcome) or answer.order_id not in {"", order_id}:
            return UnknownOutcome(answer.why if isinstance(answer, UnknownOutcome) else "answer to another order")
        match verdict_of(answer.code, answer.response, answer.error_code):
            case Verdict.APPROVED | Verdict.NOTHING_LEFT:
                return Undone()
            case Verdict.NOT_SETTLED:
                return NotSettled()
            case Verdict.DECLINED:
                return refusal_of(answer)
            case Verdict.UNKNOWN | Verdict.PENDING:
                return UnknownOutcome(f"code {answer.error_code or answer.code}")
        return Decline(answer.error_code or answer.code, DeclineKind.BANK_BUSY, answer.message)

    async def credited_centimes(self, order_id: str) -> int | None:
        """Returns what an order's history says was given back so far; None when it cannot be read."""
        answer = await self._look(xml.history_request(self._account, order_id))
        rows = rows_of(answer) if isinstance(answer, xml.Cc5Answer) and answer.order_id in {"", order_id} else None
        return credited_centimes_of(rows) if rows is not None else None

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        """PostAuth of an order that a hosted page authorised."""
        return await self._charge(order_id, xml.capture_request(self._account, order_id, amount_centimes))

    def _cannot_send(self, order: Order) -> NotSent | None:
        if order.currency != self._account.currency:
            return NotSent(f"the account takes {self._account.currency} only")
        if not 1 <= len(order.id) <= xml.ORDER_ID_MAX_CHARS or order.amount_centimes <= 0:
            return NotSent("no order the gateway would take")
        return None

    async def _charge(self, order_id: str, request: str, *, answering_pin: bool = False) -> Authorisation:
        if not self.breaker.allows(self._peer.timeout_s):
            return NotSent("circuit open")
        answer = await self._ask(request)
        if not isinstance(answer, xml.Cc5Answer):
            return answer
        if answer.order_id not in {"", order_id}:
            return UnknownOutcome("answer to another order")
        outcome = outcome_of(answer, answering_pin=answering_pin)
        if isinstance(outcome, Approved):
            present = self._account.cardholder_present_code
            outcome = replace(outcome, facts=replace(outcome.facts, cardholder_present=present))
        if isinstance(outcome, Approved) and not outcome.auth_code:
            return await self._with_its_code(order_id, outcome)
        if not isinstance(outcome, InquireFirst):
            return outcome
        match await self.inquire(order_id):
            case NoSuchOrder() | Decline():
                return outcome.otherwise
            case Approved() | ChallengeRequired() | Pending() as settled:
                return settled
            case AuthorisedOnly():
                return Pending()
            case Undone():
                return UnknownOutcome("the order was charged and undone before")
            case UnknownOutcome(why):
                return UnknownOutcome(f"inquire first, and the inquiry: {why}")

    async def _with_its_code(self, order_id: str, approved: Approved) -> Approved:
        """The order's status knows the authorisation code that the approval left out, for the receipt."""
        standing = await self.inquire(order_id)
        return replace(approved, auth_code=standing.auth_code) if isinstance(standing, Approved) else approved

    async def _undo(self, order_id: str, request: str) -> Undoing:
        answer = await self._ask(request)
        if not isinstance(answer, xml.Cc5Answer):
            return UnknownOutcome(answer.why)
        if answer.order_id not in {"", order_id}:
            return UnknownOutcome("answer to another order")
        match verdict_of(answer.code, answer.response, answer.error_code):
            case Verdict.APPROVED | Verdict.NOTHING_LEFT:
                return Undone()
            case Verdict.TOO_LATE:
                return TooLate()
            case Verdict.NOT_SETTLED:
                return NotSettled()
            case Verdict.UNKNOWN | Verdict.PENDING:
                return UnknownOutcome(f"code {answer.error_code or answer.code}")
            case _:
                standing = await self.inquire(order_id)
        if isinstance(standing, Undone):
            return standing
        return UnknownOutcome(standing.why) if isinstance(standing, UnknownOutcome) else refusal_of(answer)

    async def _look(self, request: str) -> xml.Cc5Answer | NotSent | UnknownOutcome:
        """A question that moves no money: nobody waits long for its answer."""
        return await self._ask(request, INQUIRY_TIMEOUT_S)

    async def _ask(self, request: str, allowed_s: float | None = None) -> xml.Cc5Answer | NotSent | UnknownOutcome:
        """One exchange. The breaker hears how it went."""
        answer = _answer_of(await self._peer.send("POST", data={"DATA": request}, timeout_s=allowed_s))
        if isinstance(answer, xml.Cc5Answer):
            self.breaker.succeeded()
        else:
            self.breaker.failed()
        return answer


def _answer_of(reply: HttpReply | NotSent | UnknownOutcome) -> xml.Cc5Answer | NotSent | UnknownOutcome:
    if not isinstance(reply, HttpReply):
        return reply
    if reply.status != 200:
        return UnknownOutcome(f"HTTP {reply.status}")
    answer = xml.parse_answer(reply.body)
    return answer if answer is not None else UnknownOutcome("answer cannot be read")


def connect(options: Mapping[str, Secret]) -> CmiAcquirer:
    """Join it: url, client_id, name, password; telephone_order and timeout_s where they are not the usual ones."""
    account_options = {name: options[name].reveal() for name in ("url", "client_id", "name")}
    present = options["telephone_order"].reveal() if "telephone_order" in options else ""
    account = xml.CmiAccount(**account_options, password=options["password"], cardholder_present_code=present)
    timeout_s = float(options["timeout_s"].reveal()) if "timeout_s" in options else TIMEOUT_S
    return CmiAcquirer(account, timeout_s=timeout_s)


def connect_page(options: Mapping[str, Secret], ways: PageWays) -> CmiPage:
    """Builds the gateway's hosted page from page_url and store_key, and the contract's md_statuses."""
    shop = HostedShop(
        options["client_id"].reveal(),
        options["store_key"],
        ways.back_url,
        ways.back_url,
        ways.left_url,
        ways.callback_url,
    )
    accepted = options["md_statuses"].reveal() if "md_statuses" in options else ",".join(sorted(MD_STATUSES))
    vouched = frozenset(accepted.replace(" ", "").split(","))
    return CmiPage(shop, options["page_url"].reveal(), ways.mark_of, vouched)
