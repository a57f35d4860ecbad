"""The emulator on a port of this machine, with a hand on its books and its lies: for tests and the demo.

Rule of this file: demo credentials only; a client reaches it over real HTTP.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.acquirers.cmi_xml import CmiAccount
from core.cards import Secret
from lab.cmi.emulator import HANG_MAX_S, Credentials, Gateway, app_of, utc_now
from lab.cmi.ledger import Ledger
from lab.cmi.lies import LATE_DEFAULT_S, Kind, Lie, Manner
from lab.servers.serving import serving

DEMO_CREDENTIALS = Credentials("600000001", "demo-api", Secret("demo-password"), Secret("demo-store-key"))
CHARGES = frozenset({Kind.AUTH, Kind.PRE_AUTH, Kind.PIN})


@dataclass(frozen=True, slots=True)
class EmulatedCmi:
    """A running emulator. `url` is its root."""

    url: str
    gateway: Gateway

    @property
    def account(self) -> CmiAccount:
        own = self.gateway.credentials
        return CmiAccount(f"{self.url}/fim/api", own.client_id, own.name, own.password)

    def settings(self, *, page: bool = False) -> dict[str, str]:
        """What KHALLAS_CMI__… must be to reach it, by the settings' names in small letters; `page`: its page too."""
        own = self.account
        values = {"url": own.url, "client_id": own.client_id, "name": own.name, "password": own.password.reveal()}
        if not page:
            return values
        return values | {
            "page_url": f"{self.url}/fim/est3Dgate",
            "store_key": self.gateway.credentials.store_key.reveal(),
        }

    @property
    def ledger(self) -> Ledger:
        return self.gateway.bank.ledger

    def lie(
        self,
        manner: Manner,
        order_id: str | None = None,
        *,
        times: int = 1,
        seconds: float = LATE_DEFAULT_S,
        on: frozenset[Kind] = CHARGES,
    ) -> None:
        """Treat the next requests (of one order) so."""
        self.gateway.lies.add(Lie(manner, on, order_id, times, seconds=seconds))

    def captured_centimes(self, order_id: str) -> int:
        """What the customer paid for an order, all its captures added up."""
        rows = self.ledger.of_order(order_id)
        return sum(row.captured_centimes for row in rows if row.charge_type == "S" and row.state in {"C", "S"})


@asynccontextmanager
async def emulated_cmi(
    journal: Path | None = None,
    *,
    port: int = 0,
    now: Callable[[], datetime] = utc_now,
    hang_max_s: float = HANG_MAX_S,
    credentials: Credentials = DEMO_CREDENTIALS,
) -> AsyncIterator[EmulatedCmi]:
    """Serves the emulator within the block; `journal` keeps its books across blocks."""
    ledger = Ledger(journal)
    gateway = Gateway(credentials, ledger, now, hang_max_s)
    try:
        async with serving(app_of(gateway), port) as url:
            yield EmulatedCmi(url, gateway)
    finally:
        ledger.close()
