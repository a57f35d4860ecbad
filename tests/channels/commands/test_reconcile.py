"""`khallas reconcile`: what it prints, what it writes, how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from channels.cli import app

FILE = "order_id,transaction_number,amount,date,type\nstranger,77,12.00,2026-11-20,Auth\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settlement.csv"
    path.write_text(FILE)
    return path


@pytest.fixture
def runner(database_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    return CliRunner()


def test_words_for_people(runner: CliRunner, file: Path) -> None:
    done = runner.invoke(app, ["reconcile", str(file)])
    assert done.exit_code == 0
    assert "1 rows read, 0 unreadable" in done.output
    assert "stranger  sale  ours -  theirs 12.00  no such payment" in done.output
    assert "again (run 2)" in runner.invoke(app, ["reconcile", str(file)]).output


def test_json_and_csv_for_programs(runner: CliRunner, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "queues.csv"
    done = runner.invoke(app, ["reconcile", str(file), "--json", "--csv", str(out)])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["missing_here"], told["findings_cut"]) == (0, 1, False)
    assert told["findings"][0] | {"theirs_centimes": 1200, "queue": "missing_here"} == told["findings"][0]
    assert out.read_text().splitlines() == [
        "queue,order_id,kind,transaction_number,ours,theirs,why",
        "missing_here,stranger,sale,77,,12.00,no such payment",
    ]


def test_a_file_of_something_else(runner: CliRunner, file: Path) -> None:
    file.write_text("a,b\n1,2\n")
    done = runner.invoke(app, ["reconcile", str(file)])
    assert (done.exit_code, "the header lacks amount, date, order_id" in done.output) == (1, True)


def test_columns_come_from_settings(runner: CliRunner, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHALLAS_SETTLEMENT__ORDER_ID", "OID")
    file.write_text(FILE.replace("order_id", "OID"))
    assert runner.invoke(app, ["reconcile", str(file)]).exit_code == 0
