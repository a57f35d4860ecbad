"""Letting people in at the help desk: names, passwords, and how often they may be wrong (facts/security.md 15).

Tries are counted for the account at this place, so that a stranger elsewhere cannot lock its owner out.
"""

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from channels.limits import Limit, Limits
from core.help_desk.access_log import Action
from core.help_desk.accounts import Accounts, User
from core.help_desk.service import HelpDesk

STRANGER = "?"


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """Not let in; the same words for a wrong name and a wrong password."""

    locked: bool = False


class LoginLimits:
    """How often somebody may try. Counted before a password is looked at, so that many tries at once do not pass.

    An account is locked for one place alone, an address or a browser that came in before, and longer the oftener it is
    wrong. What comes from everywhere, or from an address that many share, locks nobody: past those counts each place
    still has one try a window, so many a minute. Raises channels.limits.LimitsDown: nobody is let in uncounted.
    """

    WINDOW_S = 900
    PAIR_TRIES = 5  # one account from one place
    PAIR_LONGER = (("hour", 8, 3_600), ("day", 15, 86_400))  # PCI DSS 8.3.4: after ten at most, half an hour at least
    ADDRESS_TRIES = 30  # whole offices share an address
    ACCOUNT_TRIES = 60  # from everywhere
    SLOW_TRIES = 1  # of an account from one place, past either
    ADDRESS_PACE, ADDRESS_PACE_S = 15, 10
    ACCOUNT_PACE, ACCOUNT_PACE_S = 10, 60
    CONTACTS, CONTACTS_S = 30, 600  # a person reveals: more is no conversation with a customer

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def allow(self, name: str, address: str, browser: str = "") -> bool:
        """Count one try, before anything is known of it. `browser` is one that came in as this account before."""
        network, pair = network_of(address), self._pair(name, address, browser)
        if browser:  # no crowd elsewhere stands in its way
            return await self._limits.spend(pair) is None
        crowd = (
            Limit("address", network, self.ADDRESS_TRIES, self.WINDOW_S),
            Limit("account", name, self.ACCOUNT_TRIES, self.WINDOW_S),
        )
        used_up = await self._limits.spend((*pair, *crowd))
        if used_up is None or used_up.name not in {"address", "account"}:
            return used_up is None
        slow = (
            Limit("slow", f"{name}|{network}", self.SLOW_TRIES, self.WINDOW_S),
            Limit("address-pace", network, self.ADDRESS_PACE, self.ADDRESS_PACE_S),
            Limit("account-pace", name, self.ACCOUNT_PACE, self.ACCOUNT_PACE_S),
        )
        return await self._limits.spend((*pair, *slow)) is None

    async def right(self, name: str, address: str, browser: str = "") -> None:
        """The password was right: what was mistyped before it is forgotten."""
        await self._limits.forget(self._pair(name, address, browser))

    async def reveals(self, name: str) -> bool:
        """Whether this person may see one more contact now; a limit that is hit alerts (scope "desk")."""
        return await self._limits.spend([Limit("contacts", name, self.CONTACTS, self.CONTACTS_S)]) is None

    def _pair(self, name: str, address: str, browser: str) -> tuple[Limit, ...]:
        place = f"{name}|{browser or network_of(address)}"
        longer = (Limit(f"pair-{many}", place, most, window_s) for many, most, window_s in self.PAIR_LONGER)
        return (Limit("pair", place, self.PAIR_TRIES, self.WINDOW_S), *longer)


def network_of(address: str) -> str:
    """Whose address it is: one of IPv4, a /64 of IPv6, which is what one customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)


class Doorkeeper:
    """Checks who comes in, and writes it down. Raises BooksDown, LimitsDown."""

    def __init__(self, accounts: Accounts, limits: LoginLimits, desk: HelpDesk) -> None:
        self._accounts = accounts
        self._limits = limits
        self._desk = desk

    async def let_in(
        self, name: str, password: str, address: str, code: str = "", browser: str = ""
    ) -> User | LoginRefused:
        """Whose name and password these are; `browser` is one that this name came in with before."""
        name = name.strip().lower()[:64]
        known = await self._accounts.known(name)
        # what a stranger types may be anything, a password too: it is counted without being kept
        counted = known or STRANGER + sha256(name.encode()).hexdigest()
        if not await self._limits.allow(counted, address, browser):
            await self._desk.record(known or STRANGER, "", Action.LOGIN_LOCKED, address)
            return LoginRefused(locked=True)
        user = await self._accounts.check(name, password)
        if user is None:
            await self._desk.record(known or STRANGER, "", Action.LOGIN_REFUSED, address)
            return LoginRefused()
        await self._limits.right(counted, address, browser)
        await self._desk.record(user.name, user.role, Action.LOGIN, address)
        return user

    async def sits(self, name: str, generation: int) -> User | None:
        """Whether a session's account is still good."""
        return await self._accounts.current(name, generation)

    async def may_reveal(self, user: User) -> bool:
        """See LoginLimits.reveals."""
        return await self._limits.reveals(user.name)

    async def leaves(self, user: User, address: str) -> None:
        await self._desk.record(user.name, user.role, Action.LOGOUT, address)
