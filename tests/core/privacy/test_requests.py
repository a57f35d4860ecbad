"""What a person may ask for: everything held is told, corrected and erased; what is kept is evidence or accounts."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from core.database.help_desk.access_log import PgAccessLog
from core.database.privacy.requests import PgPrivacy
from core.help_desk.access_log import Action
from core.languages import LanguageCode
from core.payments.table import PaymentState
from core.privacy.requests import KEPT, Privacy, StillOpen
from core.refunds.requests import Reason
from core.repositories import Delivery
from sessions.store.forget import RedisConversations
from tests.support.bank import CARD, CVV, silent
from tests.support.desks import AGENT, BLIND, DeskShop, desk_of, shown_to
from tests.support.shop import PAYER, STRANGER, Shop

TABLES = (
    "payments",
    "payment_events",
    "messages",
    "people",
    "receipts",
    "access_log",
    "undo_requests",
    "desk_notes",
    "transcript_turns",
)


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        await client.set(f"kh:{{{PAYER}}}:ussd:dialog", "record")
        await client.set(f"kh:{{{PAYER}}}:ivr:call:number", "sealed")
        await client.set(f"kh:{{{PAYER}}}:sms:stop", "1")
        await client.set(f"kh:{{{STRANGER}}}:ussd:dialog", "record")
        yield client


@pytest.fixture
def privacy(at: DeskShop, redis: Redis) -> Privacy:
    shop = at.shop
    return Privacy(
        PgPrivacy(shop.database, BLIND), RedisConversations(redis), PgAccessLog(shop.database), shop.clock, "cli:root"
    )


async def lived(at: DeskShop) -> str:
    """A customer with a consent, a language, a paid bill, messages, a note and a request; the payment's id."""
    till = at.shop.till
    await till.remember_language(PAYER, LanguageCode.AR)
    await till.accept_terms(PAYER, "2026-11", LanguageCode.AR, "ussd")
    payment = await at.shop.paid()
    await at.shop.books.messages.record("code-1", "code_sms", PAYER, at.shop.clock.now(), status=Delivery.SENT)
    await at.shop.work()
    await shown_to(at.shop, PAYER)
    await at.desk.open(AGENT, payment.id)
    await at.desk.note(AGENT, payment.id, "rappeler demain")
    await at.desk.propose_undo(AGENT, payment.id, Reason.OTHER, "doublon")
    at.shop.clock.forward(at.shop.times.confirm_after_s)
    await at.shop.sweep.run()
    return payment.id


async def dump(at: DeskShop) -> str:
    """Every row of every table that could hold a person."""
    return str([await at.shop.database.all(f"TABLE {table}") for table in TABLES])


async def test_an_export_tells_everything_and_is_json(at: DeskShop, privacy: Privacy) -> None:
    payment_id = await lived(at)
    told = json.loads(json.dumps(await privacy.export("06 00 00 00 01"), default=str))
    assert told["msisdn"] == PAYER
    assert told["remembered"][0]["language"] == "ar"
    assert [(c["version"], c["channel"]) for c in told["consents"]] == [("2026-11", "ussd")]
    assert [(line["reference"], line["holder"]) for line in told["lines"]] == [("0600000001", "Salma Demo")]
    assert [bill["number"] for bill in told["bills"]] == ["0000171682062019"]
    assert [(p["id"], p["state"], p["email"], p["card_last4"]) for p in told["payments"]] == [
        (payment_id, "captured", "salma@example.com", "0010")
    ]
    assert [event["event"] for event in told["events"]][:3] == ["create", "send", "approved"]
    assert sorted(message["kind"] for message in told["messages"]) == ["code_sms", "receipt_mail", "receipt_sms"]
    assert [note["text"] for note in told["notes"]] == ["rappeler demain"]
    assert [request["comment"] for request in told["refund_requests"]] == ["doublon"]
    assert {seen["action"] for seen in told["seen_by_the_help_desk"]} == {"view", "note", "undo_propose"}
    assert [turn["screen"] for turn in told["transcripts"]] == ["Service", "PickInvoices"]
    assert told["conversations"] == ["ivr:call:number", "sms:stop", "ussd:dialog"]
    assert "012345" not in json.dumps(told)  # the payment code travels with nobody
    assert AGENT.name not in json.dumps(told)


async def test_an_export_of_a_stranger_is_empty(at: DeskShop, privacy: Privacy) -> None:
    await lived(at)
    told = await privacy.export("+212600000099")
    lists = {name: value for name, value in told.items() if isinstance(value, list)}
    assert len(lists) == 18
    assert all(value == [] for value in lists.values())


async def test_a_correction_reaches_payments_lines_and_mails_that_wait(at: DeskShop, privacy: Privacy) -> None:
    payment = await at.shop.paid()
    other = await at.shop.paid(replace(await at.shop.internet_order(), email="other@example.com"))
    done = await privacy.correct(PAYER, email="Salma@New.example", language=LanguageCode.AR)
    assert done == {"payments": 1, "lines": 1, "messages": 1, "remembered": 1}
    await at.shop.work()
    assert sorted(at.shop.gateways.mails) == sorted(
        [(payment.id, "Salma@new.example"), (other.id, "other@example.com")]
    )
    corrected = await at.shop.till.payment(payment.id)
    assert corrected is not None
    assert (corrected.email, corrected.language) == ("Salma@new.example", LanguageCode.AR)
    for email in ("no address", ""):
        with pytest.raises(ValueError, match="e-mail"):
            await privacy.correct(PAYER, email=email)
    with pytest.raises(ValueError, match="say what"):
        await privacy.correct(PAYER)


async def test_a_correction_beyond_ascii_follows_the_mail_server(at: DeskShop, privacy: Privacy, redis: Redis) -> None:
    payment, address = await at.shop.paid(), "h\u00e9l\u00e8ne@example.com"
    with pytest.raises(ValueError, match="e-mail"):
        await privacy.correct(PAYER, email=address)
    books, access = PgPrivacy(at.shop.database, BLIND), PgAccessLog(at.shop.database)
    told = Privacy(books, RedisConversations(redis), access, at.shop.clock, "cli:root", mail_utf8=True)
    await told.correct(PAYER, email=address)
    corrected = await at.shop.till.payment(payment.id)
    assert corrected is not None
    assert corrected.email == address


async def test_erasing_leaves_accounts_and_evidence_alone(at: DeskShop, privacy: Privacy, redis: Redis) -> None:
    payment_id = await lived(at)
    before = await at.shop.till.payment(payment_id)
    assert before is not None
    erasure = await privacy.erase(PAYER)
    assert erasure.erased == {
        "receipt_links": 1,
        "answers": 1,
        "messages": 2,
        "transcripts": 2,
        "searches": 0,
        "remembered": 1,
        "wallet_payers": 0,
        "wallet_requests": 0,
        "paid_elsewhere": 0,
        "payments": 1,
        "conversations": 2,
    }
    assert set(erasure.kept) == set(KEPT)
    held = await dump(at)
    for personal in (PAYER, "salma@example.com"):
        assert personal not in held
    after = await at.shop.till.payment(payment_id)
    assert after is not None
    assert after == replace(before, payer_msisdn="", email=None)
    consents = await at.shop.database.all("SELECT msisdn, version FROM consents")
    assert consents == [{"msisdn": PAYER, "version": "2026-11"}]
    assert [key async for key in redis.scan_iter(f"kh:{{{PAYER}}}:*")] == [f"kh:{{{PAYER}}}:sms:stop".encode()]
    assert await redis.exists(f"kh:{{{STRANGER}}}:ussd:dialog")
    assert await at.shop.till.by_receipt_token(before.receipt_token or "") is None
    assert (await at.actions())[-1] is Action.ERASE
    assert (await at.log())[-1] == ("cli:root", "erase", None, "+2126*****001")
    told = await privacy.export(PAYER)
    assert (told["payments"], told["messages"], told["remembered"]) == ([], [], [])


async def test_erasing_twice_erases_nothing_more(at: DeskShop, privacy: Privacy) -> None:
    await lived(at)
    await privacy.erase(PAYER)
    assert set((await privacy.erase(PAYER)).erased.values()) == {0}


async def test_a_forgotten_payer_is_sent_nothing(at: DeskShop, privacy: Privacy) -> None:
    payment_id = await lived(at)
    await privacy.erase(PAYER)
    sent = len(at.shop.gateways.sms)
    await at.shop.till.undo(payment_id, "test")
    await at.shop.work()
    payment = await at.shop.till.payment(payment_id)
    assert payment is not None
    assert payment.state is PaymentState.VOIDED
    assert len(at.shop.gateways.sms) == sent


async def test_nothing_is_erased_under_an_open_payment(at: DeskShop, privacy: Privacy) -> None:
    at.shop.bank.scripts.append(silent)
    payment = await at.shop.paid()
    assert payment.state is PaymentState.UNKNOWN
    with pytest.raises(StillOpen, match=payment.reference):
        await privacy.erase(PAYER)
    assert await at.actions() == [Action.ERASE]  # the attempt is logged
    read = await at.shop.till.payment(payment.id)
    assert read is not None
    assert read.payer_msisdn == PAYER


async def test_nothing_is_erased_while_money_may_still_go_back(at: DeskShop, privacy: Privacy) -> None:
    """Its payer is to be told: a bill that billing has not taken yet, a part that waits for settlement."""
    payment = await at.shop.started()
    await at.shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    at.shop.billing.down = True
    await at.shop.work()
    at.shop.clock.forward(at.shop.times.confirm_after_s)
    await at.shop.sweep.run()
    with pytest.raises(StillOpen):
        await privacy.erase(PAYER)
    at.shop.billing.down = False
    at.shop.clock.forward(60)
    await at.shop.sweep.run()
    await privacy.erase(PAYER)


async def test_others_keep_what_is_theirs(at: DeskShop, privacy: Privacy) -> None:
    await lived(at)
    other = await at.shop.paid(await at.shop.internet_order())
    await at.shop.till.accept_terms(STRANGER, "2026-11", LanguageCode.FR, "ivr")
    await at.shop.work()
    await privacy.erase(PAYER)
    assert await at.shop.till.payment(other.id) == replace(other, state=PaymentState.CAPTURED)
    assert len(await at.shop.database.all("SELECT FROM consents")) == 2


@pytest.mark.parametrize("number", ["", "nobody", "12"])
async def test_a_number_must_be_one(privacy: Privacy, number: str) -> None:
    for ask in (privacy.export(number), privacy.erase(number), privacy.correct(number, language=LanguageCode.FR)):
        with pytest.raises(ValueError, match="not a telephone number"):
            await ask


async def test_a_search_for_a_number_is_told_to_its_owner_and_goes_with_the_rest(
    at: DeskShop, privacy: Privacy
) -> None:
    await at.desk.search(AGENT, "Salma Demo 0600000001")
    await at.desk.dialogs_of(AGENT, PAYER)
    told = await privacy.export(PAYER)
    assert len(told["searched_by_the_help_desk"]) == 2
    await privacy.erase(PAYER)
    assert (await privacy.export(PAYER))["searched_by_the_help_desk"] == []
    rows = str(await at.shop.database.all("SELECT detail FROM access_log"))
    assert "600000001" not in rows
    assert "Salma" not in rows
