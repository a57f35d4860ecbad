"""The khallas command. Thin: each verb reads settings, calls one function and prints what it returns.

Exit codes: 0 done, 1 failed, 2 usage, 78 bad configuration.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from core import VERSION
from khallas.cli import (
    at_hand,
    audit_verbs,
    biller_verbs,
    ledger_verbs,
    people_verbs,
    report_verbs,
    terminal,
    voice_verbs,
)
from khallas.cli.acquirers import chargebacks, states
from khallas.cli.books import archive
from khallas.cli.dialogs import verbs as dialog_verbs
from khallas.cli.events import relay
from khallas.cli.events import verbs as event_verbs
from khallas.cli.reports import month
from khallas.cli.told import EXIT_CONFIG, EXIT_FAILED, fail, json_wanted, show
from khallas.server.process import no_core_dumps, seldom_look_for_garbage
from khallas.settings.model import BadSettings, Settings, load
from khallas.telemetry import logs

log = logging.getLogger(__name__)

STAND_INS = frozenset({"lab", "aiosmtpd", "multipart", "python_multipart"})  # of the extra `lab`, and it itself

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Khallas: telecom bills paid by phone.",
    pretty_exceptions_show_locals=False,  # a local may be a card
)
config = typer.Typer(no_args_is_help=True, help="Settings: what is set, where it comes from, what is wrong.")
app.add_typer(config, name="config")
terminal.add_commands(app)
voice_verbs.add_commands(app)
people_verbs.add_commands(app)
ledger_verbs.add_commands(app)
archive.add_commands(app)
report_verbs.add_commands(app)
dialog_verbs.add_commands(app)
chargebacks.add_commands(app)
states.add_commands(app)
audit_verbs.add_commands(app)
event_verbs.add_commands(app)
relay.add_commands(app)
month.add_commands(app)
biller_verbs.add_commands(app)

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
CheckState = Annotated[
    str | None, typer.Option("--state", metavar="DIR", help="folder of the running demo that is meant, not .state")
]


def _folder(value: str | Path) -> Path:  # a default comes as what it is
    if not str(value).strip():
        raise typer.BadParameter("an empty name is no folder")
    return Path(value)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def everywhere(
    state: CheckState = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and leave")
    ] = False,
) -> None:
    at_hand.name_state(None if state is None else _folder(state))


def main() -> None:
    """The console script. What the operator or the outside world did wrong is one line, never a traceback."""
    seldom_look_for_garbage()
    from psycopg.errors import UndefinedColumn, UndefinedTable

    from core.repositories import DatabaseUnavailable

    try:
        _run()
    except BadSettings as error:
        fail(str(error), EXIT_CONFIG)
    except DatabaseUnavailable as error:
        fail(f"the database cannot be reached: {error}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in STAND_INS:
            raise
        fail("this installation has no stand-ins and phones: in a checkout, ./run demo has them")
    except (UndefinedTable, UndefinedColumn):
        fail("the database has not this release's tables: run khallas migrate")


def _run() -> None:
    if not json_wanted():
        app()
    try:  # a command line that is wrong is told as JSON too
        code = app(standalone_mode=False)
    except TyperException as error:
        fail(error.format_message(), error.exit_code)
    except Abort:
        fail("aborted")
    raise SystemExit(code if isinstance(code, int) else 0)


def _settings() -> Settings:
    return _ready(load(os.environ))


def _at_hand() -> Settings:
    """For verbs that ask or tell the books: the settings given, or the running demo's."""
    return _ready(load(at_hand.environ()))


def _ready(settings: Settings) -> Settings:
    logs.configure(settings.log_level, settings.log_format)
    return settings


def _production() -> Settings:
    """The settings of what serves; what they lack is said at once, what is unwise goes to the log."""
    from khallas.bootstrap.advice import advice
    from khallas.bootstrap.production import require_production

    no_core_dumps()  # before a secret is read
    settings = load(os.environ)
    require_production(settings, os.environ)
    logs.configure(settings.log_level, settings.log_format)
    for line in advice(settings, os.environ):
        log.warning("%s", line)
    return settings


def _share_the_vaults_key(settings: Settings) -> None:
    """With the other machines, where there are others. Raises BadSettings."""
    from sessions.vault_key import KeyUnshared, share

    try:
        share(settings.vault_url.get_secret_value())
    except KeyUnshared as error:
        raise BadSettings(f"KHALLAS_VAULT_URL: it {error}") from None


@app.command()
def version(as_json: Json = False) -> None:
    """The version."""
    show({"version": VERSION}, [VERSION], as_json=as_json)


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="where the server listens on 127.0.0.1")] = 8000,
    state: Annotated[
        Path, typer.Option(parser=_folder, metavar="DIR", help="folder of everything that is written")
    ] = Path(".state"),
    reset: Annotated[bool, typer.Option("--reset", help="forget what the folder holds: fresh demo data")] = False,
) -> None:
    """Everything, running, with demo data: real Valkey and PostgreSQL, the bank's emulator, phones."""
    from khallas.cli.demo_state import running

    if there := running(state):  # said at once, before all that a demo needs is loaded
        fail(f"the demo did not start: a demo is running at {there.url}, with the folder {state}")
    from khallas.cli.demo import run

    raise SystemExit(run(port, state, os.environ, anew=reset))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes; SIGHUP replaces several one by one")] = 1,
) -> None:
    """The server. Jobs are done by `khallas worker` beside it."""
    from khallas.cli.serve import calls_at, serve_forever, stop_max_s
    from khallas.server.supervisor import supervise

    settings = _production()
    _share_the_vaults_key(settings)
    try:
        if workers > 1:
            calls = calls_at(settings)
            raise SystemExit(supervise(host, port, workers, os.environ, beside=calls, stop_max_s=stop_max_s(settings)))
        serve_forever(settings, host, port)
    except OSError as error:
        fail(str(error.strerror or error))


@app.command()
def worker(
    host: Annotated[str, typer.Option(help="address of --metrics-port")] = "127.0.0.1",
    metrics_port: Annotated[int | None, typer.Option(min=1, max=65535, help="/metrics, /healthz, /readyz")] = None,
) -> None:
    """Jobs: receipts, calls, inquiries, postings, sweeps. Several may run."""
    import uvloop  # as in what it runs: for those who work

    from khallas.cli.serve import work_forever

    try:
        uvloop.run(work_forever(_production(), host, metrics_port))
    except OSError as error:
        fail(str(error.strerror or error))


@app.command()
def migrate(
    role: Annotated[
        str, typer.Option(help="let this role serve: no DDL, no change to evidence; made if it is not")
    ] = "",
    role_password_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="give it the password that this file holds")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring the database's tables up to date, as their owner."""
    from core.database.migrate import TablesBusy, current_and_head, give, upgrade
    from core.database.roles import RoleUnfit
    from core.repositories import DatabaseUnavailable

    settings = _settings()
    url = settings.require_database_url()
    try:
        upgrade(url)
        if role:
            give(url, role, role_password_file.read_text().strip() if role_password_file else "")
    except DatabaseUnavailable as error:
        fail(f"the database cannot be reached: {error}")
    except (TablesBusy, RoleUnfit) as error:
        fail(str(error))
    at = current_and_head(url)[0]
    show({"at": at}, [f"at {at}"], as_json=as_json)


@app.command("import")
def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(exists=True, dir_okay=False, help="subscribers or invoices, CSV")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and check, change nothing")] = False,
    errors: Annotated[Path | None, typer.Option(dir_okay=False, help="write every refused row there, CSV")] = None,
    tmf: Annotated[str, typer.Option(metavar="URL", help="pull the unpaid bills of all lines by TMF678")] = "",
    whole: Annotated[
        bool, typer.Option("--whole", help="the bills are all that is owed: others are withdrawn, paid elsewhere")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="withdraw even more than half of the open bills")] = False,
    as_json: Json = False,
) -> None:
    """Import subscribers and bills; the kind of a file is told by its header."""
    from core.database.subscribers.importing import Completeness
    from core.ports import BillingDown
    from khallas.cli.import_ import import_files
    from khallas.cli.import_tmf import pulled

    if not files and not tmf:
        raise typer.BadParameter("name files, or --tmf URL")
    if whole and len(files or ()) + bool(tmf) > 1:
        raise typer.BadParameter("--whole goes with one source of bills")
    settings = _at_hand()
    try:
        with pulled(settings, tmf) as more:
            how = (Completeness.SURELY if yes else Completeness.CAREFULLY) if whole else Completeness.NO
            reading = import_files(settings, [*(files or ()), *more], dry_run=dry_run, whole=how, errors=errors)
            reports = asyncio.run(reading)
    except BillingDown as error:
        fail(f"the billing system cannot be asked: {error}; nothing was imported")
    lines = [line for report in reports for line in report.lines()]
    show([report.told() for report in reports], lines, as_json=as_json)
    if any(report.failed for report in reports):
        raise SystemExit(EXIT_FAILED)


@app.command()
def reconcile(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="the acquirer's settlement file, CSV")],
    csv_file: Annotated[Path | None, typer.Option("--csv", help="write every entry of the queues there")] = None,
    acquirer: Annotated[str, typer.Option("--acquirer", metavar="ID", help="whose file it is")] = "cmi",
    wallet: Annotated[str, typer.Option("--wallet", metavar="ID", help="the wallet whose statement it is")] = "",
    as_json: Json = False,
) -> None:
    """Compare a settlement file with the books. Can be repeated; exit 1 while something is to be looked at."""
    from core.database.settlement.reconciliation import NoSettlementFile
    from khallas.cli.reconcile import reconcile_file, report_lines, told

    try:
        run, findings = asyncio.run(reconcile_file(_at_hand(), file, csv_file, acquirer, wallet))
    except NoSettlementFile as error:
        fail(f"{file.name}: {error}", as_json=as_json)
    show(told(run, findings), report_lines(run, findings), as_json=as_json)
    if run.open:
        raise SystemExit(EXIT_FAILED)


@app.command()
def lookup(reference: str, as_json: Json = False) -> None:
    """Find payments by authorisation, transaction, receipt or bill number, reference, line, MSISDN, e-mail, the
    holder's name, or a card's last four digits and the day."""
    from khallas.cli.lookup import find, story_lines

    payments = asyncio.run(find(_at_hand(), reference))
    if not payments and not as_json:
        fail("nothing found")
    show(
        [report for report, _ in payments], [line for pair in payments for line in story_lines(*pair)], as_json=as_json
    )
    if not payments:
        raise SystemExit(EXIT_FAILED)


@app.command()
def doctor(
    as_json: Json = False,
    state: Annotated[
        Path | None, typer.Option(parser=_folder, metavar="DIR", help="folder of a running demo, for want of settings")
    ] = None,
    sounds: Annotated[Path | None, typer.Option(help="folder of the switch's sound files, as seen from here")] = None,
) -> None:
    """Ask each dependency for real, change nothing, and say how to mend what fails."""
    from khallas.cli.doctor import examine, patient
    from khallas.doctor.finding import CheckState

    logging.disable()  # what clients say of failures is told once, in our words
    findings = asyncio.run(examine(patient(os.environ, state or at_hand.state_named()), sounds))
    well = all(finding.state is not CheckState.FAILED for finding in findings)
    lines = [line for finding in findings for line in finding.lines()]
    show({"ok": well, "checks": [finding.asdict() for finding in findings]}, lines, as_json=as_json)
    if not well:
        raise SystemExit(EXIT_FAILED)


@config.command("show")
def configshow(as_json: Json = False) -> None:
    """Every setting with its value and source; secrets masked."""
    from khallas.cli.config import describe

    rows = describe(os.environ)
    lines = [f"{row['name']}={row['value']}  # {row['source']}: {row['meaning']}" for row in rows]
    show(rows, lines, as_json=as_json)


@config.command("example")
def config_example() -> None:
    """Every setting with its meaning and default, as a file to fill in (.env.example)."""
    from khallas.cli.config_example import example

    typer.echo(example(), nl=False)


@config.command("check")
def config_check(as_json: Json = False) -> None:
    """Whether `serve` and `worker` would start with these settings, and what of them is unwise."""
    from khallas.cli.config import checked

    faults, warnings = checked(os.environ)
    for line in () if as_json else (*faults, *(f"warning: {warning}" for warning in warnings)):
        typer.echo(line, err=True)
    if as_json or not faults:
        show({"ok": not faults, "faults": faults, "warnings": warnings}, ["ok"], as_json=as_json)
    if faults:
        raise SystemExit(EXIT_CONFIG)
