"""One of several acquirers as data: its client, its contract, and what its files call things."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from core.zone import ZONE
from khallas.settings.parts import Names, SettingsPart, SettlementSettings

ID = r"^[a-z][a-z0-9_]{0,31}$"


def _with_zone(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=ZONE)


def _given(value: object) -> object:
    return None if value == "" else value


Moment = Annotated[datetime | None, BeforeValidator(_given), AfterValidator(_with_zone)]


class AcquirerSettings(SettingsPart):
    """Acquirers, one a name (docs/guides/acquirers.md)."""

    kind: str = Field("cmi", pattern=ID, description="its client: cmi, or the module of core/acquirers of that name")
    options: dict[str, SecretStr] = Field(
        {}, description="what its client is joined with: __URL, …; of cmi the names of KHALLAS_CMI__…"
    )
    name: str = Field("", max_length=40, description="on receipts; empty: none is named")
    merchant: str = Field("", max_length=40, description="our merchant number there, on receipts")
    logo: str = Field("", description="its logo on receipts: a file, SVG or PNG, 256 KiB at most")
    brands: Names = Field((), description="brands that it takes (visa, mastercard, card for others); () = all")
    currencies: Names = Field((), description="currencies that it takes; () = all")
    min_centimes: int = Field(0, ge=0, description="the least amount that it is sent")
    max_centimes: Annotated[int | None, BeforeValidator(_given)] = Field(None, ge=1, description="the most; none: any")
    telephone_orders: bool = Field(True, description="takes cards that were told by telephone")
    weight: int = Field(1, ge=0, le=1_000, description="its share of new payments among those that take one; 0: last")
    state: Literal["on", "draining", "off"] = Field(
        "on",
        description="draining: no new payment, all else goes on; off: nobody is asked; `khallas acquirer` overrules",
    )
    valid_from: Moment = Field(None, description="from when it takes new payments, ISO 8601, Morocco's time")
    valid_until: Moment = Field(None, description="and until when")
    timeout_s: float = Field(30.0, gt=0, le=120, description="seconds to wait for an answer before it is unknown")
    settlement: SettlementSettings = SettlementSettings()
