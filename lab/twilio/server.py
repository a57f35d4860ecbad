"""A stand-in for Twilio: takes messages and calls from the application, calls it back, rings customers' phones.

Rules of this file: what it says to the application is signed; what runs in the background is bounded and ends with the
`async with` block; a fault is ordered, never random.
"""

import asyncio
import re
from collections import deque
from collections.abc import Coroutine, Mapping
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

from lab.caller import DEMO_ACCOUNT, DEMO_TOKEN, new_sid, sms_fields
from lab.twilio import twiml
from lab.twilio.call import Call
from lab.twilio.card_entry import Taker
from lab.twilio.dialled import API_VERSION, RING_MAX_S, SCRIPTED, Dialled, Direction, Pace
from lab.twilio.texts import Inboxes, Text
from lab.twilio.webhooks import Exchange, Line, Watcher, WebhookFailed

TASKS_MAX = 1_000
CALLS_MAX = 1_000
FAILURES_MAX = 200
BODY_MAX_CHARACTERS = 1_600
STOP_MAX_S = 5.0
WAIT_MAX_S = 60.0  # for a text, a call, a report: a busy machine's
_E164 = re.compile(r"\+[1-9]\d{7,14}")
INVALID_NUMBER = "+15005550001"  # Twilio's own test number for 21211


class Fault(StrEnum):
    """What goes wrong with the next requests."""

    NONE = "none"
    MUTE = "mute"  # accepted, never delivered, no callback
    UNDELIVERED = "undelivered"  # accepted, then 30003
    SLOW = "slow"  # accepted and done, but answered only after slow_s
    RATE_LIMIT = "rate_limit"  # 429, 20429
    SERVER_ERROR = "server_error"  # 500, nothing done


class Refused(Exception):
    """Twilio's error answer: the request's fault below 500."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Twilio:
    """One account. Serve `lab.twilio.rest.rest(twilio)`, then connect() it to the application."""

    def __init__(
        self,
        *,
        account_sid: str = DEMO_ACCOUNT,
        auth_token: str = DEMO_TOKEN,
        short_code: str = "1117",
        ivr_number: str = "+212537000777",
        pace: Pace = SCRIPTED,
        status_delay_s: float = 0.02,
        taker: Taker | None = None,
        stop_max_s: float = STOP_MAX_S,
    ) -> None:
        """`taker`: cards of <Pay> are typed on the customers' phones, and taken by it."""
        self.taker = taker
        self._stop_max_s = stop_max_s
        self.account_sid, self.auth_token = account_sid, auth_token
        self.short_code, self.ivr_number = short_code, ivr_number
        self.pace, self.status_delay_s = pace, status_delay_s
        self.inboxes = Inboxes()
        self.calls: dict[str, Call] = {}
        self.messages_fault, self.calls_fault = Fault.NONE, Fault.NONE
        self.slow_s = 5.0
        self.opted_out: set[str] = set()
        self.callback_failures: deque[str] = deque(maxlen=FAILURES_MAX)
        self._line = Line(auth_token)
        self.public_url = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self._closing = False

    def settings(self, api_url: str) -> dict[str, str]:
        """What KHALLAS_TWILIO__… must be to reach it, by the settings' names in small letters. `api_url`: where
        lab.twilio.rest.rest is served.
        """
        return {
            "account_sid": self.account_sid,
            "auth_tokens": self.auth_token,
            "from": self.short_code,
            "api_url": api_url,
        }

    def connect(self, app_url: str, public_url: str = "") -> None:
        """Where the application listens, and the URL its signatures are built from, where that differs."""
        self.public_url = (public_url or app_url).rstrip("/") + "/"
        self._line.route(public_url or app_url, app_url)

    def watch(self, watcher: Watcher) -> None:
        """Tell every exchange with the application, both ways."""
        self._line.watcher = watcher

    def watched(self, exchange: Exchange) -> None:
        """The application asked (lab/twilio/rest.py)."""
        if self._line.watcher is not None:
            self._line.watcher(exchange)

    async def __aenter__(self) -> Self:
        await self._line.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True  # no telephone rings any more, no text is taken
        closed = await asyncio.gather(
            *(call.close(self._stop_max_s) for call in self.calls.values()), return_exceptions=True
        )
        reports = [*self._tasks]
        if reports:
            await asyncio.wait(reports, timeout=self._stop_max_s)
        for task in reports:
            task.cancel()
        closed += await asyncio.gather(*reports, return_exceptions=True)
        await self._line.__aexit__(kind, error, trace)
        for failure in closed:
            if isinstance(failure, Exception):
                raise failure

    async def idle(self, timeout_s: float = WAIT_MAX_S) -> None:
        """Wait until every ended call and every text has been reported. Raises TimeoutError."""
        ended = [call.finished() for call in self.calls.values() if call.hung_up or call.ended]
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*self._tasks, *ended)

    # --- what the application asks (lab/twilio/rest.py) -----------------------------------------------------------

    async def send_message(self, form: Mapping[str, str]) -> dict[str, object]:
        """Messages.json. Raises Refused."""
        self._fail(self.messages_fault)
        to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
        _check_to(to, 21604)
        if not sender and not form.get("MessagingServiceSid"):
            raise Refused(400, 21603, "A 'From' phone number is required.")
        if not body:
            raise Refused(400, 21602, "Message body is required.")
        if len(body) > BODY_MAX_CHARACTERS:
            raise Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        if to in self.opted_out:
            raise Refused(400, 21610, "Attempt to send to unsubscribed recipient")
        text = Text(new_sid("SM"), sender, to, body, "outbound-api", form.get("StatusCallback", ""), ["queued"])
        self._carry(text)
        resource = text.resource(self.account_sid)
        await self._dawdle(self.messages_fault)
        return resource

    async def place_call(self, form: Mapping[str, str], status_events: tuple[str, ...] = ()) -> dict[str, object]:
        """Calls.json. The phone rings until someone answers the call. Raises Refused."""
        self._fail(self.calls_fault)
        to, sender, url = form.get("To", ""), form.get("From", ""), form.get("Url", "")
        _check_to(to, 21201)
        if not sender:
            raise Refused(400, 21213, "No 'From' number is specified")
        if not url.startswith(("http://", "https://")):
            raise Refused(400, 21205, "Url parameter is not a valid URL")
        dialled = Dialled(
            sid=new_sid("CA"),
            account_sid=self.account_sid,
            from_number=sender,
            to_number=to,
            direction=Direction.OUTBOUND,
            url=url,
            method=form.get("Method", "POST").upper(),
            status_url=form.get("StatusCallback", ""),
            status_events=frozenset(status_events) or frozenset({"completed"}),
            ring_max_s=float(form.get("Timeout", RING_MAX_S)),
        )
        call = Call(dialled, self._line, self.pace, self.taker)
        if self.calls_fault is not Fault.MUTE:
            await self._ring(call)
        await self._dawdle(self.calls_fault)
        return dialled.resource("queued")

    # --- what customers do ----------------------------------------------------------------------------------------

    def texts(self, number: str) -> tuple[Text, ...]:
        """What reached a customer's phone, oldest first."""
        return tuple(text for text in self.inboxes.of(number) if text.received)

    async def wait_for_texts(self, number: str, count: int = 1, timeout_s: float = WAIT_MAX_S) -> tuple[Text, ...]:
        """The texts once there are that many. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.texts(number)) >= count)
        return self.texts(number)

    async def deliver_mo(self, sender: str, body: str, *, to: str = "", sid: str = "") -> list[str]:
        """A customer texts the application; its replies, which also reach the inbox. Raises WebhookFailed, BadTwiml.

        The same `sid` again is the same message delivered twice.
        """
        sid, to, url = sid or new_sid("SM"), to or self.short_code, urljoin(self.public_url, "sms/twilio")
        self.inboxes.keep(sender, Text(sid, sender, to, body, "inbound", statuses=["received"]))
        answer = await self._line.signed(url, sms_fields(self.account_sid, sid, sender, to, body))
        replies = twiml.messages(answer.body)
        for reply in replies:
            callback = urljoin(url, reply.action) if reply.action else ""
            self._carry(Text(new_sid("SM"), to, sender, reply.text, "outbound-reply", callback, ["queued"]))
        return [reply.text for reply in replies]

    async def dial(self, caller: str) -> Call:
        """A customer calls the IVR's number; the call, ringing."""
        dialled = Dialled(
            sid=new_sid("CA"),
            account_sid=self.account_sid,
            from_number=caller,
            to_number=self.ivr_number,
            direction=Direction.INBOUND,
            url=urljoin(self.public_url, "ivr/twilio"),
            status_url=urljoin(self.public_url, "ivr/twilio/status"),
        )
        call = Call(dialled, self._line, self.pace, self.taker)
        await self._ring(call)
        return call

    def calls_of(self, number: str) -> tuple[Call, ...]:
        """The calls from and to a customer's phone, oldest first."""
        return tuple(call for call in self.calls.values() if call.dialled.customer == number)

    def talks(self, number: str) -> bool:
        """Returns whether a customer's phone is in a call now."""
        return any(not call.rings and not call.ended for call in self.calls_of(number))

    async def next_call(self, number: str, timeout_s: float = WAIT_MAX_S) -> Call:
        """The call that rings at a customer's phone, as soon as one does. Raises TimeoutError."""

        def ringing() -> list[Call]:
            calls = self.calls_of(number)
            return [call for call in calls if call.rings and call.dialled.direction is Direction.OUTBOUND]

        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(ringing)
        return ringing()[0]

    # --- behind ---------------------------------------------------------------------------------------------------

    async def _ring(self, call: Call) -> None:
        self._open()
        ended = [sid for sid, other in self.calls.items() if other.over]
        for sid in ended[: max(0, len(self.calls) + 1 - CALLS_MAX)]:
            del self.calls[sid]
        if len(self.calls) >= CALLS_MAX:
            raise Refused(429, 20429, "Too Many Requests")
        self.calls[call.dialled.sid] = call
        call.start()
        async with self._changed:
            self._changed.notify_all()

    def _open(self) -> None:
        if self._closing:
            raise Refused(503, 20503, "Service Unavailable")

    def _fail(self, fault: Fault) -> None:
        self._open()
        if fault is Fault.RATE_LIMIT or len(self._tasks) >= TASKS_MAX:
            raise Refused(429, 20429, "Too Many Requests")
        if fault is Fault.SERVER_ERROR:
            raise Refused(500, 20500, "Internal Server Error")

    async def _dawdle(self, fault: Fault) -> None:
        if fault is Fault.SLOW:
            await asyncio.sleep(self.slow_s)

    def _carry(self, text: Text) -> None:
        self.inboxes.keep(text.to, text)
        match self.messages_fault:
            case Fault.MUTE:
                return
            case Fault.UNDELIVERED:
                self._spawn(self._report(text, ("queued", "sent", "undelivered")))
            case _:
                self._spawn(self._report(text, ("queued", "sent", "delivered")))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _report(self, text: Text, statuses: tuple[str, ...]) -> None:
        for status in statuses:
            if status != text.statuses[-1]:
                text.statuses.append(status)
            fields = {"MessageSid": text.sid, "SmsSid": text.sid, "MessageStatus": status, "SmsStatus": status}
            fields |= {"From": text.sender, "To": text.to, "AccountSid": self.account_sid, "ApiVersion": API_VERSION}
            if status == "undelivered":
                text.error_code = 30003
                fields["ErrorCode"] = "30003"
            async with self._changed:
                self._changed.notify_all()
            if text.callback:
                try:
                    await self._line.signed(text.callback, fields)
                except WebhookFailed as error:
                    self.callback_failures.append(str(error))
            await asyncio.sleep(self.status_delay_s)


def _check_to(to: str, missing_code: int) -> None:
    if not to:
        raise Refused(400, missing_code, "A 'To' phone number is required.")
    if not _E164.fullmatch(to) or to == INVALID_NUMBER:
        raise Refused(400, 21211, f"The 'To' number {to} is not a valid phone number.")
