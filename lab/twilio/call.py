"""One telephone call, played as Twilio plays it: documents are fetched, spoken and obeyed; keys come from outside.

Rules of this file (protocols/ivr.md): keys nobody waits for are lost; a hang-up inside a Gather gives no action call,
only
the status callback; a document that is wrong ends the call with `error`. Time is virtual: `Pace` says how much of it
really passes. Every wait and the number of documents have bounds.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, assert_never
from urllib.parse import urljoin

from lab.twilio import twiml
from lab.twilio.card_entry import STAR, Taker, played
from lab.twilio.dialled import SCRIPTED, CallStatus, Caption, Dialled, Direction, Pace
from lab.twilio.keypad import GATHER_MAX_S, Keypad
from lab.twilio.webhooks import Line, WebhookFailed

DOCUMENTS_MAX = 500
CALL_MAX_S = 3_600.0
CLOSE_MAX_S = 5.0
TURN_MAX_S = 120.0  # until it is the customer's turn: a busy machine's, pauses that grew among it
SPEECH_S_PER_CHARACTER = 0.06
PLAY_S = 3.0
XML_TYPES = frozenset({"text/xml", "application/xml"})


@dataclass(frozen=True, slots=True)
class _Step:
    url: str
    method: str
    fields: dict[str, str]


class Call:
    """A live call. `start()` it, then `await settled()` and `press()` until it has `ended`."""

    def __init__(
        self,
        dialled: Dialled,
        line: Line,
        pace: Pace = SCRIPTED,
        taker: Taker | None = None,
        *,
        documents_max: int = DOCUMENTS_MAX,
    ) -> None:
        """`taker`: the card of a <Pay> is typed on this telephone; without it, whoever plays Twilio ends it."""
        self.dialled = dialled
        self._taker = taker
        self._documents_max = documents_max
        self.status = CallStatus.RINGING
        self.captions: list[Caption] = []
        self.transferred_to: str | None = None
        self.paying: twiml.Pay | None = None
        self.screen: str | None = None
        self.error: str | None = None
        self.answer_ms = 0.0  # how long the application took for the last document
        self._line, self._pace = line, pace
        self._url = dialled.url
        self._keypad = Keypad(timers=pace.timers)
        self._paid: asyncio.Future[dict[str, str]] | None = None
        self._answered, self._hung_up, self._changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._sequence = 0
        self._pauses = 0  # in a row, since a key was waited for
        self._began = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    @property
    def elapsed_ms(self) -> float:
        """Since somebody picked up; 0 while it rings."""
        return 0.0 if self.rings else round((time.monotonic() - self._began) * 1000, 1)

    # --- what people and scripts do ------------------------------------------------------------------------------

    def start(self) -> None:
        """Let it ring."""
        self._task = asyncio.create_task(self._run())

    def answer(self) -> None:
        """Pick up an outbound call."""
        self._answered.set()

    def keep_pace(self, pace: Pace) -> None:
        """From the next sentence or pause on; a Gather's timers stay as they were."""
        self._pace = pace

    def press(self, keys: str) -> None:
        """Keys of the telephone. Those nobody waits for are lost. Raises ValueError for what is no key."""
        self._keypad.press(keys)

    def silence(self) -> None:
        """Say nothing until the Gather's time is over."""
        self._keypad.silence()

    def hang_up(self) -> None:
        """The customer's end."""
        self._hung_up.set()

    def finish_pay(self, fields: dict[str, str]) -> None:
        """Twilio's side of Pay is over; `fields` (Result, PaymentToken …) go to its action."""
        if self._paid is not None and not self._paid.done():
            self._paid.set_result(fields)
            self.paying = None

    @property
    def ended(self) -> bool:
        """Is the line dead?"""
        return self.status not in {CallStatus.RINGING, CallStatus.IN_PROGRESS}

    @property
    def over(self) -> bool:
        """Is it dead, and the application told?"""
        return self._task is not None and self._task.done()

    @property
    def waiting(self) -> twiml.Gather | None:
        """The Gather whose turn the customer has."""
        return self._keypad.waiting

    @property
    def pressed(self) -> int:
        """How many keys that Gather has: never which."""
        return self._keypad.pressed

    @property
    def rings(self) -> bool:
        """Does the customer's phone ring, unanswered?"""
        return self.status is CallStatus.RINGING and not (self._answered.is_set() or self.hung_up)

    @property
    def hung_up(self) -> bool:
        """Did the customer end it?"""
        return self._hung_up.is_set()

    async def settled(self, timeout_s: float = TURN_MAX_S) -> None:
        """Wait until it is the customer's turn (a Gather, Pay) or the call has ended. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not (self.ended or self.waiting or self.paying):  # bounded by timeout_s
                await self._changed.wait()

    async def finished(self, timeout_s: float = TURN_MAX_S) -> None:
        """Wait until it has ended and the status callback is through. Raises TimeoutError."""
        if self._task is not None:
            await asyncio.wait_for(asyncio.shield(self._task), timeout_s)

    async def close(self, within_s: float = CLOSE_MAX_S) -> None:
        """Hang up; what has not ended and reported by then is cut off. Before the line it was lent is closed."""
        self.hang_up()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=within_s)
        if self._task.done():
            self._task.result()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # --- what Twilio does ----------------------------------------------------------------------------------------

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self) -> None:
        status = CallStatus.FAILED
        try:
            status = await self._connected()
        except (WebhookFailed, twiml.BadTwiml, TimeoutError) as error:
            self.error = str(error) or "nobody pressed a key for too long"
            status = CallStatus.COMPLETED
        finally:
            self.status, self.paying = status, None
            self._keypad.close()
            self._tell()
        await self._report("completed")

    async def _connected(self) -> CallStatus:
        if self.dialled.direction is Direction.OUTBOUND:
            for event in ("initiated", "ringing"):
                await self._report(event)
            if not await self._first(self._answered.wait(), self.dialled.ring_max_s):
                return CallStatus.BUSY if self.hung_up else CallStatus.NO_ANSWER
            self.status = CallStatus.IN_PROGRESS
            self._began = time.monotonic()
            await self._report("answered")
        talk = asyncio.create_task(self._talk())
        await self._first(talk, CALL_MAX_S)
        return talk.result() if talk.done() and not talk.cancelled() else CallStatus.COMPLETED

    async def _first(self, awaited: Coroutine[Any, Any, object] | asyncio.Task[CallStatus], limit_s: float) -> bool:
        """True when that came before a hang-up and before the limit."""
        task = asyncio.ensure_future(awaited)
        hung_up = asyncio.create_task(self._hung_up.wait())
        try:
            await asyncio.wait({task, hung_up}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            return task.done()
        finally:
            for pending in (task, hung_up):
                pending.cancel()
            await asyncio.wait({task, hung_up})

    async def _talk(self) -> CallStatus:
        step = _Step(self.dialled.url, self.dialled.method, {})
        for _ in range(self._documents_max):
            verbs = await self._fetch(step)
            if self.status is CallStatus.RINGING and verbs and isinstance(verbs[0], twiml.Reject):
                return CallStatus.BUSY if verbs[0].reason == "busy" else CallStatus.FAILED
            self.status = CallStatus.IN_PROGRESS
            following = await self._play(verbs)
            if following is None:
                return CallStatus.COMPLETED
            step = following
        raise twiml.BadTwiml(f"more than {self._documents_max} documents in a call")

    async def _fetch(self, step: _Step) -> tuple[twiml.Verb, ...]:
        answer = await self._line.signed(step.url, {**self.dialled.fields(self.status), **step.fields}, step.method)
        if answer.content_type not in XML_TYPES:
            raise twiml.BadTwiml(f"{step.url} answered {answer.content_type}, not XML")
        self._url, self.screen, self.answer_ms = step.url, answer.screen, answer.elapsed_ms
        return twiml.parse(answer.body)

    async def _play(self, verbs: tuple[twiml.Verb, ...]) -> _Step | None:
        for verb in verbs:
            match verb:
                case twiml.Say() | twiml.Play() | twiml.Pause():
                    await asyncio.sleep(self._speak(verb))
                case twiml.Gather():
                    if (step := await self._gather(verb)) is not None:
                        return step
                case twiml.Redirect(url, method):
                    return _Step(urljoin(self._url, url), method, {})
                case twiml.Pay():
                    return await self._pay(verb)
                case twiml.Dial(number):
                    self.transferred_to = number
                    return None
                case twiml.Hangup():
                    return None
                case twiml.Reject() | twiml.Message():
                    raise twiml.BadTwiml(f"{type(verb).__name__} in the middle of a call")
                case _ as unreachable:
                    assert_never(unreachable)
        return None

    def _speak(self, prompt: twiml.Prompt) -> float:
        """Put it into the captions; how long it really takes, in seconds."""
        given = self._pace.speech_factor
        speech_factor = self._pace.pause_factor if given is None else given
        match prompt:
            case twiml.Say(text, language):
                self.captions.append(Caption(text, language))
                length_s = len(text) * SPEECH_S_PER_CHARACTER * speech_factor
            case twiml.Play(url):
                self.captions.append(Caption(urljoin(self._url, url)))
                length_s = PLAY_S * speech_factor
            case twiml.Pause(pause_s):
                length_s = self._pace.pause_s(pause_s, self._pauses)
                self._pauses += 1
        self._tell()
        return length_s

    async def _gather(self, gather: twiml.Gather) -> _Step | None:
        """None when nothing was pressed: the next verb follows. Prompts can be interrupted, so they take no time."""
        digits, key = await self._keys(gather)
        if not digits and not gather.action_on_empty:
            return None
        fields = {"Digits": digits, "FinishedOnKey": key, "msg": "Gather End"}
        return _Step(urljoin(self._url, gather.action or self._url), gather.method, fields)

    async def _keys(self, gather: twiml.Gather, stop: str = "") -> tuple[str, str]:
        """The digits, and the key that finished them."""
        self._pauses = 0
        spoken_s = sum(self._speak(prompt) for prompt in gather.prompts)
        self._keypad.wait(gather, spoken_s, stop)
        self._tell()
        return await self._keypad.result()

    async def _pay(self, pay: twiml.Pay) -> _Step | None:
        if self._taker is None:
            fields = await self._paid_elsewhere(pay)
        else:
            fields = await played(pay, self._taker, lambda field: self._keys(field, STAR), self._say)
        return _Step(urljoin(self._url, pay.action), "POST", fields) if pay.action else None

    async def _say(self, prompts: Iterable[twiml.Prompt]) -> None:
        for prompt in prompts:
            await asyncio.sleep(self._speak(prompt))

    async def _paid_elsewhere(self, pay: twiml.Pay) -> dict[str, str]:
        for prompt in pay.prompts:
            self._speak(prompt)
        self._paid = asyncio.get_running_loop().create_future()
        self.paying = pay
        self._tell()
        async with asyncio.timeout(GATHER_MAX_S):
            return await self._paid

    async def _report(self, event: str) -> None:
        """The status callback. Its failure is the application's business; the call goes on."""
        if not self.dialled.status_url or event not in self.dialled.status_events:
            return
        fields = self.dialled.fields(self.status) | {
            "CallStatus": {"answered": "in-progress", "completed": self.status.value}.get(event, event),
            "SequenceNumber": str(self._sequence),
            "Timestamp": format_datetime(datetime.now(UTC)),
            "CallbackSource": "call-progress-events",
        }
        self._sequence += 1
        if event == "completed":
            fields |= {"CallDuration": str(int(time.monotonic() - self._began)), "SipResponseCode": "200"}
        try:
            await self._line.signed(self.dialled.status_url, fields)
        except WebhookFailed as error:
            self.error = self.error or str(error)
