"""What the command line says to every verb: the folder of the demo that is meant, and with it the settings."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path

from khallas.cli.demo_state import environ_at_hand

_named: ContextVar[Path | None] = ContextVar("state", default=None)


def name_state(state: Path | None) -> None:
    """Remember the folder of `khallas --state DIR VERB`."""
    _named.set(state)


def state_named() -> Path | None:
    """The folder that was named, if one was."""
    return _named.get()


def environ() -> Mapping[str, str]:
    """The environment's settings, or those of the demo that runs where they name no database."""
    return environ_at_hand(os.environ, state_named())
