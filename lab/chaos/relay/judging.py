"""What a consumer read against what the books committed: nothing missing, one id an event, each payment in order."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.database.pool import Database
from core.events.catalogue import TYPES

COMMITTED = """
SELECT e.id, e.payment_id, e.event, e.at, l.number FROM payment_events e
LEFT JOIN audit_links l ON l.chain = 'payment_events' AND l.row_id = e.id ORDER BY e.id
"""


@dataclass(frozen=True, slots=True)
class Consumed:
    """A message as a consumer has it."""

    partition: int
    offset: int
    key: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RelayVerdict:
    """What was found; `repeats` are messages beyond the first of their id."""

    events: int = 0
    messages: int = 0
    repeats: int = 0
    faults: list[str] = field(default_factory=list)


async def judged(database: Database, messages: Sequence[Consumed]) -> RelayVerdict:
    """The verdict. A payment's rows are committed one after the other: their ids are their order."""
    verdict, firsts = RelayVerdict(messages=len(messages)), dict[str, Consumed]()
    met: dict[str, list[Consumed]] = defaultdict(list)
    for each in messages:
        first = firsts.setdefault(each.headers["ce_id"], each)
        if first is each:
            met[each.key].append(each)
        elif (first.key, first.headers, first.body, first.partition) != (
            each.key,
            each.headers,
            each.body,
            each.partition,
        ):
            verdict.faults.append(f"{each.headers['ce_id']} came again as another event")
    told: dict[str, list[str]] = defaultdict(list)
    for row in await database.all(COMMITTED):
        if row["event"] not in TYPES:
            continue
        event_id = f"evt_{row['id']}"
        told[row["payment_id"]].append(event_id)
        found = firsts.pop(event_id, None)
        if found is None:
            verdict.faults.append(f"{event_id} of {row['payment_id']} never came")
        elif wrong := _wrong(found, dict(row)):
            verdict.faults.append(f"{event_id}: {wrong}")
    verdict.events = sum(map(len, told.values()))
    verdict.repeats = len(messages) - verdict.events
    verdict.faults += [f"{event_id} is no event of the books" for event_id in firsts]
    for payment_id, ids in told.items():
        came = [each.headers["ce_id"] for each in sorted(met[payment_id], key=lambda each: each.offset)]
        if came != ids and set(came) == set(ids):
            verdict.faults.append(f"{payment_id}: came in the order {came}, happened in the order {ids}")
    return verdict


def _wrong(found: Consumed, row: dict[str, object]) -> str:
    body = json.loads(found.body)
    event = row["event"]
    expected = {
        "ce_type": str(TYPES[str(event)]),
        "ce_specversion": "1.0",
        "content-type": "application/json",
    }
    if found.key != row["payment_id"] or body["payment"]["id"] != row["payment_id"]:
        return f"bears the key {found.key}"
    if body["sequence"] != row["number"]:
        return f"bears the place {body['sequence']}, and has {row['number']}"
    if differing := {name for name, value in expected.items() if found.headers.get(name) != value}:
        return f"differs in {sorted(differing)}"
    return ""
