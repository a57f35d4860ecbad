"""espeak-ng by its library, offline (the `[voice]` extra): words -> samples. Thin; one voice box a process."""

import ctypes
import threading
from array import array
from functools import cache

from core.languages import LANGUAGES, LanguageCode

SAMPLES_MAX = 22_050 * 60
_SYNCHRONOUS = 2
_BUFFER_MS = 500
_NO_EXIT = 0x8000  # a missing data folder is an error for us, not the process's end
_RATE = 1  # espeakRATE
_UTF8 = 1  # espeakCHARS_UTF8
_BY_CHARACTER = 1  # POS_CHARACTER
_TURN = threading.Lock()
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class NoVoice(Exception):
    """The operator's to mend: espeak-ng is not installed, or knows no such voice."""


def espeak() -> "Espeak":
    """Returns this process's voice box. Raises NoVoice.

    The library keeps its state in memory of its own, once a process: a second box, or the end of one, would take from
    the other what it speaks with.
    """
    with _TURN:
        return _espeak()


class Espeak:
    """Says words, one caller after the other, whatever their threads. `espeak` gives the process's one."""

    def __init__(self) -> None:
        """Loads the library. Raises NoVoice."""
        try:
            import espeakng_loader
        except ImportError:
            raise NoVoice(
                "espeak-ng is not installed: requirements/voice.lock holds it (docs/guides/asterisk.md)"
            ) from None
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        self.rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, _NO_EXIT)
        if self.rate_hz <= 0:
            raise NoVoice("espeak-ng does not start")
        self._samples = array("h")
        self._callback = _CALLBACK(self._collect)  # kept: C holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, words: str, language: LanguageCode) -> "array[int]":
        """16-bit samples at `rate_hz`. Raises NoVoice."""
        with _TURN:
            return self._said(words, language)

    def _said(self, words: str, language: LanguageCode) -> "array[int]":
        if self._library.espeak_SetVoiceByName(LANGUAGES[language].espeak.encode()):
            raise NoVoice(f"espeak-ng has no voice for {language}")
        self._library.espeak_SetParameter(_RATE, LANGUAGES[language].words_per_minute, 0)
        self._samples = array("h")
        text = words.encode() + b"\0"
        failed = (
            self._library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, _BY_CHARACTER, 0, _UTF8, None, None)
            or self._library.espeak_Synchronize()
        )
        if failed or not self._samples:
            raise NoVoice(f"espeak-ng cannot say {words!r}")
        return self._samples

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: object) -> int:
        """Called by the library; 1 stops it."""
        if samples and count > 0:
            self._samples.frombytes(ctypes.string_at(samples, count * 2))
        return int(len(self._samples) > SAMPLES_MAX)


_espeak = cache(Espeak)
