"""The role that serves: everything the tables are for, no DDL, and no change to what is evidence. Synchronous.

The right to change a row that must not change is taken by the catalogue's own word: whatever khallas_append_only()
guards. An owner could switch such a trigger off; the role that serves owns nothing.
"""

import re

from sqlalchemy import text
from sqlalchemy.engine import Connection

ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# tgtype's bits: 8 is DELETE, 16 UPDATE
GUARDED = """
SELECT c.relname, bit_or(t.tgtype) & 8 AS deletes, bit_or(t.tgtype) & 16 AS updates
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname IN ('khallas_append_only', 'khallas_access_log_kept') AND NOT t.tgisinternal
GROUP BY c.relname
"""
EXISTS = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls AS mighty FROM pg_roles WHERE rolname = :role"
# A month's table is reached by its live one, whose rights count.
MONTHS = """
SELECT i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""
OWNS = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = :role"


class RoleUnfit(Exception):
    """A role that may not serve: the operator's fault, in words."""


def give_to(connection: Connection, role: str, password: str = "") -> None:
    """Let a role serve; it is made where it is not yet. Safe to repeat. Raises RoleUnfit."""
    if ROLE.fullmatch(role) is None:
        raise RoleUnfit("a role's name is small letters, digits and underscores")
    known = connection.execute(text(EXISTS), {"role": role}).first()
    if known is None:
        connection.execute(text(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT"))
    elif known.mighty:
        raise RoleUnfit(f"{role} is a superuser, or makes roles or databases: it may not serve")
    if connection.execute(text(OWNS), {"role": role}).scalar_one():
        raise RoleUnfit(f"{role} owns tables: migrate as another role, which owns them")
    if password:
        connection.exec_driver_sql(f"ALTER ROLE {role} PASSWORD '{_scram(connection, role, password)}'")
    for statement in _grants(connection.engine.url.database or "", role):
        connection.execute(text(statement))
    for table, deletes, updates in connection.execute(text(GUARDED)).all():
        rights = ["TRUNCATE", *(["DELETE"] if deletes else []), *(["UPDATE"] if updates else [])]
        connection.execute(text(f"REVOKE {', '.join(rights)} ON {table} FROM {role}"))
    for (table,) in connection.execute(text(MONTHS)).all():
        connection.execute(text(f"REVOKE ALL ON {table} FROM {role}"))


def _grants(database: str, role: str) -> tuple[str, ...]:
    quoted = database.replace('"', '""')
    return (
        f'GRANT CONNECT, TEMPORARY ON DATABASE "{quoted}" TO {role}',
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE CREATE ON SCHEMA public FROM {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
    )


def _scram(connection: Connection, role: str, password: str) -> str:
    """The verifier: the password itself reaches neither a statement nor the server's log."""
    driver = connection.connection.driver_connection
    assert driver is not None
    verifier: bytes = driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return verifier.decode("ascii")
