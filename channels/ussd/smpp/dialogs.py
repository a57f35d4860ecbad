"""How far each USSD dialog over SMPP is, in Redis: the protocol numbers nothing, and dialog names come round again."""

import secrets
from dataclasses import dataclass, replace

from redis.asyncio import Redis

from channels.carriers.smpp.account import Sessions
from sessions.store.pipeline import redis_errors_as

DIALOG_TTL_S = 300  # longer than any network keeps a dialog
TOKEN_BYTES = 6
UNNAMED = frozenset({"", "ref"})
ITS = "its"  # before a name that its_session_info gave


class DialogsDown(Exception):
    """Redis's fault. Retry later."""


@dataclass(frozen=True, slots=True)
class SmppDialog:
    """`name` is ours and never comes round; `order` counts what was heard; `answered`: our prompt for it went out.

    `named` and `reference` are what the gateway last called it.
    """

    name: str
    order: int = 0
    answered: bool = False
    named: str = ""
    reference: str = ""

    @classmethod
    def fresh(cls, smsc: str, named: str, reference: str = "", order: int = 0) -> "SmppDialog":
        """Makes a dialog that nobody has heard of."""
        return cls(f"{smsc}-{named}-{secrets.token_hex(TOKEN_BYTES)}", order, named=named, reference=reference)

    def heard(self, named: str, reference: str) -> "SmppDialog":
        """The dialog after an answer: one that comes before we asked anything is a repeat of the last."""
        dialog = replace(self, named=named or self.named, reference=reference or self.reference)
        return replace(dialog, order=self.order + 1, answered=False) if self.answered else dialog

    def is_that(self, named: str, reference: str, sessions: Sessions) -> bool:
        """Returns whether a gateway that calls a dialog so means this one."""
        match sessions:
            case Sessions.MSISDN:
                return True
            case Sessions.REFERENCE:
                return self.reference == reference
            case Sessions.BITS15:
                return self.named == named
            case Sessions.OCTET:
                return octet_of(self.named) == octet_of(named)
            case Sessions.AUTO:
                # what names nothing contradicts nothing; a name that goes on by its second octet shares the first
                same = not {self.named, named} & UNNAMED and self.named[:3] == named[:3]
                return not same or self.named == named or octet_of(self.named) == octet_of(named) != ""


class Dialogs:
    """A telephone's one dialog at an SMSC. Raises DialogsDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def load(self, smsc: str, msisdn: str) -> SmppDialog | None:
        with redis_errors_as(DialogsDown):
            value = await self._redis.get(_key(smsc, msisdn))
        if not isinstance(value, bytes):
            return None
        name, order, answered, named, reference = value.decode().split("|")
        return SmppDialog(name, int(order), answered == "1", named, reference)

    async def save(self, smsc: str, msisdn: str, dialog: SmppDialog) -> None:
        value = f"{dialog.name}|{dialog.order}|{int(dialog.answered)}|{dialog.named}|{dialog.reference}"
        with redis_errors_as(DialogsDown):
            await self._redis.set(_key(smsc, msisdn), value, ex=DIALOG_TTL_S)

    async def end(self, smsc: str, msisdn: str) -> None:
        """The name may come round."""
        with redis_errors_as(DialogsDown):
            await self._redis.delete(_key(smsc, msisdn))


def octet_of(named: str) -> str:
    """The session number of a name of 15 bits, as SMPP 3.4 has it (5.3.2.43): its first octet; "" of other names."""
    digits = named.removeprefix(ITS)
    return str(int(digits) >> 7) if named.startswith(ITS) and digits.isdecimal() else ""


def _key(smsc: str, msisdn: str) -> str:
    return f"kh:{{{msisdn}}}:ussd:smpp:{smsc}"
