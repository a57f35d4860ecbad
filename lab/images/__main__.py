"""`./run images`: both Dockerfiles built unchanged and what they hold started, without an engine or a registry.

Needs root on Debian or Ubuntu; elsewhere it says why, and ends with SKIPPED.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.images.builder import Builder, BuildFailed
from lab.images.kannel import kannel_tried
from lab.images.machine import lacking, told
from lab.images.proofs import ProofFailed
from lab.images.server import server_proof
from lab.servers.processes import ServerFailed

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77  # as test harnesses know it: nothing was tried, nothing is wrong
SERVER, KANNEL = "localhost/khallas", "localhost/khallas-kannel"


def tried(folder: Path, extras: str) -> Iterator[str]:
    """Each step in words, once it is done. Raises BuildFailed, ProofFailed, ServerFailed."""
    builder = Builder(folder, told())
    builder.base()
    yield "base: Debian's packages"
    builder.build(SERVER, ROOT, "PYTHON_IMAGE", {"EXTRAS": extras})
    yield "khallas: built"
    with server_proof(folder, builder.root(SERVER), builder.config(SERVER)) as proof:
        for step in proof.tried():
            yield f"khallas: {step}"
    builder.build(KANNEL, ROOT / "deploy" / "kannel", "DEBIAN_IMAGE", {})
    yield "kannel: built"
    for step in kannel_tried(folder, builder.root(KANNEL), builder.config(KANNEL)):
        yield f"kannel: {step}"


def main(arguments: list[str] | None = None) -> int:
    """0: built and started; 1: not; SKIPPED: nothing can be tried here."""
    parser = argparse.ArgumentParser(prog="./run images", description="both images, built and started")
    parser.add_argument("--extras", default="", help="extras of the server's image: otel relay voice")
    given = parser.parse_args(arguments)
    why = lacking()
    if why is not None:
        print(f"SKIPPED: {why}", flush=True)
        return SKIPPED
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="khallas-images-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL does not run as root
        try:
            for step in tried(folder, given.extras):
                print(f"{time.monotonic() - began:6.0f} s  {step}", flush=True)
        except (BuildFailed, ProofFailed, ServerFailed) as error:
            print(f"FAILED: {error}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
