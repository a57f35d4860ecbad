"""A million rows through `khallas reconcile`: how long it takes, and the most memory the command held.

`python -m bench.settling [--rows 1000000] [--unknown]`: a real PostgreSQL, the real command in a process of its own.
Every row names a captured payment, or with `--unknown` none, so that each is a finding.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import psycopg

from bench.importing import KHALLAS, measured
from core.database.migrate import upgrade
from lab.servers.postgres import Postgres

ROWS = 1_000_000
MEMORY_MAX_MB = 200  # of the command, however long the file

PAID = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    language, channel, bills, amount_centimes, currency, created_at, expires_at, auth_code, transaction_number,
    approved_centimes, paid_at)
SELECT 'BENCH' || lpad(n::text, 12, '0'), 'bench-' || n, '', 'R' || n, 'captured', 'mobile', '0600000001',
    '+212600000001', 'fr', 'ussd', '[]', 100 + n %% 90000, 'MAD', now(), now(), lpad((n %% 1000000)::text, 6, '0'),
    'T' || n, 100 + n %% 90000, '2026-10-01 12:00+01'
FROM generate_series(0, %s) n
"""


def _write(path: Path, rows: int) -> None:
    with path.open("w") as out:
        out.write("order_id,transaction_number,auth_code,amount,date,type\n")
        for n in range(rows):
            dirhams = f"{(100 + n % 90000) / 100:.2f}"
            out.write(f"BENCH{n:012d},T{n},{n % 1_000_000:06d},{dirhams},2026-10-01,sale\n")


def main() -> int:
    """1: the command ended otherwise than its findings say, or held too much."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--unknown", action="store_true", help="no row names a payment")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="khallas-settling-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with Postgres(folder / "postgres", throwaway=True) as postgres:
            url = postgres.create("settling")
            upgrade(url)
            if not given.unknown:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(PAID, (given.rows - 1,))
                    connection.execute("ANALYZE payments")
            file = folder / "settlement.csv"
            _write(file, given.rows)
            spent_s, held_mb, status = measured([*KHALLAS, "reconcile", str(file)], {"KHALLAS_DATABASE_URL": url})
    print(f"{given.rows:,} rows in {spent_s:.1f} s, {held_mb:.0f} MB at most, exit {status}")
    return int(held_mb > MEMORY_MAX_MB or status != int(given.unknown))  # 1: something is to be looked at


if __name__ == "__main__":
    sys.exit(main())
