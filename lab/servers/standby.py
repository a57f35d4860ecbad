"""A hot standby of a real PostgreSQL beside us, to be promoted: for tests of failovers."""

import shutil
import subprocess
from pathlib import Path

import psycopg

from lab.servers.postgres import CONNECT_MAX_S, OWNER, Postgres, find_postgres
from lab.servers.processes import ServerFailed, User

COPIED_MAX_S = 120.0


class Standby(Postgres):
    """Copies the primary at its first start, and follows it; the primary is not `throwaway`."""

    def __init__(self, folder: Path, primary: Postgres) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(primary.folder / "password", folder / "password")
        super().__init__(folder, primary.database)
        self._primary = primary

    def _prepare(self) -> tuple[list[str], User]:
        if not self._data.exists():
            source = f"host=127.0.0.1 port={self._primary.port} user={OWNER} password={self.password}"
            command = [str(find_postgres() / "pg_basebackup"), "-D", str(self._data), "-d", source, "-R", "-c", "fast"]
            done = subprocess.run([*command, "--no-sync"], capture_output=True, check=False, timeout=COPIED_MAX_S)
            if done.returncode != 0:
                raise ServerFailed(f"pg_basebackup: {done.stderr.decode(errors='replace').strip()}")
        return super()._prepare()

    def _started(self) -> None:
        """Its databases are the primary's."""

    def promote(self) -> None:
        """Returns when it takes writes."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=CONNECT_MAX_S) as connection:
            connection.execute("SELECT pg_promote()")


def url_of_both(primary: Postgres, standby: Standby) -> str:
    """Names both; whoever takes writes is meant."""
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    return f"postgresql://{OWNER}:{primary.password}@{hosts}/{primary.database}?target_session_attrs=read-write"
