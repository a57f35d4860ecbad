"""Asterisk's parts, from settings: the FastAGI server and the ways to ring a customer. For the composition root."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from channels.carriers.asterisk.ami import PORT, AmiAccount
from channels.carriers.asterisk.call_tokens import CallTokens
from channels.carriers.asterisk.caller import PLACES, AmiCaller, CallFileCaller, DialRoute
from channels.http.receive import Authentication
from channels.ivr.agi.call import CallDependencies, Manner
from channels.ivr.agi.field import Timers
from channels.ivr.agi.server import AgiServer
from channels.ivr.prompts import Prompts
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.fastagi import FastAgi
from channels.observer import TranscriptWriter, unrecorded
from core.messaging.texts import Texts
from core.ports import CallEnds, Caller
from khallas.bootstrap.calls import SharedCalls
from khallas.bootstrap.wallets import wallet_names
from khallas.settings.model import BadSettings, Settings
from khallas.telemetry.metrics import Metrics
from sessions.turn.turns import Turns


def agi_server(
    settings: Settings,
    texts: Texts,
    turns: Turns,
    metrics: Metrics,
    gate: Authentication,
    tell: TranscriptWriter = unrecorded,
    calls: SharedCalls | None = None,
) -> AgiServer:
    """The AGI server, not yet listening. `calls` tells where one of several workers hears Asterisk."""
    asterisk, prompts = settings.asterisk, Prompts(texts, wallet_names(settings))
    timers = Timers(first_digit_s=asterisk.first_digit_s, next_digit_s=asterisk.next_digit_s)
    manner = Manner(asterisk.sounds, asterisk.music, asterisk.call_max_s, timers)
    parts = CallDependencies(
        turns=turns,
        speaker=IvrSpeaker(prompts.texts),
        wire=FastAgi(prompts, _tokens(settings)),
        metrics=metrics,
        manner=manner,
        tell=tell,
    )
    return AgiServer(
        parts,
        gate.check,
        admits=gate.admits,
        host=asterisk.agi_host,
        port=asterisk.agi_port,
        calls_max=asterisk.calls_max,
        drain_s=asterisk.drain_s,
        bound=None if calls is None else calls.bound,
        shared=calls is not None,
    )


def caller(settings: Settings, ended: CallEnds) -> Caller | None:
    """The one that KHALLAS_IVR__CALLER names, None where it is not Asterisk's. Raises BadSettings.

    `ended` hears what became of the calls; call files tell nothing.
    """
    asterisk = settings.asterisk
    route = DialRoute(asterisk.channel, asterisk.context, asterisk.extension, settings.ivr.number)
    match settings.ivr.caller:
        case "ami":
            _require_channel(asterisk.channel)
            _require_number(settings.ivr.number)
            return AmiCaller(ami_account(asterisk.ami_url.get_secret_value()), route, _tokens(settings), ended)
        case "callfile":
            _require_channel(asterisk.channel)
            _require_number(settings.ivr.number)
            if not asterisk.spool:
                raise BadSettings("KHALLAS_ASTERISK__SPOOL is missing: Asterisk's spool folder, for call files")
            return CallFileCaller(Path(asterisk.spool), route, _tokens(settings))
        case _:
            return None


def _tokens(settings: Settings) -> CallTokens:
    return CallTokens(settings.signing_keys())


def _require_channel(template: str) -> None:
    if not any(place in template for place in PLACES):
        raise BadSettings(f"KHALLAS_ASTERISK__CHANNEL names no customer: one of {', '.join(PLACES)}")


def _require_number(number: str) -> None:
    if not number:
        raise BadSettings("KHALLAS_IVR__NUMBER is missing: whom customers see calling; few answer an unknown number")


def ami_account(url: str) -> AmiAccount:
    """Reads the account at Asterisk's manager. Raises BadSettings."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORT
    except ValueError:
        host, port = "", 0
    if not host or parts.scheme != "ami" or not parts.username or not parts.password:
        raise BadSettings("KHALLAS_ASTERISK__AMI_URL is written ami://user:secret@host:5038")
    return AmiAccount(host, port, unquote(parts.username), unquote(parts.password))
