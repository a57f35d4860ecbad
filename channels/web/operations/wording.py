"""The operations page's words and measures in one language at one moment. Pure."""

from datetime import datetime

from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.zone import ZONE

SECTION, DESK = "ops", "desk"
GOOD, WARN, BAD, PLAIN = "good", "warn", "bad", "plain"
# How long a gateway waits for one answer, in seconds (docs/protocols/ussd.md; Twilio gives a webhook 15 s).
LIMITS_S = {"restcomm": 25.0, "twilio": 15.0}
LIMIT_S = 10.0
NEAR = 0.5  # of the limit
OLD_QUEUE_S, VERY_OLD_QUEUE_S = 120, 900


class OpsWording:
    """Words the operations page. Raises MissingText for what locales/ must have."""

    def __init__(self, texts: Texts, language: LanguageCode, now: datetime) -> None:
        self._texts = texts
        self._language = language
        self.now = now

    def t(self, key: str, **values: str) -> str:
        """Values read left to right in any sentence."""
        isolated = {name: f"\u2066{value}\u2069" for name, value in values.items()}
        return self._texts.fill(self._language, SECTION, key, **isolated)

    def queue_tone(self, oldest: datetime | None) -> str:
        age_s = 0.0 if oldest is None else (self.now - oldest).total_seconds()
        return BAD if age_s > VERY_OLD_QUEUE_S else WARN if age_s > OLD_QUEUE_S else GOOD

    def channel(self, channel: str) -> str:
        return self.known(f"channel.{channel}", channel, DESK)

    def known(self, key: str, otherwise: str, section: str = SECTION) -> str:
        has = self._texts.has(self._language, section, key)
        return self._texts.fill(self._language, section, key) if has else otherwise

    def age(self, since: datetime) -> str:
        return self.duration(max(0.0, (self.now - since).total_seconds()))

    def longest(self, seconds: float, *, over: bool = False) -> str:
        return f"{'> ' if over else ''}{self.duration(seconds)}"

    def duration(self, seconds: float) -> str:
        """A duration in the one unit that a reader needs."""
        units: tuple[tuple[float, float, str], ...] = (
            (1, 0.001, "ms"),
            (60, 1, "s"),
            (3_600, 60, "min"),
            (86_400, 3_600, "h"),
            (float("inf"), 86_400, "d"),
        )
        size, unit = next((size, unit) for below, size, unit in units if seconds < below)
        number = seconds / size
        small = number < 10 and unit in {"ms", "s"}
        text = f"{number:.1f}".removesuffix(".0") if small else f"{number:.0f}"
        template = self._texts.get(self._language, SECTION, f"unit.{unit}")
        return template.format(number=text.replace(".", self.t("decimal")))


def limit_s(wire: str) -> float:
    """Returns how long a wire's gateway waits for an answer."""
    return LIMITS_S.get(wire, LIMIT_S)


def slow_tone(wire: str, p99_s: float, *, over: bool) -> str:
    """Returns how near the slowest turns come to the gateway's limit."""
    share = p99_s / limit_s(wire)
    return BAD if share >= 1 or over else WARN if share >= NEAR else GOOD


def whole_hour(moment: datetime) -> datetime:
    """The beginning of an hour; Morocco's clocks differ from UTC by whole hours."""
    return moment.replace(minute=0, second=0, microsecond=0)


def clock(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%H:%M}"


def day_and_clock(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%d/%m %H:%M:%S}"
