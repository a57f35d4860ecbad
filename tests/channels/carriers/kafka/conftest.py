"""A broker for the module, and accounts there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.carriers.kafka.account import KafkaAccount
from lab.servers.kafka import Tansu


@pytest.fixture(scope="module")
def tansu(servers_folder: Path) -> Iterator[Tansu]:
    with Tansu(servers_folder / "tansu") as server:
        yield server


@pytest.fixture
def account(tansu: Tansu, request: pytest.FixtureRequest) -> KafkaAccount:
    """A topic of each test's own."""
    prefix = f"{request.node.name.translate({91: 95, 93: 95, 45: 95})[:150]}."
    return KafkaAccount((tansu.url,), prefix, "https://pay.example.ma", "tests", idempotence=False, timeout_s=20.0)
