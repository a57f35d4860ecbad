"""What customers text and what they read: a real till, a real Valkey, real HTTP."""

import logging

import pytest

from channels.sms.deduplication import OFFER_TTL_S
from core.languages import LanguageCode
from core.payments.orders import StartOrder
from core.payments.table import Payment
from core.subscribers.lines import ServiceType
from tests.channels.sms.conftest import IMANE, NADIA, SALMA, STRANGER, YOUSSEF, Counter
from tests.support.bank import CARD, CVV, silent, silent_after_charging
from tests.support.waiting import WAIT_MAX_S


@pytest.mark.parametrize("text", ["CODE", "code ", "CÔDE", "co de", "coed", "сode", "CODE 0600000002"])
async def test_code_of_the_only_line(counter: Counter, text: str) -> None:
    reply = await counter.says(SALMA, text)
    assert reply == (
        "Code de paiement 06...001 : 012345. Ne le donnez qu'à qui paie pour vous. "
        "Pour payer : composez *1117# ou appelez le 0537000777. Aide : 777"
    )
    assert await counter.messages() == [("code_sms", SALMA, "sent")]


async def test_the_language_is_the_scripts_then_the_stored_one_then_french(counter: Counter) -> None:
    assert "Code de paiement" in await counter.says(NADIA, "CODE")  # the line's language is not the person's
    assert "رمز أداء" in await counter.says(NADIA, "كود")
    assert await counter.says(NADIA, "LANG EN") == "Language: English. Text CODE, BILL or PAY. Help: 777"
    assert "Payment code" in await counter.says(NADIA, "CODE")
    assert "رمز أداء" in await counter.says(NADIA, "الرمز")
    assert (await counter.till.person(NADIA)).language is LanguageCode.EN
    assert "اللغة" in await counter.says(NADIA, "LANG AR")
    assert "رمز أداء \u200e06...005\u200f: 559061" in await counter.says(NADIA, "CODE")
    assert await counter.says(NADIA, "LANG") == "أرسلوا LANG FR أو LANG AR أو LANG EN. مساعدة: 777"


async def test_several_lines(counter: Counter) -> None:
    assert await counter.says(IMANE, "CODE") == (
        "Quelle ligne ? Répondez par son numéro sous 10 min :\n"
        "1. Mobile 06...003\n2. Fixe 05...103\n3. Internet 77...345"
    )
    assert "05...103 : 664120." in await counter.says(IMANE, "2")
    assert "\u200e77...345\u200f: 905533." in await counter.says(IMANE, "٣ ")  # Arabic digits: answered in Arabic
    assert "choix" in await counter.says(IMANE, "4")
    assert "choix" in await counter.says(IMANE, "0")
    assert [kind for kind, _, _ in await counter.messages()].count("code_sms") == 2


async def test_a_choice_is_forgotten_after_ten_minutes(counter: Counter) -> None:
    assert "choix" in await counter.says(IMANE, "2")
    await counter.says(IMANE, "CODE")
    key = f"kh:{{{IMANE}}}:sms:offer"
    assert 0 < await counter.redis.ttl(key) <= OFFER_TTL_S == 600
    await counter.redis.expire(key, 0)
    assert "choix" in await counter.says(IMANE, "2")


async def test_a_choice_is_the_line_that_was_shown(counter: Counter) -> None:
    await counter.says(IMANE, "CODE")
    await counter.database.do(
        "UPDATE lines SET contact_msisdn = %(m)s WHERE reference = '0600000003'", m="+212600000099"
    )
    assert "choix" in await counter.says(IMANE, "1")  # no longer hers
    assert "05...103 : 664120." in await counter.says(IMANE, "2")  # though it is the first of two now


async def test_a_strangers_choice_is_not_anothers(counter: Counter) -> None:
    await counter.says(IMANE, "CODE")
    assert "choix" in await counter.says(STRANGER, "2")


@pytest.mark.parametrize("text", ["CODE", "CODE 0600000001", "FACTURE", "solde 0600000001"])
async def test_strangers_get_one_answer(counter: Counter, text: str) -> None:
    assert await counter.says(STRANGER, text) == (
        "Ce mobile n'est lié à aucune ligne. Envoyez CODE depuis le mobile donné à la souscription, ou appelez le 777."
    )
    assert await counter.messages() == [("answer_sms", STRANGER, "sent")]


async def test_bills_of_all_own_lines(counter: Counter) -> None:
    assert await counter.says(IMANE, "FACTURE") == (
        "Factures à payer : 3. Total : 698,00 DH. Pour payer : composez *1117# ou appelez le 0537000777. Aide : 777"
    )
    assert await counter.says(NADIA, "SOLDE") == "Vous n'avez aucune facture à payer. Aide : 777"
    assert await counter.says(YOUSSEF, "فاتورة") == "ليست لديكم أي فاتورة للأداء. مساعدة: 777"


async def test_bills_that_someone_is_paying(counter: Counter) -> None:
    bills = await counter.billing.unpaid(ServiceType.MOBILE, "0600000001")
    order = StartOrder("ussd:1:1", "ussd", STRANGER, LanguageCode.FR, None, ServiceType.MOBILE, "0600000001", bills)
    started = await counter.till.start(order)
    assert isinstance(started, Payment)
    assert "Factures à payer : 1" in await counter.says(SALMA, "FACTURE")  # nothing of it can have been charged yet
    counter.bank.scripts.append(silent)
    await counter.till.authorise(started.id, CARD, CVV, wait_s=WAIT_MAX_S)
    assert "en cours" in await counter.says(SALMA, "FACTURE")


async def test_whoever_may_have_been_charged_is_not_told_how_to_pay(counter: Counter) -> None:
    """FakeBank charges; its answer is lost."""
    bills = await counter.billing.unpaid(ServiceType.MOBILE, "0600000001")
    order = StartOrder("ussd:1:1", "ussd", SALMA, LanguageCode.FR, None, ServiceType.MOBILE, "0600000001", bills)
    started = await counter.till.start(order)
    assert isinstance(started, Payment)
    assert "composez *1117#" in await counter.says(SALMA, "PAYER")
    counter.bank.scripts.append(silent_after_charging)
    await counter.till.authorise(started.id, CARD, CVV, wait_s=WAIT_MAX_S)
    assert await counter.says(SALMA, "PAYER") == (
        "Paiement de 769,20 DH en cours de vérification. "
        "Ne payez pas à nouveau : nous vous dirons le résultat. Aide : 777"
    )
    assert "Ne payez pas" in await counter.says(SALMA, "FACTURE")


async def test_too_many_lines_for_a_text(counter: Counter) -> None:
    await counter.database.do(
        "INSERT INTO lines SELECT 'mobile', '06100' || to_char(n, 'FM00000'), 'x', %(m)s, NULL, '1234', 'fr', now() "
        "FROM generate_series(1, 21) n",
        m=STRANGER,
    )
    assert await counter.says(STRANGER, "FACTURE") == "Vous avez trop de lignes pour un SMS. Appelez le 777."
    listed = (await counter.says(STRANGER, "CODE")).split("\n")
    assert len(listed) == 8
    assert listed[-1] == "Autres lignes : 777"


async def test_how_to_pay_help_and_what_is_not_understood(counter: Counter) -> None:
    assert "*1117#" in await counter.says(STRANGER, "PAYER")
    assert "بطاقتك" in await counter.says(STRANGER, "أداء")
    assert "777" in await counter.says(SALMA, "AIDE")
    for nonsense in ("", "bonjour", "482913", "😀", "x" * 2000):
        assert (await counter.says(SALMA, nonsense)).startswith("Message non compris.")


async def test_stop_and_start(counter: Counter) -> None:
    assert "START pour revenir" in await counter.says(SALMA, "STOP")
    assert await counter.redis.ttl(f"kh:{{{SALMA}}}:sms:stop") > 3600
    assert "012345" in await counter.says(SALMA, "CODE")  # an answer that was asked for still comes
    assert "à nouveau" in await counter.says(SALMA, "START")
    assert await counter.redis.exists(f"kh:{{{SALMA}}}:sms:stop") == 0


@pytest.mark.parametrize("text", ["4000000000000010", "CODE 4000 0000 0000 0010 12/28 123", "٤٠٠٠٠٠٠٠٠٠٠٠٠٠١٠"])
async def test_a_card_number_is_refused_and_left_nowhere(
    counter: Counter, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reply = await counter.says(SALMA, text)
    assert "carte par SMS" in reply or "بطاقتكم في رسالة" in reply
    kept = [reply, caplog.text, str(await counter.messages())]
    for key in await counter.redis.keys("*"):
        kept += [str(key), str(await counter.redis.get(key))]
    for piece in ("4000000000000010", "4000 0000", "0000 0010", text):
        assert all(piece not in each for each in kept)
