"""What a dispute needs of a payment's dialogs stays with it, however the periods, the payer and the keys go."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from psycopg import errors

from core.chargebacks.evidence import Evidence
from core.database.help_desk.access_log import PgAccessLog
from core.database.help_desk.evidence import PgEvidence
from core.database.help_desk.kept import PgKeptEvidence
from core.database.help_desk.transcripts import PgTranscripts
from core.database.privacy.requests import PgPrivacy
from core.database.privacy.retention import PgRetention
from core.help_desk.transcripts import Pseudonymiser
from core.languages import LanguageCode
from core.payments.table import Payment
from core.privacy.requests import Privacy
from core.privacy.retention import ROUNDS_MAX, Periods, RetentionJob
from tests.support.bank import silent
from tests.support.desks import BLIND, shown_to
from tests.support.shop import PAYER, STRANGER, Shop

DAY_S = 86_400
PERIODS = Periods(dispute_days=548)


def job(shop: Shop, periods: Periods = PERIODS) -> RetentionJob:
    return RetentionJob(PgRetention(shop.database), shop.clock, periods, PgKeptEvidence(shop.database, BLIND))


async def lived(shop: Shop) -> Payment:
    await shop.till.accept_terms(PAYER, "2026-11", LanguageCode.FR, "ussd")
    await shown_to(shop, PAYER)
    await shown_to(shop, STRANGER)
    payment = await shop.paid()
    await shop.work()
    return payment


async def evidence(shop: Shop, payment: Payment, blind: Pseudonymiser = BLIND) -> Evidence:
    found = await PgEvidence(shop.database, PgTranscripts(shop.database, blind)).of(payment.id)
    assert found is not None
    return found


def screens(found: Evidence) -> list[str]:
    return [shown.screen for dialog in found.dialogs for shown in dialog.shown]


async def test_a_payment_s_dialogs_outlive_everybody_else_s(shop: Shop) -> None:
    payment = await lived(shop)
    before = await evidence(shop, payment)
    assert screens(before) == ["Service", "PickInvoices"]
    for days in (1, 31, 508):
        shop.clock.forward(days * DAY_S)
        await job(shop).apply()
    assert await shop.database.all("SELECT FROM transcript_turns") == []
    after = await evidence(shop, payment)
    assert after.dialogs == before.dialogs
    assert after.agreed == before.agreed
    assert after.agreed is not None
    shop.clock.forward(10 * DAY_S)
    assert (await job(shop).apply())["evidence"] == 1
    assert screens(await evidence(shop, payment)) == []


@pytest.mark.parametrize("first", [True, False], ids=["kept", "not yet kept"])
async def test_they_outlive_a_payer_who_is_erased_and_a_key_that_is_taken_away(shop: Shop, first: bool) -> None:
    payment = await lived(shop)
    before = await evidence(shop, payment)
    if first:
        shop.clock.forward(DAY_S)
        await job(shop).apply()

    class NoConversations:
        async def held(self, msisdn: str) -> list[str]:
            return []

        async def forget(self, msisdn: str) -> int:
            return 0

    shop.clock.forward(DAY_S)
    await shop.sweep.run()
    privacy = Privacy(
        PgPrivacy(shop.database, BLIND), NoConversations(), PgAccessLog(shop.database), shop.clock, "cli:root"
    )
    told = await privacy.export(PAYER)
    assert len(told["kept_for_disputes"]) == int(first)
    await privacy.erase(PAYER)
    after = await evidence(shop, payment, Pseudonymiser(("another key",)))
    assert (after.dialogs, after.agreed) == (before.dialogs, before.agreed)
    rows = await shop.database.all("SELECT payment_id, agreed::text, turns::text FROM payment_evidence")
    assert PAYER not in str(rows)
    assert BLIND.who(PAYER) not in str(rows)


async def test_an_unknown_payment_s_dialogs_are_kept_before_they_leave(shop: Shop) -> None:
    await shown_to(shop, PAYER)
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    shop.clock.forward(2 * DAY_S)
    await job(shop).apply()
    shop.clock.forward(40 * DAY_S)
    await job(shop).apply()
    assert screens(await evidence(shop, payment)) == ["Service", "PickInvoices"]


async def test_what_was_never_paid_leaves_with_the_transcripts(shop: Shop) -> None:
    await shown_to(shop, PAYER)
    await shop.started()
    shop.clock.forward(31 * DAY_S)
    await job(shop).apply()
    assert await shop.database.all("SELECT FROM payment_evidence") == []
    assert await shop.database.all("SELECT FROM transcript_turns") == []


async def test_without_a_period_for_disputes_nothing_is_kept_longer(shop: Shop) -> None:
    payment = await lived(shop)
    shop.clock.forward(31 * DAY_S)
    await job(shop, Periods(dispute_days=0)).apply()
    assert screens(await evidence(shop, payment)) == []


async def test_nothing_leaves_before_all_is_kept(shop: Shop) -> None:
    @dataclass
    class Behind:
        """More payments than a night can keep."""

        asked: int = 0

        async def keep(self, since: datetime, now: datetime, limit: int) -> int:
            self.asked += 1
            return limit

        async def drop(self, before: datetime, limit: int) -> int:
            return 0

    await lived(shop)
    shop.clock.forward(31 * DAY_S)
    behind = Behind()
    done = await RetentionJob(PgRetention(shop.database), shop.clock, PERIODS, behind).apply()
    assert (behind.asked, "transcripts" in done) == (ROUNDS_MAX, False)
    assert len(await shop.database.all("SELECT FROM transcript_turns")) == 4


async def test_what_is_kept_is_not_changed(shop: Shop) -> None:
    await lived(shop)
    shop.clock.forward(DAY_S)
    await job(shop).apply()
    with pytest.raises(errors.RestrictViolation):
        await shop.database.do("UPDATE payment_evidence SET turns = '[]'")
