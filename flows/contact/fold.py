"""The contact fold: `fold(state, record) -> (state, effects)`, pure (DESIGN, rules 2 and 3).

    record ──▶ wake: timers and activations up to its logged_at ──▶ reducers ──▶ timers that are due at once
               profile · consent · policy · holdouts · scoring · segments · attribution · journeys · campaigns
               (which plan sends) · clicks

Scores come before segments, so that a leaf that asks for one sees the score of this very record. Folding one contact's
records alone gives the same effects as folding its partition: nothing here knows of other contacts.
"""

from __future__ import annotations

from typing import Final

from flows.attribution import reducer as attribution
from flows.campaigns import reducer as campaigns
from flows.consent import reducer as consent
from flows.contact import identity, profile, spans
from flows.contact.active import Active, Definitions
from flows.contact.recent import remember
from flows.contact.scope import Scope, Watch
from flows.contact.section import Contact
from flows.contact.spans import is_span
from flows.contact.subject import Subject
from flows.content import clicks
from flows.holdouts import reducer as holdouts
from flows.journeys import merging
from flows.journeys import reducer as journeys
from flows.policy import reducer as policy
from flows.scoring import reducer as scoring
from flows.segments import engine as segments
from schemas.errors import TerminalError
from schemas.facts import ADDRESS_SUPPRESSED, MERGE_CLAIMED, MERGED
from schemas.records import Entry, Event

# A section's index is a contract: append, never renumber.
#   0 profile  1 consent  2 segments  3 features  4 touches  5 journeys  6 span  7 holdouts
#   8 campaigns  9 policy  10 clicks
SECTIONS: Final = 11
_ABSORBERS: Final[tuple[identity.Absorber, ...]] = (
    (profile.SECTION, profile.absorb),
    (consent.SECTION, consent.absorb),
    (scoring.SECTION, scoring.absorb),
    (segments.SECTION, segments.absorb),
    (attribution.SECTION, attribution.absorb),
    (policy.SECTION, policy.absorb),
    (clicks.SECTION, clicks.absorb),
    (journeys.SECTION, merging.absorb),
)
_TOLD: Final = frozenset(
    {"identify", "alias", "group", ADDRESS_SUPPRESSED, MERGE_CLAIMED, MERGED}
)  # rare, and more work
_MAX_PASSES: Final = 1_000  # at one instant of one contact; more is a loop in a definition


class ContactFold:
    """Folds records and instants of one contact at a time, under the definitions active at each."""

    def __init__(self, definitions: Definitions, watch: Watch | None = None):
        self.definitions, self._watch = definitions, watch

    def open(self, stored: bytes | None) -> Contact:
        """The state to fold into; a new one for a contact that was never seen."""
        return Contact(stored, SECTIONS)

    def apply(
        self, contact: str, state: Contact, event: Event, at: int, position: str, active: Active, effects: list[Entry]
    ) -> bool:
        """Fold one record logged at `at`, whose `position` is `partition:offset`; False for a duplicate.

        Everything due until `at` was woken before. What becomes due at once (a wait of zero) happens within the record.
        """
        if event.id:
            recent = remember(state.recent, event.id, at)
            if recent is None:
                return False
            state.recent = recent
        if event.at > at:
            event.at = at  # a sender's or server's clock ahead of the log's
        view = Subject(contact, state, active)
        scope = Scope(contact, at, position, event, active, state, view, effects, None, self._watch)
        if is_span(contact):
            spans.react(scope)
        elif event.type == MERGE_CLAIMED:
            identity.claimed(scope)
        elif state.merged_into:
            identity.forward(scope)
        else:
            self._take(scope, event)
        if state.is_new:
            state.is_new, state.epoch = False, active.epoch
        if state.due is not None and state.due <= at:
            self._wake(contact, state, at, effects, f"{position}@")
        return True

    def _take(self, scope: Scope, event: Event) -> None:
        """A contact's own record: what it says, and what follows."""
        if event.type in _TOLD:
            identity.claim(scope)
            spans.tell(scope)
        profile.react(scope)
        consent.react(scope)
        policy.react(scope)
        if event.type == MERGED:
            identity.absorb(scope, _ABSORBERS, SECTIONS)
        self._conclude(scope)

    def wake(self, contact: str, state: Contact, until: int, effects: list[Entry]) -> None:
        """Let everything happen that time alone brings up to and including `until`, each at its own instant."""
        self._wake(contact, state, until, effects, "@")

    def _wake(self, contact: str, state: Contact, until: int, effects: list[Entry], cause: str) -> None:
        passes_by = not state.is_new and state.epoch < self.definitions.at(until).epoch
        passed = self.definitions.epochs(state.epoch, until) if passes_by else []
        epochs = self.definitions.concerning(passed, state.epoch) if passed else passed
        passes, last = 0, -1
        while True:
            due = state.due if state.due is not None and state.due <= until else None
            at = due if not epochs else epochs[0] if due is None else min(due, epochs[0])
            if at is None:
                break
            passes = passes + 1 if at <= last else 0
            last = max(at, last)
            if passes > _MAX_PASSES:
                raise TerminalError(f"contact {contact!r} does not come to rest at {at}: its next due stays {due}")
            self._instant(contact, state, at, effects, f"{cause}{at}.{passes}", bool(epochs) and at == epochs[0])
            if epochs and at == epochs[0]:
                state.epoch = epochs.pop(0)
        if passed:
            state.epoch = passed[-1]

    def _instant(
        self, contact: str, state: Contact, at: int, effects: list[Entry], cause: str, activation: bool
    ) -> None:
        if is_span(contact) or (state.merged_into and not activation):
            return
        active = self.definitions.at(at)
        before = self.definitions.at(at - 1) if activation else None
        view = Subject(contact, state, active)
        scope = Scope(contact, at, cause, None, active, state, view, effects, before, self._watch)
        past = self.definitions.past_of(contact, active) if active.pasts and activation else None
        if state.merged_into:
            if past:
                identity.hand_over(scope, past, SECTIONS)
            campaigns.refuse(scope)
            return
        if past:
            segments.recall(scope, past)
            policy.recall(scope, past)
        if before is not None:
            scope.keys |= _defaults_that_changed(before, active)
        self._conclude(scope)

    def _conclude(self, scope: Scope) -> None:
        """The reducers that draw conclusions, in the order of DESIGN §2."""
        holdouts.react(scope)
        scoring.react(scope)
        segments.react(scope)
        attribution.react(scope)
        journeys.react(scope)
        campaigns.react(scope)
        clicks.react(scope)


def _defaults_that_changed(before: Active, now: Active) -> set[str]:
    """The keys of what holds without the contact's doing: a topic's default, the workspace's zone, a rank."""
    keys = {"consent"} if before.topics != now.topics else set()
    keys |= {"trait:timezone"} if before.zone != now.zone else set()
    ranked = before.rankings.keys() | now.rankings.keys()
    return keys | {f"ranking:{id}" for id in ranked if before.rankings.get(id) != now.rankings.get(id)}
