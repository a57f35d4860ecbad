"""The help desk's pages over HTTP: what is found, shown, hidden, logged and done."""

import asyncio
import json
import re

import pytest

from core.languages import LanguageCode
from core.payments.table import PaymentState
from core.refunds.requests import RefundRequestState
from tests.channels.web.desk_site import PASSWORD, DeskSite, Seat
from tests.support.bank import silent_after_charging

MASKED, FULL = "+2126*****001", "0600000001"


async def found(site: DeskSite, seat: Seat) -> str:
    """A paid payment, open on this seat; its id."""
    payment = await site.at.shop.paid()
    await site.at.shop.work()
    assert payment.auth_code is not None
    assert await seat.post("/desk/search", q=payment.auth_code) == 200
    assert seat.path == f"/desk/payments/{payment.id}"
    return payment.id


async def test_an_authorisation_number_leads_straight_to_the_story(site: DeskSite) -> None:
    seat = await site.seat("amal")
    payment_id = await found(site, seat)
    for words in (
        "769,20 DH",
        "Payé",
        "À dire au client",
        "Votre paiement est accepté",
        "**** 0010",
        "2026-00000001",
        "0000171682062019",
        "Panier confirmé USSD",
        "Accepté par la banque",
        "Reçu par SMS envoyé",
        MASKED,
        "s***@example.com",
    ):
        assert words in seat.text, words
    for hidden in ("salma@example.com", "4000000000000010", "Qui a consulté"):
        assert hidden not in seat.page
    assert [entry[:3] for entry in await site.at.log()] == [
        ("amal", "login", None),
        ("amal", "search", None),
        ("amal", "view", payment_id),
    ]


async def test_a_search_of_many_is_a_list_that_back_leads_to(site: DeskSite) -> None:
    seat = await site.seat("amal")
    await site.at.shop.paid()
    site.at.shop.bank.scripts.append(silent_after_charging)
    await site.at.shop.paid(await site.at.shop.internet_order(payer="+212600000001"))
    await seat.post("/desk/search", q="06 00 00 00 01")
    assert seat.path == "/desk"
    assert "Paiements trouvés : 2" in seat.text.replace("\xa0", " ")
    assert "En cours de vérification" in seat.text
    assert MASKED in seat.text
    here = seat.url
    await seat.get("/desk")
    assert "769,20 DH" not in seat.text  # a new tab begins with an empty box
    await seat.post("/desk/search", q="nothing of the other tab")
    await seat.get(here)
    assert "769,20 DH" in seat.text  # each tab shows its own customer
    await seat.post("/desk/search", q="nothing like it")
    assert "Aucun paiement trouvé" in seat.text


async def test_the_payer_s_number_and_address_are_shown_at_one_s_own_logged_wish(site: DeskSite) -> None:
    seat = await site.seat("amal")
    payment_id = await found(site, seat)
    assert f'href="tel:{"+212600000001"}"' not in seat.page
    assert await seat.post(f"/desk/payments/{payment_id}/contact") == 200
    assert 'href="tel:+212600000001"' in seat.page
    assert "salma@example.com" in seat.page
    assert (await site.at.log())[-1][:3] == ("amal", "contact", payment_id)


async def test_a_receipt_is_sent_again_a_note_kept_and_the_bank_asked(site: DeskSite) -> None:
    seat = await site.seat("amal")
    payment_id = await found(site, seat)
    path = f"/desk/payments/{payment_id}"
    for kind in ("receipt_sms", "receipt_mail"):
        await seat.post(f"{path}/resend", kind=kind)
        assert seat.notice == "C'est envoyé une nouvelle fois."
    await site.at.shop.work()
    assert (len(site.at.shop.gateways.sms), len(site.at.shop.gateways.mails)) == (2, 2)
    for kind in ("outgoing_call", "undone_sms", "nothing", ""):
        await seat.post(f"{path}/resend", kind=kind)
        assert seat.notice.startswith("Pas envoyé")
    await seat.post(f"{path}/note", text="<script>alert(1)</script> & rappeler")
    assert seat.notice == "Note ajoutée."
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; rappeler" in seat.page
    await seat.post(f"{path}/inquire")
    assert seat.notice.startswith("Voici l'état du paiement")
    await seat.get(path)
    assert seat.notice == ""  # said once


async def test_an_unknown_payment_is_asked_about_and_found_paid(site: DeskSite) -> None:
    seat = await site.seat("amal")
    site.at.shop.bank.scripts.append(silent_after_charging)
    payment = await site.at.shop.paid()
    await seat.get(f"/desk/payments/{payment.id}")
    assert "Ne payez pas à nouveau : la réponse est attendue avant" in seat.text.replace("\xa0", " ")
    assert "Interroger la banque" in seat.text
    await seat.post(f"/desk/payments/{payment.id}/inquire")
    assert "Votre paiement est accepté" in seat.text


async def test_a_refund_needs_a_second_person(site: DeskSite) -> None:
    amal, sami, sofia = await site.seat("amal"), await site.seat("sami"), await site.seat("sofia")
    payment_id = await found(site, sami)
    path = f"/desk/payments/{payment_id}"
    await sami.post(f"{path}/undo", reason="paid_twice")
    assert sami.notice == "Cochez la case de vérification."
    for reason, comment in (("", ""), ("never heard of", ""), ("other", " ")):
        await sami.post(f"{path}/undo", reason=reason, comment=comment, sure="1")
        assert sami.notice.startswith("Choisissez un motif")
    await sami.post(f"{path}/undo", reason="paid_twice", sure="1")
    assert sami.notice.startswith("Demande enregistrée")
    assert "Une autre personne doit valider." in sami.text
    assert "Valider le remboursement" not in sami.text
    (request,) = await site.at.desk.undoing.of_payment(payment_id)
    approve = f"/desk/approvals/{request.id}/approve"
    await sami.post(approve, sure="1")
    assert sami.notice == "Une autre personne que le demandeur doit valider."
    await amal.get("/desk/approvals")
    assert "Valider le remboursement" not in amal.text
    await amal.post(approve, sure="1")
    assert amal.notice == "Seul un superviseur peut décider."
    assert (await site.at.desk.undoing.of_payment(payment_id))[0].state is RefundRequestState.PROPOSED
    await sofia.get("/desk/approvals")
    assert "Demandé par sami" in sofia.text
    await sofia.post(approve)
    assert (sofia.notice, sofia.path) == ("Cochez la case de vérification.", "/desk/approvals")
    await sofia.post(approve, sure="1")
    assert sofia.notice.startswith("Remboursement lancé")
    await site.at.shop.work()
    await sofia.get(path)
    assert "Annulé" in sofia.text
    assert site.at.shop.bank.voided == {payment_id}
    assert "Qui a consulté ce paiement" in sofia.text
    await amal.get("/desk/approvals")
    assert "Rien à valider." in amal.text


async def test_a_part_of_a_bill_is_given_back_by_the_amount_beside_it(site: DeskSite) -> None:
    sami = await site.seat("sami")
    payment_id = await found(site, sami)
    await site.at.shop.work()
    path = f"/desk/payments/{payment_id}"
    await sami.get(path)
    assert "Facture 0000171682062019, au plus 769,20 DH" in sami.text
    form = {"parts": "1", "reason": "wrong_amount", "sure": "1"}
    for typed in ("", "fifty", "-1", "0"):
        await sami.post(f"{path}/undo", **form, **{"part-0": typed})
        assert sami.notice.startswith("Écrivez un montant")
    await sami.post(f"{path}/undo", **form, **{"part-0": "769,21"})
    assert sami.notice.startswith("C'est plus que ce qui reste")
    await sami.post(f"{path}/undo", **form, **{"part-0": "50,00"})
    assert sami.notice.startswith("Remboursement lancé")
    await site.at.shop.work()
    await sami.get(path)
    assert site.at.shop.bank.refunds == [(payment_id, 5_000)]
    for words in (
        "dont 50,00 DH rendus",
        "Partie remboursée par la banque",
        "Facturation informée",
        "au plus 719,20 DH",
    ):
        assert words in sami.text
    assert "Rembourser 769,20 DH" not in sami.text  # the whole is more than is left


async def test_two_supervisors_at_once_give_back_once(site: DeskSite) -> None:
    amal, sami, sofia = await site.seat("amal"), await site.seat("sami"), await site.seat("sofia")
    payment_id = await found(site, amal)
    await amal.post(f"/desk/payments/{payment_id}/undo", reason="wrong_line", sure="1")
    (request,) = await site.at.desk.undoing.of_payment(payment_id)
    approve = f"/desk/approvals/{request.id}/approve"
    await asyncio.gather(sami.post(approve, sure="1"), sofia.post(approve, sure="1"))
    notices = sorted([sami.notice, sofia.notice])
    assert notices[1].startswith("Remboursement lancé")
    assert notices[0] == "Cette demande a déjà été traitée."
    await site.at.shop.work()
    payment = await site.at.shop.till.payment(payment_id)
    assert payment is not None
    assert payment.state is PaymentState.VOIDED
    story = await site.at.shop.story(payment)
    assert story.count("void>voiding") == 1


async def test_a_request_is_withdrawn_by_whoever_asked(site: DeskSite) -> None:
    amal = await site.seat("amal")
    payment_id = await found(site, amal)
    await amal.post(f"/desk/payments/{payment_id}/undo", reason="wrong_line", sure="1", comment="ligne du voisin")
    assert "Retirer la demande" in amal.text
    (request,) = await site.at.desk.undoing.of_payment(payment_id)
    await amal.post(f"/desk/approvals/{request.id}/reject")
    assert amal.notice.startswith("Demande refusée")
    assert "Mauvaise ligne · ligne du voisin" in amal.text


async def test_a_whole_card_number_is_refused_with_words(site: DeskSite) -> None:
    seat = await site.seat("amal")
    await seat.post("/desk/search", q="4000 0000 0000 0010")
    assert seat.notice.startswith("N'écrivez jamais un numéro de carte entier")
    assert "4000" not in seat.page
    kept = [await site.redis.get(key) async for key in site.redis.scan_iter("kh:desk:*")]
    assert "4000" not in str(kept)
    assert "4000" not in str(await site.at.log())


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_every_page_speaks_every_language(site: DeskSite, language: LanguageCode) -> None:
    seat = await site.seat("sami")
    payment_id = await found(site, seat)
    await seat.get(f"/desk?lang={language}")
    pages = ("/desk", f"/desk/payments/{payment_id}", "/desk/approvals", f"/desk/login?lang={language}")
    for path in pages:
        assert await seat.get(path) == 200
        assert f'<html lang="{language}" dir="{"rtl" if language is LanguageCode.AR else "ltr"}">' in seat.page
    await seat.get(f"/desk/payments/{payment_id}?lang=xx")
    assert f'<html lang="{language}"' in seat.page


async def test_pages_are_private_strict_and_never_show_a_hash(site: DeskSite) -> None:
    seat = await site.seat("sami")
    payment_id = await found(site, seat)
    for path in ("/desk", f"/desk/payments/{payment_id}", "/desk/approvals", "/desk/login"):
        async with seat.http.get(path) as answer:
            page, headers = await answer.text(), answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "form-action 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert "noindex" in headers["X-Robots-Tag"]
        assert len(re.findall(r"<script\b", page)) == len(
            re.findall(r'<script src="/static/[\w./-]+\?v=\w+" defer></script>', page)
        )
        assert "style=" not in page
        assert "argon2" not in page


async def test_odd_requests_are_answered_in_words_and_do_nothing(site: DeskSite) -> None:
    seat = await site.seat("sami")
    for path in ("/desk/payments/nobody", "/desk/payments/%00", "/desk/payments/01KATWQ2YD0123456789ABCDEF"):
        assert await seat.get(path) == 404
        assert "Ce paiement n'existe pas" in seat.text
    await seat.get("/desk")
    assert await seat.post(f"/desk/approvals/{1 << 70}/approve", sure="1") == 404
    assert await seat.post("/desk/approvals/1/approve", sure="1") == 404
    assert await seat.post("/desk/search", q="x" * 20_000) == 400
    async with seat.http.post("/desk/search", data=b"\xff\xfe") as answer:
        assert answer.status == 403  # whatever it says: no token of this session
    await seat.get("/desk")
    odd_bytes = f"csrf={seat.token}&q=".encode() + b"%FF%FE\xe9"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with seat.http.post("/desk/search", data=odd_bytes, headers=form) as answer:
        assert answer.status == 200  # read as far as it can be, and nothing found
    async with seat.http.post("/desk/search", data=json.dumps({"csrf": seat.token})) as answer:
        assert answer.status == 403
    await seat.get("/desk")
    for odd in ("\x00\u202e'; DROP TABLE payments; --", "%", "_" * 64, "٠٠١٠ ٢٣/١١/٢٠٢٦"):
        assert await seat.post("/desk/search", q=odd) == 200


async def test_a_database_that_is_away_shows_nothing(site: DeskSite) -> None:
    seat = await site.seat("amal")
    payment_id = await found(site, seat)
    site.at.shop.by_hand = True  # nothing can be compared afterwards
    await site.at.shop.database.pool.close()
    assert await seat.get(f"/desk/payments/{payment_id}") == 503
    assert "769,20" not in seat.page


async def test_a_session_that_ended_says_so_and_leads_back(site: DeskSite) -> None:
    seat = await site.seat("amal")
    await site.redis.flushdb()
    await seat.get("/desk/approvals")
    assert seat.path == "/desk/login"
    assert "Votre session est terminée" in seat.text
    await seat.post("/desk/login", name="amal", password=PASSWORD, lang="fr", to="/desk/approvals")
    assert seat.path == "/desk/approvals"


async def test_the_login_speaks_the_browser_s_language(site: DeskSite) -> None:
    seat = await site.seat()
    async with seat.http.get("/desk/login", headers={"Accept-Language": "de, ar-MA;q=0.8, en;q=0.3"}) as answer:
        assert '<html lang="ar"' in await answer.text()
