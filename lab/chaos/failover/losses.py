"""How a primary is lost, and how it comes back."""

import asyncio
import random
import time
from dataclasses import dataclass
from enum import StrEnum

from lab.servers.patroni.cluster import Cluster

FOUND_MAX_S = 180.0
BACK_AFTER_MAX_S = 8.0
LOOK_S = 0.25


class Kind(StrEnum):
    """In what way."""

    KILLED = "machine killed (kill -9 of Patroni and PostgreSQL)"
    POSTGRES_KILLED = "PostgreSQL killed (kill -9)"
    STOPPED = "machine stands still (SIGSTOP)"
    CUT_OFF = "machine cut off (its TCP wires to all others stand still)"
    SWITCHED = "switched over by hand"


ORDER = (Kind.KILLED, Kind.STOPPED, Kind.CUT_OFF, Kind.POSTGRES_KILLED, Kind.SWITCHED)


@dataclass(frozen=True, slots=True)
class Loss:
    """One of them. Times are of the clock; `found_s`: until another node was primary."""

    kind: Kind
    old: str
    new: str
    at: float
    found_s: float


async def lose(cluster: Cluster, kind: Kind, chance: random.Random) -> Loss:
    """The old primary is back, or on its way, when this returns. Raises TimeoutError."""
    old = next(each.node for each in await cluster.whole() if each.role == "leader")
    node, at, began = cluster.node(old), time.time(), time.monotonic()
    match kind:
        case Kind.KILLED:
            node.kill()
        case Kind.POSTGRES_KILLED:
            node.kill_postgres()
        case Kind.STOPPED:
            node.pause()
        case Kind.CUT_OFF:
            node.wires.pause()
        case Kind.SWITCHED:
            await cluster.switch_over(old)
    try:
        new = await _another(cluster, old)
        found_s = time.monotonic() - began
        await asyncio.sleep(chance.uniform(0, BACK_AFTER_MAX_S))
    finally:
        match kind:
            case Kind.KILLED:
                node.start()
            case Kind.STOPPED:
                node.resume()
            case Kind.CUT_OFF:
                node.wires.resume()
    return Loss(kind, old, new, at, found_s)


async def _another(cluster: Cluster, old: str) -> str:
    deadline = time.monotonic() + FOUND_MAX_S
    while time.monotonic() < deadline:
        if (new := await cluster.primary(but=old)) is not None:
            return new
        await asyncio.sleep(LOOK_S)
    raise TimeoutError(f"nobody took over from {old}")
