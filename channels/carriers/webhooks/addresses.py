"""Where an event may be sent: to addresses of the open Internet, and to private ones that the operator lists. Pure."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NAT64 = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE = ipaddress.ip_network("::/96")
SITE_LOCAL = ipaddress.ip_network("fec0::/10")  # which Python calls global


class AddressRefused(OSError):
    """A name that leads where nothing may be sent."""


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries, however it is written: it is what is reached in the end."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    carried = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if carried is None and (address in NAT64 or (address in COMPATIBLE and int(address) > 1)):
        carried = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address if carried is None else carried


def allowed(text: str, listed: Sequence[Network]) -> bool:
    """Returns whether an address may be called."""
    try:
        address = inner(ipaddress.ip_address(text.partition("%")[0].strip("[]")))
    except ValueError:
        return False
    if any(address in network for network in listed):
        return True
    return address.is_global and not (address.is_multicast or address.is_reserved or address in SITE_LOCAL)


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Reads the networks of a setting. Raises ValueError."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def host_of(url: str) -> str:
    """The host of an address, empty where there is none to read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def literal(host: str) -> bool:
    """Returns whether a host is an address as it stands: no resolver will be asked."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return numeric(host)
    return True


def numeric(host: str) -> bool:
    """127.1, 0x7f000001, 2130706433: spellings of addresses that a resolver reads and we do not."""
    last = host.rstrip(".").rpartition(".")[2]
    return last.isdigit() or last.lower().startswith("0x")
