"""The part of the vault's key that no disk ever holds: made when a server starts, gone when it ends.

A card between two steps is sealed under the settings' key and this one together: whoever has the append-only file and
every setting has no card. A supervisor hands it to its workers through a pipe; several machines share it through a
Valkey that keeps nothing (KHALLAS_VAULT_URL). A restart forgets it, and a caller in between types the card once more.
"""

import os
from collections.abc import Mapping, MutableMapping

import redis
from redis.exceptions import RedisError

KEY_BYTES = 32
KEY_FD = "VAULT_MEMORY_KEY_FD"  # in a worker's environment: where it reads the key, once
SHARED = "kh:vault:memory-key"
WAIT_S = 5.0

_held: list[bytes] = []


class KeyUnshared(Exception):
    """Several machines cannot agree on a key: the operator's fault, in words that hold no secret."""


def memory_key() -> bytes:
    """Returns this process's key; made at the first question where nobody gave one."""
    if not _held:
        _held.append(os.urandom(KEY_BYTES))
    return _held[0]


def hold(key: bytes) -> None:
    """Take a key that others have too. Raises ValueError."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"the vault's memory key has {KEY_BYTES} bytes")
    _held[:] = [key]


def handed() -> int:
    """A descriptor that a worker reads the key from; whoever starts it closes it afterwards."""
    reading, writing = os.pipe()
    os.write(writing, memory_key())  # fits into any pipe
    os.close(writing)
    return reading


def receive(environ: MutableMapping[str, str]) -> None:
    """Takes, in a worker, the key that its supervisor handed over, if it did."""
    number = environ.pop(KEY_FD, "")
    if not number:
        return
    with os.fdopen(int(number), "rb") as pipe:
        hold(pipe.read(KEY_BYTES))


def share(url: str) -> None:
    """The key of all machines: the first one to start makes it. Blocks. Raises KeyUnshared."""
    if not url:
        return
    try:
        with redis.Redis.from_url(url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S) as store:
            _keeps_nothing(store.info("persistence"), store.config_get("save"))
            store.set(SHARED, memory_key(), nx=True)
            shared = store.get(SHARED)
    except RedisError as error:
        raise KeyUnshared(f"cannot be asked ({type(error).__name__})") from None
    if not isinstance(shared, bytes) or len(shared) != KEY_BYTES:
        raise KeyUnshared("holds something else in place of a key")
    hold(shared)


def _keeps_nothing(persistence: object, save: object) -> None:
    kept = isinstance(persistence, Mapping) and persistence.get("aof_enabled")
    saved = isinstance(save, Mapping) and save.get("save")
    if kept or saved or not isinstance(save, Mapping):
        raise KeyUnshared('writes to a disk: set `appendonly no` and `save ""` there, and start it anew')
