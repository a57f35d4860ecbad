"""What the chaos tests share: a Valkey, with sessions of each server's own callers, and the zygote of the servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.chaos.nursery import Nursery, nursery
from lab.servers.valkey import Valkey


@pytest.fixture(scope="module")
def redis_module_url(servers_folder: Path) -> Iterator[str]:
    with Valkey(servers_folder / "valkey-chaos") as server:
        yield server.url


@pytest.fixture(scope="session")
def servers() -> Iterator[Nursery]:
    with nursery() as zygote:
        yield zygote
