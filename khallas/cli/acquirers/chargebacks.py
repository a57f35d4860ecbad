"""`khallas chargeback`: the acquirer's file of disputes in, those that want an answer out."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from core.chargebacks.service import COLUMNS, BadChargeback, Chargeback, ChargebackRefusal, Claim, claim_of
from core.settlement.file import Cells, NoSettlementFile, open_text, rows_of
from khallas.cli.told import fail, show

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
SHOWN_MAX = 1_000
ROWS_MAX = 100_000
BY = "import"
_WORDS = {
    ChargebackRefusal.NO_PAYMENT: "order_id: no such payment",
    ChargebackRefusal.NOT_TAKEN: "order_id: nothing was taken for this payment",
    ChargebackRefusal.GONE_BACK: "order_id: its money went back already; tell the acquirer so",
    ChargebackRefusal.TOO_MUCH: "amount: more than is left of the payment",
    ChargebackRefusal.KNOWN: "case_id: known already, with other words",
}


@dataclass(slots=True)
class ChargebackFileReport:
    """The counts of what became of a chargeback file's rows."""

    rows: int = 0
    entered: int = 0
    refused: list[dict[str, object]] = field(default_factory=list)

    def refuse(self, line: int, why: str) -> None:
        self.refused.append({"line": line, "why": why})

    def lines(self) -> Iterator[str]:
        yield f"{self.rows} rows read, {self.entered} chargebacks stand, {len(self.refused)} refused"
        for each in self.refused:
            yield f"  line {each['line']}: {each['why']}"


class _ClaimColumns:
    """Every column of ours is needed."""

    needed = mapped = frozenset(COLUMNS)
    names = frozenset({"case_id", "order_id", "reason_code"})
    told = ""


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=f"CSV with {','.join(COLUMNS)}")],
    as_json: Json = False,
) -> None:
    """Enter the acquirer's chargebacks; the same file again changes nothing. Exit 1 when a row was refused."""
    try:
        report = asyncio.run(_entered(file))
    except (BadChargeback, NoSettlementFile) as error:
        fail(f"khallas: {file.name}: {error}; nothing was entered", as_json=as_json)
    show(asdict(report), report.lines(), as_json=as_json)
    if report.refused:
        raise typer.Exit(1)


def listed(as_json: Json = False) -> None:
    """Chargebacks that want an answer, the nearest deadline first."""
    chargebacks = asyncio.run(_open())
    report = [
        {"id": each.id, "state": each.state, "entered_by": each.entered_by, **asdict(each.claim)}
        for each in chargebacks
    ]
    lines = [
        f"{each.claim.deadline}  {each.claim.case_id}  {each.claim.payment_id}  {each.claim.reason_code}  "
        f"{each.claim.amount_centimes / 100:.2f}  {each.state}"
        for each in chargebacks
    ]
    show(report, lines or ["none"], as_json=as_json)


def add_commands(app: typer.Typer) -> None:
    """Adds the group of chargebacks' verbs."""
    group = typer.Typer(no_args_is_help=True, help="Disputes of cardholders' banks.")
    group.command("import")(import_)
    group.command("list")(listed)
    app.add_typer(group, name="chargeback")


async def _entered(file: Path) -> ChargebackFileReport:
    from core.chargebacks.service import Chargebacks
    from core.clock import SystemClock
    from core.database.pool import open_database
    from core.database.settlement.chargebacks import PgChargebacks

    report = ChargebackFileReport()
    rows = list(_rows(file))
    async with open_database(_database_url()) as database:
        chargebacks = Chargebacks(PgChargebacks(database), SystemClock())
        for line, row in rows:
            report.rows += 1
            try:
                outcome = await chargebacks.receive(BY, _claim(row))
            except BadChargeback as error:
                report.refuse(line, str(error))
                continue
            if isinstance(outcome, ChargebackRefusal):
                report.refuse(line, _WORDS[outcome])
            else:
                report.entered += 1
    return report


def _rows(file: Path) -> Iterator[tuple[int, Cells | str]]:
    """As a settlement file is read. Raises NoSettlementFile for another header, BadChargeback for too many rows."""
    with open_text(file) as opened:
        for count, (line, cells) in enumerate(rows_of(opened, _ClaimColumns())):
            if count == ROWS_MAX:
                raise BadChargeback(f"more than {ROWS_MAX} rows")
            yield line, cells


def _claim(row: Cells | str) -> Claim:
    """Raises BadChargeback."""
    if isinstance(row, str):
        raise BadChargeback(row)
    return claim_of(row)


async def _open() -> tuple[Chargeback, ...]:
    from core.database.pool import open_database
    from core.database.settlement.chargebacks import PgChargebacks

    async with open_database(_database_url()) as database:
        return await PgChargebacks(database).open(SHOWN_MAX)


def _database_url() -> str:
    from khallas.cli import at_hand
    from khallas.settings.model import load

    return load(at_hand.environ()).require_database_url()
