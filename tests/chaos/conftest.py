"""A Valkey of the chaos tests' own: many servers share it, each with sessions of its own callers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.valkey import Valkey


@pytest.fixture(scope="module")
def redis_module_url(servers_folder: Path) -> Iterator[str]:
    with Valkey(servers_folder / "valkey-chaos") as server:
        yield server.url
