"""The three clients against the network that lies, over real HTTP: nothing is paid twice, lost, or believed early."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.languages import LanguageCode
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
    Pending,
    ReversalRefused,
    Reversed,
    UnknownOutcome,
    Wallet,
    WalletAttempt,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
)
from khallas.bootstrap.wallets import wallets_of
from khallas.settings.model import Settings, load
from lab.clocks import StillClock
from lab.servers.serving import serving
from lab.wallets.lies import WalletLie
from lab.wallets.network import DEMO_PIN, PushRequest
from lab.wallets.stand import WalletStand, wallet_stand
from tests.support.waiting import until

PAYER, POOR = "+212600000001", "+212600000002"
DIALECTS = ("gsma", "mtn", "daraja")
KEYED = ("gsma", "mtn")


class Heard:
    """Where callbacks arrive."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str, bytes]] = []

    async def take(self, request: Request) -> Response:
        self.bodies.append((request.method, request.url.path, await request.body()))
        return Response(status_code=204)


class Place:
    """The network, a client of each dialect, and their callbacks."""

    def __init__(self, stand: WalletStand, clock: StillClock, heard: Heard, wallets: dict[str, Wallet]) -> None:
        self.stand, self.clock, self.heard, self.wallets = stand, clock, heard, wallets
        self.network = stand.network

    def attempt(self, dialect: str, *, payer: str = PAYER, centimes: int = 76900) -> WalletAttempt:
        currency = self.wallets[dialect].terms.currency
        reference, now = str(uuid.uuid4()), self.clock.now()
        return WalletAttempt(
            reference, "p-1", "482913", dialect, payer, centimes, currency, LanguageCode.FR, now, None, None, None
        )

    async def asked(self, attempt: WalletAttempt) -> tuple[Asking, WalletAttempt]:
        answer = await self.wallets[attempt.provider].ask(attempt)
        return answer, replace(attempt, handle=answer.handle) if isinstance(answer, Asked) else attempt

    async def inquired(self, attempt: WalletAttempt) -> WalletInquiry:
        return await self.wallets[attempt.provider].inquire(attempt)

    def prompt(self, payer: str = PAYER) -> PushRequest:
        (shown,) = self.network.prompts_of(payer)
        return shown


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    clock, heard = StillClock(), Heard()
    doors = Starlette(routes=[Route("/{path:path}", heard.take, methods=["PUT", "POST"])])
    async with serving(doors) as back, wallet_stand(now=clock.now) as stand:
        for wallet in DIALECTS:
            stand.network.give(wallet, PAYER, 1_000_000)
            stand.network.give(wallet, POOR, 100)
        wallets = wallets_of(settings_of(stand, back))
        yield Place(stand, clock, heard, wallets)
        for each in wallets.values():
            await each.aclose()


def settings_of(stand: WalletStand, public_url: str) -> Settings:
    options = {
        f"KHALLAS_WALLETS__{dialect.upper()}__{name.upper()}": value
        for dialect in DIALECTS
        for name, value in stand.options(dialect).items()
    }
    return load({**options, "KHALLAS_PUBLIC_URL": public_url})


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_push_is_pending_until_its_pin_and_then_paid_once(place: Place, dialect: str) -> None:
    answer, attempt = await place.asked(place.attempt(dialect))
    assert isinstance(answer, Asked)
    assert await place.inquired(attempt) == Pending()
    place.network.answer(place.prompt().id, "9999")
    assert await place.inquired(attempt) == Pending(), "a wrong PIN is not the end"
    place.network.answer(place.prompt().id, DEMO_PIN)
    paid = await place.inquired(attempt)
    assert isinstance(paid, WalletPaid)
    assert (paid.amount_centimes, paid.currency) == (76900, attempt.currency)
    assert paid.reference in {None, attempt.reference}
    assert len(place.network.debits) == 1
    assert not place.network.prompts_of(PAYER)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_ends_without_money_is_declined_by_its_kind(place: Place, dialect: str) -> None:
    _, refused = await place.asked(place.attempt(dialect))
    place.network.refuse(place.prompt().id)
    assert (await place.inquired(refused)).__class__ is WalletDecline
    _, poor = await place.asked(place.attempt(dialect, payer=POOR))
    place.network.answer(place.prompt(POOR).id, DEMO_PIN)
    no_money = await place.inquired(poor)
    assert isinstance(no_money, WalletDecline)
    assert no_money.kind is WalletDeclineKind.FUNDS
    _, late = await place.asked(place.attempt(dialect))
    place.clock.forward(600)
    assert isinstance(await place.inquired(late), WalletDecline)
    assert place.network.debits == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_telephone_in_a_dialog_gets_no_prompt(place: Place, dialect: str) -> None:
    place.network.in_dialog = lambda msisdn: msisdn == PAYER
    _, attempt = await place.asked(place.attempt(dialect))
    assert place.network.prompts_of(PAYER) == []
    assert isinstance(await place.inquired(attempt), WalletDecline)


@pytest.mark.parametrize("lie", [WalletLie.LOST_ANSWER, WalletLie.LOST_AFTER_DEBIT])
@pytest.mark.parametrize("dialect", KEYED)
async def test_a_lost_answer_is_found_by_our_own_name_and_never_debits_twice(
    place: Place, dialect: str, lie: WalletLie
) -> None:
    place.network.lies.ordered.append(lie)
    answer, attempt = await place.asked(place.attempt(dialect))
    assert isinstance(answer, UnknownOutcome)
    if lie is WalletLie.LOST_ANSWER:
        assert await place.inquired(attempt) == Pending()
        place.network.answer(place.prompt().id, DEMO_PIN)
    assert isinstance(await place.inquired(attempt), WalletPaid)
    again, _ = await place.asked(attempt)
    assert again == Pending(), "the same name again: it has it"
    assert len(place.network.debits) == 1


@pytest.mark.parametrize("dialect", KEYED)
async def test_a_lost_answer_that_the_payer_refuses_ends_as_declined(place: Place, dialect: str) -> None:
    place.network.lies.ordered.append(WalletLie.LOST_ANSWER)
    _, attempt = await place.asked(place.attempt(dialect))
    place.network.refuse(place.prompt().id)
    refused = await place.inquired(attempt)
    assert isinstance(refused, WalletDecline)
    assert refused.kind is WalletDeclineKind.REFUSED


@pytest.mark.parametrize("dialect", KEYED)
async def test_a_push_that_was_never_taken_is_known_to_nobody(place: Place, dialect: str) -> None:
    place.network.lies.ordered.append(WalletLie.NOT_TAKEN)
    answer, attempt = await place.asked(place.attempt(dialect))
    assert isinstance(answer, UnknownOutcome)
    assert await place.inquired(attempt) == NoSuchRequest()


async def test_darajas_lost_answer_is_unknown_until_its_callback_brings_the_handle(place: Place) -> None:
    place.network.lies.ordered.append(WalletLie.LOST_AFTER_DEBIT)
    answer, attempt = await place.asked(place.attempt("daraja"))
    assert isinstance(answer, UnknownOutcome)
    assert isinstance(await place.inquired(attempt), UnknownOutcome)
    await until(lambda: bool(place.heard.bodies))
    _, path, body = place.heard.bodies[0]
    assert path == f"/wallets/daraja/{attempt.reference}"
    found = replace(attempt, handle=place.wallets["daraja"].handle_of(body))
    assert isinstance(await place.inquired(found), WalletPaid)


@pytest.mark.parametrize("lie", [WalletLie.ODD_WORDS, WalletLie.TROUBLE, WalletLie.CALLBACK_FORGED])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_odd_words_5xx_and_forged_callbacks_are_neither_paid_nor_declined(
    place: Place, dialect: str, lie: WalletLie
) -> None:
    place.network.lies.ordered.append(lie)
    _, attempt = await place.asked(place.attempt(dialect))
    assert isinstance(await place.inquired(attempt), Pending | UnknownOutcome)
    if lie is WalletLie.CALLBACK_FORGED:
        await until(lambda: bool(place.heard.bodies))
        assert isinstance(await place.inquired(attempt), Pending | UnknownOutcome)
    place.network.answer(place.prompt().id, DEMO_PIN)
    assert isinstance(await place.inquired(attempt), WalletPaid)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_callbacks_come_first_twice_with_other_amounts_or_never(place: Place, dialect: str) -> None:
    wanted = {
        WalletLie.CALLBACK_FIRST: 1,
        WalletLie.CALLBACK_TWICE: 2,
        WalletLie.CALLBACK_OTHER_AMOUNT: 1,
        WalletLie.CALLBACK_NEVER: 0,
    }
    for lie, times in wanted.items():
        place.heard.bodies.clear()
        place.network.lies.ordered.append(lie)
        _, attempt = await place.asked(place.attempt(dialect))
        if lie is not WalletLie.CALLBACK_FIRST:
            place.network.answer(place.prompt().id, DEMO_PIN)
        await until(lambda times=times: len(place.heard.bodies) == times)  # type: ignore[misc]
        assert {method for method, _, _ in place.heard.bodies} <= {"PUT" if dialect == "gsma" else "POST"}
        paid = await place.inquired(attempt)
        assert isinstance(paid, WalletPaid)
        assert paid.amount_centimes == 76900, "the inquiry's amount, whatever a callback says"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_success_after_the_expiry_is_seen_by_whoever_looks_again(place: Place, dialect: str) -> None:
    place.network.lies.ordered.append(WalletLie.PAID_AFTER_EXPIRY)
    _, attempt = await place.asked(place.attempt(dialect))
    place.clock.forward(600)
    assert isinstance(await place.inquired(attempt), WalletDecline)
    place.network.answer(place.prompt().id, DEMO_PIN)
    assert isinstance(await place.inquired(attempt), WalletPaid)


async def test_money_goes_back_once_however_often_it_is_asked(place: Place) -> None:
    _, attempt = await place.asked(place.attempt("gsma"))
    place.network.answer(place.prompt().id, DEMO_PIN)
    paid = await place.inquired(attempt)
    assert isinstance(paid, WalletPaid)
    known, key = replace(attempt, receipt=paid.receipt), str(uuid.uuid4())
    first = await place.wallets["gsma"].reverse(known, 10000, key)
    assert isinstance(first, Reversed)
    assert await place.wallets["gsma"].reverse(known, 10000, key) == first
    assert place.network.taken_centimes(attempt.reference) == 66900
    refused = await place.wallets["gsma"].reverse(known, 70000, str(uuid.uuid4()))
    assert isinstance(refused, ReversalRefused | UnknownOutcome)
    assert isinstance(await place.wallets["gsma"].reverse(attempt, 1, key), ReversalRefused), "nothing was paid there"


async def test_tokens_that_end_are_renewed_on_the_way(place: Place) -> None:
    for dialect, forget in (("mtn", place.stand.mtn.forget_tokens), ("daraja", place.stand.daraja.forget_tokens)):
        await place.asked(place.attempt(dialect))
        forget()
        answer, attempt = await place.asked(place.attempt(dialect))
        assert isinstance(answer, Asked)
        forget()
        assert await place.inquired(attempt) == Pending()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_storm_of_lies_debits_nobody_twice(place: Place, dialect: str) -> None:
    place.network.lies.probability = 0.7
    place.network.purses[dialect, PAYER].balance_centimes = 10**9

    async def one() -> tuple[WalletAttempt, WalletInquiry]:
        _, attempt = await place.asked(place.attempt(dialect, centimes=100))
        for shown in place.network.prompts_of(PAYER):
            place.network.answer(shown.id, DEMO_PIN)
        return attempt, await place.inquired(attempt)

    ends = await asyncio.gather(*(one() for _ in range(30)))
    for attempt, end in ends:
        asked = [each for each in place.network.requests.values() if each.callback_url.endswith(attempt.reference)]
        taken = sum(each.centimes for each in asked if each.number)
        assert taken in {0, 100}
        assert isinstance(end, WalletPaid) == (taken == 100) or isinstance(end, Pending | UnknownOutcome)
    assert place.network.debits, "nobody paid anything"
