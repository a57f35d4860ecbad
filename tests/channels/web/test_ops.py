"""/ops over HTTP: its numbers are those of the books and the counters; who may look, and for how long."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from channels.web import operations
from channels.web.operations.page import DATA
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from sessions.screens.journey import _NAMES, Shown
from tests.channels.web.desk_site import PASSWORD, DeskSite, Seat
from tests.support.bank import declines, silent_after_charging


def rows(seat: Seat, section: str) -> list[list[str]]:
    """The cells of a panel's table, without what only the eye reads."""
    panel = re.search(rf'aria-labelledby="{section}".*?</section>', seat.page, re.DOTALL)
    assert panel is not None, section
    cells = re.sub(r"<svg.*?</svg>", "", panel[0], flags=re.DOTALL)
    return [
        [
            " ".join(re.sub(r"<[^>]+>|[\u2066-\u2069]", " ", cell).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row)
        ]
        for row in re.findall(r"<tr.*?</tr>", cells, re.DOTALL)
    ]


def sign(seat: Seat, name: str) -> list[str]:
    """A sign's tone, number and note."""
    found = re.search(rf'<li class="(\w+)"><span class="name">{name}</span>(.*?)</li>', seat.page)
    assert found is not None, name
    told = re.sub(r"[\u2066-\u2069]", "", found[2])
    return [found[1], *(re.sub("<[^>]+>", "", part).strip() for part in told.split("</strong>"))]


async def test_a_payment_is_on_the_page_in_its_hour_and_channel(site: DeskSite) -> None:
    seat = await site.seat("amal")
    assert await seat.get("/ops") == 200
    assert sign(seat, "Paiements")[:2] == ["plain", "0"]
    await site.at.shop.paid()
    assert await seat.get(DATA) == 200
    assert sign(seat, "Paiements") == ["plain", "1", "dont 1 cette heure"]
    assert sign(seat, "Montant encaissé")[1] == "769,20 DH"
    assert sign(seat, "Acceptés par la banque")[1] == "100 %"
    sales = rows(seat, "sales")
    assert ["USSD", "1 100 %", "769,20 DH"] in sales
    assert sales[-1][1:] == ["1", "0", "0", "0", "1", "769,20 DH"]
    assert len([row for row in sales if re.fullmatch(r"\d\d:\d\d", row[0])]) == 24
    assert ["Accepté", "00", "1"] in rows(seat, "answers")
    assert ["Écritures en facturation à jour", "1", "0 ms", "0"] in rows(seat, "queues")


async def test_what_went_back_is_told_beside_what_was_taken(site: DeskSite) -> None:
    seat = await site.seat("amal")
    shop = site.at.shop
    paid = await shop.paid()
    await shop.paid(await shop.internet_order())
    await shop.work()
    await shop.till.undo(paid.id, "test")
    await seat.get("/ops")
    assert sign(seat, "Montant rendu")[1] == "0,00 DH"  # not before the bank says so
    shop.clock.forward(60)
    await shop.sweep.run()
    await seat.get("/ops")
    assert sign(seat, "Montant encaissé")[1] == "1 677,60 DH"
    assert sign(seat, "Montant rendu") == ["plain", "769,20 DH", "paiements concernés : 1".replace(" :", "\xa0:")]
    assert sign(seat, "Net")[1] == "908,40 DH"
    sums = ["USSD", "2 100 %", "1 677,60 DH"], ["Rendu", "1", "769,20 DH"], ["Net", "", "908,40 DH"]
    assert all(each in rows(seat, "sales") for each in sums)
    shop.clock.forward(timedelta(hours=23, minutes=59).total_seconds())
    seat = await site.seat("amal")
    await seat.get("/ops")
    assert sign(seat, "Montant encaissé")[1] == "0,00 DH"


async def test_more_may_go_back_than_was_taken_meanwhile(site: DeskSite) -> None:
    shop = site.at.shop
    paid = await shop.paid()
    await shop.work()
    shop.clock.forward(timedelta(hours=24).total_seconds())
    await shop.till.undo(paid.id, "test")
    await shop.sweep.run()
    seat = await site.seat("amal")
    await seat.get("/ops")
    assert sign(seat, "Net")[1] == "-769,20 DH"


async def test_every_number_leads_to_the_list_that_it_counts(site: DeskSite) -> None:
    seat = await site.seat("amal")
    shop = site.at.shop
    shop.bank.scripts.append(declines)
    await shop.paid(shop.order("ussd:8", payer="+212600000009"))
    paid = await shop.paid()
    shop.bank.scripts.append(silent_after_charging)
    await shop.paid(await shop.internet_order())
    await shop.work()
    await shop.till.undo(paid.id, "test")
    await shop.sweep.run()
    await seat.get("/ops")
    links = set(re.findall(r'<a href="(/desk/lists[^"]+)">(?:<bdi dir="ltr">)?([^<]+)<', seat.page))
    kinds = {re.search(r"kind=(\w+)", link)[1] for link, _ in links}  # type: ignore[index]
    assert {"paid", "back", "answered", "unknown", "stuck"} <= kinds
    for link, number in links:
        assert await seat.get(unescape(link)) == 200
        count, total = re.findall(r"Paiements : (\d+) · ([\d ]+,\d\d DH)", seat.text.replace("\xa0", " "))[0]
        assert number in {count, total}, link
    await seat.get("/ops")
    for here in re.findall(r'<a href="#([\w-]+)">', seat.page):
        assert here == "content" or f'id="{here}"' in seat.page


def test_no_hour_is_the_browsers_own() -> None:
    """Its list of zones may be older than Morocco's clocks: the chart names hours as the table does."""
    script = (Path(operations.__file__).parents[1] / "static" / "ops.js").read_text(encoding="utf-8")
    assert not re.search(r"timeZone|toLocaleTime|toLocaleString\(\)|getHours|Casablanca", script)
    assert "data-hours" in script


async def test_what_is_undecided_and_what_went_wrong_leads_to_its_story(site: DeskSite) -> None:
    seat = await site.seat("amal")
    site.at.shop.bank.scripts.append(silent_after_charging)
    payment = await site.at.shop.paid()
    await seat.get("/ops")
    assert sign(seat, "Paiements incertains")[:2] == ["warn", "1"]
    assert "À surveiller : Paiements incertains" in seat.text.replace("\xa0", " ")
    assert "Pas de réponse de la banque" in seat.text
    assert seat.page.count(f'href="/desk/payments/{payment.id}"') == 2
    site.at.shop.clock.forward(1_000)
    await seat.get(DATA)
    assert sign(seat, "Paiements incertains")[:2] == ["bad", "1"]


async def test_turns_of_this_process_and_of_others_make_the_journey(site: DeskSite) -> None:
    door = site.metrics.wire("ussd", "africastalking")
    for seconds, before, screen, outcome, count in (
        (0.003, "", "Service", "answered", 8),
        (0.003, "", "Resume", "answered", 2),
        (0.2, "Resume", "PickInvoices", "answered", 2),
        (0.003, "Service", "Terms", "answered", 6),
        (0.003, "Terms", "Terms", "answered", 1),
        (0.003, "Terms", "HandOver", "ended", 5),
        (0.003, "Terms", "HandOver", "replayed", 3),
    ):
        for _ in range(count):
            door.turn(screen, outcome, seconds, before)
    await site.tally.flush()
    seat = await site.seat("amal")
    await seat.get("/ops")
    assert rows(seat, "funnel-ussd")[1:] == [
        ["Reprise proposée", "2", "0", "0"],
        ["Choix de la facture", "8", "2", "0"],
        ["Conditions", "6", "1", "0"],
        ["Liste des factures", "2", "2", "2"],
        ["Passage à l&#39;appel", "5", "0", "0"],
    ]
    ((wire, p50, p99, limit),) = rows(seat, "speeds")[1:]
    assert (wire, limit) == ("USSD africastalking 27 échanges", "10 s")
    assert p50.endswith("ms")
    assert 100 < float(p99.removesuffix(" ms")) <= 250


async def test_nobody_looks_without_an_account_and_a_login_leads_back(site: DeskSite) -> None:
    stranger = await site.seat()
    for path in ("/ops", DATA):
        await stranger.get(path)
        assert stranger.path == "/desk/login"
    assert await stranger.post("/desk/login", name="amal", password="wrong", lang="fr", to="/ops") == 401
    assert 'name="to" value="/ops"' in stranger.page
    assert await stranger.post("/desk/login", name="amal", password=PASSWORD, lang="fr", to="/ops") == 200
    assert stranger.path == "/ops"
    other = await site.seat()
    await other.get("/desk/login")
    await other.post("/desk/login", name="amal", password=PASSWORD, lang="fr", to="https://example.com/")
    assert other.path == "/desk"


async def test_a_page_on_a_wall_goes_on_and_keeps_no_session_alive(site: DeskSite) -> None:
    wall = await site.seat("amal")
    await wall.get("/ops")
    (session,) = [key async for key in site.redis.scan_iter("kh:desk:*")]
    await site.redis.expire(session, 100)
    assert await wall.get(DATA) == 200
    assert await site.redis.ttl(session) <= 100
    await site.redis.delete(session)  # nobody clicked
    for path in ("/ops", DATA):
        assert await wall.get(path) == 200
        assert wall.path == path
    await wall.get("/desk")
    assert wall.path == "/desk/login"
    await wall.get("/ops")
    await wall.post("/desk/logout")
    await wall.get("/ops")
    assert wall.path == "/desk/login"


async def test_a_watch_ends_with_the_account_and_with_the_day(site: DeskSite) -> None:
    wall, other = await site.seat("amal"), await site.seat("sami")
    for seat in (wall, other):
        await seat.get("/ops")
    await site.at.shop.database.do("UPDATE desk_users SET generation = generation + 1 WHERE name = 'amal'")
    await wall.get(DATA)
    assert wall.path == "/desk/login"
    assert await other.get(DATA) == 200
    site.at.shop.clock.forward(timedelta(hours=8).total_seconds())
    await other.get(DATA)
    assert other.path == "/desk/login"


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_the_page_speaks_every_language(site: DeskSite, language: LanguageCode) -> None:
    seat = await site.seat("sami")
    await site.at.shop.paid()
    assert await seat.get(f"/ops?lang={language}") == 200
    assert f'<html lang="{language}" dir="{"rtl" if language is LanguageCode.AR else "ltr"}">' in seat.page
    await seat.get("/desk")
    assert f'<html lang="{language}"' in seat.page
    assert await seat.get(f"{DATA}?lang={language}") == 200
    assert "<html" not in seat.page
    assert load_texts().get(language, "ops", "sales.hours") in seat.text


def test_every_screen_has_a_name_that_people_read() -> None:
    texts = load_texts()
    for screen in Shown.__args__:
        name = _NAMES.get(screen.__name__, screen.__name__)
        assert all(texts.has(language, "ops", f"screen.{name}") for language in LanguageCode), name


async def test_nobody_s_data_is_on_it(site: DeskSite) -> None:
    seat = await site.seat("amal")
    await site.at.shop.paid()
    await seat.get("/ops")
    for hidden in ("600000001", "salma", "0000171682062019"):
        assert hidden not in seat.page
