"""Forty hand-overs at once, all telephones ringing on: every one is ordered, and a receipt goes out beside them."""

from dataclasses import replace

from channels.carriers.asterisk.call_tokens import CallTokens
from channels.carriers.asterisk.caller import AmiCaller, DialRoute
from core.database.jobs import SLOTS, Work, build_jobs, worker_beside
from core.database.wake import Queue
from core.messaging.call_ends import KeptCallEnds
from core.messaging.outbox import Gateways, OutboxSender
from core.payments.sweeps import Sweep
from core.payments.table import Payment
from tests.channels.carriers.ami_stand import AmiStand, Phone, manager
from tests.support.gateways import PlainTexts
from tests.support.shop import Shop, shop
from tests.support.waiting import until

__all__ = ["shop"]  # the fixture, shared

CALLS = 40
ROUTE = DialRoute("PJSIP/{digits}@trunk", "khallas-callback", "s", "0537000777")
COPY = """
INSERT INTO payments SELECT (jsonb_populate_record(p, jsonb_build_object('id', %(id)s::text, 'payer_msisdn',
%(payer)s::text, 'reference', right(%(id)s, 6), 'idempotency_key', %(id)s::text))).* FROM payments p WHERE id = %(of)s
"""


async def baskets(shop: Shop) -> list[Payment]:
    """Of as many customers, none of whom is rung yet."""
    first = await shop.started(await shop.internet_order(payer="+212600000100"))
    more = [replace(first, id=f"{n:026}", payer_msisdn=f"+212600000{100 + n}") for n in range(1, CALLS)]
    for each in more:
        await shop.database.do(COPY, id=each.id, payer=each.payer_msisdn, of=first.id)
    return [first, *more]


async def test_a_telephone_that_rings_holds_nobody_up(shop: Shop) -> None:
    """No word of any telephone's end comes: who waited for one would wait for ever."""
    assert SLOTS[Queue.TEXTS] < CALLS
    waiting = await baskets(shop)
    async with manager(AmiStand(phones=[Phone("RINGING", ends=False)])) as stand:
        ends = KeptCallEnds(shop.books.messages, shop.clock)
        caller = AmiCaller(stand.account(), ROUTE, CallTokens(["a-key"]), ends)
        gateways = Gateways(shop.gateways, shop.gateways, caller, PlainTexts())
        sender = OutboxSender(shop.books, gateways, shop.clock, shop.times)
        sweep = Sweep(shop.books, shop.till.attendant, shop.poster, sender, shop.clock, shop.times)
        app = build_jobs(Work(shop.till.attendant, shop.poster, sender, sweep))
        async with worker_beside(app, shop.database.pool):
            for payment in waiting:
                assert await shop.till.request_call(payment.id)
            await shop.paid()
            await until(lambda: len(stand.orders) == CALLS and len(shop.gateways.sms) == 1)
        await caller.close()
    assert stand.logins == 1
    assert len({order["Channel"] for order in stand.orders}) == CALLS
