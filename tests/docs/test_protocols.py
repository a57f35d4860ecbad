"""Every reference to docs/protocols/ leads to a page, and to the rule or heading that it names."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "protocols"
READ = {".py", ".md", ".toml", ".lua", ".yml", ".js", ".css", ".html"}
REFERENCE = re.compile(r"protocols/([a-z-]+\.md)(?:,? (\d+(?:(?:, |-)\d+)*)|, ([A-Z][\w-]*(?: [A-Za-z][\w-]*)?))?")


def references() -> list[tuple[str, str, str, str]]:
    """File that refers, page, numbers of rules, heading."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    found: list[tuple[str, str, str, str]] = []
    for name in names:
        path = ROOT / name
        if path.suffix in READ and path.is_file() and name != "tests/docs/test_protocols.py":
            text = path.read_text(encoding="utf-8")
            found += [(name, match[1], match[2] or "", match[3] or "") for match in REFERENCE.finditer(text)]
    return found


def rules(text: str) -> set[str]:
    return set(re.findall(r"^(?:\| )?(\d+)(?:\.| \|)", text, re.MULTILINE))


def headings(text: str) -> list[str]:
    return [line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#")]


def test_every_reference_leads_somewhere() -> None:
    found = references()
    assert len(found) > 100
    missing = []
    for name, page, numbers, heading in found:
        path = PAGES / page
        if not path.is_file():
            missing.append(f"{name}: {page}")
            continue
        text = path.read_text(encoding="utf-8")
        missing += [f"{name}: {page} {number}" for number in re.findall(r"\d+", numbers) if number not in rules(text)]
        first = heading.split()[0].lower() if heading else ""
        if first and not any(first in title for title in headings(text)):
            missing.append(f"{name}: {page}, {heading}")
    assert missing == []


def test_no_fact_is_looked_for_outside_the_repository() -> None:
    outside = ["git", "grep", "-lE", r"(^|[^a-z/])facts/[a-z-]+\.md", "--", ".", ":!CHANGELOG.md"]
    names = subprocess.run(outside, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert names == []
