"""Our own reference inside the URL that a gateway reports to: it comes back whatever became of the answer. Pure."""

import re
from urllib.parse import urlencode

from channels.wire import Malformed

REFERENCE_PARAM = "ref"
REFERENCE_CHARS_MAX = 128
_REFERENCE = re.compile(rf"[!-~]{{1,{REFERENCE_CHARS_MAX}}}")


def with_reference(url: str, reference: str) -> str:
    """The URL that carries the reference back."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({REFERENCE_PARAM: reference})}"


def reference_in(told: str) -> str:
    """The reference that came back, which is ours and so is plain text. Raises Malformed."""
    if _REFERENCE.fullmatch(told) is None:
        raise Malformed("the reference is none of ours")
    return told
