"""The doors' hours, joined: Redis has them by the hour, the books keep them."""

from core.database.help_desk.service_report import PgServiceReports
from khallas.bootstrap.container import Container
from khallas.telemetry.service_hours import ServiceHours
from khallas.telemetry.usage import HoursReader


def hours_of(house: Container) -> ServiceHours:
    """What copies them, of this house."""
    return ServiceHours(HoursReader(house.redis), PgServiceReports(house.anew), house.clock)
