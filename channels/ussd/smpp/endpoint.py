"""USSD in over SMPP: deliver_sm -> Heard -> turn -> page -> submit_sm. The turn is saved before anything is answered.

A prompt that cannot be sent is not kept for later: nobody looks at that screen any more, and a redial resumes.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from channels.carriers.smpp.account import SmscAccount
from channels.carriers.smpp.message import ShortMessage
from channels.carriers.smpp.session import Handled, NotBound, SessionError, SubmitAnswer
from channels.carriers.smpp.statuses import CommandStatus, name_of
from channels.observer import TranscriptWriter, TurnObserver, unrecorded
from channels.ussd.smpp.dialogs import Dialogs, DialogsDown, SmppDialog
from channels.ussd.smpp.wire import LIMITS, UssdOperation, UssdRequest, answer_to, asked_of
from channels.ussd.speaker import CAN, UssdSpeaker
from core.messaging.texts import Texts
from sessions.turn.inbound import is_dialled
from sessions.turn.turns import Inbound, Turns

log = logging.getLogger(__name__)

WIRE = "smpp"

Submit = Callable[[str, ShortMessage], Awaitable[SubmitAnswer]]


class SmppUssd:
    """Takes what SMSCs bring that is USSD."""

    def __init__(
        self,
        turns: Turns,
        texts: Texts,
        dialogs: Dialogs,
        submit: Submit,
        metrics: TurnObserver,
        tell: TranscriptWriter = unrecorded,
        service_code: str = "",
    ) -> None:
        """`submit` sends by the SMSC of that name; `tell` hears what was shown; `service_code` as it is dialled."""
        self._turns = turns
        self._speaker = UssdSpeaker(texts, LIMITS)
        self._dialogs = dialogs
        self._submit = submit
        self._count = metrics.wire(CAN.channel, WIRE)
        self._tell = tell
        self._service_code = service_code

    async def take(self, account: SmscAccount, session_id: str, message: ShortMessage) -> Handled:
        """Always taken: a dialog cannot wait until we are better."""
        asked = asked_of(message, account.alphabet)
        if asked is None:
            log.warning("smpp %s: USSD from no telephone number", account.name)
            return Handled()
        dialog: SmppDialog | None = None
        began = time.perf_counter()
        try:
            before = await self._dialogs.load(account.name, asked.msisdn)
            if before is not None and not before.is_that(asked.dialog, asked.reference, account.sessions):
                before = None
            if asked.event is UssdOperation.END:
                await self._over(account.name, asked, before)
                return Handled()
            dialog = self._follow(account.name, asked, before)
            await self._dialogs.save(account.name, asked.msisdn, dialog)
            text, ends = await self._turn(asked, dialog, began)
        except Exception:
            log.exception("a turn failed at smpp %s", account.name)
            if asked.event is UssdOperation.END:
                return Handled()
            self._count.turn("Apology", "failed", time.perf_counter() - began)
            heard = Inbound("" if dialog is None else dialog.name, asked.msisdn, None)
            text, ends = self._speaker.apology(await self._turns.language_of(heard, CAN.channel)), True
        answer = answer_to(message, text, ends=ends, alphabet=account.alphabet)
        return Handled(then=partial(self._send, account, asked, None if ends else dialog, answer))

    async def _turn(self, asked: UssdRequest, dialog: SmppDialog, began: float) -> tuple[str, bool]:
        begins = dialog.order == 0
        heard = Inbound(dialog.name, asked.msisdn, dialog.order, None if begins else asked.typed, begins=begins)
        answer = await self._turns.take(heard, self._speaker)
        self._count.turn(answer.screen, answer.outcome, time.perf_counter() - began, answer.came_from)
        self._tell(heard, answer)
        return answer.page.text, answer.ends

    async def _send(
        self, account: SmscAccount, asked: UssdRequest, dialog: SmppDialog | None, answer: ShortMessage
    ) -> None:
        """`dialog` None: the last word."""
        try:
            told = await self._submit(account.name, answer)
            if told.status != CommandStatus.ROK:
                log.warning("smpp %s: a screen was refused: %s", account.name, name_of(told.status))
                return
        except NotBound:
            log.warning("smpp %s: a screen could not be sent", account.name)
            return
        except SessionError as error:
            log.warning("smpp %s: a screen may not have arrived: %s", account.name, error)
        try:
            if dialog is None:
                await self._dialogs.end(account.name, asked.msisdn)
            else:
                await self._dialogs.save(account.name, asked.msisdn, replace(dialog, answered=True))
        except DialogsDown:
            log.warning("smpp %s: a dialog could not be noted", account.name)

    async def _over(self, smsc: str, asked: UssdRequest, dialog: SmppDialog | None) -> None:
        """Aborted, timed out or ended by the gateway: nobody reads an answer."""
        if dialog is None:
            return
        await self._turns.hang_up(dialog.name, asked.msisdn, CAN.channel)
        await self._dialogs.end(smsc, asked.msisdn)

    def _follow(self, smsc: str, asked: UssdRequest, before: SmppDialog | None) -> SmppDialog:
        """Where the dialog stands with what was heard now. A dial that comes again on the first screen is a repeat.

        Our own code is a dial whatever the gateway calls it.
        """
        dials = asked.event is UssdOperation.DIAL or is_dialled(asked.typed, self._service_code)
        if dials or (asked.event is UssdOperation.UNSAID and before is None):
            repeats = before is not None and before.order == 0 and before.named == asked.dialog
            return before if before and repeats else SmppDialog.fresh(smsc, asked.dialog, asked.reference)
        if before is None:
            return SmppDialog.fresh(smsc, asked.dialog, asked.reference, order=1)
        return before.heard(asked.dialog, asked.reference)
