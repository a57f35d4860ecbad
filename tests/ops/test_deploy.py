"""What an operator installs: linted, and what it names is there. No container is built here (docs/operations.md)."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from khallas.bootstrap.production import PROXIES
from khallas.cli.main import app
from khallas.cli.serve import stop_max_s
from khallas.doctor import stores
from khallas.settings.model import FILE, BadSettings, Settings, known_names, load
from lab.servers.processes import User
from lab.servers.valkey import Valkey, find_valkey

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
DOCKERFILES = [ROOT / "Dockerfile", ROOT / "deploy/kannel/Dockerfile"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"].items()
HELD = "deploy/secrets/"  # the operator's own, not in the repository
HARDENED = {
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "PrivateTmp=yes",
    "CapabilityBoundingSet=",
    "LimitCORE=0",
    "MemoryDenyWriteExecute=yes",
    "SystemCallFilter=@system-service",
}


def _ran(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def test_dockerfiles_are_linted() -> None:
    _ran(_tool("hadolint"), *DOCKERFILES)


def test_the_compose_file_keeps_to_its_specification() -> None:
    assert "ok" in _ran(_tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_every_image_of_others_can_be_pinned_by_its_digest() -> None:
    for name, service in COMPOSE["services"].items():
        image = service.get("image", "")
        assert image.startswith("khallas") or re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[\w./-]+:[\w.-]+\}", image), name
    for file in DOCKERFILES:
        bases = re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)
        assert all(re.fullmatch(r"\$\{[A-Z]+_IMAGE\}", base) for base in bases), file


def test_the_image_runs_as_nobody_special() -> None:
    for file in DOCKERFILES:
        users = re.findall(r"^USER (\d+):\d+$", file.read_text(), re.MULTILINE)
        assert users, file
        assert int(users[-1]) > 1_000


def test_what_the_image_copies_is_in_its_context() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
        assert any(source == name or source.startswith(f"{name}/") for name in allowed), source


def test_the_image_holds_every_package_that_serves() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]} - {"lab"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert packages <= set(" ".join(copied).split())


def test_what_the_compose_file_mounts_is_there() -> None:
    mounted = [
        mount.split(":")[0].removeprefix("./")
        for service in COMPOSE["services"].values()
        for mount in service.get("volumes", [])
        if mount.startswith("./")
    ]
    held = [entry["file"].removeprefix("./") for kind in ("secrets", "configs") for entry in COMPOSE[kind].values()]
    assert all(path.startswith(HELD) for path in held)
    assert [path for path in mounted if not (ROOT / path).exists()] == []
    used = {name for service in COMPOSE["services"].values() for name in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])


def test_settings_in_the_compose_file_and_the_units_are_settings() -> None:
    names = set(known_names())
    told = set(re.findall(r"\bKHALLAS_[A-Z_]+", "\n".join(unit.read_text() for unit in UNITS)))
    told |= {name for _, service in SERVICES for name in service.get("environment", {}) if name.startswith("KHALLAS_")}
    told |= set(COMPOSE["x-khallas"]["environment"]) - {PROXIES}
    assert {name.removesuffix(FILE) for name in told} - names == set()


def test_what_observes_and_carries_texts_reaches_no_store() -> None:
    """PCI DSS 1.3, 1.4: Valkey and PostgreSQL have networks of their own, without a way out."""
    networks = {name: set(service.get("networks", COMPOSE["x-khallas"]["networks"])) for name, service in SERVICES}
    for store, own in (("valkey", "dialogs"), ("postgres", "books")):
        assert networks[store] == {own}
        assert COMPOSE["networks"][own]["internal"]
        ours = {"web", "worker", *(("migrate", "relay") if own == "books" else ())}
        assert {name for name, each in networks.items() if own in each} == {store, *ours}


def test_the_relay_holds_no_key() -> None:
    """What it reads is its own: neither `.env` nor a secret of customers' data."""
    relay = COMPOSE["services"]["relay"]
    assert relay["profiles"] == ["relay"]
    assert relay["env_file"] == [{"path": "relay.env", "required": False}]
    assert {*relay["secrets"]} == {"database_url", "relay_password"}
    told = {name.removesuffix(FILE) for name in relay["environment"]}
    assert told == {"KHALLAS_DATABASE_URL", "KHALLAS_RELAY__PASSWORD", "KHALLAS_PLAIN_HOSTS"}
    unit = (ROOT / "deploy/systemd/khallas-relay.service").read_text()
    assert re.findall(r"^EnvironmentFile=(.+)$", unit, re.MULTILINE) == ["/etc/khallas/relay.env"]


def test_a_login_at_the_brokers_that_others_would_read_without_its_password_stops_them() -> None:
    """Why the relay's settings stand in a file of their own."""
    with pytest.raises(BadSettings, match="KHALLAS_RELAY"):
        load({"KHALLAS_RELAY__SASL": "PLAIN", "KHALLAS_RELAY__USERNAME": "khallas"})


def test_who_serves_is_not_who_owns_the_tables() -> None:
    compose = COMPOSE["services"]
    assert compose["migrate"]["command"][:3] == ["migrate", "--role", "khallas"]
    assert "database_owner_url" not in COMPOSE["x-khallas"]["secrets"]
    for unit in UNITS:
        text = unit.read_text()
        assert ("database_owner_url" in text) is ("migrate --role khallas" in text)


@pytest.mark.parametrize(
    "command",
    [service["command"] for service in COMPOSE["services"].values() if service.get("image", "").startswith("khallas:")]
    + [
        shlex.split(line.partition("khallas ")[2])
        for unit in UNITS
        for line in re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
    ],
    ids=" ".join,
)
def test_every_command_is_one_of_ours(command: list[str]) -> None:
    said = CliRunner().invoke(app, [*command, "--help"])
    assert said.exit_code == 0
    for option in (word for word in command if word.startswith("--")):
        assert option in said.output


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_are_hardened_and_systemd_takes_them(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text()
    assert set(text.splitlines()) >= HARDENED
    assert "TimeoutStopSec=" in text or "Type=oneshot" in text
    if shutil.which("systemd-analyze"):
        # this machine has neither the user nor the installation
        here = re.sub(r"/opt/khallas/bin/khallas", shutil.which("true") or "/bin/true", text)
        copy = tmp_path / unit.name
        copy.write_text(re.sub(r"^(User|Group)=.*$", r"\1=root", here, flags=re.MULTILINE))
        _ran("systemd-analyze", "verify", copy)


def test_a_stop_has_the_time_it_may_take() -> None:
    own = Settings.model_validate({"ivr": {"wires": "fastagi"}})
    assert stop_max_s(own) > stop_max_s(Settings()) + 100
    web = (ROOT / "deploy/systemd/khallas-web.service").read_text()
    (waited,) = re.findall(r"^TimeoutStopSec=(\d+)$", web, re.MULTILINE)
    assert int(waited) > stop_max_s(own)
    assert COMPOSE["services"]["web"]["stop_grace_period"] == f"{waited}s"


def test_the_alerts_look_where_the_compose_file_answers() -> None:
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    fixed = [config for job in jobs for config in job.get("static_configs", [])]
    targets = {target.split(":")[0] for config in fixed for target in config["targets"]}
    targets |= {name for job in jobs for config in job.get("dns_sd_configs", []) for name in config["names"]}
    assert targets <= set(COMPOSE["services"])


class Composed(Valkey):
    """Valkey with the compose file's own command: its binary, folder and secret are here instead."""

    def _prepare(self) -> tuple[list[str], User]:
        secret, config = self.folder / "secret", self.folder / "valkey.conf"
        secret.write_text(f"requirepass {self.password}\n")
        config.write_text((ROOT / "deploy/valkey.conf").read_text().replace("/data", f'"{self.folder}"'))
        here = {"valkey-server": find_valkey(), "/etc/valkey/valkey.conf": config}
        here["/run/secrets/valkey_password"] = secret
        words = [str(here.get(word, word)) for word in COMPOSE["services"]["valkey"]["command"]]
        return [*words, "--port", str(self.port), "--bind", "127.0.0.1"], "self"


async def test_the_doctor_is_content_with_the_compose_file_s_valkey(tmp_path: Path) -> None:
    with Composed(tmp_path) as server:
        assert (await stores.redis(server.url)).endswith("append-only, noeviction")
