"""The settings of `khallas relay`: the Kafka cluster that events are put into."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from khallas.settings.parts import Names, SettingsPart

TOPIC_CHARACTERS = r"^[a-zA-Z0-9._-]{0,200}$"


class RelaySettings(SettingsPart):
    """Events out, into Kafka (`khallas relay`, docs/guides/events-kafka.md)."""

    brokers: Names = Field((), description="comma list of host:9092, some of the cluster's; () = no relay")
    topic_prefix: str = Field(
        "khallas.", pattern=TOPIC_CHARACTERS, description="before the topics' names: khallas.payment"
    )
    source: str = Field("", description="ce_source of all events, a URI; empty: the public URL")
    client_id: str = Field("khallas-relay", pattern=r"^[\x21-\x7e]{1,100}$", description="our name at the brokers")
    tls: bool = Field(False, description="speak TLS; the brokers' names are verified")
    ca: str = Field("", description="who signed the brokers' certificates, PEM; empty: whom the system trusts")
    certificate: str = Field("", description="our own certificate, PEM, where brokers ask for one")
    certificate_key: str = Field("", description="its key, PEM")
    sasl: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "", description="login: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; empty: none"
    )
    username: str = Field("", description="our user there")
    password: SecretStr = Field(SecretStr(""), description="its password")
    idempotence: bool = Field(True, description="0 for brokers that know no idempotent producers")
    full_numbers: bool = Field(False, description="payer and line unmasked: only where the law lets you (09-08)")
    batch_events: int = Field(2_000, ge=1, le=20_000, description="events of one page, acknowledged before the next")
    batch_bytes: int = Field(131_072, ge=4_096, le=900_000, description="of one batch; below the brokers' message.max")
    timeout_s: float = Field(10.0, ge=1, le=60, description="seconds to wait for the brokers' word on a page")

    @model_validator(mode="after")
    def _addresses_and_login_are_whole(self) -> Self:
        for broker in self.brokers:
            host, _, port = broker.rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
                raise ValueError("brokers are written host:9092")
        if self.sasl and not (self.username and self.password.get_secret_value()):
            raise ValueError("username and password belong to a login")
        if self.certificate_key and not self.certificate:
            raise ValueError("certificate belongs to its key")
        return self
