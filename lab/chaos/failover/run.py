"""`./run chaos --only failover -n 50`: so many primaries lost, one after another, under load."""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.database.migrate import upgrade
from lab.chaos.failover.house import FailoverHouse, failover_house
from lab.chaos.failover.judging import Row, faults_of, rows_of
from lab.chaos.failover.losses import ORDER, Loss, lose
from lab.chaos.failover.traffic import Traffic
from lab.servers.patroni.cluster import Cluster, cluster, made_database
from lab.servers.valkey import Valkey

WARM_S = 5.0
CALM_MAX_S = 6.0  # between a cluster that is whole and the next loss
RESTING_MAX_S = 240.0
LOOK_S = 1.0
RESTLESS = """
SELECT 'payment ' || id || ' ' || state AS what FROM payments
WHERE state NOT IN ('created', 'captured', 'declined', 'expired', 'voided', 'refunded')
UNION ALL SELECT 'message ' || reference::text FROM messages WHERE due_at IS NOT NULL AND kind <> 'receipt_mail'
UNION ALL SELECT 'posting ' || payment_id FROM payment_lines WHERE posting = 'pending' AND posting_due_at IS NOT NULL
"""


@dataclass
class FailoverRun:
    """How it went. `faults` empty: as it should be."""

    losses: list[Loss] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    payments: int = 0
    tries: int = 0

    def summary(self) -> str:
        """One line."""
        return (
            f"{len(self.losses)} primaries lost under {self.payments} payments ({self.tries} tries):"
            f" {len(self.faults)} faults (charged twice, lost, a gap in the receipts' numbers, ledgers that differ,"
            " a receipt missing or sent twice)."
        )


async def failover(folder: Path, losses: int, until: float | None, tell: Callable[[Loss], None]) -> FailoverRun:
    """In a folder that others may enter; after `until` no further loss begins. Raises ServerFailed, TimeoutError."""
    with Valkey(folder / "valkey") as valkey, cluster(folder / "cluster") as three:
        await three.whole()
        await made_database(three)
        await asyncio.to_thread(upgrade, three.balanced_url)
        async with failover_house(three, valkey.url, folder) as house:
            return await _run(three, house, losses, until, tell)


async def _run(
    three: Cluster, house: FailoverHouse, losses: int, until: float | None, tell: Callable[[Loss], None]
) -> FailoverRun:
    run, traffic, chance = FailoverRun(), Traffic(house), random.Random(21)
    await traffic.prepared()
    customers = asyncio.create_task(traffic.run())
    await asyncio.sleep(WARM_S)
    try:
        for number in range(losses):
            if until is not None and time.time() > until:
                break
            run.losses.append(await lose(three, ORDER[number % len(ORDER)], chance))
            tell(run.losses[-1])
            await three.whole()
            await asyncio.sleep(chance.uniform(0, CALM_MAX_S))
    except TimeoutError as error:
        run.faults.append(f"the cluster did not recover: {error}")
    if traffic.over:
        run.faults.append("the customers came to an end before the losses did")
    traffic.stop.set()
    await customers
    run.faults += await _rested(house)
    run.faults += await faults_of(house, traffic.visits)
    run.rows = await rows_of(house, traffic.visits, run.losses)
    run.payments = sum(visit.paid for visit in traffic.visits)
    run.tries = sum(visit.tries for visit in traffic.visits)
    print(f"    ends of tries: {dict(traffic.ends)}", file=sys.stderr)
    return run


async def _rested(house: FailoverHouse) -> list[str]:
    deadline = time.monotonic() + RESTING_MAX_S
    left: list[str] = []
    while time.monotonic() < deadline:
        left = [row["what"] for row in await house.database.all(RESTLESS)]
        if not left:
            return []
        await asyncio.sleep(LOOK_S)
    return [f"still under way: {what}" for what in left]
