"""The table of primaries that were lost: its shares, and its place in the page."""

from pathlib import Path

import pytest

from lab.chaos.customer import customer
from lab.chaos.failover.judging import WATCHED_S, Row, loss_met, watched_until
from lab.chaos.failover.losses import Kind, Loss
from lab.chaos.failover.table import BEGIN, END, PAGE, table, written
from lab.chaos.failover.traffic import Visit

ROWS = [
    Row(Kind.KILLED, 2, [1.0, 3.0], [2.0, 4.0], [0.0, 5.0, 30.0]),
    Row(Kind.SWITCHED, 1, [0.5], [0.5], []),
]


def test_each_kind_has_its_row_and_all_have_theirs() -> None:
    lines = table(ROWS, "told").splitlines()
    assert lines[2].endswith("| 2 | 3.0 / 3.0 s | 4.0 / 4.0 s | 3 | 5.0 / 30.0 / 30.0 s |")
    assert lines[3].endswith("| 1 | 0.5 / 0.5 s | 0.5 / 0.5 s | 0 | none |")
    assert lines[4] == "| all | 3 | 1.0 / 3.0 s | 2.0 / 4.0 s | 3 | 5.0 / 30.0 / 30.0 s |"
    assert lines[-1] == "told"


def test_the_page_keeps_what_is_around_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    written("new\n", page)
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no marks"):
        written("new\n", page)
    assert BEGIN in PAGE.read_text()


@pytest.mark.parametrize(
    ("began", "ended", "held"),
    [(90.0, 99.9, False), (99.0, 125.0, True), (101.0, 125.0, True), (119.0, 123.0, True), (120.1, 123.0, False)],
)
def test_whoever_came_before_another_primary_was_there_is_held_up(began: float, ended: float, *, held: bool) -> None:
    loss = Loss(Kind.KILLED, "a", "b", at=100.0, found_s=20.0)
    visit = Visit(customer(1), web=False, began=began, ended=ended, tries=1, paid=True)
    assert loss_met(visit, [loss]) is (loss if held else None)


def test_the_books_are_watched_until_the_next_loss() -> None:
    losses = [Loss(Kind.KILLED, "a", "b", at=at, found_s=20.0) for at in (100.0, 143.0, 900.0)]
    ends = [watched_until(loss, losses) for loss in losses]
    assert ends == [143.0, 143.0 + WATCHED_S, 900.0 + WATCHED_S]
