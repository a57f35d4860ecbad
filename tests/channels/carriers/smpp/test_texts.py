"""Texts and receipts through an SMSC from outside, the whole server, a real database and a real Valkey."""

import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from redis.asyncio import Redis

from channels.carriers.smpp.ids import SmscIds, fold_id
from core.ports import OutgoingSms
from core.repositories import Delivery
from khallas.server.app import assemble
from tests.channels.carriers.smpp.conftest import until
from tests.channels.carriers.smpp.house import Running, binds, running, seed, settings_of
from tests.channels.carriers.smpp.outside import Smsc
from tests.channels.sms.conftest import IMANE, NADIA, SALMA, STRANGER, YOUSSEF
from tests.support.waiting import readiness

THROTTLED = 0x58


@pytest.fixture
async def server(smsc: Smsc, redis_url: str, database_url: str) -> AsyncIterator[Running]:
    await seed(database_url)
    async with running(settings_of(redis_url, database_url, smpp=binds(smsc))) as server:
        yield server


async def replies(smsc: Smsc, count: int = 1) -> list[str]:
    """The texts of the first submits, each part by itself."""

    async def there() -> bool:
        return len(await smsc.submits()) >= count

    await until(there)
    return [each["text"] for each in await smsc.submits()]


async def status(server: Running, msisdn: str, wanted: str) -> None:
    async def is_it() -> bool:
        return bool((await server.message(msisdn))["status"] == wanted)

    await until(is_it)


async def test_code_is_answered_and_its_delivery_told(smsc: Smsc, server: Running) -> None:
    await smsc.mode(receipts=["DELIVRD"])
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0
    (reply,) = await replies(smsc)
    assert "012345" in reply
    submit = (await smsc.submits())[0]
    assert (submit["from"], submit["to"], submit["to_ton"]) == ("1117", SALMA[1:], 1)
    assert (submit["data_coding"], submit["registered_delivery"]) == (0, 1)
    await status(server, SALMA, "delivered")
    row = await server.message(SALMA)
    assert (row["kind"], row["route"], row["attempts"]) == ("code_sms", "atlas", 1)
    assert row["provider_id"].startswith("atlas:")
    assert "012345" not in str(row)


async def test_arabic_both_ways(smsc: Smsc, server: Running) -> None:
    assert await smsc.deliver(YOUSSEF[1:], "الرمز".encode("utf-16-be"), data_coding=8) == 0
    await status(server, YOUSSEF, "sent")
    submits = await smsc.submits()
    reply = "".join(text for _, text in sorted((each["udh"] or "", each["text"]) for each in submits))
    assert "771204" in reply
    assert {each["data_coding"] for each in submits} == {8}
    assert len(submits) <= 2
    assert any("\u0600" < char < "\u06ff" for char in reply)


async def test_three_parts_in_any_order_from_two_senders_with_one_reference(smsc: Smsc, server: Running) -> None:
    text = "CODE\n-- \n" + "Signature assez longue pour trois morceaux. " * 9
    pieces = [text[start : start + 150] for start in (0, 150, 300)]
    arriving = [
        (sender, bytes((5, 0, 3, 42, 3, number)) + piece.encode("ascii"))
        for sender in (SALMA, NADIA)
        for number, piece in enumerate(pieces, 1)
    ]
    random.Random(3).shuffle(arriving)
    for sender, data in arriving:
        assert await smsc.deliver(sender[1:], data, esm_class=0x40) == 0
    answered = await replies(smsc, 2)
    assert sorted(code for code in ("012345", "559061") if any(code in reply for reply in answered)) == [
        "012345",
        "559061",
    ]
    assert len(await server.statuses()) == 2


async def test_a_restart_between_two_parts_loses_neither(smsc: Smsc, redis_url: str, database_url: str) -> None:
    await seed(database_url)
    settings = settings_of(redis_url, database_url, smpp=binds(smsc))
    async with running(settings):
        assert await smsc.deliver(SALMA[1:], bytes((5, 0, 3, 1, 2, 2)) + b"DE", esm_class=0x40) == 0
    async with running(settings) as server:
        assert await smsc.deliver(SALMA[1:], bytes((5, 0, 3, 1, 2, 1)) + b"CO", esm_class=0x40) == 0
        await replies(smsc)
        assert await server.statuses() == [("code_sms", SALMA, "sent")]
    assert (await smsc.tell("state"))["unbinds"] == 2


async def test_whoever_wrote_what_never_came_whole_is_asked_to_send_it_again(smsc: Smsc, server: Running) -> None:
    """The reference has come round: what was begun is dropped, its sender told once, and the new text answered."""
    for header, data in ((1, b"CODE "), (1, b"AI"), (2, b"DE")):
        assert await smsc.deliver(SALMA[1:], bytes((5, 0, 3, 0, 2, header)) + data, esm_class=0x40) == 0

    async def answered() -> bool:
        return [status for _, _, status in await server.statuses()] == ["sent", "sent"]

    await until(answered)
    assert sum("incomplet" in reply for reply in await replies(smsc, 2)) == 1


async def test_a_worker_alone_binds_to_send(smsc: Smsc, redis_url: str, database_url: str) -> None:
    house = assemble(settings_of(redis_url, database_url, smpp=binds(smsc)))
    async with house.open(), house.networks.open(serving=False):

        async def bound() -> bool:
            return house.networks.states() == {"smsc atlas": "bound"}

        await until(bound)
        provider_id = await house.networks.texter.send(OutgoingSms("r-1", SALMA, "text"))
        # whoever asks again gets the same id, and nothing is sent
        assert await house.networks.texter.send(OutgoingSms("r-1", SALMA, "text")) == provider_id
    assert [each["command"] for each in (await smsc.tell("state"))["binds"]] == ["bind_transmitter"]
    assert len(await smsc.submits()) == 1


def test_ids_have_one_spelling() -> None:
    assert [fold_id(each) for each in ("00AB", "ab", " 0 ", "", "7f-X")] == ["ab", "ab", "0", "", "7f-x"]
    assert [fold_id(each, SmscIds.HEX) for each in ("00AB", "ab", "no-number")] == ["171", "171", "no-number"]
    assert len(fold_id("9" * 300)) == 65


async def test_a_long_message_is_delivered_when_all_its_parts_are(smsc: Smsc, server: Running) -> None:
    long = "Reçu ق" + "كلام " * 30
    await outbox(server, "r-1", YOUSSEF)
    await smsc.mode(receipts=["DELIVRD", "ACCEPTD", "DELIVRD"])
    provider_id = await server.house.networks.texter.send(OutgoingSms("r-1", YOUSSEF, long))
    submits = await smsc.submits()
    assert len(submits) == 3
    assert "".join(part for _, part in sorted((each["udh"], each["text"]) for each in submits)) == long
    assert {each["udh"][:8] for each in submits} == {submits[0]["udh"][:8]}
    await status(server, YOUSSEF, "sent")
    for each in submits:
        await smsc.tell("receipt", source_addr="1117", destination_addr=YOUSSEF[1:], id=each["id"], state="DELIVRD")
    await status(server, YOUSSEF, "delivered")
    assert provider_id == f"atlas:{submits[0]['id'].lower().lstrip('0')}"


async def test_one_part_that_fails_fails_the_message(smsc: Smsc, server: Running) -> None:
    await outbox(server, "r-1", YOUSSEF)
    await smsc.mode(receipts=["DELIVRD", "UNDELIV"])
    await server.house.networks.texter.send(OutgoingSms("r-1", YOUSSEF, "ق" * 100))
    await status(server, YOUSSEF, "failed")


async def test_a_receipt_before_the_answer_to_its_submit(smsc: Smsc, server: Running) -> None:
    await smsc.mode(receipts=["DELIVRD"], receiptFirst=True)
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0
    await status(server, SALMA, "delivered")


async def test_what_cannot_be_kept_is_not_acknowledged(smsc: Smsc, server: Running) -> None:
    await server.house.database.do("ALTER TABLE messages RENAME TO messages_away")
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0x14
    await server.house.database.do("ALTER TABLE messages_away RENAME TO messages")
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0
    assert len(await replies(smsc)) == 1


async def test_a_repeat_after_a_drop_is_answered_once_and_a_second_text_twice(smsc: Smsc, server: Running) -> None:
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0
    await replies(smsc)
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0  # the same connection: the customer asks again
    await replies(smsc, 2)
    await smsc.tell("drop")

    async def back() -> bool:
        return bool((await smsc.tell("state"))["sessions"] == 1)

    await until(back)
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0  # another one: perhaps our answer was lost
    assert await smsc.deliver(STRANGER[1:], b"CODE") == 0
    await replies(smsc, 3)
    assert len(await server.statuses()) == 3


async def test_nobody_is_refused_for_a_text(smsc: Smsc, server: Running) -> None:
    for coding in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 72, 0x99, 245, 255):
        data = bytes(random.Random(coding).randrange(256) for _ in range(40))
        assert await smsc.deliver("777", data, data_coding=coding) == 0
    assert await smsc.deliver("777", b"", message_payload=b"CODE" * 500) == 0
    assert await smsc.deliver("777", b"\x50CODE", esm_class=0x40) == 0
    assert await smsc.deliver("MAROCTEL", b"CODE", ton=5) == 0
    assert await server.statuses() == []


async def test_throttled_and_dropped_messages_go_out_later_once(smsc: Smsc, server: Running) -> None:
    await smsc.mode(statuses=[THROTTLED])
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0
    assert len(await replies(smsc, 2)) == 2  # refused, then taken
    await status(server, SALMA, "sent")
    await smsc.mode(submit="drop")
    assert await smsc.deliver(NADIA[1:], b"CODE") == 0
    await replies(smsc, 3)
    await smsc.mode(submit="ok")

    async def noted() -> bool:
        return bool((await server.message(NADIA))["error"])

    await until(noted)
    assert (await server.message(NADIA))["status"] == "queued"
    await until(lambda: bound_again(server))  # a try before that waits five seconds more
    await server.house.database.do("UPDATE messages SET due_at = now() WHERE status = 'queued'")
    await replies(smsc, 4)  # maybe sent: tried again by the same route
    await status(server, NADIA, "sent")
    row = await server.message(NADIA)
    assert row["attempts"] == 2


@pytest.fixture
async def listening(smsc: Smsc, redis_url: str, database_url: str) -> AsyncIterator[Running]:
    """A server that listens for a late answer for twelve seconds; a try is given up after four."""
    await seed(database_url)
    accounts = binds(smsc, options="response_s=2&enquire_s=1")
    async with running(settings_of(redis_url, database_url, smpp=accounts)) as server:
        yield server


async def test_a_late_answer_is_not_sent_a_second_time(smsc: Smsc, listening: Running) -> None:
    server = listening
    await outbox(server, "r-9", IMANE)
    await smsc.mode(submit="late")
    assert await server.house.books.messages.release("r-9", server.house.clock.now())
    await keep(server, "r-9", "one text")
    await server.house.database.do("UPDATE messages SET due_at = now(), attempts = 0 WHERE reference = 'r-9'")

    async def tried() -> bool:
        return bool((await server.message(IMANE))["error"])

    await until(tried)
    assert len(await smsc.submits()) == 1
    await smsc.mode(submit="ok")
    await smsc.tell("answer")
    await server.house.database.do("UPDATE messages SET due_at = now() WHERE reference = 'r-9'")
    await status(server, IMANE, "sent")
    assert len(await smsc.submits()) == 1


async def test_operations_see_the_link(smsc: Smsc, server: Running) -> None:
    await readiness(server.url, 200, '"smsc atlas":"bound"')
    async with aiohttp.ClientSession() as client, client.get(f"{server.url}/metrics") as response:
        assert 'khallas_smpp_bound{smsc="atlas"} 1.0' in await response.text()
    await smsc.mode(bind=0x0D)
    await smsc.tell("drop")
    await readiness(server.url, 200, '"smsc atlas":"down"')


async def bound_again(server: Running) -> bool:
    return server.house.networks.states() == {"smsc atlas": "bound"}


async def outbox(server: Running, reference: str, msisdn: str) -> None:
    messages, now = server.house.books.messages, server.house.clock.now()
    await messages.record(reference, "answer_sms", msisdn, now, status=Delivery.QUEUED)


async def keep(server: Running, reference: str, text: str) -> None:
    redis: Redis = server.house.redis
    await redis.set(f"kh:sms:seen:{reference}", b"+" + text.encode(), ex=60)


async def test_receipts_without_their_class_start_no_loop(smsc: Smsc, server: Running) -> None:
    """esm_class 0, text alone, and an acknowledgement by the telephone: no customer's words."""
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0
    await status(server, SALMA, "sent")
    (sent,) = await smsc.submits()
    text = "id:{} sub:001 dlvrd:001 submit date:2611290900 done date:2611290901 stat:DELIVRD err:000 text:"
    told = text.format(sent["id"]).encode()
    assert await smsc.deliver(STRANGER[1:], told) == 0  # another's telephone tells nothing of this message
    assert await smsc.deliver(STRANGER[1:], text.format("4711").encode()) == 0
    assert await smsc.deliver(SALMA[1:], b"merci", esm_class=0x08) == 0
    assert (await server.message(SALMA))["status"] == "sent"
    assert await smsc.deliver(SALMA[1:], told) == 0
    await status(server, SALMA, "delivered")
    assert len(await smsc.submits()) == 1


async def test_a_reused_reference_swallows_no_text(smsc: Smsc, server: Running) -> None:
    for count in (1, 2, 3):
        for number, piece in ((1, b"CO"), (2, b"DE")):
            assert await smsc.deliver(SALMA[1:], bytes((5, 0, 3, 7, 2, number)) + piece, esm_class=0x40) == 0
        await replies(smsc, count)
    assert len(await server.statuses()) == 3


async def test_an_empty_id_is_no_id(smsc: Smsc, server: Running) -> None:
    await smsc.mode(empty=True)
    for sender in (SALMA, NADIA):
        assert await smsc.deliver(sender[1:], b"CODE") == 0
        await status(server, sender, "sent")
    for named in ("0", ""):
        told = f"id:{named} sub:001 dlvrd:000 submit date:1 done date:1 stat:UNDELIV err:001 text:".encode()
        assert await smsc.deliver(STRANGER[1:], told, esm_class=4) == 0
    assert [row[2] for row in await server.statuses()] == ["sent", "sent"]


@pytest.mark.parametrize("named", ["MSG_0A_77", "abc$12@smsc", "33E95179"])
async def test_receipts_name_what_was_answered(smsc: Smsc, server: Running, named: str) -> None:
    answered = str(int(named, 16)) if named.isalnum() else named
    await smsc.mode(named=answered)
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0
    await status(server, SALMA, "sent")
    told = f"id:{named} sub:001 dlvrd:001 submit date:1 done date:1 stat:DELIVERED err:000 text:".encode()
    assert await smsc.deliver(SALMA[1:], told, esm_class=4, data_coding=8) == 0
    await status(server, SALMA, "delivered")


async def test_national_numbers_under_an_international_type(smsc: Smsc, server: Running) -> None:
    assert await smsc.deliver("0600000001", b"CODE", ton=1) == 0
    await replies(smsc)
    assert [row[1] for row in await server.statuses()] == [SALMA]


@pytest.mark.parametrize("data", [b"\xff\xfe" + "CODE".encode("utf-16-le"), "CODE".encode("utf-16-le"), b"CODE"])
async def test_texts_under_a_coding_that_lies(smsc: Smsc, server: Running, data: bytes) -> None:
    assert await smsc.deliver(SALMA[1:], data, data_coding=8) == 0
    assert "012345" in (await replies(smsc))[0]
