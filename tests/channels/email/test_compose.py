"""The mail itself: every field in text and HTML, right to left where it should be, headers nobody can break."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html import unescape
from html.parser import HTMLParser

import pytest
from bidi import get_display
from hypothesis import given
from hypothesis import strategies as st

from channels.email.compose import BadAddress, Composer, MailSender
from channels.links import ReceiptLinks
from channels.receipt_view import STATUS, Operator
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.payments.table import Payment, PaymentState
from tests.support.paid import paid

NOW = datetime(2026, 11, 23, 13, 6, tzinfo=UTC)
TEXTS = load_texts()
LINKS = ReceiptLinks(["a-secret-of-the-tests"], "https://pay.example.ma")
COMPOSER = Composer(TEXTS, Operator("Opérateur <Démo>", "777"), MailSender.parse("Reçus <recus@pay.example.ma>"), LINKS)
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "Content-Language",
    "MIME-Version", "Content-Type",
}  # fmt: skip


def made(payment: Payment, to: str = "salma@example.com") -> EmailMessage:
    """As a mail program reads it off the wire."""
    raw = COMPOSER.compose(payment, to, NOW).as_bytes()
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("language", list(LanguageCode))
def test_both_parts_hold_every_field(language: LanguageCode) -> None:
    payment = paid(language)
    message = made(payment)
    link = LINKS.of(payment)
    assert link is not None
    text, html = part(message, "plain"), part(message, "html")
    for value in (
        "0600000001", "salma@example.com", "23/11/2026 13:05", "Q41T9Z", "26327NF2C10099", "Visa", "CMI",
        "**** **** **** 0010", "2026-00000042", "0012345678", "05/2019", "769,20 DH", "0012345999", "06/2019",
        "1 000,00 DH", "1 769,20 DH", "777", "Opérateur <Démo>", link, TEXTS.get(language, "receipt", "paid.state"),
    ):  # fmt: skip
        assert value in text.replace("\u00a0", " ")
        assert value in unescape(html).replace("\u00a0", " ")
    assert "<Démo>" not in html
    assert f'<html lang="{language}" dir="{"rtl" if language is LanguageCode.AR else "ltr"}">' in html
    assert ("\u2066" in text) is (language is LanguageCode.AR)
    assert text.count("\u2066") == text.count("\u2069")
    assert "src=" not in html
    assert "http" not in html.replace(link, "")


@pytest.mark.parametrize("language", list(LanguageCode))
@pytest.mark.parametrize("state", list(PaymentState))
def test_subject_and_words_tell_the_true_state(language: LanguageCode, state: PaymentState) -> None:
    message = made(paid(language, state))
    status = STATUS[state]
    assert message["Subject"] == TEXTS.fill(
        language, "mail", f"subject.{status}", receipt="2026-00000042", total="1 769,20 DH", operator="Opérateur <Démo>"
    )
    for kind in ("plain", "html"):
        assert TEXTS.get(language, "receipt", f"{status}.note") in unescape(part(message, kind))


def test_headers() -> None:
    message = made(paid())
    assert message["From"] == "Reçus <recus@pay.example.ma>"
    assert message["To"] == "salma@example.com"
    assert message["Message-ID"] == "<receipt.01KATWQ2YD0123456789ABCDEF@pay.example.ma>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "fr"
    assert message["Date"].datetime == NOW
    assert message.get_content_type() == "multipart/alternative"
    assert set(message.keys()) == HEADERS


def test_payments_have_ids_of_their_own_and_tries_have_not() -> None:
    one, other = paid(), replace(paid(), id="01KATWQ2YD0123456789ABCDEG")
    assert made(one)["Message-ID"] != made(other)["Message-ID"]
    again = COMPOSER.compose(one, "salma@example.com", NOW.replace(day=24))
    assert again["Message-ID"] == made(one)["Message-ID"]


def test_a_payment_without_a_receipt_has_no_link() -> None:
    message = made(replace(paid(state=PaymentState.DECLINED), receipt_token=None, receipt_number=None))
    assert "/receipts/" not in part(message, "plain") + part(message, "html")


@pytest.mark.parametrize(
    "address",
    [
        "a@b.ma\r\nBcc: x@y.ma", "a\n@b.ma", "a@b.ma\n", "a@b.ma, c@d.ma", "<a@b.ma>", "a b@c.ma", "a@b", "@b.ma", "a@",
        "", "a@b.ma\x00", 'a"@b.ma', ".@b.ma", "a..b@c.ma",
    ],
)  # fmt: skip
def test_an_address_is_one_address_or_none(address: str) -> None:
    try:
        message = made(paid(), address)
    except BadAddress:
        return
    assert message["To"].addresses[0].addr_spec == address.strip()
    assert set(message.keys()) == HEADERS


@given(st.text(max_size=80) | st.text(max_size=30).map("{}@b.ma".format), st.text(max_size=40))
def test_nothing_anyone_types_makes_a_header(address: str, brand: str) -> None:
    try:
        message = made(replace(paid(), card_brand=brand, email=address), address)
    except BadAddress:
        return
    assert set(message.keys()) == HEADERS
    assert len(message["To"].addresses) == 1


@pytest.mark.parametrize("text", ["", "nobody", "a@b", "A <a@b.ma>\nBcc: c@d.ma", "a@b.ma\r\n", "é@b.ma"])
def test_a_sender_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|line"):
        MailSender.parse(text)


def test_a_sender_without_a_name_is_the_operator() -> None:
    plain = Composer(TEXTS, Operator("Opérateur", "777"), MailSender.parse("recus@pay.example.ma"), LINKS)
    message = plain.compose(paid(), "a@b.ma", NOW)
    assert message["From"] == "Opérateur <recus@pay.example.ma>"


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", value).strip()


def _decoded(value: str) -> str:
    return str(make_header(decode_header(_unfolded(value))))


@given(st.text(st.sampled_from("aé ملا- "), min_size=1, max_size=60).filter(str.strip))
def test_no_space_of_a_header_is_lost(name: str) -> None:
    """Between words of two scripts the standard library loses them."""
    operator = Operator(" ".join(name.split()), "777")
    composer = Composer(TEXTS, operator, MailSender.parse("recus@pay.example.ma"), LINKS)
    for language in LanguageCode:
        raw = composer.compose(paid(language), "a@b.ma", NOW).as_bytes()
        assert raw.isascii()
        # read by RFC 2047 6.2; the newer parser of the standard library keeps a space between parts of one word
        message = message_from_bytes(raw, policy=policy.compat32)
        assert _decoded(message["Subject"]) == TEXTS.fill(
            language, "mail", "subject.paid", receipt="2026-00000042", total="1 769,20 DH", operator=operator.name
        )
        assert _decoded(parseaddr(_unfolded(message["From"]))[0]) == operator.name
        assert all(len(line) <= 78 for line in raw.partition(b"\r\n\r\n")[0].splitlines())


class _Blocks(HTMLParser):
    """The text of each block, every tag within left out: as a mail program shows it that knows none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = [""]

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"span", "bdi", "a"}:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_arabic_mails_keep_their_numbers_where_markup_is_dropped(kind: str) -> None:
    """Gmail and Outlook know no bdi; UAX 9 alone must lay every number out as it is."""
    content = part(made(paid(LanguageCode.AR)), kind)
    assert "<bdi" not in content
    blocks = content.split("\n")
    if kind == "html":
        parser = _Blocks()
        parser.feed(content)
        blocks = parser.texts
    seen = "\n".join(get_display(block.strip(), base_dir="R") for block in blocks if block.strip())
    seen = seen.replace("\u00a0", " ")
    for value in ("1 769,20 DH", "2026-00000042", "23/11/2026 13:05", "**** **** **** 0010", "05/2019", "1 000,00 DH"):
        assert value in seen
    assert kind == "plain" or content.count('<span dir="ltr"') >= 12
