"""Pauses of one module, noted instead of waited for."""

import asyncio
from types import SimpleNamespace

import pytest


def pauses_of(module: str, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, as they are asked for. Of this module alone: asyncio is everybody's, and others sleep meanwhile."""
    paused: list[float] = []

    async def sleep(pause_s: float) -> None:
        paused.append(pause_s)

    monkeypatch.setattr(f"{module}.asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    return paused
