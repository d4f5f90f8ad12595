"""The judge of a whole installation: log, fold, provider, ledger, archive and models, each held against the log."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.crm_mapping import Mapper, mapping_of, read_record
from connectors.log import Log
from connectors.segment_spec import entry_of
from flows.definitions.catalogue import Catalogue
from flows.delivery.ledger import NEVER, Standing, fold
from schemas.records import decode_attempt, decode_definition, decode_event, decode_send
from schemas.topics import ATTEMPTS, CRM, DEFINITIONS, EVENTS, SENDS
from sinks.clickhouse import ClickHouse
from tests.recovery.judge import Verdict, judge, read_all


@dataclass
class WholeVerdict:
    """Everything that is not as it should be; all empty where nothing was lost, sent twice or different."""

    fold: Verdict
    unmapped: list[str] = field(default_factory=list)  # events that acknowledged records of the CRM should be
    twice: list[str] = field(default_factory=list)  # sends that the provider accepted twice
    untold: list[str] = field(default_factory=list)  # accepted by the provider, and the ledger does not say so
    identity: str = ""  # planned = sent + skipped + failed + unknown + queued, where it does not hold
    archive: list[str] = field(default_factory=list)  # partitions of which ClickHouse holds something else
    models: list[str] = field(default_factory=list)  # versions of a model with two bodies
    standings: Counter[str] = field(default_factory=Counter)

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        wrong = (self.unmapped, self.twice, self.untold, self.identity, self.archive, self.models)
        return self.fold.is_equal and not any(wrong)

    def report(self) -> dict[str, Any]:
        """What `make chaos` counts, and what was compared."""
        f = self.fold
        return {
            "lost": len(f.lost) + len(f.missing) + len(self.unmapped) + len(self.untold) + len(self.archive),
            "duplicated": len(f.extra) + len(self.twice),
            "diverged": len(f.different) + len(f.states) + len(self.models) + bool(self.identity),
            "unknown": self.standings["unknown"],
            "compared": f.compared,
            "standings": dict(self.standings),
            "identity": self.identity,
        }


def judge_whole(
    log: Log, state: Path, acknowledged: set[str], crm: set[tuple[int, int]], sandbox: Path, clickhouse: ClickHouse
) -> WholeVerdict:
    """Compare; every role but ClickHouse must have ended well."""
    verdict = WholeVerdict(judge(log, state, acknowledged))
    verdict.unmapped = sorted(_mapped(log, crm) - _event_ids(log))
    _judge_delivery(log, sandbox, verdict)
    _judge_archive(log, clickhouse, verdict)
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for record in read_all(log, DEFINITIONS, 0):
        definition = decode_definition(record.value)
        if definition.by == "learning":
            bodies[f"{definition.id} {definition.version}"].add(record.value)
    verdict.models = sorted(version for version, found in bodies.items() if len(found) > 1)
    return verdict


def _event_ids(log: Log) -> set[str]:
    records = (r for n in range(log.partitions(EVENTS)) for r in read_all(log, EVENTS, n))
    return {decode_event(record.value).id for record in records}


def _mapped(log: Log, acknowledged: set[tuple[int, int]]) -> set[str]:
    """Ids of the events that the acknowledged records of the CRM are, and any others that the log took."""
    catalogue = Catalogue()
    for record in read_all(log, DEFINITIONS, 0):
        catalogue.apply(record)
    there = {(n, r.offset): r for n in range(log.partitions(CRM)) for r in read_all(log, CRM, n)}
    assert acknowledged <= there.keys(), f"acknowledged, and not in the log: {sorted(acknowledged - there.keys())[:5]}"
    found = set()
    for record in there.values():
        mapper = Mapper(mapping_of(catalogue, record.logged_at))
        events = mapper.map_record(read_record(record.value), record.logged_at)
        found |= {decode_event(entry_of(event).value).id for event in events}
    return found


def _judge_delivery(log: Log, sandbox: Path, verdict: WholeVerdict) -> None:
    standings: dict[str, Standing] = {}
    for n in range(log.partitions(ATTEMPTS)):
        for record in read_all(log, ATTEMPTS, n):
            attempt = decode_attempt(record.value)
            standings[attempt.send] = fold(standings.get(attempt.send, NEVER), attempt)
    planned = {decode_send(r.value).id for n in range(log.partitions(SENDS)) for r in read_all(log, SENDS, n)}
    db = sqlite3.connect(sandbox)
    accepted = Counter(row[0] for row in db.execute("SELECT send FROM accepted"))
    db.close()
    verdict.twice = sorted(send for send, times in accepted.items() if times > 1)
    told = {send for send, standing in standings.items() if standing.status == "accepted"}
    verdict.untold = sorted(set(accepted) ^ told)
    verdict.standings = Counter(s.status if s.settled else "queued" for s in standings.values())
    verdict.standings["queued"] += len(planned - standings.keys())
    if verdict.standings.total() != len(planned) or not standings.keys() <= planned:
        verdict.identity = f"{len(planned)} planned, {dict(verdict.standings)}"


def _judge_archive(log: Log, clickhouse: ClickHouse, verdict: WholeVerdict) -> None:
    sql = "SELECT partition, count() AS rows FROM events FINAL GROUP BY partition"
    held = {row["partition"]: row["rows"] for row in clickhouse.query(sql)}
    for n in range(log.partitions(EVENTS)):
        there = len(read_all(log, EVENTS, n))
        if held.get(n, 0) != there:
            verdict.archive.append(f"events {n}: {held.get(n, 0)} rows for {there} records")
