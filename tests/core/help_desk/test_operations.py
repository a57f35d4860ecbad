"""What operations are told, where it is reckoned and not read."""

from core.help_desk.operations import GivenBack, Overview, SettlementRun, Undecided
from lab.clocks import NOON

RUN = SettlementRun(
    NOON, "2026-11-23.csv", 1_000, 900, unreadable=1, missing_here=20, missing_there=300, different=4_000
)


def test_what_of_a_settlement_file_is_open_is_every_finding_that_nobody_ended() -> None:
    assert RUN.open == 4_321
    ended = SettlementRun(NOON, "f", 9, 1, unreadable=1, missing_here=2, missing_there=3, different=2, ended=5)
    assert ended.open == 3


def test_nothing_went_back_unless_it_is_told() -> None:
    nothing = Undecided(0, 0, None, ())
    assert Overview((), (), {}, (), nothing, 0, 0, None, ()).back == GivenBack(payments=0, centimes=0)
