"""Who sits at the desk of a server under trial, or would like to: odd words, foreign tokens, guesses, one byte."""

import asyncio
import json
import re
import sys

import aiohttp

from core.clock import SystemClock
from core.database.help_desk.audit import PgAudit
from core.database.pool import open_database
from core.help_desk.audit import Audit
from tests.e2e.demo import environment
from tests.security.trial import EVIL, PASSWORD, SESSION, Browser, Trial, routes


@SESSION
async def test_nothing_is_done_at_the_desk_without_a_session_and_its_token(trial: Trial) -> None:
    acts = [
        (path, re.sub(r"\{[^}]+\}", "1", path)) for path, method in routes() if method == "POST" and "/desk" in path
    ]
    assert len(acts) > 12
    for path, spelled in acts:
        for sent in ({}, {"Origin": f"https://{EVIL}"}, {"Cookie": "__Host-desk=x; desk=x"}):
            async with trial.http.post(
                trial.url + spelled, data={"csrf": "x"}, headers=sent, allow_redirects=False
            ) as no:
                assert no.status in {303, 403, 404, 400}, (path, no.status)
                assert no.headers.get("Location", "/desk/login").startswith("/desk/login"), path


@SESSION
async def test_odd_numbers_and_words_of_somebody_who_sits_there(trial: Trial) -> None:
    """Whoever is logged in sends what is no number, no id, no word: answered in words, and nothing breaks."""
    words = (
        "",
        "\x00",
        "\ud83d",
        "\u202e" * 50,
        "9" * 5_000,
        "é" * 9_000,
        "a\r\nb",
        "'; DROP TABLE users;--",
        "{0.__class__}",
    )
    numbers = ("9" * 19, "9" * 200, "9" * 5_000, "0", "-1", "%00", "01" + "A" * 24, "%F0%9F")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        browser = Browser(trial, http, "198.51.100.1")
        await browser.login()
        await trial.hashed_quickly()
        for path, method in sorted(set(routes())):
            if not path.startswith(("/desk", "/ops")) or "logout" in path or "login" in path or "sessions" in path:
                continue
            for odd in numbers if "{" in path else ("1",):
                spelled = re.sub(r"\{[^}]+\}", odd, path)
                for word in words if method == "POST" else ("",):
                    sent = word.encode("utf-8", "replace").decode()
                    named = ("q", "text", "comment", "number", "reason", "old", "new", "amount", "id", "line", "act")
                    form = dict.fromkeys(named, sent) | {"csrf": browser.token, "sure": "1"}
                    if path.endswith("/password"):
                        form["old"] = "wrong"
                    status, leads, _ = await browser.ask(method, spelled, form if method == "POST" else None)
                    assert status < 500, (method, path, odd[:20], word[:20], status)
                    assert not leads or leads.startswith("/"), (path, leads)
                    assert EVIL not in leads
    assert "Traceback" not in trial.log()


@SESSION
async def test_a_token_of_one_session_opens_no_other(trial: Trial) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        one, other = Browser(trial, http, "198.51.100.2"), Browser(trial, http, "198.51.100.3")
        await one.login()
        await other.login()
        assert (await other.ask("POST", "/desk/search", {"csrf": one.token, "q": "0600000001"}))[0] == 403
        assert (await other.ask("POST", "/desk/search", {"csrf": other.token, "q": "0600000001"}))[0] == 303


@SESSION
async def test_one_byte_changed_by_hand_is_found(trial: Trial) -> None:
    """In the desk's log, by whoever owns the tables and takes their triggers away."""
    url = trial.khallas.environ["KHALLAS_DATABASE_URL"]

    async def verified() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from khallas.cli.main import main; main()", "audit", "verify", "--json"),
            env=environment(**trial.khallas.environ), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, _ = await process.communicate()
        return process.returncode, told.decode()

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await Browser(trial, http, "198.51.100.4").login()
    async with open_database(url) as database:
        await Audit(PgAudit(database), SystemClock()).link()
        code, told = await verified()
        assert (code, json.loads(told)["ok"]) == (0, True), told
        await database.do("ALTER TABLE access_log DISABLE TRIGGER ALL")
        await database.do(
            "UPDATE access_log SET address = overlay(address PLACING '9' FROM 1 FOR 1) WHERE address <> ''"
        )
        code, told = await verified()
        assert (code, json.loads(told)["ok"]) == (1, False), told


@SESSION
async def test_wrong_passwords_from_everywhere_close_no_door_to_the_right_one(trial: Trial) -> None:
    """60 from twelve addresses and one /64, behind the proxy; then two hundred at once; the right one still enters."""
    places = [f"203.0.113.{n % 12 + 1}" if n % 2 else f"2001:db8:1:1::{n:x}" for n in range(200)]

    async def tried(place: str, password: str) -> int:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            headers = {"X-Forwarded-For": place, "X-Forwarded-Proto": "https"}
            async with http.get(trial.url + "/desk/login", headers=headers) as shown:
                token = re.search(r'name="csrf" value="([^"]+)"', await shown.text())
                cookies = "; ".join(f"{name}={value.value}" for name, value in shown.cookies.items())
            assert token is not None
            form = {"csrf": token[1], "name": "sami", "password": password}
            async with http.post(
                trial.url + "/desk/login", data=form, headers=headers | {"Cookie": cookies}, allow_redirects=False
            ) as answer:
                return answer.status

    await trial.hashed_quickly()
    wrong = await asyncio.gather(*(tried(place, f"wrong password {n}") for n, place in enumerate(places)))
    assert set(wrong) <= {401, 429, 503}  # the last: too many at once for a slow machine, nothing was looked at
    assert 429 in wrong
    assert wrong.count(401) <= 60 + 14 + 10  # an account's, then one a place and what passes at a slow pace
    assert await tried("198.51.100.7", PASSWORD) == 303
