"""`khallas events` over a real database, and the worker's relay that sends what it added."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from khallas.cli.main import app

KEY = "mJ4xVt9QbL2wZ8cRk6YpN3dH7sFgT1uE"
Khallas = Callable[..., tuple[int, Any]]


@pytest.fixture
def khallas(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Khallas:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    monkeypatch.setenv("KHALLAS_SECRET_KEYS", KEY)
    monkeypatch.setenv("KHALLAS_EVENTS__PRIVATE_NETWORKS", "127.0.0.0/8")

    def run(*words: str) -> tuple[int, Any]:
        done = CliRunner().invoke(app, ["events", *words])
        return done.exit_code, json.loads(done.stdout) if "--json" in words and done.exit_code == 0 else done.output

    return run


def test_an_endpoint_is_added_listed_rotated_and_removed_and_all_of_it_is_logged(
    khallas: Khallas, database_url: str
) -> None:
    code, made = khallas("add", "crm", "https://crm.example.ma/hook?key=hidden", "--type", "payment.captured", "--json")
    assert code == 0
    assert made["secret"].startswith("whsec_")
    _, listed = khallas("list", "--json")
    assert [each["name"] for each in listed] == ["crm"]
    assert listed[0]["types"] == ["payment.captured"]
    assert "hidden" not in json.dumps(listed)
    assert "secret" not in listed[0]
    _, rotated = khallas("rotate", "crm", "--json")
    assert rotated["secret"] not in ("", made["secret"])
    assert khallas("resend", "crm")[0] == 1  # nothing is dead
    assert khallas("remove", "crm")[0] == 0
    assert khallas("list", "--json")[1] == []
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT detail FROM access_log WHERE action = 'events' ORDER BY id").fetchall()
    assert [row[0] for row in rows] == ["add crm", "rotate crm", "resend crm: 0", "remove crm"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "crm", "http://crm.example.ma/"), "https://"),
        (("add", "crm", "http://8.8.8.8/"), "https://"),
        (("add", "CRM", "https://crm.example.ma/"), "small letters"),
        (("add", "crm", "https://crm.example.ma/", "--type", "payment.paid"), "known are"),
        (("rotate", "crm"), "no endpoint crm"),
        (("remove", "crm"), "no endpoint crm"),
        (("resend", "crm"), "no endpoint crm"),
        (("enable", "crm"), "no endpoint crm"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(khallas: Khallas, words: tuple[str, ...], said: str) -> None:
    code, told = khallas(*words)
    assert code == 1
    assert said in told
    assert "Traceback" not in told


def test_a_name_is_taken_once(khallas: Khallas) -> None:
    assert khallas("add", "crm", "https://crm.example.ma/")[0] == 0
    code, told = khallas("add", "crm", "https://crm.example.ma/")
    assert code == 1
    assert "there already" in told
