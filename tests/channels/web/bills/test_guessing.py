"""Strangers who guess codes at the door itself: told the same of every line after the same work, in nobody's way."""

import asyncio
import re
from collections import Counter
from typing import Any

import aiohttp
import pytest

from channels.web.bills.limits import WebCodeLimits
from channels.web.bills.tokens import VisitorTokens
from core.database.pool import Database
from lab.caller import UssdPhone
from tests.channels.web.bills.test_journey import MOBILE
from tests.support.world import World

ADDRESSES = 1_000
TOGETHER = 20
OWNER, UNKNOWN = "+212600000001", "0699999999"
TRIED, LOCKED = "Numéro ou code incorrect", "Trop d'essais"


async def guess(here: World, address: str, reference: str, code: str) -> str:
    """One form from one address of this machine, sent as a browser without cookies does."""
    keys = [key.get_secret_value() for key in here.house.settings.secret_keys]
    tokens = VisitorTokens(keys)
    form = {**MOBILE, "reference": reference, "code": code, "terms": "yes", "step": "0", "lang": "fr"}
    form["state"] = tokens.state_of(tokens.fresh())
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http,
        http.post(f"{here.url}/bills/mobile", data=form, allow_redirects=False) as answer,
    ):
        assert answer.status in {200, 422}
        return await answer.text()


async def test_a_thousand_addresses_guess_a_day_s_worth_and_the_owner_pays_by_ussd_and_sms(here: World) -> None:
    told: Counter[str] = Counter()

    async def one(number: int) -> None:
        address = f"127.{1 + number // 250}.{number % 250}.7"  # no two are neighbours
        page = await guess(here, address, MOBILE["reference"], f"{number:06d}")
        said = page.replace("&#39;", "'")
        told[TRIED if TRIED in said else LOCKED if LOCKED in said else page] += 1

    for first in range(0, ADDRESSES, TOGETHER):
        await asyncio.gather(*(one(number) for number in range(first, first + TOGETHER)))
    assert set(told) == {TRIED, LOCKED}
    assert WebCodeLimits.TARGET_WRONG <= told[TRIED] <= WebCodeLimits.TARGET_TRIES
    for caller in (OWNER, "+212611111111"):  # the owner, and a relative who knows the code
        async with UssdPhone(here.url, caller) as phone:
            await phone.dial()
            shown = await phone.send("1")
            assert shown.screen == "Service"
            shown = await phone.send("1")
            if shown.screen == "Reference":
                shown = await phone.send(MOBILE["reference"])
                shown = await phone.send(MOBILE["code"])
            assert shown.screen == "Terms", shown
    assert MOBILE["code"] in (await here.twilio.deliver_mo(OWNER, "CODE"))[0]


async def test_a_wrong_code_and_an_unknown_line_are_the_same_page_after_the_same_work(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[list[str]] = []
    real = Database.one

    async def noted(database: Database, statement: str, **values: Any) -> Any:
        if " lines " in statement:  # what is read of the line; other statements are others' at the same time
            work[-1].append(statement)
        return await real(database, statement, **values)

    monkeypatch.setattr(Database, "one", noted)
    pages = []
    for number, reference in enumerate((MOBILE["reference"], UNKNOWN), start=1):
        work.append([])
        page = await guess(here, f"127.9.{number}.7", reference, "918273")
        pages.append(re.sub(rf'(name="(state|step)" value="[^"]*"|value="{reference}")', "", page))
    assert work[0] == work[1] != []
    assert pages[0] == pages[1]
