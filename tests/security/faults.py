"""An exception at each await in turn: whatever Redis, PostgreSQL and the bank are asked while a card is in our hands.

The worst one: its words quote what was asked. Each caller has an await of their own that breaks, so that all call at
once; what runs beside the calls is left alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from channels.ivr.pay_connector.endpoint import Connector
from channels.ivr.pay_connector.transactions import RedisTransactions
from channels.limits import RedisCardLimits
from core.acquirers.cmi import CmiAcquirer
from core.database.pool import Database
from sessions.store.pipeline import Pipelined
from sessions.turn.turns import Inbound, Turns

ASKED = ((Pipelined, "do"), (Database, "_run"), (CmiAcquirer, "_ask"))
BY_CONNECTOR = (*ASKED, (RedisTransactions, "claim"), (RedisTransactions, "keep"))
AWAITS_MAX = 100
NEVER = 0


class OneCardForAll(RedisCardLimits):
    """So many calls pay by one card, each of which breaks elsewhere."""

    CARD_SENT, CARD_DAY_SENT, CARD_ALL_SENT = AWAITS_MAX, AWAITS_MAX, AWAITS_MAX


@dataclass
class Broken:
    """What one caller's requests awaited; the `at`-th breaks, from 1."""

    at: int
    names: list[str] = field(default_factory=list)

    @property
    def struck(self) -> bool:
        return 0 < self.at <= len(self.names)


def told(args: tuple[object, ...]) -> str:
    """What nobody should ever put into an exception's words."""
    return " ".join(str(getattr(each, "reveal", lambda each=each: repr(each))()) for each in args)


@contextmanager
def faults() -> Iterator[dict[str, Broken]]:
    """By caller, or by call for what is posted to the Pay connector; whoever is not in it meets none."""
    callers: dict[str, Broken] = {}
    current: ContextVar[Broken | None] = ContextVar("broken", default=None)
    take, hang_up, answer = Turns.take, Turns.hang_up, Connector.answer

    async def taken(self: Turns, heard: Inbound, *args: Any) -> Any:
        current.set(callers.get(heard.msisdn))
        return await take(self, heard, *args)

    async def hung_up(self: Turns, dialog: str, msisdn: str, *args: Any) -> None:
        current.set(callers.get(msisdn))
        await hang_up(self, dialog, msisdn, *args)

    async def answered(self: Connector, asked: Any) -> Any:
        current.set(callers.get(asked.parameters.get("call", "")))
        return await answer(self, asked)

    def breaking(owner: type, name: str) -> Any:
        work = getattr(owner, name)

        async def asked(self: object, *args: Any) -> Any:
            broken = current.get()
            if broken is not None:
                broken.names.append(name)
                if len(broken.names) == broken.at:
                    raise ValueError(f"cannot {name} {told(args)}")
            return await work(self, *args)

        return asked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Turns, "take", taken)
        patch.setattr(Turns, "hang_up", hung_up)
        patch.setattr(Connector, "answer", answered)
        for owner, name in BY_CONNECTOR:
            patch.setattr(owner, name, breaking(owner, name))
        yield callers
