"""A text that was shown, as a transcript keeps it: its key, amounts, months and counts. Pure.

Whatever else a text holds (numbers, names, addresses, references) is left out, by kind and not by name: a new value
is hidden until somebody decides here that it may be kept.
"""

import msgspec

from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.money import dh
from sessions.screens.menu import Amount, Month, Say, Value, Worded

HIDDEN = "•••"

Kept = int | dict[str, int | str] | None

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[str, dict[str, Kept]])


def keep(text: Say) -> str:
    """JSON of the key and what may be kept; never a backslash, a tab or a line's end."""
    return _encoder.encode((text.key, {name: _kept(value) for name, value in text.values})).decode()


def read(said: str, texts: Texts, section: str, language: LanguageCode) -> str:
    """The text in a language, its hidden values as dots; empty when this release has no such text."""
    try:
        key, values = _decoder.decode(said)
    except msgspec.MsgspecError:
        return ""
    words = {name: _word(value, texts, section, language) for name, value in values.items()}
    try:
        return texts.fill(language, section, key, **words)
    except KeyError:  # no such text, or a value that this release's wants and that one's did not have
        return ""


def _kept(value: Value) -> Kept:
    if isinstance(value, int):  # no `match`: this runs for every value of every screen
        return value
    if isinstance(value, Amount):
        return {"centimes": value.centimes}
    if isinstance(value, Month):
        return {"month": f"{value.first_day.month:02d}/{value.first_day.year}"}
    return {"word": value.key} if isinstance(value, Worded) else None


def _word(value: Kept, texts: Texts, section: str, language: LanguageCode) -> str:
    match value:
        case int():
            return str(value)
        case {"centimes": int(centimes)}:
            return dh(centimes)
        case {"month": str(day)}:
            return day
        case {"word": str(key)} if texts.has(language, section, key):
            return texts.get(language, section, key)
        case _:
            return HIDDEN
