"""What the client makes of one answer after another, each told word for word; no network."""

import pytest

from core.acquirers.breaker import Breaker, Circuit
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_xml import CmiAccount
from core.cards import Card, Secret
from core.http_peer import HttpReply
from core.ports import (
    Approved,
    Decline,
    DeclineKind,
    Inquiry,
    NotSent,
    NotSettled,
    Order,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)
from tests.core.scripted_peer import Answer, ScriptedPeer

CARD, CVV = Card(Secret("4000000000000010"), 12, 2031), Secret("000")
GARBAGE = HttpReply(200, b"<html/>")
LOST = UnknownOutcome("lost")
SALE = "S\tC\t500\t500\t\t\t\tHOST\tAUTH\t00\tT1"
CREDIT = "C\tC\t200\t200\t\t\t\tHOST\tAUTH\t00\tT2"
UNSETTLED = {"ORD_ID": "o", "CHARGE_TYPE_CD": "S", "TRANS_STAT": "D", "PROC_RET_CD": "05"}


def answer(
    order_id: str = "o", code: str = "00", response: str = "Approved", more: str = "", **extra: str
) -> HttpReply:
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in extra.items())
    said = f"<OrderId>{order_id}</OrderId><ProcReturnCode>{code}</ProcReturnCode><Response>{response}</Response>"
    return HttpReply(200, f"<CC5Response>{said}{more}<Extra>{inner}</Extra></CC5Response>".encode())


def client(*answers: Answer, breaker: Breaker | None = None) -> CmiAcquirer:
    made = CmiAcquirer(CmiAccount("http://peer.example", "1", "n", Secret("p")), breaker=breaker)
    made._peer = ScriptedPeer(answers)
    return made


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (answer("o", TRX1=SALE), Approved("AUTH", "T1", 500)),
        (answer("", TRX1=SALE), Approved("AUTH", "T1", 500)),
        (answer("XX", TRX1=SALE), UnknownOutcome("no history can be read")),
        (answer("o"), UnknownOutcome("no history can be read")),
        (GARBAGE, UnknownOutcome("no history can be read")),
    ],
)
async def test_a_history_is_believed_of_its_own_order_alone(history: HttpReply, told: Inquiry) -> None:
    assert await client(answer(**UNSETTLED), history).inquire("o") == told


@pytest.mark.parametrize(
    ("reply", "credited"),
    [
        (answer("o", TRX1=SALE, TRX2=CREDIT), 200),
        (answer("", TRX1=SALE, TRX2=CREDIT), 200),
        (answer("o", TRX1=SALE), 0),
        (answer("XX", TRX1=SALE, TRX2=CREDIT), None),
        (GARBAGE, None),
        (LOST, None),
    ],
)
async def test_what_was_given_back_is_read_of_its_own_order_alone(reply: Answer, credited: int | None) -> None:
    assert await client(reply).credited_centimes("o") == credited


BUSY = Decline("91", DeclineKind.BANK_BUSY, "later")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (answer("o"), Undone()),
        (answer(""), Undone()),
        (answer("XX"), UnknownOutcome("answer to another order")),
        (LOST, LOST),
        (NotSent("away"), Decline("", DeclineKind.BANK_DOWN, "away")),
        (answer(code="99", response="Error", ERRORCODE="CORE-2508"), NotSettled()),
        (answer(code="99", response="Error", ERRORCODE="CORE-2504"), Undone()),
        (answer(code="99", response="Error", ERRORCODE="CORE-2016"), UnknownOutcome("code CORE-2016")),
        (answer(code="91", response="Error", more="<ErrMsg>later</ErrMsg>"), BUSY),
        (answer(code="91", response="Error", ERRORCODE="CORE-9999"), Decline("CORE-9999", DeclineKind.BANK_BUSY)),
        (answer(code="12", response="Declined"), Decline("12", DeclineKind.OUR_FAULT)),
    ],
)
async def test_what_is_said_of_a_refund(reply: Answer, told: Undoing) -> None:
    assert await client(reply).refund("o", 200) == told


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        ([answer("o")], Undone()),
        ([answer("")], Undone()),
        ([answer("XX")], UnknownOutcome("answer to another order")),
        ([LOST], LOST),
        ([answer(code="99", response="Error", ERRORCODE="CORE-2511")], TooLate()),
        ([answer(code="12", response="Declined"), LOST], LOST),
        ([answer(code="12", response="Declined"), answer(**UNSETTLED | {"TRANS_STAT": "V"})], Undone()),
        (
            [answer(code="12", response="Declined"), answer(**UNSETTLED | {"TRANS_STAT": "C", "PROC_RET_CD": "00"})],
            Decline("12", DeclineKind.OUR_FAULT),
        ),
    ],
)
async def test_what_is_said_of_a_void(replies: list[Answer], told: Undoing) -> None:
    assert await client(*replies).void("o") == told


@pytest.mark.parametrize(
    ("order_id", "amount_centimes", "sent"),
    [("", 1, False), ("o", 1, True), ("o" * 64, 1, True), ("o" * 65, 1, False), ("o", 0, False), ("o", -1, False)],
)
async def test_only_an_order_that_the_gateway_would_take_is_sent(
    order_id: str, amount_centimes: int, sent: bool
) -> None:
    made = client(LOST)
    told = await made.authorise(Order(order_id, amount_centimes, "MAD", None, ""), CARD, CVV)
    assert told == (LOST if sent else NotSent("no order the gateway would take"))
    assert isinstance(made._peer, ScriptedPeer)
    assert len(made._peer.sent) == sent


async def test_the_breaker_hears_of_every_exchange() -> None:
    breaker = Breaker(lambda: 0.0, failures_max=2)
    made = client(LOST, answer("o"), GARBAGE, LOST, breaker=breaker)
    circuits: list[Circuit] = []
    for _ in range(4):
        await made.void("o")
        circuits.append(breaker.circuit)
    assert circuits == [Circuit.CLOSED, Circuit.CLOSED, Circuit.CLOSED, Circuit.OPEN]
