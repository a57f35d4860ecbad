"""A closed-loop HTTP/1.1 load on raw sockets: so many keep-alive connections, each sends, waits, sends again.

Cheap on purpose: the load shares the machine with what it measures. Bounded in requests and in time.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

CONNECTIONS = 64
BURST_MAX_S = 60.0

Requests = Callable[[int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst came to. An error is an answer that is no 200 or does not hold what was expected."""

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
    form = b"Host: bench.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return b"POST %b HTTP/1.1\r\n%b%bContent-Length: %d\r\n\r\n%b" % (path.encode(), form, headers, len(body), body)


class _Client(asyncio.Protocol):
    """One connection: answers are told apart by their Content-Length."""

    def __init__(self, requests: Iterator[bytes], until: float, latencies: list[float], expect: bytes) -> None:
        self._requests = requests
        self._until = until
        self._latencies = latencies
        self._expect = expect
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._sent_at = time.perf_counter()
        self.gap_s: Callable[[], float] | None = None
        self.errors = 0
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass

    def go_on(self) -> None:
        """Send the next request, at once or after its gap."""
        pause_s = self._sent_at + self.gap_s() - time.perf_counter() if self.gap_s else 0.0
        if pause_s > 0:
            self._loop.call_later(pause_s, self._send)
        else:
            self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        request = next(self._requests, None) if self._sent_at < self._until else None
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        size = answer_size(self._buffer)
        if size is None or len(self._buffer) < size:
            return
        answer, self._buffer = self._buffer[:size], self._buffer[size:]
        self.errors += not answer.startswith(b"HTTP/1.1 200") or self._expect not in answer
        self._latencies.append(time.perf_counter() - self._sent_at)
        self.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        self.errors += error is not None
        if not self.done.done():
            self.done.set_result(None)


def answer_size(data: bytes) -> int | None:
    """Bytes of the answer that `data` begins with; None while its head is not whole. Raises ValueError."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    lower = data[: head + 2].lower()
    at = lower.index(b"content-length:") + 15
    return head + 4 + int(lower[at : lower.index(b"\r\n", at)])


async def burst(
    port: int,
    requests: Requests,
    seconds: float,
    *,
    connections: int = CONNECTIONS,
    rate: float | None = None,
    expect: bytes = b"",
) -> Burst:
    """Load for so long. `rate`: requests a second of all together, at random moments; None: as fast as answers come."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    clients: list[_Client] = []
    until = time.perf_counter() + seconds
    for n in range(connections):
        _, client = await loop.create_connection(
            lambda n=n: _Client(requests(n), until, latencies, expect),  # type: ignore[misc]  # n is bound now
            "127.0.0.1",
            port,
        )
        clients.append(client)
    began = time.perf_counter()
    for n, client in enumerate(clients):
        if rate:
            client.gap_s = partial(random.Random(n).expovariate, rate / connections)
        client.go_on()
    async with asyncio.timeout(seconds + BURST_MAX_S):
        await asyncio.gather(*(client.done for client in clients))
    spent = time.perf_counter() - began
    latencies.sort()
    errors = sum(client.errors for client in clients)
    return Burst(len(latencies), spent, at_ms(latencies, 0.5), at_ms(latencies, 0.99), errors)


def at_ms(sorted_s: Sequence[float], share: float) -> float:
    """The value below which that share lies, in milliseconds."""
    return sorted_s[min(len(sorted_s) - 1, int(len(sorted_s) * share))] * 1000 if sorted_s else 0.0
