"""How far each USSD dialog over SMPP is, in Redis: the protocol numbers nothing, and dialog names come round again."""

import secrets
from dataclasses import dataclass, replace

from redis.asyncio import Redis
from redis.exceptions import RedisError

DIALOG_TTL_S = 300  # longer than any network keeps a dialog
TOKEN_BYTES = 6


class DialogsDown(Exception):
    """Redis's fault. Retry later."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """`name` is ours and never comes round; `order` counts what was heard; `answered`: our prompt for it went out."""

    name: str
    order: int = 0
    answered: bool = False

    @classmethod
    def fresh(cls, smsc: str, named: str, order: int = 0) -> "Dialog":
        """One that nobody has heard of."""
        return cls(f"{smsc}-{named}-{secrets.token_hex(TOKEN_BYTES)}", order)

    def heard(self) -> "Dialog":
        """After an answer: one that comes before we asked anything is a repeat of the last."""
        return replace(self, order=self.order + 1, answered=False) if self.answered else self


class Dialogs:
    """Raises DialogsDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def load(self, smsc: str, msisdn: str, named: str) -> Dialog | None:
        try:
            value = await self._redis.get(_key(smsc, msisdn, named))
        except (RedisError, OSError, TimeoutError) as error:
            raise DialogsDown(type(error).__name__) from error
        if not isinstance(value, bytes):
            return None
        name, order, answered = value.decode().split("|")
        return Dialog(name, int(order), answered == "1")

    async def save(self, smsc: str, msisdn: str, named: str, dialog: Dialog) -> None:
        value = f"{dialog.name}|{dialog.order}|{int(dialog.answered)}"
        try:
            await self._redis.set(_key(smsc, msisdn, named), value, ex=DIALOG_TTL_S)
        except (RedisError, OSError, TimeoutError) as error:
            raise DialogsDown(type(error).__name__) from error

    async def end(self, smsc: str, msisdn: str, named: str) -> None:
        """The name may come round."""
        try:
            await self._redis.delete(_key(smsc, msisdn, named))
        except (RedisError, OSError, TimeoutError) as error:
            raise DialogsDown(type(error).__name__) from error


def _key(smsc: str, msisdn: str, named: str) -> str:
    return f"kh:{{{msisdn}}}:ussd:smpp:{smsc}:{named}"
