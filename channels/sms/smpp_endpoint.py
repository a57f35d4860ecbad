"""SMS in over SMPP: texts and delivery receipts of all SMSCs. Answered when kept; what is raised comes again.

deliver_sm carries no id of its own. A text that comes again over another connection within REPEAT_S is taken for a
repeat, because its acknowledgement may have been lost with the first one; over the same connection it is a new text.
"""

import logging
import secrets
from collections.abc import Callable
from hashlib import sha256

from redis.asyncio import Redis

from channels.carriers.smpp.account import SmscAccount
from channels.carriers.smpp.message import ShortMessage
from channels.carriers.smpp.metrics import SmppMetrics
from channels.carriers.smpp.parts import Fragment, fragment_of
from channels.carriers.smpp.reassembly import PartsDown, Reassembly
from channels.carriers.smpp.receipts import PartState, Receipt, ReceiptClaim, claim_of, receipt_of
from channels.carriers.smpp.session import Handled
from channels.carriers.smpp.statuses import CommandStatus
from channels.sms.deduplication import MemoryDown
from channels.sms.inbox import Inbox, NotStored
from channels.sms.message import DeliveryStatus, MoMessage
from channels.sms.outbound.smpp_parts import SentParts
from core.repositories import DatabaseUnavailable, Delivery
from core.subscribers.lines import msisdn
from sessions.store.pipeline import redis_errors_as

log = logging.getLogger(__name__)

REPEAT_S = 120
TEXT_CHARS_MAX = 2_000  # of a text: keywords are short, whatever else somebody pasted
ID_BYTES = 12
AGAIN = "*"  # in place of a connection: whoever brings it, it is the same message

DELIVERIES = {
    PartState.ON_ITS_WAY: Delivery.SENT,
    PartState.DELIVERED: Delivery.DELIVERED,
    PartState.FAILED: Delivery.FAILED,
}
DOWN = (NotStored, PartsDown, MemoryDown, DatabaseUnavailable)


class MoDeduplication:
    """Names texts that have none. Raises MemoryDown."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def identify(self, session_id: str, digest: str) -> str:
        """The text's id, the same for a repeat."""
        fresh = secrets.token_hex(ID_BYTES)
        key = f"kh:smpp:mo:{digest}"
        with redis_errors_as(MemoryDown):
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(key, f"{session_id}|{fresh}", ex=REPEAT_S, nx=True)
            pipe.get(key)
            ours, value = await pipe.execute()
            if ours or value is None:
                return fresh
            session, _, identity = value.decode().partition("|")
            if session != session_id:
                return str(identity)
            await self._redis.set(key, f"{session_id}|{fresh}", ex=REPEAT_S)
        return fresh

    async def again(self, digest: str, identity: str) -> None:
        """The SMSC was told to bring it again: whoever does so brings this one."""
        with redis_errors_as(MemoryDown):
            await self._redis.set(f"kh:smpp:mo:{digest}", f"{AGAIN}|{identity}", ex=REPEAT_S)


class SmppTexts:
    """Takes what SMSCs bring that is no USSD."""

    def __init__(
        self,
        inbox: Inbox,
        reassembly: Reassembly,
        sent: SentParts,
        arrivals: MoDeduplication,
        mark: Callable[[str, str], int],
        metrics: SmppMetrics,
    ) -> None:
        """`mark` tells texts apart under a key of ours (vault.Seals.mark): a bare hash of one could be guessed."""
        self._inbox = inbox
        self._reassembly = reassembly
        self._sent = sent
        self._arrivals = arrivals
        self._mark = mark
        self._metrics = metrics

    async def take(self, account: SmscAccount, session_id: str, message: ShortMessage) -> Handled:
        """RMSGQFUL while it cannot be kept; a message is never refused for what it says."""
        try:
            claim = claim_of(message)
            taken_as_receipt = claim is not ReceiptClaim.NONE and await self._receipt(account, message)
            # what has a receipt's look and tells of nothing of ours is answered to nobody: that would be receipted too
            if not taken_as_receipt and claim in {ReceiptClaim.NONE, ReceiptClaim.PERHAPS}:
                await self._text(account, session_id, message)
        except DOWN as error:
            log.warning("smpp %s: a message is to come again: %s", account.name, type(error).__name__)
            return Handled(CommandStatus.RMSGQFUL)
        return Handled()

    async def receipt(self, smsc: str, receipt: Receipt) -> bool:
        """Write down what became of a message; whether it was one of ours. Raises MemoryDown, DatabaseUnavailable."""
        self._metrics.receipt(smsc, receipt.state or "unheard_of")
        if receipt.state is None:
            return False
        whole = await self._sent.receipt(smsc, receipt, receipt.state)
        provider_id = f"{smsc}:{receipt.message_id}"
        if whole is None:
            log.info("smpp %s: a receipt before its message, or of another's", smsc)
            return False
        status = DELIVERIES[whole.state]
        await self._inbox.report(DeliveryStatus(provider_id, status, whole.reference, receipt.error))
        return True

    async def _receipt(self, account: SmscAccount, message: ShortMessage) -> bool:
        receipt = receipt_of(message, account.alphabet, account.ids, _sender(message))
        if receipt is None:
            log.warning("smpp %s: a receipt that names no message", account.name)
            return False
        return await self.receipt(account.name, receipt)

    async def _text(self, account: SmscAccount, session_id: str, message: ShortMessage) -> None:
        part = fragment_of(message)
        added = await self._reassembly.add(
            account.name, message, part, account.alphabet, session_id, join_s=account.join_s
        )
        if added.torn:
            await self._inbox.store(_received(account, message, added.torn, "", torn=True))
            await self._reassembly.told(account.name, message, part)
        text = added.text
        if text is None:
            return
        digest = self._digest(account, message, part, text)
        identity = await self._arrivals.identify(session_id, digest)
        try:
            await self._inbox.store(_received(account, message, identity, text))
        except NotStored:
            await self._arrivals.again(digest, identity)
            raise
        await self._reassembly.kept(account.name, message, part, session_id)

    def _digest(self, account: SmscAccount, message: ShortMessage, part: Fragment, text: str) -> str:
        """What two copies of a text share."""
        who = f"{account.name}|{message.source.digits}|{message.destination.digits}|{part.reference}|{part.total}"
        return f"{sha256(who.encode()).hexdigest()[:32]}:{self._mark(who, text):08x}"


def _received(
    account: SmscAccount, message: ShortMessage, identity: str, text: str, *, torn: bool = False
) -> MoMessage:
    return MoMessage(
        provider=account.name,
        provider_id=identity,
        sender=message.source.text,
        to=message.destination.text,
        text=text[:TEXT_CHARS_MAX],
        torn=torn,
    )


def _sender(message: ShortMessage) -> str:
    """The telephone a receipt comes from, "" where it names none."""
    try:
        return msisdn(message.source.text)
    except ValueError:
        return ""
