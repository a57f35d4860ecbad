"""Pages outside the site link to what is there; the site's own links are mkdocs' to check."""

import re
import subprocess
from pathlib import Path

import pytest

import core
from khallas.cli.reference import ROOT

PAGES = sorted(ROOT.glob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if not link.startswith(("http://", "https://", "mailto:"))]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_changelog_knows_this_version_or_what_comes() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "## Unreleased" in changelog or f"## {core.VERSION}" in changelog


def test_a_tag_here_is_this_version() -> None:
    """In a checkout with its history; an archive has no tags."""
    if not (ROOT / ".git").exists():
        return
    said = subprocess.run(["git", "tag", "--points-at", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {tag for tag in said.stdout.split() if tag.startswith("v")} <= {f"v{core.VERSION}"}
