"""The operator's time zone, from the tzdata package: Morocco changes its rules, and a host's own copy grows old."""

from importlib import resources
from zoneinfo import ZoneInfo

NAME = "Africa/Casablanca"


def load_zone(name: str = NAME) -> ZoneInfo:
    """A zone as the tzdata package has it, whatever the host says."""
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


ZONE = load_zone()
