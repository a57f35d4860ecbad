"""`khallas import`: errors with their lines into a file, whole files or nothing, and a pull by TMF678 instead."""

import asyncio
import csv
import json
import os
from pathlib import Path

import pytest

from core.database.pool import open_database
from lab.servers.serving import serving
from lab.tmf import TOKEN, BillingStandIn
from tests.e2e.demo import KHALLAS, ROOT, environment
from tests.support.verbs import verb
from tests.support.waiting import until

SUBSCRIBERS = "service,reference,holder,contact_msisdn,email,payment_code,language\n"
INVOICES = "reference,number,period,amount,due_date\n"
LINE = "mobile,0600000001,Salma,0600000001,,482913,fr\n"


def _bill(number: int, reference: str = "0600000001", amount: str = "10.00") -> str:
    return f"{reference},{number:016d},2026-10-01,{amount},2026-11-25\n"


async def _count(database_url: str, table: str = "invoices") -> int:
    async with open_database(database_url) as database:
        row = await database.one(f"SELECT count(*) AS n FROM {table}")  # noqa: S608 - a table of ours
    assert row
    return int(row["n"])


async def test_every_refused_row_goes_into_the_file_with_its_line(tmp_path: Path, database_url: str) -> None:
    lines, bills, errors = tmp_path / "subscribers.csv", tmp_path / "invoices.csv", tmp_path / "errors.csv"
    lines.write_text(SUBSCRIBERS + LINE)
    unknown = "".join(_bill(number, "0699999999") for number in range(1_500))
    bills.write_text(INVOICES + _bill(1) + _bill(2, amount="ten") + unknown)
    said = await verb("import", "--json", "--errors", errors, lines, bills, KHALLAS_DATABASE_URL=database_url)
    assert said.code == 1
    report = json.loads(said.out)[1]
    assert (report["rows"], report["added"], report["problems_count"]) == (1_502, 1, 1_501)
    assert report["rows_per_s"] > 0
    with errors.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1_501
    assert rows[0] == {
        "file": "invoices.csv",
        "line": "3",
        "why": "amount: an amount is written like 769.20",
        "row": f"0600000001,{2:016d},2026-10-01,ten,2026-11-25",
    }
    assert rows[1]["row"].startswith(f"0699999999,{0:016d},2026-10-01,10.0")
    assert {row["why"] for row in rows[1:]} == {"reference: no line of this reference"}
    assert [int(row["line"]) for row in rows[1:]] == list(range(4, 1_504))


async def test_a_dry_run_knows_what_the_same_command_would_bring(tmp_path: Path, database_url: str) -> None:
    lines, bills = tmp_path / "subscribers.csv", tmp_path / "invoices.csv"
    lines.write_text(SUBSCRIBERS + LINE)
    bills.write_text(INVOICES + _bill(1) + _bill(2, "0699999999"))
    counts = []
    for how in (("--dry-run",), ("--dry-run",), ()):
        said = await verb("import", "--json", *how, lines, bills, KHALLAS_DATABASE_URL=database_url)
        counts.append([(r["added"], r["problems_count"]) for r in json.loads(said.out)])
        assert await _count(database_url) == (0 if how else 1)
    assert counts == [[(1, 0), (1, 1)]] * 3


async def test_refused_rows_are_told_in_line_order_and_as_no_formula(tmp_path: Path, database_url: str) -> None:
    lines, bills, errors = tmp_path / "subscribers.csv", tmp_path / "invoices.csv", tmp_path / "errors.csv"
    lines.write_text(SUBSCRIBERS + LINE)
    bills.write_text(INVOICES + _bill(1, "0699999999") + _bill(2, amount="ten") + "=1+1" + _bill(3) + "x;y\n")
    said = await verb("import", "--errors", errors, lines, bills, KHALLAS_DATABASE_URL=database_url)
    assert said.code == 1
    with errors.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["line"] for row in rows] == ["2", "3", "4", "5"]
    assert rows[2]["row"].startswith("'=1+1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_what_excel_saves_is_read(tmp_path: Path, database_url: str, encoding: str) -> None:
    lines, bills = tmp_path / "subscribers.csv", tmp_path / "invoices.csv"
    text = "sep=;\r\n" + (SUBSCRIBERS.upper() + LINE).replace(",", ";").replace("\n", "\r\n") + ";;;;;;\r\n" * 9
    lines.write_bytes(text.replace("Salma", "Salma\xa0Élodie \u200fسلمى").encode(encoding))
    bills.write_bytes((INVOICES + _bill(1) + ",,,,\n").replace(",", "\t").encode(encoding))
    said = await verb("import", "--json", lines, bills, KHALLAS_DATABASE_URL=database_url)
    assert (said.code, [r["added"] for r in json.loads(said.out)]) == (0, [1, 1]), said.out
    async with open_database(database_url) as database:
        row = await database.one("SELECT holder FROM lines")
    assert row == {"holder": "Salma Élodie سلمى"}


@pytest.mark.parametrize("encoding", ["cp1252", "cp1256"])
@pytest.mark.parametrize("holder", ["Sélma", "Hélène d’Été", "Françoise « à »"])
async def test_what_a_french_excel_saves_as_csv_is_read(
    tmp_path: Path, database_url: str, encoding: str, holder: str
) -> None:
    """Its own alphabet and an Arabic machine's have these letters in the same place."""
    lines = tmp_path / "subscribers.csv"
    lines.write_bytes((SUBSCRIBERS + LINE.replace("Salma", holder)).encode(encoding, "xmlcharrefreplace"))
    said = await verb("import", lines, KHALLAS_DATABASE_URL=database_url)
    if "É" in holder and encoding == "cp1256":  # it has no such letter
        return
    assert said.code == 0, said.out
    async with open_database(database_url) as database:
        assert await database.one("SELECT holder FROM lines") == {"holder": holder}


@pytest.mark.parametrize(("holder", "encoding"), [("سلمى", "cp1256"), ("Ó á", "cp1252"), ("سلمى", "iso8859-6")])
async def test_a_file_in_another_alphabet_is_told_as_one(
    tmp_path: Path, database_url: str, holder: str, encoding: str
) -> None:
    lines = tmp_path / "subscribers.csv"
    lines.write_bytes((SUBSCRIBERS + LINE.replace("Salma", holder)).encode(encoding))
    said = await verb("import", lines, KHALLAS_DATABASE_URL=database_url)
    assert (said.code, "CSV UTF-8" in said.out) == (1, True)


async def test_a_file_that_breaks_off_in_garbage_leaves_nothing(tmp_path: Path, database_url: str) -> None:
    lines, bills = tmp_path / "subscribers.csv", tmp_path / "invoices.csv"
    lines.write_text(SUBSCRIBERS + LINE)
    bills.write_bytes((INVOICES + "".join(_bill(number) for number in range(20_000))).encode() + b"\xff\xfe\x00")
    said = await verb("import", lines, bills, KHALLAS_DATABASE_URL=database_url)
    assert said.code == 1
    assert "nothing was imported" in said.out
    assert (await _count(database_url, "lines"), await _count(database_url)) == (1, 0)


async def test_an_import_that_is_killed_leaves_nothing(tmp_path: Path, database_url: str) -> None:
    lines, pipe = tmp_path / "subscribers.csv", tmp_path / "invoices.csv"
    lines.write_text(SUBSCRIBERS + LINE)
    assert (await verb("import", lines, KHALLAS_DATABASE_URL=database_url)).code == 0
    os.mkfifo(pipe)
    process = await asyncio.create_subprocess_exec(
        *KHALLAS, "import", str(pipe), cwd=ROOT, env=environment(KHALLAS_DATABASE_URL=database_url)
    )
    fed = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
    await asyncio.to_thread(os.write, fed, (INVOICES + "".join(_bill(number) for number in range(500))).encode())

    await until(lambda: _copying(database_url))
    process.kill()
    await process.wait()
    os.close(fed)
    await until(lambda: _idle(database_url))
    assert await _count(database_url) == 0


async def _copying(database_url: str) -> bool:
    busy = """
SELECT 1 AS one FROM pg_stat_activity
WHERE query LIKE '%%COPY staged%%' AND datname = current_database() AND pid <> pg_backend_pid()
"""
    async with open_database(database_url) as database:
        return await database.one(busy) is not None


async def _idle(database_url: str) -> bool:
    return not await _copying(database_url)


async def test_bills_are_pulled_by_tmf678_all_or_none(tmp_path: Path, database_url: str) -> None:
    lines = tmp_path / "subscribers.csv"
    lines.write_text(SUBSCRIBERS + LINE + "mobile,0600000002,Omar,0600000002,,482914,fr\n")
    standin = BillingStandIn()
    standin.add_bill("0600000001", "0000171682062019", "769.20", "2026-10")
    standin.add_bill("0600000002", "0000171682062020", "12.00", "2026-09")
    settings = {"KHALLAS_DATABASE_URL": database_url, "KHALLAS_BILLING__TOKEN": TOKEN}
    assert (await verb("import", lines, **settings)).code == 0
    async with serving(standin.app()) as url:
        said = await verb("import", "--json", "--tmf", f"{url}/tmf-api", **settings)
        assert (said.code, json.loads(said.out)[0]["added"]) == (0, 2), said.err
        again = await verb("import", "--json", "--tmf", f"{url}/tmf-api", **settings)
        assert json.loads(again.out)[0]["unchanged"] == 2
    standin.add_bill("0600000001", "0000171682062021", "1.00", "2026-11")
    refused = await verb("import", "--tmf", "http://127.0.0.1:1/tmf-api", **settings)
    assert refused.code == 1
    assert "nothing was imported" in refused.err
    assert await _count(database_url) == 2


async def test_a_whole_file_withdraws_what_it_leaves_out(tmp_path: Path, database_url: str) -> None:
    lines, bills = tmp_path / "subscribers.csv", tmp_path / "invoices.csv"
    lines.write_text(SUBSCRIBERS + LINE)
    bills.write_text(INVOICES + _bill(1) + _bill(2) + _bill(3))
    await verb("import", lines, bills, KHALLAS_DATABASE_URL=database_url)
    bills.write_text(INVOICES + _bill(1))
    careful = await verb("import", "--whole", bills, KHALLAS_DATABASE_URL=database_url)
    assert (careful.code, "is this the whole file?; nothing was imported" in careful.out) == (1, True)
    sure = await verb("import", "--whole", "--yes", bills, KHALLAS_DATABASE_URL=database_url)
    assert (sure.code, "no longer owed: 2 were withdrawn" in sure.out) == (0, True)
    both = await verb("import", "--whole", lines, bills, KHALLAS_DATABASE_URL=database_url)
    assert both.code == 2


@pytest.mark.parametrize("told", ["0", "1"])
async def test_addresses_beyond_ascii_follow_the_setting(tmp_path: Path, database_url: str, told: str) -> None:
    lines = tmp_path / "subscribers.csv"
    lines.write_text(SUBSCRIBERS + LINE.replace(",,", ",h\u00e9l\u00e8ne@example.com,"), encoding="utf-8")
    said = await verb("import", lines, KHALLAS_DATABASE_URL=database_url, KHALLAS_MAIL_UTF8=told)
    taken = told == "1"
    assert (said.code, await _count(database_url, "lines")) == ((0, 1) if taken else (1, 0)), said.out


async def test_nothing_to_import_is_a_mistake_of_usage(database_url: str) -> None:
    assert (await verb("import", KHALLAS_DATABASE_URL=database_url)).code == 2
