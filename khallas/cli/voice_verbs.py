"""`khallas voice build`, `check`, `lengths` and `script`: options in, one function called, its report out."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.languages import LanguageCode
from khallas.cli.told import fail, show

if TYPE_CHECKING:
    from channels.ivr.prompts import Piece, Prompts
    from khallas.cli.voice import VoiceReport

Out = Annotated[Path, typer.Option("--out", file_okay=False, help="folder of the recordings, a folder a language")]
Languages = Annotated[list[LanguageCode] | None, typer.Option("--language", help="only this one; may be repeated")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def build(
    out: Out,
    language: Languages = None,
    recorded: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="recordings by people, same names; they win"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the sound files that Asterisk plays; only what is missing or says other words now."""
    from khallas.cli import voice

    def work(pieces: "Sequence[Piece]") -> "VoiceReport":
        return voice.build(pieces, out, recorded, _progress)

    _tell(_of(language or (), work, as_json=as_json), as_json=as_json)


def check(out: Out, language: Languages = None, as_json: Json = False) -> None:
    """Which sound files are missing, or say other words than the texts do now."""
    from khallas.cli import voice

    _tell(_of(language or (), lambda pieces: voice.check(pieces, out), as_json=as_json), as_json=as_json)


def lengths(out: Out, as_json: Json = False) -> None:
    """How long each prompt and two whole calls take to hear, by the sound files: the table of docs/speech.md."""
    from channels.ivr.synthesis.speech import SpeechLengths
    from core.messaging.texts import load_texts
    from khallas.cli.voice import BadFolder, lengths_in

    speech = SpeechLengths(load_texts(), lengths_in(out))
    try:
        show(speech.told(), () if as_json else speech.lines(), as_json=as_json)
    except (BadFolder, OSError) as error:
        fail(f"khallas: {error}", as_json=as_json)


def script(language: Languages = None) -> None:
    """What to record: a name and its words a line, for the studio."""
    from channels.ivr.prompts import PAUSE
    from khallas.cli.voice import pieces_of
    from khallas.settings.model import BadSettings

    try:
        pieces = pieces_of(_prompts().pieces, language or ())
    except BadSettings as error:
        fail(f"khallas: {error}")
    for piece in pieces:
        if piece.name != PAUSE:
            typer.echo(f"{piece.language}/{piece.name}\t{piece.text}")


def add_commands(app: typer.Typer) -> None:
    """Add `voice build`, `voice check`, `voice lengths` and `voice script`."""
    group = typer.Typer(no_args_is_help=True, help="Prompts of an Asterisk switch, made ahead of time.")
    group.command()(build)
    group.command()(check)
    group.command()(lengths)
    group.command()(script)
    app.add_typer(group, name="voice")


def _of(
    languages: Sequence[LanguageCode], work: "Callable[[Sequence[Piece]], VoiceReport]", *, as_json: bool
) -> "VoiceReport":
    from channels.ivr.synthesis.espeak import NoVoice
    from khallas.cli.voice import BadFolder, pieces_of
    from khallas.settings.model import BadSettings

    try:
        return work(pieces_of(_prompts().pieces, languages))
    except (BadFolder, BadSettings, NoVoice, OSError) as error:
        fail(f"khallas: {error}", as_json=as_json)


def _prompts() -> "Prompts":
    """Everything that is said, with the names of the wallets that are set up. Raises BadSettings."""
    from channels.ivr.prompts import Prompts
    from core.messaging.texts import load_texts
    from khallas.bootstrap.wallets import wallet_names
    from khallas.settings.model import load

    return Prompts(load_texts(), wallet_names(load(os.environ)))


def _progress(pieces: "Sequence[Piece]") -> "Iterable[Piece]":
    from rich.console import Console
    from rich.progress import track

    return track(pieces, "prompts", console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _tell(report: "VoiceReport", *, as_json: bool) -> None:
    show(report.told(), report.lines(), as_json=as_json)
    if report.missing or report.stale:
        raise typer.Exit(1)
