"""Whoever of several hosts takes writes: they are asked beside each other, so that one that is silent delays nobody.

psycopg asks one after another. Of a primary that was lost with its machine no refusal comes, and each new connection
would wait for it as long as for a host that is merely slow, while another one is primary already.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from psycopg import AsyncConnection, Error
from psycopg.conninfo import conninfo_to_dict

C = TypeVar("C", bound=AsyncConnection[Any])
Connect = Callable[[], Coroutine[Any, Any, C]]

HEAD_START_S = 0.3  # of a host before the next one is asked as well: as a rule it answers in that time
AGAIN_S = 0.5  # then those that refused are asked again, as long as another one is silent: one may have taken over
ASKED_MAX = 16  # in all
WRITERS = frozenset({"read-write", "primary"})  # of which there is one; else the order says who is meant
KEPT_MAX = 100  # conninfos of a process whose last writer is known

_latest: dict[str, dict[str, str]] = {}


def writers(conninfo: str) -> list[dict[str, str]]:
    """What names each host of a conninfo that means whichever of them takes writes, the likeliest first; empty where it
    does not.
    """
    named = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    hosts, ports = named.get("host", "").split(","), named.get("port", "").split(",")
    if len(hosts) == 1 or named.get("target_session_attrs") not in WRITERS or "hostaddr" in named:
        return []
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        return []  # psycopg says what is wrong with it
    several = [{"host": host, "port": port} for host, port in zip(hosts, ports, strict=True)]
    latest = _latest.get(conninfo)
    return several if latest is None else [latest, *(each for each in several if each != latest)]


def took_writes(conninfo: str, host: dict[str, str]) -> None:
    """It is asked first from now on."""
    if len(_latest) >= KEPT_MAX:
        _latest.clear()
    _latest[conninfo] = host


async def first_open(connects: Sequence[Connect[C]]) -> C:
    """The first connection that opens, asked for in this order. Raises the last error where none does."""
    asking, refused, under_way = deque(connects), list[Connect[C]](), dict[asyncio.Task[C], Connect[C]]()
    left = ASKED_MAX
    try:
        while True:
            if asking:
                connect, left = asking.popleft(), left - 1
                under_way[asyncio.create_task(connect())] = connect
            pause_s = HEAD_START_S if asking else AGAIN_S if left > 0 else None
            done, _ = await asyncio.wait(under_way, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                refused.append(under_way.pop(task))
                error = task.exception()
                if error is None:
                    return task.result()
                if not isinstance(error, Error) or not (under_way or asking):
                    raise error
            if not (done or asking):
                asking, refused = deque(refused[:left]), []
    finally:
        for task in under_way:
            task.cancel()
            task.add_done_callback(_let_go)


def _let_go(task: "asyncio.Task[Any]") -> None:
    """It came too late, or to nobody."""
    if not task.cancelled() and task.exception() is None:
        task.result().pgconn.finish()
