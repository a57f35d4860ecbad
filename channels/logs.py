"""Logs: one line of JSON (or colours) an event, with a second net that masks anything that could be a card number.

The first net is that card data never reaches a log call (core.cards.Secret); this one is for what nobody thought of.
"""

import logging
import logging.config
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from core.cards import PAN_MAX, PAN_MIN, luhn

_DIGITS = re.compile(rf"(?<!\d)\d(?:[ .\-]?\d){{{PAN_MIN - 1},{PAN_MAX - 1}}}(?!\d)")
_MSISDN = re.compile(r"\+?212([5-8]\d)\d{4}(\d{3})(?!\d)")
MASKED = "[card masked]"


def mask_cards(text: str) -> str:
    """Every run of 13 to 19 digits that passes Luhn, replaced (facts/security.md 6)."""

    def masked(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match[0])
        return MASKED if luhn(digits) else match[0]

    return _DIGITS.sub(masked, text)


def mask_numbers(text: str) -> str:
    """Moroccan MSISDNs without their middle, for INFO and above."""
    return _MSISDN.sub(r"+212\1****\2", text)


def _mask_event(_: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            clean = mask_cards(value)
            event[key] = clean if event.get("level") == "debug" else mask_numbers(clean)
    return event


def configure(level: str, style: str) -> None:
    """Send everything, our own and the libraries', through one formatter to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _mask_event, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("procrastinate", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel("WARNING")
