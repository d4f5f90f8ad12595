"""How a Kafka cluster is reached: one description, in the words of each of the two clients."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NoReturn

from pydantic import SecretStr

from connectors.kafka_link import link
from infra.settings import Settings
from schemas.errors import InvalidInput, LogUnavailable, Violation

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SCHEME: Final = "kafka://"
_SERVERS: Final = re.compile(r"[^\s,/:@]+:\d{1,5}(,[^\s,/:@]+:\d{1,5})*")


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """A cluster's addresses and how to be let in. `prefix` stands before the name of each topic, for a shared cluster.

    `ca`, `certificate` and `key` are PEM files; empty `ca` means the system's. `mechanism` is PLAIN, SCRAM-SHA-256 or
    SCRAM-SHA-512.
    """

    bootstrap: str
    prefix: str = ""
    protocol: Protocol = "PLAINTEXT"
    ca: str = ""
    certificate: str = ""
    key: str = ""
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))

    def name(self, topic: str) -> str:
        """What the topic is called on the cluster."""
        return self.prefix + topic

    def librdkafka(self, **more: Any) -> dict[str, Any]:
        """Properties for confluent-kafka's clients, `a_b` standing for `a.b`."""
        wanted = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.protocol,
            "ssl.ca.location": self.ca,
            "ssl.certificate.location": self.certificate,
            "ssl.key.location": self.key,
            **(self._sasl() if self.protocol.startswith("SASL") else {}),
            "client.id": "waxwing",
            "logger": link(self.bootstrap),
            "reconnect.backoff.max.ms": 1_000,
            **{name.replace("_", "."): value for name, value in more.items()},
        }
        return {name: value for name, value in wanted.items() if value != ""}

    def kafka_python(self) -> dict[str, Any]:
        """Arguments for kafka-python's clients."""
        wanted: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": self.protocol,
            "client_id": "waxwing",
            "bootstrap_timeout_ms": 10_000,
            "ssl_cafile": self.ca,
            "ssl_certfile": self.certificate,
            "ssl_keyfile": self.key,
        }
        if self.protocol.startswith("SASL"):
            wanted |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return {name: value for name, value in wanted.items() if value != ""}

    def unavailable(self, what: str, cause: object) -> LogUnavailable:
        """The error that says what could not be done, and on which cluster."""
        return LogUnavailable(f"{SCHEME}{self.bootstrap}: {what}: {cause}")

    def _sasl(self) -> dict[str, str]:
        return {
            "sasl.mechanism": self.mechanism,
            "sasl.username": self.user,
            "sasl.password": self.password.get_secret_value(),
        }


def from_settings(settings: Settings) -> KafkaConfig:
    """The cluster that the settings name. InvalidInput with every fault."""
    bootstrap = settings.log.removeprefix(SCHEME)
    faults = []
    if not _SERVERS.fullmatch(bootstrap):
        faults.append(Violation("log", f"{settings.log!r} is not kafka://host:port[,host:port]"))
    if settings.kafka_protocol.startswith("SASL") and not settings.kafka_user:
        faults.append(Violation("kafka_user", f"{settings.kafka_protocol} needs a user and its password"))
    if faults:
        raise InvalidInput("settings", faults)
    return KafkaConfig(
        bootstrap,
        settings.kafka_prefix,
        settings.kafka_protocol,
        settings.kafka_ca,
        settings.kafka_certificate,
        settings.kafka_key,
        settings.kafka_mechanism,
        settings.kafka_user,
        settings.kafka_password,
    )


def refuse_create_time(topic: str) -> NoReturn:
    """A record came with a time that its producer chose: rule 1 does not hold for its topic."""
    right = "message.timestamp.type must be LogAppendTime; `waxwing topics --create` sets it"
    raise InvalidInput(f"topic {topic}", [Violation("message.timestamp.type", right)])
