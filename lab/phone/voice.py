"""Captions said aloud where espeak-ng is installed (the `[voice]` extra); the page shows them in any case."""

import asyncio
import io
import wave
from importlib.util import find_spec

from channels.ivr.synthesis.espeak import NoVoice, espeak
from core.languages import LanguageCode

WORDS_MAX_CHARACTERS = 1_000
SAMPLE_BYTES = 2


def installed() -> bool:
    """Can anything be said?"""
    return find_spec("espeakng_loader") is not None


def spoken_language(tag: str) -> LanguageCode:
    """The language of a voice's tag: fr-FR, arb, en-GB. Raises ValueError."""
    return LanguageCode(tag[:2].lower())


class Voice:
    """Says one sentence at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def say(self, words: str, tag: str) -> bytes:
        """A WAV file. Raises NoVoice, ValueError."""
        language = spoken_language(tag)
        if not words or len(words) > WORDS_MAX_CHARACTERS:
            raise ValueError(f"1 to {WORDS_MAX_CHARACTERS} characters")
        async with self._turn:
            return await asyncio.to_thread(self._said, words, language)

    def _said(self, words: str, language: LanguageCode) -> bytes:
        box = espeak()
        samples = box.say(words, language)
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(SAMPLE_BYTES)
            out.setframerate(box.rate_hz)
            out.writeframes(samples.tobytes())
        return file.getvalue()


__all__ = ["NoVoice", "Voice", "installed", "spoken_language"]
