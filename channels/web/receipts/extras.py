"""Whether the `pdf` extra is installed; asked without importing any of it."""

from importlib.util import find_spec


def pdf() -> bool:
    """PDFs can be made."""
    return find_spec("fpdf") is not None and find_spec("uharfbuzz") is not None


def qr_codes() -> bool:
    """QR codes can be drawn."""
    return find_spec("segno") is not None
