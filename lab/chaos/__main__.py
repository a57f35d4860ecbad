"""`./run chaos -n 200`: the long run. Exit code 1 when anything went wrong; each line says what was tried.

-n rounds of killing the server at each named point, of a card's payment and of a wallet's, and with it 5 n lying
payments, 50 n attempts at a lying wallet, 5 n races of two channels, as many of web, USSD and voice, and of a card, a
wallet and a biller, n payments through database kills, n journeys through session losses, 50 n simulated stories
and as many of two acquirers; n kills a point with two acquirers, 20 n payments around a midnight at which the account
moves; texts for a minute beside a bank that hangs; 50 n payments whose events go into Kafka, with n / 2 relays killed.
`--only failover` is asked for by name: n primaries of a PostgreSQL cluster under Patroni lost under load
(docs/SCALING.md).
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from core.acquirers.terms import FIRST
from core.database.migrate import upgrade
from lab.chaos.acquirers.midnight import midnight_swap
from lab.chaos.crashes import RESOLVED_MAX_S, ROUNDS_A_POINT_MAX, Lane, Round, crash_rounds, lanes_of
from lab.chaos.doors.races import run_door_races
from lab.chaos.failover.losses import Loss
from lab.chaos.failover.run import failover
from lab.chaos.failover.table import table, written
from lab.chaos.faults import Point
from lab.chaos.lies import lie_storm
from lab.chaos.lost_servers import journeys_through_session_losses, payments_through_database_kills
from lab.chaos.nursery import Nursery, nursery
from lab.chaos.races import run_races
from lab.chaos.relay.storm import relay_storm
from lab.chaos.sim_bank import SECOND
from lab.chaos.simulation import figures, stories
from lab.chaos.texts.hanging import HANGS_S, texts_beside_a_hanging_bank
from lab.chaos.wallets.crashes import WalletLane, WalletRound, wallet_crash_rounds, wallet_lanes
from lab.chaos.wallets.faults import WalletPoint
from lab.chaos.wallets.races import run_tender_races
from lab.chaos.wallets.storm import wallet_storm
from lab.servers.kafka import Tansu
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey

ROUNDS_MAX = ROUNDS_A_POINT_MAX
LANES = 4  # servers a point
LANES_OF_TWO = 2  # with two banks beside each
HANGING_S = 60
STORIES_A_SHARE = 50
SHARES_A_WORD = 20
PARTS = (
    "simulation",
    "acquirers",
    "crashes",
    "crashes-of-two",
    "midnight",
    "lies",
    "wallets",
    "wallet-crashes",
    "tenders",
    "races",
    "doors",
    "hanging",
    "relay",
    "database",
    "sessions",
)
IN_MEMORY, ROOM_MIN_BYTES = Path("/dev/shm"), 4_000_000_000  # noqa: S108 - a folder of our own in it
ASKED_FOR = ("failover",)  # installs packages, takes an hour


class Report:
    """Lines on the terminal, and whether any was bad."""

    def __init__(self) -> None:
        self.failed = False

    @contextmanager
    def part(self, name: str) -> Iterator[list[str]]:
        """Whatever is put into the list went wrong."""
        faults: list[str] = []
        began = time.monotonic()
        try:
            yield faults
        except Exception as error:  # noqa: BLE001 - a part that broke is a fault; the others are still told
            faults.append(f"broke: {error!r}")
        self.failed = self.failed or bool(faults)
        verdict = "ok" if not faults else f"{len(faults)} FAULTS"
        print(f"{name:<60} {verdict:<10} {time.monotonic() - began:7.1f} s", flush=True)
        for fault in faults:
            print(f"    {fault}", flush=True)


def told_of(seeds: range, acquirers: tuple[str, ...] = (FIRST,)) -> tuple[list[tuple[int, list[str]]], Counter[str]]:
    """What went wrong with these seeds and what happened in them, for a process of its own."""
    failed, happened = [], Counter[str]()
    for seed, story in stories(seeds, acquirers=acquirers):
        happened.update(figures(story))
        if story.faults:
            failed.append((seed, story.faults))
    return failed, happened


def simulate(report: Report, seeds: int, acquirers: tuple[str, ...] = (FIRST,)) -> None:
    """The stories know nothing of each other: every core tells its share of them."""
    shares = [range(first, min(first + STORIES_A_SHARE, seeds)) for first in range(0, seeds, STORIES_A_SHARE)]
    told = f"{seeds} simulated stories" + (" of two acquirers that lie" if len(acquirers) > 1 else "")
    with report.part(told) as faults, ProcessPoolExecutor() as cores:
        happened = Counter[str]()
        for share, (failed, figures_) in enumerate(cores.map(partial(told_of, acquirers=acquirers), shares), 1):
            faults += [f"seed {seed}: {words}" for seed, words in failed]
            happened.update(figures_)
            if share % SHARES_A_WORD == 0:
                print(f"    {happened['stories']} stories, {len(faults)} faults", file=sys.stderr, flush=True)
        print("    " + ", ".join(f"{number} {what}" for what, number in happened.items()), flush=True)


async def crash(
    report: Report,
    postgres: Postgres,
    template: str,
    redis_url: str,
    folder: Path,
    rounds: int,
    *,
    several: bool = False,
) -> None:
    """All points at once, some servers a point, a database each."""
    beside = ", two acquirers that lie" if several else ""
    asked: Counter[str] = Counter()

    def tell(each: Round) -> None:
        mark = "." if not each.faults else "F"
        print(mark, *each.faults, sep="", end="", file=sys.stderr, flush=True)

    async def broken(lane: Lane, servers: Nursery) -> list[Round]:
        own = folder / lane.database
        own.mkdir()
        return await crash_rounds(postgres.create(lane.database, template), redis_url, own, lane, servers, tell)

    told = f"{rounds} x kill -9 at each of {', '.join(Point)}{beside}"
    with report.part(told) as faults, nursery() as servers:
        lanes = lanes_of(rounds, LANES_OF_TWO if several else LANES, several=several)
        every = await asyncio.gather(*(broken(lane, servers) for lane in lanes))
        faults += [f"{each.point}: {fault}" for rounds_ in every for each in rounds_ for fault in each.faults]
        slowest = max(each.resolved_s for rounds_ in every for each in rounds_)
        print(file=sys.stderr)
        for each in (each for rounds_ in every for each in rounds_):
            asked.update(each.paid_at)
        print(f"    paid at {dict(asked)}")
        allowed = "" if several else f", at most {RESOLVED_MAX_S:.0f} s are allowed"
        print(f"    slowest resolved {slowest:.1f} s after the restart{allowed}")


async def wallet_crash(
    report: Report, postgres: Postgres, template: str, redis_url: str, folder: Path, rounds: int
) -> None:
    """As `crash`, while a wallet is asked."""

    async def broken(lane: WalletLane, servers: Nursery) -> list[WalletRound]:
        own = folder / lane.database
        own.mkdir()
        return await wallet_crash_rounds(postgres.create(lane.database, template), redis_url, own, lane, servers)

    with report.part(f"{rounds} x kill -9 at each of {', '.join(WalletPoint)}") as faults, nursery() as servers:
        every = await asyncio.gather(*(broken(lane, servers) for lane in wallet_lanes(rounds, LANES)))
        faults += [f"{each.point}: {fault}" for rounds_ in every for each in rounds_ for fault in each.faults]
        ends = Counter(state for rounds_ in every for each in rounds_ for state in each.states)
        print(f"    {sum(map(len, every))} rounds; attempts ended {dict(ends)}")


async def storms(
    report: Report, postgres: Postgres, template: str, folder: Path, rounds: int, parts: list[str]
) -> None:
    """What needs a database of its own each."""
    for drained in (False, True) if "midnight" in parts else ():
        how = "drained by hand" if drained else "by the contracts' days"
        with report.part(f"{20 * rounds} payments around midnight, the account moved {how}") as faults:
            database = postgres.create(f"midnight_{int(drained)}", template)
            swap = await midnight_swap(database, 20 * rounds, drained=drained)
            faults += swap.faults
            print(f"    first tries {dict(swap.sent)}, {swap.given_back} given back, {swap.by_page} paid on old pages")
    if "lies" in parts:
        with report.part(f"{5 * rounds} payments at a lying acquirer") as faults:
            faults += (await lie_storm(postgres.create("lies", template), 5 * rounds)).differences
    if "wallets" in parts:
        with report.part(f"{50 * rounds} attempts at a lying wallet, workers killed") as faults:
            storm = await wallet_storm(postgres.create("wallets", template), 50 * rounds)
            faults += storm.differences
            print(f"    {storm.killed} kills; {dict(storm.ends)}")
    if "tenders" in parts:
        with report.part(f"{5 * rounds} races of card, wallet and biller") as faults:
            tenders = await run_tender_races(postgres.create("tenders", template), 5 * rounds)
            faults += tenders.differences
            faults += [] if tenders.kept == Counter({1: 5 * rounds}) else [f"kept a bill: {dict(tenders.kept)}"]
            print(f"    kept {dict(tenders.won)}, back {dict(tenders.given_back)}; attempts {dict(tenders.attempts)}")
    if "races" in parts:
        with report.part(f"{5 * rounds} races of two channels, holders stopped") as faults:
            races = await run_races(postgres.create("races", template), 5 * rounds)
            faults += races.differences
            faults += [] if races.captures == Counter({1: 5 * rounds}) else [f"captures a bill: {dict(races.captures)}"]
    if "doors" in parts:
        with report.part(f"{5 * rounds} races of web, USSD and voice") as faults, Valkey(folder / "doors") as valkey:
            own = folder / "three-doors"
            own.mkdir()
            met = await run_door_races(postgres.create("doors", template), valkey.url, own, 5 * rounds)
            faults += met.differences
            faults += [] if met.captures == Counter({1: 5 * rounds}) else [f"captures a bill: {dict(met.captures)}"]
    if "hanging" in parts:
        with report.part(f"texts of two workers for {HANGING_S} s, the bank hangs {HANGS_S:.0f} s") as faults:
            waited = await texts_beside_a_hanging_bank(postgres.create("hanging", template), HANGING_S)
            faults += waited.faults
            print(f"    {waited.line()}")
    if "relay" in parts:
        kills = max(1, rounds // 2)
        told = f"{50 * rounds} payments into Kafka, relays killed {kills} times"
        with report.part(told) as faults, Tansu(folder / "kafka") as broker:
            stream = await relay_storm(postgres.create("relay", template), broker.url, folder, 50 * rounds, kills)
            faults += stream.verdict.faults
            print(f"    {stream.line()}")
    if "sessions" in parts:
        with report.part(f"{rounds} journeys, Redis killed and flushed") as faults, Valkey(folder / "lost") as valkey:
            own = folder / "journeys"
            own.mkdir()
            faults += (await journeys_through_session_losses(valkey, postgres.create("lost", template), own, rounds))[0]
    if "database" in parts:
        with report.part(f"{rounds} payments, PostgreSQL killed") as faults, Postgres(folder / "killed") as killed:
            upgrade(killed.url)
            faults += await payments_through_database_kills(killed, killed.url, rounds)


def lose_primaries(report: Report, losses: int, until: float | None, *, write: bool) -> None:
    """In memory where there is room: what is synced there is lost with the machine, and no machine is lost here."""

    def tell(loss: Loss) -> None:
        print(f"    {loss.old} -> {loss.new} after {loss.found_s:5.1f} s: {loss.kind}", file=sys.stderr, flush=True)

    fast = IN_MEMORY if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_MIN_BYTES else None
    with (
        report.part(f"{losses} primaries lost, by Patroni") as faults,
        tempfile.TemporaryDirectory(prefix="khallas-failover-", dir=fast) as name,
    ):
        Path(name).chmod(0o711)
        run = asyncio.run(failover(Path(name), losses, until, tell))
        faults += run.faults
        told = table(run.rows, run.summary())
        print(told)
        if write:
            written(told)


def main() -> int:
    """Everything, or the parts that are named."""
    parser = argparse.ArgumentParser(prog="./run chaos", description=__doc__)
    parser.add_argument("-n", type=int, default=50, dest="rounds", help="rounds at each point (50)")
    parser.add_argument("--only", action="append", choices=PARTS + ASKED_FOR, help="this part only; may be repeated")
    parser.add_argument("--minutes", type=float, help="of failover: no further primary is lost after so long")
    parser.add_argument("--write", action="store_true", help="of failover: its table into docs/SCALING.md")
    given = parser.parse_args()
    if not 1 <= given.rounds <= ROUNDS_MAX:
        parser.error(f"-n is 1 to {ROUNDS_MAX}")
    logging.disable(logging.CRITICAL)  # what is broken on purpose complains; the judgement is printed
    report, parts = Report(), given.only or list(PARTS)
    if "failover" in parts:
        until = None if given.minutes is None else time.time() + given.minutes * 60
        lose_primaries(report, given.rounds, until, write=given.write)
        parts = [part for part in parts if part not in ASKED_FOR]
        if not parts:
            return int(report.failed)
    if "simulation" in parts:
        simulate(report, 50 * given.rounds)
    if "acquirers" in parts:
        simulate(report, 50 * given.rounds, (FIRST, SECOND))
    with tempfile.TemporaryDirectory(prefix="khallas-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with Postgres(folder / "postgres", throwaway=True) as postgres, Valkey(folder / "valkey") as valkey:
            template = "chaos_template"
            upgrade(postgres.create(template))
            if "crashes" in parts:
                asyncio.run(crash(report, postgres, template, valkey.url, folder, given.rounds))
            if "crashes-of-two" in parts:
                asyncio.run(crash(report, postgres, template, valkey.url, folder, given.rounds, several=True))
            if "wallet-crashes" in parts:
                asyncio.run(wallet_crash(report, postgres, template, valkey.url, folder, given.rounds))
            asyncio.run(storms(report, postgres, template, folder, given.rounds, parts))
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
