"""The SMS door: signatures, repeats, copies at once, limits, delivery reports, and parts that are away."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from redis.asyncio import Redis

from channels.carriers.twilio.signature import sign
from channels.sms.deduplication import SEEN_TTL_S, AlreadyAnswered, MemoryDown, RedisDeduplication
from channels.sms.endpoint import BODY_BYTES_MAX
from channels.sms.inbox import SmsLimits
from core.billing.embedded import EmbeddedBilling
from core.subscribers.lines import ServiceType
from lab.caller import DEMO_TOKEN
from tests.channels.sms.conftest import IMANE, PUBLIC, SALMA, STRANGER, Counter, memory_on

RECORDED = json.loads((Path(__file__).parents[2] / "wires" / "sms-twilio.json").read_text(encoding="utf-8"))


async def post(
    counter: Counter, path: str, fields: dict[str, str] | bytes, *, token: str | None = DEMO_TOKEN
) -> tuple[int, str]:
    """A form, signed unless `token` is None."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if token is not None and isinstance(fields, dict):
        headers["x-twilio-signature"] = sign(token, PUBLIC + path, list(fields.items()))
    async with (
        aiohttp.ClientSession() as session,
        session.post(counter.url + path, data=fields, headers=headers) as response,
    ):
        return response.status, await response.text()


def text(sid: str = "SM1", sender: str = SALMA, body: str = "CODE", **more: str) -> dict[str, str]:
    return {"MessageSid": sid, "From": sender, "To": "1117", "Body": body, **more}


async def post_recorded(counter: Counter, request: dict[str, Any], signature: str | None = None) -> int:
    """The bytes as they were recorded."""
    headers = {"content-type": "application/x-www-form-urlencoded"} | request.get("headers", {})
    headers |= {"x-twilio-signature": signature} if signature else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(counter.url + request["path"], data=request["body"].encode(), headers=headers) as response,
    ):
        return response.status


async def test_recorded_requests_pass(counter: Counter) -> None:
    assert [await post_recorded(counter, entry["request"]) for entry in RECORDED["texts"]] == [200] * 5
    assert [await post_recorded(counter, entry["request"]) for entry in RECORDED["reports"]] == [204] * 3


async def test_the_reply_asks_for_its_delivery_report(counter: Counter) -> None:
    status, body = await post(counter, "/sms/twilio", text())
    assert status == 200
    assert f'action="{PUBLIC}/sms/twilio/status?ref=twilio-SM1" method="POST"' in body


@pytest.mark.parametrize("path", ["/sms/twilio", "/sms/twilio/status"])
async def test_unsigned_requests_are_refused_before_they_are_read(counter: Counter, path: str) -> None:
    for fields in (text(), {"nonsense": "x"}):
        for token in (None, "other"):
            assert await post(counter, path, fields, token=token) == (403, "refused\n")
    assert (await post(counter, path, b"\xff\x00"))[0] == 403
    assert await counter.redis.keys("*") == []
    assert await counter.messages() == []


async def test_malformed_requests_change_nothing(counter: Counter) -> None:
    for entry in RECORDED["malformed"]:
        pairs = parse_qsl(entry["body"], keep_blank_values=True, encoding="latin-1")
        status = await post_recorded(counter, entry, sign(DEMO_TOKEN, PUBLIC + entry["path"], pairs))
        assert status == 400, entry["name"]
    assert await counter.redis.keys("*") == []


async def test_another_method_is_no_text(counter: Counter) -> None:
    """Starlette lets HEAD in beside GET: Kannel's door would take it for one more text."""
    async with aiohttp.ClientSession() as session:
        for path, methods in {
            "/sms/twilio": ("GET", "PUT"),
            "/sms/kannel?from=%2B212600000001&id=1": ("HEAD",),
        }.items():
            for method in methods:
                async with session.request(method, counter.url + path) as response:
                    assert response.status == 405
    assert await counter.redis.keys("*") == []


async def test_a_report_is_answered_with_nothing(counter: Counter) -> None:
    fields = {"MessageSid": "SMx", "MessageStatus": "sent"}
    signature = sign(DEMO_TOKEN, f"{PUBLIC}/sms/twilio/status", list(fields.items()))
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{counter.url}/sms/twilio/status", data=fields, headers={"x-twilio-signature": signature}
        ) as response,
    ):
        assert (response.status, "content-length" in response.headers) == (204, False)


async def test_a_giant_body(counter: Counter) -> None:
    assert (await post(counter, "/sms/twilio", b"Body=" + b"x" * BODY_BYTES_MAX))[0] == 400


# --- repeats ---------------------------------------------------------------------------------------------------------


async def test_a_repeat_gets_the_same_answer_and_does_nothing(counter: Counter) -> None:
    first = await post(counter, "/sms/twilio", text())
    await counter.database.do("UPDATE lines SET payment_code = '999999'")
    counter.billing.down = True
    assert await post(counter, "/sms/twilio", text()) == first
    assert "012345" in first[1]
    assert len(await counter.messages()) == 1
    assert 2 * 24 * 3600 < await counter.redis.ttl("kh:sms:seen:twilio-SM1") <= SEEN_TTL_S
    assert b"012345" not in (await counter.redis.get("kh:sms:seen:twilio-SM1") or b"")  # sealed: it is a payment code
    counter.billing.down = False
    assert "999999" in (await post(counter, "/sms/twilio", text("SM2")))[1]


async def test_copies_at_once_are_one_message(counter: Counter) -> None:
    answers = await asyncio.gather(*(post(counter, "/sms/twilio", text(body="LANG EN")) for _ in range(8)))
    assert len(set(answers)) == 1
    assert "English" in answers[0][1]
    assert await counter.redis.get(f"kh:{{limit:sms}}:sender:{SALMA}") == b"1"


@pytest.mark.parametrize("copy_looks_max", [2])
async def test_whoever_died_answering_is_succeeded(counter: Counter) -> None:
    assert await memory_on(counter.redis).claim("twilio-SM1") is True
    assert "012345" in (await post(counter, "/sms/twilio", text()))[1]


# --- who is answered, and how often ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["1234", "MAROCTEL", "+33612345678", "1117"])
async def test_some_senders_are_never_answered(counter: Counter, sender: str) -> None:
    status, body = await post(counter, "/sms/twilio", text(sender=sender))
    assert (status, "Message" in body) == (200, False)
    assert await counter.redis.keys("*") == []


async def test_what_the_gateway_has_answered(counter: Counter) -> None:
    for number, (kind, stopped) in enumerate([("STOP", 1), ("HELP", 1), ("START", 0)]):
        status, body = await post(counter, "/sms/twilio", text(f"SM{number}", body=kind, OptOutType=kind))
        assert (status, "Message" in body) == (200, False)
        assert await counter.redis.exists(f"kh:{{{SALMA}}}:sms:stop") == stopped
        assert await memory_on(counter.redis).stopped(SALMA) is bool(stopped)


@pytest.mark.parametrize("sms_limits", [SmsLimits(sender=3)])
async def test_a_sender_past_the_limit_is_told_once(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    answers = [await counter.send(SALMA, "CODE") for _ in range(6)]
    assert ["012345" in "".join(each) for each in answers] == [True, True, True, False, False, False]
    assert answers[3] == ["Trop de messages. Réessayez plus tard ou appelez le 777."]
    assert answers[4:] == [[], []]
    assert await counter.send(IMANE, "2") != []
    assert SALMA not in caplog.text  # logs mask numbers


@pytest.mark.parametrize("sms_limits", [SmsLimits(prefix=2), SmsLimits(everyone=2), SmsLimits(sender_day=2)])
async def test_other_limits(counter: Counter, sms_limits: SmsLimits) -> None:
    senders = [SALMA] * 3 if sms_limits.sender_day == 2 else [SALMA, IMANE, STRANGER]
    answers = [await counter.says(sender, "AIDE") for sender in senders[:2]]
    assert all(answer.startswith("CODE :") for answer in answers)
    third = await counter.send(senders[2], "AIDE")
    assert third == [] if sms_limits.everyone == 2 else third[0].startswith("Trop de messages")


# --- delivery reports ------------------------------------------------------------------------------------------------


async def test_reports_never_go_back(counter: Counter) -> None:
    await post(counter, "/sms/twilio", text())
    path = "/sms/twilio/status?ref=twilio-SM1"
    seen = []
    for status in ("queued", "delivered", "sent", "failed", "teleported"):
        fields = {"MessageSid": "SMout", "MessageStatus": status, "ErrorCode": ""}
        assert (await post(counter, path, fields))[0] == 204
        seen.append((await counter.messages())[0][2])
    assert seen == ["sent", "delivered", "delivered", "delivered", "delivered"]


async def test_a_failed_delivery_keeps_its_error(counter: Counter) -> None:
    await post(counter, "/sms/twilio", text())
    fields = {"MessageSid": "SMout", "MessageStatus": "undelivered", "ErrorCode": "30003"}
    await post(counter, "/sms/twilio/status?ref=twilio-SM1", fields)
    row = await counter.database.one("SELECT status, error FROM messages")
    assert row == {"status": "failed", "error": "30003"}


async def test_a_report_of_nothing_we_know(counter: Counter) -> None:
    assert (await post(counter, "/sms/twilio/status", {"MessageSid": "SMx", "MessageStatus": "sent"}))[0] == 204


# --- parts that are away ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["CODE", "FACTURE"])
async def test_billing_is_down(counter: Counter, body: str) -> None:
    counter.billing.down = True
    for sender in (SALMA, STRANGER):
        status, answer = await post(counter, "/sms/twilio", text(f"SM{sender[1:]}", sender, body))
        assert (status, "Service indisponible pour le moment" in answer) == (200, True)
    counter.billing.down = False
    assert "indisponible" not in (await post(counter, "/sms/twilio", text(f"SM{SALMA[1:]}", SALMA, body)))[1]


async def test_billing_goes_down_between_two_questions(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(billing: EmbeddedBilling, service: ServiceType, reference: str) -> None:
        counter.billing.down = True
        await counter.billing.lines_of(SALMA)

    monkeypatch.setattr(EmbeddedBilling, "unpaid", down)
    assert "indisponible" in await counter.says(IMANE, "FACTURE")


async def test_the_database_is_away(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    await counter.pool.close()
    caplog.set_level(logging.CRITICAL)
    assert "indisponible" in (await post(counter, "/sms/twilio", text()))[1]
    assert "غير متاحة" in (await post(counter, "/sms/twilio", text(body="كود")))[1]
    assert (await post(counter, "/sms/twilio/status", {"MessageSid": "SM1", "MessageStatus": "sent"}))[0] == 503
    assert await counter.redis.keys("kh:sms:seen:*") == []


async def test_what_nobody_foresaw(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(people: object, msisdn: str) -> None:
        raise RuntimeError("a mistake of ours")

    with monkeypatch.context() as patch:
        patch.setattr("core.database.subscribers.people.PgPeople.remembered", broken)
        assert "indisponible" in (await post(counter, "/sms/twilio", text()))[1]
    assert "012345" in (await post(counter, "/sms/twilio", text()))[1]


async def test_memory_without_redis() -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as nobody:
        memory = memory_on(nobody)
        for asked in (
            memory.claim("x"),
            memory.keep("x", "y"),
            memory.release("x"),
            memory.offered(SALMA),
            memory.stopped(SALMA),
        ):
            with pytest.raises(MemoryDown):
                await asked


async def memory_down(memory: RedisDeduplication, *given: object) -> None:
    raise MemoryDown("ConnectionError")


async def test_redis_is_away(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RedisDeduplication, "claim", memory_down)
    assert "indisponible" in await counter.says(SALMA, "CODE")
    assert await counter.messages() == []


async def test_redis_goes_away_in_the_middle(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RedisDeduplication, "keep", memory_down)
        patch.setattr(RedisDeduplication, "release", memory_down)
        assert "indisponible" in (await post(counter, "/sms/twilio", text()))[1]
    await counter.redis.delete("kh:sms:seen:twilio-SM1")  # the claim ends by itself after a while
    assert "012345" in (await post(counter, "/sms/twilio", text()))[1]


async def test_memory_remembers_silence(counter: Counter) -> None:
    memory = memory_on(counter.redis)
    assert await memory.claim("a") is True
    assert await memory.claim("a") is False
    await memory.keep("a", None)
    assert await memory.claim("a") == AlreadyAnswered(None)
    await memory.keep("a", "+-?é")
    assert await memory.claim("a") == AlreadyAnswered("+-?é")
    await memory.release("a")
    assert await memory.claim("a") is True
