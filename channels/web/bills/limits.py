"""How many payment codes strangers may try on the web. Counted apart: no telephone's owner is locked out by them.

A code has 4 to 10 digits and never changes, and this page is open to the internet. A try is counted before its answer
is known, for a line that exists as for one that does not.
"""

from ipaddress import IPv6Address, ip_address, ip_network

from redis.asyncio import Redis

from channels.limits import COUNT_ONLY, Hit, Limit, Limits
from core.ports import CodeLimits, Tries

CHANNEL = "web"
DAY_S, HOUR_S = 86_400, 3_600


class WebCodeLimits:
    """Implements core.ports.CodeLimits for the web alone; a caller is the browser's address. Raises LimitsDown.

    How far guessing comes: TARGET_WRONG codes of one line in a day from all addresses of the world together, and
    ALL_WRONG of all lines in an hour.
    """

    PAIR_WRONG = 5  # one network at one line, in an hour
    PAIR_TRIES = 10  # right ones among them
    ADDRESS_WRONG = 60  # one address, in an hour: many people may share one
    ADDRESS_TRIES = 300
    TARGET_WRONG = 20  # one line, in a day
    TARGET_TRIES = 40
    ALL_WRONG = 2_000  # in an hour

    def __init__(self, redis: Redis, hit: Hit | None = None) -> None:
        self._limits = Limits(redis, "web-codes", hit)

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        network, address = network_of(caller), address_of(caller)
        tries = (
            Limit("pair-tries", f"{network}|{target}", self.PAIR_TRIES, HOUR_S),
            Limit("address-tries", address, self.ADDRESS_TRIES, HOUR_S),
            Limit("target-tries", target, self.TARGET_TRIES, DAY_S),
        )
        used_up = await self._limits.spend((*self._wrong(caller, target, cost=0), *tries))
        return Tries.OPEN if used_up is None else Tries.LOCKED

    async def failed(self, channel: str, caller: str, target: str) -> None:
        counted = self._wrong(caller, target, cost=1)
        await self._limits.spend([Limit(x.name, x.subject, COUNT_ONLY, x.window_s) for x in counted])

    def _wrong(self, caller: str, target: str, *, cost: int) -> tuple[Limit, ...]:
        return (
            Limit("pair", f"{network_of(caller)}|{target}", self.PAIR_WRONG, HOUR_S, cost),
            Limit("address", address_of(caller), self.ADDRESS_WRONG, HOUR_S, cost),
            Limit("target", target, self.TARGET_WRONG, DAY_S, cost),
            Limit("all", "all", self.ALL_WRONG, HOUR_S, cost),
        )


class LimitsByChannel:
    """Implements core.ports.CodeLimits where some channels count for themselves."""

    def __init__(self, telephones: CodeLimits, web: CodeLimits) -> None:
        self._telephones = telephones
        self._web = web

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        return await self._of(channel).allow(channel, caller, target, known=known)

    async def failed(self, channel: str, caller: str, target: str) -> None:
        await self._of(channel).failed(channel, caller, target)

    def _of(self, channel: str) -> CodeLimits:
        return self._web if channel == CHANNEL else self._telephones


def network_of(address: str) -> str:
    """Neighbours count as one: /24, or /56 which one household is given."""
    return _within(address, 24, 56)


def address_of(address: str) -> str:
    """The address that tries are counted by; of IPv6 a /64, in which a machine takes as many as it likes."""
    return _within(address, 32, 64)


def _within(address: str, v4_bits: int, v6_bits: int) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, v6_bits if parsed.version == 6 else v4_bits), strict=False))
