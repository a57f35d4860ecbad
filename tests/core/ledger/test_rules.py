"""The rules alone: any sequence of legal moves of a payment keeps every equation, and loses no centime."""

from dataclasses import dataclass, field, replace
from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.ledger.accounts import PAYERS, receivable
from core.ledger.balances import Figures, Sums, equations
from core.ledger.following import INSIDE, Happened, applied, legs
from core.ledger.places import Line, Positions, positions
from core.ledger.transfers import Transfer
from core.payments.table import TABLE, Payment, PaymentEvent, PaymentState
from core.refunds.model import Refund, RefundState
from core.repositories import PostingState
from core.subscribers.lines import ServiceType
from lab.clocks import NOON

BILLS = tuple(Invoice(f"{n}", date(2026, n, 1), 1_000 * n, date(2026, n, 25)) for n in (1, 2, 3))
WHOLE = sum(bill.amount_centimes for bill in BILLS)
OWED = receivable()

# What the till does with a bill and with a part while the payment is captured.
POSTINGS = {
    PostingState.PENDING: (PostingState.POSTED, PostingState.REFUSED),
    PostingState.REFUSED: (PostingState.CREDITING,),
    PostingState.CREDITING: (PostingState.CREDITED, PostingState.REFUSED, PostingState.STUCK),
    PostingState.STUCK: (PostingState.CREDITED, PostingState.REFUSED),
}
PARTS = {
    RefundState.ASKED: (RefundState.CREDITING, RefundState.REFUSED),
    RefundState.CREDITING: (RefundState.CREDITED, RefundState.ASKED, RefundState.REFUSED, RefundState.STUCK),
    RefundState.STUCK: (RefundState.CREDITED, RefundState.ASKED),
    RefundState.CREDITED: (RefundState.TOLD, RefundState.UNTOLD),
}


@dataclass
class Books:
    """A payment's rows and its ledger."""

    payment: Payment
    postings: dict[str, PostingState | None] = field(default_factory=lambda: dict.fromkeys(b.number for b in BILLS))
    returned: dict[str, int] = field(default_factory=lambda: {bill.number: 0 for bill in BILLS})
    parts: list[Refund] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)

    def lies(self) -> Positions:
        return applied({}, tuple(self.transfers), OWED)

    def stands(self) -> Positions:
        lines = [
            Line(bill.number, self.postings[bill.number], bill.amount_centimes - self.returned[bill.number])
            for bill in BILLS
        ]
        return positions(self.payment, lines, self.parts)

    def follow(self, event: str) -> None:
        happened = Happened(f"e{len(self.transfers)}-{event}", NOON, event, self.payment.id)
        self.transfers += legs(happened, self.lies(), self.stands())
        assert legs(happened, self.lies(), self.stands()) == ()  # the same event again is nothing

    def back(self) -> int:
        """Centimes that bills and parts gave back."""
        bills = sum(b.amount_centimes for b in BILLS if self.postings[b.number] is PostingState.CREDITED)
        gone = {RefundState.CREDITED, RefundState.TOLD, RefundState.UNTOLD}
        return bills + sum(part.amount_centimes for part in self.parts if part.state in gone)

    def asked_back(self) -> int:
        """Centimes of parts that are on their way back."""
        over = {RefundState.CREDITED, RefundState.TOLD, RefundState.UNTOLD, RefundState.REFUSED}
        return sum(part.amount_centimes for part in self.parts if part.state not in over)


def fresh() -> Books:
    return Books(
        Payment("p", "123456", PaymentState.CREATED, ServiceType.MOBILE, "0600000001", "+212600000001", None, LanguageCode.FR, "ussd",  # noqa: E501
                BILLS, WHOLE, "MAD", NOON, NOON)
    )  # fmt: skip


def moves(books: Books) -> list[tuple[str, str]]:
    """What could happen next: (what, of which)."""
    payment = books.payment
    found = [("event", str(event)) for state, event in TABLE if state is payment.state]
    busy = any(books.postings[bill.number] in {PostingState.CREDITING, PostingState.STUCK} for bill in BILLS)
    parted = any(part.state is not RefundState.REFUSED for part in books.parts)
    if busy or parted or books.back():  # the whole goes back only as a whole
        found = [move for move in found if move[1] not in {PaymentEvent.VOID, PaymentEvent.MISMATCH}]
    if payment.state is not PaymentState.CAPTURED:
        return found
    found += [(f"bill {after}", n) for n, now in books.postings.items() if now for after in POSTINGS.get(now, ())]
    found += [(f"part {after}", str(n)) for n, part in enumerate(books.parts) for after in PARTS.get(part.state, ())]
    return found + [("part", n) for n, now in books.postings.items() if now is PostingState.POSTED]


def happen(books: Books, what: str, which: str, amount: int) -> None:
    kind, _, after = what.partition(" ")
    match kind:
        case "event":
            _event(books, PaymentEvent(which), amount)
            books.follow(which)
        case "bill":
            books.postings[which] = PostingState(after)
            books.follow(f"bill_{after}")
        case "part" if after:
            part = books.parts[int(which)]
            books.parts[int(which)] = replace(part, state=RefundState(after))
            books.returned[part.number] -= part.amount_centimes if after == RefundState.REFUSED else 0
            books.follow(f"part_{after}")
        case _:
            left = next(b.amount_centimes for b in BILLS if b.number == which) - books.returned[which]
            left = min(left, taken(books) - books.asked_back())  # of an amount that differed, less may be there
            if left > 0:
                size = 1 + amount % left
                books.parts.append(Refund(len(books.parts), "p", which, size, RefundState.ASKED, 0, whole=False))
                books.returned[which] += size
                books.follow("part")


def _event(books: Books, event: PaymentEvent, amount: int) -> None:
    payment = replace(books.payment, state=TABLE[books.payment.state, event])
    by_hand = "refused" if event is PaymentEvent.UNDO_REFUSED else None
    if event is PaymentEvent.MISMATCH:
        payment = replace(payment, approved_centimes=1 + amount)
    elif event is PaymentEvent.APPROVED and amount % 5:  # else: a late landing, without a receipt
        payment = replace(payment, approved_centimes=WHOLE, paid_at=NOON)
        books.postings = dict.fromkeys(books.postings, PostingState.PENDING)
    books.payment = replace(payment, by_hand=by_hand)


def taken(books: Books) -> int:
    """What the acquirer took and has not given back."""
    state, approved = books.payment.state, books.payment.approved_centimes
    with_us = {PaymentState.CAPTURED, PaymentState.INTEGRITY_FAILURE, PaymentState.VOIDING, PaymentState.REFUNDING}
    return (WHOLE if approved is None else approved) - books.back() if state in with_us else 0


def check(books: Books) -> None:
    lies = books.lies()
    assert lies == books.stands()
    assert sum(lies.values()) == taken(books)
    ledger: dict[tuple[str, str], Sums] = {}
    for transfer in books.transfers:
        amount = transfer.amount_centimes
        for account, sides in ((transfer.debit, Sums(amount, 0)), (transfer.credit, Sums(0, amount))):
            ledger[account, "MAD"] = ledger.get((account, "MAD"), Sums()).plus(sides)
        if transfer.event in INSIDE:
            assert OWED not in {transfer.debit, transfer.credit}
    tables = {account: sum(c for (_, of), c in books.stands().items() if of == account) for account in PAYERS}
    figures = Figures(ledger, tables, taken(books), 0, 0, 0)
    assert [each for each in equations(figures) if not each.holds] == []
    assert len({transfer.id for transfer in books.transfers}) == len(books.transfers)


@settings(max_examples=400)
@example([(0, 0), (0, 1), (0, 0), (0, 0), (1, 0), (2, 0), (16, 0), (29, 1), (287, 0), (691, 0), (2, 0)])  # one centime
@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 9_999)), max_size=40))
def test_any_sequence_of_legal_moves_keeps_the_equations(choices: list[tuple[int, int]]) -> None:
    books = fresh()
    for choice, amount in choices:
        possible = moves(books)
        if not possible:
            break
        happen(books, *possible[choice % len(possible)], amount)
        check(books)
