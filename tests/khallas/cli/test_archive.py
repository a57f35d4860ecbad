"""`khallas archive`: what it moves, what it refuses, and what is left when it is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import psycopg
import pytest

from core.database.archive.months import MOVED_TABLES
from tests.e2e.demo import Said
from tests.support.verbs import run_verb

KHALLAS = [sys.executable, "-c", "from khallas.cli.main import main; main()", "archive"]
COUNT = 4_000
MONTHS = ("2026-05", "2026-06")

PAYMENTS = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    language, channel, bills, amount_centimes, currency, created_at, expires_at)
SELECT 'OLD' || n, 'key-' || n, '', 'R' || n, CASE n % 100 WHEN 7 THEN 'unknown' ELSE 'expired' END, 'mobile',
       '0600000001', '+212600000001', 'fr', 'ussd', '[]', 100, 'MAD',
       '2026-05-20Z'::timestamptz + n * interval '6 minutes', '2026-05-20Z'::timestamptz + n * interval '7 minutes'
FROM generate_series(0, %s) n
"""
LINES = """
INSERT INTO payment_lines (payment_id, service, line_reference, invoice_number, amount_centimes, active)
SELECT id, service, line_reference, id, amount_centimes, false FROM payments
"""
EVENTS = (
    "INSERT INTO payment_events (payment_id, at, event, state) SELECT id, created_at, 'create', 'created' FROM payments"
)
COUNTED = "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE tableoid = 'payments'::regclass) FROM payments"


def run(database_url: str, *options: str, **environ: str) -> Said:
    return run_verb("archive", *options, KHALLAS_DATABASE_URL=database_url, **environ)


def fill(database_url: str, count: int = COUNT) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(PAYMENTS.replace("% 100", "%% 100"), (count - 1,))
        connection.execute(LINES)
        connection.execute(EVENTS)


def counted(database_url: str) -> tuple[int, int, int]:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(COUNTED).fetchone()
        assert row is not None
        for table, key in (("payment_lines", "payment_id"), ("payment_events", "payment_id")):
            torn = connection.execute(
                f"SELECT count(*) FROM {table} c JOIN payments p ON p.id = c.{key}"  # noqa: S608
                f" WHERE (p.tableoid = 'payments'::regclass) <> (c.tableoid = '{table}'::regclass)"
            ).fetchone()
            assert torn == (0,)
        return row[0], row[1], row[2]


def test_it_counts_then_moves_and_has_nothing_to_do_again(database_url: str) -> None:
    fill(database_url, 400)
    dry = run(database_url, "--before", "2026-06", "--dry-run", "--json")
    told = json.loads(dry.out)
    assert (dry.code, told["moved"], told["stayed"], told["before"]) == (0, 396, 4, "2026-06"), dry.err
    assert counted(database_url) == (400, 400, 400)
    done = run(database_url, "--before", "2026-06")
    assert done.out == "396 payments from before 2026-06 moved to their months; 4 stay live\n", done.err
    assert counted(database_url) == (400, 400, 4)
    again = run(database_url, KHALLAS_ARCHIVE__AFTER_MONTHS="1")
    assert again.out.startswith("0 payments from before "), again.err


@pytest.mark.parametrize(
    ("options", "words"),
    [((), "KHALLAS_ARCHIVE__AFTER_MONTHS"), (("--before", "June"), "2026-11"), (("--before", "2999-01"), "not begun")],
)
def test_what_it_is_not_told_it_asks(database_url: str, options: Sequence[str], words: str) -> None:
    refused = run(database_url, *options)
    assert refused.code == 2
    assert words in refused.err


def test_books_that_are_not_open_move_nothing(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE ledger_opening SET opened_at = NULL")
    refused = run(database_url, "--before", "2026-06")
    assert (refused.code, refused.err) == (1, "the ledger's books are not open yet: khallas migrate\n")


def test_killed_at_any_point_it_loses_and_doubles_nothing_and_goes_on(database_url: str) -> None:
    fill(database_url)
    command = [*KHALLAS, "--before", "2026-07"]
    environ = {**os.environ, "KHALLAS_DATABASE_URL": database_url}
    live, kills = COUNT, 0
    for after in range(1, 100):
        with psycopg.connect(database_url, autocommit=True) as watcher, subprocess.Popen(command, env=environ) as mover:
            while mover.poll() is None and kills < 3:
                row = watcher.execute("SELECT count(*) FROM ONLY payments").fetchone()
                assert row is not None
                if row[0] < live:  # in the middle: some of it is committed
                    mover.send_signal(signal.SIGKILL)
                    kills += 1
                    break
            mover.wait()
        every, distinct, live = counted(database_url)
        assert (every, distinct) == (COUNT, COUNT), after
        if mover.returncode == 0:
            break
    assert (live, kills) == (COUNT // 100, 3)
    with psycopg.connect(database_url) as connection:
        for month in MONTHS:
            found = connection.execute(f"SELECT count(*) FROM payments_{month.replace('-', '_')}").fetchone()  # noqa: S608
            assert found is not None
            assert found[0] > 0
        assert connection.execute("SELECT khallas_moved_tables()").fetchone() == (list(MOVED_TABLES),)


def test_two_at_once_move_each_payment_once(database_url: str) -> None:
    fill(database_url)
    environ = {**os.environ, "KHALLAS_DATABASE_URL": database_url}
    both = [subprocess.Popen([*KHALLAS, "--before", "2026-07"], env=environ) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    run(database_url, "--before", "2026-07")  # what each of them found locked by the other
    assert counted(database_url) == (COUNT, COUNT, COUNT // 100)
