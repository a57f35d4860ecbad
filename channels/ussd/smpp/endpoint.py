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
        request = asked_of(message, account.alphabet)
        if request is None:
            log.warning("smpp %s: USSD from no telephone number", account.name)
            return Handled()
        dialog: SmppDialog | None = None
        began = time.perf_counter()
        try:
            before = await self._dialogs.load(account.name, request.msisdn)
            if before is not None and not before.is_that(request.dialog, request.reference, account.sessions):
                before = None
            if request.event is UssdOperation.END:
                await self._over(account.name, request, before)
                return Handled()
            dialog = self._follow(account.name, request, before)
            await self._dialogs.save(account.name, request.msisdn, dialog)
            text, ends = await self._turn(request, dialog, began)
        except Exception:
            log.exception("a turn failed at smpp %s", account.name)
            if request.event is UssdOperation.END:
                return Handled()
            self._count.turn("Apology", "failed", time.perf_counter() - began)
            inbound = Inbound("" if dialog is None else dialog.name, request.msisdn, None)
            text, ends = self._speaker.apology(await self._turns.language_of(inbound, CAN.channel)), True
        answer = answer_to(message, text, ends=ends, alphabet=account.alphabet)
        return Handled(then=partial(self._send, account, request, None if ends else dialog, answer))

    async def _turn(self, request: UssdRequest, dialog: SmppDialog, began: float) -> tuple[str, bool]:
        begins = dialog.order == 0
        inbound = Inbound(dialog.name, request.msisdn, dialog.order, None if begins else request.typed, begins=begins)
        answer = await self._turns.take(inbound, self._speaker)
        self._count.turn(answer.screen, answer.outcome, time.perf_counter() - began, answer.came_from)
        self._tell(inbound, answer)
        return answer.page.text, answer.ends

    async def _send(
        self, account: SmscAccount, request: UssdRequest, dialog: SmppDialog | None, answer: ShortMessage
    ) -> None:
        """`dialog` None: the last word."""
        try:
            status = await self._submit(account.name, answer)
            if status.status != CommandStatus.ROK:
                log.warning("smpp %s: a screen was refused: %s", account.name, name_of(status.status))
                return
        except NotBound:
            log.warning("smpp %s: a screen could not be sent", account.name)
            return
        except SessionError as error:
            log.warning("smpp %s: a screen may not have arrived: %s", account.name, error)
        try:
            if dialog is None:
                await self._dialogs.end(account.name, request.msisdn)
            else:
                await self._dialogs.save(account.name, request.msisdn, replace(dialog, answered=True))
        except DialogsDown:
            log.warning("smpp %s: a dialog could not be noted", account.name)

    async def _over(self, smsc: str, request: UssdRequest, dialog: SmppDialog | None) -> None:
        """Aborted, timed out or ended by the gateway: nobody reads an answer."""
        if dialog is None:
            return
        await self._turns.hang_up(dialog.name, request.msisdn, CAN.channel)
        await self._dialogs.end(smsc, request.msisdn)

    def _follow(self, smsc: str, request: UssdRequest, before: SmppDialog | None) -> SmppDialog:
        """Where the dialog stands with what was heard now. A dial that comes again on the first screen is a repeat.

        Our own code is a dial whatever the gateway calls it.
        """
        dials = request.event is UssdOperation.DIAL or is_dialled(request.typed, self._service_code)
        if dials or (request.event is UssdOperation.UNSAID and before is None):
            repeats = before is not None and before.order == 0 and before.named == request.dialog
            return before if before and repeats else SmppDialog.fresh(smsc, request.dialog, request.reference)
        if before is None:
            return SmppDialog.fresh(smsc, request.dialog, request.reference, order=1)
        return before.heard(request.dialog, request.reference)
