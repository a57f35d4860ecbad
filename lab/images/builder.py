"""buildah over a store of its own: a base of Debian's packages, and a Dockerfile as it is over that base."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.images.machine import SUITE, Told, mirror

BASE = "localhost/debian-python"
# what python:3.11-slim-bookworm has of what our Dockerfile uses
BASE_PACKAGES = "ca-certificates,python-is-python3,python3,python3-venv"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STEP_MAX_S = 1_800
TAIL_CHARS = 4_000


class BuildFailed(Exception):
    """A step that did not end well; the words are its own last ones."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image says of how it is started."""

    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: tuple[str, ...]


def config_of(inspected: str) -> ImageConfig:
    """Reads what `buildah inspect --type image` prints."""
    config = json.loads(inspected)["Docker"]["config"]
    environment = dict(each.split("=", 1) for each in config.get("Env") or ())
    health = (config.get("Healthcheck") or {}).get("Test") or ()
    if health and health[0] != "CMD":
        raise ValueError(f"a health check of a kind that is not ours: {health[0]}")
    return ImageConfig(
        config.get("User") or "0:0",
        tuple(config.get("Entrypoint") or ()),
        tuple(config.get("Cmd") or ()),
        environment,
        tuple(health[1:]),
    )


@dataclass(frozen=True, slots=True)
class Builder:
    """Everything it writes is in `folder`, `told` apart, which is read."""

    folder: Path
    told: Told

    def run(self, *words: str) -> str:
        """Runs one buildah command and returns what it printed. Raises BuildFailed."""
        return self._ends("buildah", *self._store(), *words)

    def base(self) -> None:
        """Debian with Python, of its packages. Raises BuildFailed."""
        container = self.run("from", "scratch")
        root = self.run("mount", container)
        self._ends("debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", SUITE, root, mirror())
        self.run("umount", container)
        self.run("config", "--env", f"PATH={PATH}", container)
        self.run("commit", "--rm", "--quiet", container, BASE)

    def build(self, image: str, context: Path, argument: str, more: Mapping[str, str]) -> None:
        """A Dockerfile as it is, over the base; `argument` names the base there. Raises BuildFailed."""
        arguments = [f"--build-arg={name}={value}" for name, value in {argument: BASE, **more}.items()]
        volumes = [f"--volume={source}:{target}:ro" for source, target in self._volumes().items()]
        # in Docker's format, for the other one has no health check
        kind = ["--format=docker", "--isolation=chroot"]
        self.run("bud", *kind, *arguments, *volumes, "--tag", image, str(context))

    def config(self, image: str) -> ImageConfig:
        """Raises BuildFailed."""
        return config_of(self.run("inspect", "--type", "image", image))

    def root(self, image: str) -> Path:
        """An image's files, in a container of their own. Raises BuildFailed."""
        return Path(self.run("mount", self.run("from", image)))

    def _store(self) -> tuple[str, ...]:
        places = ("--root", f"{self.folder}/store", "--runroot", f"{self.folder}/run")
        return (*places, "--storage-driver", "vfs")

    def _volumes(self) -> dict[str, str]:
        volumes = {str(path): str(path) for path in self.told.paths}
        for text, target in ((self.told.pip, "/etc/pip.conf"), (self.told.apt, "/etc/apt/apt.conf.d/99outside")):
            source = self.folder / Path(target).name
            source.write_text(text)
            volumes[str(source)] = target
        return volumes

    def _ends(self, *command: str) -> str:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=STEP_MAX_S
        )
        if done.returncode != 0:
            words = f"{done.stdout}\n{done.stderr}"[-TAIL_CHARS:]
            raise BuildFailed(f"{command[0]}: exit {done.returncode}\n{words}")
        return done.stdout.strip()
