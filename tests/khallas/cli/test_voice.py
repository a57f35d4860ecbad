"""Prompts made by espeak-ng, really: files a switch plays, made once, and recordings by people that win."""

import itertools
import json
import wave as waves
from array import array
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from channels.ivr.prompts import PAUSE, Piece, Prompts
from channels.ivr.synthesis import wave
from channels.ivr.synthesis.espeak import espeak
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from khallas.cli.main import app
from khallas.cli.voice import BadFolder, build, check, pieces_of

EVERY = Prompts(load_texts()).pieces
FEW = tuple(p for p in EVERY if p.name in {"n-7", "n-69-and", "n-3", "card-number-2", "letter-a", PAUSE})


def recording(seconds: float = 0.5, rate_hz: int = wave.RATE_HZ) -> bytes:
    sound = wave.wav(array("h", [1000] * round(seconds * wave.RATE_HZ)))
    return (
        sound
        if rate_hz == wave.RATE_HZ
        else sound.replace(wave.RATE_HZ.to_bytes(4, "little"), rate_hz.to_bytes(4, "little"))
    )


def put(folder: Path, name: str, data: bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def test_every_language_becomes_sound_a_switch_plays(tmp_path: Path) -> None:
    report = build(FEW, tmp_path, None)
    assert len(report.made) == len(FEW) >= 12
    for piece in FEW:
        data = (tmp_path / piece.language / f"{piece.name}.wav").read_bytes()
        assert 0.1 < wave.check_wav(data) < 15
        with waves.open(str(tmp_path / piece.language / f"{piece.name}.wav")) as file:
            loudest = max(map(abs, array("h", file.readframes(file.getnframes()))))
        assert loudest == 0 if piece.name == PAUSE else 15_000 < loudest <= wave.PEAK
    assert not list(tmp_path.rglob("*.new"))
    assert check(FEW, tmp_path).missing == []


def test_a_second_build_makes_only_what_changed(tmp_path: Path) -> None:
    build(FEW, tmp_path, None)
    changed = tuple(
        replace(p, text="sept fois") if (p.language, p.name) == (LanguageCode.FR, "n-7") else p for p in FEW
    )
    assert check(changed, tmp_path).stale == ["fr/n-7"]
    (tmp_path / "en" / "n-7.wav").unlink()
    assert check(FEW, tmp_path).missing == ["en/n-7"]
    again = build(changed, tmp_path, None)
    assert sorted(again.made) == ["en/n-7", "fr/n-7"]
    assert again.kept == len(FEW) - 2


def test_a_persons_recording_wins_and_is_told_when_its_words_change(tmp_path: Path) -> None:
    out, recorded = tmp_path / "out", tmp_path / "studio"
    piece = next(p for p in FEW if (p.language, p.name) == (LanguageCode.AR, "n-7"))
    build((piece,), out, None)
    put(recorded, "ar/n-7.gsm", b"a gsm file")
    assert build((piece,), out, recorded).taken == ["ar/n-7"]
    assert [file.name for file in (out / "ar").iterdir()] == ["n-7.gsm"]
    assert build((piece,), out, recorded).kept == 1
    assert build((piece,), out, None).kept == 1
    said_otherwise = replace(piece, text="سبع")
    assert build((said_otherwise,), out, recorded).stale == ["ar/n-7"]
    put(recorded, "ar/n-7.gsm", b"recorded again")
    assert build((said_otherwise,), out, recorded).taken == ["ar/n-7"]
    assert check((said_otherwise,), out).stale == []


@pytest.mark.parametrize("data", [b"", b"RIFF", recording(rate_hz=44_100), recording(0)])
def test_a_recording_that_no_switch_plays_is_named(tmp_path: Path, data: bytes) -> None:
    put(tmp_path / "studio", "fr/n-7.wav", data)
    with pytest.raises(BadFolder, match=r"n-7\.wav"):
        build(pieces_of(FEW, [LanguageCode.FR]), tmp_path / "out", tmp_path / "studio")


def test_a_manifest_that_is_not_ours(tmp_path: Path) -> None:
    put(tmp_path, "manifest.json", b'{"fr/n-7": 3}')
    with pytest.raises(BadFolder, match="manifest"):
        check(FEW, tmp_path)


def test_what_was_made_stays_known_when_a_build_breaks(tmp_path: Path) -> None:
    pause = next(p for p in FEW if p.name == PAUSE and p.language is LanguageCode.FR)
    seven = next(p for p in FEW if p.name == "n-7" and p.language is LanguageCode.FR)
    put(tmp_path / "studio", "fr/n-7.wav", b"rubbish")
    with pytest.raises(BadFolder):
        build((pause, seven), tmp_path / "out", tmp_path / "studio")
    assert list(json.loads((tmp_path / "out" / "manifest.json").read_text())) == [f"fr/{PAUSE}"]


def test_the_command(tmp_path: Path) -> None:
    runner = CliRunner()
    missing = runner.invoke(app, ["voice", "check", "--out", str(tmp_path), "--language", "fr", "--json"])
    assert missing.exit_code == 1
    assert "fr/card-cvv" in json.loads(missing.stdout)["missing"]
    script = runner.invoke(app, ["voice", "script", "--language", "fr"])
    assert script.exit_code == 0
    assert "fr/n-71\tsoixante et onze\n" in script.stdout
    assert "fr/name-" not in script.stdout
    wallet = {"KHALLAS_WALLETS__NEQDI__NAME": "Neqdi", "KHALLAS_WALLETS__NEQDI__WIRE": "gsma"}
    named = runner.invoke(app, ["voice", "script", "--language", "fr"], env=wallet)
    assert "fr/name-neqdi\tNeqdi\n" in named.stdout
    for verb in (["script"], ["check", "--out", str(tmp_path)]):
        wrong = runner.invoke(app, ["voice", *verb], env={"KHALLAS_NO_SUCH_SETTING": "1"})
        assert (wrong.exit_code, "is no setting" in wrong.output) == (1, True)
    broken = tmp_path / "manifest.json"
    broken.write_text("[]")
    assert runner.invoke(app, ["voice", "build", "--out", str(tmp_path), "--language", "fr"]).exit_code == 1


# --- sound ------------------------------------------------------------------------------------------------------------


def test_a_tone_keeps_its_pitch_and_its_loudness() -> None:
    import math

    tone = array("h", (round(10_000 * math.sin(2 * math.pi * 1_000 * n / 22_050)) for n in range(22_050)))
    slow = wave.resampled(tone, 22_050)
    assert len(slow) == wave.RATE_HZ
    rises = sum(1 for left, right in itertools.pairwise(slow) if left < 0 <= right)
    assert 998 <= rises <= 1_001
    assert 9_500 < max(slow[100:-100]) < 10_500
    above = array("h", (round(10_000 * math.sin(2 * math.pi * 7_000 * n / 22_050)) for n in range(22_050)))
    assert max(wave.resampled(above, 22_050)[100:-100]) < 500  # it would fold back to 1,000 Hz


def test_edges_are_trimmed_and_silence_is_left_alone() -> None:
    loud = array("h", [0] * 8_000 + [5_000] * 800 + [0] * 8_000)
    assert 800 < len(wave.trimmed(loud, wave.RATE_HZ)) < 1_200
    assert wave.trimmed(wave.silence(0.1), wave.RATE_HZ) == wave.silence(0.1)
    assert wave.levelled(wave.silence(0.1)) == wave.silence(0.1)


def test_a_process_has_one_voice_box_for_all_its_threads() -> None:
    box = espeak()
    assert len(box.say("sept cents", LanguageCode.FR)) > box.rate_hz // 10
    assert box.say("sept", LanguageCode.FR) != box.say("sept", LanguageCode.EN)

    def said(language: LanguageCode) -> int:
        return len(espeak().say("sept cents", language))

    alone = {language: said(language) for language in LanguageCode}
    with ThreadPoolExecutor(4) as threads:  # each sentence is whole: no other is spoken into it
        together = [(each, threads.submit(said, each)) for _ in range(20) for each in LanguageCode]
    # the voice's noise differs by a few samples each time
    assert all(abs(length.result() - alone[each]) < box.rate_hz // 20 for each, length in together)
    assert espeak() is box


def test_pieces_are_made_for_the_languages_named() -> None:
    assert {p.language for p in pieces_of(EVERY, [LanguageCode.AR])} == {LanguageCode.AR}
    assert pieces_of(EVERY, []) == EVERY
    assert Piece(LanguageCode.FR, "n-71", "soixante et onze") in EVERY
