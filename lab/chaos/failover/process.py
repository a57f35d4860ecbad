"""`khallas serve` or `khallas worker`, whose minutes last seconds as in lab/chaos/server.py.

`python -m lab.chaos.failover.process serve|worker FILE PORT`: FILE is the environment, in JSON.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from khallas.cli.serve import serve_forever, work_forever
from khallas.settings.model import load
from khallas.telemetry import logs
from lab.chaos.server import TIMES


def main(verb: str, file: str, port: str) -> None:
    """Until a signal."""
    os.environ.update(json.loads(Path(file).read_text()))
    settings = load(os.environ, demo=True)
    logs.configure(settings.log_level, settings.log_format)
    if verb == "serve":
        serve_forever(settings, "127.0.0.1", int(port), times=TIMES)
    else:
        asyncio.run(work_forever(settings, "127.0.0.1", int(port), times=TIMES))


if __name__ == "__main__":
    main(*sys.argv[1:])
