"""The verify role: recomputes every segment from history, every `verify_every`, and says what differs."""

from __future__ import annotations

import logging
import threading
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from api.verifier import Verifier, reason
from connectors.open import open_log
from infra.settings import Settings
from schemas.times import parse_duration
from sinks.clickhouse import connect
from sinks.past_store import PastStore
from sinks.snapshot_store import SnapshotStore

_LOG: Final = logging.getLogger(__name__)


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. Where ClickHouse is embedded, only in the process that has it."""
    every_s = parse_duration(settings.verify_every) / 1000
    if not every_s:
        stop.wait()
        return
    log, clickhouse = open_log(settings), connect(settings)
    past = PastStore(settings.files_url)
    verifier = Verifier(log, clickhouse.query, SnapshotStore(settings.files_url).get, past.get)
    try:
        while not stop.wait(every_s):
            _verify(verifier, stop)
    finally:
        past.close()
        clickhouse.close()
        log.close()


def _verify(verifier: Verifier, stop: threading.Event) -> None:
    try:
        report = verifier.run(stop.wait)
    except (ClickHouseError, OSError) as fault:
        _LOG.warning("segments could not be verified now: %s", reason(fault))
        return
    text = "verified %d segments: %d mismatches, %d too young, %d failed"
    _LOG.info(text, len(report.segments), report.mismatches, len(report.young), len(report.failed))
