"""`khallas user` and `khallas privacy`: options in, one function called, its report out."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer

from core.help_desk.accounts import AccountError, Role
from core.help_desk.passwords import PASSWORD_CHARS_MAX
from core.languages import LanguageCode
from khallas.cli.told import fail, show

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Name = Annotated[str, typer.Argument(help="letters, digits, dots and hyphens")]
Number = Annotated[str, typer.Argument(help="an MSISDN, in any spelling")]


def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="what the person may do")],
    totp: Annotated[bool, typer.Option("--totp", help="with a second factor, printed this once")] = False,
    as_json: Json = False,
) -> None:
    """Make an account; the password is asked for, or read from standard input."""
    from khallas.cli import user

    made = _run(user.add(_settings(), name, role, _password()), as_json=as_json)
    report, lines = user.told(made), [user.line(made)]
    if totp:
        enrolled = _run(user.enrol(_settings(), made.name), as_json=as_json)
        report |= {"second_factor": user.told_enrolment(enrolled)}
        lines = user.enrolment_lines(enrolled)
    show(report, lines, as_json=as_json)


def totp(
    name: Name,
    remove: Annotated[bool, typer.Option("--remove", help="let the password suffice again")] = False,
    as_json: Json = False,
) -> None:
    """Give an account a new second factor, printed this once; the one before is worth nothing, sessions end."""
    from khallas.cli import user

    if remove:
        _run(user.take_factor(_settings(), name), as_json=as_json)
        _quietly({"name": name.strip().lower(), "second_factor": False}, as_json=as_json)
        return
    enrolment = _run(user.enrol(_settings(), name), as_json=as_json)
    show(user.told_enrolment(enrolment), user.enrolment_lines(enrolment), as_json=as_json)


def password(name: Name, as_json: Json = False) -> None:
    """Give an account another password, asked for or read from standard input; its sessions end."""
    from khallas.cli import user

    changed = _run(user.set_password(_settings(), name, _password()), as_json=as_json)
    _quietly(user.told(changed), as_json=as_json)


def administrator(
    name: Name,
    remove: Annotated[bool, typer.Option("--remove", help="a supervisor again, who decides about money")] = False,
    as_json: Json = False,
) -> None:
    """Let a supervisor keep accounts and read the log at the desk, and decide about no money; sessions end."""
    from khallas.cli import user

    appointed = _run(user.appoint(_settings(), name, administers=not remove), as_json=as_json)
    _quietly(user.told(appointed), as_json=as_json)


def disable(name: Name, as_json: Json = False) -> None:
    """End an account and its sessions. Its name stays taken: the log must stay clear."""
    from khallas.cli import user

    _quietly(user.told(_run(user.disable(_settings(), name), as_json=as_json)), as_json=as_json)


def listed(as_json: Json = False) -> None:
    """Every account."""
    from khallas.cli import user

    users = _run(user.every(_settings()), as_json=as_json)
    show([user.told(each) for each in users], [user.line(each) for each in users], as_json=as_json)


def export(number: Number) -> None:
    """Everything held of a number, as JSON."""
    from khallas.cli import privacy

    show(_run(privacy.export(_settings(), number), as_json=True), (), as_json=True)


def correct(
    number: Number,
    email: Annotated[str | None, typer.Option(help="where receipts go")] = None,
    language: Annotated[LanguageCode | None, typer.Option(help="the language a person is spoken to in")] = None,
    as_json: Json = False,
) -> None:
    """Correct what is held of a number; subscribers' data comes back with the billing system's next import."""
    from khallas.cli import privacy

    corrected = _run(privacy.correct(_settings(), number, email, language), as_json=as_json)
    show(corrected, [f"{name}: {count}" for name, count in corrected.items()], as_json=as_json)


def erase(
    number: Number,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Erase what need not be kept of a number, and say what is kept and why."""
    from khallas.cli import privacy

    if not yes:
        typer.confirm("This cannot be undone. Erase?", abort=True, err=True)
    erasure = _run(privacy.erase(_settings(), number), as_json=as_json)
    report = {"erased": dict(erasure.erased), "kept": dict(erasure.kept)}
    show(report, privacy.erasure_lines(erasure), as_json=as_json)


def add_commands(app: typer.Typer) -> None:
    """Adds both groups of verbs about people."""
    users = typer.Typer(no_args_is_help=True, help="Accounts of the help desk (/desk).")
    users.command()(add)
    users.command()(password)
    users.command()(totp)
    users.command()(administrator)
    users.command()(disable)
    users.command("list")(listed)
    app.add_typer(users, name="user")
    people = typer.Typer(no_args_is_help=True, help="What a person may ask for: law 09-08.")
    for verb in (export, correct, erase):
        people.command()(verb)
    app.add_typer(people, name="privacy")


def _settings() -> Any:
    from khallas.cli import at_hand
    from khallas.settings.model import load

    return load(at_hand.environ())


def _run(work: Coroutine[Any, Any, T], *, as_json: bool = False) -> T:
    """What the outside world or the person at the terminal did wrong, in one line."""
    from redis.exceptions import RedisClusterException, RedisError

    from core.privacy.requests import StillOpen
    from core.repositories import DatabaseUnavailable

    try:
        return asyncio.run(work)
    except DatabaseUnavailable as error:
        fail(f"khallas: the database cannot be reached: {error}", as_json=as_json)
    except (RedisError, RedisClusterException, OSError) as error:
        fail(f"khallas: Redis cannot be reached: {type(error).__name__}", as_json=as_json)
    except (AccountError, StillOpen, ValueError) as error:
        fail(f"khallas: {error}", as_json=as_json)


def _quietly(report: object, *, as_json: bool) -> None:
    """What went well says nothing to people."""
    if as_json:
        show(report, (), as_json=True)


def _password() -> str:
    """From the terminal, twice and unseen, or the first line of standard input; never from the command line."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(PASSWORD_CHARS_MAX + 2).rstrip("\r\n")
