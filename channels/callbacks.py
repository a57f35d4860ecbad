"""Our own reference inside the URL that a gateway reports to: it comes back whatever became of the answer. Pure."""

from urllib.parse import urlencode

REFERENCE_PARAM = "ref"
REFERENCE_CHARS_MAX = 128


def with_reference(url: str, reference: str) -> str:
    """The URL that carries the reference back."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({REFERENCE_PARAM: reference})}"
