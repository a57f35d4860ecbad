"""Plans that fit any values: nothing that a customer or a job waits for reads a whole table of a house that grew."""

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import psycopg
import pytest

from bench.growth import filling
from core.billing import embedded
from core.database import wake
from core.database.billers import outside
from core.database.messaging import messages
from core.database.payments import credits as credited
from core.database.payments import postings
from core.database.payments import statements as payments
from core.database.refunds import repository as refunds
from core.database.subscribers import people
from core.database.wallets import statements as wallets

MODULES = (payments, wallets, postings, messages, people, embedded, outside, credited, refunds, wake)
PAYMENTS, MONTHS, LIVE_MONTHS = 12_000, 2, 1
STATEMENT = re.compile(r"\s*(SELECT|WITH|UPDATE|INSERT|DELETE)\b")
VALUE = re.compile(r"%\((\w+)\)s")
PARTS = frozenset({"MOVED", "CAPTURED", "RECORD"})  # of statements: names with an underscore before them are, too
TYPES = {"now": "timestamptz", "amount": "bigint"}  # as the driver names them, where PostgreSQL cannot tell
GREW = frozenset({*filling.TABLES, "lines", "invoices", "people", "consents", "wallet_attempts", "procrastinate_jobs"})
# Others of the same size: a line with a bill for each number, and its owner known.
OTHERS = (
    """
    INSERT INTO lines (service, reference, holder, contact_msisdn, payment_code, language, updated_at)
    SELECT 'mobile', '07' || lpad(n::text, 8, '0'), 'Salma', '+2127' || lpad(n::text, 8, '0'), '012345', 'fr', now()
    FROM generate_series(1, 10000) n
    """,
    """
    INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at)
    SELECT 'mobile', '07' || lpad(n::text, 8, '0'), 'N' || n, '2026-10-01', 100, '2026-11-25', now()
    FROM generate_series(1, 10000) n
    """,
    """
    INSERT INTO people (msisdn, language, updated_at)
    SELECT '+2127' || lpad(n::text, 8, '0'), 'fr', now() FROM generate_series(1, 10000) n
    """,
    """
    INSERT INTO consents (msisdn, version, language, channel, given_at, service, line_reference)
    SELECT '+2127' || lpad(n::text, 8, '0'), '1', 'fr', 'ussd', now(), 'mobile', '07' || lpad(n::text, 8, '0')
    FROM generate_series(1, 10000) n
    """,
    """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status)
    SELECT 'default', 'khallas.attend', 'failed' FROM generate_series(1, 10000)
    """,
)
ATTEMPTS = """
INSERT INTO wallet_attempts{0} (reference, payment_id, n, payment_attempt, provider, payer, amount_centimes, currency,
    state, sent_at)
SELECT gen_random_uuid(), id, 1, 1, 'gsma', payer_msisdn, 19900, 'MAD', 'declined', created_at FROM ONLY payments{0}
"""
LIVE_AND_MONTHS = "SELECT substr(relname, 9) FROM pg_class WHERE relname ~ '^payments(_[0-9]{4}_[0-9]{2})?$'"


@pytest.fixture(scope="module")
def grown(module_database_url: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        for _ in filling.grow(connection, PAYMENTS, MONTHS, LIVE_MONTHS):
            pass
        connection.execute("SET session_replication_role = replica")
        for statement in OTHERS:
            connection.execute(statement)
        for (month,) in connection.execute(LIVE_AND_MONTHS).fetchall():
            connection.execute(ATTEMPTS.format(month).encode())
        connection.execute("SET session_replication_role = origin")
        connection.execute("VACUUM ANALYZE")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        yield connection


def _statements(module: ModuleType) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, held in vars(module).items():
        if name.startswith("_") or name in PARTS:
            continue
        for each in held.values() if isinstance(held, dict) else [held]:
            if isinstance(each, str) and STATEMENT.match(each):
                found[name if each is held else f"{name} {len(found)}"] = each
    return found


def _plan(connection: "psycopg.Connection[Any]", statement: str) -> str:
    names = list(dict.fromkeys(VALUE.findall(statement)))
    numbered = VALUE.sub(lambda named: f"${names.index(named[1]) + 1}", statement).replace("%%", "%")
    types = f"({', '.join(TYPES.get(name, 'unknown') for name in names)})" if names else ""
    connection.execute(f"PREPARE kept {types} AS {numbered.strip()}".encode())
    try:
        nulls = f"({', '.join(['NULL'] * len(names))})" if names else ""
        return "\n".join(row[0] for row in connection.execute(f"EXPLAIN EXECUTE kept{nulls}".encode()))
    finally:
        connection.execute("DEALLOCATE kept")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_table_that_grew_is_read_whole(grown: "psycopg.Connection[Any]", module: ModuleType) -> None:
    whole = {}
    for name, statement in _statements(module).items():
        read = re.findall(r"Seq Scan on (\w+?)(?:_\d{4}_\d{2})?\b", _plan(grown, statement))
        if GREW & set(read):
            whole[name] = sorted(GREW & set(read))
    assert whole == {}
