"""The zone is the package's, not the host's."""

from datetime import UTC, datetime
from importlib import resources
from zoneinfo import ZoneInfo

from core.zone import NAME, ZONE


def test_the_zone_is_the_packages() -> None:
    with resources.files("tzdata.zoneinfo").joinpath("Africa", "Casablanca").open("rb") as rules:
        package = ZoneInfo.from_file(rules)
    for month in range(1, 13):
        moment = datetime(2026, month, 15, 12, tzinfo=UTC)
        assert moment.astimezone(ZONE).utcoffset() == moment.astimezone(package).utcoffset()
    assert ZONE.key == NAME
