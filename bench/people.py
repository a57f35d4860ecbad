"""Subscribers and their bills in PostgreSQL, so many that no two requests of a moment are about the same one."""

from collections.abc import Iterator, Sequence

import psycopg

from core.billing.invoices import Invoice
from core.languages import LanguageCode

SUBSCRIBERS = 4_000
CODE = "482913"  # everybody's, so that an answer is known by it

LINES = """
INSERT INTO lines (service, reference, holder, contact_msisdn, email, payment_code, language, updated_at)
VALUES ('mobile', %s, 'Salma Demo', %s, 'salma@example.com', %s, %s, now()) ON CONFLICT DO NOTHING
"""

INVOICES = """
INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at)
VALUES ('mobile', %s, %s, '2026-10-01', 19900, '2026-11-25', now()) ON CONFLICT DO NOTHING
"""


THESE_INVOICES = """
INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at)
VALUES ('mobile', %s, %s, %s, %s, %s, now()) ON CONFLICT DO NOTHING
"""


def msisdn(n: int) -> str:
    return f"+2126{n:08d}"


def reference(n: int) -> str:
    return f"06{n:08d}"


def seed(database_url: str, *, people: int = SUBSCRIBERS, bills: int = 0) -> None:
    """Lines under their own mobiles, with so many unpaid bills each."""
    languages = tuple(LanguageCode)

    def each() -> Iterator[tuple[str, str, str, str]]:
        for n in range(people):
            yield reference(n), msisdn(n), CODE, languages[n % 3].value

    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(LINES, each())
        cursor.executemany(INVOICES, ((reference(n), number(n, bill)) for n in range(people) for bill in range(bills)))
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")


def insert(database_url: str, lines: Sequence[tuple[str, str]], owed: Sequence[tuple[str, Sequence[Invoice]]]) -> None:
    """Lines by reference and MSISDN, and the very bills of theirs."""
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(LINES, [(reference, msisdn, CODE, "fr") for reference, msisdn in lines])
        rows = [
            (reference, bill.number, bill.period, bill.amount_centimes, bill.due_date)
            for reference, bills in owed
            for bill in bills
        ]
        cursor.executemany(THESE_INVOICES, rows)


def number(person: int, bill: int) -> str:
    """A bill's number."""
    return f"{person:08d}{bill:08d}"
