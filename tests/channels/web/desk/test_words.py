"""Every state that the desk may have to name has its words, in every language: one without would take a page down."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels.web.desk.office_view import matter_row
from channels.web.desk.view import DeskWords
from core.chargebacks.service import ChargebackRefusal, ChargebackState
from core.help_desk.timeline import Source, TimelineEntry
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.payments.table import PaymentState
from core.refunds.resolving import (
    PATIENCE,
    HandRefusal,
    HandState,
    Matter,
    Resolution,
    bill_ends,
    part_ends,
    payment_ends,
)
from core.repositories import Delivery
from core.settlement.findings import FindingQueue, FindingRefusal
from core.settlement.rows import RowKind
from tests.support.paid import PAID_AT, paid

TEXTS = load_texts()
NOW = datetime.now(UTC)
LONG_AGO = NOW - PATIENCE - timedelta(days=1)
MORE_STATES = ("pending", "posting", "posted", "refused", "crediting", "credited", "stuck", "asked", "told", "untold")


def matters() -> Iterator[Matter]:
    for state in PaymentState:
        for by_hand in (None, "unconfirmed"):
            yield Matter("P", "", state, 1, LONG_AGO, payment_ends(state, by_hand, LONG_AGO, NOW))
    for name in MORE_STATES:
        yield Matter("P", "0001", name, 1, None, bill_ends(name))
        yield Matter("P", "r7", name, 1, LONG_AGO, part_ends(name, closed=False))


@pytest.mark.parametrize("language", list(LanguageCode))
def test_whatever_waits_for_people_has_words(language: LanguageCode) -> None:
    named = [
        matter_row(each, lambda key, **values: TEXTS.fill(language, "desk", key, **values))
        for each in matters()
        if each.ends
    ]
    assert len(named) > 12
    assert all(row.ends for row in named)


@pytest.mark.parametrize("language", list(LanguageCode))
def test_states_queues_and_refusals_have_words(language: LanguageCode) -> None:
    keys = [
        *(f"hand.end.{each}" for each in Resolution),
        *(f"hand.state.{each}" for each in HandState),
        *(f"notice.hand.{each}" for each in HandRefusal),
        *(f"finding.{each}" for each in FindingQueue),
        *(f"finding.kind.{each}" for each in RowKind),
        *(f"notice.finding.{each}" for each in FindingRefusal),
        *(f"chargeback.state.{each}" for each in ChargebackState),
        *(f"notice.chargeback.{each}" for each in ChargebackRefusal),
        *(f"delivery.{each}" for each in Delivery),
    ]
    for key in keys:
        assert TEXTS.get(language, "desk", key), key


def test_a_wallet_is_named_and_its_payer_masked() -> None:
    """In the lists' rows and in the story; a card stays four digits."""
    words = DeskWords(TEXTS, LanguageCode.EN, {"neqdi": "Neqdi"})
    by_wallet = words.found(replace(paid(), wallet="neqdi", wallet_payer="+212661000777"))
    assert (by_wallet.tender_label, by_wallet.tender) == ("Wallet", "Neqdi +2126*****777")
    by_card = words.found(paid())
    assert (by_card.tender_label, by_card.tender) == ("Card", "**** 0010")
    for what, detail, title in (
        ("send", "neqdi", "Asked of the wallet"),
        ("send", None, "Sent to the bank"),
        ("lost", "wallet neqdi: time-out", "No answer from the wallet"),
        ("wallet_surplus", "neqdi w1", "A wallet's money too much: goes back"),
    ):
        entry = TimelineEntry(PAID_AT, what, "", detail, Source.PAYMENT, "")
        assert words._item(entry).title == title
