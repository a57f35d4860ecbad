"""Who has a second factor, and whether what was typed is it. A code counts once, whichever process hears it first."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core.help_desk import second_factor
from core.help_desk.accounts import AccountError, name_of
from core.ports import Clock
from core.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Shown once, to whoever gives it on."""

    name: str
    secret: bytes = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


class SecondFactorRepository(Protocol):
    """The repository of second factors. All methods raise DatabaseUnavailable."""

    async def set_second_factor(self, name: str, sealed: bytes | None, recovery: tuple[str, ...]) -> bool:
        """Sets a second factor and ends the account's sessions; None takes the factor away. False when there is no such
        account.
        """

    async def sealed_of(self, name: str) -> bytes | None: ...

    async def reseal(self, name: str, was: bytes, sealed: bytes) -> None:
        """Keeps the same secret, sealed under another key."""

    async def use_step(self, name: str, step: int) -> bool:
        """Uses up a code's time step. Returns False when this step, or a later one, was used before."""

    async def use_recovery(self, name: str, digest: str) -> bool:
        """Uses up a recovery code. Returns False when this is none of the account's, or was used before."""

    async def seen(self, name: str, now: datetime) -> None: ...


class SecondFactors:
    """Gives, checks and takes second factors. Every method raises DatabaseUnavailable."""

    def __init__(self, kept: SecondFactorRepository, box: Sealer, clock: Clock) -> None:
        self._kept = kept
        self._box = box
        self._clock = clock

    async def enrol(self, name: str) -> Enrolment:
        """A new secret and new recovery codes; those before are worth nothing. Raises AccountError."""
        name = name_of(name)
        enrolment = Enrolment(name, second_factor.fresh_secret(), second_factor.fresh_recovery_codes())
        digests = tuple(second_factor.recovery_hash(name, code) for code in enrolment.recovery_codes)
        if not await self._kept.set_second_factor(name, self._box.seal(name, enrolment.secret), digests):
            raise AccountError(f"there is no {name}")
        return enrolment

    async def take(self, name: str) -> None:
        """Let the password suffice again. Raises AccountError."""
        if not await self._kept.set_second_factor(name_of(name), None, ()):
            raise AccountError(f"there is no {name}")

    async def proves(self, name: str, typed: str) -> bool:
        """Returns whether this is a code of now, or a recovery code; either is used up by it."""
        sealed = await self._kept.sealed_of(name)
        opened = None if sealed is None else self._box.open(name, sealed)
        secret, outdated = opened or (bytes(second_factor.SECRET_BYTES), False)
        step = second_factor.step_of(secret, typed, self._clock.now().timestamp())
        recovered = sealed is not None and await self._kept.use_recovery(name, second_factor.recovery_hash(name, typed))
        used = opened is not None and step is not None and await self._kept.use_step(name, step)
        if not recovered and not used:
            return False
        if outdated and sealed is not None:
            await self._kept.reseal(name, sealed, self._box.seal(name, secret))
        await self._kept.seen(name, self._clock.now())
        return True
