"""`khallas user`: who may sit at the help desk. Every change is in the access log, with who made it."""

import getpass
from collections.abc import Awaitable, Callable, Mapping

from core.clock import SystemClock
from core.database.help_desk.access_log import PgAccessLog
from core.database.pool import Database, open_database
from core.help_desk import second_factor
from core.help_desk.access_log import Access, Action
from core.help_desk.accounts import Accounts, Role, User
from core.help_desk.enrolment import Enrolment
from core.privacy.requests import OPERATOR
from khallas.bootstrap.desk import accounts_on, second_factors_on
from khallas.settings.model import BadSettings, Settings

DEMO_ADMINISTRATOR = "administrator"


def operator() -> str:
    """Returns who types: the name that goes into the log. Not a proof, a trace."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a container's number without a name
        return "cli:?"


async def add(settings: Settings, name: str, role: Role, password: str) -> User:
    """Adds an account. Raises AccountError, DatabaseUnavailable."""
    return await _change(settings, lambda accounts: accounts.add(name, role, password), f"add {role}")


async def set_password(settings: Settings, name: str, password: str) -> User:
    """Ends the account's sessions. Raises AccountError, DatabaseUnavailable."""
    return await _change(settings, lambda accounts: accounts.set_password(name, password), "password")


async def appoint(settings: Settings, name: str, *, administers: bool) -> User:
    """Ends the account's sessions. Raises AccountError, DatabaseUnavailable."""
    what = "administrator" if administers else "no administrator"
    return await _change(settings, lambda accounts: accounts.appoint(name, administers=administers), what)


async def disable(settings: Settings, name: str) -> User:
    """Ends the account's sessions. Raises AccountError, DatabaseUnavailable."""
    return await _change(settings, lambda accounts: accounts.disable(name), "disable")


async def enrol(settings: Settings, name: str) -> Enrolment:
    """A new second factor, shown once; the account's sessions end. Raises AccountError, DatabaseUnavailable."""
    keys = _keys(settings)
    async with open_database(settings.require_database_url()) as database:
        enrolment = await second_factors_on(database, SystemClock(), keys).enrol(name)
        await _log(database, f"second factor {enrolment.name}")
        return enrolment


async def take_factor(settings: Settings, name: str) -> None:
    """Let the password suffice again; the account's sessions end. Raises AccountError, DatabaseUnavailable."""
    async with open_database(settings.require_database_url()) as database:
        await second_factors_on(database, SystemClock(), _keys(settings)).take(name)
        await _log(database, f"second factor taken from {name.strip().lower()}")


def _keys(settings: Settings) -> list[str]:
    """Raises BadSettings."""
    keys = settings.signing_keys()
    if not keys:
        raise BadSettings("KHALLAS_SECRET_KEYS is missing: a second factor's secret is sealed under it")
    return keys


def told_enrolment(enrolment: Enrolment) -> dict[str, object]:
    """A second factor as --json prints it: this once, to whoever hands it over."""
    uri = second_factor.uri(enrolment.secret, enrolment.name)
    return {
        "uri": uri,
        "secret": second_factor.typed_form(enrolment.secret),
        "recovery_codes": list(enrolment.recovery_codes),
    }


def enrolment_lines(enrolment: Enrolment) -> list[str]:
    """The enrolment's lines as a person reads them."""
    return [
        f"Second factor of {enrolment.name}, shown this once:",
        f"  {second_factor.uri(enrolment.secret, enrolment.name)}",
        f"  typed by hand: {second_factor.typed_form(enrolment.secret)}",
        "Recovery codes, each for one login without the telephone; kept as digests only:",
        *(f"  {code}" for code in enrolment.recovery_codes),
    ]


async def every(settings: Settings) -> tuple[User, ...]:
    """Returns all accounts, sorted by name. Raises DatabaseUnavailable."""
    async with open_database(settings.require_database_url()) as database:
        return await accounts_on(database, SystemClock()).all()


def told(user: User) -> dict[str, object]:
    """An account as --json prints it."""
    ended = user.disabled_at.isoformat() if user.disabled_at else None
    return {
        "name": user.name,
        "role": user.role,
        "created_at": user.created_at.isoformat(),
        "disabled_at": ended,
        "second_factor": user.second_factor,
        "administers": user.administers,
        "password_given": user.password_given,
    }


def line(user: User) -> str:
    """An account as a person reads it."""
    ended = f"  disabled {user.disabled_at:%Y-%m-%d}" if user.disabled_at else ""
    factor = "second factor" if user.second_factor else "password only"
    role = "administrator" if user.administers else user.role
    return f"{user.name:<32}  {role:<13}  {factor}  since {user.created_at:%Y-%m-%d}{ended}"


async def demo_logins(database_url: str, passwords: Mapping[str, tuple[Role, str]]) -> None:
    """Accounts of the demo: made once; a password that no longer fits is set anew. Raises DatabaseUnavailable."""
    async with open_database(database_url) as database:
        accounts = accounts_on(database, SystemClock())
        for name, (role, password) in passwords.items():
            if await accounts.known(name) is None:
                await accounts.add(name, role, password)
            elif await accounts.check(name, password) is None:
                await accounts.set_password(name, password)
        users = {user.name: user for user in await accounts.all()}
        if DEMO_ADMINISTRATOR in users and not users[DEMO_ADMINISTRATOR].administers:
            await accounts.appoint(DEMO_ADMINISTRATOR, administers=True)


async def _change(settings: Settings, change: Callable[[Accounts], Awaitable[User]], what: str) -> User:
    async with open_database(settings.require_database_url()) as database:
        user = await change(accounts_on(database, SystemClock()))
        await _log(database, f"{what} {user.name}")
        return user


async def _log(database: Database, detail: str) -> None:
    entry = Access(SystemClock().now(), operator(), OPERATOR, Action.ACCOUNT, detail=detail)
    await PgAccessLog(database).write(entry)
