"""/desk/findings and /desk/by-hand over HTTP: who may do what, in every language, without overflow of rights."""

import pytest

from core.languages import LanguageCode
from core.payments.table import PaymentState
from tests.channels.web.desk_site import DeskSite
from tests.support.bank import silent

FINDING = """
INSERT INTO reconciliation_findings (key, queue, order_id, kind, theirs_centimes, why, found_at, seen_at)
VALUES (md5('x')::uuid, 'missing_here', 'nobody', 'sale', 1200, 'no such payment', now(), now())
"""
EVIDENCE = "Lettre de la banque du 29/11/2026, n° 117"


async def test_a_finding_is_taken_proposed_and_closed_by_another(site: DeskSite) -> None:
    await site.at.shop.database.do(FINDING)
    amal, sami, sofia = await site.seat("amal"), await site.seat("sami"), await site.seat("sofia")
    await sami.get("/desk/findings")
    assert "vente · nobody · paiement inconnu ici" in sami.text
    assert "la banque : 12,00 DH" in sami.text
    await sami.post("/desk/findings/1/take")
    assert (sami.notice, "Suivi par sami" in sami.text) == ("L'écart est à vous.", True)
    await sami.post("/desk/findings/1/propose", reason=" ")
    assert sami.notice == "Écrivez la raison."
    await sami.post("/desk/findings/1/propose", reason="4000000000000010")
    row = await site.at.shop.database.one("SELECT closing_reason FROM reconciliation_findings")
    assert row == {"closing_reason": None}  # a card's number is kept nowhere
    await sami.post("/desk/findings/1/propose", reason="payé au guichet")
    await sami.post("/desk/findings/1/close")
    assert sami.notice == "Une autre personne doit clore."
    await amal.get("/desk/findings")
    await amal.post("/desk/findings/1/close")
    assert amal.notice == "Un superviseur clôt."
    await sofia.get("/desk/findings")
    assert "sami propose de clore : payé au guichet" in sofia.text
    await sofia.post("/desk/findings/1/close")
    assert (sofia.notice, "Aucun écart ouvert." in sofia.text) == ("Écart clos.", True)
    await sofia.post("/desk/findings/1/keep")
    assert sofia.notice == "Cet écart est clos ou a disparu."


async def test_an_unknown_payment_is_ended_by_two_people(site: DeskSite) -> None:
    site.at.shop.bank.scripts.append(silent)
    payment = await site.at.shop.paid()
    site.at.shop.clock.forward(86_400)
    sami, sofia = await site.seat("sami"), await site.seat("sofia")
    await sami.get("/desk/by-hand")
    assert "Paiement resté en vérification" in sami.text
    path = f"/desk/payments/{payment.id}/by-hand"
    await sami.get(path)
    await sami.post(path, subject="", end="charged", evidence=EVIDENCE)
    assert sami.notice.startswith("Il manque")
    numbers = {"auth_code": "390059", "transaction_number": "100001001587", "amount": "769,20 DH"}
    await sami.post(path, subject="", end="charged", evidence="non", **numbers)
    assert sami.notice.startswith("Écrivez la preuve")
    await sami.post(path, subject="", end="charged", evidence=EVIDENCE, **numbers)
    assert sami.notice.startswith("Demande enregistrée")
    await sami.post("/desk/by-hand/1/approve", sure="1")
    assert sami.notice == "Une autre personne doit valider."
    await sofia.get("/desk/by-hand")
    assert EVIDENCE in sofia.text
    await sofia.post("/desk/by-hand/1/approve")
    assert sofia.notice == "Cochez la case de vérification."
    await sofia.post("/desk/by-hand/1/approve", sure="1")
    assert sofia.notice == "Validé et appliqué."
    assert await site.at.shop.state(payment) is PaymentState.CAPTURED
    log = [(entry[0], entry[1]) for entry in await site.at.log()]
    assert ("sami", "hand_propose") in log
    assert ("sofia", "hand_approve") in log


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_the_office_speaks_every_language(site: DeskSite, language: LanguageCode) -> None:
    await site.at.shop.database.do(FINDING)
    payment = await site.at.shop.paid()
    seat = await site.seat("sami")
    for path in ("/desk/findings", "/desk/by-hand", f"/desk/payments/{payment.id}/by-hand"):
        assert await seat.get(f"{path}?lang={language}") == 200
        assert f'lang="{language}"' in seat.page


async def test_odd_requests_do_nothing(site: DeskSite) -> None:
    await site.at.shop.database.do(FINDING)
    payment = await site.at.shop.paid()
    seat = await site.seat("sami")
    for path in ("/desk/findings/1/delete", "/desk/by-hand/99/approve", "/desk/payments/x/by-hand"):
        assert await seat.post(path, sure="1", end="kept") == 404
    await seat.get("/desk")
    assert await seat.post("/desk/findings/1/take", csrf="no") == 403
    await seat.get(f"/desk/payments/{payment.id}/by-hand")
    await seat.post(f"/desk/payments/{payment.id}/by-hand", end="anything", evidence=EVIDENCE)
    assert seat.notice.startswith("Il manque")
    assert await site.at.shop.state(payment) is PaymentState.CAPTURED


async def test_a_chargeback_is_entered_followed_and_answered_with_evidence(site: DeskSite) -> None:
    payment = await site.at.shop.paid()
    await site.at.shop.work()
    sami, sofia = await site.seat("sami"), await site.seat("sofia")
    path = f"/desk/payments/{payment.id}/dispute"
    form = {"case_id": "CB-1", "reason_code": "10.4", "received_on": "2026-11-20", "deadline": "2026-12-05"}
    await sami.get(path)
    await sami.post(path, amount="1.165", **form)
    assert sami.notice.startswith("Vérifiez")
    await sami.post(path, amount="769,20", **form)
    assert sami.notice == "Impayé enregistré."
    assert "Accepter la perte" not in sami.text  # whoever entered it
    await sofia.get("/desk/chargebacks")
    assert "Motif 10.4 · réponse avant le 05/12/2026" in sofia.text
    assert "Accepter la perte" in sofia.text
    await sofia.post("/desk/chargebacks/1", after="evidence_sent", note="courrier")
    assert sofia.notice == "Étape enregistrée."
    await sofia.get(f"/desk/payments/{payment.id}")
    assert "Impayé reçu" in sofia.text
    async with sofia.http.get(f"/desk/payments/{payment.id}/evidence.pdf") as answer:
        made = await answer.read()
        assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert made.startswith(b"%PDF-")
    for language in ("ar", "en"):
        await sofia.get(f"/desk/chargebacks?lang={language}")
        async with sofia.http.get(f"/desk/payments/{payment.id}/evidence.pdf") as answer:
            assert answer.status == 200
    assert ("sofia", "evidence") in [(entry[0], entry[1]) for entry in await site.at.log()]
