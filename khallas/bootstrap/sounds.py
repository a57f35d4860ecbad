"""Whether every prompt has its sound, as far as this process can tell: from the folder, and from calls.

A text that came with an upgrade has none until `khallas voice build` has run: /readyz says so before a caller hears it.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from channels.ivr.prompts import Piece
from khallas.cli import voice
from khallas.settings.model import Settings

SOUNDS_ROOT = Path("/var/lib/asterisk/sounds")
FEW = 3  # names that are told


def sounds_folder(settings: Settings) -> Path:
    """The prompts' folder as this machine sees it."""
    asterisk = settings.asterisk
    return Path(asterisk.sounds_folder) if asterisk.sounds_folder else SOUNDS_ROOT / asterisk.sounds


class PromptSounds:
    """The state that /readyz shows. The folder is read again when its manifest has changed."""

    def __init__(self, pieces: Sequence[Piece], folder: Path, unheard: Callable[[], Collection[Piece]]) -> None:
        """`unheard`: what the switch had no recording of when last asked."""
        self._pieces = pieces
        self._folder = folder
        self._unheard = unheard
        self._read_at = 0.0
        self._found: tuple[str, ...] = ()

    def state(self) -> str:
        """ "ok", "not seen from here" or how many are missing, with the first of them."""
        silent = sorted(f"{piece.language}/{piece.name}" for piece in self._unheard())
        changed = self._changed()
        wrong = tuple(dict.fromkeys((*silent, *self._found)))
        if wrong:
            return f"{len(wrong)} missing or stale, run `khallas voice build`: {', '.join(wrong[:FEW])}"
        return "ok" if changed else "not seen from here"

    def _changed(self) -> bool:
        """Whether there is a manifest; what it lacks is kept."""
        try:
            written_at = (self._folder / voice.MANIFEST).stat().st_mtime
            if written_at != self._read_at:
                report = voice.check(self._pieces, self._folder)
                self._read_at, self._found = written_at, (*report.missing, *report.stale)
        except voice.BadFolder as error:
            self._found = (str(error),)
        except OSError:
            self._found = ()
            return False
        return True
