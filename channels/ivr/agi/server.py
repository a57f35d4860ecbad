"""The FastAGI server: connections let in, counted and bounded. Thin."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from channels.http.receive import Check
from channels.ivr.agi import protocol
from channels.ivr.agi.call import Call, CallDependencies
from channels.ivr.agi.line import AGI_BOUNDS, AgiBounds, AgiConnection
from channels.ivr.agi.protocol import AgiError, CallerHungUp
from channels.ivr.prompts import Piece
from channels.ivr.wires.fastagi import NAME, RESULT_VARIABLE, VARIABLES, CallResult
from channels.wire import Malformed, SenderRefused
from core.tracing import about, request
from sessions.turn.turns import Inbound

log = logging.getLogger(__name__)

CALLS_MAX = 200
WAITING_MAX = 50  # connections beyond the calls: they are told "busy", further ones are closed
SILENT_PEERS = 2  # as many switches as may fill their part with connections that say nothing
BACKLOG = 128
DRAIN_S = 120.0  # what most calls still need to come to their end
DOOR = f"ivr/{NAME}"


class AgiServer:
    """Serves calls for as long as `open` lasts."""

    def __init__(
        self,
        parts: CallDependencies,
        check: Check,
        *,
        admits: Callable[[str], bool] = lambda peer: True,
        host: str,
        port: int,
        calls_max: int = CALLS_MAX,
        waiting_max: int = WAITING_MAX,
        drain_s: float = DRAIN_S,
        bounds: AgiBounds = AGI_BOUNDS,
        bound: socket.socket | None = None,
        shared: bool = False,
    ) -> None:
        """`admits` knows addresses that may connect at all; `check` raises Refused once a switch has said who it is.

        Port 0 takes a free one. `drain_s`: see `open`. `bound` listens there already, for all workers of a server;
        `shared`: without it each of them binds the port, and so may any other program of the same user.
        """
        self._admits = admits
        self._silent: dict[asyncio.StreamWriter, str] = {}  # the oldest first, each with its peer
        self._spoken: set[asyncio.StreamWriter] = set()
        self._parts = parts
        self._check = check
        self._host = host
        self._calls_max = calls_max
        self._waiting_max = waiting_max
        self._drain_s = drain_s
        self._bounds = bounds
        self._calls = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._bound = bound
        self._shared = shared
        self.port = port

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen. At the end calls have `drain_s` to finish, then they are cut, their cards erased. Raises OSError."""
        limit = protocol.LINE_BYTES_MAX
        if self._bound is not None:
            self._server = await asyncio.start_server(self._connected, sock=self._bound, limit=limit, backlog=BACKLOG)
        else:
            self._server = await asyncio.start_server(
                self._connected, self._host, self.port, limit=limit, backlog=BACKLOG, reuse_port=self._shared
            )
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            self.leave()
            await self._finish()

    @property
    def unheard(self) -> Collection[Piece]:
        """The recordings that the switch did not have when it was last asked."""
        return self._parts.unheard

    def leave(self) -> None:
        """Takes no new calls: the next worker takes them. Those that were begun go on."""
        if self._server is not None:
            self._server.close()

    async def settled(self) -> None:
        """Waits until every call there is now has ended."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def probe(self) -> None:
        """Checks for /readyz that the server listens. Raises ConnectionError when it does not."""
        if self._server is None or not self._server.is_serving():
            raise ConnectionError("the FastAGI server does not listen")

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _address(writer)
        if not self._admits(peer):
            self._parts.metrics.refused(DOOR, "forbidden")
            writer.transport.abort()
            return
        if len(self._spoken) >= self._calls_max + self._waiting_max:
            self._parts.metrics.call_ended(NAME, "crowded")
            writer.transport.abort()
            return
        self._make_room(peer)
        self._silent[writer] = peer
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._forget(writer))

    def _forget(self, writer: asyncio.StreamWriter) -> None:
        self._silent.pop(writer, None)
        self._spoken.discard(writer)

    def _make_room(self, peer: str) -> None:
        """Who says nothing makes way for who comes: a switch says at once what it wants."""
        peer_max = self._calls_max + self._waiting_max  # a burst of right calls has said nothing yet either
        of_peer = [writer for writer, whose in self._silent.items() if whose == peer]
        full = len(self._silent) >= SILENT_PEERS * peer_max
        oldest = of_peer if len(of_peer) >= peer_max else [*self._silent] if full else []
        for writer in oldest[:1]:
            del self._silent[writer]
            self._parts.metrics.refused(DOOR, "silent")
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = AgiConnection(reader, writer, self._bounds)
        try:
            outcome = await self._call(line, writer)
            await line.command(protocol.set_variable(RESULT_VARIABLE, outcome))
        except CallerHungUp:
            outcome = "hung_up"
        except AgiError as error:
            log.warning("a call was cut: %s", error)
            outcome = "broken"
        except Exception:
            log.exception("a call failed")
            outcome = "broken"
        finally:
            await line.close()
        self._parts.metrics.call_ended(NAME, outcome)

    async def _call(self, line: AgiConnection, writer: asyncio.StreamWriter) -> str:
        inbound = await self._let_in(line, writer)
        if inbound is None:
            return CallResult.REFUSED
        if self._calls >= self._calls_max:
            return CallResult.BUSY
        self._calls += 1
        try:
            with request(), about(call=inbound.dialog), self._parts.metrics.call(NAME):
                return await Call(self._parts, line).run(inbound)
        finally:
            self._calls -= 1

    async def _let_in(self, line: AgiConnection, writer: asyncio.StreamWriter) -> Inbound | None:
        wire = self._parts.wire
        try:
            greeting = await line.greeting()
            for argument, variable in VARIABLES.items():
                if argument not in greeting:
                    greeting[argument] = (await line.command(protocol.get_variable(variable))).value
            self._spoken.add(writer)
            self._silent.pop(writer, None)
            self._check(wire.incoming(greeting, _address(writer)))
            return wire.arrival(greeting)
        except (Malformed, SenderRefused) as error:
            log.warning("refused at %s: %s", DOOR, error)
            self._parts.metrics.refused(DOOR, "forbidden" if isinstance(error, SenderRefused) else "malformed")
            return None

    async def _finish(self) -> None:
        tasks = set(self._tasks)
        if not tasks:
            return
        log.info("%s calls go on for at most %s s", len(tasks), self._drain_s)
        _, late = await asyncio.wait(tasks, timeout=self._drain_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _address(writer: asyncio.StreamWriter) -> str:
    peer = writer.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""
