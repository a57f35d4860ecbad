"""The vault's memory key: handed to workers through a pipe, shared by machines through what keeps nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from lab.servers.valkey import Valkey
from sessions import vault_key as memory_key

TELLS = """
import os
from sessions import vault_key as own
own.receive(os.environ)
print(own.memory_key().hex(), own.KEY_FD in os.environ)
"""


@pytest.fixture(autouse=True)
def nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_key, "_held", [])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    """A Valkey that keeps nothing."""
    with Valkey(tmp_path / "valkey") as server, redis.Redis.from_url(server.url) as client:
        client.config_set("appendonly", "no")
        client.config_set("save", "")
        yield server.url
        client.config_set("appendonly", "no")  # it cannot leave while it writes its first file


def test_it_is_made_once_and_never_the_same() -> None:
    first = memory_key.memory_key()
    assert (len(first), memory_key.memory_key()) == (memory_key.KEY_BYTES, first)
    memory_key._held.clear()
    assert memory_key.memory_key() != first


def test_a_worker_has_its_supervisors() -> None:
    key = memory_key.handed()
    done = subprocess.run(
        [sys.executable, "-c", TELLS],
        pass_fds=(key,),
        env={**os.environ, memory_key.KEY_FD: str(key)},
        capture_output=True,
        text=True,
        check=True,
    )
    os.close(key)
    assert done.stdout.split() == [memory_key.memory_key().hex(), "False"]


def test_a_worker_without_one_makes_its_own() -> None:
    memory_key.receive({})
    assert len(memory_key.memory_key()) == memory_key.KEY_BYTES


def test_machines_share_it_through_what_keeps_nothing(store: str) -> None:
    memory_key.share(store)
    first = memory_key.memory_key()
    memory_key._held.clear()  # another machine
    memory_key.share(store)
    assert memory_key.memory_key() == first


@pytest.mark.parametrize(("name", "value"), [("appendonly", "yes"), ("save", "3600 1")])
def test_what_writes_to_a_disk_is_refused(store: str, name: str, value: str) -> None:
    with redis.Redis.from_url(store) as client:
        client.config_set(name, value)
    with pytest.raises(memory_key.KeyUnshared, match="writes to a disk"):
        memory_key.share(store)
    with redis.Redis.from_url(store) as client:
        assert client.get(memory_key.SHARED) is None


def test_what_cannot_be_asked_or_holds_something_else_is_told(store: str) -> None:
    with redis.Redis.from_url(store) as client:
        client.set(memory_key.SHARED, "short")
    with pytest.raises(memory_key.KeyUnshared, match="something else"):
        memory_key.share(store)
    with pytest.raises(memory_key.KeyUnshared, match="cannot be asked"):
        memory_key.share("redis://:s3cret@127.0.0.1:1/0")


def test_a_key_handed_over_within_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker does, here: it holds its supervisor's key, and the variable is gone."""
    own = memory_key.memory_key()
    environ = {memory_key.KEY_FD: str(memory_key.handed())}
    monkeypatch.setattr(memory_key, "_held", [])
    memory_key.receive(environ)
    assert memory_key.memory_key() == own
    assert environ == {}
    memory_key.receive(environ)
    assert memory_key.memory_key() == own
    with pytest.raises(ValueError, match="bytes"):
        memory_key.hold(b"short")
