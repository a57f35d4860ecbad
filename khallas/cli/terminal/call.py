"""A telephone in the terminal: calls the voice line, or answers when the application calls back."""

from dataclasses import dataclass
from urllib.parse import urljoin

from khallas.cli.terminal.faults import Failed, explain
from khallas.cli.terminal.keyboard import Keyboard
from khallas.cli.terminal.prompt import WALLET_ASKED, pay_at_prompt
from khallas.cli.terminal.show import Show
from khallas.cli.terminal.talk import converse
from khallas.cli.terminal.text import SIGNATURE_HINT, TwilioSigner
from khallas.cli.terminal.transcript import Transcript
from khallas.cli.terminal.voice import OwnCall, StandInDesk

REFUSED = frozenset({"busy", "failed", "no-answer"})


@dataclass(frozen=True, slots=True)
class Calling:
    """Says who calls which voice line; `reference` is typed by itself where the line first asks for one."""

    account: TwilioSigner
    msisdn: str
    number: str
    reference: str = ""


async def call(order: Calling, keyboard: Keyboard, show: Show) -> None:
    """Call the voice line, until either side hangs up; leaving in any way hangs up. Raises Failed.

    Pauses and silences take their time when a person listens, and nearly none when a script does.
    """
    from lab.caller import new_sid
    from lab.twilio.call import Call
    from lab.twilio.dialled import INTERACTIVE, SCRIPTED, Dialled, Direction
    from lab.twilio.pay import PayTaker
    from lab.twilio.webhooks import Line

    account = order.account
    public = (account.public_url or account.url).rstrip("/") + "/"
    dialled = Dialled(
        sid=new_sid("CA"),
        account_sid=account.sid,
        from_number=order.msisdn,
        to_number=order.number,
        direction=Direction.INBOUND,
        url=urljoin(public, "ivr/twilio"),
        status_url=urljoin(public, "ivr/twilio/status"),
    )
    async with Line(account.token, account.public_url or account.url, account.url) as line:
        user, _, password = account.connector.partition(":")
        to = urljoin(account.url.rstrip("/") + "/", "ivr/pay-connector")
        taker = PayTaker(to, user, password) if user else None
        live = Call(dialled, line, INTERACTIVE if keyboard.interactive else SCRIPTED, taker)
        live.start()
        try:
            last = await converse(OwnCall(live), keyboard, Transcript(show), order.reference)
        finally:
            live.hang_up()
            await live.finished()  # the status callback; bounded by the Line's own time-outs
    if live.error:
        raise explain(live.error, account.url, SIGNATURE_HINT)
    if last.status in REFUSED:
        raise Failed(f"the voice line refused the call ({last.status})")


async def answer(desk_url: str, msisdn: str, keyboard: Keyboard, show: Show, *, url: str = "") -> None:
    """Answer the call that rings at a customer's phone at the demo's Twilio stand-in; a wallet's prompt follows a call
    that asked for it, at the demo's own `url`. Raises Failed.
    """
    import aiohttp

    async with aiohttp.ClientSession() as session:
        show.line(f"waiting for a call to {msisdn} ...", "dim")
        voice = await StandInDesk(desk_url, session).ringing(msisdn)
        try:
            last = await converse(voice, keyboard, Transcript(show), "")
        except BaseException:  # whoever leaves hangs up: Ctrl-C too
            await voice.hang_up()
            raise
    if last.error:
        raise Failed(f"the call broke off: {last.error}")
    if url and last.screen == WALLET_ASKED:
        await pay_at_prompt(url, msisdn, keyboard, show)
