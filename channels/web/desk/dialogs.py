"""What a customer was shown, as the help desk reads it: a dialog's screens in one language. Pure.

Words of an older release that locales/ no longer has are left out; the screen's name stands for them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from core.help_desk.transcripts import DialogTranscript, Shown
from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.zone import ZONE
from sessions.shown_texts import read

SECTION = "desk"
SECTIONS = MappingProxyType({"ussd": "ussd", "ivr": "ivr", "web": "bills"})  # of channels whose screens have words
_TAG = re.compile(r"^\[\w\w\] ", re.MULTILINE)  # whose voice says a line
_TOLD = frozenset({"replayed", "failed"})


@dataclass(frozen=True, slots=True)
class DialogLine:
    """A screen of a dialog. `keys` is what the customer answered the screen before it with."""

    clock: str
    iso: str
    keys: str
    screen: str
    words: str
    outcome: str
    request: str


@dataclass(frozen=True, slots=True)
class DialogView:
    """A dialog, folded up."""

    title: str
    wire: str
    language: str
    day: str
    clock: str
    iso: str
    last: str
    count: str
    lines: tuple[DialogLine, ...]


class DialogWords:
    """Words dialogs for the desk. Raises MissingText for what locales/ must have."""

    def __init__(self, texts: Texts, language: LanguageCode) -> None:
        self._texts = texts
        self._language = language

    def all(self, dialogs: Iterable[DialogTranscript]) -> tuple[DialogView, ...]:
        """The dialog's screens in the order they come."""
        return tuple(self.one(dialog) for dialog in dialogs)

    def one(self, dialog: DialogTranscript) -> DialogView:
        """A dialog by its channel, when it was and where it stopped."""
        began = dialog.began_at.astimezone(ZONE)
        spoken = dialog.language
        return DialogView(
            title=self._known(SECTION, f"channel.{dialog.channel}", dialog.channel),
            wire=dialog.wire,
            language=self._texts.get(LanguageCode(spoken), "web", "language.name") if spoken else "",
            day=f"{began:%d/%m/%Y}",
            clock=f"{began:%H:%M:%S}",
            iso=dialog.began_at.isoformat(),
            last=self._screen(dialog.shown[-1]),
            count=str(len(dialog.shown)),
            lines=tuple(self._line(shown, dialog.channel) for shown in dialog.shown),
        )

    def _line(self, shown: Shown, channel: str) -> DialogLine:
        words = read(shown.said, self._texts, SECTIONS[channel], self._language) if channel in SECTIONS else ""
        outcome = shown.outcome if shown.outcome in _TOLD else ""
        return DialogLine(
            clock=f"{shown.at.astimezone(ZONE):%H:%M:%S}",
            iso=shown.at.isoformat(),
            keys=shown.keys,
            screen=self._screen(shown),
            words=_TAG.sub("", words),
            outcome=outcome and self._known(SECTION, f"outcome.{outcome}", outcome),
            request=shown.request,
        )

    def _screen(self, shown: Shown) -> str:
        name = self._known(SECTION, f"text.{shown.screen}", shown.screen)
        return name if name != shown.screen else self._known("ops", f"screen.{shown.screen}", shown.screen)

    def _known(self, section: str, key: str, otherwise: str) -> str:
        return (
            self._texts.get(self._language, section, key)
            if self._texts.has(self._language, section, key)
            else otherwise
        )
