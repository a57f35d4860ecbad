"""A card, a wallet and a biller for one bill, at once or after each other's no: exactly one's money is kept.

The wallet's network lies (lab/wallets/lies.py), some payers answer after the wallet said "expired", some of the
billers' money was taken before we are told. Two workers sweep beside. Then the ledgers of the bank, the network, the
biller, billing and ours are compared.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.billers.outside import OutsideOrder
from core.cards import Card, Secret
from core.payments.refusal import Refusal
from core.payments.table import PaymentState
from core.subscribers.lines import ServiceType
from lab.chaos.customer import Customer, customer, order_of
from lab.chaos.judging import differences
from lab.chaos.server import TIMES
from lab.chaos.wallets.counters import CURRENCY, OUTSIDE, Counters, open_counters
from lab.chaos.wallets.holdings import held_by_wallet
from lab.chaos.world import give_bills
from lab.cmi.lies import Manner
from lab.wallets.lies import WalletLie, WalletLies
from lab.wallets.network import DEMO_PIN, PushRequest
from lab.wallets.stand import GSMA

TOGETHER_MAX = 48
WORKERS = 2
LIES_SHARE = 0.5
AFTER_MAX_S = 0.5  # of the moment that somebody waits for
FINAL_SHARE = 0.3  # of the billers' money was taken before we are told
SILENT_SHARE = 0.3  # of the bank's answers are lost
TRIES_MAX = 3
PAUSE_MAX_S = 2.0
ANSWER_MAX_S = 0.8  # until the PIN is typed
REFUSES_SHARE = 0.15
PROMPT_WAIT_S = 8.0
SWEEP_EVERY_S = 0.2
CARD_WAIT_S = 30.0
SETTLING_S = (700, 1_000, 3_600, 90_000)  # past every window and look of a wallet
SETTLING_PAUSE_S = 60
SETTLING_ROUNDS_MAX = 50
QUIET_ROUNDS_MAX = 200
RACE_TIMES = replace(TIMES, basket_ttl_s=10)
CVV = Secret("000")
ENDS = frozenset({"captured", "taken", "left", "paid", "asked", Refusal.BILLS_CHANGED, Refusal.NOTHING_TO_PAY})
OVER = frozenset({"declined", "expired", "not prompted", Refusal.EXPIRED})  # the same basket never pays

UNPAID = "SELECT number FROM invoices WHERE paid_at IS NULL"
OPEN = """
SELECT count(*) AS open FROM (
    SELECT 1 FROM payments WHERE state IN ('sending', 'challenge', 'unknown', 'voiding', 'refunding', 'created')
    UNION ALL SELECT 1 FROM wallet_attempts WHERE state IN ('waiting', 'asking', 'asked', 'unknown', 'surplus')
    UNION ALL SELECT 1 FROM payment_lines WHERE posting = 'pending' AND active
    UNION ALL SELECT 1 FROM refunds WHERE due_at IS NOT NULL
) under_way
"""
ATTEMPTS = "SELECT concat_ws(' ', state, decline_code, by_hand) AS ended FROM wallet_attempts"
BILL_OF = "SELECT p.id, l.invoice_number AS number FROM payments p JOIN payment_lines l ON l.payment_id = p.id"


@dataclass
class TenderRaces:
    """How they ended. `won`: whose money paid the bill."""

    ends: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    kept: Counter[int] = field(default_factory=Counter)  # how many bills were paid so many times
    won: Counter[str] = field(default_factory=Counter)
    given_back: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


async def run_tender_races(database_url: str, races: int, seed: int = 1) -> TenderRaces:
    """The database is migrated already. Raises TimeoutError when something stays under way."""
    result = TenderRaces()
    customers = [customer(number) for number in range(races)]
    lies = WalletLies(probability=LIES_SHARE, seed=seed)
    async with open_counters(database_url, RACE_TIMES, lies, WORKERS) as counters:
        await give_bills(counters.database, customers)
        for who in customers:
            counters.stand.network.give(GSMA, who.msisdn, 10 * who.amount_centimes)
        gate = asyncio.Semaphore(TOGETHER_MAX)

        async def one(number: int) -> None:
            async with gate:
                await _Race(counters, customers[number], random.Random(f"{seed}:{number}"), result).run()

        async with _swept(counters):
            await asyncio.gather(*(one(number) for number in range(races)))
        for seconds in SETTLING_S:
            await _quiet(counters)
            counters.clock.forward(seconds)
        await _settled(counters)
        unpaid = {row["number"] for row in await counters.database.all(UNPAID)}
        for who in customers:  # a bill that all lost can be paid now
            if who.invoice in unpaid:
                result.ends[f"afterwards {await _by_card(counters, who, who.msisdn, who.reference)}"] += 1
        await _settled(counters)
        await _judge(counters, customers, result)
    return result


class Moment(StrEnum):
    """Of the wallet's attempt, at which another one comes."""

    AT_ONCE = "at once"
    COMMITTED = "committed"
    PROMPTED = "prompted"
    ANSWERED = "answered"


class _Race:
    """Three who pay one bill. The card's owner comes with the wallet's basket or with an own one."""

    def __init__(self, counters: Counters, who: Customer, chance: random.Random, result: TenderRaces) -> None:
        self._counters, self._who, self._chance, self._result = counters, who, chance, result
        self._together = chance.random() < 0.5
        self._baskets = 1
        self._came = {moment: asyncio.Event() for moment in Moment}
        self._came[Moment.AT_ONCE].set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._contestant("card", self._card, self._chance.choice(list(Moment))))
            group.create_task(self._contestant("biller", self._biller, self._chance.choice(list(Moment))))
            await self._contestant("wallet", self._wallet, Moment.AT_ONCE)
            for event in self._came.values():  # whoever waits for what never came
                event.set()

    async def _contestant(self, tender: str, pays: Callable[[], Awaitable[str]], at: Moment) -> None:
        await self._came[at].wait()
        await asyncio.sleep(self._chance.uniform(0, AFTER_MAX_S))
        for _ in range(TRIES_MAX):
            came_to = await pays()
            self._result.ends[f"{tender} {came_to}"] += 1
            if came_to in ENDS:
                return
            if came_to in OVER:
                self._baskets += 1
            await asyncio.sleep(self._chance.uniform(0, PAUSE_MAX_S))

    @property
    def _basket(self) -> str:
        return f"ussd:{self._who.reference}:{self._baskets}"

    async def _card(self) -> str:
        who, silent = self._who, self._chance.random() < SILENT_SHARE
        if self._together:
            return await _by_card(self._counters, who, who.msisdn, self._basket, silent)
        own = f"voice:{who.reference}:{self._chance.random()}"
        return await _by_card(self._counters, who, f"+2127{who.msisdn[-8:]}", own, silent)

    async def _wallet(self) -> str:
        counters, who = self._counters, self._who
        started = await counters.till.start(order_of(who, who.msisdn, self._basket))
        if isinstance(started, Refusal):
            return started
        begun = await counters.wallets.start(started.id, GSMA, who.msisdn)
        if isinstance(begun, Refusal):
            return begun
        if begun.state is not PaymentState.SENDING or begun.wallet is None:
            return begun.state
        self._came[Moment.COMMITTED].set()
        return "asked" if await self._prompted() else "not prompted"

    async def _prompted(self) -> bool:
        """The telephone rings, or never does; its owner types the PIN, refuses, or comes too late."""
        network, deadline = self._counters.stand.network, asyncio.get_running_loop().time() + PROMPT_WAIT_S
        while asyncio.get_running_loop().time() < deadline:
            asks = network.prompts_of(self._who.msisdn)
            if asks:
                self._came[Moment.PROMPTED].set()
                await self._answers(asks[0])
                return True
            await asyncio.sleep(SWEEP_EVERY_S)
        return False

    async def _answers(self, request: PushRequest) -> None:
        network = self._counters.stand.network
        await asyncio.sleep(self._chance.uniform(0, ANSWER_MAX_S))
        with suppress(KeyError):  # it is over by now
            if request.lie is WalletLie.PAID_AFTER_EXPIRY:
                request.expires_at = self._counters.clock.now()
                network.expire()
                await asyncio.sleep(self._chance.uniform(0, 3 * ANSWER_MAX_S))
                network.answer(request.id, DEMO_PIN)
            elif self._chance.random() < REFUSES_SHARE:
                network.refuse(request.id)
            else:
                network.answer(request.id, DEMO_PIN)
        self._came[Moment.ANSWERED].set()

    async def _biller(self) -> str:
        who, final = self._who, self._chance.random() < FINAL_SHARE
        key = f"{who.reference}:{self._chance.random()}"
        return await self._counters.biller.pays(
            OutsideOrder(
                "gsma",
                key,
                ServiceType.MOBILE,
                who.reference,
                None if final else who.invoice,
                who.amount_centimes,
                CURRENCY,
                their_reference=key,
                final=final,
            )
        )


async def _by_card(counters: Counters, who: Customer, payer: str, key: str, silent: bool = False) -> str:
    """`silent`: the bank charges, and says nothing."""
    started = await counters.till.start(order_of(who, payer, key))
    if isinstance(started, Refusal):
        return started
    if silent:
        counters.cmi.lie(Manner.SILENT_AFTER_CHARGING, started.id)
    outcome = await counters.till.authorise(started.id, Card(Secret(who.card), 12, 2030), CVV, wait_s=CARD_WAIT_S)
    return outcome if isinstance(outcome, Refusal) else outcome.state


@asynccontextmanager
async def _swept(counters: Counters) -> AsyncIterator[None]:
    """Workers beside, as long as the block lasts."""

    async def work(number: int) -> None:
        while True:
            await counters.sweeps[number].run()
            await asyncio.sleep(SWEEP_EVERY_S)

    tasks = [asyncio.create_task(work(number)) for number in range(len(counters.sweeps))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [each for each in done if isinstance(each, Exception)]
        if broken:
            raise broken[0]


async def _quiet(counters: Counters) -> None:
    """Sweep until nothing more is due; what waits for a later hour waits on."""
    for _ in range(QUIET_ROUNDS_MAX):
        if not await counters.sweeps[0].run():
            return
    raise TimeoutError("the sweep finds no end")


async def _settled(counters: Counters) -> None:
    """Nothing is under way. Raises TimeoutError."""
    for _ in range(SETTLING_ROUNDS_MAX):
        await _quiet(counters)
        row = await counters.database.one(OPEN)
        if row is not None and row["open"] == 0:
            return
        counters.clock.forward(SETTLING_PAUSE_S)
    raise TimeoutError("something stays under way")


async def _judge(counters: Counters, customers: list[Customer], result: TenderRaces) -> None:
    wrong, held = result.differences, await held_by_wallet(counters.database, counters.stand.network)
    wrong += await differences(counters.database, counters.cmi.ledger, wallets=held)
    for each in await counters.database.all(ATTEMPTS):
        result.attempts[each["ended"]] += 1
    kept: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for payment in await counters.database.all(BILL_OF):
        if card := counters.cmi.captured_centimes(payment["id"]) - _returned(counters, payment["id"]):
            kept[payment["number"]].append(("card", card))
        if wallet := held.get(payment["id"], 0):
            kept[payment["number"]].append(("wallet", wallet))
    await _judge_biller(counters, kept, result)
    for who in customers:
        result.kept[len(kept[who.invoice])] += 1
        result.won.update(tender for tender, _ in kept[who.invoice])
        if sum(centimes for _, centimes in kept[who.invoice]) != who.amount_centimes:
            wrong.append(f"bill {who.invoice} of {who.amount_centimes}: kept {kept[who.invoice]}")
    _count_returns(counters, result)


async def _judge_biller(counters: Counters, kept: dict[str, list[tuple[str, int]]], result: TenderRaces) -> None:
    """The biller's own book against what we wrote down of it; what found no bill waits to be given back by people."""
    ours: Counter[str] = Counter()
    for row in await counters.database.all(OUTSIDE):
        if row["share"] is not None:
            kept[row["number"]].append(("biller", row["share"]))
        ours[row["key"]] += row["amount_centimes"]
        if (row["share"] or 0) + row["left_centimes"] != row["amount_centimes"]:
            result.differences.append(f"the biller's {row['key']}: {dict(row)} does not add up")
        result.given_back["biller, by people"] += row["left_centimes"] > 0
    if dict(ours) != counters.biller.kept:
        result.differences.append(f"the biller's book differs in {ours.keys() ^ counters.biller.kept.keys()}")
    result.given_back["biller, refused at once"] += len(counters.biller.refused)


def _returned(counters: Counters, order_id: str) -> int:
    rows = counters.cmi.ledger.of_order(order_id)
    return sum(row.captured_centimes for row in rows if row.charge_type == "C" and row.state in {"C", "S"})


def _count_returns(counters: Counters, result: TenderRaces) -> None:
    result.given_back["wallet"] += sum(
        request.returned_centimes > 0 for request in counters.stand.network.requests.values()
    )
    undone = [
        any(row.charge_type == "C" or row.state == "V" for row in rows) for _, rows in counters.cmi.ledger.orders()
    ]
    result.given_back["card"] += sum(undone)
