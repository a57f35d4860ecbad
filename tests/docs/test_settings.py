"""`.env.example` and the reference of settings say what the model says."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from khallas.cli.config_example import example, reference, rows
from khallas.settings.model import known_names, load

ROOT = Path(__file__).parents[2]


def test_the_committed_example_is_current() -> None:
    assert (ROOT / ".env.example").read_text() == example()


def test_the_reference_is_current() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text() == reference()


@pytest.mark.parametrize(
    ("file", "named"),
    [
        (".env.example", "khallas config example"),
        ("docs/reference/settings.md", "python -m khallas.cli.config_example"),
    ],
)
def test_each_names_the_command_that_makes_it(file: str, named: str) -> None:
    committed = (ROOT / file).read_text(encoding="utf-8")
    assert f"`{named}`" in committed
    python, *words = named.split()
    program = sys.executable if python == "python" else str(Path(sys.executable).with_name(python))
    made = subprocess.run([program, *words], capture_output=True, cwd=ROOT, check=True)
    assert made.stdout.decode() == committed


def test_every_setting_is_there_with_its_meaning() -> None:
    names = {row.name for row in rows()}
    several = {"GATEWAY_SECRETS", "ACQUIRER_OPTIONS", "ACQUIRERS", "WALLETS"}
    assert names == set(known_names()) - {f"KHALLAS_{name}" for name in several}
    assert all(row.meaning for row in rows())


def test_the_example_with_its_defaults_spelled_out_is_what_no_settings_give() -> None:
    spelled = [line.removeprefix("#") for line in example().splitlines() if line.startswith(("#KHALLAS_", "KHALLAS_"))]
    environ = dict(line.split("=", 1) for line in spelled)
    assert (
        load(environ | {"KHALLAS_GATEWAY_SECRETS__AFRICASTALKING": "x" * 20}).model_dump()
        == load({"KHALLAS_GATEWAY_SECRETS__AFRICASTALKING": "x" * 20}).model_dump()
    )
    assert all(len(shlex.split(line)) <= 1 for line in spelled if "#" not in line)


def test_an_empty_name_gives_way_to_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "redis_url"
    secret.write_text("redis://elsewhere/0\n")
    settings = load({"KHALLAS_REDIS_URL": "", "KHALLAS_REDIS_URL_FILE": str(secret)})
    assert settings.redis_url.get_secret_value() == "redis://elsewhere/0"
