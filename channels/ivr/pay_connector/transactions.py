"""First answers of the Pay connector, kept in Redis (>= 6.2, Valkey, a cluster): ids and words, nothing of a card."""

import json

from redis.asyncio import Redis

from channels.ivr.pay_connector.endpoint import Answer, Busy
from sessions.store.pipeline import redis_errors_as

KEPT_S = 3_600  # Twilio repeats for a minute


class RedisTransactions:
    """Implements channels.ivr.pay_connector.endpoint.Transactions."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, transaction: str) -> bool | Answer:
        claimed, answered = _keys(transaction)
        with redis_errors_as(Busy):
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(claimed, b"1", nx=True, ex=KEPT_S)
            pipe.get(answered)
            ours, answer = await pipe.execute()
        return bool(ours) if answer is None else _read(answer)

    async def keep(self, transaction: str, answer: Answer) -> Answer:
        _, answered = _keys(transaction)
        with redis_errors_as(Busy):
            # a repeat may have lost its patience first: what it was told stays the answer
            if await self._redis.set(answered, json.dumps(answer), nx=True, ex=KEPT_S):
                return answer
            first = await self._redis.get(answered)
        return _read(first) if isinstance(first, bytes) else answer


def _keys(transaction: str) -> tuple[str, str]:
    return f"kh:pay:{{{transaction}}}", f"kh:pay:{{{transaction}}}:answer"


def _read(value: bytes) -> Answer:
    answer: Answer = json.loads(value)
    return answer
