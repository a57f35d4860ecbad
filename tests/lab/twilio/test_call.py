"""A call is played as Twilio plays it, against a small application over real HTTP."""

from collections.abc import AsyncIterator

import pytest

from lab.caller import Do, ScriptBroken, VoicePhone, follow, new_sid
from lab.servers.serving import serving
from lab.twilio.call import Call
from lab.twilio.dialled import CallStatus, Caption, Dialled, Direction, Pace
from lab.twilio.webhooks import Line
from tests.lab.ivr_app import TOKEN, IvrApp

QUICK = Pace(pause_factor=0.0)
DOCUMENTS_MAX = 20


@pytest.fixture
async def app() -> AsyncIterator[IvrApp]:
    app = IvrApp()
    async with serving(app.asgi) as app.base_url:
        yield app


@pytest.fixture
async def phone(app: IvrApp) -> AsyncIterator[VoicePhone]:
    async with VoicePhone(app.base_url, "+212600000001", auth_token=TOKEN, pace=QUICK) as phone:
        yield phone


async def started(app: IvrApp, phone: VoicePhone, path: str, **more: object) -> Call:
    """A call to another path of the application, or outbound."""
    values = {"direction": Direction.INBOUND, "status_url": app.base_url + "/ivr/status"} | more
    dialled = Dialled(
        sid=new_sid("CA"),
        account_sid="ACdemo",
        from_number="+212600000001",
        to_number="777",
        url=app.base_url + path,
        **values,  # type: ignore[arg-type] # a test's short hand
    )
    call = phone.keep(Call(dialled, phone.line, QUICK, documents_max=DOCUMENTS_MAX))
    call.start()
    return call


async def test_a_whole_call(app: IvrApp, phone: VoicePhone) -> None:
    call = await phone.dial()
    assert call.captions == [Caption("Pour payer, tapez 1.", "fr-FR"), Caption("للأداء اضغط 1", "arb")]
    assert call.waiting is not None
    assert call.waiting.digits_max == 1
    heard = await follow(call, [("pour payer, tapez 1", "1"), ("numero de carte", "4000000000000010#")])
    assert [entry.screen for entry in heard] == ["twilio", "menu", "paying"]
    assert heard[-1].text == "Un instant. Paye."
    await call.finished()
    assert (call.status, call.error) == (CallStatus.COMPLETED, None)
    first, menu, card = app.forms("/ivr/twilio")[0], app.forms("/ivr/menu")[0], app.forms("/ivr/card")[0]
    assert (first["CallStatus"], first["Direction"], first["From"]) == ("ringing", "inbound", "+212600000001")
    assert (menu["Digits"], menu["FinishedOnKey"], menu["CallStatus"]) == ("1", "", "in-progress")
    assert (card["Digits"], card["FinishedOnKey"]) == ("4000000000000010", "#")
    (status,) = app.forms("/ivr/twilio/status")
    assert (status["CallStatus"], status["CallSid"]) == ("completed", call.dialled.sid)
    assert status["CallDuration"].isdigit()


async def test_silence_falls_through_to_the_next_verb(app: IvrApp, phone: VoicePhone) -> None:
    call = await phone.dial()
    heard = await follow(call, [("tapez 1", Do.SILENCE), ("rien recu", "1"), ("carte", Do.HANG_UP)])
    assert heard[1].text.startswith("Nous n'avons rien recu.")
    assert len(app.forms("/ivr/twilio")) == 2
    # a hang-up inside a Gather gives no action call, only the status callback
    assert app.forms("/ivr/card") == []
    assert len(app.forms("/ivr/twilio/status")) == 1


async def test_the_finish_key_pressed_first_is_no_input(app: IvrApp, phone: VoicePhone) -> None:
    call = await started(app, phone, "/ivr/menu")
    await call.settled()
    call.press("#")
    await call.finished()
    assert call.status is CallStatus.COMPLETED
    assert app.forms("/ivr/card") == []


async def test_an_empty_result_reaches_the_action_where_it_is_wanted(app: IvrApp, phone: VoicePhone) -> None:
    call = await started(app, phone, "/ivr/empty")
    await call.settled()
    call.silence()
    await call.settled()
    assert app.forms("/ivr/menu")[0]["Digits"] == ""


async def test_keys_nobody_waits_for_are_lost_and_secrets_are_only_counted(phone: VoicePhone) -> None:
    call = await phone.dial()
    call.press("199")
    await call.settled()
    call.press("4000")
    assert call.pressed == 4
    with pytest.raises(ValueError, match="keys"):
        call.press("A")


async def test_gathers_end_by_themselves_where_timers_run(app: IvrApp, phone: VoicePhone) -> None:
    dialled = Dialled("CA1", "ACdemo", "+212600000001", "777", Direction.INBOUND, app.base_url + "/ivr/quick")
    async with Line(TOKEN) as line:
        call = Call(dialled, line, Pace(0.0, timers=True))
        call.start()
        await call.finished()
    assert call.captions[-1].text == "Trop tard."


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/ivr/bad", "num_digits"),
        ("/ivr/broken", "500"),
        ("/ivr/status", "not XML"),
        ("/ivr/loop", f"more than {DOCUMENTS_MAX} documents"),
    ],
)
async def test_a_wrong_answer_ends_the_call(app: IvrApp, phone: VoicePhone, path: str, error: str) -> None:
    call = await started(app, phone, path)
    await call.finished()
    assert call.ended
    assert error in (call.error or "")


async def test_a_transfer_is_told(app: IvrApp, phone: VoicePhone) -> None:
    call = await started(app, phone, "/ivr/help")
    await call.finished()
    assert (call.transferred_to, call.status) == ("777", CallStatus.COMPLETED)


async def test_a_rejected_call(app: IvrApp, phone: VoicePhone) -> None:
    call = await started(app, phone, "/ivr/busy")
    await call.finished()
    assert call.status is CallStatus.BUSY


async def test_pay_is_a_state_that_is_finished_from_outside(app: IvrApp, phone: VoicePhone) -> None:
    call = await started(app, phone, "/ivr/pay")
    await call.settled()
    assert call.paying is not None
    assert call.paying.attributes["paymentConnector"] == "khallas"
    call.finish_pay({"Result": "success", "PaymentToken": "tok"})
    await call.finished()
    assert app.forms("/ivr/paid")[0]["Result"] == "success"
    assert call.captions[-1].text == "Merci."


async def test_outbound_calls_ring_until_answered(app: IvrApp, phone: VoicePhone) -> None:
    events = frozenset({"initiated", "ringing", "answered", "completed"})
    call = await started(app, phone, "/ivr/menu", direction=Direction.OUTBOUND, status_events=events, method="GET")
    assert call.status is CallStatus.RINGING
    call.answer()
    await call.settled()
    assert app.forms("/ivr/menu")[0]["CallStatus"] == "in-progress"
    call.hang_up()
    await call.finished()
    told = [(form["CallStatus"], form["SequenceNumber"]) for form in app.forms("/ivr/status")]
    assert told == [("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3")]


async def test_outbound_calls_can_be_declined_or_missed(app: IvrApp, phone: VoicePhone) -> None:
    declined = await started(app, phone, "/ivr/menu", direction=Direction.OUTBOUND)
    declined.hang_up()
    await declined.finished()
    missed = await started(app, phone, "/ivr/menu", direction=Direction.OUTBOUND, ring_max_s=0.01)
    await missed.finished()
    assert [form["CallStatus"] for form in app.forms("/ivr/status")] == ["busy", "no-answer"]
    assert app.forms("/ivr/menu") == []


async def test_a_broken_script_tells_what_was_heard(phone: VoicePhone) -> None:
    call = await phone.dial()
    with pytest.raises(ScriptBroken, match="Pour payer, tapez 1"):
        await follow(call, [("bonjour", "1")])


async def test_a_wrong_token_is_refused(app: IvrApp) -> None:
    async with VoicePhone(app.base_url, "+212600000001", auth_token="other", pace=QUICK) as phone:
        call = await phone.dial()
        assert "403" in (call.error or "")


def test_pauses_in_a_row_grow_so_that_a_busy_machine_is_waited_for() -> None:
    brief, none, watched = Pace(pause_factor=0.02), Pace(pause_factor=0.0), Pace(1.0)
    assert [round(brief.pause_s(2, n), 2) for n in range(6)] == [0.04, 0.08, 0.16, 0.32, 0.5, 0.5]
    assert brief.pause_s(2, 10_000) == 0.5
    assert [none.pause_s(2, n) for n in (0, 9)] == [0, 0]
    assert [watched.pause_s(2, n) for n in (0, 9)] == [2, 2]
