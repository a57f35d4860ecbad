"""`khallas dialogs`: a line for each dialog of a day, in whole files whose manifest says what they hold."""

import csv
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from core.help_desk.transcripts import Pseudonymiser
from khallas.cli.main import app
from khallas.settings.model import load

DAY = "2026-07-01"
MIDNIGHT = datetime(2026, 6, 30, 23, tzinfo=UTC)  # in Morocco
PAYER, OTHER = "+212600000001", "+212600000002"
PAID = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    language, channel, bills, amount_centimes, currency, created_at, expires_at, paid_at, approved_centimes)
VALUES (%(id)s, %(id)s, 'f', %(reference)s, 'captured', 'mobile', '0600000001', %(payer)s, 'fr', 'ussd',
    '[{"number": "1", "amount_centimes": 76920}]', 76920, 'MAD', %(at)s, %(at)s, %(at)s, 76920)
"""


@pytest.fixture
def runner(database_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """One dialog over midnight before, one of three turns that paid, one in the last minute and into the next day."""
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    monkeypatch.setenv("KHALLAS_SECRET_KEYS", "k3y-of-this-test-9f2c61d0b7a84e35")
    blind = Pseudonymiser(load(os.environ).signing_keys())
    with psycopg.connect(database_url) as connection:
        _shown(connection, blind, PAYER, "before", [(-60, "Service", "answered"), (60, "Terms", "ended")])
        turns = [(60, "Service", "answered"), (90, "Bills", "answered"), (120, "Paid", "ended")]
        _shown(connection, blind, PAYER, "paid", turns)
        _shown(connection, blind, PAYER, "paid", turns[:1])  # a batch that was written twice
        _shown(connection, blind, OTHER, "late", [(86_390, "Service", "answered"), (86_410, "Apology", "failed")])
        for payment_id, payer, reference, after_s in (("01A", PAYER, "111111", 100), ("01B", OTHER, "222222", 100)):
            at = MIDNIGHT + timedelta(seconds=after_s)
            connection.execute(PAID, {"id": payment_id, "payer": payer, "reference": reference, "at": at})
    return CliRunner()


def _shown(
    connection: psycopg.Connection, blind: Pseudonymiser, msisdn: str, dialog: str, turns: list[tuple[int, str, str]]
) -> None:
    for after_s, screen, outcome in turns:
        connection.execute(
            "INSERT INTO transcript_turns VALUES (%s, %s, %s, 'ussd', 'comviva', 'fr', %s, '', %s, '1', 'text', '')",
            (blind.who(msisdn), MIDNIGHT + timedelta(seconds=after_s), dialog, screen, outcome),
        )


def _written(runner: CliRunner, folder: Path, *more: str) -> tuple[dict[str, Any], list[Path]]:
    done = runner.invoke(app, ["dialogs", str(folder), "--day", DAY, *more])
    assert done.exit_code == 0, done.output
    manifest = json.loads((folder / f"dialogs-{DAY}.manifest.json").read_text())
    return manifest, [folder / each["name"] for each in manifest["files"]]


def test_a_line_a_dialog_that_began_that_day(runner: CliRunner, tmp_path: Path) -> None:
    manifest, (file,) = _written(runner, tmp_path)
    assert (manifest["day"], manifest["over"], manifest["rows"]) == (DAY, True, 2)
    paid, late = csv.DictReader(file.read_text().splitlines())
    assert (paid["dialog"], paid["turns"], paid["last_screen"], paid["outcome"]) == ("paid", "3", "Paid", "ended")
    assert (paid["began_at"], paid["ended_at"]) == ("2026-06-30T23:01:00.000+00:00", "2026-06-30T23:02:00.000+00:00")
    assert (paid["payment_reference"], paid["payment_state"]) == ("111111", "captured")
    assert (late["dialog"], late["turns"], late["outcome"], late["payment_reference"]) == ("late", "2", "failed", "")
    assert not any(number[4:] in file.read_text() for number in (PAYER, OTHER))


def test_files_are_turned_by_rows_and_are_what_their_manifest_says(runner: CliRunner, tmp_path: Path) -> None:
    manifest, files = _written(runner, tmp_path, "--rows", "1", "--format", "jsonl")
    assert [file.name for file in files] == [f"dialogs-{DAY}-0001.jsonl", f"dialogs-{DAY}-0002.jsonl"]
    for told, file in zip(manifest["files"], files, strict=True):
        assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert (told["rows"], told["bytes"]) == (1, file.stat().st_size)
        assert list(json.loads(file.read_text())) == manifest["columns"]
    before = {file.name: file.read_bytes() for file in files}
    again, same = _written(runner, tmp_path, "--rows", "1", "--format", "jsonl")
    assert (again, {file.name: file.read_bytes() for file in same}) == (manifest, before)


def test_what_a_longer_run_left_goes_and_other_days_stay(runner: CliRunner, tmp_path: Path) -> None:
    other = tmp_path / "dialogs-2026-07-02-0001.csv"
    other.touch()
    _written(runner, tmp_path, "--rows", "1")
    _, files = _written(runner, tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {files[0].name, other.name, f"dialogs-{DAY}.manifest.json"}


def test_a_day_without_dialogs_and_a_folder_that_is_none(runner: CliRunner, tmp_path: Path) -> None:
    done = runner.invoke(app, ["dialogs", str(tmp_path), "--day", "2020-01-01", "--json"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])
    assert json.loads((tmp_path / "dialogs-2020-01-01.manifest.json").read_text())["rows"] == 0
    assert runner.invoke(app, ["dialogs", str(tmp_path / "none")]).exit_code == 2
