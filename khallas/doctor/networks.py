"""The operator's own networks: SMSCs, Kannel, the Asterisk switch, its spool and its sound files."""

import os
import secrets
from pathlib import Path

import aiohttp

from channels.carriers.asterisk.ami import greet as greet_switch
from channels.carriers.smpp.account import SmscAccount
from channels.carriers.smpp.message import ShortMessage
from channels.carriers.smpp.pdu import Command
from channels.carriers.smpp.session import BindRefused, Handled, Session, SessionError
from channels.ivr.prompts import Prompts
from core.messaging.texts import load_texts
from core.ports import DeliveryFailed
from khallas.bootstrap.asterisk import ami_account
from khallas.bootstrap.sounds import sounds_folder
from khallas.bootstrap.wallets import wallet_names
from khallas.cli import voice
from khallas.doctor.finding import CheckFailed, NotSetUp
from khallas.settings.model import BadSettings, Settings

ASK_MAX_S = 10.0
GROUP_MODE = 0o070  # of the spool's folder: what Asterisk and we share
FEW = 3  # names of sound files that are told


async def smsc(account: SmscAccount) -> str:
    """A bind as transmitter, and unbind. Raises CheckFailed."""

    async def nothing(session_id: str, message: ShortMessage) -> Handled:
        raise NotImplementedError  # a transmitter is brought nothing

    session = Session(account, nothing, secrets.token_hex(4), bind=Command.BIND_TRANSMITTER)
    try:
        await session.open()
    except BindRefused as error:
        what = f"refuses the bind ({error})"
        raise CheckFailed(
            what, "correct its entry in KHALLAS_SMPP__BINDS, or have the SMSC allow one more session"
        ) from None
    except (OSError, TimeoutError, SessionError) as error:
        what = f"cannot be reached ({type(error).__name__})"
        raise CheckFailed(what, "see docs/runbooks/smsc-down.md") from None
    await session.close()
    return "takes our bind"


async def kannel(settings: Settings) -> str:
    """A sendsms without a recipient: who knows us refuses it for the want of one. Raises CheckFailed, NotSetUp."""
    account = settings.kannel
    if not account.url:
        raise NotSetUp("not used")
    login = {"username": account.username, "password": account.password.get_secret_value()}
    try:
        timeout = aiohttp.ClientTimeout(total=ASK_MAX_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(account.url, params=login) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        what = f"cannot be reached ({type(error).__name__})"
        raise CheckFailed(what, "start smsbox, or correct KHALLAS_KANNEL__URL") from None
    if status in {401, 403}:
        raise CheckFailed("refuses our login", "correct KHALLAS_KANNEL__USERNAME, __PASSWORD, or user-allow-ip there")
    if status == 404 or status >= 500:
        raise CheckFailed(f"answered {status}", "KHALLAS_KANNEL__URL ends in /cgi-bin/sendsms")
    return "takes our login"


async def switch(settings: Settings) -> str:
    """AMI's login. Raises CheckFailed, NotSetUp."""
    if settings.ivr.caller != "ami":
        raise NotSetUp("calls are not placed by AMI")
    try:
        await greet_switch(ami_account(settings.asterisk.ami_url.get_secret_value()))
    except BadSettings as error:
        raise CheckFailed(str(error), "correct KHALLAS_ASTERISK__AMI_URL") from None
    except DeliveryFailed as error:
        raise CheckFailed(
            str(error), "see manager.conf and KHALLAS_ASTERISK__AMI_URL (docs/guides/asterisk.md)"
        ) from None
    return "takes our login"


def spool(settings: Settings) -> str:
    """A draft of a call file in the spool's own group, which Asterisk can read. Blocks. Raises CheckFailed, NotSetUp.

    The draft is never moved where Asterisk would ring it.
    """
    if settings.ivr.caller != "callfile":
        raise NotSetUp("calls are not placed by call files")
    folder = Path(settings.asterisk.spool)
    drafts, outgoing = folder / "tmp", folder / "outgoing"
    mend = f"in {folder}: `chgrp asterisk tmp outgoing && chmod 2770 tmp outgoing`, and us in that group"
    draft = drafts / f"doctor-{secrets.token_hex(8)}.call"
    try:
        theirs = outgoing.stat()
        if theirs.st_mode & GROUP_MODE != GROUP_MODE:
            raise CheckFailed("its group may not read and write outgoing: Asterisk would delete our files", mend)
        if drafts.stat().st_dev != theirs.st_dev:
            raise CheckFailed("tmp and outgoing are two file systems: a file could appear half written", mend)
        if not os.access(outgoing, os.W_OK | os.X_OK):
            raise CheckFailed("outgoing cannot be written", mend)
        try:
            draft.touch()
            os.chown(draft, -1, theirs.st_gid)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise CheckFailed(f"no call file can be laid down ({error.strerror})", mend) from None
    if theirs.st_gid == os.getegid() != 0 and theirs.st_uid == os.geteuid():
        raise CheckFailed("outgoing is our own: Asterisk could not read our files", mend)
    return f"takes call files in the group of {outgoing}"


def sounds(settings: Settings, folder: Path | None) -> str:
    """Checks that every prompt is there and says what the texts say now. Blocks. Raises CheckFailed, NotSetUp."""
    if "fastagi" not in settings.ivr.wires:
        raise NotSetUp("no Asterisk")
    folder = folder or sounds_folder(settings)
    build = f"`khallas voice build --out {folder}` on the switch, or --sounds with the folder as seen from here"
    try:
        report = voice.check(voice.pieces_of(Prompts(load_texts(), wallet_names(settings)).pieces, ()), folder)
    except (voice.BadFolder, OSError) as error:
        raise CheckFailed(str(error), build) from None
    wrong = [*report.missing, *report.stale]
    if wrong:
        raise CheckFailed(f"{len(report.missing)} missing, {len(report.stale)} stale: {', '.join(wrong[:FEW])}", build)
    return f"all there in {folder}"
