"""The role that serves: the whole till works under it, and no word of it changes what is evidence."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from core.database.archive.months import PgArchive
from core.database.help_desk.audit import PgAudit
from core.database.migrate import give
from core.database.roles import RoleUnfit
from core.help_desk.audit import Audit, Chain
from core.languages import LanguageCode
from core.payments.orders import StartOrder
from core.payments.schedule import Times
from core.payments.table import Payment
from core.subscribers.lines import ServiceType
from lab.chaos.till import open_till
from lab.clocks import StillClock
from tests.support.bank import CARD, CVV, FakeBank
from tests.support.shop import BILL, INVOICES, LINES, PAYER

CLOCK = StillClock()

ROLE, PASSWORD = "khallas_serving", "pJ6wX2fTz0uRq8"


@pytest.fixture
def serving_url(database_url: str) -> Iterator[str]:
    """The same database, as the role that serves."""
    give(database_url, ROLE, PASSWORD)
    parts = urlsplit(database_url)
    yield f"postgresql://{ROLE}:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}"
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"DROP OWNED BY {ROLE}")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM access_log",
        "UPDATE access_log SET who = 'nobody'",
        "TRUNCATE access_log",
        "DELETE FROM payment_events",
        "UPDATE payment_events SET event = 'x'",
        "TRUNCATE payment_events CASCADE",
        "DELETE FROM desk_notes",
        "UPDATE consents SET version = 'x'",
        "DELETE FROM audit_links",
        "UPDATE ledger_transfers SET amount_centimes = 1",
        "ALTER TABLE access_log DISABLE TRIGGER ALL",
        "DROP TABLE access_log",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE payments ADD COLUMN mine text",
        "UPDATE alembic_version SET version_num = '0001'",
        "SET session_replication_role = replica",
        "CREATE ROLE another",
    ],
)
def test_what_is_evidence_and_the_schema_are_out_of_reach(serving_url: str, statement: str) -> None:
    with psycopg.connect(serving_url) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement.encode())


def test_whatever_is_append_only_is_found_by_the_catalogue(database_url: str, serving_url: str) -> None:
    with psycopg.connect(database_url) as owner:
        guarded = owner.execute(
            "SELECT DISTINCT c.relname, t.tgtype FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = 'khallas_append_only'"
        ).fetchall()
        assert len(guarded) >= 5
        for table, kinds in guarded:
            for right, bit in (("DELETE", 8), ("UPDATE", 16), ("TRUNCATE", 32)):
                row = owner.execute("SELECT has_table_privilege(%s, %s, %s)", (ROLE, table, right)).fetchone()
                assert row is not None
                assert not (kinds & bit and row[0]), (table, right)


def test_it_may_read_write_and_end_old_rows_of_the_log(database_url: str, serving_url: str) -> None:
    with psycopg.connect(serving_url) as connection:
        connection.execute(LINES)
        connection.execute(INVOICES)
        for age in ("1100 days", "1 day"):
            connection.execute(
                "INSERT INTO access_log (at, who, role, address, action)"
                " VALUES (now() - %s::interval, 'sami', 'agent', '', 'view')",
                (age,),
            )
        row = connection.execute("SELECT khallas_drop_accesses(now() - interval '400 days', 100)").fetchone()
        assert row == (1,)
        with pytest.raises(psycopg.errors.RestrictViolation):  # the trigger's floor holds for the function as well
            connection.execute("SELECT khallas_drop_accesses(now(), 100)")


def test_it_can_be_given_again_and_an_owner_or_superuser_cannot_serve(database_url: str, serving_url: str) -> None:
    give(database_url, ROLE)
    psycopg.connect(serving_url).close()  # its password is as it was
    with pytest.raises(RoleUnfit, match="superuser"):
        give(database_url, urlsplit(database_url).username or "")
    with pytest.raises(RoleUnfit, match="small letters"):
        give(database_url, 'x"; DROP TABLE people')


async def test_a_bill_is_paid_under_it(serving_url: str) -> None:
    """The till's every statement, as the role that serves."""
    async with open_till(serving_url, FakeBank(CLOCK), CLOCK, Times()) as till:
        await till.database.do(LINES)
        await till.database.do(INVOICES)
        order = StartOrder("ussd:1:7", "ussd", PAYER, LanguageCode.FR, None, ServiceType.MOBILE, "0600000001", (BILL,))
        started = await till.till.start(order)
        assert isinstance(started, Payment)
        paid = await till.till.authorise(started.id, CARD, CVV, wait_s=60)
        assert isinstance(paid, Payment)
        assert paid.receipt_number is not None
        await till.sweep.run()
        audit = Audit(PgAudit(till.database), CLOCK)
        await audit.link()
        assert (await audit.verify(Chain.PAYMENT_EVENTS)).rows >= 3


async def test_a_role_that_was_given_before_the_months_pays_moves_and_brings_back(
    database_url: str, serving_url: str
) -> None:
    """Its rights are those of before: to the months' tables it has none, nor to the function's own."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("DELETE FROM lines")
        owner.execute(LINES)
        owner.execute(INVOICES)
        owner.execute(f"REVOKE ALL ON payments_brought_back FROM {ROLE}")
    async with open_till(serving_url, FakeBank(CLOCK), CLOCK, Times()) as serving:
        order = StartOrder("ussd:1:7", "ussd", PAYER, LanguageCode.FR, None, ServiceType.MOBILE, "0600000001", (BILL,))
        started = await serving.till.start(order)
        assert isinstance(started, Payment)
        paid = await serving.till.authorise(started.id, CARD, CVV, wait_s=60)
        assert isinstance(paid, Payment)
        for _ in range(2):
            await serving.sweep.money()
            await serving.sweep.texts()
            CLOCK.forward(60)
        archive = PgArchive(serving.database)
        assert [each.moved async for each in archive.batches(CLOCK.now() + timedelta(days=100))] == [1]
        assert await serving.till.payment(started.id) is not None
        with pytest.raises(InsufficientPrivilege):
            await serving.database.do("DELETE FROM payment_events_2026_11")
        with pytest.raises(InsufficientPrivilege):
            await serving.database.do("SELECT FROM payments_2026_11")
        assert await archive.bring_back(started.id)
        assert await serving.database.all("SELECT id FROM ONLY payments") == [{"id": started.id}]
    give(database_url, ROLE)  # again: what was granted by the way is taken
    async with open_till(serving_url, FakeBank(CLOCK), CLOCK, Times()) as serving:
        with pytest.raises(InsufficientPrivilege):
            await serving.database.do("INSERT INTO ledger_transfers_2026_11 SELECT * FROM ledger_transfers")
        with pytest.raises(InsufficientPrivilege):
            await serving.database.do("SET khallas.moving = 'on'; DELETE FROM payment_events")
