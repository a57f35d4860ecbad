"""Somebody who pays one bill by one door, as a customer would: what they were told last. Each is another telephone."""

import asyncio
import re
from dataclasses import replace
from enum import StrEnum

import aiohttp

from lab.browser import BrowserPage, ScreenlessBrowser
from lab.caller import UssdPhone
from lab.chaos.customer import Customer, pay_by_voice
from lab.twilio.webhooks import WebhookFailed

USSD_TURNS_MAX = 20
CONFIRM, BUSY = "/bills/confirm", 503
RELOADS_MAX, RELOAD_S = 60, 1.0
USSD_ENDS = frozenset({"HandOver", "NothingToPay", "Goodbye", "Unknown"})
_ANOTHER_MOBILE = re.compile(r"^(\d+)\. Mobile$", re.MULTILINE)


class DoorOfRace(StrEnum):
    """Where a customer came in."""

    WEB = "web"
    USSD = "ussd"
    VOICE = "ivr"


def other_number(who: Customer, door: DoorOfRace) -> str:
    """The telephone of whoever pays there; all of them know the line and its code."""
    return f"+212{6 + (door is DoorOfRace.VOICE)}5{who.msisdn[-7:]}"


async def pay_on_the_web(base_url: str, who: Customer, address: str, public_url: str = "") -> str:
    """From / to the receipt; the path of the page that it ended on. `address`: where the browser comes from."""
    async with ScreenlessBrowser(base_url, address=address, public_url=public_url) as browser:
        typed = {"service": "mobile", "reference": who.reference, "code": who.code, "email": "payer@example.ma"}
        page = await browser.send(await browser.get("/"), typed, terms=["yes"])
        if page.path == "/bills/choose":
            page = await browser.send(page)
        page = await _confirmed(browser, page)
        if not page.path.startswith("/pay/") or not page.read.forms:
            return page.path
        return await _at_the_bank(browser, page, who.card)


async def _confirmed(browser: ScreenlessBrowser, page: BrowserPage) -> BrowserPage:
    """Presses "Pay". Who is told that nobody can answer loads the page anew, in the same window: it may be done."""
    for _ in range(RELOADS_MAX):
        if page.path != CONFIRM:
            break
        if page.status == BUSY:
            await asyncio.sleep(RELOAD_S)
            page = await browser.get(CONFIRM)
        else:
            page = await browser.send(page, action=CONFIRM)
    return page


async def look_again_on_the_web(base_url: str, who: Customer, address: str, path: str) -> str:
    """Loads anew the page that said to look again, which knows the payment, and goes on from there; as
    `pay_on_the_web`."""
    async with ScreenlessBrowser(base_url, address=address) as browser:
        page = await browser.get(path)
        basket = next((link for link in page.read.links if "/pay/" in link), None)
        if basket is not None and not _receipts(page):
            page = await browser.get(basket)
        if _receipts(page) or not page.path.startswith("/pay/") or not page.read.forms:
            return "/receipts" if _receipts(page) else page.path
        if not page.form().action:  # the basket: its button leads to the form that leaves
            page = await browser.send(page)
        return await _at_the_bank(browser, page, who.card) if page.read.forms else page.path


def _receipts(page: BrowserPage) -> bool:
    return page.path.startswith("/receipts/") or any("/receipts/" in link for link in page.read.links)


async def _at_the_bank(browser: ScreenlessBrowser, page: BrowserPage, card: str) -> str:
    asked = await browser.send(page)
    if not any(name == "pan" for name, _ in asked.form().fields):
        return asked.path
    way_back = await browser.send(asked, {"pan": card, "expires": "12/30", "cvv": "000"})
    back = await browser.send(way_back)
    return "/receipts" if _receipts(back) else back.path


async def pay_by_ussd(base_url: str, who: Customer, public_url: str = "") -> str:
    """A dialog up to the hand-over, then the call in which its basket is paid; the screen it ended on."""
    number = other_number(who, DoorOfRace.USSD)
    async with UssdPhone(base_url, number) as phone:
        shown = await phone.dial()
        for _ in range(USSD_TURNS_MAX):
            if shown.ended or shown.screen in USSD_ENDS:
                break
            shown = await phone.send(ussd_keys(shown.screen, shown.text, who))
    if shown.screen != "HandOver":
        return str(shown.screen)
    return str(await pay_by_voice(base_url, replace(who, msisdn=number), public_url=public_url))


def ussd_keys(screen: str | None, text: str, who: Customer) -> str:
    """What this customer types at a screen of a dialog."""
    match screen:
        case "Service":
            option = _ANOTHER_MOBILE.search(text)
            return option[1] if option else "1"
        case "Reference":
            return who.reference
        case "PaymentCode":
            return who.code
        case _:
            return "1"


async def pays_at(door: DoorOfRace, base_url: str, who: Customer, address: str) -> str:
    """How it ended for who came in there; a door that could not answer is an end as well."""
    try:
        match door:
            case DoorOfRace.WEB:
                return await pay_on_the_web(base_url, who, address)
            case DoorOfRace.USSD:
                return await pay_by_ussd(base_url, who)
            case DoorOfRace.VOICE:
                own = replace(who, msisdn=other_number(who, DoorOfRace.VOICE))
                return str(await pay_by_voice(base_url, own))
    except (WebhookFailed, aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
        return type(error).__name__
