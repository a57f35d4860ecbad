"""`khallas chargeback`: good rows entered, bad ones told with their lines, and what wants an answer listed."""

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from khallas.cli.main import app

HEADER = "case_id,order_id,reason_code,amount,received_on,deadline\n"
PAYMENT = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    language, channel, bills, amount_centimes, currency, created_at, expires_at, paid_at)
VALUES ('P1', 'k', 'f', '1', 'captured', 'mobile', '0600000001', '', 'fr', 'ussd', '[]', 76920, 'MAD', now(), now(),
    now())
"""


@pytest.fixture
def runner(database_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    with psycopg.connect(database_url) as connection:
        connection.execute(PAYMENT)
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    return CliRunner()


def test_a_file_is_entered_and_can_be_repeated(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "chargebacks.csv"
    good = 'CB-1,P1,10.4,"769,20",2026-11-20,2026-12-05\n'
    file.write_text(HEADER + good + "CB-2,nobody,10.4,1.00,2026-11-20,2026-12-05\nCB-3,P1,10.4,1.165,x,y\n")
    for _ in range(2):
        done = runner.invoke(app, ["chargeback", "import", str(file), "--json"])
        told = json.loads(done.stdout)
        assert (done.exit_code, told["rows"], told["entered"]) == (1, 3, 1)
        assert [each["line"] for each in told["refused"]] == [3, 4]
    (open_,) = json.loads(runner.invoke(app, ["chargeback", "list", "--json"]).stdout)
    assert (open_["case_id"], open_["amount_centimes"], open_["deadline"]) == ("CB-1", 76920, "2026-12-05")
    file.write_text(HEADER + good)
    assert runner.invoke(app, ["chargeback", "import", str(file)]).exit_code == 0
    assert "769.20  received" in runner.invoke(app, ["chargeback", "list"]).output


def test_a_quote_that_nobody_closes_loses_no_other_dispute(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "chargebacks.csv"
    broken = '"CB-1,P1,10.4,1.00,2026-11-20,2026-12-05\n'
    good = "".join(f'CB-{number},P1,10.4,"{number},00\u00a0DH",2026-11-20,2026-12-05\n' for number in (2, 3))
    file.write_bytes(f"sep=,\n{HEADER}{broken}{good}".encode("cp1252"))
    told = json.loads(runner.invoke(app, ["chargeback", "import", str(file), "--json"]).stdout)
    assert (told["rows"], told["entered"], [each["line"] for each in told["refused"]]) == (3, 2, [3])


@pytest.mark.parametrize("header", ["a,b\n", HEADER.strip() + ",amount\n"])
def test_another_file_is_refused(runner: CliRunner, tmp_path: Path, header: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(header)
    done = runner.invoke(app, ["chargeback", "import", str(file)])
    assert (done.exit_code, "nothing was entered" in done.output) == (1, True)
