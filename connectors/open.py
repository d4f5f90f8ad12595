"""Which log an installation has."""

from __future__ import annotations

from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from infra.settings import Settings
from schemas.errors import InvalidInput, Violation


def open_log(settings: Settings) -> Log:
    """The log that the settings name: SQLite in the data folder where they name none. InvalidInput for another kind."""
    if not settings.log:
        return SqliteLog(settings.log_path, settings.partitions)
    if settings.log.startswith("kafka://"):
        from connectors.kafka_config import from_settings
        from connectors.kafka_log import KafkaLog

        return KafkaLog(from_settings(settings), settings.partitions)
    known = "leave WAXWING_LOG empty for SQLite in the data folder, or name a cluster as kafka://host:port"
    raise InvalidInput("settings", [Violation("log", f"{settings.log!r} is no known log; {known}")])
