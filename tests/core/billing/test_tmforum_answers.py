"""What another billing system may answer, status by status, and how much of it is asked for and read."""

import json
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.billing.tmforum import TmfAccount, TmForumBilling
from core.cards import Secret
from core.ports import BillingDown, Posting
from core.refunds.model import Reversal
from core.subscribers.lines import ServiceType
from lab.servers.serving import serving
from tests.support.paid import paid
from tests.support.port import port

PAYMENT = paid()
INVOICE = PAYMENT.invoices[0]
LINE = (ServiceType.MOBILE, PAYMENT.line_reference)
OWED = {"id": "b-1", "billNo": INVOICE.number, "state": "sent", "remainingAmount": {"unit": "MAD", "value": 769.2}}
SETTLED = OWED | {"state": "settled"}
POSTED = {"id": "p-1", "correlatorId": f"{PAYMENT.id}:{INVOICE.number}", "status": "done"}
BILLS = "GET /customerBillManagement/v4/customerBill"
PAYMENTS, REFUNDS = "/paymentManagement/v4/payment", "/paymentManagement/v4/refund"
ENDS = [
    *((status, Posting.POSTED) for status in (200, 201)),
    *((status, Posting.REFUSED) for status in (409, 422)),
    *((status, None) for status in (202, 400, 410, 423, 503)),
]


class Peer:
    """Answers by method and path, the last one for ever, and notes what it was asked."""

    billing: TmForumBilling

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[tuple[int, bytes]]] = {}

    def says(self, request: str, *bodies: object, status: int = 200) -> None:
        self.answers[request] = [(status, json.dumps(body).encode()) for body in bodies]

    async def answer(self, http: Request) -> Response:
        request = f"{http.method} {http.url.path}"
        self.asked.append(request)
        answers = self.answers[request]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return Response(body, status)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    app = Starlette(routes=[Route("/{path:path}", made.answer, methods=["GET", "POST"])])
    async with serving(app) as url:
        made.billing = TmForumBilling(TmfAccount(url, Secret("")), port(), "MAD", timeout_s=10.0)
        yield made
        await made.billing.aclose()


@pytest.mark.parametrize(("status", "told"), ENDS)
async def test_what_a_status_says_of_a_payment(peer: Peer, status: int, told: Posting | None) -> None:
    peer.says(f"GET {PAYMENTS}", [])
    peer.says(BILLS, [OWED], [SETTLED])
    peer.says(f"POST {PAYMENTS}", {}, status=status)
    if told is None:
        with pytest.raises(BillingDown, match=f"HTTP {status}$"):
            await peer.billing.post(PAYMENT, INVOICE)
    else:
        assert await peer.billing.post(PAYMENT, INVOICE) is told
    assert peer.asked[:3] == [f"GET {PAYMENTS}", BILLS, f"POST {PAYMENTS}"]


@pytest.mark.parametrize(("status", "told"), ENDS)
async def test_what_a_status_says_of_a_refund(peer: Peer, status: int, told: Posting | None) -> None:
    peer.says(f"GET {PAYMENTS}", [POSTED])
    peer.says(f"GET {REFUNDS}", [])
    peer.says(f"POST {REFUNDS}", {}, status=status)
    reversal = Reversal(PAYMENT, INVOICE.number, 1_000, "r-1")
    if told is None:
        with pytest.raises(BillingDown, match=f"HTTP {status}$"):
            await peer.billing.reverse(reversal)
    else:
        assert await peer.billing.reverse(reversal) is told
    assert peer.asked[:3] == [f"GET {PAYMENTS}", f"GET {REFUNDS}", f"POST {REFUNDS}"]


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        *((each, True) for each in ("done", "accepted", "pending", "completed", "Completed")),
        *((each, False) for each in ("cancelled", "failed", "rejected", "")),
    ],
)
async def test_a_payment_that_stands_there_is_not_posted_again(peer: Peer, status: str, stands: bool) -> None:
    """Found by our own correlator, in whatever status the other system keeps it; one that fell is no payment."""
    peer.says(f"GET {PAYMENTS}", [POSTED | {"status": status}])
    peer.says(BILLS, [OWED])
    peer.says(f"POST {PAYMENTS}", {})
    assert await peer.billing.post(PAYMENT, INVOICE) is Posting.POSTED
    assert peer.asked == [f"GET {PAYMENTS}"] + ([] if stands else [BILLS, f"POST {PAYMENTS}"])


async def test_pages_without_end_are_read_to_the_tenth(peer: Peer) -> None:
    peer.says(BILLS, [OWED] * 100)
    assert len(await peer.billing.unpaid(*LINE)) == 1_000
    assert peer.asked == [BILLS] * 10


async def test_a_list_that_stays_empty_is_asked_for_twice(peer: Peer) -> None:
    peer.says(BILLS, [])
    assert await peer.billing.unpaid(*LINE) == ()
    assert peer.asked == [BILLS] * 2


async def test_an_answer_is_read_up_to_a_million_bytes(peer: Peer) -> None:
    whole = json.dumps([OWED]).encode().ljust(1_000_000)
    peer.answers[BILLS] = [(200, whole)]
    assert len(await peer.billing.unpaid(*LINE)) == 1
    peer.answers[BILLS] = [(200, whole + b" ")]
    with pytest.raises(BillingDown, match="without end"):
        await peer.billing.unpaid(*LINE)
