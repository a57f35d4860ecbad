"""A peer without a network: what it answers is written down beforehand, what it was sent can be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from yarl import URL

from core.http_peer import HttpPeer, HttpReply
from core.ports import NotSent, UnknownOutcome

Answer = HttpReply | NotSent | UnknownOutcome


@dataclass(frozen=True, slots=True)
class Sent:
    """One request."""

    method: str
    url: URL
    headers: Mapping[str, str]
    params: Mapping[str, str]
    data: Mapping[str, str] | bytes
    timeout_s: float | None


class ScriptedPeer(HttpPeer):
    """In the place of a client's peer: each request takes the next answer."""

    def __init__(self, answers: Iterable[Answer], url: str = "http://peer.example", timeout_s: float = 30) -> None:
        super().__init__(url, headers={}, timeout_s=timeout_s, connections_max=1, answer_bytes_max=1)
        self.answers = list(answers)
        self.sent: list[Sent] = []

    async def send(
        self,
        method: str,
        url: URL | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        self.sent.append(Sent(method, url or self.url, headers or {}, params or {}, data or {}, timeout_s))
        return self.answers.pop(0)
