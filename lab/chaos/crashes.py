"""Rounds of killing the server between "pay" and "receipt", and what the ledger, the database and the customer say
afterwards (docs/protocols/failure-points.md 4, 5, 8, 14)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.chaos.customer import Customer, customer, pay_by_voice
from lab.chaos.faults import Point
from lab.chaos.judging import ledger_differences, misplaced
from lab.chaos.nursery import Nursery
from lab.chaos.world import Installation, give_bills, installation
from lab.cmi.lies import Kind, Lie, Manner

RESOLVED_MAX_S = 30.0
REACHED_MAX_S = 60.0
PATIENCE = 10  # times both, where several acquirers lie, about inquiries too: how long it takes is no verdict there
POLL_S = 0.2
LOOK_S = 0.02
AGAIN_S = 2.0
TRIES_MAX = 3  # calls a customer makes until the bill is paid
LANDS_AFTER_S = 0.4
# What each of several acquirers does beside, now and then; a reply that is lost at one must never send to the other.
CHARGES_LIED_OF = (Manner.SILENT_AFTER_CHARGING, Manner.LATE_LANDING, Manner.BUSY_AFTER_CHARGING)
LOOKS_LIED_OF = (Manner.GARBAGE, Manner.SERVER_ERROR_AFTER_CHARGING)
LIED_OF = 0.1  # of each
ROUNDS_A_POINT_MAX = 100_000  # so that no two customers are one

STANDING = """
SELECT p.id, p.state, p.acquirer, r.sequence,
       (SELECT count(*) FROM payment_lines l WHERE l.payment_id = p.id AND l.posting = 'posted') AS posted,
       (SELECT m.status FROM messages m WHERE m.payment_id = p.id AND m.kind = 'receipt_sms') AS receipt
FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id
WHERE p.line_reference = %(reference)s ORDER BY p.created_at
"""


@dataclass(frozen=True, slots=True)
class Round:
    """What became of one customer. `resolved_s` after the restart; `faults` in words, none is how it should be;
    `paid_at`: by whom the money was taken."""

    point: Point
    resolved_s: float
    faults: tuple[str, ...]
    paid_at: tuple[str, ...] = ()


async def crash_round(house: Installation, point: Point, number: int, who: Customer) -> Round:
    """Kill the running server at the point while this customer pays, start it again, and judge."""
    for bank in house.banks.values():
        bank.gateway.lies.clear()
    if point is Point.AFTER_SEND:
        manner = Manner.LATE_LANDING if number % 2 else Manner.SILENT_AFTER_CHARGING
        for bank in house.banks.values():
            bank.lie(manner, seconds=LANDS_AFTER_S)
    _lie_now_and_then(house, number)
    call = asyncio.create_task(_insist(house, who))
    try:
        await _killed(house, point)
    except TimeoutError:
        ended = await call
        house.fuse.disarm()
        await house.kill()
        await house.start()
        await _resolved(house, who, time.monotonic())  # nothing of it may reach the next round's point
        return Round(point, 0.0, (f"the point was not reached: calls ended {ended}: {await _standing(house, who)}",))
    await call
    await house.start()
    restarted_at = time.monotonic()
    resolved = await _resolved(house, who, restarted_at)
    took_s = time.monotonic() - restarted_at
    if not resolved:
        return Round(point, took_s, (f"not resolved in {took_s:.0f} s: {await _standing(house, who)}",))
    for _ in range(TRIES_MAX):
        if (await _standing(house, who))[-1]["state"] == "captured":
            break
        await pay_by_voice(house.url, who)
        await _resolved(house, who, time.monotonic())
    paid_at = tuple(row["acquirer"] for row in await _standing(house, who) if row["state"] == "captured")
    return Round(point, took_s, tuple(await _faults(house, who)), paid_at)


async def _insist(house: Installation, who: Customer) -> list[str | None]:
    """Call until the server is dead or the bill paid: what was held up too long is never sent, and tried again."""
    ends: list[str | None] = []
    tries_max = TRIES_MAX * _patience(house)
    while len(ends) < tries_max and house.alive and "Paid" not in ends:
        try:
            ends.append(await pay_by_voice(house.url, who))
        except TimeoutError:  # a call that a busy machine did not answer in time
            ends.append(None)
        if len(ends) >= TRIES_MAX:  # what is being checked may be paid, or paid again, a little later
            await asyncio.sleep(AGAIN_S)
    return ends


def _lie_now_and_then(house: Installation, seed: int) -> None:
    """Where there are several acquirers, none of them can be trusted."""
    for place, bank in enumerate(house.banks.values() if house.others else ()):
        for manner in CHARGES_LIED_OF:
            charges, seeded = frozenset({Kind.AUTH}), 2 * seed + place
            bank.gateway.lies.add(
                Lie(manner, charges, times=None, probability=LIED_OF, seed=seeded, seconds=LANDS_AFTER_S)
            )
        for manner in LOOKS_LIED_OF:
            bank.gateway.lies.add(Lie(manner, frozenset({Kind.QUERY}), times=None, probability=LIED_OF, seed=seed))


async def _killed(house: Installation, point: Point) -> None:
    """Dead at the point. Raises TimeoutError when it was not reached."""
    if point is not Point.AFTER_SEND:
        house.fuse.arm(point)
        await house.died(REACHED_MAX_S * _patience(house))
        return
    banks, before = tuple(house.banks.values()), _orders(house)
    reached_max_s = REACHED_MAX_S * _patience(house)
    await _until(lambda: any(bank.gateway.late for bank in banks) or _orders(house) - before, reached_max_s)
    await house.kill()


def _orders(house: Installation) -> set[str]:
    """All that any bank knows."""
    return {order_id for bank in house.banks.values() for order_id, _ in bank.ledger.orders()}


def _patience(house: Installation) -> int:
    return PATIENCE if house.others else 1


async def _until(true: Callable[[], object], reached_max_s: float) -> None:
    for _ in range(int(reached_max_s / LOOK_S)):
        if true():
            return
        await asyncio.sleep(LOOK_S)
    raise TimeoutError("the point was not reached")


async def _standing(house: Installation, who: Customer) -> list[dict[str, Any]]:
    return await house.database.all(STANDING, reference=who.reference)


async def _resolved(house: Installation, who: Customer, since: float) -> bool:
    """Nothing of this customer's waits any more: paid with its receipt sent and its bill posted, or ended unpaid."""
    while time.monotonic() - since < RESOLVED_MAX_S * _patience(house):
        rows = await _standing(house, who)
        if rows and all(_at_rest(row) for row in rows):
            return True
        await asyncio.sleep(POLL_S)
    return False


def _at_rest(row: dict[str, Any]) -> bool:
    if row["state"] == "captured":
        return bool(row["posted"] == 1 and row["receipt"] in {"sent", "delivered"})
    return row["state"] in {"expired", "declined"}


async def _faults(house: Installation, who: Customer) -> list[str]:
    """Everything that must never be."""
    rows = await _standing(house, who)
    taken = {row["id"]: house.taken_centimes(row["id"]) for row in rows}
    faults = []
    if sum(taken.values()) > who.amount_centimes:
        faults.append(f"charged twice: {taken}")
    if sum(taken.values()) < who.amount_centimes:
        faults.append(f"never charged: {rows}")
    faults += [
        f"lost: {row['state']} here, {taken[row['id']]} centimes taken"
        for row in rows
        if (row["state"] == "captured") != (taken[row["id"]] > 0)
    ]
    if (receipts := house.receipts_of(who)) != 1:
        faults.append(f"{receipts} receipts")
    ledgers = {named: bank.ledger for named, bank in house.banks.items()}
    faults += await ledger_differences(house.database, *ledgers.values())
    return faults + await misplaced(house.database, ledgers)


@dataclass(frozen=True, slots=True)
class Lane:
    """One server's rounds: some of a point's, on a database and in a folder of its own."""

    point: Point
    numbers: range
    database: str
    several: bool = False  # acquirers, two of them, both lying


def lanes_of(rounds: int, lanes: int, *, several: bool = False) -> list[Lane]:
    """Every point's rounds, on so many servers a point: they mostly wait, for sweeps and for the acquirer's window."""
    share = -(-rounds // lanes)
    return [
        Lane(point, range(first, min(first + share, rounds)), f"crash{'es' * several}_{point}_{first}", several)
        for point in Point
        for first in range(0, rounds, share)
    ]


async def crash_rounds(
    database_url: str,
    redis_url: str,
    folder: Path,
    lane: Lane,
    servers: Nursery | None = None,
    tell: Callable[[Round], None] | None = None,
) -> list[Round]:
    """A customer each, who meets a server that dies at the point."""
    found = []
    first = ROUNDS_A_POINT_MAX * (1 + list(Point).index(lane.point))
    async with installation(database_url, redis_url, folder, servers, several=lane.several) as house:
        await give_bills(house.database, [customer(first + number) for number in lane.numbers])
        await house.start()
        for number in lane.numbers:
            found.append(await crash_round(house, lane.point, number, customer(first + number)))
            if tell is not None:
                tell(found[-1])
    return found
