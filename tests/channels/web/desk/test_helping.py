"""An agent at work: nothing typed is lost, a receipt goes where the customer says, and the bank's word is told."""

import re
from html import unescape

import pytest

from core.payments.table import PaymentState
from core.ports import Decline, DeclineKind, UnknownOutcome
from tests.channels.web.desk_site import DeskSite, Seat, desk_site, settings
from tests.support.bank import says, silent_after_charging
from tests.support.shop import Shop


def value_of(seat: Seat, field: str) -> str:
    """What a field of the page holds."""
    tag = re.search(rf'<input[^>]*name="{field}"[^>]*>', seat.page)
    assert tag is not None, field
    found = re.search(r'value="([^"]*)"', tag[0])
    return unescape(found[1]) if found else ""


async def paid(site: DeskSite) -> str:
    payment = await site.at.shop.paid()
    await site.at.shop.work()
    return f"/desk/payments/{payment.id}"


async def test_a_refused_refund_keeps_what_was_typed_once(site: DeskSite) -> None:
    seat = await site.seat("sami")
    path = await paid(site)
    await seat.get(path)
    typed = {"form": "part", "parts": "1", "reason": "wrong_amount", "comment": 'trop <b>"perçu"', "part-0": "769,21"}
    for more, notice in (
        ({"sure": "1"}, "C'est plus que ce qui reste"),
        ({}, "Cochez la case"),
        ({"sure": "1", "part-0": "cinquante"}, "Écrivez un montant"),
        ({"sure": "1", "reason": ""}, "Choisissez un motif"),
    ):
        form = typed | more
        await seat.post(f"{path}/undo", **form)
        assert seat.notice.startswith(notice)
        assert value_of(seat, "part-0") == form["part-0"]
        part = seat.page[seat.page.index('id="part-reason"') :]
        assert "trop &lt;b&gt;&#34;perçu&#34;" in part
        assert ('value="wrong_amount" selected' in part) == bool(form["reason"])
        assert '<details class="undo" open>' in seat.page
        assert "checked" not in seat.page  # whoever is sure says so again
    await seat.get(path)
    assert value_of(seat, "part-0") == ""  # once


async def test_what_was_typed_comes_back_on_its_own_page_alone(site: DeskSite) -> None:
    seat = await site.seat("sami")
    path = await paid(site)
    await seat.get(path)
    form = {"form": "whole", "reason": "other", "comment": "", "sure": "1"}
    async with seat.http.post(f"{path}/undo", data={"csrf": seat.token} | form, allow_redirects=False) as answer:
        assert answer.status == 303
        assert "other" not in answer.headers["Location"]
    await seat.get("/desk")
    await seat.get(path)
    assert 'value="other" selected' in seat.page


async def test_what_may_be_a_card_is_kept_in_no_session(site: DeskSite) -> None:
    seat = await site.seat("sami")
    path = await paid(site)
    await seat.get(path)
    await seat.post(f"{path}/undo", form="whole", reason="", comment="carte 4000 0000 0000 0010", sure="1")
    assert "4000 0000" not in seat.page
    kept = [await site.redis.get(key) async for key in site.redis.scan_iter("kh:desk:*")]
    assert "4000 0000" not in str(kept)


async def test_evidence_and_a_claim_that_were_refused_keep_what_was_typed(site: DeskSite) -> None:
    seat = await site.seat("sami")
    path = await paid(site)
    await seat.get(f"{path}/dispute")
    claim = {"case_id": "CB-7", "reason_code": "10.4", "amount": "much", "received_on": "2026-11-23", "deadline": ""}
    await seat.post(f"{path}/dispute", form="claim", **claim)
    assert [value_of(seat, name) for name in claim] == list(claim.values())


async def test_an_act_leaves_the_tab_its_search(site: DeskSite) -> None:
    seat = await site.seat("amal")
    path = await paid(site)
    await seat.post("/desk/search", q="0600000001")
    found = seat.url
    assert seat.path == path
    action = re.search(r'action="([^"]+/note\?s=[\w-]+)"', seat.page)
    assert action is not None
    await seat.post(unescape(action[1]), text="rappeler")
    assert seat.notice == "Note ajoutée."
    assert seat.url == found


@pytest.mark.parametrize(
    ("kind", "to", "told"),
    [("receipt_sms", "06 00 00 00 03", "+2126*****003"), ("receipt_mail", " Fils@Example.com", "F***@example.com")],
)
async def test_a_receipt_goes_to_whom_the_customer_says_and_the_log_tells(
    site: DeskSite, kind: str, to: str, told: str
) -> None:
    seat = await site.seat("amal")
    path = await paid(site)
    gateways = site.at.shop.gateways
    sms, mails = len(gateways.sms), len(gateways.mails)
    await seat.get(path)
    await seat.post(f"{path}/send-to", form="send", kind=kind, to=to)
    assert seat.notice == "Cochez la case de vérification."
    assert value_of(seat, "to") == to
    await seat.post(f"{path}/send-to", form="send", kind=kind, to=to, sure="1")
    assert seat.notice == "C'est envoyé une nouvelle fois."
    await site.at.shop.work()
    assert (len(gateways.sms) - sms, len(gateways.mails) - mails) == ((1, 0) if kind == "receipt_sms" else (0, 1))
    assert ("amal", "resend", path[-26:], f"{kind} {told}") in await site.at.log()
    await seat.get(path)
    assert f"Renvoi demandé {told}" in seat.text  # the story says where to


async def test_nobody_s_number_and_what_is_not_true_go_nowhere(site: DeskSite) -> None:
    seat = await site.seat("amal")
    path = await paid(site)
    await seat.get(path)
    sent = len(site.at.shop.gateways.sms)
    for kind, to in (
        ("receipt_sms", "salma@example.com"),
        ("receipt_mail", "0600000003"),
        ("receipt_sms", ""),
        ("receipt_mail", "a@b@c"),
    ):
        await seat.post(f"{path}/send-to", form="send", kind=kind, to=to, sure="1")
        assert seat.notice.startswith("Ce n'est ni un numéro ni une adresse"), (kind, to)
    for kind in ("undone_sms", "outgoing_call", "nothing"):
        await seat.post(f"{path}/send-to", form="send", kind=kind, to="0600000003", sure="1")
        assert seat.notice.startswith("Pas envoyé"), kind
    await seat.post(f"{path}/send-to", form="send", kind="receipt_sms", to="4000000000000010", sure="1")
    assert seat.notice.startswith("N'écrivez jamais")
    await site.at.shop.work()
    assert len(site.at.shop.gateways.sms) == sent
    assert "4000000000000010" not in str(await site.at.log())


async def test_what_is_checked_says_what_the_bank_said_and_until_when(site: DeskSite) -> None:
    seat = await site.seat("amal")
    shop = site.at.shop
    shop.bank.scripts.append(says(UnknownOutcome("no answer in time")))
    payment = await shop.paid()
    path = f"/desk/payments/{payment.id}"
    await seat.get(path)
    text = seat.text.replace("\xa0", " ")
    assert "Ce que dit la banque 23/11/2026 12:00:00 : pas de réponse à temps" in text
    assert "Réponse attendue avant le 23/11/2026 12:15:00." in text
    shop.clock.forward(1_000)
    await seat.get(path)
    assert "Son délai est passé depuis le 23/11/2026 12:15:00." in seat.text.replace("\xa0", " ")
    assert "nous l'interrogeons chaque jour, et un SMS vous dira la suite" in seat.text
    assert "La réponse est attendue" not in seat.text


async def test_an_inquiry_without_an_answer_is_told_with_who_asked(site: DeskSite) -> None:
    seat = await site.seat("amal")
    shop = site.at.shop
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    shop.bank.inquiries.append(UnknownOutcome("inquiry answered 99"))
    path = f"/desk/payments/{payment.id}"
    await seat.get(path)
    await seat.post(f"{path}/inquire")
    assert "interrogée par amal, sans réponse définitive" in seat.text


async def test_a_bank_that_is_silent_about_a_declined_payment_is_not_said_to_have_answered(site: DeskSite) -> None:
    seat, shop = await site.seat("amal"), site.at.shop
    shop.bank.scripts.append(says(Decline("51", DeclineKind.OTHER_CARD)))
    payment = await shop.paid()
    assert payment.state is PaymentState.DECLINED
    shop.bank.inquiries.append(UnknownOutcome("no answer"))
    path = f"/desk/payments/{payment.id}"
    await seat.get(path)
    await seat.post(f"{path}/inquire")
    assert seat.notice
    assert "répondu" not in seat.notice


async def test_a_payment_whose_end_is_known_says_nothing_of_the_bank(site: DeskSite) -> None:
    seat = await site.seat("amal")
    await seat.get(await paid(site))
    assert "Ce que dit la banque" not in seat.text


@pytest.mark.parametrize("told", [False, True])
async def test_an_address_beyond_ascii_follows_the_mail_server(
    shop: Shop, redis_url: str, hashed: str, told: bool
) -> None:
    async with desk_site(shop, redis_url, hashed, settings(mail_utf8=told)) as site:
        seat = await site.seat("amal")
        path = await paid(site)
        mails = len(shop.gateways.mails)
        await seat.get(path)
        await seat.post(
            f"{path}/send-to", form="send", kind="receipt_mail", to="h\u00e9l\u00e8ne@example.com", sure="1"
        )
        assert seat.notice.startswith("C'est envoyé" if told else "Ce n'est ni un numéro ni une adresse")
        await shop.work()
        assert len(shop.gateways.mails) - mails == int(told)
