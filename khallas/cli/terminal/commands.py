"""The commands `dial`, `sms` and `call`: options in, one of the phones out, an exit code at the end."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated

import typer

from core.subscribers.lines import msisdn
from khallas.cli.at_hand import state_named
from khallas.cli.terminal.dial import DEFAULT_WIRE, Dialling, split_code, spoken
from khallas.cli.terminal.dial import dial as play
from khallas.cli.terminal.faults import Failed
from khallas.cli.terminal.keyboard import Keyboard
from khallas.cli.terminal.prompt import DESK_PATH
from khallas.cli.terminal.reach import DEMO_URL, reach
from khallas.cli.terminal.show import Show
from khallas.cli.told import fail

DEMO_CUSTOMER = "0600000001"
OF_THE_DEMO = "the running demo's"


def _number(value: str) -> str:
    try:
        return msisdn(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _wire(value: str) -> str:
    if value not in spoken():
        raise typer.BadParameter(f"this handset speaks {', '.join(spoken())}")
    return value


def _keys(value: str) -> str:
    if value and not value.isdecimal():
        raise typer.BadParameter("a reference has digits only")
    return value


From = Annotated[str, typer.Option("--from", metavar="MSISDN", callback=_number, help="Whose phone it is.")]
Url = Annotated[str, typer.Option(help=f"The server; {OF_THE_DEMO}, else {DEMO_URL}.")]
PublicUrl = Annotated[
    str, typer.Option(help=f"What signatures are built from, where it differs from --url; {OF_THE_DEMO}.")
]
AccountSid = Annotated[str, typer.Option("--account", help=f"Twilio account that the server expects; {OF_THE_DEMO}.")]
Token = Annotated[str, typer.Option(help=f"Auth token that signs, as Twilio would; {OF_THE_DEMO}.")]
Json = Annotated[bool, typer.Option("--json", help="JSON, one object a line.")]


def dial(
    code: Annotated[str, typer.Argument(help="What is dialled; may hold keys, as in *1117*1#.")] = "",
    *,
    from_: From = DEMO_CUSTOMER,
    url: Url = "",
    service_code: Annotated[str, typer.Option(help=f"The service's own code; {OF_THE_DEMO}.")] = "",
    wire: Annotated[str, typer.Option(callback=_wire, help="The gateway's dialect.")] = DEFAULT_WIRE,
    secret: Annotated[str, typer.Option(help="The wire's shared secret, where it has one.")] = "",
    as_json: Json = False,
) -> None:
    """A USSD phone in the terminal, the demo's wallet on it. Keys: the keyboard, or stdin, one line per input."""
    there = reach(url, state_named())
    service, keys = split_code(code, service_code or there.service_code)
    if service != (service_code or there.service_code):
        raise typer.BadParameter(
            f"{service} is another service's code, here it is {there.service_code}; --service-code names another"
        )
    _run(play(Dialling(there.url, from_, service, keys, secret, wire), Keyboard(), _show(as_json)), left_ok=True)


def sms(
    text: Annotated[str, typer.Argument(help="The message.")],
    *,
    from_: From,
    to: Annotated[str, typer.Option(help=f"The short code; {OF_THE_DEMO}.")] = "",
    url: Url = "",
    public_url: PublicUrl = "",
    account: AccountSid = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Text the short code, signed as Twilio signs, and show the replies."""
    from khallas.cli.terminal.text import TwilioSigner, send

    there = reach(url, state_named())
    signer = TwilioSigner(there.url, account or there.account, token or there.token, public_url or there.public_url)
    _run(send(signer, from_, to or there.short_code, text, _show(as_json)), left_ok=False)


def call(
    *,
    from_: From = DEMO_CUSTOMER,
    number: Annotated[str, typer.Option(help=f"The voice line's number; {OF_THE_DEMO}.")] = "",
    reference: Annotated[str, typer.Option(callback=_keys, help="Typed by itself when the line asks for one.")] = "",
    url: Url = "",
    public_url: PublicUrl = "",
    account: AccountSid = "",
    token: Token = "",
    connector: Annotated[
        str, typer.Option(help=f"user:password of the Pay connector, for cards of <Pay>; {OF_THE_DEMO}.")
    ] = "",
    answering: Annotated[
        bool, typer.Option("--answer", help="Wait for a call back of the demo and answer it.")
    ] = False,
    desk: Annotated[
        str, typer.Option(help=f"The demo's Twilio desk, for --answer; {DESK_PATH} at --url unless told.")
    ] = "",
    as_json: Json = False,
) -> None:
    """A voice call in the terminal: captions and keys. Ctrl-C hangs up. Stdin may be a script, one line per turn."""
    from khallas.cli.terminal import call as voice
    from khallas.cli.terminal.text import TwilioSigner

    there = reach(url, state_named())
    if answering:
        at = desk or there.url.rstrip("/") + DESK_PATH
        _run(voice.answer(at, from_, Keyboard(), _show(as_json), url=there.url), left_ok=True)
    else:
        signer = TwilioSigner(
            url=there.url,
            sid=account or there.account,
            token=token or there.token,
            public_url=public_url or there.public_url,
            connector=connector or there.connector,
        )
        order = voice.Calling(signer, from_, number or there.voice, reference)
        _run(voice.call(order, Keyboard(), _show(as_json)), left_ok=True)


def add_commands(app: typer.Typer) -> None:
    """Add `dial`, `sms` and `call`."""
    app.command()(dial)
    app.command()(sms)
    app.command()(call)


def _show(as_json: bool) -> Show:
    from rich.console import Console

    return Show(Console(highlight=False), as_json=as_json)


class _Left(Exception):
    """Ctrl-C: nobody's fault."""


def _run(work: Coroutine[None, None, None], *, left_ok: bool) -> None:
    """Ctrl-C is how one leaves a phone (`left_ok`): no failure there."""
    try:
        asyncio.run(_until_left(work))
    except Failed as error:
        fail(f"khallas: {error}")
    except _Left:
        typer.echo("hung up" if left_ok else "interrupted", err=True)
        raise typer.Exit(0 if left_ok else 1) from None


async def _until_left(work: Coroutine[None, None, None]) -> None:
    """Ctrl-C ends the work. The loop's own handler wakes it: Python's alone is not heard where the signal comes right
    before the loop falls asleep, or to another thread. Whoever started us deaf to Ctrl-C (a shell's `&`) is obeyed.
    """
    task = asyncio.ensure_future(work)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        raise _Left from None
