"""Letting people in at the help desk: names, passwords, and how often they may be wrong (facts/security.md 15).

Wrong tries are counted for the account at this address first, so that a stranger elsewhere cannot lock its owner out.
"""

from dataclasses import dataclass
from hashlib import sha256

from channels.limits import COUNT_ONLY, Limit, Limits
from core.access import Action
from core.accounts import Accounts, User
from core.desk import Desk

STRANGER = "?"


@dataclass(frozen=True, slots=True)
class Refused:
    """Not let in; the same words for a wrong name and a wrong password."""

    locked: bool = False


class LoginLimits:
    """Raises channels.limits.LimitsDown: without counters nobody is let in."""

    WINDOW_S = 900
    PAIR_WRONG = 5  # one account from one address
    ADDRESS_WRONG = 30  # whole offices share an address
    ACCOUNT_WRONG = 60  # from everywhere
    PAIR_TRIES = 20  # right ones too: copies at once are no way around

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def allow(self, name: str, address: str) -> bool:
        tries = Limit("tries", f"{name}|{address}", self.PAIR_TRIES, self.WINDOW_S)
        return await self._limits.spend((*self._wrong(name, address, cost=0), tries)) is None

    async def failed(self, name: str, address: str) -> None:
        counted = self._wrong(name, address, cost=1)
        await self._limits.spend([Limit(x.name, x.subject, COUNT_ONLY, x.window_s) for x in counted])

    def _wrong(self, name: str, address: str, *, cost: int) -> tuple[Limit, ...]:
        return (
            Limit("pair", f"{name}|{address}", self.PAIR_WRONG, self.WINDOW_S, cost),
            Limit("address", address, self.ADDRESS_WRONG, self.WINDOW_S, cost),
            Limit("account", name, self.ACCOUNT_WRONG, self.WINDOW_S, cost),
        )


class Doorkeeper:
    """Checks who comes in, and writes it down. Raises BooksDown, LimitsDown."""

    def __init__(self, accounts: Accounts, limits: LoginLimits, desk: Desk) -> None:
        self._accounts = accounts
        self._limits = limits
        self._desk = desk

    async def let_in(self, name: str, password: str, address: str) -> User | Refused:
        """Whose name and password these are."""
        name = name.strip().lower()[:64]
        known = await self._accounts.known(name)
        # what a stranger types may be anything, a password too: it is counted without being kept
        counted = known or STRANGER + sha256(name.encode()).hexdigest()
        if not await self._limits.allow(counted, address):
            await self._desk.record(known or STRANGER, "", Action.LOGIN_LOCKED, address)
            return Refused(locked=True)
        user = await self._accounts.check(name, password)
        if user is None:
            await self._limits.failed(counted, address)
            await self._desk.record(known or STRANGER, "", Action.LOGIN_REFUSED, address)
            return Refused()
        await self._desk.record(user.name, user.role, Action.LOGIN, address)
        return user

    async def sits(self, name: str, generation: int) -> User | None:
        """Whether a session's account is still good."""
        return await self._accounts.current(name, generation)

    async def leaves(self, user: User, address: str) -> None:
        await self._desk.record(user.name, user.role, Action.LOGOUT, address)
