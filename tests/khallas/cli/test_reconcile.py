"""`khallas reconcile`: what it prints, what it writes, how it ends."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from khallas.cli.main import app

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
    assert done.exit_code == 1  # something is to be looked at
    assert "1 rows read, 0 unreadable" in done.output
    assert "stranger  sale  ours -  theirs 12.00  no such payment" in done.output
    assert "again (run 2)" in runner.invoke(app, ["reconcile", str(file)]).output


def test_json_and_csv_for_programs(runner: CliRunner, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "queues.csv"
    done = runner.invoke(app, ["reconcile", str(file), "--json", "--csv", str(out)])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["missing_here"], told["findings_cut"]) == (1, 1, False)
    assert told["findings"][0] | {"theirs_centimes": 1200, "queue": "missing_here"} == told["findings"][0]
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")  # a spreadsheet knows it as UTF-8 by this
    header, row = out.read_text(encoding="utf-8-sig").splitlines()
    assert header == "queue,order_id,kind,transaction_number,ours,theirs,why,line,finding,found_at,owner"
    assert row.startswith("missing_here,stranger,sale,77,,12.00,no such payment,,")


def test_a_file_of_something_else(runner: CliRunner, file: Path) -> None:
    file.write_text("a,b\n1,2\n")
    done = runner.invoke(app, ["reconcile", str(file)])
    assert (done.exit_code, "the header lacks amount, date, order_id" in done.output) == (1, True)
    told = json.loads(runner.invoke(app, ["reconcile", str(file), "--json"]).stdout)
    assert "the header lacks amount" in told["error"]


def test_columns_come_from_settings(runner: CliRunner, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHALLAS_SETTLEMENT__ORDER_ID", "OID")
    file.write_text(FILE.replace("order_id", "OID"))
    assert "no such payment" in runner.invoke(app, ["reconcile", str(file)]).output


def test_a_file_that_agrees_ends_well(runner: CliRunner, file: Path) -> None:
    file.write_text(FILE.splitlines()[0] + "\n")
    assert runner.invoke(app, ["reconcile", str(file)]).exit_code == 0


def test_rows_that_cannot_be_read_are_told_with_their_lines(runner: CliRunner, file: Path, tmp_path: Path) -> None:
    file.write_text(FILE + "x,1,1.165,2026-11-20,Auth\n\ny,1,1.00,29/11/2026,Auth\n")
    out = tmp_path / "queues.csv"
    done = runner.invoke(app, ["reconcile", str(file), "--csv", str(out)])
    assert "line 3: the amount cannot be read" in done.output
    assert "line 5: the date is not written like 2026-11-29" in done.output
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert [row["line"] for row in rows if row["queue"] == "unreadable"] == ["3", "5"]


@pytest.mark.parametrize("cell", ['=HYPERLINK(""http://x"")', "@SUM(1+9)*cmd", "-2+3", "+1", "\uff1d1"])
def test_no_cell_of_theirs_is_a_formula_in_ours(runner: CliRunner, file: Path, tmp_path: Path, cell: str) -> None:
    file.write_text(f'order_id,amount,date\n"{cell}",12.00,2026-11-20\n')
    out = tmp_path / "queues.csv"
    runner.invoke(app, ["reconcile", str(file), "--csv", str(out)])
    (row,) = csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines())
    assert row["order_id"] == "'" + cell.replace('""', '"')


def test_a_wallets_statement_has_columns_of_its_own(
    runner: CliRunner, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHALLAS_WALLETS__NEQDI__WIRE", "gsma")
    monkeypatch.setenv("KHALLAS_WALLETS__NEQDI__SETTLEMENT_ORDER_ID", "Notre reference")
    file.write_text(FILE.replace("order_id", "Notre reference"))
    done = runner.invoke(app, ["reconcile", str(file), "--wallet", "neqdi"])
    assert "stranger  sale  ours -  theirs 12.00  no such payment" in done.output
    assert "lacks order_id" in runner.invoke(app, ["reconcile", str(file)]).output
    unknown = runner.invoke(app, ["reconcile", str(file), "--wallet", "other"])
    assert "other is no wallet of the settings; known are neqdi" in str(unknown.exception)
    monkeypatch.setenv("KHALLAS_WALLETS__NEQDI__SETTLEMENT_COLOUR", "blue")
    wrong = runner.invoke(app, ["reconcile", str(file), "--wallet", "neqdi"])
    assert "KHALLAS_WALLETS__NEQDI__SETTLEMENT_COLOUR is no column" in str(wrong.exception)
