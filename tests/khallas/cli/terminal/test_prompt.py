"""The wallet's prompt on the telephone of `khallas dial`: after the dialog, PIN unseen, to the network alone."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from khallas.cli.terminal.call import answer
from khallas.cli.terminal.dial import Dialling, dial
from khallas.cli.terminal.faults import Failed
from khallas.cli.terminal.prompt import pay_at_prompt
from lab.phone.prompts import WalletPrompts
from lab.servers.serving import serving
from lab.twilio.dialled import Pace
from lab.twilio.rest import rest
from lab.twilio.server import Twilio
from lab.wallets.network import Stand, WalletNetwork
from tests.khallas.cli.terminal.apps import DOCUMENTS, UssdApp, VoiceApp
from tests.khallas.cli.terminal.stdin import WAIT_MAX_S, Person, Printed, script

CALLER = "+212600000003"
PIN, WRONG = "48210", "73914650"
ASKED = ["Payer 99,00 DH à Khallas ?", "Entrez votre code secret :"]


def network() -> WalletNetwork:
    """It asks the caller for 99.00."""
    made = WalletNetwork(lambda: datetime.now(UTC))
    made.give("gsma", CALLER, 100_000).pin = PIN
    made.push("gsma", "key", CALLER, 9_900, "MAD", "123456", "Khallas 123456", "")
    return made


async def played(asks: WalletNetwork, *lines: str, printed: Printed) -> UssdApp:
    app = UssdApp(beside=WalletPrompts(asks, "Neqdi").routes("/phone/api"))
    async with serving(app.asgi) as url:
        with script("1", "9", *lines) as keyboard:
            await dial(Dialling(url, CALLER, "*1117#"), keyboard, printed.show)
    return app


async def test_a_script_pays_after_a_wrong_pin() -> None:
    asks, printed = network(), Printed()
    app = await played(asks, WRONG, PIN, printed=printed)
    after = printed.lines[printed.lines.index("WalletAsked") + 1 :]
    assert after == [
        *("Neqdi", *ASKED, f"> {len(WRONG) * '•'}", "Neqdi", "Code secret faux. Essais restants : 2."),
        *(*ASKED, f"> {len(PIN) * '•'}", "Neqdi", "99,00 DH payés à Khallas.", "Transaction MP100001"),
    ]
    assert [stand.stand for stand in asks.requests.values()] == [Stand.PAID]
    assert not [pin for pin in (PIN, WRONG) if pin in printed.text or pin in str(app.asked)]


@pytest.mark.parametrize(
    ("lines", "stand", "last"),
    [(("",), Stand.DECLINED, "Annulé. Rien n'a été débité."), ((), Stand.PENDING, "the wallet waits in vain")],
)
async def test_an_empty_line_refuses_and_the_end_of_the_input_answers_nothing(
    lines: tuple[str, ...], stand: Stand, last: str
) -> None:
    asks, printed = network(), Printed()
    await played(asks, *lines, printed=printed)
    assert printed.lines[-1] == last
    assert [each.stand for each in asks.requests.values()] == [stand]


async def test_a_person_types_it_unseen() -> None:
    asks, printed = network(), Printed()
    person = Person(printed)
    try:
        async with serving(UssdApp(beside=WalletPrompts(asks, "Neqdi").routes("/phone/api")).asgi) as url:
            live = asyncio.create_task(dial(Dialling(url, CALLER, "*1117#", "1*9"), person.keyboard, printed.show))
            await person.press("secret :\n> ", "9\x7f" + PIN + "\n")
            await asyncio.wait_for(live, WAIT_MAX_S)
    finally:
        person.close()
    assert "payés" in printed.text
    assert PIN not in printed.text


async def test_a_call_of_ours_that_asked_the_wallet_is_followed_by_its_prompt() -> None:
    asks, printed = network(), Printed()
    documents = {"CardNumber": DOCUMENTS["Reference"].replace("CardNumber", "WalletAsked"), "WalletAsked": "<Hangup/>"}
    app = VoiceApp(documents=documents)
    prompts = serving(UssdApp(beside=WalletPrompts(asks, "Neqdi").routes("/phone/api")).asgi)
    async with serving(app.asgi) as app.base_url, Twilio(pace=Pace(0.0)) as twilio, serving(rest(twilio)) as desk:
        twilio.connect(app.base_url)
        form = {"To": CALLER, "From": "+212537000777", "Url": app.base_url + "/ivr/twilio/CardNumber"}
        await twilio.place_call(form)
        async with prompts as phone:
            with script("1#", PIN) as keyboard:
                await answer(desk + "/lab", CALLER, keyboard, printed.show, url=phone)
    assert app.digits == {"WalletAsked": "1"}
    assert printed.lines[-2:] == ["99,00 DH payés à Khallas.", "Transaction MP100001"]
    assert [each.stand for each in asks.requests.values()] == [Stand.PAID]


async def test_json_tells_the_prompts() -> None:
    printed = Printed(as_json=True)
    await played(network(), PIN, printed=printed)
    told = [json.loads(line) for line in printed.lines]
    assert [each["ended"] for each in told if "wallet" in each] == [False, True]
    assert PIN not in printed.text


async def test_another_telephone_s_prompt_is_not_awaited_for_ever() -> None:
    asks, printed = WalletNetwork(lambda: datetime.now(UTC)), Printed()
    async with serving(UssdApp(beside=WalletPrompts(asks, "Neqdi").routes("/phone/api")).asgi) as url:
        with script() as keyboard:
            await pay_at_prompt(url, CALLER, keyboard, printed.show, comes_within_s=0.5)
    assert printed.lines[-1] == "the wallet asks on another telephone, or asked nobody"


async def test_a_server_without_a_handset_is_said_in_one_sentence() -> None:
    async with serving(UssdApp().asgi) as url:
        with script() as keyboard, pytest.raises(Failed, match="404"):
            await dial(Dialling(url, CALLER, "*1117#", "1*9"), keyboard, Printed().show)
