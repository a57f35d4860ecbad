"""Accounts and the log at the desk: an administrator's alone, who decides about no money; all of it is logged."""

import csv
import io
import re
from html import unescape

import pytest

from core.help_desk.administration import fresh_password
from core.help_desk.passwords import fault
from core.languages import LanguageCode
from tests.channels.web.desk_site import PASSWORD, DeskSite, Seat, make_accounts

OWN = "words of my own, 41"


async def administrator(site: DeskSite) -> Seat:
    """Sofia, from now on."""
    await make_accounts(site.at.shop).appoint("sofia", administers=True)
    seat = await site.seat("sofia")
    await seat.get("/desk/users")
    return seat


def given(seat: Seat) -> str:
    """The password that the page shows this once."""
    found = re.search(r'<p class="secret"><bdi dir="ltr">([^<]+)</bdi>', seat.page)
    assert found is not None, seat.text
    return unescape(found[1])


async def test_a_new_agent_comes_in_and_must_choose_a_password_first(site: DeskSite) -> None:
    admin = await administrator(site)
    assert await admin.post("/desk/users", form="add", name=" Nadia ", role="agent") == 200
    password = given(admin)
    assert fault(password) is None
    await admin.get("/desk/users")
    assert password not in admin.page
    assert "nadia · conseiller" in admin.text
    assert "doit choisir son mot de passe" in admin.text
    nadia = await site.seat()
    await nadia.login("nadia", password)
    paid = await site.at.shop.paid()
    for path in ("/desk", "/desk/lists", f"/desk/payments/{paid.id}", "/ops", "/ops/data", "/desk/approvals"):
        await nadia.get(path)
        assert nadia.path == "/desk/account", path
        assert "769,20" not in nadia.page
    assert "Ce mot de passe vous a été donné" in nadia.text
    await nadia.post("/desk/search", q=paid.reference)
    assert nadia.path == "/desk/account"
    await nadia.post("/desk/account/password", old=password, new=password, again=password)
    assert nadia.notice.startswith("Vous avez déjà utilisé")
    await nadia.get("/desk")
    assert nadia.path == "/desk/account"
    await nadia.post("/desk/account/password", old=password, new=OWN, again=OWN)
    assert await nadia.get("/desk") == 200
    assert nadia.path == "/desk"
    log = [(who, detail) for who, action, _, detail in await site.at.log() if action == "account"]
    assert ("sofia", "add agent nadia") in log
    assert password not in str(await site.at.log())


async def test_another_password_ends_sessions_and_a_closed_account_is_over(site: DeskSite) -> None:
    admin, amal = await administrator(site), await site.seat("amal")
    await admin.post("/desk/users/amal/password")
    password = given(admin)
    await amal.get("/desk")
    assert amal.path == "/desk/login"
    assert await amal.login("amal") == 401
    assert await amal.login("amal", password) == 200
    await admin.post("/desk/users/amal/disable")
    assert admin.notice == "Cochez la case de vérification."
    await admin.post("/desk/users/amal/disable", sure="1")
    assert admin.notice == "Le compte est fermé."
    await amal.get("/desk/account")
    assert amal.path == "/desk/login"
    await admin.post("/desk/users", form="add", name="amal", role="agent")
    assert admin.notice == "Cet identifiant est déjà pris."
    assert 'value="amal"' in admin.page  # what was typed stays
    for name in ("amal", "nobody"):
        await admin.post(f"/desk/users/{name}/password")
        assert admin.notice == "Ce compte n'existe pas ou est fermé."


async def test_a_second_factor_is_given_once(site: DeskSite) -> None:
    admin = await administrator(site)
    await admin.post("/desk/users/sami/second-factor")
    assert "otpauth://totp/" in admin.page
    assert len(re.findall(r"<li><bdi", admin.page)) == 8
    await admin.get("/desk/users")
    assert "otpauth" not in admin.page
    sami = await site.seat()
    await sami.login("sami")
    assert "Deuxième étape" in sami.text


async def test_nobody_else_keeps_accounts_or_reads_the_log(site: DeskSite) -> None:
    for name in ("amal", "sami"):
        seat = await site.seat(name)
        for path in ("/desk/users", "/desk/log", "/desk/log.csv"):
            assert await seat.get(path) == 403, path
        await seat.get("/desk")
        assert 'href="/desk/users"' not in seat.page
        for path in ("/desk/users", "/desk/users/amal/password", "/desk/users/sofia/disable"):
            assert await seat.post(path, form="add", name="friend", role="supervisor", sure="1") == 403, path
    assert {user.name for user in await make_accounts(site.at.shop).all()} == {"amal", "sami", "sofia"}
    stranger = await site.seat()
    for path in ("/desk/users", "/desk/log", "/desk/log.csv"):
        await stranger.get(path)
        assert stranger.path == "/desk/login"


async def test_whoever_makes_accounts_decides_about_no_money(site: DeskSite) -> None:
    admin, amal = await administrator(site), await site.seat("amal")
    paid = await site.at.shop.paid()
    await amal.get(f"/desk/payments/{paid.id}")
    await amal.post(f"/desk/payments/{paid.id}/undo", reason="wrong_line", sure="1")
    (request,) = await site.at.desk.undoing.of_payment(paid.id)
    await admin.post(f"/desk/approvals/{request.id}/approve", sure="1")
    assert admin.notice == "Seul un superviseur peut décider."
    assert site.at.shop.bank.voided == set()


async def test_an_administrator_s_own_account_and_another_s_are_a_terminal_s(site: DeskSite) -> None:
    admin = await administrator(site)
    await make_accounts(site.at.shop).appoint("sami", administers=True)
    for name in ("sofia", "sami"):
        for act in ("password", "second-factor", "disable"):
            await admin.post(f"/desk/users/{name}/{act}", sure="1")
            assert admin.notice == "Le compte d'un administrateur se modifie au terminal.", (name, act)
    assert await (await site.seat()).login("sami", PASSWORD) == 200


async def test_the_log_is_read_by_day_person_and_act_and_the_look_is_in_it(site: DeskSite) -> None:
    amal = await site.seat("amal")
    paid = await site.at.shop.paid()
    await amal.get(f"/desk/payments/{paid.id}")
    admin = await administrator(site)
    await admin.get("/desk/log")
    for words in ("amal Consultation", "amal Connexion", "sofia Compte", "sofia Journal lu"):
        assert words in admin.text, words
    await admin.get("/desk/log?who=amal&action=view&day=2026-11-23")
    assert f'<a href="/desk/payments/{paid.id}">' in admin.page
    assert "Journal lu" not in re.sub(r"<option.*?</option>", "", admin.page)
    await admin.get("/desk/log?day=2026-11-22")
    assert "Rien ce jour-là." in admin.text
    assert [entry for entry in await site.at.log() if entry[1] == "log"] == [
        ("sofia", "log", None, "read 2026-11-23"),
        ("sofia", "log", None, "read 2026-11-23 amal view"),
        ("sofia", "log", None, "read 2026-11-22"),
    ]
    await admin.get("/desk/log?who=<script>&action=none&payment=x&page=-1&day=soon")
    assert (await site.at.log())[-1][3] == "read 2026-11-23"


async def test_the_log_as_a_file_holds_every_line_and_no_formula(site: DeskSite) -> None:
    admin = await administrator(site)
    await site.at.shop.database.do(
        "INSERT INTO access_log (at, who, role, address, action, detail) "
        "SELECT %(now)s, 'amal', 'agent', '127.0.0.1', 'search', '=1+1' FROM generate_series(1, 250)",
        now=site.at.shop.clock.now(),
    )
    async with admin.http.get("/desk/log.csv?who=amal") as answer:
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["Content-Disposition"]
        text = await answer.text()
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 250
    assert {row["detail"] for row in rows} == {"'=1+1"}
    seen = set()
    for page in range(3):
        await admin.get(f"/desk/log?who=amal&page={page}")
        assert admin.page.count('<bdi class="detail">=1+1</bdi>') == (100, 100, 50)[page]
        seen.add(admin.page.count("Plus anciens"))
    assert seen == {0, 1}


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_both_speak_every_language(site: DeskSite, language: LanguageCode) -> None:
    admin = await administrator(site)
    await admin.get(f"/desk/users?lang={language}")
    for path in ("/desk/users", "/desk/log"):
        assert await admin.get(path) == 200
        assert f'<html lang="{language}"' in admin.page
    await admin.post("/desk/users", form="add", name="nadia", role="supervisor")
    assert given(admin)


def test_a_given_password_is_one_that_the_rules_take() -> None:
    made = {fresh_password() for _ in range(200)}
    assert len(made) == 200
    assert all(fault(password) is None for password in made)
    assert not any(letter in password for password in made for letter in "0o1li")
