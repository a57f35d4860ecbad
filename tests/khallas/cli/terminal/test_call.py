"""The telephone: captions, keys, masks, and the hang-up in every way of leaving. SMS as well."""

import asyncio
import json
import termios

import pytest

from khallas.cli.terminal.call import Calling, answer, call
from khallas.cli.terminal.faults import Failed
from khallas.cli.terminal.text import TwilioSigner, send
from lab.servers.serving import serving
from lab.twilio.dialled import Pace
from lab.twilio.rest import rest
from lab.twilio.server import Twilio
from tests.khallas.cli.terminal.apps import DOCUMENTS, TOKEN, VoiceApp
from tests.khallas.cli.terminal.stdin import WAIT_MAX_S, Person, Printed, script

CALLER = "+212600000003"
CARD = "4000000000000010"


def calling(url: str, *, token: str = TOKEN, reference: str = "") -> Calling:
    return Calling(TwilioSigner(url, "ACdemo", token), CALLER, "+212537000777", reference)


async def played(app: VoiceApp, *lines: str, printed: Printed, reference: str = "", token: str = TOKEN) -> None:
    async with serving(app.asgi) as app.base_url:
        with script(*lines) as keyboard:
            await call(calling(app.base_url, token=token, reference=reference), keyboard, printed.show)


async def test_a_scripted_call() -> None:
    app, printed = VoiceApp(), Printed()
    await played(app, "1", "123456#", "4000 0000 0000 0010 #", "123", printed=printed)
    assert printed.lines == [
        *("[Service]", "Pour payer, tapez 1.  fr-FR", "> 1"),
        *("[Reference]", "Votre reference.", "> 123456#"),
        *("[CardNumber]", "Numero de carte.", f"> {'•' * 16}#"),
        *("[CardCvv]", "Code.", "> •••"),
        *("[Paid]", "Merci.", "put through to 777", "call completed"),
    ]
    assert app.digits == {"Reference": "1", "CardNumber": "123456", "CardCvv": CARD, "Paid": "123"}
    assert app.statuses == ["completed"]


async def test_a_reference_is_typed_by_itself_and_a_line_without_an_end_is_one() -> None:
    app, printed = VoiceApp(), Printed()
    await played(app, "1", CARD, "123", reference="654321", printed=printed)
    assert app.digits == {"Reference": "1", "CardNumber": "654321", "CardCvv": CARD, "Paid": "123"}
    assert "> 654321#" in printed.lines


async def test_an_empty_line_is_silence() -> None:
    app, printed = VoiceApp(), Printed()
    await played(app, "", printed=printed)
    assert printed.lines[-3:] == ["> (silence)", "Au revoir.", "call completed"]


async def test_the_end_of_the_script_hangs_up() -> None:
    app, printed = VoiceApp(), Printed()
    await played(app, "1", printed=printed)
    assert printed.lines[-2:] == ["> ", "call completed"]
    assert app.statuses == ["completed"]


async def test_what_is_no_key_hangs_up_and_is_not_repeated() -> None:
    app, printed = VoiceApp(), Printed()
    with pytest.raises(Failed, match=r"^turn 2: keys are 0-9, \* and #$"):
        await played(app, "1", "12x4", printed=printed)
    assert "12x4" not in printed.text
    assert app.statuses == ["completed"]


async def test_json_lines_mask_too() -> None:
    app, printed = VoiceApp(), Printed(as_json=True)
    await played(app, "1", "123456#", CARD + "#", "123", printed=printed)
    told = [json.loads(line) for line in printed.lines]
    assert told[0] == {"said": "Pour payer, tapez 1.", "language": "fr-FR", "screen": "Service"}
    assert {"pressed": "•" * 16 + "#", "screen": "CardNumber"} in told
    assert told[-1] == {"ended": True, "status": "completed", "transferred_to": "777"}


async def test_every_digit_is_masked_when_screens_are_not_told() -> None:
    printed = Printed()
    await played(VoiceApp(screens=False), "1", "123456#", printed=printed)
    assert [line for line in printed.lines if line.startswith(">")] == ["> •", "> ••••••#", "> "]


async def test_a_card_typed_too_early_is_masked() -> None:
    printed = Printed()
    await played(VoiceApp(), "1", CARD + "#", printed=printed)
    assert f"> {'•' * 16}#" in printed.lines


async def test_a_wrong_token_is_one_sentence() -> None:
    printed = Printed()
    with pytest.raises(Failed, match=r"refused the request \(403\): check --token"):
        await played(VoiceApp(), token="another", printed=printed)
    assert printed.lines == ["call broken off"]


async def test_a_refused_call_and_wrong_twiml() -> None:
    with pytest.raises(Failed, match=r"refused the call \(busy\)"):
        await played(VoiceApp(documents={"": "<Reject reason='busy'/>"}), printed=Printed())
    with pytest.raises(Failed, match="no gateway would take: unknown verb Sing"):
        await played(VoiceApp(documents={"": "<Sing/>"}), printed=Printed())
    with pytest.raises(Failed, match="<Pay>"):
        await played(VoiceApp(documents={"": "<Pay action='/ivr/twilio/Paid'/>"}), printed=Printed())


async def test_the_card_of_pay_is_typed_and_masked() -> None:
    steps = ("payment-card-number", "expiration-date", "security-code")
    asked = "".join(f"<Prompt for='{step}'><Say>{step}</Say></Prompt>" for step in steps)
    pay = f"<Pay action='/ivr/twilio/Paid' chargeAmount='1.00' currency='mad'>{asked}</Pay>"
    app, printed = VoiceApp(documents=DOCUMENTS | {"": pay}, screens=False), Printed()
    async with serving(app.asgi) as app.base_url:
        order = Calling(TwilioSigner(app.base_url, "ACdemo", TOKEN, connector="twilio:nobody"), CALLER, "+212537000777")
        with script(f"{CARD}#", "1228", "123#") as keyboard:
            await call(order, keyboard, printed.show)
    assert [line for line in printed.lines if line.startswith(">")] == [f"> {'•' * 16}#", "> ••••", "> •••#"]
    assert printed.lines[-3:] == ["Merci.", "put through to 777", "call completed"]


async def test_a_person_presses_key_by_key_and_ctrl_d_hangs_up() -> None:
    app, printed = VoiceApp(), Printed()
    person = Person(printed)
    try:
        before = termios.tcgetattr(person.terminal)
        async with serving(app.asgi) as app.base_url:
            live = asyncio.create_task(call(calling(app.base_url, reference="654321"), person.keyboard, printed.show))
            await person.press("tapez 1.  fr-FR\n> ", "1")
            await person.press("Numero de carte.\n> ", CARD + "#")
            await person.press("Code.\n> ", "12")
            await person.press("Code.\n> ••", "\x04")
            await asyncio.wait_for(live, WAIT_MAX_S)
        assert termios.tcgetattr(person.terminal) == before
    finally:
        person.close()
    assert app.digits == {"Reference": "1", "CardNumber": "654321", "CardCvv": CARD}
    assert "> 654321#\n" in printed.text
    assert f"> {'•' * 16}#\n[CardCvv]\n" in printed.text
    assert CARD not in printed.text
    assert app.statuses == ["completed"]


async def test_ctrl_c_hangs_up() -> None:
    app, printed = VoiceApp(), Printed()
    person = Person(printed)
    try:
        async with serving(app.asgi) as app.base_url:
            live = asyncio.create_task(call(calling(app.base_url), person.keyboard, printed.show))
            await person.press("> ", "")
            live.cancel()  # what asyncio.run makes of Ctrl-C
            await asyncio.wait({live}, timeout=WAIT_MAX_S)
            assert live.cancelled()
    finally:
        person.close()
    assert app.statuses == ["completed"]


async def test_a_call_back_is_answered_at_the_desk() -> None:
    app, printed = VoiceApp(), Printed()
    async with serving(app.asgi) as app.base_url, Twilio(pace=Pace(0.0)) as twilio, serving(rest(twilio)) as desk:
        twilio.connect(app.base_url)
        form = {"To": CALLER, "From": "+212537000777", "Url": app.base_url + "/ivr/twilio/CardNumber"}
        await twilio.place_call(form)
        with script(CARD + "#", "123") as keyboard:
            await answer(desk + "/lab", CALLER, keyboard, printed.show)
    assert printed.lines == [
        *(f"waiting for a call to {CALLER} ...", "[CardNumber]", "Numero de carte.", f"> {'•' * 16}#"),
        *("[CardCvv]", "Code.", "> •••", "[Paid]", "Merci.", "put through to 777", "call completed"),
    ]
    assert app.digits == {"CardCvv": CARD, "Paid": "123"}


async def test_the_desk_is_somewhere_else() -> None:
    async with serving(VoiceApp().asgi) as url:
        with script() as keyboard, pytest.raises(Failed, match=r"no desk of a Twilio stand-in.*--desk"):
            await answer(url + "/lab", CALLER, keyboard, Printed().show)
    with script() as keyboard, pytest.raises(Failed, match="no answer from the stand-in's desk"):
        await answer(url + "/lab", CALLER, keyboard, Printed().show)


async def test_an_sms_and_its_reply() -> None:
    app, printed, told = VoiceApp(), Printed(), Printed(as_json=True)
    async with serving(app.asgi) as app.base_url:
        account = TwilioSigner(app.base_url, "ACdemo", TOKEN)
        await send(account, CALLER, "1117", "CODE", printed.show)
        await send(account, CALLER, "1117", "QUIET", printed.show)
        await send(account, CALLER, "1117", "CODE", told.show)
        with pytest.raises(Failed, match=r"\(403\): check --token"):
            await send(TwilioSigner(app.base_url, "ACdemo", "another"), CALLER, "1117", "CODE", printed.show)
    reply = f"Code pour {CALLER}: 0042"
    assert printed.lines == [
        f"1117 -> 0600000003 (1 SMS)  {reply}",
        "no reply in the answer; one may follow as a message of its own",
    ]
    assert json.loads(told.text) == {"from": CALLER, "to": "1117", "text": "CODE", "replies": [reply]}
