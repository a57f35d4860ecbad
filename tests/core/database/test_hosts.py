"""Of several hosts whoever takes writes is connected to; a silent one delays nobody."""

import asyncio
import socket
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from core.database.hosts import HEAD_START_S, first_open, writers
from core.database.statements import BoundedConnection
from tests.support.waiting import until

PATIENCE_S = 60.0  # of a test, on a busy machine
SILENT_S = 600  # what a silent host may take


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The kernel takes connections, and nobody says a word: a machine that stands still."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _several(database_url: str, *ports: int) -> str:
    """The test's database by several addresses, the given ones and then its own."""
    named = conninfo_to_dict(database_url)
    hosts = ",".join(f"127.0.0.1:{port}" for port in (*ports, named["port"]))
    whose = f"{named['user']}:{named['password']}"
    return f"postgresql://{whose}@{hosts}/{named['dbname']}?target_session_attrs=read-write"


async def test_a_silent_host_keeps_nobody_from_the_next(database_url: str, silent_port: int) -> None:
    url = _several(database_url, silent_port, silent_port)
    async with asyncio.timeout(PATIENCE_S):
        connection = await BoundedConnection.connect(url, connect_timeout=SILENT_S)
        async with connection:
            assert (await connection.execute("SELECT 1")).rowcount == 1


async def test_who_took_writes_is_asked_first(database_url: str, silent_port: int) -> None:
    url = _several(database_url, silent_port)
    assert writers(url)[0]["port"] == str(silent_port)
    async with await BoundedConnection.connect(url):
        pass
    named = conninfo_to_dict(database_url)["port"]
    assert [each["port"] for each in writers(url)] == [named, str(silent_port)]


async def test_hosts_that_refuse_are_told_of(silent_port: int) -> None:
    url = f"postgresql://a:b@127.0.0.1:{silent_port},127.0.0.1:1/c?target_session_attrs=primary"
    with pytest.raises(psycopg.OperationalError):
        await BoundedConnection.connect(url, connect_timeout=1)


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("postgresql://a@h:1,i:2/d?target_session_attrs=read-write", ["1", "2"]),
        ("host=h,i,j target_session_attrs=primary", ["", "", ""]),
        ("host=h,i port=7 target_session_attrs=primary", ["7", "7"]),
        ("host=h,i port=7,8,9 target_session_attrs=primary", []),
        ("postgresql://a@h:1,i:2/d", []),
        ("postgresql://a@h:1,i:2/d?target_session_attrs=prefer-standby", []),
        ("host=h,i hostaddr=10.0.0.1,10.0.0.2 target_session_attrs=primary", []),
        ("postgresql://a@h:1/d?target_session_attrs=read-write", []),
        ("", []),
    ],
)
def test_only_where_one_takes_writes_are_all_asked(url: str, ports: list[str]) -> None:
    assert [each["port"] for each in writers(url)] == ports


class _Host:
    """Answers as it is told: an error, silence (None), or a connection."""

    def __init__(self, url: str, *answers: str | None) -> None:
        self._url = url
        self._answers = list(answers)
        self.asked = 0
        self.opened: list[BoundedConnection] = []

    async def connect(self) -> BoundedConnection:
        self.asked += 1
        answer = self._answers[min(self.asked, len(self._answers)) - 1]
        if answer == "refuses":
            raise psycopg.OperationalError("session is read-only")
        if answer is None:
            await asyncio.Event().wait()
        self.opened.append(await BoundedConnection.connect(self._url))
        return self.opened[-1]


async def test_a_standby_that_is_promoted_while_the_lost_one_is_silent_is_found(database_url: str) -> None:
    silent, standby = _Host(database_url, None), _Host(database_url, "refuses", "refuses", "opens")
    async with asyncio.timeout(PATIENCE_S):
        connection = await first_open([silent.connect, standby.connect])
    assert (silent.asked, standby.asked) == (1, 3)
    await connection.close()


async def test_a_host_that_answers_is_asked_alone(database_url: str) -> None:
    primary, standby = _Host(database_url, "opens"), _Host(database_url, "refuses")
    connection = await first_open([primary.connect, standby.connect])
    assert standby.asked in {0, 1}, "1: the machine is so busy that its head start was over"
    await connection.close()


async def test_what_opens_too_late_is_closed(database_url: str) -> None:
    """Two that open in one turn of the loop: one is used, the other is not left open."""
    go, opened = asyncio.Event(), [await BoundedConnection.connect(database_url) for _ in range(2)]
    left = list(opened)

    async def connect() -> BoundedConnection:
        await go.wait()
        return left.pop()

    asyncio.get_running_loop().call_later(2 * HEAD_START_S, go.set)
    async with asyncio.timeout(PATIENCE_S):
        used = await first_open([connect, connect])
    await until(lambda: [each.closed for each in opened if each is not used] == [True])
    assert not used.closed
    await used.close()


async def test_where_all_refuse_nobody_is_asked_again(database_url: str) -> None:
    hosts = [_Host(database_url, "refuses") for _ in range(3)]
    with pytest.raises(psycopg.OperationalError, match="read-only"):
        await first_open([host.connect for host in hosts])
    assert [host.asked for host in hosts] == [1, 1, 1]
