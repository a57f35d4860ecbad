"""The relay, joined: the cursor and what lies behind it, Kafka, the metrics; and what it refuses to start without."""

import os
import socket
from collections.abc import Iterator
from uuid import uuid4

from channels.carriers.kafka.account import KafkaAccount
from channels.carriers.kafka.log import KafkaLog, RelayNotInstalled
from core.database.events.stream import PgStreamBooks
from core.database.pool import Database
from core.events.stream import EventStream, StreamWatch
from core.ports import Clock
from khallas.bootstrap.events import linking
from khallas.settings.model import PREFIX, BadSettings, Settings
from khallas.settings.strength.found import weak_secrets
from khallas.settings.strength.ways import way_faults

OWN = ("DATABASE_URL", "RELAY__")


def account_of(settings: Settings) -> KafkaAccount:
    """The cluster and our login there. Raises BadSettings where none is set."""
    relay = settings.relay
    if not relay.brokers:
        raise BadSettings(f"{PREFIX}RELAY__BROKERS is missing: events go there")
    source = relay.source or settings.public_url
    if not source:
        raise BadSettings(f"{PREFIX}RELAY__SOURCE is missing: consumers know events by it")
    return KafkaAccount(
        brokers=relay.brokers,
        topic_prefix=relay.topic_prefix,
        source=source,
        client_id=relay.client_id,
        tls=relay.tls,
        ca_file=relay.ca,
        certificate_file=relay.certificate,
        key_file=relay.certificate_key,
        sasl=relay.sasl,
        username=relay.username,
        password=relay.password.get_secret_value(),
        idempotence=relay.idempotence,
        full_numbers=relay.full_numbers,
        batch_bytes=relay.batch_bytes,
        timeout_s=relay.timeout_s,
    )


def require_relay(settings: Settings) -> None:
    """Refuses what is unfit for production of what a relay uses: it needs no key, no Redis and no bank. Raises
    BadSettings.
    """
    faults = list(_faults(settings))
    if faults:
        raise BadSettings("\n".join(f"{PREFIX}{fault}" for fault in faults))


def log_of(settings: Settings) -> KafkaLog:
    """Builds the log. Raises BadSettings."""
    try:
        return KafkaLog(account_of(settings))
    except RelayNotInstalled as error:
        raise BadSettings(str(error)) from None
    except OSError as error:  # ssl.SSLError is one
        raise BadSettings(f"{PREFIX}RELAY__: a certificate's file cannot be read ({type(error).__name__})") from None


def stream_on(
    database: Database,
    settings: Settings,
    clock: Clock,
    out: KafkaLog,
    watch: StreamWatch,
    *,
    lease_s: float | None = None,
) -> EventStream:
    """Builds the relay. `lease_s`: shorter than it is in life (chaos)."""
    return EventStream(
        PgStreamBooks(database),
        out,
        watch,
        clock,
        linking(database, clock),
        holder=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
        page_max=settings.relay.batch_events,
        put_max_s=settings.relay.timeout_s,
        lease_s=lease_s,
    )


def _faults(settings: Settings) -> Iterator[str]:
    if not settings.database_url.get_secret_value():
        yield "DATABASE_URL is missing"
    yield from (fault for fault in (*weak_secrets(settings), *way_faults(settings)) if fault.startswith(OWN))
