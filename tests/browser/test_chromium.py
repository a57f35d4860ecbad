"""Which Chromium the browser tests drive, by what is installed."""

from pathlib import Path

import pytest

from tests.support.chromium import PACKAGES, chromium_path

SHELL, WHOLE = PACKAGES


@pytest.mark.parametrize(("installed", "driven"), [((WHOLE,), WHOLE), ((WHOLE, SHELL), SHELL), ((SHELL,), SHELL)])
def test_the_cheaper_one_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: tuple[str, ...], driven: str
) -> None:
    for name in installed:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium_path() == str(tmp_path / driven)


def test_without_one_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt-get install chromium-headless-shell"):
        chromium_path()
