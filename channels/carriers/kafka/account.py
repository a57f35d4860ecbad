"""How the relay reaches a Kafka cluster, and what it calls things there. Pure."""

from dataclasses import dataclass, field

PAYMENTS = "payment"  # what events are about: of a payment and of its bills, in one topic, for order holds in one alone


@dataclass(frozen=True, slots=True)
class KafkaAccount:
    """A cluster's addresses and our login there. `source` is the CloudEvents source of all our events."""

    brokers: tuple[str, ...]
    topic_prefix: str
    source: str
    client_id: str
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    sasl: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    idempotence: bool = True
    full_numbers: bool = False
    batch_bytes: int = 131_072
    timeout_s: float = 10.0

    @property
    def topic(self) -> str:
        """The topic of payments' events."""
        return self.topic_prefix + PAYMENTS

    @property
    def protocol(self) -> str:
        """Kafka's own word for TLS or not and a login or not."""
        return ("SASL_" if self.sasl else "") + ("SSL" if self.tls else "PLAINTEXT")
