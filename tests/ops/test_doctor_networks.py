"""`khallas doctor` at the operator's own networks: content with what is well, precise about what is not."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from channels.carriers.smpp.account import account_of
from channels.ivr.prompts import Prompts
from core.messaging.texts import load_texts
from khallas.cli import voice
from khallas.doctor import networks
from khallas.doctor.finding import CheckFailed, NotSetUp
from khallas.settings.model import Settings, load
from tests.channels.carriers.ami_stand import SECRET, AmiStand, manager
from tests.channels.carriers.smpp.conftest import smsc, smsc_process
from tests.channels.carriers.smpp.outside import Smsc

__all__ = ["smsc", "smsc_process"]  # the fixtures, shared

INVALID_PASSWORD = 14  # ESME_RINVPASWD


async def test_an_smsc_that_lets_us_in_and_one_that_does_not(smsc: Smsc) -> None:
    account = account_of(f"{smsc.url}/atlas")
    assert await networks.smsc(account) == "takes our bind"
    state = await smsc.tell("state")
    assert ([bind["command"] for bind in state["binds"]], state["unbinds"]) == (["bind_transmitter"], 1)
    await smsc.mode(bind=INVALID_PASSWORD)
    with pytest.raises(CheckFailed, match="refuses the bind") as found:
        await networks.smsc(account)
    assert "KHALLAS_SMPP__BINDS" in found.value.mend
    assert "secret" not in f"{found.value} {found.value.mend}"


async def test_a_manager_that_lets_us_in_and_one_that_does_not() -> None:
    def settings(password: str) -> dict[str, str]:
        url = f"ami://khallas:{password}@127.0.0.1:{stand.port}"
        return {"KHALLAS_IVR__CALLER": "ami", "KHALLAS_ASTERISK__AMI_URL": url}

    async with manager(AmiStand()) as stand:
        assert await networks.switch(load(settings(SECRET))) == "takes our login"
        with pytest.raises(CheckFailed) as found:
            await networks.switch(load(settings("another-secret")))
    assert "manager.conf" in found.value.mend
    assert "another-secret" not in str(found.value)


@pytest.fixture
def spooled(tmp_path: Path) -> Settings:
    """A spool as the guide lays it out; its group is one of ours, its owner another user where we may say so."""
    for name in ("tmp", "outgoing"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o2770)
        if os.geteuid() == 0:
            os.chown(tmp_path / name, 65534, 65534)
    return load({"KHALLAS_IVR__CALLER": "callfile", "KHALLAS_ASTERISK__SPOOL": str(tmp_path)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to another user")
def test_a_spool_in_asterisks_group(spooled: Settings) -> None:
    assert "takes call files" in networks.spool(spooled)
    assert list(Path(spooled.asterisk.spool).rglob("*.call")) == []


def test_a_spool_that_asterisk_could_not_read_is_refused(spooled: Settings, tmp_path: Path) -> None:
    (tmp_path / "outgoing").chmod(0o755)  # as `make install` leaves it
    with pytest.raises(CheckFailed, match="its group may not read") as found:
        networks.spool(spooled)
    assert "chmod 2770" in found.value.mend
    (tmp_path / "outgoing").chmod(0o2770)
    (tmp_path / "tmp").rmdir()
    with pytest.raises(CheckFailed, match="no call file can be laid down"):
        networks.spool(spooled)
    with pytest.raises(NotSetUp):
        networks.spool(load({}))


def test_a_spool_of_a_group_that_is_not_ours_is_refused(spooled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk would delete a file that it may not open, and nobody would be rung."""

    def refuses(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.chown", refuses)
    with pytest.raises(CheckFailed, match="Operation not permitted"):
        networks.spool(spooled)
    assert list(Path(spooled.asterisk.spool).rglob("*.call")) == []


def test_a_spool_of_our_own_is_refused(spooled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (Path(spooled.asterisk.spool) / "outgoing").stat()
    monkeypatch.setattr("os.geteuid", lambda: own.st_uid)
    monkeypatch.setattr("os.getegid", lambda: own.st_gid)
    if own.st_gid:
        with pytest.raises(CheckFailed, match="our own"):
            networks.spool(spooled)


def test_sound_files_that_are_missing_or_say_other_words(tmp_path: Path) -> None:
    settings = load({"KHALLAS_IVR__WIRES": "fastagi", "KHALLAS_GATEWAY_SECRETS__FASTAGI": "net:127.0.0.0/8"})
    pieces = Prompts(load_texts()).pieces
    entries = {}
    for piece in pieces:
        words = sha256(f"\0{piece.text}".encode()).hexdigest()
        entry = voice.Entry(file="x.gsm", source="recorded", words_sha256=words, file_sha256="")
        entries[f"{piece.language}/{piece.name}"] = entry
        (tmp_path / piece.language).mkdir(exist_ok=True)
    for language in {piece.language for piece in pieces}:
        (tmp_path / language / "x.gsm").touch()
    manifest = tmp_path / voice.MANIFEST
    manifest.write_text(voice.Manifest(entries).model_dump_json())
    assert networks.sounds(settings, tmp_path) == f"all there in {tmp_path}"
    first, second, *_ = entries
    entries[first] = entries[first].model_copy(update={"words_sha256": "0" * 64})
    del entries[second]
    manifest.write_text(voice.Manifest(entries).model_dump_json())
    with pytest.raises(CheckFailed, match=f"1 missing, 1 stale: {second}, {first}"):
        networks.sounds(settings, tmp_path)
    with pytest.raises(NotSetUp):
        networks.sounds(load({}), tmp_path)
