"""`khallas report`: a day's sums on the terminal, as JSON, and in files that a spreadsheet and a printer open."""

import csv
import io
import json
from pathlib import Path

from pypdf import PdfReader
from typer.testing import CliRunner

from khallas.cli.main import app
from tests.khallas.cli.test_ledger_verbs import runner

__all__ = ["runner"]


def test_a_day_on_the_terminal_and_as_json(runner: CliRunner) -> None:
    done = runner.invoke(app, ["report"])
    assert done.exit_code == 0, done.output
    head, _, row, total = done.output.splitlines()
    assert head.endswith("(not over)")
    assert row.split() == ["cmi", "-", "1", "0", "769.20", "0.00", "769.20", "0.00", "0.00", "0.00", "0.00", "769.20"]
    assert total.split()[1:] == row.split()[2:]
    told = json.loads(runner.invoke(app, ["report", "--json"]).stdout)
    assert (told["over"], told["total"]["taken_centimes"], told["total"]["net_centimes"]) == (False, 76920, 76920)
    assert told["rows"][0]["acquirer"] == "cmi"


def test_its_files_open_in_a_spreadsheet_and_print(runner: CliRunner, tmp_path: Path) -> None:
    sums, moved, pdf = tmp_path / "sums.csv", tmp_path / "moved.csv", tmp_path / "day.pdf"
    files = ["--csv", sums, "--movements", moved, "--pdf", pdf, "--language", "ar"]
    done = runner.invoke(app, ["report", *map(str, files)])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(io.StringIO(sums.read_bytes().decode("utf-8-sig"))))
    assert [(row["acquirer"], row["balance"]) for row in rows] == [("cmi", "769.20"), ("total", "769.20")]
    (movement,) = csv.DictReader(io.StringIO(moved.read_bytes().decode("utf-8-sig")))
    assert (movement["kind"], movement["payment"], movement["amount"]) == ("payment", "01PAID", "769.20")
    assert sums.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "769,20" in PdfReader(pdf).pages[0].extract_text()


def test_an_earlier_day_is_over_and_empty_and_what_is_no_day_is_refused(runner: CliRunner) -> None:
    done = runner.invoke(app, ["report", "--day", "2020-01-01"])
    assert (done.exit_code, done.output.splitlines()[0]) == (0, "2020-01-01")
    assert "769.20" not in done.output
    assert runner.invoke(app, ["report", "--day", "29/11/2026"]).exit_code == 2


def test_a_file_that_cannot_be_written_is_one_line(runner: CliRunner, tmp_path: Path) -> None:
    done = runner.invoke(app, ["report", "--csv", str(tmp_path / "no" / "such" / "folder.csv")])
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
