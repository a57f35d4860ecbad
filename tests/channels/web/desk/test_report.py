"""A day's report at the desk: for supervisors, logged, on the page and as three files that say the same."""

import csv
import io
import re
from collections.abc import Mapping

import pypdf
import pytest

from core.languages import LanguageCode
from tests.channels.web.desk_site import DeskSite, Seat

DAY = "2026-11-23"
FILES = ("/desk/report", "/desk/report.pdf", "/desk/report.csv", "/desk/report/movements.csv")


async def fetched(seat: Seat, path: str) -> tuple[Mapping[str, str], bytes]:
    async with seat.http.get(f"{path}?day={DAY}") as answer:
        assert answer.status == 200, path
        return answer.headers, await answer.read()


def cells(data: bytes) -> list[dict[str, str]]:
    text = data.decode()
    assert text.startswith("\ufeff")  # a spreadsheet reads it as UTF-8
    return list(csv.DictReader(io.StringIO(text[1:])))


async def money_moved(site: DeskSite) -> str:
    shop = site.at.shop
    paid = await shop.paid()
    await shop.paid(await shop.internet_order())
    await shop.work()
    await shop.till.undo(paid.id, "test")
    shop.clock.forward(60)
    await shop.sweep.run()
    return paid.id


async def test_the_page_and_the_files_say_the_same(site: DeskSite) -> None:
    undone = await money_moved(site)
    seat = await site.seat("sami")
    await seat.get(f"/desk/report?day={DAY}")
    text = seat.text.replace("\xa0", " ")
    for words in ("Journée du 23/11/2026", "Encaissé (2) 1 677,60 DH", "Rendu (1) 769,20 DH", "Net 908,40 DH"):
        assert words in text, words
    assert "Reste dû par la banque 908,40 DH" in text
    headers, made = await fetched(seat, "/desk/report.csv")
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in headers["Content-Disposition"]
    by_tender, total = cells(made)
    assert (by_tender["acquirer"], by_tender["tender"], by_tender["net"]) == ("cmi", "visa", "908.40")
    assert (total["acquirer"], total["taken"], total["given_back"], total["balance"]) == (
        "total", "1677.60", "769.20", "908.40",
    )  # fmt: skip
    rows = cells((await fetched(seat, "/desk/report/movements.csv"))[1])
    assert sorted((row["kind"], row["amount"]) for row in rows) == [
        ("payment", "769.20"),
        ("payment", "908.40"),
        ("refund", "769.20"),
    ]
    assert [row["payment"] for row in rows if row["kind"] == "refund"] == [undone]
    headers, made = await fetched(seat, "/desk/report.pdf")
    assert headers["Content-Type"] == "application/pdf"
    printed = pypdf.PdfReader(io.BytesIO(made)).pages[0].extract_text()
    for words in ("1 677,60 DH", "769,20 DH", "908,40 DH"):
        assert words in printed


async def test_it_is_for_supervisors_and_each_look_is_logged(site: DeskSite) -> None:
    amal, sami, nobody = await site.seat("amal"), await site.seat("sami"), await site.seat()
    for path in FILES:
        assert await amal.get(path) == 403
        assert "Cette page demande un autre rôle" in amal.text
        await nobody.get(path)
        assert nobody.path == "/desk/login"
    assert 'href="/desk/report"' not in (await amal.get("/desk"), amal.page)[1]
    before = len(await site.at.log())
    for path in FILES:
        await fetched(sami, path)
    assert [(who, action, detail) for who, action, _, detail in (await site.at.log())[before:]] == [
        ("sami", "report", f"{what} {DAY}") for what in ("page", "pdf", "sums", "movements")
    ]


@pytest.mark.parametrize("day", ["", "yesterday", "0001-01-01", "9999-12-31", "2026-02-30", "' OR 1=1 --"])
async def test_what_is_no_day_is_today(site: DeskSite, day: str) -> None:
    seat = await site.seat("sami")
    async with seat.http.get("/desk/report", params={"day": day}) as answer:
        assert answer.status == 200
        assert f'value="{DAY}"' in await answer.text()


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_it_speaks_every_language(site: DeskSite, language: LanguageCode) -> None:
    await money_moved(site)
    seat = await site.seat("sami")
    await seat.get(f"/desk?lang={language}")
    await seat.get(f"/desk/report?day={DAY}")
    assert f'<html lang="{language}"' in seat.page
    assert re.search(r'href="/desk/report\?day=2026-11-23&amp;lang=fr"', seat.page)
    _, made = await fetched(seat, "/desk/report.pdf")
    assert len(pypdf.PdfReader(io.BytesIO(made)).pages) == 1
