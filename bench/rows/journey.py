"""A whole paid bill, dial to receipt: processor time of every process, against the same requests, SQL and commands."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count as counting
from itertools import islice
from statistics import median

import psycopg
import uvloop
from psycopg.sql import SQL, Identifier

from bench.baselines.journey import Bare, bare, recorded
from bench.contest import Plan
from bench.journey import house
from bench.journey.house import NO_MORE, Parts
from bench.journey.ways import Way
from bench.results import Finding, Row, at_most
from bench.stage import Backends, beside, on_database
from lab.chaos.customer import Customer, customer

PAID, PAID_QUICK = 48, 4
WARM, WARM_QUICK = 24, 6  # statements are prepared after some, plans kept
LESS = 0.7  # of what the tree before took
COPY = "CREATE DATABASE {} TEMPLATE {}"
TITLES = {
    Way.CALL: "A paid bill, from the dial on USSD over the call to the receipt",
    Way.WALLET: "A bill paid by a wallet, from the dial on USSD to the receipt",
    Way.WEB: "A bill paid on the web, from the first page over the bank's to the receipt",
}


def run(backends: Backends, plan: Plan) -> list[Row]:
    people = map(customer, counting())
    return [_row(backends, plan, way, people) for way in Way]


def _row(backends: Backends, plan: Plan, way: Way, people: Iterator[Customer]) -> Row:
    seen_by, replayed_on = (copied(backends, f"{way}_{n}") for n in range(2))
    bills = PAID_QUICK if plan.quick else PAID
    trees = [NO_MORE] + ([{"PYTHONPATH": str(plan.before.resolve())}] if plan.before else [])
    made: list[list[Parts]] = [[] for _ in trees]
    for _ in range(plan.bursts):
        for tree, found in zip(trees, made, strict=True):
            found.append(_once(backends, way, people, bills, tree))
    ours, *older = (middle(found) for found in made)
    yours = alone(seen_by, replayed_on, way, people, bills)
    return Row(f"journey-{way}", TITLES[way], told(ours, yours, *older), note=shares(ours))


def _once(backends: Backends, way: Way, people: Iterator[Customer], bills: int, tree: Mapping[str, str]) -> Parts:
    warm = list(islice(people, WARM_QUICK if bills == PAID_QUICK else WARM))
    counted = list(islice(people, bills))
    return uvloop.run(house.measured(backends, way, warm, counted, tree))


def middle(found: Sequence[Parts]) -> Parts:
    """The median of each part."""
    return Parts(*(median(getattr(one, part) for one in found) for part in ("web", "jobs", "redis", "postgres")))


def told(ours: Parts, yours: Bare, before: Parts | None = None) -> list[Finding]:
    """In milliseconds a bill; what the customers, the bank, the network and Twilio spend is left out."""
    parts = (
        ("CPU a paid bill", ours.total),
        ("of it the web worker", ours.web),
        ("of it the job worker", ours.jobs),
        ("of it Redis", ours.redis),
        ("of it PostgreSQL", ours.postgres),
        ("the same requests, SQL and commands, bare", yours.total),
        ("of the bare ones HTTP", yours.http),
        ("of the bare ones psycopg", yours.sql),
        ("of the bare ones redis-py", yours.redis_client),
        ("of the bare ones Redis", yours.redis),
        ("of the bare ones PostgreSQL", yours.postgres),
    )
    found = [Finding(what, seconds * 1_000, "ms") for what, seconds in parts]
    found.append(Finding("statements and commands that fail bare and are left out", yours.left_out, ""))
    found.append(Finding("CPU a paid bill, times the bare one's", ours.total / yours.total, "x"))
    if before is not None:
        found.append(Finding("CPU a paid bill in the tree before", before.total * 1_000, "ms"))
        found.append(Finding("CPU a paid bill, times the tree before's", ours.total / before.total, "x", at_most(LESS)))
    return found


def shares(ours: Parts) -> str:
    """Whose the time is."""
    parts = (("the web worker", ours.web), ("the job worker", ours.jobs), ("Redis", ours.redis))
    told = [f"{name} {spent / ours.total:.0%}" for name, spent in (*parts, ("PostgreSQL", ours.postgres))]
    return f"Of a paid bill's processor time: {', '.join(told)}."


def alone(seen_by: Backends, replayed_on: Backends, way: Way, people: Iterator[Customer], times: int) -> Bare:
    """One bill is paid and recorded on the first database; its traffic is repeated on the second."""
    warm, model = islice(people, 2)
    for each in (seen_by, replayed_on):
        house.seed(each.database_url, [warm, model])
    with beside(seen_by) as own:  # a Redis of its own: it is emptied at each repetition
        what = uvloop.run(recorded(own, way, warm, model))
        return uvloop.run(bare(on_database(own, replayed_on.database_url), what, times))


def copied(backends: Backends, name: str) -> Backends:
    """The same servers with a copy of the database, while nobody is connected to it."""
    root, _, own = backends.database_url.rpartition("/")
    with psycopg.connect(f"{root}/postgres", autocommit=True) as connection:
        connection.execute(SQL(COPY).format(Identifier(name), Identifier(own)))
    return on_database(backends, f"{root}/{name}")
