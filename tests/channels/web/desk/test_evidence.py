"""The evidence sheet as a bank reads it: everything that was kept when the payment was made, in the PDF's own words."""

from io import BytesIO

from pypdf import PdfReader

from core.chargebacks.model import DisputeFacts
from core.database.help_desk.kept import PgKeptEvidence
from core.database.privacy.retention import PgRetention
from core.languages import LanguageCode
from core.ports import Approved
from core.privacy.retention import Periods, RetentionJob
from tests.channels.web.desk_site import DeskSite, Seat, make_accounts
from tests.support.bank import CARD, CVV
from tests.support.desks import BLIND, shown_to
from tests.support.shop import PAYER
from tests.support.waiting import WAIT_MAX_S

FACTS = DisputeFacts("633114000123", "400000******0010", "1", "05", "AAABBJg0VhI0VniQ", "eGlk", "M", "T0042", "118")
DAY_S = 86_400
LATER = "thirteen or more letters 7"


async def sheet(seat: Seat, payment_id: str) -> str:
    async with seat.http.get(f"/desk/payments/{payment_id}/evidence.pdf") as answer:
        assert answer.status == 200
        pages = PdfReader(BytesIO(await answer.read())).pages
    return " ".join("\n".join(page.extract_text() for page in pages).replace("\xa0", " ").split())


async def test_the_sheet_tells_all_that_a_dispute_asks_for_also_a_year_later(site: DeskSite) -> None:
    shop = site.at.shop
    await shop.till.accept_terms(PAYER, "2026-11", LanguageCode.FR, "ussd")
    await shown_to(shop, PAYER)
    payment = await shop.started()

    async def approves(*_: object) -> Approved:
        return Approved("390059", "100001001587", 76920, "visa", FACTS)

    shop.bank.scripts.append(approves)
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=WAIT_MAX_S)
    shop.by_hand = True  # the bank's own ledger knows nothing of this answer
    await shop.work()
    sami = await site.seat("sami")
    now = await sheet(sami, payment.id)
    for told in (
        *FACTS.told().values(),
        "390059",
        "100001001587",
        "769,20 DH",
        "2026-11, ussd",
        "receipt_sms",
        "remis",
    ):
        assert told in now, told
    assert "Factures choisies : 1 sur 3" in now
    assert "approved" in now
    keeping = RetentionJob(
        PgRetention(shop.database), shop.clock, Periods(dispute_days=548), PgKeptEvidence(shop.database, BLIND)
    )
    for days in (1, 364):
        shop.clock.forward(days * DAY_S)
        await keeping.apply()
    assert await shop.database.all("SELECT FROM transcript_turns") == []
    await make_accounts(shop).set_password("sofia", LATER)  # an account that nobody used for so long is over
    sofia = await site.seat()
    await sofia.login("sofia", LATER)
    later = await sheet(sofia, payment.id)
    assert later == now
