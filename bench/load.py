"""A closed-loop HTTP/1.1 load on raw sockets: so many keep-alive connections, each sends, waits, sends again.

Cheap on purpose: the load shares the machine with what it measures. Bounded in requests and in time.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CONNECTIONS = 64
BURST_MAX_S = 60.0

Requests = Callable[[int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst came to. Latencies in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def post(path: str, body: bytes, headers: bytes = b"") -> bytes:
    """One request as bytes."""
    return (
        b"POST %b HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n%bContent-Length: %d\r\n\r\n%b"
        % (path.encode(), headers, len(body), body)
    )


class _Client(asyncio.Protocol):
    """One connection: answers are told apart by their Content-Length."""

    def __init__(self, requests: Iterator[bytes], until: float, latencies: list[float], pause_s: float) -> None:
        self.requests = requests
        self.until = until
        self.latencies = latencies
        self.pause_s = pause_s
        self.errors = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        now = time.perf_counter()
        request = next(self.requests, None) if now < self.until else None
        if request is None:
            self.transport.close()
            return
        self.sent_at = now
        self.transport.write(request)  # type: ignore[attr-defined]  # a TCP transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lower = self.buffer[:head].lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 : lower.find(b"\r\n", at) if lower.find(b"\r\n", at) > 0 else head])
        if len(self.buffer) < head + 4 + length:
            return
        if not self.buffer.startswith(b"HTTP/1.1 200"):
            self.errors += 1
        self.buffer = self.buffer[head + 4 + length :]
        spent = time.perf_counter() - self.sent_at
        self.latencies.append(spent)
        if self.pause_s > spent:
            asyncio.get_running_loop().call_later(self.pause_s - spent, self._send)
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def burst(
    port: int, requests: Requests, seconds: float, *, connections: int = CONNECTIONS, rate: float | None = None
) -> Burst:
    """Load for so long; `rate` paces all connections together (open pace, closed loop), None goes as fast as it can."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    began = time.perf_counter()
    pause_s = connections / rate if rate else 0.0
    clients = []
    for n in range(connections):
        _, client = await loop.create_connection(
            lambda n=n: _Client(requests(n), began + seconds, latencies, pause_s),  # type: ignore[misc]  # bound now
            "127.0.0.1",
            port,
        )
        clients.append(client)
    async with asyncio.timeout(seconds + BURST_MAX_S):
        await asyncio.gather(*(client.done for client in clients))
    spent = time.perf_counter() - began
    latencies.sort()
    errors = sum(client.errors for client in clients)
    return Burst(len(latencies), spent, _at(latencies, 0.5), _at(latencies, 0.99), errors)


def _at(latencies: list[float], share: float) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000 if latencies else 0.0
