"""One server under trial for every module of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from core.database.help_desk.accounts import PgUsers
from core.database.migrate import upgrade
from core.database.pool import open_database
from core.help_desk.accounts import Role, hasher
from lab.clocks import NOON
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from tests.e2e.demo import free_port
from tests.ops.house import GATEWAY_SECRET, house
from tests.security.trial import AGGREGATORS, OTHERS, PASSWORD, WIRES, Trial


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def trial(servers_folder: Path) -> AsyncIterator[Trial]:
    folder = servers_folder / "intruder"
    folder.mkdir(mode=0o711)
    with Valkey(folder / "valkey") as valkey, Postgres(folder / "postgres", throwaway=True) as postgres:
        upgrade(postgres.url)
        async with open_database(postgres.url) as database:
            await PgUsers(database).add("sami", Role.SUPERVISOR, hasher().hash(PASSWORD), NOON)
        async with house(postgres.url, valkey.url, folder) as khallas:
            port, calls = free_port(), free_port()
            secrets = {wire: f"{GATEWAY_SECRET}{wire}" for wire in OTHERS}
            secrets |= {wire: f"{GATEWAY_SECRET}{wire} net:127.0.0.1" for wire in AGGREGATORS}
            khallas.environ |= WIRES | {"KHALLAS_ASTERISK__AGI_PORT": str(calls)}
            khallas.environ |= {f"KHALLAS_GATEWAY_SECRETS__{wire.upper()}": value for wire, value in secrets.items()}
            server = await khallas.serve(port, "--workers", "2")
            async with aiohttp.ClientSession(auto_decompress=False) as http:
                yield Trial(khallas, port, calls, server.pid, http)
