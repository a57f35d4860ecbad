"""The khallas command from outside: exit codes, words and JSON, as scripts and people meet them."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core import VERSION
from khallas.cli.main import app
from lab.servers.postgres import Postgres
from tests.e2e.demo import ROOT, environment, khallas

NOBODY_THERE = "postgresql://khallas:s3cret@127.0.0.1:1/khallas"
SUBSCRIBERS = """\
service,reference,holder,contact_msisdn,email,payment_code,language
mobile,0600000001,Salma,0600000001,,482913,fr
mobile,nowhere,Salma,0600000001,,482913,fr
"""
INVOICES = """\
reference,number,period,amount,due_date
0600000001,171682062019,2019-05-01,769.20,2019-06-25
"""


@pytest.fixture
def migrated_url(postgres: Postgres, template_database: str) -> Iterator[str]:
    yield postgres.create("verbs", template_database)
    postgres.drop("verbs")


@pytest.mark.parametrize(
    "arguments",
    [(), ("nonsense",), ("import",), ("import", "/nowhere.csv"), ("demo", "--port", "0"), ("lookup",), ("config",)],
    ids=" ".join,
)
def test_usage_is_two(arguments: tuple[str, ...]) -> None:
    said = CliRunner().invoke(app, list(arguments))
    assert said.exit_code == 2
    assert "Usage:" in said.output


async def test_help_is_no_error() -> None:
    said = await khallas("--help")
    assert said.code == 0
    for verb in ("demo", "serve", "worker", "migrate", "import", "lookup", "config", "dial", "sms", "call"):
        assert verb in said.out


@pytest.mark.parametrize("verb", [("serve",), ("worker",), ("config", "check")], ids=" ".join)
async def test_what_is_missing_is_told_all_at_once(verb: tuple[str, ...]) -> None:
    said = await khallas(*verb, KHALLAS_PUBLIC_URL="http://pay.example.ma")
    assert (said.code, said.out) == (78, "")
    told = said.err.splitlines()
    assert "KHALLAS_DATABASE_URL is missing" in told
    assert "KHALLAS_REDIS_URL is missing" in told
    assert "KHALLAS_PUBLIC_URL must begin with https://" in told
    assert all(line.startswith("KHALLAS_") for line in told)


async def test_config_shows_no_secret() -> None:
    said = await khallas("config", "show", "--json", KHALLAS_CMI__PASSWORD="s3cret-password")
    assert (said.code, said.err) == (0, "")
    rows = {row["name"]: row for row in json.loads(said.out)}
    assert rows["KHALLAS_CMI__PASSWORD"]["source"] == "environment"
    assert "s3cret" not in said.out
    lines = (await khallas("config", "show", KHALLAS_CMI__PASSWORD="s3cret-password")).out
    assert "KHALLAS_HELP_NUMBER=777  # default: where customers get help" in lines
    assert "s3cret" not in lines


async def test_migrate_can_be_repeated(empty_database_url: str) -> None:
    before = await khallas("lookup", "0600000001", KHALLAS_DATABASE_URL=empty_database_url)
    assert (before.code, before.out) == (1, "")
    assert before.err.splitlines()[-1] == "the database has not this release's tables: run khallas migrate"
    first = await khallas("migrate", KHALLAS_DATABASE_URL=empty_database_url)
    again = await khallas("migrate", KHALLAS_DATABASE_URL=empty_database_url)
    assert (first.code, again.code) == (0, 0)
    assert first.out == again.out
    assert first.out.startswith("at ")


@pytest.mark.parametrize("verb", [("migrate",), ("lookup", "0600000001")], ids=lambda verb: verb[0])
async def test_a_database_that_is_away_is_one_line(verb: tuple[str, ...]) -> None:
    said = await khallas(*verb, KHALLAS_DATABASE_URL=NOBODY_THERE)
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("the database cannot be reached: ")
    assert "Traceback" not in said.err
    assert "s3cret" not in said.err


@pytest.mark.parametrize("verb", [("migrate",), ("lookup", "1"), ("import", __file__)], ids=lambda verb: verb[0])
async def test_without_a_database_setting(tmp_path: Path, verb: tuple[str, ...]) -> None:
    said = await khallas("--state", tmp_path, *verb)  # no demo runs there
    assert (said.code, said.out, said.err) == (78, "", "KHALLAS_DATABASE_URL is missing\n")


async def test_import_tells_what_it_would_do_and_does_it(tmp_path: Path, migrated_url: str) -> None:
    subscribers, invoices = tmp_path / "subscribers.csv", tmp_path / "invoices.csv"
    subscribers.write_text(SUBSCRIBERS)
    invoices.write_text(INVOICES)
    dry = await khallas("import", subscribers, "--dry-run", "--json", KHALLAS_DATABASE_URL=migrated_url)
    (told,) = json.loads(dry.out)
    assert (told["kind"], told["dry_run"], told["rows"], told["added"]) == ("subscribers", True, 2, 1)
    assert told["problems"] == [{"line": 3, "why": "reference: not a telephone number"}]
    assert dry.code == 1  # a row was refused
    real = await khallas("import", subscribers, invoices, KHALLAS_DATABASE_URL=migrated_url)
    assert real.out.splitlines() == [
        "subscribers.csv: 2 subscribers read, 1 were added, 0 changed, 0 unchanged, 1 refused",
        "  line 3: reference: not a telephone number",
        "invoices.csv: 1 invoices read, 1 were added, 0 changed, 0 unchanged, 0 refused",
    ]
    again = await khallas("import", invoices, "--json", KHALLAS_DATABASE_URL=migrated_url)
    assert again.code == 0
    assert json.loads(again.out)[0]["unchanged"] == 1


async def test_a_file_of_something_else_imports_nothing(tmp_path: Path, migrated_url: str) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xfe\x00\x01")
    files = (tmp_path / "other.csv", tmp_path / "picture.csv")
    said = await khallas("import", *files, KHALLAS_DATABASE_URL=migrated_url)
    assert said.code == 1
    other, picture = said.out.splitlines()
    assert other.startswith("other.csv: line 1 is no header of ours: it names neither")
    assert picture.startswith("picture.csv: line 1 is no header of ours")  # two bytes that mark UTF-16, and no words
    assert picture.endswith("nothing was imported")


async def test_lookup_of_nothing(migrated_url: str) -> None:
    said = await khallas("lookup", "0600000001", KHALLAS_DATABASE_URL=migrated_url)
    assert (said.code, said.out, said.err) == (1, "", "nothing found\n")
    told = await khallas("lookup", "0600000001", "--json", KHALLAS_DATABASE_URL=migrated_url)
    assert (told.code, told.out, told.err) == (1, "[]\n", "")


async def test_the_version_is_told_three_ways() -> None:
    said = [await khallas(*how) for how in (("--version",), ("version",), ("version", "--json"))]
    assert [each.code for each in said] == [0, 0, 0]
    assert said[0].out == said[1].out == f"{VERSION}\n"
    assert json.loads(said[2].out) == {"version": VERSION}


async def test_migrate_tells_programs_where_it_is(migrated_url: str) -> None:
    said = await khallas("migrate", "--json", KHALLAS_DATABASE_URL=migrated_url)
    assert set(json.loads(said.out)) == {"at"}


@pytest.mark.parametrize(
    ("verb", "code", "error"),
    [
        (("lookup", "1"), 1, "the database cannot be reached"),
        (("migrate",), 1, "the database cannot be reached"),
        (("balance",), 1, "the database cannot be reached"),
        (("user", "list"), 1, "khallas: the database cannot be reached"),
        (("chargeback", "list"), 1, "the database cannot be reached"),
        (("audit", "verify"), 1, "khallas: the database cannot be reached"),
        (("import", "/nowhere.csv"), 2, "Invalid value for '"),
        (("balance", "--on", "yesterday"), 2, "Invalid value for --on"),
        (("lookup",), 2, "Missing argument 'REFERENCE'."),
        (("nonsense",), 2, "No such command 'nonsense'."),
        (("dial", "*1118#"), 2, "*1118# is another service's code"),
        (("dial", "--url", "http://127.0.0.1:1"), 1, "khallas: no answer from http://127.0.0.1:1"),
        (("voice", "check", "--out", __file__), 2, "Invalid value for '--out'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
async def test_a_failure_under_json_is_json(verb: tuple[str, ...], code: int, error: str) -> None:
    said = await khallas(*verb, "--json", KHALLAS_DATABASE_URL=NOBODY_THERE)
    told = json.loads(said.out)
    assert (said.code, told["code"]) == (code, code), said
    assert error.casefold() in told["error"].casefold()  # an argument's letters are the help formatter's


async def test_bad_settings_under_json_are_json(tmp_path: Path) -> None:
    said = await khallas("--state", tmp_path, "lookup", "1", "--json")
    assert (said.code, json.loads(said.out)) == (78, {"error": "KHALLAS_DATABASE_URL is missing", "code": 78})


@pytest.mark.parametrize(("verb", "absent"), [("demo", "aiosmtpd"), ("dial", "lab")])
async def test_an_installation_without_stand_ins_says_so(verb: str, absent: str) -> None:
    without = f"import sys; sys.modules[{absent!r}] = None; from khallas.cli.main import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", without, verb), cwd=ROOT, env=environment(), stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert (process.returncode, out, err.count(b"\n")) == (1, b"", 1)
    assert b"./run demo has them" in err
