"""`khallas user`: who may sit at the help desk. Every change is in the access log, with who made it."""

import getpass
from collections.abc import Awaitable, Callable, Mapping

from core.clock import SystemClock
from core.database.help_desk.access_log import PgAccessLog
from core.database.pool import Database, open_database
from core.help_desk.access_log import Access, Action
from core.help_desk.accounts import Accounts, Role, User
from core.privacy.requests import OPERATOR
from khallas.bootstrap.desk import accounts_on
from khallas.settings.model import BadSettings, Settings


def operator() -> str:
    """Who types: the name that goes into the log. Not a proof, a trace."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a container's number without a name
        return "cli:?"


def database_of(settings: Settings) -> str:
    """The database's URL. Raises BadSettings."""
    url = settings.database_url.get_secret_value()
    if not url:
        raise BadSettings("KHALLAS_DATABASE_URL is missing")
    return url


async def add(settings: Settings, name: str, role: Role, password: str) -> User:
    """Raises AccountError, BooksDown."""
    return await _change(settings, lambda accounts: accounts.add(name, role, password), f"add {role}")


async def set_password(settings: Settings, name: str, password: str) -> User:
    """Ends the account's sessions. Raises AccountError, BooksDown."""
    return await _change(settings, lambda accounts: accounts.set_password(name, password), "password")


async def disable(settings: Settings, name: str) -> User:
    """Ends the account's sessions. Raises AccountError, BooksDown."""
    return await _change(settings, lambda accounts: accounts.disable(name), "disable")


async def every(settings: Settings) -> tuple[User, ...]:
    """By name. Raises BooksDown."""
    async with open_database(database_of(settings)) as database:
        return await accounts_on(database, SystemClock()).all()


def told(user: User) -> dict[str, object]:
    """An account as --json prints it."""
    ended = user.disabled_at.isoformat() if user.disabled_at else None
    return {"name": user.name, "role": user.role, "created_at": user.created_at.isoformat(), "disabled_at": ended}


def line(user: User) -> str:
    """An account as a person reads it."""
    ended = f"  disabled {user.disabled_at:%Y-%m-%d}" if user.disabled_at else ""
    return f"{user.name:<32}  {user.role:<10}  since {user.created_at:%Y-%m-%d}{ended}"


async def demo_logins(database_url: str, passwords: Mapping[str, tuple[Role, str]]) -> None:
    """Accounts of the demo: made once; a password that no longer fits is set anew. Raises BooksDown."""
    async with open_database(database_url) as database:
        accounts = accounts_on(database, SystemClock())
        for name, (role, password) in passwords.items():
            if await accounts.known(name) is None:
                await accounts.add(name, role, password)
            elif await accounts.check(name, password) is None:
                await accounts.set_password(name, password)


async def _change(settings: Settings, change: Callable[[Accounts], Awaitable[User]], what: str) -> User:
    async with open_database(database_of(settings)) as database:
        user = await change(accounts_on(database, SystemClock()))
        await _log(database, f"{what} {user.name}")
        return user


async def _log(database: Database, detail: str) -> None:
    entry = Access(SystemClock().now(), operator(), OPERATOR, Action.ACCOUNT, detail=detail)
    await PgAccessLog(database).write(entry)
