"""`khallas voice`: the recordings that an Asterisk switch plays, made ahead of time, offline.

A folder a language, a file a piece (channels/ivr/prompts.py), and a manifest of what was made from which words: a
second build makes only what changed. A file in the recorded folder wins over the synthetic voice; when its words change
later it stays, and is told to be stale.
"""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from channels.ivr.prompts import PAUSE, Piece
from channels.ivr.synthesis import wave
from channels.ivr.synthesis.espeak import espeak
from channels.ivr.synthesis.vowels import vowels
from core.languages import LANGUAGES, LanguageCode

MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 4 * 1024 * 1024
SOUND_BYTES_MAX = 8 * 1024 * 1024
PAUSE_S = 0.25
MAKER = "espeak-ng 2"  # raise when pieces sound different now: everything synthetic is made again
BYTES_A_SECOND: Mapping[str, int] = MappingProxyType(
    {".sln": 16_000, ".sln16": 32_000, ".alaw": 8_000, ".ulaw": 8_000, ".gsm": 1_650, ".g722": 8_000},
)
EXTENSIONS = (".wav", ".sln", ".alaw", ".ulaw", ".gsm", ".g722", ".sln16")  # what a switch plays; WAV is checked


class BadFolder(Exception):
    """The operator's to mend: a file that is no recording, or no manifest."""


class Entry(BaseModel):
    """The source of a recording: the words and the voice that a file was made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    source: Literal["espeak", "recorded"]
    words_sha256: str
    file_sha256: str


class Manifest(RootModel[dict[str, Entry]]):
    """Entries by piece: "fr/paid-1"."""


@dataclass
class VoiceReport:
    """Tells what a build or a check found, by piece."""

    made: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)  # recordings copied
    kept: int = 0
    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    checked: bool = False  # looked at, and nothing made

    def told(self) -> dict[str, object]:
        """The report for --json."""
        return {
            "made": len(self.made),
            "recorded": len(self.taken),
            "kept": self.kept,
            "missing": self.missing,
            "stale": self.stale,
        }

    def _counted(self) -> str:
        if self.checked:
            return f"{self.kept} as they should be, {len(self.missing)} missing, {len(self.stale)} stale"
        return f"{len(self.made)} made, {len(self.taken)} recordings taken, {self.kept} kept"

    def lines(self) -> list[str]:
        """The report's lines for people."""
        return [
            self._counted(),
            *(f"missing: {name}" for name in self.missing),
            *(f"stale, its words have changed: {name}" for name in self.stale),
        ]


Steps = Callable[[Sequence[Piece]], Iterable[Piece]]  # a progress bar, or nothing


def build(pieces: Sequence[Piece], out: Path, recorded: Path | None, steps: Steps = iter) -> VoiceReport:
    """Make what is missing or has changed. Raises BadFolder, NoVoice, OSError; what was made stays known."""
    entries, report = dict(_manifest(out).root), VoiceReport()
    with ExitStack() as stack:
        stack.callback(lambda: _write(out / MANIFEST, Manifest(entries).model_dump_json(indent=1).encode()))
        for piece in steps(pieces):
            _one(piece, out, recorded, entries, report)
    return report


def check(pieces: Sequence[Piece], out: Path) -> VoiceReport:
    """Returns what the switch would not find, and what says other words than the texts do now. Raises BadFolder."""
    entries, report = _manifest(out).root, VoiceReport(checked=True)
    for piece in pieces:
        name = _name(piece)
        entry = entries.get(name)
        if entry is None or not (out / piece.language / entry.file).is_file():
            report.missing.append(name)
        elif entry.words_sha256 != _words(piece, entry.source):
            report.stale.append(name)
        else:
            report.kept += 1
    return report


def _one(
    piece: Piece,
    out: Path,
    recorded: Path | None,
    entries: dict[str, Entry],
    report: VoiceReport,
) -> None:
    name, entry = _name(piece), entries.get(_name(piece))
    source = next(_recordings(recorded, piece), None) if recorded else None
    if source is not None:
        data = _sound(source)
        if entry is None or entry.source != "recorded" or entry.file_sha256 != _sha(data):
            entries[name] = _put(out, piece, source.suffix, data, "recorded", entry)
            report.taken.append(name)
            return
    there = entry is not None and (out / piece.language / entry.file).is_file()
    if entry is not None and there and entry.words_sha256 == _words(piece, entry.source):
        report.kept += 1
    elif entry is not None and there and entry.source == "recorded":
        report.stale.append(name)
    else:
        entries[name] = _put(out, piece, ".wav", _spoken(piece), "espeak", entry)
        report.made.append(name)


def _spoken(piece: Piece) -> bytes:
    if piece.name == PAUSE:
        return wave.wav(wave.silence(PAUSE_S))
    box = espeak()
    samples: array[int] = wave.trimmed(box.say(voiced(piece), piece.language), box.rate_hz)
    return wave.wav(wave.levelled(wave.resampled(samples, box.rate_hz)))


def _put(
    out: Path, piece: Piece, suffix: str, data: bytes, source: Literal["espeak", "recorded"], before: Entry | None
) -> Entry:
    """One file a piece: a switch that finds two formats takes whichever it likes."""
    file = piece.name + suffix
    _write(out / piece.language / file, data)
    if before is not None and before.file != file:
        (out / piece.language / before.file).unlink(missing_ok=True)
    return Entry(file=file, source=source, words_sha256=_words(piece, source), file_sha256=_sha(data))


def _recordings(folder: Path, piece: Piece) -> Iterator[Path]:
    files = (folder / piece.language / (piece.name + extension) for extension in EXTENSIONS)
    return (file for file in files if file.is_file())


def _sound(file: Path) -> bytes:
    if file.stat().st_size > SOUND_BYTES_MAX:
        raise BadFolder(f"{file} is too large for a prompt")
    data = file.read_bytes()
    try:
        if file.suffix == ".wav":
            wave.check_wav(data)
    except wave.BadSound as error:
        raise BadFolder(f"{file}: {error}") from None
    return data


def _manifest(out: Path) -> Manifest:
    file = out / MANIFEST
    if not file.exists():
        return Manifest({})
    try:
        return Manifest.model_validate_json(file.read_bytes()[:MANIFEST_BYTES_MAX])
    except ValidationError:
        raise BadFolder(f"{file} is no manifest of ours") from None


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.write_bytes(data)
    os.replace(draft, file)


def _name(piece: Piece) -> str:
    return f"{piece.language}/{piece.name}"


def _words(piece: Piece, source: str) -> str:
    """A studio's words are those that are shown; the synthetic voice's those that it is given."""
    return _sha(f"{MAKER}\0{voiced(piece)}".encode() if source == "espeak" else f"\0{piece.text}".encode())


def voiced(piece: Piece) -> str:
    """The words as the synthetic voice needs them: Arabic with its vowels."""
    return vowels().of(piece.text) if LANGUAGES[piece.language].vowelled else piece.text


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pieces_of(every: Iterable[Piece], languages: Sequence[LanguageCode]) -> tuple[Piece, ...]:
    """Returns those of some languages; of all when none is named."""
    return tuple(piece for piece in every if not languages or piece.language in languages)


def lengths_in(folder: Path) -> Callable[[Piece], float]:
    """The length in seconds of each file of `khallas voice build`, studio recordings among them. Raises BadFolder where
    one is missing.
    """

    def length(piece: Piece) -> float:
        for extension in EXTENSIONS:
            file = folder / piece.language / (piece.name + extension)
            if not file.is_file():
                continue
            if extension != ".wav":
                return file.stat().st_size / BYTES_A_SECOND[extension]
            try:
                return wave.check_wav(file.read_bytes())
            except wave.BadSound as error:
                raise BadFolder(f"{file}: {error}") from None
        raise BadFolder(f"{piece.language}/{piece.name} is missing: run voice build first")

    return length
