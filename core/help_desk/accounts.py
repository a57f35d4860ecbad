"""Who may sit at the help desk: names, roles and passwords (docs/protocols/security.md 15).

A password is kept as argon2id alone. A name nobody has, a wrong password and a disabled account are one answer after
the same work, so that names cannot be told apart from outside.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from core.help_desk import passwords
from core.help_desk.passwords import FORMER_KEPT, PASSWORD_CHARS_MAX, PasswordFault
from core.ports import Clock

# argon2id with little memory, RFC 9106 4: "SECOND RECOMMENDED".
TIME_COST = 3
MEMORY_KIB = 64 * 1024
PARALLELISM = 4
HASH_BYTES = 32
SALT_BYTES = 16
HASHES_AT_ONCE = 2  # each takes MEMORY_KIB

IDLE_DAYS = 90
_NAME = re.compile(r"[a-z][a-z0-9._-]{1,31}")


class AccountError(ValueError):
    """The mistake of whoever changes an account; the words may be shown. Do not repeat as it is."""

    def __init__(self, words: str, fault: PasswordFault | None = None) -> None:
        """`fault`: what is wrong with a password, for pages that say it in their own language."""
        super().__init__(words)
        self.fault = fault


class Role(StrEnum):
    """The roles: agents look, help and propose; supervisors also decide about money."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class User:
    """An account without its password. `generation` grows with each new password and when it is disabled."""

    name: str
    role: Role
    generation: int
    created_at: datetime
    disabled_at: datetime | None = None
    seen_at: datetime | None = None  # the last login, or an administrator's change
    second_factor: bool = False  # the password alone does not let in
    administers: bool = False  # makes and ends accounts, reads the log, and decides about no money
    password_given: bool = False  # by somebody else: another one comes first


class Users(Protocol):
    """The repository of accounts. All methods raise DatabaseUnavailable."""

    async def add(self, name: str, role: Role, password_hash: str, now: datetime, *, given: bool = False) -> bool:
        """Adds an account. Returns False when the name is taken, be it by a disabled account: names in the log stay
        unambiguous.
        """

    async def get(self, name: str) -> User | None: ...

    async def hash_of(self, name: str) -> str | None:
        """The hash of an account's password, also of a disabled account."""

    async def former_hashes(self, name: str) -> tuple[str, ...]:
        """The hashes of the passwords before this one, the latest first."""

    async def set_hash(
        self, name: str, password_hash: str, *, ends_sessions: bool, now: datetime | None = None, given: bool = False
    ) -> bool:
        """Writes a password's hash. Returns False when there is no such account. With `now` it is another password, and
        the account is in use.
        """

    async def appoint(self, name: str, *, administers: bool) -> bool:
        """Gives an account a role and ends its sessions. False where no supervisor is so called, or nothing would
        change.
        """

    async def seen(self, name: str, now: datetime) -> None:
        """Notes that somebody came in by this account."""

    async def disable(self, name: str, now: datetime) -> bool:
        """Disables an account. Returns False when there is no such account, or it is disabled already."""

    async def all(self) -> tuple[User, ...]:
        """Returns every account by name."""


def name_of(text: str) -> str:
    """An account's name as it is kept. Raises AccountError."""
    name = text.strip().lower()
    if _NAME.fullmatch(name) is None:
        raise AccountError("a name has 2 to 32 letters, digits, dots or hyphens and begins with a letter")
    return name


def hasher() -> PasswordHasher:
    """The hasher of every password here."""
    return PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM, HASH_BYTES, SALT_BYTES, type=Type.ID)


class Accounts:
    """Makes, checks and ends accounts. Every method raises DatabaseUnavailable."""

    def __init__(self, users: Users, clock: Clock, idle_days: int = IDLE_DAYS) -> None:
        """`idle_days`: an account that nobody came in with for so long is over until it gets another password."""
        self._users = users
        self._idle = timedelta(days=idle_days)
        self._clock = clock
        self._hasher = hasher()
        self._decoy: str | None = None
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)

    async def add(self, name: str, role: Role, password: str, *, given: bool = False) -> User:
        """`given`: its owner sets another password first. Raises AccountError: the name or password cannot be one, or
        the name is taken."""
        name = name_of(name)
        hashed = await self._hash(_checked(password, name))
        if not await self._users.add(name, role, hashed, self._clock.now(), given=given):
            raise AccountError(f"{name} is taken")
        return await self._known(name)

    async def set_password(self, name: str, password: str, *, given: bool = False) -> User:
        """Sets a password and ends the sessions of that account. Raises AccountError, for one of its last four
        passwords as well.
        """
        name = name_of(name)
        _checked(password, name)
        if await self._was_used(name, password):
            raise AccountError(passwords.WORDS[PasswordFault.USED], PasswordFault.USED)
        hashed, now = await self._hash(password), self._clock.now()
        if not await self._users.set_hash(name, hashed, ends_sessions=True, now=now, given=given):
            raise AccountError(f"there is no {name}")
        return await self._known(name)

    async def change_own(self, name: str, old: str, new: str) -> User | None:
        """Another password by the word of whoever knows the old one; None when that is wrong. Raises AccountError."""
        if await self.check(name, old) is None:
            return None
        return await self.set_password(name, new)

    async def appoint(self, name: str, *, administers: bool) -> User:
        """Let a supervisor administer accounts, or no longer; its sessions end. Raises AccountError."""
        name = name_of(name)
        if not await self._users.appoint(name, administers=administers):
            raise AccountError(f"there is no supervisor {name}, or nothing would change")
        return await self._known(name)

    async def disable(self, name: str) -> User:
        """Disables an account and ends its sessions. Raises AccountError."""
        name = name_of(name)
        if not await self._users.disable(name, self._clock.now()):
            raise AccountError(f"there is no {name}, or it is disabled already")
        return await self._known(name)

    async def all(self) -> tuple[User, ...]:
        return await self._users.all()

    async def check(self, name: str, password: str) -> User | None:
        """Returns the account whose name and password these are; None for a wrong or disabled one. Where there is a
        second factor, that one lets in (enrolment.SecondFactors).
        """
        try:
            name = name_of(name)
        except AccountError:
            name = ""
        stored_hash = await self._users.hash_of(name) if name else None
        async with self._hashing:
            right, outdated = await asyncio.to_thread(self._verify, stored_hash, password)
        user = await self._users.get(name) if right else None
        if user is None or not self._in_use(user):
            return None
        if not user.second_factor:
            await self._users.seen(name, self._clock.now())
        if outdated:
            await self._users.set_hash(name, await self._hash(password), ends_sessions=False)
        return user

    async def current(self, name: str, generation: int) -> User | None:
        """The account a session was begun with, unless that is over."""
        user = await self._users.get(name)
        valid = user is not None and self._in_use(user) and user.generation == generation
        return user if valid else None

    async def known(self, name: str) -> str | None:
        """The name if there is such an account: what strangers type into a login is never written down."""
        try:
            user = await self._users.get(name_of(name))
        except AccountError:
            return None
        return None if user is None else user.name

    def _in_use(self, user: User) -> bool:
        seen_at = user.seen_at or user.created_at
        return user.disabled_at is None and self._clock.now() - seen_at < self._idle

    async def _was_used(self, name: str, password: str) -> bool:
        stored = await self._users.hash_of(name)
        for each in ((stored,) if stored else ()) + (await self._users.former_hashes(name))[: FORMER_KEPT - 1]:
            async with self._hashing:
                same, _ = await asyncio.to_thread(self._verify, each, password)
            if same:
                return True
        return False

    async def _known(self, name: str) -> User:
        user = await self._users.get(name)
        assert user is not None, "accounts are never deleted"
        return user

    async def _hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    def _verify(self, stored_hash: str | None, password: str) -> tuple[bool, bool]:
        """(right, made with other parameters than today's). As long for no account as for a wrong password."""
        if self._decoy is None:  # before any answer, whoever asks first
            self._decoy = self._hasher.hash("nobody")
        try:
            self._hasher.verify(stored_hash or self._decoy, password[: PASSWORD_CHARS_MAX + 1])
        except (VerificationError, InvalidHashError):
            return False, False
        return stored_hash is not None, stored_hash is not None and self._hasher.check_needs_rehash(stored_hash)


def _checked(password: str, name: str) -> str:
    why = passwords.fault(password, name)
    if why is not None:
        raise AccountError(passwords.WORDS[why], why)
    return password
