"""What the emulated gateway does with a request: its rules, without sockets or time of its own.

Rule of this file: one success at most per order; void before settlement, credit after it, never more than captured
(docs/protocols/cmi.md). Each call is one step that nothing interrupts.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from core.cards import brand_of
from lab.cmi.cards import CARDS, PIN_TRIES, CardTable, Plan, plan_of
from lab.cmi.ledger import Challenge, Ledger, Transaction, utc_text
from lab.cmi.lies import Kind
from lab.cmi.wire import Reply, Request, approval, challenge_fields, history_reply, refusal, status_reply

CHALLENGE_TTL = timedelta(minutes=5)
CAPTURE_WITHIN = timedelta(days=15)
CURRENCY_CODE = "504"
ORDER_ID_MAX_CHARS = 64
ONGOING_MAX = 1_000


class Bank:
    """The gateway's rules over a ledger."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime], cards: CardTable = CARDS) -> None:
        self.ledger = ledger
        self.now = now
        self.cards = cards
        self.ongoing: set[str] = set()

    def carry_out(self, request: Request, *, more_centimes: int = 0) -> Reply:
        """Do what a request wants; `more_centimes` is taken on top of what was asked."""
        order_id = request.order_id
        if not 1 <= len(order_id) <= ORDER_ID_MAX_CHARS:
            return refusal(order_id, "99", "Invalid order id", error_code="CORE-2301")
        self._expire(order_id)
        match request.kind:
            case Kind.QUERY:
                return self._query(request)
            case Kind.AUTH | Kind.PRE_AUTH:
                return self._charge(request, more_centimes)
            case Kind.PIN:
                return self._answer_pin(request, more_centimes)
            case Kind.POST_AUTH:
                return self.capture(request.order_id, request.amount_centimes)
            case Kind.VOID:
                return self._void(request)
            case Kind.CREDIT:
                return self._credit(request)

    def plan_of(self, request: Request) -> Plan:
        """What the card of a charge will do."""
        return plan_of(request.pan, request.expires, request.cvv, self.now().date(), self.cards)

    def _query(self, request: Request) -> Reply:
        order_id = request.order_id
        if order_id in self.ongoing and not self.ledger.of_order(order_id):
            fields = refusal(order_id, "00", f"Record(s) found for {order_id}").fields
            return Reply({**fields, "Response": "Approved"}, {"ORD_ID": order_id, "TRANS_STAT": "PN"})
        return history_reply(self.ledger, order_id) if request.history else status_reply(self.ledger, order_id)

    def _charge(self, request: Request, more_centimes: int) -> Reply:
        order_id, amount = request.order_id, request.amount_centimes
        if self.ledger.success(order_id):
            return self._refuse_duplicate(request)
        if order_id in self.ongoing:
            return refusal(order_id, "99", "There is an ongoing transaction", error_code="CORE-2304")
        if any(row.state == "PN" for row in self.ledger.of_order(order_id)):
            return refusal(order_id, "99", "Order has a waiting transaction.", error_code="CORE-2016")
        if not amount:
            return refusal(order_id, "13", "Invalid amount")
        if request.currency_code != CURRENCY_CODE:
            return refusal(order_id, "99", "Currency not allowed for merchant.", error_code="CORE-2105")
        plan = self.plan_of(request)
        number = self.ledger.next_number()
        row = Transaction(
            number=number,
            order_id=order_id,
            charge_type="S",
            state="D",
            code=plan.code,
            amount_centimes=amount,
            at=utc_text(self.now()),
            card=request.pan.reveal()[-4:],
            brand=brand_of(request.pan),
            only_authorise=request.kind is Kind.PRE_AUTH,
        )
        if plan.code != "00":
            self.ledger.put(row)
            return refusal(order_id, plan.code, f"Refused with {plan.code}", number=number)
        if plan.asks_pin:
            expires_at = utc_text(self.now() + CHALLENGE_TTL)
            return self._ask_pin(replace(row, state="PN", challenge=Challenge(f"otp-{number}", PIN_TRIES, expires_at)))
        return self._succeed(row, more_centimes)

    def _refuse_duplicate(self, request: Request) -> Reply:
        """It is the order's latest row from then on: only the history tells that the order was paid."""
        order_id = request.order_id
        row = Transaction(
            number=self.ledger.next_number(),
            order_id=order_id,
            charge_type="S",
            state="D",
            code="99",
            amount_centimes=request.amount_centimes or 0,
            at=utc_text(self.now()),
            card=request.pan.reveal()[-4:],
            brand=brand_of(request.pan),
        )
        self.ledger.put(row)
        return refusal(order_id, "99", "Order has already successful transaction.", error_code="CORE-2507")

    def _ask_pin(self, row: Transaction, code: str = "") -> Reply:
        self.ledger.put(replace(row, code=code))
        reply = refusal(row.order_id, code or "99", "The bank asks its one-time PIN", number=row.number)
        return Reply(reply.fields, {**reply.extra, **challenge_fields(row)})

    def _succeed(self, row: Transaction, more_centimes: int) -> Reply:
        taken = row.amount_centimes + more_centimes
        auth_code = f"{int(hashlib.sha256(row.number.encode()).hexdigest(), 16) % 1_000_000:06d}"
        row = replace(row, code="00", auth_code=auth_code, amount_centimes=taken, challenge=None)
        held = row.only_authorise
        self.ledger.put(replace(row, state="A") if held else replace(row, state="C", captured_centimes=taken))
        return approval(row)

    def _answer_pin(self, request: Request, more_centimes: int) -> Reply:
        rows = self.ledger.of_order(request.order_id)
        row = next((r for r in rows if r.challenge and r.challenge.id == request.challenge_id), None)
        if self.ledger.success(request.order_id):
            return refusal(request.order_id, "99", "Order has already successful transaction.", error_code="CORE-2507")
        if row is None or row.challenge is None or row.state != "PN":
            return refusal(request.order_id, "05", "No such challenge")
        if request.pin.reveal() == self.cards.pin:
            return self._succeed(row, more_centimes)
        left = row.challenge.attempts_left - 1
        row = replace(row, challenge=replace(row.challenge, attempts_left=left))
        if left:
            return self._ask_pin(row, code="55")
        self.ledger.put(replace(row, state="D", code="75"))
        return refusal(request.order_id, "75", "PIN tries exceeded", number=row.number)

    def _expire(self, order_id: str) -> None:
        for row in self.ledger.of_order(order_id):
            if row.challenge and row.state == "PN" and datetime.fromisoformat(row.challenge.expires_at) <= self.now():
                self.ledger.put(replace(row, state="D", code="05"))

    def capture(self, order_id: str, amount_centimes: int | None) -> Reply:
        """Take what was only authorised, all of it when no amount is given."""
        row = self.ledger.success(order_id)
        if row is None or row.state != "A":
            return refusal(order_id, "99", "Cannot post, no matching preauth.", error_code="CORE-2509")
        if self.now() - datetime.fromisoformat(row.at) > CAPTURE_WITHIN:
            return refusal(order_id, "99", "Capturing can not be done after 15 days.", error_code="CORE-2513")
        amount = amount_centimes or row.amount_centimes
        if amount > row.amount_centimes:
            return refusal(order_id, "99", "Cannot post auth more than net amount.", error_code="CORE-2505")
        self.ledger.put(replace(row, state="C", captured_centimes=amount))
        return approval(row)

    def _void(self, request: Request) -> Reply:
        row = self.ledger.success(request.order_id)
        if row is None or row.state == "V":
            message = "Void can only be performed on a successful transaction."
            return refusal(request.order_id, "99", message, error_code="CORE-2120")
        if row.state == "S":
            return refusal(request.order_id, "99", "Cannot void, settlement required.", error_code="CORE-2511")
        self.ledger.put(replace(row, state="V", captured_centimes=0))
        return approval(row)

    def _credit(self, request: Request) -> Reply:
        row = self.ledger.success(request.order_id)
        if row is None or row.state == "V":
            return refusal(request.order_id, "99", "There is no matching order to refund", error_code="CORE-2123")
        if row.state != "S":
            return refusal(request.order_id, "99", "Cannot refund, not settled", error_code="CORE-2508")
        net = row.captured_centimes - self.ledger.credited_centimes(request.order_id)
        amount = request.amount_centimes or net
        if net == 0:
            return refusal(request.order_id, "99", "Cannot refund on zero net amount.", error_code="CORE-2504")
        if amount > net:
            return refusal(request.order_id, "99", "Cannot refund more than net amount.", error_code="CORE-2503")
        credit = replace(
            row,
            number=self.ledger.next_number(),
            charge_type="C",
            state="C",
            amount_centimes=amount,
            captured_centimes=amount,
            at=utc_text(self.now()),
            batch=None,
        )
        self.ledger.put(credit)
        return approval(credit)
