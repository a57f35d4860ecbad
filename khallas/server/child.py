"""One worker process of `khallas serve --workers N`, started by khallas/server/supervisor.py.

`python -m khallas.server.child LISTENER STATUS LIFE [CALLS]`: file descriptors. It writes READY once it serves and BEAT
while its loop turns; it leaves gracefully when LIFE closes, for then its supervisor is gone. CALLS is FastAGI's socket.
"""

import asyncio
import os
import signal
import socket
import sys

from khallas.bootstrap.calls import SharedCalls
from khallas.bootstrap.production import require_production
from khallas.cli.serve import server, settle
from khallas.server.beats import BEAT, BEAT_S, READY
from khallas.server.process import no_core_dumps, seldom_look_for_garbage
from khallas.settings.model import BadSettings, load
from khallas.telemetry import logs
from sessions.vault_key import receive

EXIT_CONFIG = 78


def main(listener: int, status: int, life: int, calls: int = -1) -> int:
    """Serve until told otherwise; the exit code."""
    no_core_dumps()
    seldom_look_for_garbage()
    receive(os.environ)
    try:
        settings = load(os.environ)
        require_production(settings, os.environ)
        logs.configure(settings.log_level, settings.log_format)
        uvicorn_server = server(settings, lambda: _watched(status, life), SharedCalls(_socket(calls)))
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    settle()
    uvicorn_server.run([socket.socket(fileno=listener)])
    return 0


def _socket(descriptor: int) -> socket.socket | None:
    """None where a supervisor handed none."""
    return socket.socket(fileno=descriptor) if descriptor >= 0 else None


def _watched(status: int, life: int) -> None:
    loop = asyncio.get_running_loop()
    os.set_blocking(status, False)

    def say(byte: bytes) -> None:
        try:
            os.write(status, byte)
        except OSError:  # nobody reads: LIFE tells
            return
        loop.call_later(BEAT_S, say, BEAT)

    def orphaned() -> None:
        loop.remove_reader(life)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(life, orphaned)
    say(READY)


if __name__ == "__main__":
    raise SystemExit(main(*(int(number) for number in sys.argv[1:5])))
