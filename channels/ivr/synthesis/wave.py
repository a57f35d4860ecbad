"""Sound as an Asterisk switch plays it: 16-bit mono PCM at 8 kHz, in WAV. Pure."""

import io
import math
import wave
from array import array
from collections.abc import Sequence
from functools import lru_cache
from operator import mul

RATE_HZ = 8_000
QUIET = 200  # of 32,767: softer than this at a clip's edges is silence
PEAK = 16_000  # the loudest sample of a piece
EDGE_S = 0.02  # of silence that is left at the edges
CUT_HZ = 3_600.0  # below half of RATE_HZ, so that nothing folds back into speech
TAPS = 32


class BadSound(ValueError):
    """A file that a switch would not play, or not at the right speed."""


def wav(samples: "array[int]") -> bytes:
    """A WAV file of samples at RATE_HZ."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return held.getvalue()


def check_wav(data: bytes) -> float:
    """The length of a WAV file in seconds. Raises BadSound unless it is 8 kHz, mono, 16 bits and not empty."""
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            frames = file.getnframes()
    except (wave.Error, EOFError):
        raise BadSound("no WAV file") from None
    if shape != (RATE_HZ, 1, 2):
        raise BadSound(f"{shape[0]} Hz, {shape[1]} channels, {shape[2] * 8} bits; a switch wants {RATE_HZ} Hz, 1, 16")
    if not frames:
        raise BadSound("no sound in it")
    return frames / RATE_HZ


def silence(length_s: float) -> "array[int]":
    return array("h", bytes(2 * round(length_s * RATE_HZ)))


def trimmed(samples: "array[int]", rate_hz: int) -> "array[int]":
    """The sound without the silence at its edges, so that joined pieces sound like one sentence."""
    loud = [at for at, value in enumerate(samples) if abs(value) > QUIET]
    if not loud:
        return samples
    edge = round(EDGE_S * rate_hz)
    return samples[max(0, loud[0] - edge) : loud[-1] + edge]


def levelled(samples: "array[int]") -> "array[int]":
    """The sound, made as loud as every other piece."""
    loudest = max(map(abs, samples), default=0)
    return array("h", (value * PEAK // loudest for value in samples)) if loudest else samples


def resampled(samples: "array[int]", rate_hz: int) -> "array[int]":
    """The sound at RATE_HZ, through a windowed-sinc low-pass with one phase for each place between two samples."""
    common = math.gcd(rate_hz, RATE_HZ)
    up, down = RATE_HZ // common, rate_hz // common
    phases = _phases(up, rate_hz)
    half = TAPS // 2
    padded = array("h", bytes(2 * half)) + samples + array("h", bytes(2 * TAPS))
    made = array("h")
    for number in range(len(samples) * up // down):
        at, phase = divmod(number * down, up)
        value = round(sum(map(mul, padded[at + 1 : at + 1 + TAPS], phases[phase])))
        made.append(max(-32768, min(32767, value)))
    return made


@lru_cache(maxsize=4)
def _phases(up: int, rate_hz: int) -> Sequence[tuple[float, ...]]:
    return tuple(_phase(number / up, CUT_HZ / rate_hz) for number in range(up))


def _phase(offset: float, cut: float) -> tuple[float, ...]:
    half = TAPS // 2
    taps = []
    for tap in range(TAPS):
        x = tap - half + 1 - offset
        window = 0.5 + 0.5 * math.cos(math.pi * x / half)
        ideal = 2 * cut if x == 0 else math.sin(2 * math.pi * cut * x) / (math.pi * x)
        taps.append(ideal * window)
    level = sum(taps)
    return tuple(value / level for value in taps)
