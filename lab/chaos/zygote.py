"""Imports the server once and forks one for each line it is told: a restart then costs no imports.

`python -m lab.chaos.zygote`: a line in is JSON (port, fuse, log, environment), a line out the new server's pid. Each
child is the whole server of lab/chaos/server.py, a process of its own that dies of its own kill -9. Rule of this file:
one thread and no event loop before the fork.
"""

import ctypes
import gc
import json
import os
import signal
import sys

import uvicorn.loops.uvloop
import uvicorn.protocols.http.httptools_impl  # uvicorn imports them when it starts, each time

from lab.chaos import server
from lab.servers.die_with_parent import PR_SET_PDEATHSIG

__all__ = ["main", "uvicorn"]


def main() -> None:
    """Until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them; whoever asked watches
    gc.freeze()  # what was imported stays shared
    for line in sys.stdin:
        asked = json.loads(line)
        parent_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(asked, parent_pid)
        print(pid, flush=True)


def _become(asked: dict[str, object], parent_pid: int) -> None:
    """The child; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)  # orphaned before the rope was tied
    log = os.open(str(asked["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, onto in ((null, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, onto)
    environment = asked["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["server", "--port", str(asked["port"]), "--fuse", str(asked["fuse"])]
    try:
        server.main()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
