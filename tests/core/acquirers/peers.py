"""Each acquirer with its stand-in, as one: what the port promises is asked of all of them in the same words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from core.acquirers.breaker import Breaker
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from core.cards import Secret
from core.ports import Acquirer
from lab.cmi import lies as cmi_lies
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.payment_intents import cards
from lab.payment_intents.lies import Asked, Way
from lab.payment_intents.stand import EmulatedGateway, emulated_gateway

PATIENT_S, HASTY_S = 20.0, 0.5


class Peer(Protocol):
    """One acquirer's client and the hand on its stand-in."""

    good: str
    poor: str

    def client(self, timeout_s: float = PATIENT_S, *, key: str | None = None, url: str | None = None) -> Acquirer: ...

    def lie(self, what: str) -> None:
        """Of the next charge: lost_after, lost_before, late, garbage, error_after, wrong_amount; lost_refund."""

    async def hurry(self) -> int: ...

    def settle(self) -> None: ...

    def captured_centimes(self, order_id: str) -> int: ...

    def credited_centimes(self, order_id: str) -> int: ...

    def opened(self, breaker: Breaker) -> Acquirer: ...


CMI_LIES = {
    "lost_after": cmi_lies.Manner.SILENT_AFTER_CHARGING,
    "lost_before": cmi_lies.Manner.SILENT_WITHOUT_CHARGING,
    "late": cmi_lies.Manner.LATE_LANDING,
    "garbage": cmi_lies.Manner.GARBAGE,
    "error_after": cmi_lies.Manner.SERVER_ERROR_AFTER_CHARGING,
    "wrong_amount": cmi_lies.Manner.WRONG_AMOUNT,
    "lost_refund": cmi_lies.Manner.SILENT_AFTER_CHARGING,
}
GATEWAY_LIES = {
    "lost_after": Way.SILENT_AFTER,
    "lost_before": Way.SILENT_BEFORE,
    "late": Way.LATE,
    "garbage": Way.GARBAGE,
    "error_after": Way.ERROR_AFTER,
    "wrong_amount": Way.WRONG_AMOUNT,
    "lost_refund": Way.SILENT_AFTER,
}


@dataclass
class CmiPeer:
    """Implements Peer over CC5."""

    stand: EmulatedCmi
    good: str = "4000000000000010"
    poor: str = "4000009900005102"

    def client(self, timeout_s: float = PATIENT_S, *, key: str | None = None, url: str | None = None) -> CmiAcquirer:
        account = self.stand.account
        account = replace(account, password=Secret(key) if key else account.password, url=url or account.url)
        return CmiAcquirer(account, timeout_s=timeout_s)

    def opened(self, breaker: Breaker) -> CmiAcquirer:
        return CmiAcquirer(self.stand.account, breaker=breaker)

    def lie(self, what: str) -> None:
        on = frozenset({cmi_lies.Kind.CREDIT}) if what == "lost_refund" else frozenset({cmi_lies.Kind.AUTH})
        self.stand.lie(CMI_LIES[what], on=on, seconds=600.0)

    async def hurry(self) -> int:
        return await self.stand.gateway.hurry()

    def settle(self) -> None:
        self.stand.ledger.settle(self.stand.gateway.bank.now())

    def captured_centimes(self, order_id: str) -> int:
        return self.stand.captured_centimes(order_id)

    def credited_centimes(self, order_id: str) -> int:
        return self.stand.ledger.credited_centimes(order_id)


@dataclass
class GatewayPeer:
    """Implements Peer over PaymentIntents."""

    stand: EmulatedGateway
    good: str = cards.APPROVED
    poor: str = cards.NO_MONEY

    def client(
        self, timeout_s: float = PATIENT_S, *, key: str | None = None, url: str | None = None
    ) -> PaymentIntentsAcquirer:
        account = self.stand.account
        account = replace(account, key=Secret(key) if key else account.key, url=url or account.url)
        return PaymentIntentsAcquirer(account, timeout_s=timeout_s)

    def opened(self, breaker: Breaker) -> PaymentIntentsAcquirer:
        return PaymentIntentsAcquirer(self.stand.account, breaker=breaker)

    def lie(self, what: str) -> None:
        # the client asks once more under the same key: both answers are lost
        times = 2 if what in {"lost_before", "late"} else 1
        way = GATEWAY_LIES[what]
        if what == "lost_after":
            self.stand.gateway.lies.add(way, Asked.CONFIRM)
            self.stand.gateway.lies.add(Way.SILENT_AFTER, Asked.RETRIEVE)
        elif what == "lost_refund":
            self.stand.gateway.lies.add(way, Asked.REFUND)
        else:
            self.stand.gateway.lies.add(way, Asked.CONFIRM, times=times)

    async def hurry(self) -> int:
        return await self.stand.gateway.hurry()

    def settle(self) -> None:
        """This gateway refunds at once."""

    def captured_centimes(self, order_id: str) -> int:
        return self.stand.books.captured_centimes(order_id)

    def credited_centimes(self, order_id: str) -> int:
        return self.stand.books.credited_centimes(order_id)


@asynccontextmanager
async def cmi_peer() -> AsyncIterator[CmiPeer]:
    async with emulated_cmi() as stand:
        yield CmiPeer(stand)


@asynccontextmanager
async def gateway_peer() -> AsyncIterator[GatewayPeer]:
    async with emulated_gateway() as stand:
        yield GatewayPeer(stand)
