"""Who is let in by address alone, and what goes to another machine in clear. Pure."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from channels.http.authentication import Network, gateway_of
from khallas.settings.model import Settings

AGGREGATORS = frozenset({"africastalking", "hubtel", "infobip"})  # all their customers share their addresses
UNPROXIED = frozenset({"fastagi"})  # spoken to without a proxy before us
EVERY_PROXY = "*"
WIDEST_V4, WIDEST_V6 = 1 << 16, 1 << 96  # addresses of a rule, in sum: a /16, a /32
LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})
LOOPBACKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
WITHOUT_PASSWORD = frozenset({"passfile", "service", "sslcert", "ssl_certfile"})  # of PostgreSQL, of Redis
PG_TLS = frozenset({"require", "verify-ca", "verify-full"})


# --- by address ------------------------------------------------------------------------------------------------------


def gateway_faults(wire: str, value: str, proxies: Sequence[str]) -> Iterator[str]:
    """The faults of one gateway's rule. `proxies` are those whose X-Forwarded-For is believed."""
    gateway = gateway_of(value, wire)
    if wire in AGGREGATORS and not (gateway.secrets and gateway.networks):
        yield "takes a secret and net:… together: every customer of the aggregator comes from its addresses"
    if _wide(gateway.networks):
        yield "lets more than a /16 in (IPv6: a /32): name the gateway's own addresses"
    if gateway.secrets or wire in UNPROXIED:
        return
    if EVERY_PROXY in proxies:
        yield "is addresses alone, and FORWARDED_ALLOW_IPS=* believes whichever a request claims"
    near = [*LOOPBACKS, *_networks(proxies)]
    if any(ours.version == each.version and ours.overlaps(each) for ours in gateway.networks for each in near):
        yield "names the proxy's own address, from which everybody comes"


def _wide(networks: Sequence[Network]) -> bool:
    v4 = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv4Network))
    v6 = ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv6Network))
    return sum(each.num_addresses for each in v4) > WIDEST_V4 or sum(each.num_addresses for each in v6) > WIDEST_V6


def _networks(texts: Sequence[str]) -> Iterator[Network]:
    for text in texts:
        try:
            yield ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue  # "*", or the path of a socket: said elsewhere


# --- over the network ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WayOut:
    """Tells how one peer is reached. `login` None: it takes none by this way."""

    name: str
    hosts: tuple[str, ...]
    tls: bool
    login: bool | None


def ways_of(settings: Settings) -> Iterator[WayOut]:
    """Returns the way to every peer of a secret or of customers' data that settings lead to, but for the bank and
    Twilio: always https.
    """
    for name, url in (
        ("DATABASE_URL", settings.database_url.get_secret_value()),
        ("DATABASE_LATE_URL", settings.database_late_url.get_secret_value()),
        ("REDIS_URL", settings.redis_url.get_secret_value()),
        ("VAULT_URL", settings.vault_url.get_secret_value()),
        ("ASTERISK__AMI_URL", settings.asterisk.ami_url.get_secret_value()),
        *(("SMPP__BINDS", bind.get_secret_value()) for bind in settings.smpp.binds),
    ):
        if url:
            yield _way(name, url)
    if settings.kannel.url:
        login = bool(settings.kannel.password.get_secret_value())
        yield WayOut("KANNEL__URL", _hosts(settings.kannel.url), settings.kannel.url.startswith("https"), login)
    if settings.billing.url:
        login = bool(settings.billing.token.get_secret_value())
        yield WayOut("BILLING__URL", _hosts(settings.billing.url), settings.billing.url.startswith("https"), login)
    if settings.relay.brokers:
        relay = settings.relay
        hosts = tuple(broker.rpartition(":")[0].strip("[]") for broker in relay.brokers)
        yield WayOut("RELAY__BROKERS", hosts, relay.tls, bool(relay.sasl or relay.certificate))
    smtp = urlsplit(settings.smtp_url.get_secret_value())
    if smtp.hostname:  # with a password no mail leaves without TLS (STARTTLS); no relay needs one
        yield WayOut("SMTP_URL", (smtp.hostname,), smtp.scheme == "smtps" or bool(smtp.password), None)


def way_faults(settings: Settings) -> Iterator[str]:
    """The connections to other machines in clear or without a password, unless the operator names that machine."""
    for way in ways_of(settings):
        strange = [host for host in way.hosts if not near(host)]
        if strange and way.login is False:
            yield f"{way.name}: no password, and it leads to another machine"
        if not way.tls and any("." in host or ":" in host for host in strange if not _named(host, settings)):
            yield f"{way.name} goes to another machine in clear; take TLS, or name it in KHALLAS_PLAIN_HOSTS"


def way_warnings(settings: Settings) -> Iterator[str]:
    """The connections that are let pass, and should be known."""
    for way in ways_of(settings):
        strange = [host for host in way.hosts if not near(host)]
        if strange and not way.tls:
            yield f"{way.name} goes to {', '.join(strange)} in clear: one trusted segment, or a tunnel"
        if not strange and way.login is False and not all(host.startswith("/") or not host for host in way.hosts):
            yield f"{way.name}: no password; every program of this machine gets in"


def near(host: str) -> bool:
    """Returns whether a host is this machine: loopback, or a socket's path."""
    bare = host.strip("[]").lower()
    if not bare or bare.startswith("/") or bare in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def _named(host: str, settings: Settings) -> bool:
    if host.lower() in {each.lower() for each in settings.plain_hosts}:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _networks(settings.plain_hosts))


def _way(name: str, url: str) -> WayOut:
    scheme, parts = url.partition("://")[0], urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    login, _, _ = parts.netloc.rpartition("@")
    has_login = bool(login.partition(":")[2]) or "password" in query or bool(WITHOUT_PASSWORD & set(query))
    if name in {"DATABASE_URL", "DATABASE_LATE_URL"}:
        hosts = _hosts(url) if parts.netloc.rpartition("@")[2] else tuple(query.get("host", "/").split(","))
        return WayOut(name, hosts, query.get("sslmode") in PG_TLS, has_login)
    if scheme == "unix":
        return WayOut(name, ("/",), True, has_login)
    return WayOut(name, _hosts(url), scheme.partition("+")[0] in {"rediss", "valkeys", "smpps", "https"}, has_login)


def _hosts(url: str) -> tuple[str, ...]:
    """Each host of an address that may name several, without ports."""
    places = urlsplit(url).netloc.rpartition("@")[2].split(",")
    return tuple(_host(text) for text in places)


def _host(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
