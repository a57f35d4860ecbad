"""What the field sends to the short code: machines, reactions, gateways that spell otherwise."""

import pytest

from channels.sms.inbox import customer_of
from channels.sms.reactions import is_reaction
from channels.sms.wires.kannel import KannelSmsWire
from core.repositories import Delivery
from tests.channels.sms.conftest import KANNEL_SECRET, SALMA, YOUSSEF, Counter
from tests.channels.sms.test_endpoint import post, text
from tests.channels.sms.test_kannel import bring, get
from tests.channels.sms.test_wires import incoming

MACHINE = "Je conduis, je vous rappelle plus tard."
REACTIONS = (
    "A aimé « Factures impayées : 2. Total : 413,50 DH. »",
    "N’a pas aimé « Votre code : 012345 »",
    "A réagi par 👍 à « Votre facture »",
    "Liked “Unpaid bills: 2. Total 413,50 DH.”",
    "Laughed at “Your payment code”",
    "Removed a heart from “Your bill…”",
    "Reacted 👍 to “FACTURE”",
    '👍 to "Votre code : 012345"',
    "❤️ à « CODE »",
    "\u200e👍 to “Your bill”",
    "أعجب بـ «فواتير غير مؤداة: 2»",
    "لم يعجبه «فاتورة»",
    "ضحك على «الرمز»",
    "تفاعل بـ 👍 مع «فاتورة»",
)


@pytest.mark.parametrize("reaction", REACTIONS)
def test_a_reaction_is_no_text_of_a_customer(reaction: str) -> None:
    assert is_reaction(reaction)


@pytest.mark.parametrize(
    "words", ["CODE", "code « svp »", "payer ma facture", "« CODE »", "", "👍", "فاتورة «من فضلكم»"]
)
def test_a_customers_text_is_no_reaction(words: str) -> None:
    assert not is_reaction(words)


async def test_reactions_are_answered_with_silence(counter: Counter) -> None:
    for reaction in REACTIONS:
        assert await counter.send(SALMA, reaction) == [], reaction
    assert "012345" in await counter.says(SALMA, "CODE")


@pytest.mark.parametrize(
    "machine",
    [MACHINE, "Absent jusqu'au {n}0/12, merci de rappeler", "This is an automatic reply: pay attention please"],
)
async def test_a_loop_with_a_machine_ends_after_three(counter: Counter, machine: str) -> None:
    answered = [await counter.send(SALMA, machine.format(n=n)) for n in range(6)]
    assert [len(replies) for replies in answered] == [1, 1, 0, 0, 0, 0]
    assert "012345" in await counter.says(SALMA, "CODE")
    assert len(await counter.send(YOUSSEF, machine)) == 1, "somebody else is somebody else"


async def test_whoever_asks_again_is_answered_again(counter: Counter) -> None:
    assert [len(await counter.send(SALMA, "CODE")) for _ in range(5)] == [1] * 5
    assert [len(await counter.send(SALMA, words)) for words in ("bla", "blu", "bli", "ble")] == [1] * 4


@pytest.mark.parametrize(
    "sender",
    [
        SALMA,
        " 212600000001",
        "+212 600-000-001",
        "212600000001",
        "0600000001",
        "tel:+212600000001",
        "+212 (600) 000.001",
    ],
)
def test_a_sender_is_one_however_it_is_written(sender: str) -> None:
    assert customer_of(sender, "1117", ("212",)) == SALMA


@pytest.mark.parametrize("sender", ["MAROCTEL", "1117", "", "+212 OOO", "12 34"])
def test_who_is_no_customer_stays_none(sender: str) -> None:
    assert customer_of(sender, "1117", ("212",)) is None


async def test_twilios_older_names(counter: Counter) -> None:
    form = text() | {"SmsSid": "SM1"}
    del form["MessageSid"]
    status, body = await post(counter, "/sms/twilio", form)
    assert (status, "012345" in body) == (200, True)
    told = {"SmsSid": "SM77", "SmsStatus": "delivered"}
    assert (await post(counter, "/sms/twilio/status?ref=twilio-SM1", told))[0] == 204
    assert [row[2] for row in await counter.messages()] == ["delivered"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *(("1", Delivery.DELIVERED), ("33", Delivery.DELIVERED), ("2", Delivery.FAILED), ("34", Delivery.FAILED)),
        *(("66", Delivery.FAILED), ("16", Delivery.FAILED), ("18", Delivery.FAILED), ("8", Delivery.SENT)),
        *(("4", Delivery.SENT), ("12", Delivery.SENT), ("0", None), ("32", None), ("x", None), ("9" * 50, None)),
    ],
)
def test_kannels_type_is_a_mask(kind: str, status: Delivery | None) -> None:
    request = {"method": "GET", "path": f"/sms/kannel/dlr?ref=kannel-1&type={kind}", "headers": {}, "body": ""}
    assert KannelSmsWire().decode_status(incoming(request)).status is status


async def test_an_expired_message_of_kannels_has_failed(counter: Counter) -> None:
    assert await bring(counter, "id-9", "CODE") == 200
    status, _ = await get(counter, "/sms/kannel/dlr/", ref="kannel-id-9", type="34", secret=KANNEL_SECRET)
    assert status == 200
    assert [row[2] for row in await counter.messages()] == ["failed"]
