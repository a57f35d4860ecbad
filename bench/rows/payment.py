"""A payment from basket to receipt, the acquirer left out, against its own statements run bare in one commit."""

import json
import subprocess
import sys

import psycopg

from bench import people, stage
from bench.contest import Plan
from bench.measure import Sample, middle
from bench.results import Finding, Row, at_least, at_most
from bench.till import BILLS, WARM_UP

PAYMENTS, PAYMENTS_QUICK = 3_000, 800
BURST_MAX_S = 120
NAMES = {"khallas": "Khallas", "bare": "its statements, bare"}
SIZE = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname IN
('payments', 'payment_lines', 'payment_events', 'messages', 'receipts', 'procrastinate_jobs', 'procrastinate_events',
 'ledger_transfers')
"""
PAID = "SELECT count(*) FROM receipts r JOIN payments p ON p.id = r.payment_id WHERE p.state = 'captured'"
EMPTY = "TRUNCATE payments, ledger_transfers, procrastinate_jobs, messages, receipts, receipt_counters CASCADE"


def burst(mode: str, database_url: str, count: int) -> Sample:
    """One burst in a process of its own, over empty books. Raises CalledProcessError."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # the events are append-only for everybody else
        connection.execute(EMPTY)
    command = [sys.executable, "-m", "bench.till", mode, database_url, str(count)]
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=BURST_MAX_S, text=True)
    with psycopg.connect(database_url) as connection:
        row = connection.execute(PAID).fetchone()
    unpaid = WARM_UP + count - (row[0] if row else 0)
    return Sample(**{**json.loads(made.stdout), "errors": max(0, unpaid)}, others=0.0)


def run(backends: stage.Backends, plan: Plan) -> list[Row]:
    people.seed(backends.database_url, bills=BILLS)
    count = PAYMENTS_QUICK if plan.quick else PAYMENTS
    samples: dict[str, list[Sample]] = {name: [] for name in NAMES.values()}
    for _ in range(plan.bursts):
        for mode, name in NAMES.items():
            samples[name].append(burst(mode, backends.database_url, count))
    with psycopg.connect(backends.database_url, autocommit=True) as connection:
        burst("khallas", backends.database_url, count)
        row = connection.execute(SIZE).fetchone()
    kept_bytes = float(row[0]) / (count + WARM_UP) if row else 0.0
    mine, yours = (middle(found) for found in samples.values())
    findings = (
        Finding("client CPU a payment, times the bare one's", mine.cpu_us / yours.cpu_us, "x", at_most(1.6)),
        Finding("payments/s, times the bare ones", mine.rate / yours.rate, "x", at_least(0.75)),
        Finding(
            "a payment with its bills, events, transfers, messages, jobs and indexes, in PostgreSQL",
            kept_bytes,
            "bytes",
        ),
    )
    return [Row("payment", "Payment: basket, card, receipt; the acquirer's call left out", findings, samples)]
