"""One seed, one story: customers pay the same few bills through servers that die, at a bank that lies; then all is
calm, and everything must have come right.

`python -m lab.chaos.simulation --seeds 2000` prints the seed of each failure; `--from SEED --seeds 1` tells it again.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from core.acquirers.terms import FIRST, AcquirerState
from core.billing.invoices import Invoice
from core.cards import Card, Secret
from core.languages import LanguageCode
from core.payments.orders import StartOrder
from core.payments.schedule import Times
from core.payments.service import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import Authorisation
from core.refunds.model import GIVEN, RefundState
from core.refunds.resolving import payment_ends
from core.repositories import DatabaseUnavailable, Delivery, PostingState
from lab.chaos.memory import illegal_steps
from lab.chaos.sim_bank import SECOND, SimBank
from lab.chaos.sim_world import BILLS, LINE, SERVICE, Dice, Process, SimWorld
from lab.chaos.virtual import VirtualLoop

PROCESSES = 2
CUSTOMERS = 3
CUSTOMERS_OF_SEVERAL = 9  # acquirers
SAID = (AcquirerState.ON, AcquirerState.ON, AcquirerState.DRAINING, AcquirerState.OFF)
TRIES_MAX = 3  # baskets of one customer
STORM_S = 3_600.0
CALM_S = 3 * 86_400.0
PATIENCE_S = 60.0
LOOK_MAX_S, IDLE_MAX_S = 120.0, 7_200.0
CARD, CVV, PIN = Card(Secret("4000000000000010"), 12, 2030), Secret("000"), Secret("123")
PARTABLE = frozenset({PostingState.POSTED, PostingState.CREDITED, PostingState.STUCK})
RESTED = GIVEN | {RefundState.REFUSED, RefundState.STUCK}
RESTING = frozenset(
    {PaymentState.CAPTURED, PaymentState.DECLINED, PaymentState.EXPIRED, PaymentState.VOIDED, PaymentState.REFUNDED}
)

GIVING_BACK = frozenset({PaymentState.VOIDING, PaymentState.VOIDED, PaymentState.REFUNDING, PaymentState.REFUNDED})

Plant = Callable[[Process], None]  # puts a fault into a process, to see it found


class Story:
    """A seed's run. `faults` are what must never be."""

    def __init__(self, seed: int, plant: Plant | None = None, acquirers: tuple[str, ...] = (FIRST,)) -> None:
        self.world = SimWorld(Dice(seed), acquirers=acquirers)
        self.times = Times(sweep_every_s=20)
        self.faults: list[str] = []
        self.plant = plant
        self.processes: list[Process] = []
        self.by_hand = 0  # payments that two people ended
        self._keys = 0

    async def run(self) -> list[str]:
        """Storm, calm, judgement."""
        self.processes = [self.born() for _ in range(PROCESSES)]
        for bank in self.world.banks.values():
            self._watch(bank)
        people = CUSTOMERS_OF_SEVERAL if len(self.world.banks) > 1 else CUSTOMERS
        background = [asyncio.create_task(self._keep_working(place)) for place in range(PROCESSES)]
        customers = [asyncio.create_task(self._customer(f"+21260000000{number}")) for number in range(people)]
        background += [asyncio.create_task(self._elsewhere()), asyncio.create_task(self._desk())]
        if len(self.world.banks) > 1:
            background.append(asyncio.create_task(self._operator()))
        await asyncio.sleep(STORM_S)
        self.world.calm_down()
        for process in self.processes:
            process.acquirers.say({})
        self.processes = [process if process.alive else self.born() for process in self.processes]
        await asyncio.wait(customers)
        await asyncio.sleep(CALM_S)
        await self._two_people()
        await asyncio.sleep(CALM_S)
        for task in background:
            task.cancel()
        for customer in customers:
            customer.result()
        self._judge()
        return self.faults

    def born(self) -> Process:
        """A fresh process, with the planted fault if there is one."""
        process = Process(self.world, self.times)
        if self.plant is not None:
            self.plant(process)
        return process

    # --- who is there ------------------------------------------------------------------------------------------------

    async def _keep_working(self, place: int) -> None:
        """Sweeps; a dead process is followed by another after a while."""
        chance = self.world.chance
        while True:
            await asyncio.sleep(max(self._due_in_s(), self.times.sweep_every_s))
            if not self.processes[place].alive:
                await asyncio.sleep(chance.uniform(1, 60))
                self.processes[place] = self.born()
            await self._patiently(self.processes[place].sweep.run())

    def _due_in_s(self) -> float:
        """When the next row wants something; sweeps before that would find nothing."""
        world = self.world
        dues = [row.due_at for row in world.rows.values()]
        dues += [bill.due_at for row in world.rows.values() for bill in row.bills.values()]
        dues += [entry.due_at for entry in world.entries.values()]
        dues += [entry.due_at for entry in world.refunds.entries]
        soon = min((due for due in dues if due is not None), default=None)
        if soon is None:
            return IDLE_MAX_S if world.calm else LOOK_MAX_S
        return min((soon - world.clock.now()).total_seconds(), IDLE_MAX_S if world.calm else LOOK_MAX_S)

    async def _elsewhere(self) -> None:
        """Billing's other customers pay a bill now and then; the bank closes its day."""
        chance = self.world.chance
        if chance.random() < 0.2:
            await asyncio.sleep(chance.uniform(0, STORM_S))
            self.world.billing.paid_by.setdefault(chance.choice(BILLS).number, "elsewhere")
        while True:
            await asyncio.sleep(chance.uniform(0, 2 * STORM_S))
            for bank in self.world.banks.values():
                bank.settle()

    async def _desk(self) -> None:
        """The help desk gives a part of a bill back now and then, as core/database/refunds/requests.py guards it."""
        chance, world = self.world.chance, self.world
        while True:
            await asyncio.sleep(chance.uniform(0, STORM_S))
            rows = [row for row in world.rows.values() if row.payment.state is PaymentState.CAPTURED]
            row = chance.choice(rows) if rows and not world.calm else None
            if row is None or not all(bill.posting in PARTABLE for bill in row.bills.values()):
                continue
            invoice = chance.choice(row.payment.invoices)
            bill = row.bills[invoice.number]
            rest = invoice.amount_centimes - bill.returned_centimes
            if rest > 0 and bill.posting is PostingState.POSTED:
                amount = chance.randint(1, rest)
                bill.returned_centimes += amount
                world.refunds.ask(row.payment, invoice.number, amount, world.clock.now())
                world.ledger.follow(row.payment.id, "part", world.clock.now())

    async def _operator(self) -> None:
        """Somebody drains an acquirer, turns it off and on again, and all processes hear it."""
        chance, world = self.world.chance, self.world
        while True:
            await asyncio.sleep(chance.uniform(0, STORM_S / 3))
            if not world.calm:
                world.said[chance.choice(world.acquirers)] = chance.choice(SAID)
            for process in self.processes:
                process.acquirers.say(world.said)

    async def _two_people(self) -> None:
        """What the bank's status never tells is in front of people, who end it by the bank's letter: what it took is
        recorded as an inquiry's answer would be (core/refunds/resolving.py keeps the rules)."""
        world = self.world
        for _, payment_id, account in world.accounts():
            if not account.never_ends or account.approved is None or account.voided:
                continue
            payment = world.rows[payment_id].payment
            if payment.state in GIVING_BACK:
                continue
            ends = payment_ends(payment.state, payment.by_hand, payment.sent_at, world.clock.now())
            if not ends:
                self.faults.append(f"{payment_id} is {payment.state} and in front of nobody")
            self.by_hand += 1
            recorder = self.processes[0].till.attendant._recorder
            taken = account.approved.amount_centimes
            if payment.state is PaymentState.CAPTURED and payment.receipt_number and taken is not None:
                await recorder.confirmed(payment, taken)
            else:
                await recorder.found(payment, account.approved)

    async def _customer(self, msisdn: str) -> None:
        chance = self.world.chance
        for _ in range(chance.randint(1, TRIES_MAX)):
            await asyncio.sleep(chance.uniform(0, STORM_S / TRIES_MAX))
            await self._patiently(self._tries_to_pay(chance.choice(self.processes), msisdn))

    async def _patiently(self, work: Coroutine[Any, Any, object]) -> None:
        """Do it, as long as the process lives and no longer than anybody waits; the rest goes on without us."""
        task = asyncio.create_task(work)
        await asyncio.wait({task}, timeout=PATIENCE_S)
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None and not isinstance(error, DatabaseUnavailable):
            self.faults.append(f"raised {error!r}")

    async def _tries_to_pay(self, process: Process, msisdn: str) -> None:
        chance, till = self.world.chance, process.till
        found = await till.unpaid(SERVICE, LINE)
        if isinstance(found, Refusal):
            return
        bills = tuple(bill for bill in found if chance.random() < 0.7) or found
        self._keys += 1
        order = self._order(f"key:{self._keys}", msisdn, bills)
        payment = (await self._twice(lambda: till.start(order)))[0]
        if isinstance(payment, Refusal):
            return
        await asyncio.sleep(chance.uniform(0, 30))
        for _ in range(chance.randint(0, 3)):  # cards
            wait_s = chance.uniform(0, 40)
            payment_id = payment.id
            outcome = (await self._twice(lambda: till.authorise(payment_id, CARD, CVV, wait_s=wait_s)))[0]  # noqa: B023 - awaited here
            if isinstance(outcome, Payment) and outcome.state is PaymentState.CHALLENGE:
                await asyncio.sleep(chance.uniform(0, 20))
                outcome = await till.answer_challenge(payment.id, PIN, wait_s=wait_s)
            if isinstance(outcome, Payment) and outcome.state is not PaymentState.DECLINED:
                break
            await asyncio.sleep(chance.uniform(0, 20))

    async def _twice(self, ask: Callable[[], Coroutine[Any, Any, Payment | Refusal]]) -> list[Payment | Refusal]:
        """Now and then a gateway sends a step again, at the same time."""
        copies = 2 if self.world.chance.random() < 0.2 else 1
        return await asyncio.gather(*(ask() for _ in range(copies)))

    def _order(self, key: str, msisdn: str, bills: tuple[Invoice, ...]) -> StartOrder:
        return StartOrder(key, "ussd", msisdn, LanguageCode.FR, None, SERVICE, LINE, bills)

    # --- what must never be ------------------------------------------------------------------------------------------

    def _watch(self, bank: SimBank) -> None:
        charge = bank.charge
        bank.charge = lambda order: self._watched(charge(order))  # type: ignore[method-assign]  # watched

    def _watched(self, answer: Authorisation) -> Authorisation:
        """At each charge: no bill is paid for twice at any moment."""
        payers: dict[str, str] = {}
        for _, order_id, account in self.world.accounts():
            row = self.world.rows.get(order_id)
            if account.kept_centimes > 0 and not account.landed_late:  # that is given back when it is found
                if row is None:
                    self.faults.append(f"charged for {order_id}, an order nobody made")
                    continue
                for number, bill in row.bills.items():
                    if bill.returned_centimes:  # what went back is owed again
                        continue
                    if (other := payers.setdefault(number, order_id)) != order_id:
                        self.faults.append(f"bill {number} is charged by {other} and {order_id}")
        return answer

    def _judge(self) -> None:
        world = self.world
        kept_there = world.kept_centimes()
        self.faults += world.sent.faults
        for named, order_id, account in world.accounts():
            asked = world.rows[order_id].payment.acquirer if order_id in world.rows else "nobody"
            if account.kept_centimes and asked != named:
                self.faults.append(f"{order_id}: {named} keeps money of {asked}'s")
        for payment_id, row in world.rows.items():
            payment, kept = row.payment, kept_there[payment_id]
            given_back = sum(
                invoice.amount_centimes
                for invoice in payment.invoices
                if row.bills[invoice.number].posting is PostingState.CREDITED
            )
            refunds = world.refunds.of(payment_id)
            given_back += sum(each.amount_centimes for each in refunds if each.state in GIVEN and not each.whole)
            owed = payment.amount_centimes - given_back if payment.state is PaymentState.CAPTURED else 0
            waiting = [
                each.id for each in refunds if each.state not in RESTED and payment.state is PaymentState.CAPTURED
            ]
            stuck = [bill.posting for bill in row.bills.values()] + [each.state for each in refunds]
            if waiting and not {PostingState.STUCK, RefundState.STUCK} & {*stuck}:  # which those after it wait for
                self.faults.append(f"{payment_id}: refunds {waiting} are left")
            if payment.state not in RESTING:
                self.faults.append(f"{payment_id} is left {payment.state}")
            if kept != owed:
                self.faults.append(f"{payment_id} is {payment.state}: {kept} kept, {owed} owed")
            self.faults += [f"{payment_id}: {step}" for step in illegal_steps(row)]
            self._judge_receipt(payment, world.receipts.count(payment_id))
        self.faults += world.ledger.faults(kept_there)
        parted = {each.refund.number for each in world.refunds.entries if not each.refund.whole}
        paid = {number for row in world.rows.values() for number, bill in row.bills.items()
                if bill.posting is PostingState.POSTED and row.payment.state is PaymentState.CAPTURED} - parted  # fmt: skip  # noqa: E501
        told = {number for number, payer in world.billing.paid_by.items() if payer != "elsewhere"} - parted
        if paid != told:
            self.faults.append(f"billing knows {sorted(told)}, paid are {sorted(paid)}")

    def _judge_receipt(self, payment: Payment, receipts: int) -> None:
        captured = payment.receipt_number is not None
        if receipts != int(captured):
            self.faults.append(f"{payment.id} has {receipts} receipts")
        if payment.state is PaymentState.CAPTURED and not captured:
            self.faults.append(f"{payment.id} is captured without a receipt")
        sms = [entry for entry in self.world.entries.values() if entry.message.payment_id == payment.id]
        waiting = [entry.message.reference for entry in sms if entry.status is Delivery.QUEUED]
        if waiting:
            self.faults.append(f"never sent: {waiting}")


def tell(seed: int, plant: Plant | None = None, acquirers: tuple[str, ...] = (FIRST,)) -> list[str]:
    """One story's faults."""
    return told_in(Story(seed, plant, acquirers)).faults


def told_in(story: Story) -> Story:
    """A story to its end, on a loop of its own; what dead processes left behind is swept up."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story.run())
        loop.run_until_complete(sweep_up())
    finally:
        loop.close()
    return story


def figures(story: Story) -> Counter[str]:
    """What happened in it, for whoever adds stories up."""
    payments = [row.payment for row in story.world.rows.values()]
    told = Counter({"stories": 1, "baskets": len(payments), "payments sent": sum(p.attempts > 0 for p in payments)})
    told.update(f"captured at {p.acquirer}" for p in payments if p.receipt_number is not None)
    told["circuits opened"] = story.world.sent.opened
    told["gone on to the other"] = story.world.sent.rerouted
    return told


async def sweep_up() -> None:
    """What dead processes left on the loop."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def failures(
    seeds: Iterable[int], plant: Plant | None = None, acquirers: tuple[str, ...] = (FIRST,)
) -> Iterable[tuple[int, list[str]]]:
    """Each seed whose story went wrong, with what was wrong."""
    for seed, story in stories(seeds, plant, acquirers):
        if story.faults:
            yield seed, story.faults


def stories(
    seeds: Iterable[int], plant: Plant | None = None, acquirers: tuple[str, ...] = (FIRST,)
) -> Iterator[tuple[int, Story]]:
    """Each seed's story, at its end."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # the storm is told by the faults alone
    try:
        for seed in seeds:
            yield seed, told_in(Story(seed, plant, acquirers))
    finally:
        logging.disable(before)


def main() -> int:
    """1 when a seed failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--several", action="store_true", help="two acquirers that lie")
    given = parser.parse_args()
    acquirers = (FIRST, SECOND) if given.several else (FIRST,)
    began, failed = time.monotonic(), 0
    for seed, faults in failures(range(given.first, given.first + given.seeds), acquirers=acquirers):
        failed += 1
        print(f"seed {seed}: " + "; ".join(faults), flush=True)
    took_s = time.monotonic() - began
    print(f"{given.seeds} seeds in {took_s:.1f} s ({given.seeds / took_s * 60:.0f} a minute), {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
