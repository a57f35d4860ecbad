"""Every text with its longest plausible values fits its segments, by our count and by a library's."""

from dataclasses import replace
from datetime import UTC, datetime

import gsm0338
import pytest

from channels.links import TOKEN_CHARS
from channels.sms.outbound.texts import PaymentTexts
from channels.sms.words import CHOICES_MAX, RECEIPT_SEGMENTS_MAX, SECTION, SEGMENTS_MAX, SmsNumbers, Words
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.messaging.bidi import in_order
from core.messaging.gsm7 import SEPTETS_ONE, SEPTETS_PART, UNITS_ONE, UNITS_PART, Coding, coding_of, segments
from core.messaging.texts import load_texts
from core.refunds.model import RefundPart
from core.subscribers.lines import ServiceType, SubscribedLine
from tests.support.paid import BILLS, paid

LONG = SmsNumbers(service_code="*1117*123#", help="0800001117", voice="+212537000777")
LINK = "https://pay.operator.ma/receipts/" + "W" * TOKEN_CHARS
VALUES = {
    "line": "06...003",
    "code": "1234567890",
    "count": "240",
    "total": "99 999,99 DH",
    "amount": "99 999,99 DH",
    "part": "99 999,98 DH",
    "authorisation": "AB12CD",  # six at most, ISO 8583 field 38
    "wallet": "Portemonnaie",
    "payer": "06...001",
    "months": "05/2019+",
    "first": "05/2019",
    "last": "12/2019",
    "receipt": "2026-00000042",
    "date": "23/11/2026",
    "link": LINK,
    "digit": "6",
    "service": "Internet",
    "call": "composez *1117*123#",
    "reference": "982897",
    "until": "23:59",
}
TEXTS = load_texts()
WORDS = Words(TEXTS, LONG)
KEYS = sorted(
    TEXTS.keys(LanguageCode.FR, SECTION) - {"receipt", "receipt_wallet", "receipt_wallet_short"}
)  # the brief one is said where they do not fit


def library_segments(text: str) -> int:
    """Segments by the gsm0338 library, or of UCS-2 where it cannot encode."""
    try:
        one, part, size = SEPTETS_ONE, SEPTETS_PART, len(gsm0338.Codec().encode(text)[0])
    except UnicodeEncodeError:
        one, part, size = UNITS_ONE, UNITS_PART, len(text.encode("utf-16-be")) // 2
    return 1 if size <= one else -(-size // part)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("language", LanguageCode)
def test_every_text_fits(language: LanguageCode, key: str) -> None:
    text = WORDS.say(language, key, **VALUES, ussd=LONG.service_code, voice=LONG.voice)
    if key.startswith("call_missed_"):
        return  # of these the first that fits is sent: test_a_call_that_nobody_answered_brings_the_link_as_well
    most = RECEIPT_SEGMENTS_MAX if key.startswith("receipt") else SEGMENTS_MAX[language]
    assert segments(text) <= most, text
    assert library_segments(text) <= most
    assert "{" not in text
    if language is not LanguageCode.AR:
        assert coding_of(text) is Coding.GSM7, [char for char in text if coding_of(char) is not Coding.GSM7]


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("count", range(2, CHOICES_MAX + 3))
def test_lists_of_lines_fit(language: LanguageCode, count: int) -> None:
    lines = [
        SubscribedLine(ServiceType.INTERNET, f"7710345678{n}", "", "+212600000003", None, language)
        for n in range(count)
    ]
    text = WORDS.lines(language, lines)
    assert segments(text) <= SEGMENTS_MAX[language], text
    shown = min(count, CHOICES_MAX)
    assert [row[:2] for row in text.split("\n")[1 : 1 + shown]] == [f"{n}." for n in range(1, shown + 1)]
    assert (LONG.help in text) is (count > CHOICES_MAX)
    assert lines[0].reference not in text


def test_services_are_named_where_they_fit() -> None:
    lines = [
        SubscribedLine(service, "0600000003", "", "+212600000003", None, LanguageCode.FR) for service in ServiceType
    ]
    assert WORDS.lines(LanguageCode.FR, lines).split("\n")[1:] == [
        "1. Mobile 06...003",
        "2. Fixe 06...003",
        "3. Internet 06...003",
    ]


def test_without_a_voice_line_nobody_is_told_to_call_it() -> None:
    text = Words(TEXTS, replace(LONG, voice="")).say(LanguageCode.FR, "pay")
    assert text.startswith("Pour payer : composez *1117*123#. ")
    assert "appelez le 0537000777" in WORDS.say(LanguageCode.FR, "pay")


@pytest.mark.parametrize("language", LanguageCode)
def test_wallets_are_named_to_whoever_asks_how_to_pay_as_far_as_there_is_room(language: LanguageCode) -> None:
    text = WORDS.pay(language, ["Portemonnaie"])
    assert segments(text) <= SEGMENTS_MAX[language]
    assert "Portemonnaie" in text
    assert in_order(language, LONG.service_code) in text
    many = WORDS.pay(language, ["Portemonnaie", *(f"Wallet number {n}" for n in range(9))])
    assert segments(many) <= SEGMENTS_MAX[language]
    assert "Portemonnaie" in many
    assert "number 8" not in many
    assert WORDS.pay(language, []) == WORDS.pay(language, ["W" * 90]) == WORDS.say(language, "pay")


# --- messages about a payment --------------------------------------------------------------------------------------

DEAR = (Invoice("0012345678", BILLS[0].period, 9_999_999, BILLS[0].due_date),)


def payment_texts(link: str | None = LINK) -> PaymentTexts:
    return PaymentTexts(WORDS, lambda payment: link)


@pytest.mark.parametrize("language", LanguageCode)
def test_a_receipt_names_amount_authorisation_link_and_help(language: LanguageCode) -> None:
    text = payment_texts().receipt_sms(paid(language, bills=DEAR))
    assert segments(text) <= RECEIPT_SEGMENTS_MAX
    for value in ("99 999,99 DH", "Q41T9Z", LINK, LONG.help):
        assert in_order(language, value) in text
    assert text.endswith(LINK)  # no phone takes a full stop into the link


@pytest.mark.parametrize("language", LanguageCode)
def test_a_longer_link_gets_briefer_words(language: LanguageCode) -> None:
    link = "https://receipts.pay.operator.ma/receipts/" + "W" * TOKEN_CHARS
    text = payment_texts(link).receipt_sms(paid(language, bills=DEAR))
    assert segments(text) <= RECEIPT_SEGMENTS_MAX
    assert link in text
    assert "Q41T9Z" in text


def test_a_receipt_without_a_link() -> None:
    assert "http" not in payment_texts(None).receipt_sms(paid())


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("voice", ["+212520001117", ""])
def test_a_call_that_nobody_answered(language: LanguageCode, voice: str) -> None:
    """How much, whom to call, with which reference, until when: in Morocco's time, and in one segment (Arabic: two)."""
    words = Words(load_texts(), replace(LONG, voice=voice))
    payment = replace(paid(language), reference="982897", expires_at=datetime(2026, 7, 1, 11, 5, tzinfo=UTC))
    text = PaymentTexts(words, lambda _: None).call_missed_sms(payment)
    assert segments(text) <= (2 if language is LanguageCode.AR else 1)
    for value in ("1 769,20 DH", "982897", "12:05", LONG.help, "0520001117" if voice else LONG.service_code):
        assert in_order(language, value) in text


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("host", ["https://khallas.ma", "https://factures.pay.operator.ma"])
def test_a_call_that_nobody_answered_brings_the_link_as_well(language: LanguageCode, host: str) -> None:
    """For who has a smartphone in the family: two segments with whom to call, the reference, and the hour."""
    words = Words(load_texts(), replace(LONG, voice="+212520001117"))
    payment = replace(paid(language), reference="982897", expires_at=datetime(2026, 7, 1, 11, 5, tzinfo=UTC))
    link = f"{host}/pay/" + "W" * TOKEN_CHARS
    texts = PaymentTexts(words, lambda _: None, lambda _: link)
    text = texts.call_missed_sms(payment)
    assert segments(text) <= RECEIPT_SEGMENTS_MAX
    for value in ("1 769,20 DH", "982897", "12:05", "0520001117"):
        assert in_order(language, value) in text
    assert link in text or host != "https://khallas.ma"  # an address of that length has no room in Arabic
    sent = texts.pay_link_sms(payment)
    assert sent is not None
    assert link in sent
    assert segments(sent) <= 2


@pytest.mark.parametrize("language", LanguageCode)
def test_other_news(language: LanguageCode) -> None:
    texts = payment_texts()

    payment, part = paid(language), RefundPart(BILLS[0].number, 4_250)
    back = {texts.refund_sms(payment, part, paid_elsewhere=elsewhere) for elsewhere in (False, True)}
    said = {texts.undecided_sms(payment), texts.declined_sms(payment), texts.undone_sms(payment)} | back
    assert len(said) == 5
    assert all(in_order(language, "1 769,20 DH") in text and LONG.help in text for text in said)
    assert all("42,50 DH" in text for text in back)


@pytest.mark.parametrize("language", LanguageCode)
def test_a_receipt_names_line_and_month(language: LanguageCode) -> None:
    text = payment_texts("https://pay.example/r/1").receipt_sms(paid(language, bills=BILLS[:1]))
    assert "06...001" in text
    assert "05/2019" in text
    assert segments(text) <= RECEIPT_SEGMENTS_MAX


@pytest.mark.parametrize("link", [LINK, None])
@pytest.mark.parametrize("language", LanguageCode)
def test_a_receipt_names_the_wallet_and_masks_its_payer(language: LanguageCode, link: str | None) -> None:
    """With the longest reference that the wallets' descriptions show, it fits and still names its tender."""
    payment = replace(
        paid(language), wallet="mtcash", wallet_payer="+212661000777", auth_code="MP241129.1200.A12345", card_last4=None
    )
    text = PaymentTexts(WORDS, lambda _: link, wallets={"mtcash": "Portemonnaie"}).receipt_sms(payment)
    assert all(in_order(language, each) in text for each in ("Portemonnaie", "06...777", "MP241129.1200.A12345"))
    assert "0661000777" not in text
    assert "212661" not in text
    assert segments(text) <= RECEIPT_SEGMENTS_MAX
    assert library_segments(text) <= RECEIPT_SEGMENTS_MAX
    assert (link or "") in text
    told = PaymentTexts(WORDS, lambda _: link).receipt_sms(replace(payment, wallet_payer=None))  # forgotten, renamed
    assert "mtcash" in told
    assert "None" not in told


@pytest.mark.parametrize("language", LanguageCode)
def test_what_a_wallet_paid_goes_back_to_it_and_not_to_a_bank(language: LanguageCode) -> None:
    payment = replace(paid(language), wallet="mtcash", wallet_payer="+212661000777", card_last4=None)
    texts = PaymentTexts(WORDS, lambda _: LINK, wallets={"mtcash": "Portemonnaie"})
    part = RefundPart(BILLS[0].number, 4_250)
    for text in (texts.undone_sms(payment), texts.refund_sms(payment, part, paid_elsewhere=False)):
        assert all(in_order(language, each) in text for each in ("Portemonnaie", "06...777", "1 769,20 DH"))
        assert not any(word in text for word in ("banque", "bank", "بنك"))
        assert "661000777" not in text
    assert texts.refund_sms(payment, part, paid_elsewhere=True) == texts.refund_sms(
        paid(language), part, paid_elsewhere=True
    )


@pytest.mark.parametrize("language", LanguageCode)
def test_a_wallets_receipt_names_line_month_and_help_where_there_is_room(language: LanguageCode) -> None:
    """With an operator's short number and the number that most wallets give."""
    payment = replace(
        paid(language, bills=BILLS[:1]), wallet="neqdi", wallet_payer="+212600000001", auth_code="241129120012"
    )
    words = Words(TEXTS, replace(LONG, help="777"))
    link = "https://pay.example.ma/receipts/" + "W" * TOKEN_CHARS
    text = PaymentTexts(words, lambda _: link, wallets={"neqdi": "Neqdi"}).receipt_sms(payment)
    lines = ("06...001", "05/2019", "Neqdi", "241129120012", "777", link)
    assert [value for value in lines if in_order(language, value) not in text] == []
    assert segments(text) <= RECEIPT_SEGMENTS_MAX
