"""A storm of payments at an acquirer that lies in every way it can, then the looks that its lies call for."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.acquirers.breaker import Breaker
from core.acquirers.cmi import CmiAcquirer
from core.cards import Card, Secret
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentState
from lab.chaos.customer import APPROVED_CARD, customer, order_of
from lab.chaos.judging import differences
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.clocks import StillClock
from lab.cmi.cards import LIES_BY_NUMBER, PIN, PIN_CARD, lying_card
from lab.cmi.lies import Kind, Lie, Manner
from lab.cmi.stand import EmulatedCmi, emulated_cmi

TOGETHER_MAX = 40
TIMEOUT_S = 0.4
LATE_S = 1.0  # after the client gave up
TRIES_A_BILL = 2
LOOKS_S = (5, 15, 60, 300, 901, 3_600, 3_700, 7_200, 90_000)  # after the storm
SWEEPS_MAX = 50
CVV = Secret("000")
HONEST = (APPROVED_CARD, PIN_CARD, "4000009900000509", "4000009900009104")
LYING = tuple(LIES_BY_NUMBER.values())  # what a card orders: others are for inquiries and the page alone
SHORT = {Manner.SLOW: 0.1, Manner.LATE_LANDING: LATE_S}


@dataclass
class Storm:
    """What happened: how each card ended, and what must not be."""

    states: Counter[str] = field(default_factory=Counter)
    captured: int = 0
    differences: list[str] = field(default_factory=list)


async def lie_storm(database_url: str, payments: int, seed: int = 1) -> Storm:
    """So many payments for half as many bills; each bill is tried by two payers, one after the other or at once."""
    chance, clock, storm = random.Random(seed), StillClock(datetime.now(UTC)), Storm()
    breaker = Breaker(lambda: 0.0, failures_max=1_000_000)  # it would spare us the lies
    async with emulated_cmi(hang_max_s=5.0) as cmi:
        acquirer = CmiAcquirer(cmi.account, timeout_s=TIMEOUT_S, breaker=breaker)
        async with open_till(database_url, acquirer, clock, Times()) as open_:
            customers = [customer(number) for number in range(payments // TRIES_A_BILL)]
            await give_bills(open_.database, customers)
            _lie_now_and_then(cmi, seed)
            gate = asyncio.Semaphore(TOGETHER_MAX)

            async def one(number: int) -> None:
                async with gate:
                    await _pay(open_, cmi, chance, number, storm)

            await asyncio.gather(*(one(number) for number in range(payments)))
            await open_.till.drain(10)
            cmi.gateway.lies.clear()
            await cmi.gateway.hurry()
            for seconds in LOOKS_S:
                clock.forward(seconds)
                await sweep(open_)
            storm.differences = await differences(open_.database, cmi.ledger)
            storm.captured = sum(bool(cmi.captured_centimes(order_id)) for order_id, _ in cmi.ledger.orders())
        await acquirer.aclose()
    return storm


def _lie_now_and_then(cmi: EmulatedCmi, seed: int) -> None:
    """Inquiries and voids are not believed either."""
    asks = frozenset({Kind.QUERY, Kind.VOID})
    for manner in (Manner.GARBAGE, Manner.SERVER_ERROR_AFTER_CHARGING):
        cmi.gateway.lies.add(Lie(manner, asks, times=None, probability=0.05, seed=seed))


async def _pay(open_: OpenTill, cmi: EmulatedCmi, chance: random.Random, number: int, storm: Storm) -> None:
    who = customer(number // TRIES_A_BILL)
    payer = f"+2127{number:08d}"
    started = await open_.till.start(order_of(who, payer, f"lies:{number}"))
    if not isinstance(started, Payment):
        storm.states[f"refused {started}"] += 1
        return
    number_of_card = chance.choice(HONEST)
    if chance.random() < 0.7:
        manner = chance.choice(LYING)
        number_of_card = lying_card(manner)
        if manner in SHORT:  # the card's own lie would take seconds
            cmi.lie(manner, started.id, seconds=SHORT[manner])
    card = Card(Secret(number_of_card), 12, 2030)
    outcome = await open_.till.authorise(started.id, card, CVV, wait_s=5)
    if isinstance(outcome, Payment) and outcome.state is PaymentState.CHALLENGE:
        outcome = await open_.till.answer_challenge(started.id, Secret(PIN), wait_s=5)
    storm.states[str(outcome.state if isinstance(outcome, Payment) else outcome)] += 1


async def sweep(open_: OpenTill) -> None:
    """Do all that is due now."""
    for _ in range(SWEEPS_MAX):
        if not await open_.sweep.run():
            return
