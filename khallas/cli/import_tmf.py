"""`khallas import --tmf URL`: the unpaid bills of every line we know, asked of a billing system by TMF678.

They go into a file first and are imported as one: all of them, or none.
"""

import asyncio
import csv
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.billing.embedded import EmbeddedBilling
from core.billing.invoices import Invoice
from core.billing.tmforum import TmfAccount, TmForumBilling
from core.cards import Secret
from core.clock import SystemClock
from core.database.pool import Database, open_database
from core.money import decimal_text
from core.subscribers.import_rows import INVOICE_COLUMNS
from core.subscribers.lines import ServiceType
from khallas.settings.model import Settings

LINES_AT_ONCE = 500
TOGETHER_MAX = 8  # requests under way

LINES = """
SELECT service, reference FROM lines WHERE (service, reference) > (%(service)s, %(reference)s)
ORDER BY service, reference LIMIT %(limit)s
"""


@contextmanager
def pulled(settings: Settings, url: str) -> Iterator[Sequence[Path]]:
    """Pulls a file of bills, which is there while the block lasts; none without a URL. Raises BillingDown,
    DatabaseUnavailable, BadSettings.
    """
    if not url:
        yield ()
        return
    settings.require_database_url()  # before a folder is made
    with tempfile.TemporaryDirectory(prefix="khallas-tmf-") as folder:
        file = Path(folder, "tmf678.csv")
        asyncio.run(_pull(settings, url, file))
        yield (file,)


async def _pull(settings: Settings, url: str, file: Path) -> None:
    token = Secret(settings.billing.token.get_secret_value())
    async with open_database(settings.require_database_url()) as database:
        embedded = EmbeddedBilling(database, SystemClock())
        account = TmfAccount(url, token, settings.billing.account)
        billing = TmForumBilling(account, embedded, settings.currency, timeout_s=settings.billing.timeout_s)
        try:
            with file.open("w", encoding="utf-8", newline="") as out:
                rows = csv.writer(out)
                rows.writerow(INVOICE_COLUMNS)
                async for reference, bills in _bills(database, billing):
                    rows.writerows(_row(reference, bill) for bill in bills)
        finally:
            await billing.aclose()


async def _bills(database: Database, billing: TmForumBilling) -> AsyncIterator[tuple[str, tuple[Invoice, ...]]]:
    """Each line's, LINES_AT_ONCE in memory."""
    gate = asyncio.Semaphore(TOGETHER_MAX)

    async def unpaid(service: str, reference: str) -> tuple[str, tuple[Invoice, ...]]:
        async with gate:
            return reference, await billing.unpaid(ServiceType(service), reference)

    last = {"service": "", "reference": ""}
    while lines := await database.all(LINES, limit=LINES_AT_ONCE, **last):
        for bills in await asyncio.gather(*(unpaid(line["service"], line["reference"]) for line in lines)):
            yield bills
        last = {"service": lines[-1]["service"], "reference": lines[-1]["reference"]}


def _row(reference: str, bill: Invoice) -> tuple[str, str, str, str, str]:
    return (
        reference,
        bill.number,
        bill.period.isoformat(),
        decimal_text(bill.amount_centimes),
        bill.due_date.isoformat(),
    )
