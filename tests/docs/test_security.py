"""docs/SECURITY.md: each of the seventeen requirements names tests, and they exist; its numbers are the code's."""

import re
from pathlib import Path

import pytest

from channels.http.protocol import HEAD_BYTES_MAX, HEADERS_MAX, RECEIVE_MAX_S
from channels.limits import RedisCardLimits, RedisCodeLimits
from core.payments.table import ATTEMPTS_MAX, DECLINES_MAX
from sessions.screens.journey import FIELD_TRIES_MAX, SESSION_TRIES_MAX
from sessions.store.protocol import HUNG_UP_TTL_S, VAULT_TTL_S

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
REQUIREMENTS = 17


def test_every_requirement_has_its_row() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, REQUIREMENTS + 1))


@pytest.mark.parametrize(("number", "tests"), [(number, tests) for number, _, tests in ROWS])
def test_what_shows_it_exists(number: str, tests: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
    assert named
    for file, name in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async def {name}\(|def {name}\(|{name} = )", text, re.MULTILINE), (
            f"{number}: {file}::{name}"
        )


def test_its_numbers_are_the_codes() -> None:
    code, card = RedisCodeLimits, RedisCardLimits
    for told in (
        (
            f"| {code.PAIR_WRONG} in {code.PAIR_WRONG_S // 60} min by caller and line; {code.TARGET_WRONG}/h a line, "
            f"then {code.SLOW_TRIES}/h a caller; {code.CALLER_WRONG}/h a caller; {code.CHANNEL_WRONG:,}/h a channel; "
            f"{code.ALL_WRONG:,}/h in all |"
        ),
        (
            f"N telephones try at most {code.TARGET_WRONG} + N codes of one line in an hour, and all telephones "
            f"{code.ALL_WRONG:,} of all lines"
        ),
        (
            f"| {card.CALL_SENT} a call; {card.CALLER_SENT}/h and {card.CALLER_DAY_SENT} a day a caller; "
            f"{card.CARD_SENT}/h and {card.CARD_DAY_SENT} a day a card; hidden numbers {card.HIDDEN_SENT}/h together |"
        ),
        f"| {DECLINES_MAX} a payment, {ATTEMPTS_MAX} tries in all |",
        f"| {FIELD_TRIES_MAX} a field, {SESSION_TRIES_MAX} a call |",
        f"at most {VAULT_TTL_S} s, never extended",
        f"for {HUNG_UP_TTL_S} s that the saving script honours",
        f"whole within {RECEIVE_MAX_S:.0f} s, a head of {HEAD_BYTES_MAX // 1024} KiB and {HEADERS_MAX} headers",
    ):
        assert told in re.sub(r"\s+", " ", PAGE), told


@pytest.mark.parametrize("page", ["asvs.md", "qsa.md"])
def test_what_the_assessors_pages_name_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) >= 5
    for file, name in named:
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {name}\(|^{name} = ", source, re.MULTILINE), f"{file}::{name}"


def test_every_row_of_the_asvs_page_says_satisfied_by_a_test_or_not() -> None:
    text = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d[\d., ]*[^|]* \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 25
    assert all("`tests/" in by for state, by in rows if state.startswith("satisfied"))
