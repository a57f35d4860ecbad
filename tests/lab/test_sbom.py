"""The bill of materials: what the locks pin, whole, as CycloneDX's own schema has it, and the same every time."""

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from core import VERSION
from lab.sbom import LOCKS, ROOT, LockedPackage, bill_of, normal, packages_of, write


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write(tmp_path_factory.mktemp("dist"))


def test_every_lock_has_its_file_and_the_schema_takes_it(files: list[Path]) -> None:
    assert [path.name for path in files] == [f"khallas-{VERSION}-{lock}.cdx.json" for lock in LOCKS]
    for path in files:
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None


def test_a_file_that_is_none_would_be_found() -> None:
    bill = bill_of("production", (LockedPackage("a", "1", ("0" * 64,)),), frozenset())
    bill["components"][0]["kind"] = "library"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is not None


def test_it_holds_each_package_of_the_lock_with_each_digest(files: list[Path]) -> None:
    for lock, path in zip(LOCKS, files, strict=True):
        text = (ROOT / f"requirements/{lock}.lock").read_text()
        bill = json.loads(path.read_text())
        pinned = sum("==" in line for line in text.splitlines())
        assert len(bill["components"]) == pinned > 0
        assert sum(len(each["hashes"]) for each in bill["components"]) == text.count("--hash=sha256:")
        refs = {each["bom-ref"] for each in bill["components"]}
        assert set(bill["dependencies"][0]["dependsOn"]) <= refs


def test_what_we_ask_for_ourselves_is_told_apart_and_licences_are_there(files: list[Path]) -> None:
    bill = json.loads(files[0].read_text())
    direct = {each.partition("@")[0] for each in bill["dependencies"][0]["dependsOn"]}
    assert {"pkg:pypi/starlette", "pkg:pypi/psycopg", "pkg:pypi/fpdf2"} <= direct
    assert "pkg:pypi/anyio" not in direct
    licensed = [each for each in bill["components"] if "licenses" in each]
    assert len(licensed) > len(bill["components"]) / 2


def test_the_same_locks_give_the_same_files(files: list[Path], tmp_path: Path) -> None:
    assert [path.read_bytes() for path in write(tmp_path / "again")] == [path.read_bytes() for path in files]


def test_a_line_that_pins_nothing_is_not_passed_over() -> None:
    assert [each.name for each in packages_of(f"a-b==1.0 \\\n    --hash=sha256:{'0' * 64}\n")] == ["a-b"]
    for text in ("a>=1\n", "a==1\n", "git+https://example.org/a\n"):
        with pytest.raises(ValueError, match="no pinned package"):
            list(packages_of(text))
    assert normal("Ruamel.Yaml_x") == "ruamel-yaml-x"
