"""Runs the bank: its CRM's records go to topic `crm`, its website's calls to the API, as a customer's would."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import httpx
import msgspec

from connectors.log import Log
from infra.demo.bank import Bank, Happened
from schemas.records import CrmRecord, Entry, encode
from schemas.topics import CRM

_LOG = logging.getLogger(__name__)
_STEP_S = 0.25
_BATCH = 200  # calls in one request, well below Segment's 500 KB


def run(log: Log, base_url: str, write_key: str, bank: Bank, stop: threading.Event) -> None:
    """Feed until `stop` is set; a website that cannot reach the API keeps its calls and tries again."""
    waiting: list[dict[str, object]] = []
    with httpx.Client(base_url=base_url, auth=(write_key, ""), timeout=10) as client:
        _feed(log, client, bank.open_day(log.now()), waiting)
        before = time.monotonic()
        while not stop.wait(_STEP_S):
            now = time.monotonic()
            _feed(log, client, bank.step(log.now(), now - before), waiting)
            before = now


def _feed(log: Log, client: httpx.Client, happened: Happened, waiting: list[dict[str, object]]) -> None:
    log.append(_entries(happened.crm))
    waiting += happened.web
    while waiting:
        part = waiting[:_BATCH]
        try:
            client.post("/v1/batch", content=msgspec.json.encode({"batch": part})).raise_for_status()
        except httpx.HTTPError as e:
            _LOG.warning("the website could not deliver %d calls, and keeps them: %s", len(waiting), e)
            return
        del waiting[: len(part)]


def _entries(records: Sequence[CrmRecord]) -> list[Entry]:
    return [Entry(CRM, record.id, encode(record)) for record in records]
