"""Several ways out behind one Texter: in order, each at its own rate, the next one when a way certainly sent nothing.

A message that may have been sent stays with that way; one that was accepted is never sent again (protocols/sms.md). The
queue is core's outbox: what is busy or away here comes back from there.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from channels.sms.deduplication import AWAY_S, MemoryDown
from channels.sms.outbound.attempts import GatewayAccepted, SendAttempts, Trying
from channels.sms.outbound.token_bucket import Bucket
from core.ports import DeliveryFailed, OutgoingSms, Texter

log = logging.getLogger(__name__)

BUSY_S = 5.0


@dataclass(frozen=True, slots=True)
class SmsRoute:
    """A way for messages. `reply_only` ways carry answers to questions that came by them, and nothing else."""

    name: str
    texter: Texter
    per_s: float | None = None
    reply_only: bool = False


class Routes:
    """Implements core.ports.Texter over several ways."""

    def __init__(self, routes: Sequence[SmsRoute], sends: SendAttempts) -> None:
        self._routes = {route.name: route for route in routes}
        self._buckets = {route.name: Bucket(route.per_s) for route in routes if route.per_s}
        self._sends = sends

    def ways(self) -> list[str]:
        """Names in order, those that only carry replies in brackets: for the log at the start."""
        return [f"({route.name})" if route.reply_only else route.name for route in self._routes.values()]

    async def send(self, sms: OutgoingSms) -> str:
        """The provider's id. Raises DeliveryFailed."""
        try:
            known = await self._sends.known(sms.reference)
            if isinstance(known, GatewayAccepted):
                return known.provider_id
            if isinstance(known, Trying) and known.route in self._routes:
                return await self._send(sms, self._routes[known.route])
            return await self._try(sms)
        except MemoryDown as error:
            raise DeliveryFailed("Redis is away", retryable=True, again_in_s=AWAY_S) from error

    def _ways(self, sms: OutgoingSms) -> list[SmsRoute]:
        own = self._routes.get(sms.route or "")
        others = [route for route in self._routes.values() if route is not own and not route.reply_only]
        return [own, *others] if own else others

    async def _try(self, sms: OutgoingSms) -> str:
        failures: list[DeliveryFailed] = []
        for route in self._ways(sms):
            try:
                return await self._send(sms, route)
            except DeliveryFailed as error:
                log.info("message %s: not by %s: %s", sms.reference, route.name, error)
                if error.maybe_sent:
                    raise
                await self._sends.forget(sms.reference)
                if not error.retryable:
                    raise
                failures.append(error)
        why = "; ".join(str(error) for error in failures) or "no way out is set up"
        pauses_s = [error.again_in_s for error in failures if error.again_in_s is not None]
        only_busy = len(pauses_s) == len(failures) and pauses_s
        raise DeliveryFailed(why, retryable=True, again_in_s=min(pauses_s) if only_busy else None)

    async def _send(self, sms: OutgoingSms, route: SmsRoute) -> str:
        bucket = self._buckets.get(route.name)
        if bucket is not None and not await bucket.take(urgent=sms.urgent):
            raise DeliveryFailed(f"{route.name} is at its rate", retryable=True, again_in_s=BUSY_S)
        await self._sends.trying(sms.reference, route.name)
        provider_id = await route.texter.send(sms)
        with suppress(MemoryDown):  # sent is sent: the outbox writes it down as well
            await self._sends.accepted(sms.reference, provider_id)
        return provider_id
