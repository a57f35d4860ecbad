"""Ports for servers that are killed and started again: nobody else is given one meanwhile."""

import subprocess
import sys

from lab.servers.processes import free_port

MANY = 200
ASK = "import sys; from lab.servers.processes import _reserved; print(*(_reserved(int(port)) for port in sys.argv[1:]))"


def test_a_port_is_given_once_whichever_process_asks() -> None:
    ports = [free_port() for _ in range(MANY)]
    assert len(set(ports)) == MANY
    told = subprocess.run(
        [sys.executable, "-c", ASK, *map(str, ports)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert told == ["False"] * MANY
