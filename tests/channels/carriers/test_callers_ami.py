"""Customers rung by the operator's own switch: what Asterisk is told, and what is tried again."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.carriers.asterisk.ami import AmiBounds
from channels.carriers.asterisk.call_tokens import CallTokens
from channels.carriers.asterisk.caller import AmiCaller, CallFileCaller, DialRoute
from channels.carriers.asterisk.progress import OURS_MAX, CallProgress
from core.payments.table import Payment
from core.ports import CallEnd, DeliveryFailed
from tests.channels.carriers.ami_stand import ANSWERS, SECRET, AmiStand, Phone, manager
from tests.support.till import SALMA, till_in_memory

TOKENS = CallTokens(["a-key-that-signs-links"])
BRIEF = AmiBounds(answer_max_s=0.5, ping_max_s=0.2)
ROUTE = DialRoute("PJSIP/{digits}@trunk", "khallas-callback", "s", '"Khallas" <0537000777>')


@pytest.fixture
def payment() -> Payment:
    return till_in_memory().basket()


class Ends:
    """Hears how calls ended; the first `deaf` words come before anybody knows the call."""

    def __init__(self, deaf: int = 0) -> None:
        self.deaf = deaf
        self.told: list[tuple[str, CallEnd, str]] = []
        self.came = asyncio.Event()

    async def __call__(self, call_id: str, end: CallEnd, why: str) -> bool:
        if self.deaf:
            self.deaf -= 1
            return False
        self.told.append((call_id, end, why))
        self.came.set()
        return True

    async def one(self) -> tuple[str, CallEnd, str]:
        await asyncio.wait_for(self.came.wait(), 60)
        (told,) = self.told
        return told


@asynccontextmanager
async def ringing(
    stand: AmiStand, ends: Ends | None = None, secret: str = SECRET, bounds: AmiBounds = BRIEF
) -> AsyncIterator[AmiCaller]:
    caller = AmiCaller(stand.account(secret), ROUTE, TOKENS, ends or Ends(), bounds=bounds, look_pause_s=0.01)
    try:
        yield caller
    finally:
        await caller.close()


async def test_a_customer_is_rung_with_the_payments_token(payment: Payment) -> None:
    async with manager(AmiStand()) as stand, ringing(stand) as caller:
        call_id = await caller.call(payment)
    login, order = stand.heard
    assert (login["Username"], login["Events"]) == ("khallas", "call")
    assert order == {
        "Action": "Originate",
        "Channel": "PJSIP/212600000001@trunk",
        "ChannelId": call_id,
        "Context": "khallas-callback",
        "Exten": "s",
        "Priority": "1",
        "CallerID": '"Khallas" <0537000777>',
        "Timeout": "40000",
        "Async": "true",
        "Variable": f"KHALLAS_CALL={TOKENS.make(payment.id, SALMA)}",
        "ActionID": call_id,
    }
    assert re.fullmatch(r"khallas-01JDEMO-[0-9a-f]{8}", call_id)


@pytest.mark.parametrize("via_local", [False, True])
@pytest.mark.parametrize("end_first", [False, True])
@pytest.mark.parametrize("early_end", [False, True])
@pytest.mark.parametrize(
    ("phone", "end"),
    [
        (ANSWERS, CallEnd.ANSWERED),
        (Phone("RINGING", "0", "17", "BUSY"), CallEnd.RANG),  # 180, then 486
        (Phone("RINGING", "0", "21", "BUSY"), CallEnd.RANG),  # 180, then 603: refused by hand
        (Phone("RINGING", "3", "19", "NOANSWER"), CallEnd.RANG),  # rings on for 40 s
        (Phone("", "0", "17", "BUSY"), CallEnd.NOT_RUNG),  # 486, 600 at once
        (Phone("", "0", "19", "NOANSWER"), CallEnd.NOT_RUNG),  # 480, at once or after 8 s
        (Phone("", "0", "1", "CHANUNAVAIL"), CallEnd.NOT_RUNG),  # 404
        (Phone("", "0", "34", "CONGESTION"), CallEnd.NOT_RUNG),  # 503
        (Phone("", "0", "18", "NOANSWER"), CallEnd.NOT_RUNG),  # 408 after 5 s
        (Phone("", "3", "19", "NOANSWER"), CallEnd.NOT_RUNG),  # a dead trunk: no SIP answer in 40 s
        (Phone("PROGRESS", "0", "17", "BUSY"), CallEnd.NOT_RUNG),  # 183, 486 after 8 s: a voice of the network
        (Phone("", "5", "17", "BUSY"), CallEnd.NOT_RUNG),  # older releases' reasons
        (Phone("", "8", "34", "CONGESTION"), CallEnd.NOT_RUNG),
        (Phone("", "1", "0", ""), CallEnd.NOT_RUNG),
    ],
)
async def test_what_the_telephone_did_is_told(
    payment: Payment, phone: Phone, end: CallEnd, early_end: bool, end_first: bool, via_local: bool
) -> None:
    phone = replace(phone, end_first=end_first, via_local=via_local)
    ends = Ends()
    async with manager(AmiStand(phones=[phone], early_end=early_end)) as stand, ringing(stand, ends) as caller:
        call_id = await caller.call(payment)
        told = await ends.one()
    assert told[:2] == (call_id, end)


async def test_forty_at_once_are_ordered_by_one_login_while_all_of_them_ring(payment: Payment) -> None:
    """None of them waits for another's telephone, however long it rings."""
    async with manager(AmiStand(phones=[Phone("RINGING", ends=False)])) as stand, ringing(stand) as caller:
        ids = await asyncio.gather(*(caller.call(replace(payment, id=f"01J{n:02d}")) for n in range(40)))
        assert len(set(ids)) == 40
    assert (stand.logins, len(stand.orders)) == (1, 40)


async def test_an_end_that_overtakes_the_commit_is_told_again(payment: Payment) -> None:
    ends = Ends(deaf=3)
    async with manager(AmiStand()) as stand, ringing(stand, ends) as caller:
        assert await caller.call(payment) == (await ends.one())[0]


async def test_a_connection_that_broke_is_opened_for_the_next_call(payment: Payment) -> None:
    async with manager(AmiStand()) as stand, ringing(stand) as caller:
        await caller.call(payment)
        stand.writers[-1].close()
        await stand.writers[-1].wait_closed()
        await asyncio.sleep(0.05)
        await caller.call(payment)
    assert (stand.logins, len(stand.orders)) == (2, 2)


async def test_a_connection_that_is_silent_is_pinged_first(payment: Payment) -> None:
    """A firewall that forgot it: nothing is sent into the void, and nobody is rung twice."""
    bounds = replace(BRIEF, idle_s=0.0)
    async with manager(AmiStand(silent_at="Ping")) as stand, ringing(stand, bounds=bounds) as caller:
        await caller.call(payment)
        await caller.call(payment)
    assert (stand.logins, len(stand.orders)) == (2, 2)


@pytest.mark.parametrize(
    ("stand", "retryable"),
    [
        (AmiStand(refuses="Login"), True),
        (AmiStand(refuses="Originate"), True),
        (AmiStand(greeting="SSH-2.0-OpenSSH\r\n"), True),
        (AmiStand(silent_at="Login"), True),
        (AmiStand(cut_at="Login"), True),
        (AmiStand(endless=True), True),
        (AmiStand(greeting="A" * 100_000), True),
        (AmiStand(silent_at="Originate"), False),
        (AmiStand(cut_at="Originate"), False),
    ],
)
async def test_what_is_tried_again(payment: Payment, stand: AmiStand, retryable: bool) -> None:
    async with manager(replace(stand, heard=[], writers=[])) as listening:
        await _fails(listening, payment, retryable=retryable)


async def test_many_events_of_others_hold_nobody_up(payment: Payment) -> None:
    ends, bounds = Ends(), replace(BRIEF, answer_max_s=30.0)  # what a busy machine needs for so many
    async with manager(AmiStand(events=5_000)) as stand, ringing(stand, ends, bounds=bounds) as caller:
        await caller.call(payment)
        assert (await ends.one())[1] is CallEnd.ANSWERED


async def test_calls_that_never_end_are_forgotten_in_the_end() -> None:
    progress = CallProgress()
    for number in range(OURS_MAX + 5):
        progress.placed(f"call-{number}")
    assert progress.hear({"Event": "OriginateResponse", "ActionID": "call-0", "Reason": "0"}) is None
    assert progress.hear({"Event": "OriginateResponse", "ActionID": f"call-{OURS_MAX}", "Reason": "0"}) is not None


@given(
    st.lists(st.dictionaries(st.sampled_from(["Event", "Uniqueid", "DialStatus", "Reason", "x"]), st.text(max_size=9)))
)
def test_no_event_breaks_it_and_a_call_ends_once(events: list[dict[str, str]]) -> None:
    progress = CallProgress()
    progress.placed("a")
    ends = [
        end for event in [*events, {"Event": "OriginateResponse", "ActionID": "a"}] if (end := progress.hear(event))
    ]
    assert len(ends) == 1


async def test_a_switch_that_is_not_there(payment: Payment, unused_port: int) -> None:
    await _fails(AmiStand(port=unused_port), payment, retryable=True)


async def test_a_wrong_secret_is_told_and_not_repeated_in_words(payment: Payment) -> None:
    async with manager(AmiStand()) as stand, ringing(stand, secret="a-wrong-secret") as caller:
        with pytest.raises(DeliveryFailed, match="refuses our login") as failed:
            await caller.call(payment)
    assert "a-wrong-secret" not in f"{failed.value!r} {stand.account('a-wrong-secret')!r}"


async def test_a_value_cannot_add_a_header(payment: Payment) -> None:
    route = replace(ROUTE, channel="PJSIP/{digits}@trunk\r\nApplication: System")
    async with manager(AmiStand()) as stand:
        caller = AmiCaller(stand.account(), route, TOKENS, Ends())
        await caller.call(payment)
        await caller.close()
    assert stand.orders[0]["Channel"] == "PJSIP/212600000001@trunk  Application: System"
    assert "Application" not in stand.orders[0]


async def test_who_hides_their_number_is_not_rung(payment: Payment, tmp_path: Path) -> None:
    hidden = replace(payment, payer_msisdn="anonymous:CA1")
    with pytest.raises(DeliveryFailed, match="hides") as failed:
        await CallFileCaller(tmp_path, ROUTE, TOKENS).call(hidden)
    assert not failed.value.retryable


@pytest.mark.parametrize(
    ("template", "channel"),
    [
        ("PJSIP/{e164}@trunk", "PJSIP/+212600000001@trunk"),
        ("PJSIP/{digits}@trunk", "PJSIP/212600000001@trunk"),
        ("Local/{national}@out", "Local/0600000001@out"),
    ],
)
def test_numbers_as_the_trunk_wants_them(template: str, channel: str) -> None:
    assert replace(ROUTE, channel=template).to(SALMA) == channel


async def test_a_call_file_appears_whole(payment: Payment, tmp_path: Path) -> None:
    for folder in ("tmp", "outgoing"):
        (tmp_path / folder).mkdir()
    name = await CallFileCaller(tmp_path, ROUTE, TOKENS).call(payment)
    file = tmp_path / "outgoing" / name
    assert file.read_text().splitlines() == [
        "Channel: PJSIP/212600000001@trunk",
        'CallerID: "Khallas" <0537000777>',
        "MaxRetries: 0",
        "WaitTime: 40",
        "Context: khallas-callback",
        "Extension: s",
        "Priority: 1",
        f"Setvar: KHALLAS_CALL={TOKENS.make(payment.id, SALMA)}",
        "Archive: no",
    ]
    assert file.stat().st_mode & 0o777 == 0o660
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_spool_that_is_not_there_is_tried_again(payment: Payment, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with pytest.raises(DeliveryFailed, match="spool") as failed:
        await CallFileCaller(tmp_path, ROUTE, TOKENS).call(payment)
    assert failed.value.retryable
    assert list((tmp_path / "tmp").iterdir()) == []


async def _fails(stand: AmiStand, payment: Payment, *, retryable: bool) -> None:
    async with ringing(stand) as caller:
        with pytest.raises(DeliveryFailed) as failed:
            await caller.call(payment)
    assert failed.value.retryable is retryable


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
