"""`khallas user` and `khallas privacy` as an operator types them."""

import json

import psycopg
import pytest
import redis
from typer.testing import CliRunner, Result

from core.help_desk.accounts import hasher
from khallas.cli.main import app
from tests.support.shop import LINES, PAYER

PASSWORD = "twelve or more characters, 7"


@pytest.fixture
def environ(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    monkeypatch.setenv("KHALLAS_REDIS_URL", redis_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(LINES)
    return database_url


def khallas(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed)


def log_of(database_url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT role, action, detail FROM access_log ORDER BY id").fetchall()


def test_accounts_are_made_listed_and_ended(environ: str) -> None:
    made = khallas("user", "add", "Amal", "--role", "agent", "--json", typed=PASSWORD + "\n")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["name"] == "amal"
    assert khallas("user", "add", "sami", "--role", "supervisor", typed=PASSWORD).exit_code == 0
    assert khallas("user", "password", "amal", typed="other words, 31 of them\n").exit_code == 0
    assert khallas("user", "disable", "sami").exit_code == 0
    listed = khallas("user", "list")
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [["amal", "agent"], ["sami", "supervisor"]]
    assert "disabled" in listed.stdout.splitlines()[1]
    for output in (made.output, listed.output, khallas("user", "list", "--json").output):
        assert "argon2" not in output
        assert PASSWORD not in output
    with psycopg.connect(environ) as connection:
        row = connection.execute("SELECT password_hash FROM desk_users WHERE name = 'amal'").fetchone()
    assert row is not None
    assert hasher().verify(row[0], "other words, 31 of them")
    assert log_of(environ) == [
        ("operator", "account", "add agent amal"),
        ("operator", "account", "add supervisor sami"),
        ("operator", "account", "password amal"),
        ("operator", "account", "disable sami"),
    ]


def test_second_factors_are_given_once_and_taken(environ: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert khallas("user", "add", "amal", "--role", "agent", "--totp", typed=PASSWORD).exit_code == 1  # no key to seal
    monkeypatch.setenv("KHALLAS_SECRET_KEYS", "a-secret-of-the-tests")
    made = khallas("user", "add", "sami", "--role", "supervisor", "--totp", typed=PASSWORD)
    assert made.exit_code == 0, made.output
    assert "otpauth://totp/Khallas%3Asami?secret=" in made.stdout
    assert made.stdout.count("-") >= 5 * 8
    listed = json.loads(khallas("user", "list", "--json").stdout)
    assert {each["name"]: each["second_factor"] for each in listed} == {"amal": False, "sami": True}
    again = json.loads(khallas("user", "totp", "sami", "--json").stdout)
    assert len(again["recovery_codes"]) == 8
    assert again["secret"] not in made.stdout
    assert khallas("user", "totp", "sami", "--remove").exit_code == 0
    assert not any(each["second_factor"] for each in json.loads(khallas("user", "list", "--json").stdout))
    assert khallas("user", "totp", "nobody").exit_code == 1
    details = [str(detail) for _, _, detail in log_of(environ)]
    assert details[:2] == ["add agent amal", "add supervisor sami"]
    assert details[2:] == ["second factor sami", "second factor sami", "second factor taken from sami"]


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (("user", "add", "amal", "--role", "agent"), "short\n", "12 to 128"),
        (("user", "add", "amal", "--role", "agent"), "", "12 to 128"),
        (("user", "add", "1", "--role", "agent"), PASSWORD, "a name has"),
        (("user", "password", "nobody"), PASSWORD, "there is no nobody"),
        (("user", "disable", "nobody"), "", "there is no nobody"),
        (("privacy", "export", "nobody"), "", "not a telephone number"),
        (("privacy", "correct", PAYER), "", "say what to correct"),
        (("privacy", "correct", PAYER, "--email", "x"), "", "e-mail"),
    ],
)
def test_mistakes_are_one_line_and_exit_1(environ: str, arguments: tuple[str, ...], typed: str, words: str) -> None:
    result = khallas(*arguments, typed=typed)
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert log_of(environ) == []


def test_a_role_must_be_told_and_known(environ: str) -> None:
    assert khallas("user", "add", "amal", typed=PASSWORD).exit_code == 2
    assert khallas("user", "add", "amal", "--role", "king", typed=PASSWORD).exit_code == 2
    assert khallas("user", "add", "amal", "--password", PASSWORD).exit_code == 2


def test_a_person_s_data_is_told_corrected_and_erased(environ: str, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"kh:{{{PAYER}}}:ussd:dialog", "record")
    corrected = khallas("privacy", "correct", "0600000001", "--language", "ar", "--json")
    assert json.loads(corrected.stdout) == {"remembered": 1, "payments": 0, "lines": 1}
    told = json.loads(khallas("privacy", "export", "0600000001").stdout)
    assert (told["msisdn"], told["remembered"][0]["language"]) == (PAYER, "ar")
    assert told["conversations"] == ["ussd:dialog"]
    assert khallas("privacy", "erase", PAYER, typed="n\n").exit_code == 1
    erased = json.loads(khallas("privacy", "erase", PAYER, "--yes", "--json").stdout)
    assert (erased["erased"]["remembered"], erased["erased"]["conversations"]) == (1, 1)
    words = khallas("privacy", "erase", PAYER, "--yes").stdout
    assert "consents: " in words
    assert json.loads(khallas("privacy", "export", PAYER).stdout)["remembered"] == []
    assert [row[1] for row in log_of(environ)] == ["correct", "export", "erase", "erase", "export"]


def test_a_server_that_is_away_is_said_in_one_line(
    environ: str, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHALLAS_REDIS_URL", f"redis://127.0.0.1:{unused_port}")
    result = khallas("privacy", "erase", PAYER, "--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith("khallas: Redis cannot be reached")


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
