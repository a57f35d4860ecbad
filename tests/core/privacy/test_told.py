"""What a person is told is kept, and never held, is what the help desk's page says."""

import re
from pathlib import Path

from core.privacy.requests import KEPT, NEVER_HELD

PAGE = Path(__file__).parents[3] / "docs/guides/help-desk.md"


def test_what_is_kept_is_told_as_the_page_says_it() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| kept | what and why |\n|---|---|\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE) == list(KEPT.items())


def test_what_is_never_held_is_told_as_the_page_says_it() -> None:
    assert f"\n| {NEVER_HELD} | | never held | |\n" in PAGE.read_text(encoding="utf-8")
