"""What /readyz says of prompts and their sounds: a text that came without its own is told before a caller finds out."""

from pathlib import Path

import pytest

from channels.ivr.prompts import Piece
from core.languages import LanguageCode
from khallas.bootstrap.sounds import PromptSounds, sounds_folder
from khallas.cli import voice
from khallas.settings.model import load

PAUSE = Piece(LanguageCode.FR, "pause", "")
NEW = Piece(LanguageCode.FR, "new-text", "Un texte nouveau")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    voice.build([PAUSE], tmp_path, None)
    return tmp_path


def test_all_there(folder: Path) -> None:
    assert PromptSounds([PAUSE], folder, set).state() == "ok"


def test_an_upgrade_with_a_new_text_and_no_build(folder: Path) -> None:
    assert "1 missing or stale" in PromptSounds([PAUSE, NEW], folder, set).state()
    assert "fr/new-text" in PromptSounds([PAUSE, NEW], folder, set).state()


def test_a_build_while_the_server_runs_is_seen(folder: Path) -> None:
    sounds = PromptSounds([PAUSE], folder, set)
    manifest = folder / voice.MANIFEST
    kept = manifest.read_text()
    manifest.write_text("{}")
    assert "fr/pause" in sounds.state()
    manifest.write_text(kept)
    assert sounds.state() == "ok"


def test_what_a_call_did_not_find_is_told_wherever_the_folder_is(tmp_path: Path) -> None:
    unheard: set[Piece] = set()
    sounds = PromptSounds([PAUSE], tmp_path / "elsewhere", lambda: unheard)
    assert sounds.state() == "not seen from here"
    unheard.add(NEW)
    assert "fr/new-text" in sounds.state()


def test_a_manifest_that_is_none(folder: Path) -> None:
    (folder / voice.MANIFEST).write_text("rubbish")
    assert "no manifest" in PromptSounds([PAUSE], folder, set).state()


def test_where_the_prompts_are_looked_for() -> None:
    assert sounds_folder(load({})) == Path("/var/lib/asterisk/sounds/khallas")
    assert sounds_folder(load({"KHALLAS_ASTERISK__SOUNDS": "/srv/prompts"})) == Path("/srv/prompts")
    assert sounds_folder(load({"KHALLAS_ASTERISK__SOUNDS_FOLDER": "/mnt/sounds"})) == Path("/mnt/sounds")
