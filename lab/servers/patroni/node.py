"""One node: Patroni, the PostgreSQL that it runs, and the wires between it and everybody else."""

import contextlib
import json
import os
import pwd
import signal
from pathlib import Path

from lab.servers.patroni.programs import Programs
from lab.servers.patroni.proxies import Proxy, wires
from lab.servers.processes import Server, User, free_port

SUPERUSER, REPLICATION = "postgres", "replicator"
TTL_S, LOOP_S, RETRY_S = 20, 3, 5  # a primary that says nothing for TTL_S is replaced
DESCENDANTS_MAX = 1_000


class PatroniNode(Server):
    """Starting does not wait: whoever asks looks at the cluster. `outside` are the ports that others use."""

    def __init__(self, folder: Path, programs: Programs, name: str, etcd_port: int, password: str) -> None:
        super().__init__(folder, free_port())  # Patroni's own
        self.node = name
        self._programs = programs
        self._secret = password
        self._postgres_port = free_port()
        self.outside_postgres, self.outside_rest, self._outside_etcd = (free_port() for _ in range(3))
        ports = {self.outside_postgres: self._postgres_port, self.outside_rest: self.port}
        self.wires: Proxy = wires(folder / "wires", programs, {**ports, self._outside_etcd: etcd_port})

    @property
    def data(self) -> Path:
        """PostgreSQL's files."""
        return self.folder / "data"

    def _prepare(self) -> tuple[list[str], User]:
        own = self.folder / "patroni.yml"
        own.touch(mode=0o600)
        own.write_text(json.dumps(self._settings(), indent=1))  # JSON is YAML
        user: User = "self"
        if os.geteuid() == 0:
            user, nobody = "nobody", pwd.getpwnam("nobody")
            for path in (self.folder, own):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        inside = ["/usr/bin/env", "-C", str(self.folder), "-u", "PYTHONPATH", f"HOME={self.folder}", "LC_ALL=C.UTF-8"]
        return [*inside, str(self._programs.patroni), str(own)], user

    def _settings(self) -> dict[str, object]:
        local = "127.0.0.1"
        hosts = ["local all all trust", f"host all all {local}/32 scram-sha-256"]
        hosts.append(f"host replication {REPLICATION} {local}/32 scram-sha-256")
        cluster = {
            "ttl": TTL_S,
            "loop_wait": LOOP_S,
            "retry_timeout": RETRY_S,
            "primary_start_timeout": 0,
            "synchronous_mode": True,
            "maximum_lag_on_failover": 1_048_576,
            "postgresql": {
                "use_pg_rewind": True,
                "use_slots": True,
                "parameters": {
                    "max_connections": 200,
                    "shared_buffers": "64MB",
                    "password_encryption": "scram-sha-256",
                    "fsync": "off",  # processes are killed here; the kernel, which holds what they wrote, is not
                    "checkpoint_timeout": "30s",  # an old primary is rewound from its last one
                },
                "pg_hba": hosts,
            },
        }
        initdb = [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums", "no-sync"]
        return {
            "scope": "khallas",
            "name": self.node,
            "restapi": {"listen": f"{local}:{self.port}", "connect_address": f"{local}:{self.outside_rest}"},
            "etcd3": {"hosts": [f"{local}:{self._outside_etcd}"], "use_proxies": True},
            "bootstrap": {"dcs": cluster, "initdb": initdb},
            "postgresql": {
                "listen": f"{local}:{self._postgres_port}",
                "connect_address": f"{local}:{self.outside_postgres}",
                "data_dir": str(self.data),
                "bin_dir": str(self._programs.postgres),
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
                "pgpass": str(self.folder / "pgpass"),
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
                "parameters": {"unix_socket_directories": str(self.folder)},
                "authentication": {
                    "superuser": {"username": SUPERUSER, "password": self._secret},
                    "replication": {"username": REPLICATION, "password": self._secret},
                },
            },
        }

    def _answers(self) -> bool:
        return True

    def _postgres_pids(self) -> list[int]:
        """Postmaster and backends: Patroni lets them go, so they are nobody's children."""
        try:
            first = (self.data / "postmaster.pid").read_text().split()[0]
            name = Path(f"/proc/{first}/comm").read_text().strip()
        except (OSError, IndexError):
            return []
        return _with_descendants(int(first)) if name == "postgres" else []

    def _all_pids(self) -> list[int]:
        patroni = [] if self._process is None or self._process.poll() is not None else _with_descendants(self.pid)
        return patroni + self._postgres_pids()

    def pause(self) -> None:
        """The whole machine stands still: the kernel keeps its connections, and nothing answers."""
        _send(signal.SIGSTOP, self._all_pids())

    def resume(self) -> None:
        """It goes on, and believes what it believed."""
        _send(signal.SIGCONT, self._all_pids())

    def kill(self) -> None:
        """kill -9 of Patroni and of PostgreSQL: the machine is lost, its disk is not."""
        _send(signal.SIGKILL, self._all_pids())
        super().kill()

    def kill_postgres(self) -> None:
        """kill -9 of PostgreSQL alone; Patroni sees it."""
        _send(signal.SIGKILL, self._postgres_pids())

    def stop(self) -> None:
        self.resume()
        super().stop()
        _send(signal.SIGKILL, self._postgres_pids())
        self.wires.stop()


def _with_descendants(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        if len(found) > DESCENDANTS_MAX:
            break
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
