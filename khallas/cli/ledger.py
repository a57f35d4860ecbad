"""`khallas balance` and `khallas ledger verify`: what an auditor asks of the books, read and worded."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date

from core.clock import SystemClock
from core.database.ledger.reading import LedgerReader
from core.database.ledger.verifying import LedgerVerifier
from core.database.pool import open_database
from core.ledger.balances import BalanceSheet
from core.money import decimal_text
from khallas.cli.terminal.progress import stage_reached
from khallas.settings.model import Settings


def lines(sheet: BalanceSheet) -> Iterator[str]:
    """The balance sheet's lines for people, in dirhams."""
    yield f"{sheet.day}{' (closed)' if sheet.closed else ''}"
    yield f"{'account':<28}{'':5}{'opening':>16}{'debits':>16}{'credits':>16}{'closing':>16}"
    for each in sheet.accounts:
        sums = (each.opening_centimes, each.debits_centimes, each.credits_centimes, each.closing_centimes)
        yield f"{each.account:<28}{each.currency:5}" + "".join(f"{_amount(one):>16}" for one in sums)
    for equation in sheet.equations:
        sides = f"{_amount(equation.left_centimes)} = {_amount(equation.right_centimes)}"
        if equation.holds:
            yield f"{equation.name}  holds  {equation.says}: {sides}"
        else:
            yield f"{equation.name}  FAILS  {equation.says}: {sides.replace('=', 'is not')}"
    for difference in sheet.differences:
        bill = f" bill {difference.bill}" if difference.bill else ""
        moved = f"{_amount(difference.centimes)} from {difference.credit} to {difference.debit}"
        yield f"payment {difference.payment_id}{bill}: no transfer of {moved}, though its tables say so"
    for doubt in sheet.doubts:
        since = f"{doubt.since:%Y-%m-%d %H:%M}"
        yield f"payment {doubt.payment_id}: {_amount(doubt.centimes)} in {doubt.account} since {since}"


def told(sheet: BalanceSheet) -> dict[str, object]:
    """The balance sheet for programs, in centimes."""
    return {
        "day": sheet.day,
        "closed": sheet.closed,
        "ok": sheet.holds,
        "accounts": [asdict(each) for each in sheet.accounts],
        "equations": [{**asdict(each), "holds": each.holds} for each in sheet.equations],
        "differences": [asdict(each) for each in sheet.differences],
        "doubts": [{**asdict(each), "since": each.since.isoformat()} for each in sheet.doubts],
    }


async def sheet_of(settings: Settings, on: date | None) -> BalanceSheet:
    """The balance sheet of a day, of today unless told. Raises DatabaseUnavailable."""
    async with open_database(settings.require_database_url()) as database:
        return await LedgerReader(database).sheet(SystemClock().now(), on)


async def verified(settings: Settings) -> tuple[int, list[str]]:
    """Returns how many closed days there are, and what is wrong. Raises DatabaseUnavailable."""
    days = 0
    async with open_database(settings.require_database_url()) as database:
        with stage_reached("transfers") as tell:

            def walked(day: date) -> None:
                nonlocal days
                days += 1
                tell(f"{day}")

            wrongs = await LedgerVerifier(database).verify(walked)
    return days, wrongs


def _amount(centimes: int) -> str:
    return f"-{decimal_text(-centimes)}" if centimes < 0 else decimal_text(centimes)
