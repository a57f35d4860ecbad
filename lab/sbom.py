"""A CycloneDX bill of materials for each lock: `./run sbom [--out dist]` writes them beside what is released.

The same locks give the same files, byte by byte: no time, and a serial number made of the content. Licences are those
that the installed packages declare, where the installed version is the locked one.
"""

import argparse
import json
import re
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from core import VERSION

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("production", "otel", "relay", "voice")
SPEC = "1.6"
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^ ;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
NAMED = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
LICENCE_CHARS_MAX = 100
OF_CONTENT = uuid.UUID("6a1f0f3c-9c1d-5b7e-8f57-4b8b1f0f9d11")  # names our serial numbers apart from others'


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One package of a lock, with the digests of all its files."""

    name: str
    version: str
    sha256: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{normal(self.name)}@{self.version}"


def normal(name: str) -> str:
    """As package names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages_of(lock: str) -> Iterator[LockedPackage]:
    """What a lock's text pins. Raises ValueError for a line that it cannot read."""
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        if entry.startswith("#"):
            continue
        pinned = PINNED.match(entry)
        digests = tuple(HASH.findall(entry))
        if pinned is None or not digests:
            raise ValueError(f"no pinned package: {entry.splitlines()[0]}")
        yield LockedPackage(pinned[1], pinned[2], digests)


def bill_of(lock: str, packages: tuple[LockedPackage, ...], direct: frozenset[str]) -> dict[str, Any]:
    """The document of one lock; `direct`: what we ask for ourselves."""
    own = f"pkg:pypi/khallas@{VERSION}"
    named = [each.purl for each in packages if normal(each.name) in direct]
    bill: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "khallas",
                "version": VERSION,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
            "properties": [{"name": "khallas:lock", "value": f"requirements/{lock}.lock"}],
        },
        "components": [_component(each) for each in packages],
        "dependencies": [{"ref": own, "dependsOn": named}, *({"ref": each.purl} for each in packages)],
    }
    serial = uuid.uuid5(OF_CONTENT, json.dumps(bill, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": SPEC, "serialNumber": serial.urn, **bill}


def direct_of(project: dict[str, Any], lock: str) -> frozenset[str]:
    """Names of pyproject.toml that a lock is made of."""
    extras = project["project"]["optional-dependencies"]
    wanted = project["project"]["dependencies"] + extras["pdf"] if lock == "production" else extras[lock]
    return frozenset(normal(found[0]) for each in wanted if (found := NAMED.match(each)))


def write(out: Path, root: Path = ROOT) -> list[Path]:
    """The files, in a folder that is made."""
    out.mkdir(parents=True, exist_ok=True)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    written = []
    for lock in LOCKS:
        packages = tuple(packages_of((root / f"requirements/{lock}.lock").read_text(encoding="utf-8")))
        path = out / f"khallas-{VERSION}-{lock}.cdx.json"
        bill = bill_of(lock, packages, direct_of(project, lock))
        path.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _component(package: LockedPackage) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.sha256],
        "purl": package.purl,
    }
    licence = _licence(package)
    return told | ({"licenses": [licence]} if licence else {})


def _licence(package: LockedPackage) -> dict[str, Any] | None:
    try:
        declared = metadata.metadata(package.name)
    except metadata.PackageNotFoundError:
        return None
    if declared["Version"] != package.version:
        return None
    if "License-Expression" in declared:
        return {"expression": declared["License-Expression"]}
    words = declared["License"].strip() if "License" in declared else ""
    return {"license": {"name": words}} if words and "\n" not in words and len(words) <= LICENCE_CHARS_MAX else None


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="./run sbom", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the files")
    for path in write(parser.parse_args().out):
        print(path)


if __name__ == "__main__":
    main()
