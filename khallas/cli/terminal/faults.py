"""What went wrong, in one sentence for the person at the terminal. Pure."""

import re

BODY_SHOWN_MAX = 120
_STATUS = re.compile(r"[A-Z]+ \S+: (\d{3}) (.*)")
_RAISED = re.compile(r"[A-Z]+ \S+: (\w+)\(")


class Failed(Exception):
    """The command cannot go on; the words are the whole message. Exit code 1."""


def explain(error: str, url: str, key: str) -> Failed:
    """A failed webhook's message (lab/twilio/webhooks.py) explained. `key`: what to check when the server refuses."""
    if answered := _STATUS.match(error):
        return Failed(_status(int(answered[1]), answered[2].strip()[:BODY_SHOWN_MAX], url, key))
    if raised := _RAISED.match(error):
        if "Timeout" in raised[1]:
            return Failed(f"{url} did not answer in time")
        return Failed(f"no answer from {url}: is Khallas running there (./run demo)?")
    return Failed(f"{url} answered what no gateway would take: {error}")


def _status(status: int, body: str, url: str, key: str) -> str:
    if status in {401, 403}:
        return f"{url} refused the request ({status}): {key}"
    if status == 404:
        return f"{url} has no such door (404): is this a Khallas server, and the wire enabled?"
    if status < 500:
        return f"{url} did not take the request ({status}{': ' + body if body else ''})"
    return f"{url} failed ({status}): its log says why"
