"""Who may speak a wire that signs nothing, as KHALLAS_GATEWAY_SECRETS__<WIRE> writes it. Pure.

`old-secret,new-secret` (any of them, so that one can be rotated), `net:10.0.0.0/8,192.0.2.1` (any of these networks),
or both with a space between: then both must be right.
"""

import ipaddress
from dataclasses import dataclass, field

NETWORKS = "net:"
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
SECRETS_MAX = 4

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Gateway:
    """The secrets and networks by which a gateway is let in. With neither nobody is."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    networks: tuple[Network, ...] = ()


def _network(text: str) -> Network:
    """As it is counted and compared: IPv4 written within IPv6 is IPv4. Raises ValueError."""
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
        return ipaddress.IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - MAPPED.prefixlen))
    return network


def gateway_of(value: str, wire: str) -> Gateway:
    """Reads who may speak a wire. Raises ValueError, in words that hold no secret."""
    secrets: list[str] = []
    networks: list[Network] = []
    for word in value.split():
        if not word.startswith(NETWORKS):
            secrets += [part for part in word.split(",") if part]
            continue
        try:
            networks += [_network(part) for part in word.removeprefix(NETWORKS).split(",") if part]
        except ValueError:
            raise ValueError(f"gateway_secrets {wire}: networks are written net:10.0.0.0/8,192.0.2.1/32") from None
        if not networks:
            raise ValueError(f"gateway_secrets {wire}: net: names no network")
    if len(secrets) > SECRETS_MAX:
        raise ValueError(f"gateway_secrets {wire}: at most {SECRETS_MAX} secrets at a time")
    return Gateway(tuple(secrets), tuple(networks))
