"""Topics of a cluster as Waxwing needs them: made, mended, checked. Administration goes through kafka-python."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from connectors.kafka_append import MAX_BYTES
from connectors.kafka_config import KafkaConfig
from schemas.errors import Violation
from schemas.topics import DEFINITIONS, NAMES, TOPICS

DAY_MS: Final = 86_400_000
MONTH_DAYS: Final = 30  # what is erased must be gone from the log within the legal month
RETENTION_DAYS: Final = 25
_FOR_EVER: Final = -1
_HEARD_S: Final = 10.0
_POLL_S: Final = 0.02
_STAMPED: Final = "message.timestamp.type"
_RETENTION: Final = "retention.ms"
_BYTES: Final = "max.message.bytes"


def create(config: KafkaConfig, partitions: int, retention_days: int = RETENTION_DAYS, replicas: int = -1) -> list[str]:
    """Make the topics that are missing and set what must be set; the names of those that were touched.

    `replicas` -1 leaves their number to the cluster. From 3 on, a record is acknowledged by 2 at least.
    """
    wanted = {config.name(topic): settings(topic, retention_days, replicas) for topic in NAMES}
    counts = {config.name(topic.name): 1 if topic.single else partitions for topic in TOPICS}
    with _admin(config) as admin:
        there = set(admin.list_topics()).intersection(wanted)
        new = {
            name: {"num_partitions": counts[name], "replication_factor": replicas, "configs": wanted[name]}
            for name in wanted
            if name not in there
        }
        if new:
            admin.create_topics(new, wait_for_metadata=True)
        found = _settings(admin, sorted(there))
        differing = {name: wanted[name] for name in there if not wanted[name].items() <= found[name].items()}
        if differing:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, n, c) for n, c in differing.items()])
            _wait_until_set(admin, differing)
    return [*new, *differing]


@contextmanager
def filling(config: KafkaConfig) -> Iterator[None]:
    """Meanwhile the topics keep the times that their records come with; afterwards the broker stamps them again."""
    with _admin(config) as admin:
        _stamp(admin, config, "CreateTime")
        try:
            yield
        finally:
            _stamp(admin, config, "LogAppendTime")


def _stamp(admin: Any, config: KafkaConfig, kind: str) -> None:
    """All that we set goes along: what is left out would fall back to the cluster's default."""
    kept = settings("", 1, replicas=3).keys()
    found = _settings(admin, [config.name(topic) for topic in NAMES])
    wanted = {name: {k: v for k, v in of.items() if k in kept} | {_STAMPED: kind} for name, of in found.items()}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, n, c) for n, c in wanted.items()])
    _wait_until_set(admin, wanted)


def check(config: KafkaConfig, partitions: int) -> list[Violation]:
    """What is wrong with the topics: missing, other partitions, times that are not the log's, a wrong retention."""
    faults: list[Violation] = []
    with _admin(config) as admin:
        there = set(admin.list_topics())
        names = [config.name(topic) for topic in NAMES if config.name(topic) in there]
        counts = {t["name"]: len(t["partitions"]) for t in admin.describe_topics(names)} if names else {}
        found = _settings(admin, names)
    for topic in TOPICS:
        name = config.name(topic.name)
        if name not in counts:
            faults.append(Violation(name, "is not there; `waxwing topics --create` makes it"))
        else:
            faults += _faults(topic.name, name, counts[name], 1 if topic.single else partitions, found[name])
    return faults


def groups(config: KafkaConfig) -> list[tuple[str, str, int, int]]:
    """Every consumer group's progress in Waxwing's topics: (group, topic, partition, next offset), in this order."""
    ours = {config.name(topic): topic for topic in NAMES}
    with _admin(config) as admin:
        names = [group["group_id"] for group in admin.list_groups() if group["group_id"].startswith(config.prefix)]
        offsets = admin.list_group_offsets(names) if names else {}
    return sorted(
        (group.removeprefix(config.prefix), ours[place.topic], place.partition, position.offset)
        for group, places in offsets.items()
        for place, position in places.items()
        if place.topic in ours
    )


def settings(topic: str, retention_days: int, replicas: int = -1) -> dict[str, str]:
    """A topic's settings: the broker stamps its records; `definitions` is kept for ever, the others so many days."""
    retention = _FOR_EVER if topic == DEFINITIONS else retention_days * DAY_MS
    wanted = {
        _STAMPED: "LogAppendTime",
        "cleanup.policy": "delete",
        _RETENTION: str(retention),
        "retention.bytes": str(_FOR_EVER),
        _BYTES: str(MAX_BYTES + 4_096),
    }
    return wanted | ({"min.insync.replicas": "2"} if replicas >= 3 else {})


def _faults(topic: str, name: str, there: int, asked: int, found: dict[str, str]) -> Iterator[Violation]:
    if there != asked:
        right = f"WAXWING_PARTITIONS={there} fits; their number cannot change, or keys would move"
        yield Violation(f"{name}.partitions", f"it has {there}, not {asked}; {right}")
    if found[_STAMPED] != "LogAppendTime":
        yield Violation(f"{name}.{_STAMPED}", f"is {found[_STAMPED]}, must be LogAppendTime")
    if found["cleanup.policy"] != "delete":
        yield Violation(f"{name}.cleanup.policy", f"is {found['cleanup.policy']}, must be delete")
    if int(found[_BYTES]) < MAX_BYTES:
        yield Violation(f"{name}.{_BYTES}", f"is {found[_BYTES]}, must be {MAX_BYTES} at least")
    retention = int(found[_RETENTION])
    if topic == DEFINITIONS and (retention != _FOR_EVER or int(found["retention.bytes"]) != _FOR_EVER):
        yield Violation(f"{name}.{_RETENTION}", "must be kept for ever: retention.ms and retention.bytes -1")
    if topic != DEFINITIONS and not 0 < retention < MONTH_DAYS * DAY_MS:
        right = f"must be below {MONTH_DAYS} days, so that what is erased is gone within the legal month"
        yield Violation(f"{name}.{_RETENTION}", f"is {retention:,} ms, {right}")


def _settings(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    """All settings of each topic, as text."""
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = admin.describe_configs(asked, config_filter="all")["topic"]
    return {name: {key: str(entry["value"]) for key, entry in of.items()} for name, of in found.items()}


def _wait_until_set(admin: Any, wanted: Mapping[str, dict[str, str]]) -> None:
    """A controller answers before every broker has heard of it."""
    until = time.monotonic() + _HEARD_S
    while time.monotonic() < until:
        found = _settings(admin, sorted(wanted))
        if all(wanted[name].items() <= found[name].items() for name in wanted):
            return
        time.sleep(_POLL_S)


@contextmanager
def _admin(config: KafkaConfig) -> Iterator[Any]:
    """A client for administration; what it cannot do is LogUnavailable."""
    try:
        admin = KafkaAdminClient(**config.kafka_python())
        try:
            yield admin
        finally:
            admin.close()
    except KafkaError as fault:
        raise config.unavailable("administration", fault) from fault
