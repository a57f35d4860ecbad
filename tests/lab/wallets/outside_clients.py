"""Clients of wallets by others: npm's mtn-momo and mpesa-node, and the shapes of PyPI's daraja-sdk-py."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from lab.wallets import daraja, mtn
from tests.support.registries import npm_folder, pypi_folder

SOURCES = Path(__file__).parent / "outside"
WANTED = "the wallets' clients need node and npm; Debian: apt-get install nodejs npm"
ANSWER_MAX_S = 60.0
LINE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class OutsideClients:
    """A running node process; an answer is {"value"}, or {"error", "status", "body"}."""

    process: asyncio.subprocess.Process

    async def ask(self, of: str, call: str, *args: object) -> dict[str, Any]:
        process = self.process
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"of": of, "call": call, "args": args}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_MAX_S):
            line = await process.stdout.readline()
        assert line, f"the client has died with {await process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def outside_clients(url: str) -> AsyncIterator[OutsideClients]:
    """Set up for the network at that address. Raises RegistryAway."""
    folder = await asyncio.to_thread(npm_folder, SOURCES, "wallet-clients", WANTED)
    shutil.copy(SOURCES / "client.js", folder / "client.js")
    keys = {
        "mtn": {"userId": mtn.USER, "userSecret": mtn.KEY, "primaryKey": mtn.SUBSCRIPTION},
        "daraja": {
            "consumerKey": daraja.CONSUMER,
            "consumerSecret": daraja.SECRET,
            "lipaNaMpesaShortCode": daraja.SHORT_CODE,
            "lipaNaMpesaShortPass": daraja.PASSKEY,
        },
    }
    process = await asyncio.create_subprocess_exec(
        *("node", str(folder / "client.js"), url, json.dumps(keys)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    try:
        yield OutsideClients(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def daraja_shapes() -> ModuleType:
    """The pydantic models of daraja-sdk-py, without the client around them. Raises RegistryAway."""
    file = pypi_folder(SOURCES / "shapes.txt", "wallet-shapes") / "daraja" / "models" / "__init__.py"
    spec = spec_from_file_location("outside_daraja_models", file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def strictly(shape: Callable[..., Any], told: object) -> Any:
    """A body as the shape reads it: no number for a text, no text for a number. Raises ValidationError."""
    return shape.model_validate(told, strict=True)  # type: ignore[attr-defined]  # a pydantic model of others
