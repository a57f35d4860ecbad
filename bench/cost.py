"""What a million customers cost, from what was measured: processor cores, memory, disk. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import Row

CUSTOMERS = 1_000_000
USSD_STEPS, VOICE_TURNS = 5, 8  # of one journey: language to hand-over, then the call to the receipt
DIALOG_TTL_S = 600
PAYMENTS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Load:
    """Journeys a second, and why so many."""

    name: str
    journeys_s: float


# One journey a month; the busiest day brings a tenth of the month's, its busiest hour an eighth of the day's.
BUSY_HOUR = Load("the busiest hour of the month", CUSTOMERS * 0.10 * 0.125 / 3600)
# A reminder by SMS to everybody: a tenth of them answer it within ten minutes.
REMINDER = Load("ten minutes after a reminder to all", CUSTOMERS * 0.10 / 600)


@dataclass(frozen=True, slots=True)
class Costs:
    """What one of each costs."""

    ussd_us: float
    voice_us: float
    payment_us: float
    sms_us: float
    dialog_bytes: float
    payment_bytes: float


@dataclass(frozen=True, slots=True)
class Bill:
    """What a load takes."""

    load: Load
    web_cores: float
    sms_cores: float
    redis_mib: float


def costs_of(rows: Sequence[Row]) -> Costs:
    """Raises KeyError when a row was not measured."""
    named = {row.name: row for row in rows}
    cpu = {name: named[name].medians["Khallas"].cpu_us for name in ("ussd", "voice", "payment", "sms")}
    return Costs(
        cpu["ussd"],
        cpu["voice"],
        cpu["payment"],
        cpu["sms"],
        figure(named["live"], "all that a dialog leaves there"),
        figure(named["payment"], "PostgreSQL"),
    )


def figure(row: Row, words: str) -> float:
    """The finding whose words begin so or end so. Raises KeyError."""
    for each in row.findings:
        if each.what.startswith(words) or each.what.endswith(words):
            return each.value
    raise KeyError(words)


def bill(load: Load, costs: Costs) -> Bill:
    """Cores at full use; Redis holds the dialogs of the last DIALOG_TTL_S, one on USSD and one in a call each."""
    journey_us = USSD_STEPS * costs.ussd_us + VOICE_TURNS * costs.voice_us + costs.payment_us
    return Bill(
        load,
        load.journeys_s * journey_us / 1e6,
        load.journeys_s * costs.sms_us / 1e6,
        load.journeys_s * DIALOG_TTL_S * 2 * costs.dialog_bytes / 2**20,
    )


def disk_gib_a_year(costs: Costs) -> float:
    """What a million customers' payments take in PostgreSQL in a year."""
    return CUSTOMERS * PAYMENTS_A_YEAR * costs.payment_bytes / 2**30
