"""What nodes are to the executor: asked on a visit, each answers with one small result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from flows.contact.scope import Scope
    from flows.journeys.compile import Journey
    from flows.journeys.run import Run


class Leave(NamedTuple):
    """Go on by this branch; by the edge without a branch where it has none of its own.

    `why` is told with the step, as JSON, where the branch alone does not say it.
    """

    branch: str = ""
    why: Any = None


ON: Final = Leave()


class Rest(NamedTuple):
    """Stay until something concerns the node, or until the instant, which lies ahead (None: for ever).

    `why` says, as JSON, how a node that chooses its instant has come to it.
    """

    until: int | None
    why: Any = None


class Finish(NamedTuple):
    """The run is complete."""

    reason: str


Result = Leave | Rest | Finish


class Visit(NamedTuple):
    """One run at one node, at the instant `scope.at`."""

    scope: Scope
    journey: Journey
    run: Run


class Node(Protocol):
    """A compiled node."""

    @property
    def id(self) -> str:
        """The node's id."""
        ...

    def enter(self, visit: Visit) -> Result:
        """The run comes to the node: `run.since` is now."""
        ...


class Waiting(Node, Protocol):
    """A node at which runs rest."""

    def wake(self, visit: Visit) -> Result:
        """Something happened that may concern the wait: a record, a flip, a changed trait, or its instant came."""
        ...


def rest_until(due: int, at: int, branch: str = "") -> Result:
    """Rest until an instant; leave at once where it has come."""
    return (Leave(branch) if branch else ON) if due <= at else Rest(due)
