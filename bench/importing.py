"""A million bills through `khallas import`: the rate, and the most memory the command held.

`python -m bench.importing [--bills 1000000]`: a real PostgreSQL, the real command in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.database.migrate import upgrade
from lab.servers.postgres import Postgres

BILLS, BILLS_A_LINE = 1_000_000, 4
MEMORY_MAX_MB = 200  # of the command, however long the file
KHALLAS = (sys.executable, "-c", "from khallas.cli.main import main; main()")


def _write(folder: Path, bills: int) -> tuple[Path, Path]:
    lines, invoices = folder / "subscribers.csv", folder / "invoices.csv"
    with lines.open("w") as out:
        out.write("service,reference,holder,contact_msisdn,email,payment_code,language\n")
        for line in range(bills // BILLS_A_LINE):
            out.write(f"mobile,06{line:08d},Client {line},06{line:08d},,{line % 900000 + 100000},fr\n")
    with invoices.open("w") as out:
        out.write("reference,number,period,amount,due_date\n")
        for bill in range(bills):
            month = bill % BILLS_A_LINE + 7
            out.write(f"06{bill // BILLS_A_LINE:08d},{bill:016d},2026-{month:02d}-01,{bill % 90000 / 100 + 1:.2f},")
            out.write(f"2026-{month + 1:02d}-25\n")
    return lines, invoices


def measured(command: Sequence[str], environ: Mapping[str, str]) -> tuple[float, float, int]:
    """Seconds, the process's greatest resident size in MB, and its exit code; what it says is shown."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    print(said.strip())
    return time.perf_counter() - began, usage.ru_maxrss / 1024, process.returncode


def main() -> None:
    """Print a line a file; fails when the memory is not bounded."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bills", type=int, default=BILLS)
    bills = parser.parse_args().bills
    with tempfile.TemporaryDirectory(prefix="khallas-import-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with Postgres(folder / "postgres") as postgres:
            upgrade(postgres.url)
            for file in (*_write(folder, bills), folder / "invoices.csv"):
                command, environ = [*KHALLAS, "import", str(file)], {"KHALLAS_DATABASE_URL": postgres.url}
                seconds, most_mb, status = measured(command, environ)
                if status:
                    raise SystemExit(f"the import ended with {status}")
                rows = bills if file.stem == "invoices" else bills // BILLS_A_LINE
                print(f"{file.name}: {seconds:.1f} s, {rows / seconds:,.0f} rows a second, at most {most_mb:.0f} MB")
                if most_mb > MEMORY_MAX_MB:
                    raise SystemExit(f"more than {MEMORY_MAX_MB} MB")


if __name__ == "__main__":
    main()
