"""Accounts of the help desk, kept by an administrator at the desk: agents and supervisors, never oneself or another
administrator, who are made at a terminal. Logged before it is done.

A password that is given here is shown once and lets its owner do one thing: set another.
"""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from core.help_desk import passwords
from core.help_desk.access_log import Access, AccessLog, Action, Actor
from core.help_desk.accounts import AccountError, Accounts, Role, User, name_of
from core.help_desk.enrolment import Enrolment, SecondFactors
from core.ports import Clock

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none is taken for another when it is read out
GROUPS, GROUP_CHARS = 4, 5
TRIES_MAX = 20


class AdministrationRefusal(StrEnum):
    """Tells why no account was changed; each is the page's words."""

    NOT_ALLOWED = "not_allowed"
    NO_NAME = "no_name"
    TAKEN = "taken"
    GONE = "gone"  # no such account, or it is over
    AT_A_TERMINAL = "at_a_terminal"  # an administrator's, one's own too


@dataclass(frozen=True, slots=True)
class GivenPassword:
    """Shown once, to whoever hands it over."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Administration:
    """Manages the desk's accounts. Every method raises DatabaseUnavailable."""

    accounts: Accounts
    factors: SecondFactors
    log: AccessLog
    clock: Clock

    async def all(self, actor: Actor) -> tuple[User, ...]:
        """Returns every account; none to who may not see them."""
        if not actor.administers:
            return ()
        await self._write(actor, "list")
        return await self.accounts.all()

    async def add(self, actor: Actor, name: str, role: Role) -> GivenPassword | AdministrationRefusal:
        """A new one, with a password that is given."""
        if not actor.administers:
            return AdministrationRefusal.NOT_ALLOWED
        try:
            name = name_of(name)
        except AccountError:
            return AdministrationRefusal.NO_NAME
        if await self.accounts.known(name) is not None:
            return AdministrationRefusal.TAKEN
        password = fresh_password()
        await self._write(actor, f"add {role} {name}")
        try:
            await self.accounts.add(name, role, password, given=True)
        except AccountError:  # taken in the meantime
            return AdministrationRefusal.TAKEN
        return GivenPassword(name, password)

    async def password(self, actor: Actor, name: str) -> GivenPassword | AdministrationRefusal:
        """Another one for somebody; their sessions end."""
        refused = await self._refused(actor, name)
        if refused is not None:
            return refused
        password = fresh_password()
        await self._write(actor, f"password {name}")
        await self.accounts.set_password(name, password, given=True)
        return GivenPassword(name, password)

    async def second_factor(self, actor: Actor, name: str) -> Enrolment | AdministrationRefusal:
        """A new second factor for somebody; their sessions end."""
        refused = await self._refused(actor, name)
        if refused is not None:
            return refused
        await self._write(actor, f"second factor {name}")
        return await self.factors.enrol(name)

    async def disable(self, actor: Actor, name: str) -> AdministrationRefusal | None:
        """The account is over, and its sessions."""
        refused = await self._refused(actor, name)
        if refused is not None:
            return refused
        await self._write(actor, f"disable {name}")
        try:
            await self.accounts.disable(name)
        except AccountError:
            return AdministrationRefusal.GONE
        return None

    async def _refused(self, actor: Actor, name: str) -> AdministrationRefusal | None:
        if not actor.administers:
            return AdministrationRefusal.NOT_ALLOWED
        user = next((user for user in await self.accounts.all() if user.name == name), None)
        if user is None or user.disabled_at is not None:
            return AdministrationRefusal.GONE
        return AdministrationRefusal.AT_A_TERMINAL if user.administers else None

    async def _write(self, actor: Actor, detail: str) -> None:
        now = self.clock.now()
        await self.log.write(Access(now, actor.name, actor.role, Action.ACCOUNT, None, detail, actor.address))


def fresh_password() -> str:
    """Draws a password that the rules take: letters and digits, in groups that can be read out."""
    for _ in range(TRIES_MAX):
        groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP_CHARS)) for _ in range(GROUPS))
        password = "-".join(groups)
        if passwords.fault(password) is None:
            return password
    raise AssertionError("twenty random passwords, and not one with a letter and a digit")
