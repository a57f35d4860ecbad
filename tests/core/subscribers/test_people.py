"""Callers: what is remembered of them, and codes that are right, wrong or guessed."""

from core.languages import LanguageCode
from core.payments.refusal import Refusal
from core.payments.table import PaymentState
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.clocks import NOON
from tests.support.shop import PAYER, STRANGER, Shop

IMANE = "+212600000003"


async def test_a_first_caller_is_nobody(shop: Shop) -> None:
    person = await shop.till.person(STRANGER)
    assert (person.language, person.terms_version, person.lines) == (None, None, ())


async def test_language_and_terms_are_remembered(shop: Shop) -> None:
    await shop.till.remember_language(IMANE, LanguageCode.AR)
    await shop.till.remember_language(IMANE, LanguageCode.FR)
    await shop.till.accept_terms(IMANE, "2026-10", LanguageCode.AR, "ussd")
    await shop.till.accept_terms(IMANE, "2026-11", LanguageCode.FR, "ivr")  # said to call: it is asked again
    person = await shop.till.person(IMANE)
    assert (person.language, person.terms_version) == (LanguageCode.FR, "2026-10")
    assert [(line.service, line.reference) for line in person.lines] == [
        (ServiceType.MOBILE, "0600000003"),
        (ServiceType.INTERNET, "7710345"),
    ]
    rows = await shop.database.all("SELECT version, channel, given_at FROM consents ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("2026-10", "ussd", NOON), ("2026-11", "ivr", NOON)]


async def test_without_billing_a_caller_still_has_a_language(shop: Shop) -> None:
    await shop.till.remember_language(PAYER, LanguageCode.EN)
    shop.billing.down = True
    person = await shop.till.person(PAYER)
    assert (person.language, person.lines) == (LanguageCode.EN, ())


async def test_the_right_code_opens_the_line(shop: Shop) -> None:
    line = await shop.till.identify("ussd", STRANGER, ServiceType.MOBILE, "0600000001", "012345")
    assert isinstance(line, SubscribedLine)
    assert (line.holder, line.email) == ("Salma Demo", "salma@example.com")


async def test_no_line_and_a_wrong_code_sound_the_same_and_end_in_a_lock(shop: Shop) -> None:
    async def ask(caller: str, reference: str, code: str) -> SubscribedLine | Refusal:
        return await shop.till.identify("ussd", caller, ServiceType.MOBILE, reference, code)

    assert await ask(STRANGER, "0600000001", "12345") is Refusal.WRONG_CODE  # the leading zero counts
    assert await ask(STRANGER, "0600000099", "0000000000") is Refusal.WRONG_CODE
    for _ in range(2):
        assert await ask(STRANGER, "0600000001", "999999") is Refusal.WRONG_CODE
    assert await ask(STRANGER, "0600000001", "012345") is Refusal.LOCKED
    assert isinstance(await ask(PAYER, "0600000001", "012345"), SubscribedLine)
    shop.billing.down = True
    assert await ask(PAYER, "0600000001", "012345") is Refusal.BILLING_DOWN


async def test_codes_go_to_the_contact_mobile_only(shop: Shop) -> None:
    codes = await shop.billing.codes_of(IMANE)
    assert [(line.reference, code) for line, code in codes] == [("0600000003", "300518"), ("7710345", "905533")]
    assert await shop.billing.codes_of(STRANGER) == ()
    assert await shop.billing.code_of(ServiceType.FIXED, "0537000103") is None


async def test_a_receipt_link_shows_nothing_once_revoked_or_made_up(shop: Shop) -> None:
    paid = await shop.paid()
    token = paid.receipt_token or ""
    assert (await shop.till.by_receipt_token(token)) == paid
    assert await shop.till.by_receipt_token("0" * 32) is None
    assert await shop.till.by_receipt_token("' OR 1=1") is None
    await shop.database.do("UPDATE receipts SET revoked_at = now()")
    assert await shop.till.by_receipt_token(token) is None
    assert await shop.state(paid) is PaymentState.CAPTURED
