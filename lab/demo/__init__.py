"""The demo's lines and bills (docs/index.md names their numbers and codes)."""

from datetime import datetime
from importlib import resources

from core.database.pool import open_database
from core.database.subscribers.importing import import_csv


async def load_demo_data(database_url: str, now: datetime) -> None:
    """Imports both files, as an operator imports one's own."""
    async with open_database(database_url) as database:
        for name in ("subscribers.csv", "invoices.csv"):
            path = resources.files("lab").joinpath("demo", name)
            with resources.as_file(path) as file, file.open(encoding="utf-8-sig", newline="") as text:
                await import_csv(database, text, now)
