"""ports.Caller on the operator's own Asterisk: by the Manager Interface, or by a call file in its spool."""

import asyncio
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from channels.carriers.asterisk.ami import RING_MAX_S, AmiAccount, Originate, originate
from channels.ivr.wires.fastagi import TOKEN_VARIABLE, CallTokens
from core.payments.table import Payment
from core.ports import DeliveryFailed
from core.subscribers.lines import national

FILE_MODE = 0o660  # Asterisk reads, touches and removes it: run in its group
PLACES = ("{e164}", "{digits}", "{national}")
_MSISDN = re.compile(r"\+[0-9]{6,15}")


@dataclass(frozen=True, slots=True)
class DialRoute:
    """How a customer is rung: the channel ("PJSIP/{digits}@trunk") and where the dialplan goes on."""

    channel: str
    context: str
    extension: str
    caller_id: str

    def to(self, msisdn: str) -> str:
        """The channel of a customer. Raises DeliveryFailed for one who hides their number."""
        if _MSISDN.fullmatch(msisdn) is None:
            raise DeliveryFailed("the payer hides their number", retryable=False)
        names = (msisdn, msisdn[1:], national(msisdn))
        channel = self.channel
        for place, name in zip(PLACES, names, strict=True):
            channel = channel.replace(place, name)
        return channel


class AmiCaller:
    """Rings by the Manager Interface."""

    def __init__(self, account: AmiAccount, route: DialRoute, tokens: CallTokens) -> None:
        self._account = account
        self._route = route
        self._tokens = tokens

    async def call(self, payment: Payment) -> str:
        """The call's uniqueid. Raises DeliveryFailed."""
        call_id = _call_id(payment)
        order = Originate(
            id=call_id,
            channel=self._route.to(payment.payer_msisdn),
            context=self._route.context,
            extension=self._route.extension,
            caller_id=self._route.caller_id,
            variable=f"{TOKEN_VARIABLE}={self._tokens.make(payment.id, payment.payer_msisdn)}",
        )
        await originate(self._account, order)
        return call_id


class CallFileCaller:
    """Rings by a file in the spool: written beside it and renamed into it: Asterisk never reads half of one."""

    def __init__(self, spool: Path, route: DialRoute, tokens: CallTokens) -> None:
        """`spool`: Asterisk's spool folder, which has `tmp` and `outgoing`."""
        self._spool = spool
        self._route = route
        self._tokens = tokens

    async def call(self, payment: Payment) -> str:
        """The file's name. Raises DeliveryFailed."""
        name = f"{_call_id(payment)}.call"
        channel = self._route.to(payment.payer_msisdn)
        text = self._text(channel, self._tokens.make(payment.id, payment.payer_msisdn))
        try:
            await asyncio.to_thread(self._put, name, text)
        except OSError as error:
            raise DeliveryFailed(f"the spool cannot be written: {error.strerror}", retryable=True) from error
        return name

    def _text(self, channel: str, token: str) -> str:
        lines = {
            "Channel": channel,
            "CallerID": self._route.caller_id,
            "MaxRetries": "0",  # retries are ours to count
            "WaitTime": str(RING_MAX_S),
            "Context": self._route.context,
            "Extension": self._route.extension,
            "Priority": "1",
            "Setvar": f"{TOKEN_VARIABLE}={token}",
            "Archive": "no",
        }
        return "".join(f"{name}: {value}\n" for name, value in lines.items())

    def _put(self, name: str, text: str) -> None:
        draft = self._spool / "tmp" / name
        try:
            draft.write_text(text)
            draft.chmod(FILE_MODE)
            os.replace(draft, self._spool / "outgoing" / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise


def _call_id(payment: Payment) -> str:
    return f"khallas-{payment.id}-{secrets.token_hex(4)}"
