"""Kafka and the relay that puts events there."""

from datetime import UTC, datetime

from channels.carriers.kafka.log import KafkaLog, RelayNotInstalled
from core.database.events.stream import PgStreamBooks
from core.database.pool import Database
from core.events.stream import BrokerAway
from khallas.bootstrap.relay import account_of
from khallas.doctor.finding import CheckFailed, NotSetUp
from khallas.settings.model import Settings

LATE_MAX_S = 300
GUIDE = "docs/guides/events-kafka.md"


async def relay(settings: Settings, database: Database, *, late_max_s: float = LATE_MAX_S) -> str:
    """A broker answers, the topic is there, and nothing has waited too long for the relay. Raises CheckFailed,
    NotSetUp, DatabaseUnavailable.
    """
    if not settings.relay.brokers:
        raise NotSetUp("no KHALLAS_RELAY__BROKERS")
    try:
        out = KafkaLog(account_of(settings))
    except RelayNotInstalled as error:
        raise CheckFailed(str(error), "install requirements/relay.lock where `khallas relay` runs") from None
    try:
        partitions = await out.partitions()
    except BrokerAway as error:
        raise CheckFailed(str(error), f"look at the cluster, then at KHALLAS_RELAY__… ({GUIDE})") from None
    finally:
        await out.aclose()
    stands = await PgStreamBooks(database).stands()
    if stands is None:
        raise CheckFailed("no relay ever began", "start `khallas relay`")
    waited_s = (datetime.now(UTC) - stands["since"]).total_seconds() if stands["since"] else 0.0
    if waited_s > late_max_s:
        who = "a relay holds the cursor" if stands["held"] else "no relay runs"
        raise CheckFailed(
            f"{stands['events']} events wait for {waited_s:.0f} s, and {who}", f"its log says why ({GUIDE})"
        )
    return f"{settings.relay.topic_prefix}payment, {partitions} partitions, {stands['events']} events wait"
