"""Giant bodies, heads and a million fields: refused, and no memory is spent on them (docs/protocols/security.md 10)."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from channels.wire import FIELD_BYTES_MAX, FIELDS_MAX, Malformed, fields

MEGABYTE = 1024 * 1024
MEMORY_MAX_BYTES = 10 * MEGABYTE
GIANT_BYTES = 256 * MEGABYTE
START_MAX_S, ANSWER_MAX_S = 30.0, 20.0
ROOT = Path(__file__).parent.parent.parent

POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
MANY = b"&".join(b"f%d=" % n for n in range(62_500))  # sixteen of them are a million fields
FLOODS = {
    "a giant body": (POST + b"Content-Length: %d\r\n\r\n" % GIANT_BYTES, b"x" * MEGABYTE, 256),
    "a giant body in chunks": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n",
        b"100000\r\n" + b"x" * MEGABYTE + b"\r\n",
        256,
    ),
    "a million fields": (POST + b"Content-Length: %d\r\n\r\n" % (16 * len(MANY)), MANY, 16),
    "a million fields in the query": (b"POST /?", MANY, 16),
    "a giant header": (POST + b"X-Giant: ", b"x" * MEGABYTE, 64),
    "headers without end": (POST, b"X-Many: 1\r\n" * 4_096, 256),
    "trailers without end": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Many: 1\r\n" * 4_096, 256),
    "noise": (b"\x16\x03\x01", b"\x00\xff" * 32_768, 256),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[str]:
    """In a process of its own: the tests' own memory must not hide it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.security.flooded",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    async with asyncio.timeout(START_MAX_S):
        url = (await process.stdout.readline()).decode().strip()
    await _flood(url, POST + b"Content-Length: 3\r\n\r\n", b"a=1", 1)  # whatever a first request loads
    yield url
    process.stdin.close()
    await process.wait()


async def _flood(url: str, head: bytes, chunk: bytes, chunks: int) -> bytes:
    """What came back. No more is sent once the server has cut the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    answer = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(ANSWER_MAX_S):
            writer.write(head)
            for _ in range(chunks):
                writer.write(chunk)
                await writer.drain()
            answer = await reader.read(4_096)
    writer.transport.abort()
    return answer


async def _peak_bytes(url: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(f"{url}/peak") as answer:
        return int(await answer.text())


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_takes_no_memory(server: str, name: str) -> None:
    before = await _peak_bytes(server)
    answer = await _flood(server, *FLOODS[name])
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert await _peak_bytes(server) - before < MEMORY_MAX_BYTES
    assert (await _flood(server, POST + b"Content-Length: 3\r\n\r\n", b"a=1", 1)).startswith(b"HTTP/1.1 200")


def test_fields_are_counted_before_they_are_made() -> None:
    assert fields(b"&".join([b"a=1"] * FIELDS_MAX)) == {"a": "1"}
    for told in (b"&".join([b"a=1"] * (FIELDS_MAX + 1)), b"&" * FIELDS_MAX + b"a=1"):
        with pytest.raises(Malformed):
            fields(told)


def test_a_field_has_its_length() -> None:
    assert fields(b"a=" + b"x" * FIELD_BYTES_MAX)["a"]
    with pytest.raises(Malformed):
        fields(b"a=" + b"x" * (FIELD_BYTES_MAX + 1))
