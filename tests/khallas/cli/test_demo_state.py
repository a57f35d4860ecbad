"""The demo's folder: one demo at a time, found by other commands while it runs, and only its own is forgotten."""

import os
from pathlib import Path

import pytest

from khallas.cli.demo_state import (
    LOCK,
    BadState,
    environ_at_hand,
    held,
    prepare,
    reset,
    running,
    told,
)
from khallas.cli.terminal.reach import DEMO_URL, Reach, reach

URL = "http://127.0.0.1:8123"
KEPT = {"KHALLAS_DATABASE_URL": "postgresql://demo@127.0.0.1/demo", "KHALLAS_CMI__PASSWORD": "it's"}


def test_a_demo_is_found_while_it_runs(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with held(tmp_path, URL):
        starting = running(tmp_path)
        assert starting is not None
        assert (starting.url, starting.environ) == (URL, {})
        with told(tmp_path, KEPT):
            found = running(tmp_path)
            assert found is not None
            assert found.environ == KEPT
            with pytest.raises(BadState, match=f"a demo is running at {URL}"), held(tmp_path, "http://other"):
                pass
    assert running(tmp_path) is None
    assert (tmp_path / LOCK).read_text() == URL


def test_what_a_killed_demo_left_is_no_demo(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(URL)
    (tmp_path / "demo.env").write_text("KHALLAS_DATABASE_URL=postgresql://gone\n")
    assert running(tmp_path) is None
    assert environ_at_hand({"PATH": "/bin"}, tmp_path) == {}
    with held(tmp_path, URL):
        pass


@pytest.mark.parametrize("given", ["KHALLAS_DATABASE_URL", "KHALLAS_DATABASE_URL_FILE"])
def test_settings_that_are_given_come_first(tmp_path: Path, given: str) -> None:
    with held(tmp_path, URL), told(tmp_path, KEPT):
        assert environ_at_hand({given: "x"}, tmp_path) == {given: "x"}
        over = {"KHALLAS_LOG_LEVEL": "DEBUG", "KHALLAS_CMI__PASSWORD_FILE": "/run/secret"}
        whole = environ_at_hand({**over, "HOME": "/"}, tmp_path)
    assert whole == over | {"KHALLAS_DATABASE_URL": KEPT["KHALLAS_DATABASE_URL"]}


def test_phones_reach_the_demo_as_it_is_set_up(tmp_path: Path) -> None:
    assert reach("", tmp_path) == Reach(DEMO_URL)
    its = {"KHALLAS_SHORT_CODE": "1118", "KHALLAS_TWILIO__AUTH_TOKENS": "new,old", "KHALLAS_PUBLIC_URL": "https://k.ma"}
    with held(tmp_path, URL):
        assert reach("", tmp_path) == Reach(URL)
        with told(tmp_path, its | {"KHALLAS_USSD__SERVICE_CODE": "*99#", "KHALLAS_IVR__NUMBER": "+212520009999"}):
            assert reach("http://elsewhere", tmp_path) == Reach("http://elsewhere")
            for url in ("", URL, URL + "/"):
                there = reach(url, tmp_path)
                assert (there.url, there.public_url, there.token) == (URL, "https://k.ma", "new")
                assert (there.service_code, there.short_code, there.voice) == ("*99#", "1118", "+212520009999")


@pytest.mark.parametrize("name", ["file/state", "/proc/khallas-state"])
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadState) as caught:
        prepare(tmp_path / name)
    assert name in str(caught.value)
    assert "--state" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkout_is_no_state_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(BadState, match="checkout"):
        prepare(tmp_path)


def test_only_what_is_the_demos_is_forgotten(tmp_path: Path) -> None:
    theirs = tmp_path / "photos"
    theirs.mkdir()
    (tmp_path / "postgres" / "cluster").mkdir(parents=True)
    (tmp_path / "valkey").symlink_to(theirs)
    (theirs / "one").touch()
    for name in ("secret-key", "desk-agent", "cmi.jsonl", "letter"):
        (tmp_path / name).touch()
    with held(tmp_path, URL):
        reset(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "letter", LOCK}
    assert os.listdir(theirs) == ["one"]
