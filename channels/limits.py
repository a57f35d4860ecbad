"""How often something may happen, counted in Redis (>= 6.2, Valkey, a cluster) by one script a question.

Fixed windows that begin with the first event: at worst twice the limit around a window's edge, for one small counter
each. All counters of a scope share a hash tag, so that one script sees them all and spends all or none.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha1, sha256
from importlib import resources

from redis.asyncio import Redis

from core.cards import Card
from core.ports import CardTold, LimitsDown, Tries
from core.subscribers.lines import reachable
from sessions.store.cluster import pipelined
from sessions.store.pipeline import Script, redis_errors_as

LIMITS_MAX = 16
COUNT_ONLY = 0

Hit = Callable[[str, str], None]  # scope, name
FINGERPRINT_BYTES = 16
HIDDEN = "hidden"
OF_DECLINES = frozenset({"card", "card-day"})
TARGET = "target"
OWN = frozenset({"pair", "caller", "pair-tries", "caller-tries"})  # limits that only the caller's own doing uses up

__all__ = ["COUNT_ONLY", "LIMITS_MAX", "Limit", "Limits", "LimitsDown", "RedisCardLimits", "RedisCodeLimits"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound of at most `most` events of `subject` in `window_s` seconds; COUNT_ONLY counts without a bound, cost 0
    only looks.
    """

    name: str
    subject: str
    most: int
    window_s: int
    cost: int = 1


class Limits:
    """Counters of one scope ("sms", "codes"). `hit` hears the scope and the limit that turned somebody away."""

    def __init__(self, redis: Redis, scope: str, hit: Hit | None = None) -> None:
        self._pipe = pipelined(redis)
        self._scope = scope
        self._hit = hit
        self._script = script_of(resources.files("channels").joinpath("limits.lua").read_text())
        self._back = script_of(resources.files("channels").joinpath("limits_back.lua").read_text())

    async def spend(self, limits: Sequence[Limit]) -> Limit | None:
        """Count the event everywhere, or nowhere and say which limit is used up. Raises LimitsDown, ValueError."""
        if not 0 < len(limits) <= LIMITS_MAX:
            raise ValueError(f"1 to {LIMITS_MAX} limits are spent at once")
        keys = self._keys(limits)
        args = [number for limit in limits for number in (limit.most, limit.window_s, limit.cost)]
        with redis_errors_as(LimitsDown):
            used_up = int(await self._pipe.run(self._script, keys, args))
        if not used_up:
            return None
        if self._hit is not None:
            self._hit(self._scope, limits[used_up - 1].name)
        return limits[used_up - 1]

    async def forget(self, limits: Sequence[Limit]) -> None:
        """Begin these counters anew. Raises LimitsDown."""
        with redis_errors_as(LimitsDown):
            for limit in limits[:LIMITS_MAX]:
                await self._pipe.do("DEL", f"kh:{{limit:{self._scope}}}:{limit.name}:{limit.subject}")

    async def note(self, about: str, counted: Sequence[Limit], ttl_s: int) -> None:
        """Remember under a name what was counted for it; what was noted before is counted for good. LimitsDown."""
        keys = "\n".join(self._keys(counted))
        await self._do("SET", self._note(about), keys, "EX", ttl_s)

    async def noted(self, about: str) -> tuple[str, ...]:
        """The keys noted under a name, once. Raises LimitsDown."""
        mark = await self._do("GETDEL", self._note(about))
        return tuple(mark.decode().split("\n")) if mark else ()

    async def give_back(self, about: str, names: frozenset[str] | None) -> None:
        """Count one less of what was noted: of these limits, or of all. Raises LimitsDown."""
        keys = [key for key in await self.noted(about) if names is None or key.split(":")[3] in names]
        if not keys:
            return
        with redis_errors_as(LimitsDown):
            await self._pipe.run(self._back, keys, [])

    def _keys(self, limits: Sequence[Limit]) -> list[str]:
        return [f"kh:{{limit:{self._scope}}}:{limit.name}:{limit.subject}" for limit in limits]

    def _note(self, about: str) -> str:
        return f"kh:{{limit:{self._scope}}}:note:{about}"

    async def _do(self, *arguments: str | int) -> bytes | None:
        with redis_errors_as(LimitsDown):
            answer = await self._pipe.do(*arguments)
        return answer if isinstance(answer, bytes) else None


class RedisCodeLimits:
    """Implements core.ports.CodeLimits (docs/protocols/security.md 12). Raises LimitsDown: without counters no code may
    be tried.

    A caller's own wrong codes for a line lock that caller out of that line first, so that strangers lock out
    themselves; what all strangers together may try on one line, one channel and everywhere is bounded above that. A
    line that many guess at stays open: to those who are known there at their usual pace, to everybody else for one
    try in SLOW_TRIES_S each. Tries are counted before the answer is known: copies at once are no way around.

    Who hides a number is a new caller in each call: all of them together are one network with counters of its own,
    so that one telephone does not close the channel to everybody. Past those each line stays open to them for one try
    in HIDDEN_SLOW_S, so many a minute in all.

    How far guessing comes in an hour (docs/SECURITY.md): N callers try at most TARGET_WRONG + N codes of one line, and
    all of them ALL_WRONG codes of all lines, of a million; hidden callers HIDDEN_TARGET_WRONG and one in HIDDEN_SLOW_S
    of a line, HIDDEN_WRONG and HIDDEN_PACE a minute of all lines.
    """

    PAIR_TRIES, PAIR_TRIES_S = 10, 900
    CALLER_TRIES, CALLER_TRIES_S = 40, 3_600
    PAIR_WRONG, PAIR_WRONG_S = 5, 900
    TARGET_WRONG, TARGET_WRONG_S = 30, 3_600  # more than one stranger can do in an hour
    SLOW_TRIES, SLOW_TRIES_S = 1, 3_600  # a caller's at a line past TARGET_WRONG
    CALLER_WRONG, CALLER_WRONG_S = 10, 3_600
    CHANNEL_WRONG, CHANNEL_WRONG_S = 2_000, 3_600
    ALL_WRONG, ALL_WRONG_S = 4_000, 3_600
    HIDDEN_TARGET_WRONG = 5
    HIDDEN_WRONG = 200
    HIDDEN_SLOW, HIDDEN_SLOW_S = 1, 600
    HIDDEN_PACE, HIDDEN_PACE_S = 10, 60

    def __init__(self, redis: Redis, hit: Hit | None = None) -> None:
        self._limits = Limits(redis, "codes", hit)

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        tries = (
            Limit("pair-tries", f"{caller}|{target}", self.PAIR_TRIES, self.PAIR_TRIES_S),
            Limit("caller-tries", caller, self.CALLER_TRIES, self.CALLER_TRIES_S),
        )
        wrong = self._wrong(channel, caller, target, cost=0)
        if not reachable(caller):
            return await self._allow_hidden(wrong, tries, target)
        used_up = await self._limits.spend((*(each for each in wrong if each.name in OWN or not known), *tries))
        if used_up is not None and used_up.name == TARGET:
            slow = Limit("slow", f"{caller}|{target}", self.SLOW_TRIES, self.SLOW_TRIES_S)
            used_up = await self._limits.spend((*(each for each in wrong if each.name != TARGET), slow, *tries))
        if used_up is None:
            return Tries.OPEN
        return Tries.LOCKED if used_up.name in OWN else Tries.CROWDED

    async def _allow_hidden(self, wrong: Sequence[Limit], tries: Sequence[Limit], target: str) -> Tries:
        used_up = await self._limits.spend((*wrong, *tries))
        if used_up is not None and used_up.name not in OWN:
            slow = (
                Limit("hidden-slow", target, self.HIDDEN_SLOW, self.HIDDEN_SLOW_S),
                Limit("hidden-pace", HIDDEN, self.HIDDEN_PACE, self.HIDDEN_PACE_S),
            )
            used_up = await self._limits.spend((*(each for each in wrong if each.name in OWN), *slow, *tries))
        if used_up is None:
            return Tries.OPEN
        return Tries.LOCKED if used_up.name in OWN else Tries.CROWDED

    async def failed(self, channel: str, caller: str, target: str) -> None:
        counted = self._wrong(channel, caller, target, cost=1)
        # counted past the bound as well: a try that was allowed at the edge is a wrong code like any other
        await self._limits.spend([Limit(x.name, x.subject, COUNT_ONLY, x.window_s) for x in counted])

    def _wrong(self, channel: str, caller: str, target: str, *, cost: int) -> tuple[Limit, ...]:
        if not reachable(caller):
            return (
                Limit("pair", f"{caller}|{target}", self.PAIR_WRONG, self.PAIR_WRONG_S, cost),
                Limit("caller", caller, self.CALLER_WRONG, self.CALLER_WRONG_S, cost),
                Limit("hidden-target", target, self.HIDDEN_TARGET_WRONG, self.TARGET_WRONG_S, cost),
                Limit("hidden", HIDDEN, self.HIDDEN_WRONG, self.CALLER_WRONG_S, cost),
            )
        return (
            Limit("pair", f"{caller}|{target}", self.PAIR_WRONG, self.PAIR_WRONG_S, cost),
            Limit("caller", caller, self.CALLER_WRONG, self.CALLER_WRONG_S, cost),
            Limit(TARGET, target, self.TARGET_WRONG, self.TARGET_WRONG_S, cost),
            Limit("channel", channel, self.CHANNEL_WRONG, self.CHANNEL_WRONG_S, cost),
            Limit("all", "all", self.ALL_WRONG, self.ALL_WRONG_S, cost),
        )


class RedisCardLimits:
    """Implements core.ports.CardLimits (docs/protocols/security.md 13): cards the bank declined, and cards sent without
    an end.

    Each is counted as it is sent, so that tries at once are no way around, and given back when it ends in something
    that says nothing about the card: a household pays all its bills by one card. A card is known by a keyed fingerprint
    that lives for a day and is worth nothing without the key. Callers who hide their number are one caller together,
    above what each of their calls may do.
    """

    CALL_SENT, CALL_SENT_S = 6, 7_200
    CALLER_SENT, CALLER_SENT_S = 12, 3_600
    CALLER_DAY_SENT = 30
    CARD_SENT, CARD_SENT_S = 5, 3_600  # guesses of a code or an expiry
    CARD_DAY_SENT = 10
    CARD_ALL_SENT = 15  # in CARD_SENT_S, those without an end among them
    HIDDEN_SENT, HIDDEN_SENT_S = 300, 3_600
    DAY_S = 24 * 3_600
    UNTOLD_S = 3_600  # how long a payment's end is waited for

    def __init__(self, redis: Redis, key: bytes, hit: Hit | None = None) -> None:
        self._limits = Limits(redis, "cards", hit)
        self._key = key

    async def allow(self, call: str, caller: str, card: Card) -> bool:
        return await self._limits.spend(self._counted(call, caller, card)) is None

    async def sending(self, payment_id: str, call: str, caller: str, card: Card) -> None:
        counted = self._counted(call, caller, card)
        await self._limits.note(payment_id, counted, self.UNTOLD_S)

    async def told(self, payment_id: str, what: CardTold) -> None:
        if what is CardTold.DECLINED:
            await self._limits.noted(payment_id)
            return
        await self._limits.give_back(payment_id, OF_DECLINES if what is CardTold.UNDECIDED else None)

    def _counted(self, call: str, caller: str, card: Card) -> tuple[Limit, ...]:
        message = b"khallas card 1\0" + card.pan.reveal().encode()
        mark = hmac.digest(self._key, message, sha256)[:FINGERPRINT_BYTES].hex()
        by_caller = (
            Limit("caller", caller, self.CALLER_SENT, self.CALLER_SENT_S),
            Limit("caller-day", caller, self.CALLER_DAY_SENT, self.DAY_S),
        )
        hidden = (Limit("caller", HIDDEN, self.HIDDEN_SENT, self.HIDDEN_SENT_S),)
        return (
            Limit("call", call, self.CALL_SENT, self.CALL_SENT_S),
            *(by_caller if reachable(caller) else hidden),
            Limit("card", mark, self.CARD_SENT, self.CARD_SENT_S),
            Limit("card-day", mark, self.CARD_DAY_SENT, self.DAY_S),
            Limit("card-all", mark, self.CARD_ALL_SENT, self.CARD_SENT_S),
        )


def script_of(source: str) -> Script:
    """A Lua script under the digest that Redis knows it by."""
    return Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())
