"""ports.Caller on the operator's own Asterisk: by the Manager Interface, or by a call file in its spool."""

import asyncio
import logging
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from channels.carriers.asterisk.ami import AMI_BOUNDS, RING_MAX_S, AmiAccount, AmiBounds, AmiLine, Message, Originate
from channels.carriers.asterisk.call_tokens import TOKEN_VARIABLE, CallTokens
from channels.carriers.asterisk.progress import CallEnded, CallProgress
from core.payments.table import Payment
from core.ports import CallEnds, DeliveryFailed
from core.subscribers.lines import national

log = logging.getLogger(__name__)

FILE_MODE = 0o660  # Asterisk reads, touches and removes it: its group is the spool's
LOOKS_MAX = 25
LOOK_PAUSE_S = 0.2
PLACES = ("{e164}", "{digits}", "{national}")
_MSISDN = re.compile(r"\+[0-9]{6,15}")


@dataclass(frozen=True, slots=True)
class DialRoute:
    """Tells how a customer is rung: the channel ("PJSIP/{digits}@trunk") and where the dialplan goes on."""

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
    """Rings by the Manager Interface: an order is placed at once, and what the telephone did is told to `ended`."""

    def __init__(
        self,
        account: AmiAccount,
        route: DialRoute,
        tokens: CallTokens,
        ended: CallEnds,
        *,
        bounds: AmiBounds = AMI_BOUNDS,
        look_pause_s: float = LOOK_PAUSE_S,
    ) -> None:
        self._line = AmiLine(account, self._hear, bounds)
        self._look_pause_s = look_pause_s
        self._progress = CallProgress()
        self._route = route
        self._tokens = tokens
        self._ended = ended
        self._telling: set[asyncio.Task[None]] = set()

    async def call(self, payment: Payment) -> str:
        """The call's uniqueid, as soon as the switch has the order. Raises DeliveryFailed."""
        call_id = _call_id(payment)
        order = Originate(
            id=call_id,
            channel=self._route.to(payment.payer_msisdn),
            context=self._route.context,
            extension=self._route.extension,
            caller_id=self._route.caller_id,
            variable=f"{TOKEN_VARIABLE}={self._tokens.make(payment.id, payment.payer_msisdn)}",
        )
        self._progress.placed(call_id)
        try:
            await self._line.originate(order)
        except DeliveryFailed:
            self._progress.forget(call_id)
            raise
        return call_id

    async def close(self) -> None:
        """Tells what was heard of calls so far; calls that ring ring on."""
        await self._line.close()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _hear(self, event: Message) -> None:
        ended = self._progress.hear(event)
        if ended is not None:
            task = asyncio.create_task(self._tell(ended), name=f"end of {ended.call_id}")
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell(self, ended: CallEnded) -> None:
        """An end may overtake the commit that knows its call."""
        try:
            for _ in range(LOOKS_MAX):
                if await self._ended(ended.call_id, ended.end, ended.why):
                    return
                await asyncio.sleep(self._look_pause_s)
        except Exception:  # the database is away: who asks again is rung again after a while
            log.exception("how a call ended cannot be kept")


class CallFileCaller:
    """Rings by a file in the spool: written beside it and renamed into it: Asterisk never reads half of one."""

    def __init__(self, spool: Path, route: DialRoute, tokens: CallTokens) -> None:
        """`spool`: Asterisk's spool folder, which has `tmp` and `outgoing`."""
        self._spool = spool
        self._route = route
        self._tokens = tokens

    async def close(self) -> None:
        """Closes nothing, for nothing is open."""

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
            os.chown(draft, -1, (self._spool / "outgoing").stat().st_gid)
            draft.chmod(FILE_MODE)
            os.replace(draft, self._spool / "outgoing" / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise


def _call_id(payment: Payment) -> str:
    return f"khallas-{payment.id}-{secrets.token_hex(4)}"
