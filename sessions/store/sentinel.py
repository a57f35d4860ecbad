"""Where Sentinels are and which primary they watch, as one address. Pure.

    redis+sentinel://user:password@host1:26379,host2:26379,host3:26379/service/0?sentinel_password=…

User and password are the servers' own; the Sentinels' stand in the query (`sentinel_user`, `sentinel_password`).
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

SENTINEL_SCHEMES = {"redis+sentinel": False, "rediss+sentinel": True}  # scheme -> TLS
SENTINEL_PORT = 26379
SENTINELS_MAX = 16
_QUERY = frozenset({"sentinel_user", "sentinel_password"})


@dataclass(frozen=True, slots=True)
class Login:
    """The credentials of a server, or of a Sentinel; empty for none."""

    user: str = ""
    password: str = field(default="", repr=False)

    def keywords(self) -> dict[str, str]:
        """The credentials as redis-py's keyword arguments."""
        fields = {"username": self.user, "password": self.password}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Tells who knows the primary, by what name, and how both are spoken to."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    database: int
    tls: bool
    servers: Login
    own: Login


def is_sentinel(url: str) -> bool:
    """Returns whether a URL's scheme is one of Sentinels."""
    return url.partition("://")[0] in SENTINEL_SCHEMES


def sentinels_of(url: str) -> Sentinels:
    """Reads the Sentinels of a URL. Raises ValueError in words that hold no secret."""
    parts = urlsplit(url)
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    hosts = tuple(_place(place) for place in places.split(",") if place)
    if not 0 < len(hosts) <= SENTINELS_MAX:
        raise ValueError(f"names 1 to {SENTINELS_MAX} Sentinels, host:port with commas between")
    service, _, database = parts.path.strip("/").partition("/")
    if not service or not (database or "0").isdecimal():
        raise ValueError("ends in /service or /service/0: the name that the Sentinels know the primary by")
    query = parse_qs(parts.query)
    if not set(query) <= _QUERY:
        raise ValueError(f"knows {' and '.join(sorted(_QUERY))} after the question mark, nothing else")
    own = Login(query.get("sentinel_user", [""])[0], query.get("sentinel_password", [""])[0])
    servers = Login(unquote(user), unquote(password))
    return Sentinels(hosts, service, int(database or 0), SENTINEL_SCHEMES[parts.scheme], servers, own)


def _place(address: str) -> tuple[str, int]:
    """host, host:port, [::1] or [::1]:port."""
    host, colon, port = address.rpartition(":")
    if not colon or "]" in port:
        host, port = address, str(SENTINEL_PORT)
    if not host.strip("[]") or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError("names a Sentinel that is no host:port")
    return host.strip("[]"), int(port)
