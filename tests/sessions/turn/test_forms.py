"""Forms of pages: filled in once, in their order; a list of bills that another process showed is fetched, or told."""

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from channels.web.bills.view import CAN
from core.languages import LanguageCode
from core.payments.service import Refusal
from core.subscribers.lines import ServiceType
from sessions.bill_cache import SHORT_MAX
from sessions.screens.choosing import ConfirmTotal, NothingToPay, PickInvoices
from sessions.screens.journey import Runaway
from sessions.screens.menu import Chose, Typed
from sessions.screens.opening import Opening, PaymentCode, Reference, Terms
from sessions.store.codec import Record
from sessions.store.protocol import SESSION_TTL_S, Key, Loaded
from sessions.store.redis import RedisStore
from sessions.turn.forms import FormField, FormState, FormTurns, Overtaken
from sessions.turn.inbound import Inbound
from sessions.turn.perform import EffectPerformer
from sessions.vault import NUMBER, Seals
from tests.sessions.fakes import CASABLANCA, MASTER_KEYS, NUMBERS, Stage
from tests.support.till import bill

KEY = Key("web:visitor", "web", "w1")
HEARD = Inbound("w1", "web:visitor", None, asks_from="203.0.113.7")
LINE, CODE = "7710345", "905533"
BEGIN = Reference(ServiceType.INTERNET)
TO_THE_BILLS = (
    FormField(Reference, Typed(LINE)),
    FormField(PaymentCode, Typed(CODE)),
    FormField(Terms, Chose("accept")),
)
PAY = (FormField(PickInvoices, Chose("pay")), FormField(ConfirmTotal, Chose("pay")))
LONG = tuple(bill(f"00005{n:02d}", 1 + n % 12, 8000 + n) for n in range(SHORT_MAX + 4))


def process(on: Stage) -> FormTurns:
    """One of the server's: it has seen no list of bills yet."""
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS))
    return FormTurns(RedisStore(on.redis), performer, on.clock, NUMBERS, CASABLANCA, CAN)


async def fill(forms: FormTurns, *fields: FormField, begin: Reference | None = None) -> FormState:
    return await forms.fill(KEY, await forms.load(KEY), HEARD, fields, begin=begin)


async def at_the_bills(on: Stage) -> tuple[FormTurns, FormState]:
    """A session of a long list."""
    on.till.memory.bills[LINE] = LONG
    forms = process(on)
    state = await fill(forms, *TO_THE_BILLS, begin=BEGIN)
    assert isinstance(state.screen, PickInvoices)
    return forms, state


async def test_where_there_is_no_session_nothing_is_shown_and_no_form_is_filled_in(on: Stage) -> None:
    forms = process(on)
    assert await forms.show(KEY, await forms.load(KEY), HEARD) is None
    with pytest.raises(ValueError, match="no such session"):
        await fill(forms, *PAY)
    assert (await on.keys(), on.till.calls["start"]) == ({}, 0)


async def test_answers_are_heard_up_to_the_first_that_is_refused(on: Stage) -> None:
    forms = process(on)
    wrong = (TO_THE_BILLS[0], FormField(PaymentCode, Typed("000000")), *TO_THE_BILLS[2:], *PAY)
    state = await fill(forms, *wrong, begin=BEGIN)
    assert isinstance(state.screen, PaymentCode)
    assert state.notice is not None
    assert on.till.calls["unpaid"] == 0


async def test_a_language_that_is_asked_for_stays(on: Stage) -> None:
    forms, first = await at_the_bills(on)
    loaded = await forms.load(KEY)
    turned = await forms.fill(KEY, loaded, HEARD, (), language=LanguageCode.AR)
    assert (first.language, turned.language, turned.screen) == (LanguageCode.FR, LanguageCode.AR, first.screen)
    shown = await forms.show(KEY, await forms.load(KEY), HEARD)
    assert shown is not None
    assert (shown.language, shown.version) == (LanguageCode.AR, turned.version)


async def test_of_copies_of_a_form_one_saves(on: Stage) -> None:
    forms, state = await at_the_bills(on)
    loaded = await forms.load(KEY)
    copies = (forms.fill(KEY, loaded, HEARD, PAY[:1]) for _ in range(5))
    came = await asyncio.gather(*copies, return_exceptions=True)
    saved = [each for each in came if isinstance(each, FormState)]
    assert [type(each.screen) for each in saved] == [ConfirmTotal]
    assert saved[0].version == state.version + 1
    assert sum(isinstance(each, Overtaken) for each in came) == 4


async def test_another_process_fetches_a_long_list_and_goes_on(on: Stage) -> None:
    _, state = await at_the_bills(on)
    asked = on.till.calls["unpaid"]
    shown = await (other := process(on)).show(KEY, await other.load(KEY), HEARD)
    assert shown == replace_visit(state, shown)
    assert on.till.calls["unpaid"] == asked + 1
    await other.show(KEY, await other.load(KEY), HEARD)
    assert on.till.calls["unpaid"] == asked + 1  # at hand by now
    paid = await fill(process(on), *PAY)
    assert paid.version == state.version + 1
    assert on.till.only_payment().invoices == LONG


def replace_visit(state: FormState, shown: FormState | None) -> FormState:
    """The context holds its process' shelf: all else must be the same."""
    assert shown is not None
    return FormState(state.screen, state.version, state.notice, state.language, shown.visit)


@pytest.mark.parametrize("pays", [False, True], ids=["shown", "paid"])
async def test_a_list_that_changed_meanwhile_is_shown_anew_and_nothing_is_paid(on: Stage, pays: bool) -> None:
    _, state = await at_the_bills(on)
    on.till.memory.bills[LINE] = (*LONG[:-1], replace(LONG[-1], amount_centimes=9_900))
    other = process(on)
    loaded = await other.load(KEY)
    seen = await (other.fill(KEY, loaded, HEARD, PAY) if pays else other.show(KEY, loaded, HEARD))
    assert seen is not None
    assert isinstance(seen.screen, PickInvoices)
    assert seen.notice is not None
    assert seen.screen.listed(seen.visit).bills[-1].amount_centimes == 9_900
    assert (seen.version, on.till.memory.payments) == (state.version + 1, {})


async def test_a_list_that_was_paid_elsewhere_meanwhile_leaves_nothing_to_pay(on: Stage) -> None:
    await at_the_bills(on)
    on.till.memory.bills[LINE] = ()
    seen = await fill(process(on), *PAY)
    assert isinstance(seen.screen, NothingToPay)
    assert on.till.memory.payments == {}


async def test_where_billing_is_away_the_kept_list_is_not_paid(on: Stage) -> None:
    await at_the_bills(on)
    on.till.memory.refusals["unpaid"] = Refusal.BILLING_DOWN
    seen = await fill(process(on), *PAY)
    assert not isinstance(seen.screen, ConfirmTotal)
    assert on.till.memory.payments == {}


async def test_a_session_that_rests_before_its_first_screen_is_no_page(on: Stage, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await RedisStore(redis).save(KEY, Record(1, 1, Opening()), expected=0, seal={}, erase=False)
    forms = process(on)
    with pytest.raises(Runaway):
        await forms.show(KEY, await forms.load(KEY), HEARD)


async def test_a_form_s_session_is_told_what_its_house_is_told(on: Stage) -> None:
    assert not process(on).mail_utf8
    for utf8 in (False, True):
        performer = EffectPerformer(on.till, Seals(MASTER_KEYS))
        forms = FormTurns(RedisStore(on.redis), performer, on.clock, NUMBERS, CASABLANCA, CAN, mail_utf8=utf8)
        state = await fill(forms, begin=BEGIN)
        assert (forms.mail_utf8, state.visit.mail_utf8, state.visit.check_luhn, forms.can) == (utf8, utf8, True, CAN)


async def test_a_look_gives_a_session_its_time_again_and_reads_it_alone(on: Stage) -> None:
    store, other = RedisStore(on.redis), Key(KEY.msisdn, KEY.channel, "before")
    for key in (other, KEY):
        sealed = {NUMBER: b"sealed"}
        assert await store.save(key, Record(1, 1, BEGIN), expected=0, seal=sealed, erase=False)
    await on.redis.expire(KEY.record, 5)
    loaded = await process(on).load(KEY)
    assert (loaded.previous, loaded.sealed) == (None, {})
    assert await on.redis.ttl(KEY.record) > SESSION_TTL_S - 60
    lost = Key(KEY.msisdn, KEY.channel, "lost")
    assert await process(on).load(lost) == Loaded(None)
    state = await fill(process(on), TO_THE_BILLS[0])
    assert isinstance(state.screen, PaymentCode)
    assert await on.redis.get(KEY.sealed(NUMBER)) == b"sealed", "a form has no card to erase"


async def test_a_form_that_begins_has_accepted_nothing_and_a_notice_is_said_once(on: Stage) -> None:
    forms = process(on)
    begun = await fill(forms, *TO_THE_BILLS[:2], begin=BEGIN)
    assert (type(begun.screen), begun.visit.terms_accepted) == (Terms, False)
    wrong = await fill(forms, TO_THE_BILLS[0], FormField(PaymentCode, Typed("000000")), begin=BEGIN)
    assert wrong.notice is not None
    shown = await forms.show(KEY, await forms.load(KEY), HEARD)
    assert shown is not None
    assert shown.notice == wrong.notice
    assert (await forms.fill(KEY, await forms.load(KEY), HEARD, (), language=LanguageCode.AR)).notice is None


async def test_a_list_that_changed_behind_its_total_is_asked_anew(on: Stage) -> None:
    forms, _ = await at_the_bills(on)
    total = await fill(forms, PAY[0])
    assert isinstance(total.screen, ConfirmTotal)
    on.till.memory.bills[LINE] = LONG[:-1]
    other = process(on)
    seen = await other.show(KEY, await other.load(KEY), HEARD)
    assert seen is not None
    assert isinstance(seen.screen, PickInvoices)
    assert len(seen.screen.listed(seen.visit).bills) == len(LONG) - 1
