"""Plays the actions of a transcript as customers do: with a handset, a telephone, a mailbox and a browser.

What is sent without being asked for (texts, mails, calls) must be picked up by an action; `left_over` tells what was
not.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence

import aiohttp

from channels.ussd.speaker import PageLimits
from core.database.wake import TaskName
from core.languages import LanguageCode
from core.messaging.gsm7 import segments
from core.money import dh
from core.subscribers.lines import national
from lab.caller import Shown, UssdPhone, new_sid
from lab.cmi.lies import Kind, Manner
from lab.twilio.call import Call
from lab.twilio.texts import Text
from tests.journeys.names import Names
from tests.journeys.page import visible
from tests.journeys.script import Action, Outcome
from tests.support.world import PUBLIC_URL, World

SEGMENTS_MAX = 2
QUIET_POLLS_MAX = 200
QUIET_POLL_S = 0.05
PAGE = PageLimits()
WAITING = """
SELECT count(*) AS n FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND task_name <> ALL(%(own)s)
"""


class Player:
    """One transcript's customers. Use `async with`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.names = Names(world.house.database, world.house.texts)
        self.typed: list[str] = []
        self._msisdn = ""
        self._ussd: dict[str, UssdPhone] = {}
        self._calls: dict[str, Call] = {}
        self._on_call = False
        self._listened: dict[str, int] = {}
        self._texts_read: dict[str, int] = {}
        self._missed: set[str] = set()
        self._mails_read = 0
        self._screens = self._keys_pressed = 0
        self._last_text = ("", "")
        texts = world.house.texts
        self._fillers = {texts.get(language, "ivr", "paying.more") for language in LanguageCode}
        self._waits = {texts.get(language, "ivr", "paying") for language in LanguageCode}

    async def close(self) -> None:
        for phone in self._ussd.values():
            await phone.__aexit__(None, None, None)

    async def play(self, action: Action) -> Outcome:
        """Raises KeyError for what nobody knows how to do. After "dial *1117# > 1 > 1" only the last screen is told."""
        verbs: dict[str, Callable[[str], Awaitable[Outcome]]] = {
            "phone": self._phone,
            "dial": self._dial,
            ">": self._keys,
            "repeat": self._repeat,
            "drop": self._drop,
            "text": self._text,
            "text-again": self._text_again,
            "call": self._call,
            "answer": self._answer,
            "miss": self._miss,
            "silence": self._silence,
            "hang-up": self._hang_up,
            "sms": self._sms,
            "mail": self._mail,
            "receipt": self._receipt,
            "receipt-with-a-wrong-link": self._wrong_receipt,
            "pass": self._pass,
            "lose-sessions": self._lose_sessions,
            "screens": self._count,
            "bank": self._bank,
            "bank-silent": self._bank_silent,
            "till": self._till,
            "wallet": self._wallet,
        }
        rest, *keys = re.split("(?:^| )> ", self.names.typed(action.rest))
        outcome = await verbs[action.verb](rest)
        for each in keys:
            outcome = await self._keys(each)
        await self.names.learn()
        return Outcome(self.names.shown(outcome.lines), outcome.screen)

    # --- USSD -----------------------------------------------------------------------------------------------------

    async def _phone(self, number: str) -> Outcome:
        self._msisdn = f"+212{number.removeprefix('0')}" if number.startswith("0") else number
        self._on_call = self._msisdn in self._calls and not self._calls[self._msisdn].ended
        return Outcome()

    async def _dial(self, code: str) -> Outcome:
        phone = self._ussd.get(self._msisdn)
        if phone is None:
            phone = UssdPhone(self._world.url, self._msisdn)
            self._ussd[self._msisdn] = await phone.__aenter__()
        self._screens, self._keys_pressed, self._on_call = 0, len(code), False
        return self._shown(await phone.dial(code))

    async def _keys(self, keys: str) -> Outcome:
        self.typed.append(keys)
        if not self._on_call:
            self._keys_pressed += len(keys) + 1  # and the key that sends them
            return self._shown(await self._ussd[self._msisdn].send(keys))
        self._calls[self._msisdn].press(keys)
        return await self._heard()

    async def _repeat(self, _: str) -> Outcome:
        return self._shown(await self._ussd[self._msisdn].repeat(), counts=False)

    async def _drop(self, _: str) -> Outcome:
        await self._ussd[self._msisdn].drop()
        return Outcome()

    def _shown(self, shown: Shown, *, counts: bool = True) -> Outcome:
        assert PAGE.fits(shown.text), f"too long for a page: {shown.text!r}"
        self._screens += counts
        return Outcome([shown.text], f"{shown.screen}{', end' if shown.ended else ''}")

    async def _count(self, _: str) -> Outcome:
        return Outcome([f"{self._screens} screens, {self._keys_pressed} keys, the code included"])

    # --- voice ----------------------------------------------------------------------------------------------------

    async def _call(self, _: str) -> Outcome:
        return await self._taken(await self._world.twilio.dial(self._msisdn))

    async def _answer(self, _: str) -> Outcome:
        call = await self._world.twilio.next_call(self._msisdn)
        call.answer()
        return await self._taken(call)

    async def _miss(self, _: str) -> Outcome:
        """The phone rings, and nobody takes the call: the first time, a text says where to call instead."""
        call = await self._world.twilio.next_call(self._msisdn)
        call.hang_up()
        await call.finished()
        if self._msisdn in self._missed:
            return Outcome()
        self._missed.add(self._msisdn)
        return await self._sms("")

    async def _taken(self, call: Call) -> Outcome:
        self._calls[self._msisdn], self._on_call = call, True
        return await self._heard()

    async def _silence(self, _: str) -> Outcome:
        self._calls[self._msisdn].silence()
        return await self._heard()

    async def _hang_up(self, _: str) -> Outcome:
        self._calls[self._msisdn].hang_up()
        await self._calls[self._msisdn].finished()
        self._on_call = False
        return Outcome()

    async def _heard(self) -> Outcome:
        call = self._calls[self._msisdn]
        await call.settled()
        assert call.error is None, call.error
        begin = self._listened.get(call.dialled.sid, 0)
        self._listened[call.dialled.sid] = len(call.captions)
        said: list[str] = []
        for caption in call.captions[begin:]:
            # how often the bank's silence is filled depends on this machine's speed
            if caption.text not in self._fillers and not (caption.text in self._waits and caption.text in said):
                said.append(caption.text)
        screen = call.screen or ""
        if call.ended:
            await call.finished()
            screen += f", put through to {call.transferred_to}" if call.transferred_to else ", end"
        return Outcome(said, screen)

    # --- texts and mails ------------------------------------------------------------------------------------------

    async def _text(self, body: str) -> Outcome:
        self._last_text = (new_sid("SM"), body)
        self.typed.append(body)
        return await self._text_again("")

    async def _text_again(self, _: str) -> Outcome:
        sid, body = self._last_text
        replies = await self._world.twilio.deliver_mo(self._msisdn, body, sid=sid)
        for reply in replies:
            self._fits(reply)
        return Outcome(replies)

    async def _sms(self, _: str) -> Outcome:
        """The next text that came without having been asked for by one."""
        read = self._texts_read.get(self._msisdn, 0)
        async with asyncio.timeout(60):
            while len(self._pushed(self._msisdn)) <= read:  # bounded by the time
                await self._world.twilio.wait_for_texts(self._msisdn, len(self._received()) + 1)
        self._texts_read[self._msisdn] = read + 1
        body = self._pushed(self._msisdn)[read].body
        self._fits(body)
        return Outcome([body])

    def _received(self) -> Sequence[Text]:
        return self._world.twilio.texts(self._msisdn)

    def _pushed(self, msisdn: str) -> list[Text]:
        return [text for text in self._world.twilio.texts(msisdn) if text.direction == "outbound-api"]

    @staticmethod
    def _fits(body: str) -> None:
        assert segments(body) <= SEGMENTS_MAX, f"{segments(body)} segments: {body!r}"

    async def _mail(self, how: str) -> Outcome:
        """The next mail: its head, or all of it when told "in full"."""
        mails = await self._world.mails.wait_for(count=self._mails_read + 1)
        mail = mails[self._mails_read]
        self._mails_read += 1
        head = [f"To: {mail.to}", f"Subject: {mail.subject}"]
        body = ["", mail.text.strip(), "", "--- as HTML ---", *visible(mail.html)]
        return Outcome([*head, *body] if how == "in full" else head)

    async def _receipt(self, language: str) -> Outcome:
        """The newest link that was told, opened in a browser."""
        return await self._opened(self.names.link(), language)

    async def _wrong_receipt(self, _: str) -> Outcome:
        """The same link with another last letter."""
        link = self.names.link()
        return await self._opened(link[:-1] + ("A" if link[-1] != "A" else "E"), "")

    async def _opened(self, link: str, language: str) -> Outcome:
        address = link.replace(PUBLIC_URL, self._world.url)
        async with aiohttp.ClientSession() as browser, browser.get(address, params=_lang(language)) as answer:
            html = await answer.text()
        root = re.search(r"<html[^>]*>", html)
        return Outcome([f"{answer.status} {root[0] if root else ''}", *visible(html)])

    # --- the world ------------------------------------------------------------------------------------------------

    async def _pass(self, time: str) -> Outcome:
        number, unit = time.split()
        await self.quiet()
        await self._world.later(float(number) * {"s": 1, "min": 60, "h": 3600}[unit])
        return Outcome()

    async def _lose_sessions(self, _: str) -> Outcome:
        await self._world.house.redis.flushall()
        return Outcome()

    async def _bank(self, _: str) -> Outcome:
        """What the bank's ledger holds: the truth about money."""
        orders = [order for order, _ in self._world.cmi.ledger.orders()]
        taken = [self._world.cmi.captured_centimes(order) for order in orders]
        return Outcome([f"charged {dh(amount)}" for amount in taken if amount] or ["charged nothing"])

    async def _bank_silent(self, times: str) -> Outcome:
        """So many of the next questions ("3 questions") are not answered."""
        count = int(times.split()[0])
        self._world.cmi.lie(Manner.SILENT_WITHOUT_CHARGING, times=count, on=frozenset({Kind.QUERY}))
        return Outcome()

    async def _till(self, _: str) -> Outcome:
        """What the till has booked."""
        await self.quiet()
        rows = await self._world.house.database.all("SELECT id, state, amount_centimes FROM payments")
        rows.sort(key=lambda row: self.names.payments.index(row["id"]))
        return Outcome([f"{row['state']} {dh(row['amount_centimes'])}" for row in rows] or ["no payment"])

    async def _wallet(self, does: str) -> Outcome:
        """Its prompt on the telephone, and what its owner does there: looks, pays or declines."""
        wallet = self._world.wallet
        assert wallet is not None
        asked = list(wallet.prompts.values())
        if does in {"pays", "declines"}:
            wallet.pays(asked[-1]) if does == "pays" else wallet.declines(asked[-1])
            return Outcome()
        shown = [f"{national(one.payer_msisdn)}: Neqdi {dh(one.amount_centimes)}, PIN ?" for one in asked]
        return Outcome(shown or ["no prompt"])

    async def quiet(self) -> None:
        """Until no job waits and every text is delivered."""
        for _ in range(QUIET_POLLS_MAX):
            row = await self._world.house.database.one(WAITING, own=[TaskName.SWEEP, TaskName.UNSTICK])
            if row is not None and row["n"] == 0:
                break
            await asyncio.sleep(QUIET_POLL_S)
        ended = [call.finished() for call in self._calls.values() if call.ended]
        await asyncio.gather(*ended)

    def left_over(self) -> list[str]:
        """Texts, mails and calls that the transcript does not tell of."""
        world = self._world
        numbers = {text.to for call in world.twilio.calls.values() for text in self._pushed(call.dialled.customer)}
        numbers |= {self._msisdn, *self._texts_read, *self._ussd}
        found = [
            f"sms to {number}: {text.body}"
            for number in sorted(numbers)
            for text in self._pushed(number)[self._texts_read.get(number, 0) :]
        ]
        found += [f"mail to {mail.to}: {mail.subject}" for mail in world.mails.mails()[self._mails_read :]]
        return found + [f"call to {call.dialled.customer}" for call in world.twilio.calls.values() if call.rings]


def _lang(language: str) -> dict[str, str]:
    return {"lang": language} if language else {}
