"""The one PostgreSQL and the one Valkey of a worker, lent to every child that tries a mutant."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import psycopg

from lab.servers.postgres import Postgres
from lab.servers.processes import Server
from lab.servers.valkey import Valkey

SHARED = "khallas-tests-"  # how the folder of the suite's shared servers begins (tests/conftest.py)
TEMPLATE = "khallas_template"


class Lent:
    """A running server in the place of one that a fixture would start and stop."""

    def __init__(self, server: Server) -> None:
        self.url, self.port, self.password = server.url, server.port, server.password

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It goes on running."""


class LentPostgres(Lent):
    """Its databases bear the number of the process that made them."""

    def __init__(self, server: Postgres) -> None:
        super().__init__(server)
        self._server = server
        self.url_of = server.url_of

    def create(self, name: str, template: str = "template0") -> str:
        if name == TEMPLATE:
            return self.url_of(TEMPLATE)
        return self._server.create(f"{name}_{os.getpid()}", template)

    def drop(self, name: str) -> None:
        self._server.drop(f"{name}_{os.getpid()}")

    def forget(self, pid: int) -> None:
        """Drop what a child left behind."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"%\\_{pid}",))
            for (name,) in names.fetchall():
                self._server.drop(name)


class Lending:
    """The servers that any of the tests asks for."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path, wanted: set[str]) -> None:
        self._lent: dict[type[Server], Lent] = {}
        self._postgres: LentPostgres | None = None
        if "valkey" in wanted:
            self._lent[Valkey] = Lent(stack.enter_context(Valkey(folder / "valkey")))
        if "postgres" in wanted:
            from core.database import migrate

            server = stack.enter_context(Postgres(folder / "postgres", throwaway=True))
            migrate.upgrade(server.create(TEMPLATE))
            migrate.upgrade = _done
            self._postgres = self._lent[Postgres] = LentPostgres(server)

    def to_conftest(self) -> None:
        """In the place of what tests/conftest.py imported."""
        for module in [module for name, module in sys.modules.items() if name.endswith("conftest")]:
            for real, lent in self._lent.items():
                if getattr(module, real.__name__, None) is real:
                    setattr(module, real.__name__, _instead_of(real, lent))

    def to_whoever_imports(self) -> None:
        for real, lent in self._lent.items():
            setattr(sys.modules[real.__module__], real.__name__, _instead_of(real, lent))

    def forget(self, pid: int) -> None:
        if self._postgres is not None:
            self._postgres.forget(pid)


def _instead_of(server: type[Server], lent: Lent) -> Callable[..., object]:
    """The shared one is lent; a test that starts its own, elsewhere, gets its own."""
    return lambda folder, *rest, **named: lent if SHARED in str(folder) else server(folder, *rest, **named)


def _done(database_url: str, indexes: Mapping[str, str] = MappingProxyType({}), **_: float) -> None:
    """The template has every migration and index."""
