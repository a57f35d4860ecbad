"""The wallet's prompt on the demo's handset: it is the network's, and a PIN goes nowhere else."""

from typing import Any

import pytest

from lab.servers.serving import serving
from lab.wallets.network import PIN_TRIES_MAX, WINDOW, Stand
from tests.khallas.cli.terminal.apps import VoiceApp
from tests.lab.phone.conftest import Stage
from tests.lab.phone.test_studio import ussd

PAYER, OTHER = "+212600000001", "+212600000002"
PIN, WRONG = "48210", "7391465"


def asks(stage: Stage, centimes: int = 76_920) -> str:
    """The network is asked for money by a merchant; the request's id."""
    if ("gsma", PAYER) not in stage.network.purses:
        stage.network.give("gsma", PAYER, 100_000).pin = PIN
    key = f"key-{len(stage.network.requests)}"
    return stage.network.push("gsma", key, PAYER, centimes, "MAD", "123456", "Khallas 123456", "").id


async def shown(stage: Stage, number: str = PAYER, language: str = "fr") -> Any:
    async with stage.http.get(f"/phone/api/feed/{number}?lang={language}") as answer:
        return (await answer.json())["prompt"]


async def act(stage: Stage, request_id: str, act: str, pin: str = "", number: str = PAYER) -> tuple[int, Any]:
    order = {"act": act, "pin": pin} if pin else {"act": act}
    async with stage.http.post(f"/phone/api/prompts/{number}/{request_id}?lang=en", json=order) as answer:
        return answer.status, await answer.json()


async def test_the_handset_shows_the_prompt_in_its_own_language(stage: Stage) -> None:
    assert await shown(stage) is None
    request_id = asks(stage)
    assert (await shown(stage))["text"] == "Neqdi\nPayer 769,20 DH à Khallas ?\nEntrez votre code secret :"
    assert "Pay 769,20 DH to Khallas?" in (await shown(stage, language="en"))["text"]
    assert "لفائدة Khallas" in (await shown(stage, language="ar"))["text"]
    assert await shown(stage, OTHER) is None
    async with stage.http.get(f"/phone/api/prompts/{PAYER}") as answer:  # a terminal tells no language: the payer's
        assert await answer.json() == {"id": request_id, "text": (await shown(stage))["text"], "over": False}


async def test_a_pin_pays_once(stage: Stage) -> None:
    request_id = asks(stage)
    status, told = await act(stage, request_id, "answer", PIN)
    assert (status, told["over"]) == (200, True)
    assert "769,20 DH paid to Khallas" in told["text"]
    assert await shown(stage) is None
    assert (await act(stage, request_id, "answer", PIN))[1] == told
    assert [centimes for _, _, centimes in stage.network.debits] == [76_920]


async def test_a_wrong_pin_is_asked_again_and_at_last_refused(stage: Stage) -> None:
    request_id = asks(stage)
    for left in range(PIN_TRIES_MAX - 1, 0, -1):
        _, told = await act(stage, request_id, "answer", WRONG)
        assert (told["over"], f"Tries left: {left}" in told["text"]) == (False, True)
    _, told = await act(stage, request_id, "answer", WRONG)
    assert (told["over"], "Wrong PIN too often" in told["text"]) == (True, True)
    assert stage.network.debits == []


@pytest.mark.parametrize(("what", "words"), [("refuse", "Cancelled"), ("lapse", "Time is up")])
async def test_a_prompt_is_cancelled_or_left(stage: Stage, what: str, words: str) -> None:
    request_id = asks(stage)
    _, told = await act(stage, request_id, what)
    assert (told["over"], words in told["text"], "Nothing was debited" in told["text"]) == (True, True, True)
    assert stage.network.requests[request_id].stand is Stand.DECLINED
    assert await shown(stage) is None


async def test_a_prompt_ends_by_itself(stage: Stage) -> None:
    request_id = asks(stage)
    stage.clock.forward(WINDOW.total_seconds())
    assert await shown(stage) is None
    assert "Time is up" in (await act(stage, request_id, "look"))[1]["text"]
    assert (await act(stage, request_id, "answer", PIN))[1]["over"]
    assert stage.network.debits == []


async def test_a_purse_without_money_says_so(stage: Stage) -> None:
    _, told = await act(stage, asks(stage, 400_000), "answer", PIN)
    assert (told["over"], "Not enough money" in told["text"]) == (True, True)


async def test_a_telephone_in_a_dialog_gets_no_prompt_and_one_that_waits_outlives_a_dialog(stage: Stage) -> None:
    await ussd(stage, "dial")
    lost = stage.network.requests[asks(stage)]
    assert (lost.stand, lost.reason, await shown(stage)) == (Stand.DECLINED, "busy", None)
    await ussd(stage, "send", "9")
    waits = asks(stage)
    await ussd(stage, "dial")
    await ussd(stage, "send", "9")
    assert (await shown(stage))["id"] == waits


async def test_another_telephone_answers_nothing(stage: Stage) -> None:
    request_id = asks(stage)
    assert (await act(stage, request_id, "answer", PIN, OTHER))[0] == 404
    assert (await act(stage, "none", "look"))[0] == 404
    assert stage.network.debits == []


async def test_an_order_that_cannot_be_read_is_not_told_back(stage: Stage) -> None:
    request_id = asks(stage)
    for status, told in (await act(stage, request_id, "answer", "9" * 9), await act(stage, request_id, WRONG)):
        assert status == 422
        assert "99999" not in str(told)
        assert WRONG not in str(told)


async def test_a_telephone_in_a_call_takes_no_prompt(stage: Stage) -> None:
    app = VoiceApp()
    async with serving(app.asgi) as app.base_url:
        stage.twilio.connect(app.base_url)
        form = {"To": PAYER, "From": "+212537000777", "Url": app.base_url + "/ivr/twilio/CardNumber"}
        await stage.twilio.place_call(form)
        call = await stage.twilio.next_call(PAYER)
        call.answer()
        await call.settled()
        lost = stage.network.requests[asks(stage)]
        assert (lost.stand, lost.reason, await shown(stage)) == (Stand.DECLINED, "busy", None)
        call.hang_up()
        await call.finished()
        assert stage.network.requests[asks(stage)].stand is Stand.PENDING
