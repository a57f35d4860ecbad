"""The ways a bill is paid from dial to receipt, each by a scripted customer at the real doors."""

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum

from bench.stage import GATEWAY_SECRET, PUBLIC_URL, TOKEN
from lab.caller import UssdPhone
from lab.chaos.customer import Customer, pay_by_voice
from lab.chaos.doors.customers import DoorOfRace, other_number, pay_on_the_web, ussd_keys
from lab.wallets.network import DEMO_PIN, WalletNetwork
from lab.wallets.stand import GSMA

USSD_TURNS_MAX = 20
PROMPT_LOOKS_MAX, PROMPT_LOOK_S = 600, 0.1
ADDRESSES = 250  # of a loopback /24


class Way(StrEnum):
    """How a bill is paid."""

    CALL = "call"
    WALLET = "wallet"
    WEB = "web"


class NotPaid(Exception):
    """A journey ended elsewhere: nothing is told of the run."""


@dataclass(frozen=True, slots=True)
class At:
    """Where customers come in, and the network whose prompts their telephones show."""

    url: str
    network: WalletNetwork


async def pays(way: Way, at: At, who: Customer) -> None:
    """One bill. Raises NotPaid."""
    match way:
        case Way.CALL:
            ended, wanted = await _by_call(at, who), "Paid"
        case Way.WALLET:
            ended, wanted = await _by_wallet(at, who), "WalletAsked"
        case Way.WEB:
            number = int(who.reference)
            address = f"127.{1 + number // ADDRESSES % ADDRESSES}.9.{1 + number % ADDRESSES}"
            ended, wanted = await pay_on_the_web(at.url, who, address, PUBLIC_URL), "/receipts"
    if ended != wanted:
        raise NotPaid(f"by {way} it ended at {ended}")


async def _dialog(at: At, who: Customer, number: str) -> str:
    async with UssdPhone(at.url, number, headers={"X-Khallas-Secret": GATEWAY_SECRET}) as phone:
        shown = await phone.dial()
        for _ in range(USSD_TURNS_MAX):
            if shown.ended:
                break
            shown = await phone.send(ussd_keys(shown.screen, shown.text, who))
        return str(shown.screen)


async def _by_call(at: At, who: Customer) -> str:
    """USSD from the dial to the hand-over, then the call that takes the card."""
    number = other_number(who, DoorOfRace.USSD)
    if (ended := await _dialog(at, who, number)) != "HandOver":
        return ended
    return str(await pay_by_voice(at.url, replace(who, msisdn=number), auth_token=TOKEN, public_url=PUBLIC_URL))


async def _by_wallet(at: At, who: Customer) -> str:
    """USSD from the dial to the wallet's word, then the PIN in its prompt."""
    number = other_number(who, DoorOfRace.USSD)
    at.network.give(GSMA, number, 10 * who.amount_centimes)
    if (ended := await _dialog(at, who, number)) != "WalletAsked":
        return ended
    for _ in range(PROMPT_LOOKS_MAX):
        for request in at.network.prompts_of(number):
            at.network.answer(request.id, DEMO_PIN)
            return ended
        await asyncio.sleep(PROMPT_LOOK_S)
    return "no prompt"
