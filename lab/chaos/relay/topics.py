"""A topic made and read whole, by aiokafka's own clients."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from channels.carriers.kafka.account import KafkaAccount
from channels.carriers.kafka.log import tls_of
from lab.chaos.relay.judging import Consumed

READ_MAX_MS = 1_000
EMPTY_READS_MAX = 20


async def make_topic(broker: str, topic: str, partitions: int, client_of: KafkaAccount | None = None) -> None:
    """Makes a topic of so many partitions. `client_of`: whose TLS is spoken."""
    tls = {"security_protocol": "SSL", "ssl_context": tls_of(client_of)} if client_of else {}
    admin = AIOKafkaAdminClient(bootstrap_servers=client_of.brokers[0] if client_of else broker, **tls)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await admin.close()


async def read_all(broker: str, topic: str, partitions: int) -> list[Consumed]:
    """Every message from the first to the last that is there now, each partition's in its order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        found: list[Consumed] = []
        left, empty = {place for place in places if ends[place]}, 0
        while left and empty < EMPTY_READS_MAX:
            batch = await consumer.getmany(*left, timeout_ms=READ_MAX_MS)
            empty = 0 if batch else empty + 1
            for place, records in batch.items():
                found += [
                    Consumed(
                        place.partition,
                        each.offset,
                        (each.key or b"").decode(),
                        {name: value.decode() for name, value in each.headers},
                        each.value or b"",
                    )
                    for each in records
                ]
                if records and records[-1].offset + 1 >= ends[place]:
                    left.discard(place)
        return found
    finally:
        await consumer.stop()
