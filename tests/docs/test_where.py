"""docs/where.md answers at least forty questions, each with one place that exists; the glossary's too."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS_MIN = 40
ROW = re.compile(r"^\| ([^|`]+) \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)


def test_every_question_leads_to_one_place_that_is_there() -> None:
    rows = ROW.findall((ROOT / "docs" / "where.md").read_text(encoding="utf-8"))
    assert len({question for question, _, _ in rows}) == len(rows) >= QUESTIONS_MIN
    missing = [
        (question, path, word)
        for question, path, word in rows
        if not (ROOT / path).is_file() or word not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_place_of_the_glossary_is_there() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    places = re.findall(r"`((?:khallas|channels|sessions|core|lab)/[\w/.]+)`", text)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []
