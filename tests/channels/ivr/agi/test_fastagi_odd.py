"""What a FastAGI door lets in, and how it bears switches and callers that do not behave."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from channels.carriers.asterisk.call_tokens import CallTokens
from channels.http.receive import Authentication
from channels.ivr.agi.call import Manner
from channels.ivr.agi.field import Timers
from channels.ivr.agi.line import AgiBounds
from channels.ivr.agi.protocol import GREETING_LINES_MAX, LINE_BYTES_MAX
from core.messaging.texts import Texts
from tests.channels.ivr.agi.agi_line import OVER_MAX_S, SECRET, TOKENS, AgiLine, memory_line
from tests.channels.ivr.agi.switch import HANG_UP, Switch
from tests.channels.ivr.agi.test_fastagi import CARD, OPENING
from tests.support.till import SALMA
from tests.support.waiting import closed

YOUSSEF = "+212600000002"
SILENT = 260  # more than all calls and those that wait


@pytest.fixture
async def line(redis_url: str, texts: Texts) -> AsyncIterator[AgiLine]:
    async with memory_line(redis_url, texts) as made:
        yield made


async def _sent(line: AgiLine, data: bytes) -> bytes:
    """All that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", line.server.port)
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
        answer = await reader.read()
        await closed(writer)
        return answer
    return b""


# --- who may call -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", "asterisk-and-khalla", "Asterisk-and-khallas"])
async def test_a_wrong_secret_is_refused_before_anything_is_said(line: AgiLine, secret: str) -> None:
    call = await line.call([], secret=secret)
    assert call.variables == {"KHALLAS_RESULT": "refused"}
    assert call.said == [""]
    assert line.counted("khallas_refused_total", door="ivr/fastagi", reason="forbidden") == 1


async def test_secret_and_token_are_read_as_variables_so_that_no_cdr_holds_them(line: AgiLine) -> None:
    payment = line.till.basket()
    held = {"KHALLAS_SECRET": SECRET, "KHALLAS_CALL": TOKENS.make(payment.id, SALMA)}
    call = Switch(line.server.port, line.prompts, "+212537000777", dialplan=held)
    assert call.arguments == ()
    await call.call([("ici Khallas.*numéro de votre carte", HANG_UP)])
    call = Switch(line.server.port, line.prompts, YOUSSEF, dialplan={"KHALLAS_SECRET": SECRET})
    assert (await call.call([("bienvenue", HANG_UP)])).hung_up


@pytest.mark.parametrize(
    "held", [{}, {"KHALLAS_SECRET": ""}, {"KHALLAS_SECRET": "a guess"}, {"KHALLAS_SECRET": SECRET, "KHALLAS_CALL": "x"}]
)
async def test_variables_let_nobody_in_that_arguments_would_not(line: AgiLine, held: dict[str, str]) -> None:
    call = await Switch(line.server.port, line.prompts, SALMA, dialplan=held).call([])
    assert call.variables == {"KHALLAS_RESULT": "refused"}
    assert call.said == [""]


async def test_who_greets_and_then_says_nothing_makes_way_too(redis_url: str, texts: Texts) -> None:
    """Its variables are asked for, and do not come: it is no call yet."""
    async with memory_line(redis_url, texts) as line, AsyncExitStack() as stack:
        for _ in range(SILENT):
            mute = stack.enter_context(socket.socket())
            mute.setblocking(False)
            await asyncio.get_running_loop().sock_connect(mute, ("127.0.0.1", line.server.port))
            await asyncio.get_running_loop().sock_sendall(mute, b"agi_network: yes\n\n")
        assert (await line.call([*OPENING, *CARD])).variables == {"KHALLAS_RESULT": "ended"}
        assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="crowded") == 0


async def test_another_script_is_refused(line: AgiLine) -> None:
    call = await line.call([], script="another")
    assert call.variables == {"KHALLAS_RESULT": "refused"}
    assert line.counted("khallas_refused_total", door="ivr/fastagi", reason="malformed") == 1


async def test_a_forged_token_opens_no_payment(line: AgiLine) -> None:
    payment = line.till.basket()
    forged = CallTokens(["another key"]).make(payment.id, SALMA)
    altered = TOKENS.make(payment.id, SALMA).replace(payment.id, "01JOTHER")
    for token in (forged, altered, "rubbish"):
        call = await line.call([], token=token)
        assert call.variables == {"KHALLAS_RESULT": "refused"}


async def test_one_call_too_many_is_busy_and_the_others_go_on(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts, calls_max=1) as line:
        leave = asyncio.Event()
        first = line.switch(stalls=leave)
        going = asyncio.create_task(first.call([]))
        await first.stalled.wait()
        busy = await line.call([], "+212600000002")
        leave.set()
        await going
        await line.over()
        assert busy.variables == {"KHALLAS_RESULT": "busy"}
        assert (await line.call([("bienvenue", HANG_UP)])).hung_up


async def test_connections_are_bounded(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts, calls_max=0, waiting_max=0) as line:
        assert await _sent(line, b"agi_network: yes\n\n") == b""
        assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="crowded") == 1


# --- switches that do not behave --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: khallas\r\n\r\n",
        b"\xff\xfe\x00\x01\n\n",
        b"agi_network: " + b"y" * LINE_BYTES_MAX * 2 + b"\n\n",
        b"agi_network: yes\n" * (GREETING_LINES_MAX + 1) + b"\n",
        b"x" * 1_000_000,
    ],
)
async def test_rubbish_instead_of_a_greeting_is_cut(line: AgiLine, data: bytes) -> None:
    assert await _sent(line, data) == b""
    await line.over()
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="broken") == 1


async def test_an_empty_connection_is_a_hang_up(line: AgiLine) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", line.server.port)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)
    await line.over()
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="hung_up") == 1


async def test_a_greeting_that_does_not_come_is_not_waited_for(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts, bounds=AgiBounds(greeting_max_s=0.05)) as line:
        assert await _sent(line, b"agi_network: yes\n") == b""


@pytest.mark.parametrize("reply", ["", "520-Invalid command syntax.", "510 Invalid or unknown command", "hello", "200"])
async def test_a_switch_that_answers_nonsense_in_the_middle_of_a_card_is_cut_and_the_card_erased(
    redis_url: str, texts: Texts, reply: str
) -> None:
    bounds = AgiBounds(slack_s=2.0 if reply else 0.1)
    async with memory_line(redis_url, texts, manner=Manner(timers=Timers(next_digit_s=0.3)), bounds=bounds) as line:
        await line.switch(nonsense=reply).call([*OPENING, CARD[0], ("finissant par", f"12{HANG_UP}")])
        await line.over()
        assert await line.held() == []
        assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="broken") == 1


async def test_a_missing_recording_is_no_hang_up_and_money_is_said_digit_by_digit(line: AgiLine) -> None:
    missing = frozenset({"fr/h-7", "fr/terms"})
    number = ("facture : sept six neuf dirhams et vingt centimes", CARD[0][1])
    steps = [*OPENING[:3], ("acceptez|accepter", "1"), number, CARD[1], ("tapez un", "1"), CARD[3]]
    call = await line.call(steps, missing=missing, core_sounds=False)
    assert call.variables == {"KHALLAS_RESULT": "ended"}
    assert line.till.memory.charged == ["0010"]
    assert line.counted("khallas_prompts_missing_total", language="fr", prompt="h-7") >= 1
    assert line.counted("khallas_prompts_missing_total", language="fr", prompt="terms") == 1
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="hung_up") == 0
    assert {piece.name for piece in line.server.unheard} == {"h-7", "terms"}


async def test_the_switchs_own_voice_says_what_our_digits_lack(line: AgiLine) -> None:
    missing = frozenset({"fr/h-7", "fr/n-6"})
    opening = [OPENING[0], ("mobile qui appelle", "1"), *OPENING[2:4]]
    call = await line.call([*opening, ("facture : sept .6. neuf dirhams", HANG_UP)], missing=missing)
    assert call.hung_up


@pytest.mark.parametrize("asked", range(len([*OPENING, *CARD])))
async def test_a_call_without_a_single_sound_goes_on(line: AgiLine, asked: int) -> None:
    """Silent, and counted; nobody is said to have hung up."""
    steps = [(".*", keys) for _, keys in [*OPENING, *CARD][: asked + 1]]
    call = await line.call([*steps[:-1], (".*", HANG_UP)], missing=frozenset({""}), core_sounds=False)
    await line.over()
    assert call.hung_up
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="hung_up") == 1


async def test_who_hangs_up_in_the_middle_of_a_prompt_has_hung_up(line: AgiLine) -> None:
    await line.call([*OPENING], hangs_up_in="fr/card-number")
    await line.over()
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="hung_up") == 1
    assert not line.server.unheard


# --- what breaks on our side ------------------------------------------------------------------------------------------


async def test_a_turn_that_breaks_is_apologised_for_in_the_callers_language(line: AgiLine) -> None:
    line.till.memory.broken.add("person")
    call = await line.call([])
    assert "Désolé" in call.said[-1]
    assert "Sorry" in call.said[-1]
    assert call.variables == {"KHALLAS_RESULT": "failed"}


async def test_a_call_has_an_end(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts, manner=Manner(call_max_s=0.0)) as line:
        call = await line.call([])
        assert call.variables == {"KHALLAS_RESULT": "timeout"}
        for words in ("a duré trop longtemps", "has lasted too long", "أكثر من اللازم"):
            assert words in call.said[-1]  # and nothing of a service that does not answer


async def test_a_leaving_server_takes_no_call_and_ends_when_its_calls_have(redis_url: str, texts: Texts) -> None:
    go_on = asyncio.Event()
    async with memory_line(redis_url, texts) as line:
        first, *rest = OPENING
        call = line.switch(stalls=go_on)
        going = asyncio.create_task(call.call([first]))
        await call.stalled.wait()
        line.server.leave()
        with pytest.raises(ConnectionError):
            await line.call([])
        stopping = asyncio.create_task(line.server._finish())  # what open() does at its end
        await asyncio.sleep(0)
        assert not stopping.done()
        call.go_on([*rest, *CARD])
        go_on.set()
        await going
        await stopping
        assert call.variables == {"KHALLAS_RESULT": "ended"}
        assert line.till.memory.charged == ["0010"]


async def test_a_stopping_server_erases_what_its_calls_held(redis_url: str, texts: Texts) -> None:
    stopped = asyncio.Event()
    async with memory_line(redis_url, texts, drain_s=0.1) as line:
        call = line.switch(stalls=stopped)
        going = asyncio.create_task(call.call([*OPENING, *CARD[:1], ("finissant par", "12")]))
        await call.stalled.wait()
        assert len(await line.held()) == 1
        server = line.server
        await server.probe()
        await server._finish()  # what open() does at its end
        assert await line.held() == []
        stopped.set()
        await asyncio.gather(going, return_exceptions=True)
    with pytest.raises(ConnectionError):
        await server.probe()


async def test_silent_connections_make_way_for_calls(redis_url: str, texts: Texts) -> None:
    """260 of them, from the very address of the switch: no right call is turned away for it."""
    async with memory_line(redis_url, texts) as line, AsyncExitStack() as stack:
        for _ in range(SILENT):
            mute = stack.enter_context(socket.socket())
            mute.setblocking(False)
            await asyncio.get_running_loop().sock_connect(mute, ("127.0.0.1", line.server.port))
        assert (await line.call([*OPENING, *CARD])).variables == {"KHALLAS_RESULT": "ended"}
        assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="crowded") == 0


async def test_a_foreign_peer_is_refused_before_it_says_anything(redis_url: str, texts: Texts) -> None:
    gate = Authentication(networks=(ipaddress.ip_network("192.0.2.0/28"),))
    async with memory_line(redis_url, texts, admits=gate.admits) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.server.port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), OVER_MAX_S) == b""  # nothing was sent, nothing is heard
        writer.transport.abort()
        assert line.counted("khallas_refused_total", door="ivr/fastagi", reason="forbidden") == 1
