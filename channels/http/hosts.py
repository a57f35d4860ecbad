"""Which Host of a request is ours, looked at before any door: pure, and quick for the busiest ones.

A server that believes any Host sends people to an attacker's (redirects, caches, rebound names). Ours is the public
URL's; gateways and people on the machine or at its very address name that, and KHALLAS_HOSTS names what else is ours.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

VERDICTS_KEPT_MAX = 256
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # balancers name an address, or nothing
LOCAL = "localhost"


class Hosts:
    """Knows which Host is ours."""

    __slots__ = ("_names", "ours")

    def __init__(self, public_url: str, others: Iterable[str] = ()) -> None:
        """`others`: names, or addresses of ours that hold one (Kannel's callback)."""
        found = {(urlsplit(each).hostname if "://" in each else each) or "" for each in (public_url, *others)}
        self._names = frozenset(name.lower().rstrip(".") for name in found if name)
        # (Host as sent, address at which the request came in) -> verdict: the same few come with every request
        self.ours: Callable[[bytes, str], bool] = lru_cache(maxsize=VERDICTS_KEPT_MAX)(self._judge)

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


def one_host(headers: Sequence[tuple[bytes, bytes]], path: bytes, version: str) -> bool:
    """Returns whether a request names exactly one host, in an HTTP that knows hosts; a balancer's probe
    may name none.
    """
    named = [name for name, _ in headers].count(b"host")
    if version not in {"1.0", "1.1"}:
        return False
    return named == 1 or (named == 0 and path.partition(b"?")[0].decode("latin-1") in PROBES)
