"""Migrations: runs in flight go over to another version of their journey, by a map of nodes, and back again.

    version 3:   mail ──▶ wait 24h ──▶ reminder            a run that waits since 09:00 …
                             │ map
    version 4:   mail ──▶ pause 48h ──▶ call ──▶ reminder  … waits here since 09:00, as if it had come by this way

A send node that a run has passed before it moved does not send to it again, under whatever version, as long as the
node is on no cycle: there a second pass can only come from a move (`flows.journeys.nodes.action`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flows.contact.scope import Scope
from flows.definitions.catalogue import Published
from flows.journeys import executor
from flows.journeys.journey import Journey
from flows.journeys.nodes.action import Send
from flows.journeys.nodes.wait import is_wait
from flows.journeys.run import Journeys, Move, Run

MIGRATED: Final = "migrated"  # the reason of a run that ends because the map does not name its node


@dataclass(frozen=True, slots=True)
class Migration:
    """One version of a migration's definition, compiled. `begun` names its activation."""

    id: str
    begun: tuple[int, int]
    journey: str
    source: int
    target: int
    nodes: Mapping[str, str]
    exits: bool
    reverses: str

    def takes(self, run: Run) -> bool:
        """Whether it concerns the run."""
        if run.journey != self.journey or run.version != self.source:
            return False
        return not self.reverses or any(move.migration == self.reverses for move in run.moves)


def compile_migration(published: Published) -> Migration:
    """As it is published."""
    body = published.body
    return Migration(
        id=published.id,
        begun=(published.version, published.since),
        journey=body["journey"],
        source=body["from"],
        target=body["to"],
        nodes=body.get("nodes", {}),
        exits=body.get("unmapped", "stay") == "exit",
        reverses=body.get("reverses", ""),
    )


def migrate(scope: Scope, section: Journeys) -> None:
    """Do what became active at this very instant, in the order of the migrations' ids and of the runs' entries."""
    if scope.before is None:
        return
    for migration in scope.active.journeys.newly_migrated(scope.before.journeys):
        for run in [run for run in section.runs if migration.takes(run)]:
            _migrate(scope, section, run, migration)


def _migrate(scope: Scope, section: Journeys, run: Run, migration: Migration) -> None:
    journeys = scope.active.journeys
    source, taken_back = journeys.of(run), _taken_back(run, migration)
    node = taken_back.node if taken_back else migration.nodes.get(run.node, "")
    if not node:
        if migration.exits:
            executor.end(scope, section, run, MIGRATED)
        return
    left, since, due = run.node, taken_back.since if taken_back else run.since, run.due
    run.version = migration.target
    target = journeys.of(run)
    run.visits = _visits(run, source, target, migration.nodes)
    run.visits[node] = run.visits.get(node, 0) + 1
    run.leaves = target.own.carry_over(scope, run.leaves)
    if migration.reverses:
        run.moves = [move for move in run.moves if move.migration != migration.reverses]
    else:
        run.moves = [*run.moves, Move(migration.id, left, since, node, run.visits[node])]
    run.node = node
    executor.say(scope, run, "journey_moved", migration.id, left, run.visits[node], migration.source)
    reason = target.end_reason(scope, run)
    if reason:
        executor.end(scope, section, run, reason)
        return
    is_same = node == left and source.nodes[left] == target.nodes[node]
    waits = is_same or is_wait(target.nodes[node])
    executor.go_on(scope, section, run, since if waits else scope.at, due if is_same else None)


def _taken_back(run: Run, migration: Migration) -> Move | None:
    """The move that is taken back, where the run is still where it was put."""
    for move in run.moves if migration.reverses else ():
        if move.migration == migration.reverses and (move.to, move.visit) == (run.node, run.visits.get(run.node)):
            return move
    return None


def _visits(run: Run, source: Journey, target: Journey, nodes: Mapping[str, str]) -> dict[str, int]:
    """How often the run came to each node, told of the target's: by the map, by id, and for new nodes by template."""
    visits = dict(run.visits)
    for old, new in nodes.items():
        if old in run.visits:
            visits[new] = max(visits.get(new, 0), run.visits[old])
    sent = {node.template for id, node in source.nodes.items() if isinstance(node, Send) and run.visits.get(id)}
    known = source.nodes.keys() | set(nodes.values())
    for id, node in target.nodes.items():
        if isinstance(node, Send) and node.template in sent and id not in known:
            visits[id] = max(visits.get(id, 0), 1)
    return visits
