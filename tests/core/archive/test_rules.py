"""What a later revision must not forget: tables that hang on payments move with them, or keep them live."""

from datetime import UTC, datetime

import psycopg

from core.database.archive.months import MOVED_TABLES
from core.database.migrate import upgrade
from core.database.migrations.indexes import INDEXES

HANG_ON = """
SELECT DISTINCT c.conrelid::regclass::text FROM pg_constraint c
WHERE c.contype = 'f' AND c.confrelid::regclass::text = ANY(%s)
"""
LIVE_AGAIN = """
SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'khallas_live_again'
"""
NAMED_BY_OVER = "SELECT prosrc FROM pg_proc WHERE proname = 'khallas_over'"
WITH_THEIR_PAYMENT = {"payment_lines", "receipts"}  # written of what is live alone: with a basket, by its capture
OF_THEIRS = {"wallet_reversals": "wallet_attempts"}  # hang on a table that hangs on payments, and are looked at


def test_whatever_hangs_on_a_payment_moves_with_it_or_keeps_it_live(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        hang_on = {name for (name,) in connection.execute(HANG_ON, (list(MOVED_TABLES),)).fetchall()}
        live_again = {name for (name,) in connection.execute(LIVE_AGAIN).fetchall()}
        row = connection.execute(NAMED_BY_OVER).fetchone()
        assert row is not None
    assert "payment_lines" in hang_on
    assert "desk_notes" in hang_on
    for table in sorted(hang_on):
        if table in OF_THEIRS:
            assert table in row[0], f"khallas_over() lets a payment go whose {table} stay"
            continue
        assert table in MOVED_TABLES or f" {table} " in row[0], f"khallas_over() lets a payment go whose {table} stay"
        assert table in live_again | WITH_THEIR_PAYMENT, f"a row of {table} finds its payment in a month: no trigger"


def test_an_index_of_a_later_release_is_built_on_the_months_too(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT khallas_make_month(%s)", (datetime(2026, 5, 9, tzinfo=UTC),))
    wanted = {**INDEXES, "payments_language": "ON payments (language) WHERE language <> 'fr'"}
    upgrade(database_url, wanted)
    upgrade(database_url, wanted)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT tablename, indexname FROM pg_indexes WHERE indexname LIKE 'payments_language%' ORDER BY 1"
        ).fetchall()
        assert rows == [("payments", "payments_language"), ("payments_2026_05", "payments_language_2026_05")]
        copied = connection.execute(
            "SELECT count(*) FROM pg_indexes WHERE tablename = 'payments_2026_05' AND indexdef LIKE '%lower(email%'"
        ).fetchone()
        assert copied == (1,)
