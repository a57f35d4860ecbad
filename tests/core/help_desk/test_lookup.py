"""The help desk finds a payment by whatever the customer holds in hand."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.database.archive.months import with_months
from core.database.pool import Database
from core.help_desk.lookup import STORY, Lookup, TimelineEntry, _days, _meanings
from core.help_desk.read_out import CardAndDay, card_and_day, receipt_read_out, spellings
from core.help_desk.timeline import Source
from core.zone import ZONE
from lab.clocks import NOON
from tests.support.shop import BILL, PAYER, Shop


async def test_anything_finds_the_payment(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.started(await shop.internet_order())
    lookup = Lookup(shop.database)
    hands = [
        paid.id,
        paid.reference,
        paid.auth_code,
        paid.transaction_number,
        paid.receipt_number,
        paid.line_reference,
        BILL.number,
        PAYER,
        " 06 00 00 00 01 ",
    ]
    for hand in hands:
        assert await lookup.find(hand or "") == (paid,), hand
    for nothing in ("", "000000", "2026-00000009", "' OR 1=1 --", "x" * 500):
        assert await lookup.find(nothing) == ()


async def test_an_address_beyond_ascii_finds_its_payments(shop: Shop) -> None:
    paid, address = await shop.paid(), "h\u00e9l\u00e8ne@example.com"
    assert await Lookup(shop.database).find(address) == ()
    await shop.database.do("UPDATE payments SET email = %(email)s WHERE id = %(id)s", email=address, id=paid.id)
    assert [found.id for found in await Lookup(shop.database).find(f" H{address[1:]}")] == [paid.id]


async def test_the_latest_comes_first(shop: Shop) -> None:
    first = await shop.started()
    shop.clock.forward(1_000)
    second = await shop.started(shop.order("ussd:2"))
    assert [payment.id for payment in await Lookup(shop.database).find(PAYER)] == [second.id, first.id]


async def test_a_payments_story_with_its_messages(shop: Shop) -> None:
    paid = await shop.paid()
    shop.clock.forward(5)
    await shop.sweep.run()
    story = await Lookup(shop.database).story(paid.id)
    assert [(happening.what, happening.status) for happening in story][:3] == [
        ("create", "created"),
        ("send", "sending"),
        ("approved", "captured"),
    ]
    assert {(happening.what, happening.status) for happening in story[3:]} == {
        ("bill_posted", "captured"),
        ("receipt_sms", "sent"),
        ("receipt_mail", "sent"),
    }
    assert await Lookup(shop.database).story("nobody") == ()


async def test_numbers_are_found_however_they_are_read_out(shop: Shop) -> None:
    paid = await shop.paid()
    lookup = Lookup(shop.database)
    receipt, auth, bill = paid.receipt_number or "", paid.auth_code or "", BILL.number
    year, _, sequence = receipt.partition("-")
    read_out = [
        *(f"#{paid.reference}", f"N\u00b0 {paid.reference}", f"n\u00ba{paid.reference}", f"{paid.reference}."),
        *(
            f'"{paid.reference}"',
            f"\u00ab {paid.reference} \u00bb",
            f"\u200f{paid.reference}\u200e",
            f"Ref: {paid.reference}",
        ),
        *(
            f"Re\u00e7u {receipt}",
            f"Recu N\u00b0 {receipt}",
            f"#{receipt}",
            f"({receipt})",
            f"\u0627\u0644\u0648\u0635\u0644 {receipt}",
        ),
        *(f"mon code est {paid.reference}", f"la r\u00e9f\u00e9rence {paid.reference}, merci", f"*{paid.reference}*"),
        *(sep.join((paid.reference[:2], paid.reference[2:4], paid.reference[4:])) for sep in " -./\u202f"),
        *(f"Justificatif n\u00b0 {receipt}", f"Le re\u00e7u {receipt}", f"R-{receipt}", receipt.replace("-", "")),
        *(f"{int(sequence)}-{year}", f"{int(sequence)}/{year}", f"{year} {int(sequence)}", f"{year}/{int(sequence)}"),
        *(f"approval {auth}", f"l'autorisation {auth}", f"authorisation number {auth}"),
        *(receipt.replace("-", dash) for dash in ("\u2010", "\u2011", "\u2013", "\u2014", "\u2212", " ", " - ", "/")),
        *(
            f"{year}-{int(sequence)}",
            f"{sequence}-{year}",
            f"\u2068{sequence}-{year}\u2069",
            f"{sequence} \u2013 {year}",
        ),
        *(auth, auth[2:], f"autorisation {auth}", f"\u0631\u0642\u0645 {auth}"),
        *((paid.transaction_number or "").lower(), (paid.transaction_number or "").upper()),
        *(bill, bill.lower(), f"facture {bill}", bill.lstrip("0"), PAYER, "06-00-00-00-01", "0600000001."),
    ]
    for said in read_out:
        assert await lookup.find(said) == (paid,), ascii(said)


def test_cards_are_read_as_they_are_printed() -> None:
    today = date(2026, 11, 29)
    for card in (
        "0010",
        "4000 00** **** 0010",
        "400000******0010",
        "\u2022\u2022\u2022\u2022 0010",
        "****0010",
        "xxxx-0010",
        "...0010",
        "4000********0010",
        "4000 **** **** 0010",
        "400000XXXXXX0010",
        "4000 00XX XXXX 0010",
        "Visa \u2022\u2022\u2022\u2022 0010",
        "carte finissant par 0010",
        "card ending in 0010",
        "\u0628\u0637\u0627\u0642\u0629 \u0660\u0660\u0661\u0660",
    ):
        for day in (
            *("29/11/2026", "2026-11-29", "29.11.26", "29/11", "29 11 2026", "2026/11/29", "29-11-2026"),
            *(
                "29 novembre 2026",
                "29 nov.",
                "Nov 29, 2026",
                "29th of November",
                "29 \u0646\u0648\u0646\u0628\u0631 2026",
            ),
            *("29/11/2026 13:05", "29/11/2026 \u00e0 13h05", "2026-11-29T13:05", "dimanche 29 novembre", "aujourd'hui"),
            "\u0662\u0669/\u0661\u0661/\u0662\u0660\u0662\u0666",
        ):
            said_so = [f"{card} {day}", f"{day} {card}", f"{card}, {day}", f"{card} le {day}", f'"{card} {day}"']
            said_so += [f"{card} - {day}", f"{card} ({day})", f"{card} : {day}."]
            for said in said_so:
                found = card_and_day(said, today)
                assert found is not None, ascii(said)
                assert (found.last4, found.begins.astimezone(ZONE).date()) == ("0010", today)


@given(text=st.text(max_size=80))
def test_anything_may_be_asked(text: str) -> None:
    assert all("\x00" not in each for each in spellings(text))
    receipt = receipt_read_out(text)
    assert receipt is None or 2000 <= receipt[0] < 2100


@dataclass
class Answers:
    """A database that gives these answers in turn, and remembers what it was asked."""

    rows: list[list[dict[str, Any]]]
    asked: list[str] = field(default_factory=list)

    async def all(self, statement: str, **_: object) -> list[dict[str, Any]]:
        self.asked.append(statement)
        return self.rows.pop(0)


def _line(source: Source, **more: object) -> dict[str, Any]:
    line = {"at": NOON, "what": "w", "status": "s", "detail": None, "source": source.value, "who": "", "until": None}
    return {**line, "request": None, **more}


async def test_a_storys_lines_are_read_oldest_first_and_tidied() -> None:
    rows = [_line(Source.PAYMENT, what="later", detail=" why ", request="r-1"), _line(Source.PAYMENT, what="first")]
    database = Answers([rows])
    assert await Lookup(cast("Database", database)).story("p") == (
        TimelineEntry(NOON, "first", "s", None, Source.PAYMENT, "", None, ""),
        TimelineEntry(NOON, "later", "s", "why", Source.PAYMENT, "", None, "r-1"),
    )
    assert database.asked == [STORY]


@pytest.mark.parametrize("live", [[], [_line(Source.DESK)]])
async def test_the_story_of_what_moved_is_looked_for_in_its_month(live: list[dict[str, Any]]) -> None:
    database = Answers([live, [_line(Source.PAYMENT)]])
    assert len(await Lookup(cast("Database", database)).story("p")) == 1
    assert database.asked == [STORY, with_months(STORY)]


def test_what_a_text_does_not_mean_is_not_looked_for() -> None:
    told = _meanings("Salma", None)
    assert (told["msisdn"], told["year"], told["sequence"], told["last4"], told["day_words"]) == (None, 0, 0, None, [])
    assert {word.split()[0] for word in told["words"]} == {"text", "transaction"}


def test_a_number_is_looked_for_as_it_is_dialled_at_home_too() -> None:
    told = _meanings("00212 6 00 00 00 01", None)
    assert (told["msisdn"], "0600000001" in told["texts"]) == (PAYER, True)
    assert {"payer +212600000001", "text 0600000001"} <= set(told["words"])


def test_a_day_at_the_end_of_the_calendar_is_no_day_of_a_month() -> None:
    end = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
    assert _days(CardAndDay("0010", end, end)) == []
