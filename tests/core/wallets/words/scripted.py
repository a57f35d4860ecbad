"""A wallet's connection with its answers written down beforehand; no network."""

import json
from typing import Any

from core.http_peer import HttpReply
from core.wallets.http import HttpAsk, WalletHttp
from core.wallets.port import (
    NotSent,
    UnknownOutcome,
)
from tests.core.scripted_peer import Answer, ScriptedPeer
from tests.core.wallets.attempts import answer

LOST, AWAY = UnknownOutcome("lost"), NotSent("away")
LONG = "x" * 200
TOKEN = HttpReply(200, b'{"access_token": "t1", "expires_in": 3599}')
CALLBACK = "https://pay.example/wallets"


def told(status: int, said: object = None) -> HttpReply:
    made = answer(status, said)
    return HttpReply(made.status, made.body)


def http(*answers: Answer) -> tuple[WalletHttp, ScriptedPeer]:
    made, peer = WalletHttp("http://peer.example"), ScriptedPeer(answers)
    made._peer = peer
    return made, peer


def body_of(ask: HttpAsk) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(ask.body)
    return said
