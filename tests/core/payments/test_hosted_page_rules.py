"""What is believed of the acquirer's page, in memory: each rule alone. The page itself has tests with its channel."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from core.payments import hosted_page, opened_page
from core.payments.hosted_page import PAGE_S, HostedPagePayments
from core.payments.hosted_page_port import PageAnswer, PageForm, PageNotice, PageWord
from core.payments.opened_page import OpenedPages
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import Approved, Decline, DeclineKind
from core.wallets import service
from lab.clocks import NOON, StillClock
from tests.support.paid import paid
from tests.support.port import port

PAID = paid()
OPEN = replace(PAID, state=PaymentState.CREATED, receipt_number=None, transaction_number=None, sent_at=NOON)
SENDING = replace(OPEN, state=PaymentState.SENDING, page_until=NOON + timedelta(seconds=1))
YES = Approved("Q41T9Z", "26327NF2C10099")
SAID = PageAnswer(PAID.id, PAID.amount_centimes, ours=True, outcome=YES, proof="05")


@pytest.mark.parametrize("module", [hosted_page, opened_page, service])
def test_the_log_of_what_is_to_be_watched_has_one_name(module: ModuleType) -> None:
    assert module.security.name == "khallas.security"  # as docs/SECURITY.md says


class Page:
    """Reads nothing, its own answer, or a form."""

    url = "https://bank.example/page"

    def __init__(self, answer: PageAnswer | None = None) -> None:
        self.answer = answer
        self.forms: list[tuple[Payment, str, int]] = []

    def form(self, payment: Payment, nonce: str, page_s: int) -> PageForm:
        self.forms.append((payment, nonce, page_s))
        return PageForm(self.url, {"nonce": nonce})

    def read(self, fields: Mapping[str, str]) -> PageAnswer | None:
        return self.answer if fields.get("hash") == "right" else None

    def readings(self, posted: bytes) -> list[Mapping[str, str]]:
        return [{"posted": posted.decode()}]

    def word(self, word: PageWord) -> str:
        return f"<{word}>"


class Door:
    """The use cases, of a payment that stands as given."""

    def __init__(self, stands: Payment | None, answer: PageAnswer | None = None, **said: Any) -> None:
        self.page = Page(answer)
        becomes = said.get("becomes", stands)
        self.attendant = port(read=stands, paid_on_page=becomes, refused_on_page=becomes, page_over=becomes)
        self.till = port(open_page=becomes, payment=stands)
        self.till.attendant = self.attendant
        self.visits = port(allow=said.get("allowed", True))
        self.pace = port(first=said.get("first", True))
        self.randoms: list[int] = []
        pages = cast("Any", {said.get("of", "cmi"): self.page})
        self.pages = HostedPagePayments(self.till, pages, self, self.pace, self.visits)

    def below(self, bound: int) -> int:
        self.randoms.append(bound)
        return bound - 1

    async def hears(self, *readings: Mapping[str, str], acquirer: str = "cmi") -> str:
        return await self.pages.called_back(acquirer, *(readings or ({"hash": "right"},)))


def done(door: Door) -> list[object]:
    """What the page's word did to the payment."""
    return [asked for asked in door.attendant.asked if asked[0] != "read"]


@pytest.mark.parametrize("before", [PaymentState.CREATED, PaymentState.DECLINED, PaymentState.SENDING])
async def test_a_browser_leaves_with_a_form_of_its_own(before: PaymentState) -> None:
    stands = replace(OPEN, state=before)
    door = Door(stands, becomes=SENDING)
    form = await door.pages.leave(PAID.id)
    assert form == PageForm(door.page.url, {"nonce": "f" * 32})
    assert (door.page.forms, door.randoms) == ([(SENDING, "f" * 32, 600)], [1 << 128])
    assert door.till.asked == [("open_page", PAID.id, PAGE_S, stands)]
    assert door.attendant.asked == [("read", PAID.id)]
    assert len(door.visits.asked) == (before is not PaymentState.SENDING)  # a repeat is no further visit


@pytest.mark.parametrize("state", [PaymentState.CREATED, PaymentState.DECLINED])
async def test_past_the_visits_nobody_leaves(state: PaymentState) -> None:
    door = Door(replace(OPEN, state=state), becomes=SENDING, allowed=False)
    assert await door.pages.leave(PAID.id) is Refusal.CARD_LOCKED
    assert (door.till.asked, door.page.forms) == ([], [])
    repeat = Door(SENDING, allowed=False)
    assert isinstance(await repeat.pages.leave(PAID.id), PageForm)


async def test_who_has_nothing_to_pay_there_is_told_so() -> None:
    assert await Door(OPEN, becomes=Refusal.EXPIRED).pages.leave(PAID.id) is Refusal.EXPIRED
    assert await Door(OPEN, becomes=PAID).pages.leave(PAID.id) is PAID
    assert await Door(OPEN, becomes=SENDING, of="naps").pages.leave(PAID.id) is Refusal.IN_PROGRESS


async def test_without_anybody_who_counts_everybody_may_leave() -> None:
    door = Door(OPEN, becomes=SENDING)
    plain = HostedPagePayments(door.till, cast("Any", {"cmi": door.page}))
    assert isinstance(await plain.leave(PAID.id), PageForm)
    assert (len(door.page.forms[0][1]), plain.urls) == (32, {"cmi": door.page.url})
    assert plain.readings("cmi", b"x") == [{"posted": "x"}]
    asked = Door(SENDING)
    await HostedPagePayments(asked.till, cast("Any", {})).came_back(PAID.id)
    assert done(asked) == [("page_over", PAID.id)]


async def test_a_baskets_time_is_the_tills() -> None:
    till = SimpleNamespace(wait_longer=port(ask=PAID).ask, may_wait_longer=lambda _: True, over=lambda _: True)
    pages = HostedPagePayments(cast("Any", till), {})
    assert await pages.wait_longer(PAID.id) is PAID
    assert (pages.may_wait_longer(PAID), pages.over(PAID)) == (True, True)


async def test_paid_is_written_down_before_the_money_is_taken() -> None:
    door = Door(SENDING, SAID, becomes=PAID)
    assert await door.hears() == "<capture>"
    assert done(door) == [("paid_on_page", SENDING, YES, "05")]
    assert await Door(PAID, SAID).hears() == "<capture>"  # a repeat
    assert done(Door(PAID, SAID)) == []


@pytest.mark.parametrize("becomes", [replace(PAID, receipt_number=None), replace(PAID, state=PaymentState.VOIDING)])
async def test_what_could_not_be_kept_is_not_captured(becomes: Payment) -> None:
    assert await Door(SENDING, SAID, becomes=becomes).hears() == "<seen>"


@pytest.mark.parametrize("vouched", [True, False])
async def test_an_approval_under_another_number_is_a_second_one(*, vouched: bool) -> None:
    again = replace(SAID, outcome=replace(YES, transaction_number="another"), vouched=vouched)
    door = Door(PAID, again)
    assert await door.hears() == "<seen>"
    assert done(door) == [("approved_again", PAID, again.outcome)]
    unnamed = Door(PAID, replace(SAID, outcome=replace(YES, transaction_number="")))
    assert (await unnamed.hears(), done(unnamed)) == ("<capture>", [])
    without = Door(replace(PAID, transaction_number=None), again)
    assert (await without.hears(), len(done(without))) == ("<seen>", 1)


async def test_what_nobody_vouches_for_is_not_paid() -> None:
    door = Door(SENDING, replace(SAID, vouched=False))
    assert await door.hears() == "<seen>"
    assert done(door) == [("refused_on_page", SENDING, YES, "05")]
    kept = Door(PAID, replace(SAID, vouched=False))  # "paid" stands, whatever a callback says
    assert (await kept.hears(), done(kept)) == ("<capture>", [])


async def test_a_decline_is_only_noted() -> None:
    door = Door(SENDING, replace(SAID, outcome=Decline("51", DeclineKind.OTHER_CARD)))
    assert (await door.hears(), done(door)) == ("<seen>", [])
    mute = Door(SENDING, replace(SAID, outcome=Decline("", DeclineKind.OUR_FAULT)))  # the form that we gave
    assert (await mute.hears(), done(mute)) == ("<trouble>", [])


@pytest.mark.parametrize(
    "answer",
    [
        replace(SAID, ours=False),
        replace(SAID, amount_centimes=PAID.amount_centimes + 1),
        replace(SAID, amount_centimes=PAID.amount_centimes - 1),
        replace(SAID, amount_centimes=None),
        None,
    ],
)
async def test_what_is_not_about_this_order_changes_nothing(
    answer: PageAnswer | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "khallas.security"):
        door = Door(SENDING, answer)
        assert (await door.hears(), done(door)) == ("<trouble>", [])
    assert len(caplog.records) == 1


async def test_nor_does_a_forgery_or_anothers_order() -> None:
    forged, nobodys, anothers = Door(SENDING, SAID), Door(None, SAID), Door(replace(SENDING, acquirer="naps"), SAID)
    assert await forged.hears({"hash": "wrong"}, {}) == "<trouble>"
    assert await forged.hears({"hash": "wrong"}, {"hash": "right"}) == "<seen>"  # the second reading
    assert await nobodys.hears() == await anothers.hears() == "<trouble>"
    assert done(nobodys) == done(anothers) == []
    assert await forged.pages.order_of("cmi", {"hash": "wrong"}) is None
    assert await forged.pages.order_of("cmi", {"hash": "right"}) == PAID.id
    assert await nobodys.pages.order_of("cmi", {"hash": "right"}) is None
    assert await anothers.pages.order_of("cmi", {"hash": "right"}) is None


ASKABLE = ("sending", "challenge", "unknown", "declined", "expired")


@pytest.mark.parametrize("state", PaymentState)
async def test_a_browser_that_is_back_asks_the_acquirer_at_its_pace(state: PaymentState) -> None:
    for payment, first in ((OPEN, True), (OPEN, False), (replace(OPEN, sent_at=None), True)):
        door = Door(replace(payment, state=state), first=first, becomes=PAID)
        back = await door.pages.came_back(PAID.id)
        asks = state in ASKABLE and first and payment.sent_at is not None
        assert done(door) == [("page_over", PAID.id)] * asks
        assert back == (PAID if asks else replace(payment, state=state))


# --- pages that we open -----------------------------------------------------------------------------------------------


class OpenPage(Page):
    """Opened by us; a notice is about whatever order is given."""

    def __init__(self, url: str | None = "https://bank.example/p/1", notice: PageNotice | None = None) -> None:
        super().__init__()
        self.opened, self.notice = port(open=url), notice
        self.heard: list[object] = []

    async def open(self, payment: Payment) -> str | None:
        return cast("str | None", await self.opened.open(payment))

    def noticed(self, body: bytes, headers: Mapping[str, str], now: datetime) -> PageNotice | None:
        self.heard.append((body, headers, now))
        return self.notice

    async def aclose(self) -> None:
        await self.opened.aclose()


def opened(door: Door, page: Page) -> OpenedPages:
    return OpenedPages(door.till, cast("Any", {"cmi": page, "plain": Page()}), StillClock())


async def test_only_pages_that_we_open_are_opened() -> None:
    page = OpenPage()
    pages = opened(Door(SENDING), page)
    assert (pages.has("cmi"), pages.has("plain"), pages.has("nobody")) == (True, False, False)
    assert await pages.open("cmi", SENDING) == "https://bank.example/p/1"
    await pages.aclose()
    assert page.opened.asked == [("open", SENDING), ("aclose",)]


@pytest.mark.parametrize(
    ("changes", "opens"),
    [
        ({}, True),
        ({"page_until": NOON}, False),
        ({"page_until": None}, False),
        ({"state": PaymentState.CREATED}, False),
        ({"acquirer": "plain"}, False),
    ],
)
def test_a_browser_is_sent_while_its_page_is_open(changes: dict[str, Any], *, opens: bool) -> None:
    pages = opened(Door(SENDING), OpenPage())
    assert pages.opens("cmi", replace(SENDING, **changes)) is opens
    assert not pages.opens("plain", replace(SENDING, acquirer="plain"))


async def test_where_no_page_could_be_opened_the_acquirer_is_asked() -> None:
    door = Door(SENDING)
    assert await opened(door, OpenPage(url=None)).open("cmi", SENDING) is None
    assert done(door) == [("page_over", PAID.id)]
    with_page = Door(SENDING)
    await opened(with_page, OpenPage()).open("cmi", SENDING)
    assert done(with_page) == []


async def test_a_notice_is_believed_in_nothing_but_which_order_to_ask_about() -> None:
    page, door = OpenPage(notice=PageNotice(PAID.id)), Door(SENDING)
    assert await opened(door, page).noticed("cmi", b"body", {"a": "b"})
    assert page.heard == [(b"body", {"a": "b"}, NOON)]
    assert (door.till.asked, done(door)) == ([("payment", PAID.id)], [("page_over", PAID.id)])


@pytest.mark.parametrize("state", PaymentState)
async def test_it_asks_only_where_an_answer_is_open_and_no_telephone_waits(state: PaymentState) -> None:
    on_page, by_telephone = replace(SENDING, state=state), replace(SENDING, state=state, page_until=None)
    for stands in (on_page, by_telephone, replace(on_page, sent_at=None)):
        door = Door(stands)
        assert await opened(door, OpenPage(notice=PageNotice(PAID.id))).noticed("cmi", b"", {})
        waits = state is PaymentState.SENDING and stands.page_until is None
        assert done(door) == [("page_over", PAID.id)] * (state in ASKABLE and stands.sent_at is not None and not waits)


async def test_a_forged_notice_and_one_about_anothers_order_are_refused() -> None:
    forged, anothers = Door(SENDING), Door(replace(SENDING, acquirer="naps"))
    assert not await opened(forged, OpenPage(notice=None)).noticed("cmi", b"", {})
    assert not await opened(anothers, OpenPage(notice=PageNotice(PAID.id))).noticed("cmi", b"", {})
    nothing, nobodys = Door(SENDING), Door(None)
    assert await opened(nothing, OpenPage(notice=PageNotice(None))).noticed("cmi", b"", {})
    assert await opened(nobodys, OpenPage(notice=PageNotice(PAID.id))).noticed("cmi", b"", {})
    assert done(forged) == done(anothers) == done(nothing) == done(nobodys) == []
    assert nothing.till.asked == []
