"""HAProxy twice: as a node's wire to the world, which can be cut, and as the balancer that finds the primary."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.servers.patroni.programs import Programs
from lab.servers.processes import Server, User

DEFAULTS = """\
global
    maxconn 2000
defaults
    mode tcp
    timeout connect 4s
    timeout client 1h
    timeout server 1h
"""
WIRE = """\
listen wire_{number}
    bind 127.0.0.1:{outside}
    server node 127.0.0.1:{inside}
"""
PRIMARY = """\
listen primary
    bind 127.0.0.1:{port}
    option httpchk OPTIONS /primary
    http-check expect status 200
    timeout check 2s
    default-server inter 1s fastinter 500ms downinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
"""


class Proxy(Server):
    """HAProxy with the given parts."""

    def __init__(self, folder: Path, programs: Programs, parts: str, port: int) -> None:
        super().__init__(folder, port)
        self._programs = programs
        self._parts = parts

    def _prepare(self) -> tuple[list[str], User]:
        own = self.folder / "haproxy.cfg"
        own.write_text(DEFAULTS + self._parts)
        return [str(self._programs.haproxy), "-db", "-f", str(own)], "self"


def wires(folder: Path, programs: Programs, ports: Mapping[int, int]) -> Proxy:
    """All that a node hears and says, `ports` from outside to inside. Paused it is a cut: nothing is refused, nothing
    arrives; what was under way arrives when it is mended, as TCP does it."""
    parts = "".join(
        WIRE.format(number=number, outside=outside, inside=inside)
        for number, (outside, inside) in enumerate(ports.items())
    )
    return Proxy(folder, programs, parts, next(iter(ports)))


def balancer(folder: Path, programs: Programs, port: int, nodes: Sequence[tuple[str, int, int]]) -> Proxy:
    """One address for whoever is primary; `nodes` are names with ports of PostgreSQL and of Patroni."""
    lines = [f"    server {name} 127.0.0.1:{own} check port {asked}\n" for name, own, asked in nodes]
    return Proxy(folder, programs, PRIMARY.format(port=port) + "".join(lines), port)
