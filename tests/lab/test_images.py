"""What `./run images` knows without building: what the machine tells a build, an image's words, the walls around it,
and when nothing can be tried. The images themselves are built by the command.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.images.__main__ import ROOT, SKIPPED, main
from lab.images.builder import Builder, config_of
from lab.images.machine import MIRROR, Told, apt_settings, lacking, mirror_of, pip_paths, pip_settings
from lab.images.proofs import Standing, here, standing_of
from lab.images.sealed import Sealed

LISTED = """\
:env:.find-links='/srv/wheels'
:env:.user='1'
global.cert='/srv/authority.pem'
global.extra-index-url='file:///srv/index/simple https://mirror.example/simple'
global.find-links='/srv/old'
global.target='/srv/site'
install.trusted-host='\\nmirror.example'
"""
INSPECTED = {
    "Docker": {
        "config": {
            "User": "10001:10001",
            "Env": ["PATH=/opt/khallas/bin:/bin", "OPTIONS=a=b"],
            "Entrypoint": ["khallas"],
            "Cmd": ["serve", "--host", "0.0.0.0", "--port", "8000"],
            "Healthcheck": {"Test": ["CMD", "python", "-c", "get('http://127.0.0.1:8000/healthz')"]},
        }
    }
}
STATUS = """\
Name:\tkhallas
Uid:\t10001\t10001\t10001\t10001
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
"""


def test_the_build_s_pip_is_told_where_packages_come_from_and_nothing_else() -> None:
    assert pip_settings(LISTED).splitlines() == [
        "[global]",
        "cert = /srv/authority.pem",
        "extra-index-url = file:///srv/index/simple https://mirror.example/simple",
        "find-links = /srv/wheels",  # the environment's wins, as pip has it
        "trusted-host = mirror.example",
    ]


def test_what_pip_s_settings_name_on_this_machine_is_mounted_and_a_local_index_with_its_files() -> None:
    named = {str(path) for path in pip_paths(LISTED)}
    assert {"/srv/authority.pem", "/srv/index", "/srv/wheels"} <= named
    assert "/srv/site" not in named
    assert [str(path) for path in pip_paths("global.index-url='file:///simple'\n")] == ["/simple"]  # never all of "/"
    assert list(pip_paths("")) == []


def test_pip_itself_reads_what_is_written_for_it(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(pip_settings(LISTED))
    environ = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    python = str(ROOT / ".venv/bin/python") if (ROOT / ".venv/bin/python").exists() else "python3"
    said = subprocess.run(
        [python, "-m", "pip", "config", "list"], env=environ, capture_output=True, text=True, check=True
    )
    assert pip_settings(said.stdout) == pip_settings(LISTED)


def test_the_build_s_apt_is_told_how_a_mirror_is_reached() -> None:
    kept = 'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Check-Valid-Until "false";\n'
    assert apt_settings(f'APT::Update::Post-Invoke:: "rm -rf /";\n{kept}Dir::Etc "etc/apt";\n') == kept
    assert mirror_of("http://deb.example/debian/\nhttp://other.example/\n") == "http://deb.example/debian/"
    assert mirror_of("") == MIRROR


def test_a_dockerfile_is_built_as_it_is_with_what_the_machine_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def seen(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        ran.append(list(command))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", seen)
    told = Told("[global]\n", 'Acquire::Retries "3";\n', (Path("/srv/index"),))
    Builder(tmp_path, told).build("localhost/one", ROOT, "PYTHON_IMAGE", {"EXTRAS": "relay"})
    (words,) = ran
    assert {"bud", "--isolation=chroot", "--format=docker", "--volume=/srv/index:/srv/index:ro", str(ROOT)} <= {*words}
    assert {"--build-arg=PYTHON_IMAGE=localhost/debian-python", "--build-arg=EXTRAS=relay"} <= {*words}
    assert "--file" not in words
    assert (tmp_path / "pip.conf").read_text() == told.pip
    assert f"--volume={tmp_path}/pip.conf:/etc/pip.conf:ro" in words


def test_an_image_is_started_by_its_own_words_on_a_free_port_of_the_loopback() -> None:
    image = config_of(json.dumps(INSPECTED))
    assert image.environment == {"PATH": "/opt/khallas/bin:/bin", "OPTIONS": "a=b"}
    assert here((*image.entrypoint, *image.command), 4321) == (
        "khallas", "serve", "--host", "127.0.0.1", "--port", "4321",
    )  # fmt: skip
    assert here(image.health, 4321)[-1] == "get('http://127.0.0.1:4321/healthz')"


def test_a_health_check_that_would_not_be_run_is_not_passed_over() -> None:
    told = json.loads(json.dumps(INSPECTED))
    told["Docker"]["config"]["Healthcheck"]["Test"] = ["CMD-SHELL", "true"]
    with pytest.raises(ValueError, match="CMD-SHELL"):
        config_of(json.dumps(told))


def test_the_walls_stand_before_anything_of_the_image_runs(tmp_path: Path) -> None:
    root = tmp_path / "root"
    sealed = Sealed(root, "10001:10002", {"A": "b c"}, binds={tmp_path: "/run/secrets"})
    *_, script = sealed.command("khallas", "serve")
    steps = script.split("; ")
    assert steps[-2] == f"mount -o remount,bind,ro {root}"
    assert steps[-1].startswith(f"exec chroot {root} setpriv --reuid=10001 --regid=10002 --clear-groups")
    assert steps[-1].endswith("env -i 'A=b c' khallas serve")
    assert {"--bounding-set=-all", "--no-new-privs"} <= {*steps[-1].split()}
    # a mount in a mount that comes later would hide it
    assert steps.index(f"mkdir -p {root}/run/secrets") > next(
        n for n, step in enumerate(steps) if step.endswith(f"{root}/run")
    )
    *_, as_root = sealed.as_root("touch", "/probe")
    assert as_root.split("; ")[:-1] == steps[:-1]


def test_a_process_that_is_more_than_it_says_is_found() -> None:
    nobody = Standing(frozenset({10001}), frozenset({"0" * 16}), no_new_privileges=True)
    assert standing_of(STATUS) == nobody
    for old, new in (
        ("Uid:\t10001\t10001\t10001", "Uid:\t10001\t0\t10001"),
        ("CapBnd:\t0000000000000000", "CapBnd:\t00000000a80425fb"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
    ):
        assert standing_of(STATUS.replace(old, new)) != nobody


def test_without_root_or_tools_it_is_skipped_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main([]) == SKIPPED
    assert capsys.readouterr().out == "SKIPPED: only root can make a base of Debian's packages and enter it\n"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None)  # not even apt-get
    assert (lacking() or "").startswith(
        "not installed: buildah, debootstrap, unshare (Debian: apt-get install buildah "
    )


def test_without_namespaces_or_a_mirror_it_is_skipped_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"unshare": 1, "apt-get": 0}

    def ran(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, answers[command[0]], "http://127.0.0.1:9/debian\n", "")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "run", ran)
    assert "namespaces" in (lacking() or "")
    answers["unshare"] = 0
    assert lacking() == "Debian's mirror http://127.0.0.1:9/debian cannot be reached"


@pytest.mark.parametrize(("code", "passes"), [(0, True), (SKIPPED, True), (1, False)])
def test_the_job_passes_where_images_are_skipped_and_not_where_they_fail(
    tmp_path: Path, code: int, passes: bool
) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/images", tmp_path / ".ci/images")
    (tmp_path / "run").write_text(f'#!/bin/sh\n[ "$1" != images ] || exit {code}\n')
    for script in (tmp_path / ".ci/images", tmp_path / "run"):
        script.chmod(0o755)
    done = subprocess.run([tmp_path / ".ci/images"], check=False, timeout=60)
    assert (done.returncode == 0) is passes
