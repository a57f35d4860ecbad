"""A real PgBouncer before a PostgreSQL of ours, as docs/SCALING.md tells an operator to set one up."""

import os
import pwd
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from lab.servers.processes import Server, ServerFailed, User

# what is asked for at the start of a connection is not passed on: the role has it instead
CONFIG = """\
[databases]
* = host=127.0.0.1 port={behind}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {mode}
max_client_conn = 200
default_pool_size = 20
ignore_startup_parameters = options
"""


def find_pgbouncer() -> Path | None:
    """The program, where it is installed (apt-get install pgbouncer)."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    return Path(found) if found else None


class PgBouncer(Server):
    """Stands before the database whose URL it is given, and lends its connections to sessions or to transactions."""

    def __init__(self, folder: Path, database_url: str, *, mode: str = "session") -> None:
        super().__init__(folder)
        self._behind = urlsplit(database_url)
        self._mode = mode

    @property
    def url(self) -> str:
        """postgresql://… of the same database and role, by way of this server."""
        behind = self._behind
        return f"postgresql://{behind.username}:{behind.password}@127.0.0.1:{self.port}{behind.path}"

    def _prepare(self) -> tuple[list[str], User]:
        program = find_pgbouncer()
        if program is None:
            raise ServerFailed("no PgBouncer: apt-get install pgbouncer")
        users, config = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        told = CONFIG.format(behind=self._behind.port, port=self.port, users=users, mode=self._mode)
        for path, text in ((users, f'"{self._behind.username}" "{self._behind.password}"\n'), (config, told)):
            path.touch(mode=0o600)
            path.write_text(text)
            if os.geteuid() == 0:  # it refuses to run as root
                os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        return [str(program), str(config)], "nobody" if os.geteuid() == 0 else "self"
