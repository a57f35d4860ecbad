"""The doors of who is paid our bills elsewhere, joined: part of the composition root."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from channels.billers import endpoint as billers
from channels.http.json_door import JsonDoor
from channels.http.receive import Check
from core.database.billers.outside import PgOutsidePayments
from core.ids import Ids
from khallas.bootstrap import authentication as guards
from khallas.bootstrap.container import Container
from khallas.bootstrap.gateways import base_of
from khallas.settings.model import BadSettings, Settings

GATE = "biller_{door}"  # of KHALLAS_GATEWAY_SECRETS__BILLER_GSMA


def biller_routes(house: Container) -> Sequence[BaseRoute]:
    """Builds the doors of outside billers; None where no door is enabled. Raises BadSettings."""
    settings = house.settings
    if not settings.billers:
        return ()
    unknown = [name for name in settings.billers if name not in billers.DOORS]
    if unknown:
        names = ", ".join(billers.DOORS)
        raise BadSettings(f"KHALLAS_BILLERS: {', '.join(unknown)} is no door; known are {names}")
    if settings.billing.url:
        raise BadSettings("KHALLAS_BILLERS: their bills are the embedded billing's; KHALLAS_BILLING__URL is set")
    checks: dict[str, Check] = {name: guards.gate(settings, GATE.format(door=name)) for name in settings.billers}
    outside = PgOutsidePayments(house.database, settings.currency)
    desk = billers.BillerDesk(house.billing, outside, Ids().payment, house.clock.now, settings.currency)
    return billers.routes(desk, checks, house.metrics.refused, public_url=base_of(settings))


def biller_json_doors(settings: Settings) -> tuple[JsonDoor, ...]:
    """Returns the doors as GET /openapi.json describes them."""
    return tuple(door for name in settings.billers for door in billers.JSON_DOORS.get(name, ()))
