"""Letting people in at the help desk: names, passwords, and how often they may be wrong (protocols/security.md 15).

Tries are counted for the account at this place, so that a stranger elsewhere cannot lock its owner out.
"""

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from channels.limits import Limit, Limits
from channels.web.desk.browsers import Browsers
from core.help_desk.access_log import Action
from core.help_desk.accounts import AccountError, Accounts, User
from core.help_desk.enrolment import SecondFactors
from core.help_desk.service import HelpDesk

STRANGER = "?"


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """A login that was refused, in the same words for a wrong name and a wrong password."""

    locked: bool = False


class LoginLimits:
    """Counts how often somebody may try, before a password is looked at, so that many tries at once do not pass.

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
    CODE_TRIES, CODE_TRIES_S = 10, 3_600  # wrong second factors of an account, by whoever knows its password
    CODE_DAY_TRIES, DAY_S = 30, 86_400
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

    async def allow_code(self, name: str) -> bool:
        """Count one second factor, before it is looked at. Only who knows the password gets so far: a limit that is
        hit means that somebody else may know it, and alerts (scope "desk")."""
        return await self._limits.spend(self._codes(name)) is None

    async def right_code(self, name: str) -> None:
        """Forgets what was mistyped before a right code."""
        await self._limits.forget(self._codes(name))

    async def reveals(self, name: str) -> bool:
        """Returns whether this person may see one more contact now; a limit that is hit alerts (scope "desk")."""
        return await self._limits.spend([Limit("contacts", name, self.CONTACTS, self.CONTACTS_S)]) is None

    def _codes(self, name: str) -> tuple[Limit, ...]:
        return (
            Limit("code", name, self.CODE_TRIES, self.CODE_TRIES_S),
            Limit("code-day", name, self.CODE_DAY_TRIES, self.DAY_S),
        )

    def _pair(self, name: str, address: str, browser: str) -> tuple[Limit, ...]:
        place = f"{name}|{browser or network_of(address)}"
        longer = (Limit(f"pair-{many}", place, most, window_s) for many, most, window_s in self.PAIR_LONGER)
        return (Limit("pair", place, self.PAIR_TRIES, self.WINDOW_S), *longer)


def network_of(address: str) -> str:
    """The network that stands for an address: one address of IPv4, a /64 of IPv6, which is what one customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)


@dataclass(frozen=True, slots=True)
class CodeOwed:
    """The password was right; the second factor is still to be shown."""

    user: User


class Doorkeeper:
    """Checks who comes in, and writes it down. Raises DatabaseUnavailable, LimitsDown."""

    def __init__(
        self, accounts: Accounts, factors: SecondFactors, limits: LoginLimits, browsers: Browsers, desk: HelpDesk
    ) -> None:
        self._accounts = accounts
        self._factors = factors
        self._limits = limits
        self._browsers = browsers
        self._desk = desk

    async def let_in(self, name: str, password: str, address: str, browser: str = "") -> User | CodeOwed | LoginRefused:
        """Returns the account whose name and password these are; `browser` is the digest of the mark that
        came along.
        """
        name = name.strip().lower()[:64]
        known = await self._accounts.known(name)
        # what a stranger types may be anything, a password too: it is counted without being kept
        counted = known or STRANGER + sha256(name.encode(errors="replace")).hexdigest()
        place = await self._place(counted, browser)
        if not await self._limits.allow(counted, address, place):
            return await self._refused(known, address, locked=True)
        user = await self._accounts.check(name, password)
        if user is None:
            return await self._refused(known, address)
        if user.second_factor:
            return CodeOwed(user)
        return await self._entered(user, address, place, browser)

    async def prove(
        self, name: str, generation: int, code: str, address: str, browser: str = ""
    ) -> User | LoginRefused:
        """The second factor of whoever told the right password. The work is the same for every wrong one, a login's:
        it is counted as one, and takes a password's time."""
        place = await self._place(name, browser)
        if not await self._limits.allow(name, address, place) or not await self._limits.allow_code(name):
            return await self._refused(name, address, locked=True)
        user = await self._accounts.current(name, generation)
        right = await self._factors.proves(name, code)
        if user is None or not right:
            await self._accounts.check("", code)
            return await self._refused(name, address)
        await self._limits.right_code(name)
        return await self._entered(user, address, place, browser)

    async def change_password(
        self, user: User, old: str, new: str, address: str, browser: str = ""
    ) -> User | LoginRefused:
        """Changes the password of whoever sits there and knows the old one; counted as a login. All sessions end.
        Raises AccountError.
        """
        place = await self._place(user.name, browser)
        if not await self._limits.allow(user.name, address, place):
            return await self._refused(user.name, address, locked=True)
        await self._desk.record(user.name, user.role, Action.CREDENTIAL, address)
        try:
            changed = await self._accounts.change_own(user.name, old, new)
        except AccountError:  # the new one cannot be one; the old one was right
            await self._limits.right(user.name, address, place)
            raise
        if changed is None:
            return await self._refused(user.name, address)
        await self._limits.right(user.name, address, place)
        return changed

    async def ends(self, user: User, address: str) -> None:
        """Write down that somebody ends sessions of their own."""
        await self._desk.record(user.name, user.role, Action.SESSION_END, address)

    async def sits(self, name: str, generation: int) -> User | None:
        """Returns whether a session's account is still good."""
        return await self._accounts.current(name, generation)

    async def may_reveal(self, user: User) -> bool:
        """Returns whether this person may see one more contact, as LoginLimits.reveals."""
        return await self._limits.reveals(user.name)

    async def leaves(self, user: User, address: str) -> None:
        await self._desk.record(user.name, user.role, Action.LOGOUT, address)

    async def _place(self, name: str, browser: str) -> str:
        return browser if await self._browsers.known(name, browser) else ""

    async def _entered(self, user: User, address: str, place: str, browser: str) -> User:
        await self._limits.right(user.name, address, place)
        await self._desk.record(user.name, user.role, Action.LOGIN, address)
        if browser:
            await self._browsers.came_in(user.name, browser)
        return user

    async def _refused(self, known: str | None, address: str, *, locked: bool = False) -> LoginRefused:
        action = Action.LOGIN_LOCKED if locked else Action.LOGIN_REFUSED
        await self._desk.record(known or STRANGER, "", action, address)
        return LoginRefused(locked)
