"""What is written about the project holds: the picture is the code's, commands and settings exist, links lead on."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from core import VERSION
from khallas.cli.main import app
from khallas.settings.acquirers import AcquirerSettings
from khallas.settings.model import FILE, PREFIX, known_names
from sessions.screens.diagram import mermaid

ROOT = Path(__file__).parents[1]
PAGES = sorted(page for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if ".venv" not in page.parts)
RUN_VERBS = set(re.findall(r"^([a-z]+)\)$", (ROOT / "run").read_text(), re.MULTILINE))
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:channels|core|sessions|lab|locales|tests|docs|bench|requirements)/[\w./-]*)`")
_SETTING = re.compile(rf"\b{PREFIX}[A-Z][A-Z0-9_]*\b")
ACQUIRERS = f"{PREFIX}ACQUIRERS__"
OF_AN_ACQUIRER = {*known_names(AcquirerSettings, ""), ""}  # and what speaks of all of them
_VARIABLE = re.compile(rf"(?:\$\{{|Set\()({PREFIX}\w+)")  # of a dialplan, not of ours
_KHALLAS = re.compile(r"(?:^|[`\s/])khallas ([a-z][^`\n#|>]*)")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def by_page(pages: list[Path] = PAGES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


def test_the_journeys_picture_is_the_codes() -> None:
    pictures = [body for kind, body in _FENCE.findall(text(ROOT / "docs/ARCHITECTURE.md")) if kind == "mermaid"]
    assert mermaid().strip() in [picture.strip() for picture in pictures]


@by_page()
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(text(page)):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        assert (page.parent / target.partition("#")[0]).exists(), target


@by_page()
def test_paths_that_are_named_are_there(page: Path) -> None:
    adds = page.parent.name == "extending"  # a worked example names the files that its reader adds
    for path in () if adds else _PATH.findall(text(page)):
        assert list(ROOT.glob(path.rstrip("/") + "*")), path  # `docs/decisions/005` is enough


@by_page()
def test_settings_that_are_named_exist(page: Path) -> None:
    names = known_names()
    for name in set(_SETTING.findall(text(page))) - set(_VARIABLE.findall(text(page))):
        base = name.removesuffix(FILE)
        wire = base.startswith((f"{PREFIX}GATEWAY_SECRETS__", f"{PREFIX}ACQUIRER_OPTIONS__", f"{PREFIX}WALLETS__"))
        prefix = name.endswith("_")  # "KHALLAS_CMI__…" speaks of all of them
        if base.startswith(ACQUIRERS):
            own = base.removeprefix(ACQUIRERS).partition("__")[2]
            assert own in OF_AN_ACQUIRER or own.startswith(("OPTIONS__", "SETTLEMENT__")), name
            continue
        assert base in names or wire or (prefix and any(known.startswith(name) for known in names)), name


@by_page()
def test_commands_that_are_named_exist(page: Path) -> None:
    for verb in re.findall(r"\./run ([a-z]+)", text(page)):
        assert verb in RUN_VERBS, verb
    for line in _KHALLAS.findall(text(page)):
        _check(shlex.split(line.replace("…", ""), posix=True), line)


def _check(words: list[str], line: str) -> None:
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in options | {"--help"}, line


def test_the_changelog_tells_of_this_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", text(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert VERSION in headings or "Unreleased" in headings


def test_the_readme_begins_with_the_story() -> None:
    first_screen = "\n".join(text(ROOT / "README.md").splitlines()[:20])
    for word in ("./run demo", "./run test", "](docs/pictures/", "khallas dial", "khallas call", "4000000000000010"):
        assert word in first_screen
