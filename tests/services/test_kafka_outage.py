"""A broker that goes and comes back, and one that lets only those in who prove who they are."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.kafka_topics import check, create
from connectors.log import Progress
from infra.broker import Broker
from infra.broker.node import free_ports
from schemas.errors import LogUnavailable
from schemas.records import Entry
from schemas.topics import CRM, DEFINITIONS

LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and the same with its key: what clients and brokers are given."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker of the tests")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "ca.pem").write_bytes(signed)
    (folder / "broker.pem").write_bytes(key.private_bytes(*pem) + signed)
    return folder / "ca.pem", folder / "broker.pem"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, KafkaConfig]]:
    """A broker of its own with a second listener, SASL_SSL, and how that is reached."""
    folder = tmp_path_factory.mktemp("secured")
    ca, own = certificate(folder)
    [port] = free_ports(1)
    config = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(own),
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{LOGIN} user_ada="right";',
    }
    broker = Broker(folder / "broker", config, listener=f"SASL_SSL://127.0.0.1:{port}")
    broker.start()
    yield (
        broker,
        KafkaConfig(
            f"127.0.0.1:{port}",
            protocol="SASL_SSL",
            ca=str(ca),
            mechanism="PLAIN",
            user="ada",
            password=SecretStr("right"),
        ),
    )
    broker.stop()


def test_both_clients_come_in_over_tls_with_a_password(secured: tuple[Broker, KafkaConfig]) -> None:
    _, config = secured
    mine = replace(config, prefix="safe-")
    create(mine, partitions=4)
    assert check(mine, partitions=4) == []
    log = KafkaLog(mine)
    log.append([Entry(DEFINITIONS, "k", b"v")], Progress("g", {(CRM, 0): 1}))
    assert [r.value for r in log.read(DEFINITIONS, 0, 0)] == [b"v"]
    assert log.committed("g", CRM, 0) == 1
    log.close()


def test_a_wrong_password_or_an_unknown_signer_is_refused_without_showing_the_password(
    secured: tuple[Broker, KafkaConfig],
) -> None:
    _, config = secured
    with pytest.raises(LogUnavailable, match=f"kafka://{config.bootstrap}: list topics") as refused:
        KafkaLog(replace(config, password=SecretStr("guess")), timeout_s=0.5)
    assert "guess" not in str(refused.value)
    with pytest.raises(LogUnavailable, match="list topics"):
        KafkaLog(replace(config, ca=""), timeout_s=0.5)


def test_a_log_outlives_its_broker_and_loses_nothing_that_was_acknowledged(
    secured: tuple[Broker, KafkaConfig], caplog: pytest.LogCaptureFixture
) -> None:
    broker, _ = secured
    config = KafkaConfig(broker.bootstrap, prefix="outage-")
    create(config, partitions=4)
    log = KafkaLog(config, timeout_s=0.7)
    until_it_answers(log, b"before", Progress("g", {(CRM, 0): 1}))
    assert {r.value for r in log.read(DEFINITIONS, 0, 0)} == {b"before"}  # twice where a first try was not answered
    broker.kill()
    for use in (
        lambda: log.append([Entry(DEFINITIONS, "k", b"meanwhile")]),
        lambda: log.append([Entry(DEFINITIONS, "k", b"meanwhile")], Progress("g", {(CRM, 0): 2})),
        lambda: log.read(DEFINITIONS, 0, 10),
        lambda: log.end(DEFINITIONS, 0),
        lambda: log.committed("g", CRM, 0),
    ):
        with pytest.raises(LogUnavailable, match=f"kafka://{broker.bootstrap}"):
            use()
    broker.start()
    until_it_answers(log, b"after")
    values = [r.value for r in log.read(DEFINITIONS, 0, 0)]
    assert values[0] == b"before"
    assert values[-1] == b"after"
    until_it_answers(log, b"moved", Progress("g", {(CRM, 0): 3}))
    assert log.read(DEFINITIONS, 0, 0)[-1].value == b"moved"
    assert log.committed("g", CRM, 0) == 3
    until_it_is_said(log, caplog)
    away, back = (message for message in caplog.messages if broker.bootstrap in message.partition(" is ")[0])
    assert away.startswith(f"kafka://{broker.bootstrap} is away")
    assert re.fullmatch(rf"kafka://{broker.bootstrap} is back; it failed \d+ times in [\d.]+ s", back)
    log.close()


def until_it_is_said(log: KafkaLog, caplog: pytest.LogCaptureFixture) -> None:
    """Ask on until somebody says that the broker is back."""
    deadline = time.monotonic() + 60
    while not any(" is back; it failed" in message for message in caplog.messages):
        assert time.monotonic() < deadline, caplog.messages
        log.end(DEFINITIONS, 0)


def until_it_answers(log: KafkaLog, value: bytes, progress: Progress | None = None) -> None:
    """Append as a caller would that tries again: the clients find the broker again by themselves, within seconds."""
    for _ in range(30):
        try:
            log.append([Entry(DEFINITIONS, "k", value)], progress)
            return
        except LogUnavailable:
            continue
    pytest.fail("the broker is back, the log is not")


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Invalid value none for configuration"):
        Broker(tmp_path, {"node.id": "none"}).start()
