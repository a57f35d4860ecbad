"""`khallas acquirer`: who charges cards, and the operator's word that changes it; `khallas reconcile --acquirer`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from khallas.cli.main import app

FILE = "order_id,transaction_number,amount,date,type\nstranger,77,12.00,2026-11-20,Auth\n"


@pytest.fixture
def runner(database_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    monkeypatch.setenv("KHALLAS_CMI__URL", "https://cmi.example/api")
    monkeypatch.setenv("KHALLAS_ACQUIRERS__BANK__KIND", "cmi")
    monkeypatch.setenv("KHALLAS_ACQUIRERS__BANK__NAME", "Second Bank")
    monkeypatch.setenv("KHALLAS_ACQUIRERS__BANK__OPTIONS__URL", "https://bank.example/api")
    return CliRunner()


def states(runner: CliRunner) -> dict[str, dict[str, Any]]:
    told = json.loads(runner.invoke(app, ["acquirer", "list", "--json"]).stdout)
    return {each["id"]: each for each in told["acquirers"]}


def test_one_is_drained_and_taken_back(runner: CliRunner) -> None:
    assert {name: each["state"] for name, each in states(runner).items()} == {"cmi": "on", "bank": "on"}
    assert "bank is draining" in runner.invoke(app, ["acquirer", "drain", "bank"]).output
    drained = states(runner)
    assert (drained["bank"]["state"], drained["cmi"]["state"]) == ("draining", "on")
    assert drained["bank"]["answers_until"] > drained["bank"]["since"]
    lines = runner.invoke(app, ["acquirer", "list"]).output.splitlines()
    assert lines[1].startswith("bank (Second Bank): draining, answers until ")
    runner.invoke(app, ["acquirer", "on", "bank"])
    assert (states(runner)["bank"]["state"], states(runner)["bank"]["answers_until"]) == ("on", None)


def test_a_name_of_no_acquirer_is_refused(runner: CliRunner) -> None:
    done = runner.invoke(app, ["acquirer", "drain", "other"])
    assert (done.exit_code, "known are cmi, bank" in done.output) == (2, True)
    assert {each["state"] for each in states(runner).values()} == {"on"}


def test_each_acquirers_file_is_read_in_its_own_words(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHALLAS_ACQUIRERS__BANK__SETTLEMENT__ORDER_ID", "OID")
    file = tmp_path / "settlement.csv"
    file.write_text(FILE.replace("order_id", "OID"))
    first = runner.invoke(app, ["reconcile", str(file)])
    assert (first.exit_code, "the header lacks order_id" in first.output) == (1, True)
    its = runner.invoke(app, ["reconcile", str(file), "--acquirer", "bank"])
    assert (its.exit_code, "stranger  sale  ours -  theirs 12.00  no such payment" in its.output) == (1, True)
