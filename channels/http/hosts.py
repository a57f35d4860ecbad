"""What a request's target and Host may be, looked at before any door: pure, and quick for the busiest ones.

A server that believes any Host sends people to an attacker's (redirects, caches, rebound names). Ours is the public
URL's; gateways and people on the machine or at its very address name that, and KHALLAS_HOSTS names what else is ours.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

TARGET_BYTES_MAX = 8 * 1024
SEGMENT_CHARS_MAX = 256  # of a path: the longest of ours is a dialog's id of 128
KEPT_MAX = 256  # verdicts; whoever sends others is asked again
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # balancers name an address, or nothing
LOCAL = "localhost"


class Hosts:
    """Which Host is ours."""

    __slots__ = ("_kept", "_names")

    def __init__(self, public_url: str, others: Iterable[str] = ()) -> None:
        """`others`: names, or addresses of ours that hold one (Kannel's callback)."""
        found = {(urlsplit(each).hostname if "://" in each else each) or "" for each in (public_url, *others)}
        self._names = frozenset(name.lower().rstrip(".") for name in found if name)
        self._kept: dict[tuple[bytes, str], bool] = {}

    def ours(self, host: bytes, server: str) -> bool:
        """`server`: the address at which the request came in."""
        known = self._kept.get((host, server))
        if known is None:
            known = self._judge(host, server)
            if len(self._kept) < KEPT_MAX:
                self._kept[host, server] = known
        return known

    def _judge(self, host: bytes, server: str) -> bool:
        name = name_of(host)
        if name is None:
            return False
        if name in self._names or name == LOCAL:
            return True
        try:
            address = ipaddress.ip_address(name)
            return address.is_loopback or address == ipaddress.ip_address(server)
        except ValueError:
            return False


def name_of(host: bytes) -> str | None:
    """The name without its port, in small letters; None for what is no Host (RFC 9110, 7.2)."""
    try:
        parts = urlsplit(f"//{host.decode('ascii')}")
        port = parts.port
    except ValueError:
        return None
    name = (parts.hostname or "").rstrip(".")
    whole = f"[{name}]" if ":" in name else name
    spelled = host.decode("ascii").lower().rstrip(".").replace(".:", ":")
    if not name or spelled != (whole if port is None else f"{whole}:{port}"):
        return None
    return name


def target_fault(path: str, raw_path: bytes, query: bytes) -> tuple[int, str] | None:
    """Status and words for a target that no door is asked about."""
    if len(raw_path) + len(query) > TARGET_BYTES_MAX:
        return 414, "the address is too long"
    if len(path) > SEGMENT_CHARS_MAX and any(len(part) > SEGMENT_CHARS_MAX for part in path.split("/")):
        return 404, "nothing is there"
    return None


def without_slash(path: str) -> str:
    """A door answers the same with a slash behind its address: nobody is sent on to another one."""
    return path[:-1] if len(path) > 1 and path.endswith("/") else path


def one_host(headers: Sequence[tuple[bytes, bytes]], path: bytes, version: str) -> bool:
    """Whether a request names exactly one host, in an HTTP that knows hosts; a balancer's probe may name none."""
    named = sum(name == b"host" for name, _ in headers)
    if version not in {"1.0", "1.1"}:
        return False
    return named == 1 or (named == 0 and path.partition(b"?")[0].decode("latin-1") in PROBES)
