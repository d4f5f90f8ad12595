"""Which splits are experiments, in which versions, and which decision stands: read from the catalogue."""

from __future__ import annotations

from typing import Any

from flows.definitions.catalogue import Catalogue
from flows.experiments.references import experiment_faults
from flows.experiments.running import running
from schemas.records import Definition, Record, encode
from tests.flows.journeys.test_splits_decided import WINNER, a_split, decision, form_of


class Acts:
    """Definitions, one act a second."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()
        self._count = 0

    def publish(self, body: dict[str, Any], version: int = 1) -> Acts:
        return self._act(Definition(body["kind"], body["id"], "publish", version, body))

    def act(self, op: Any, kind: str, id: str, version: int = 0) -> Acts:
        return self._act(Definition(kind, id, op, version))

    def _act(self, made: Definition) -> Acts:
        self._count += 1
        self.catalogue.apply(Record(self._count, self._count * 1_000, f"{made.kind}/{made.id}", encode(made)))
        return self

    def only(self) -> Any:
        (found,) = running(self.catalogue)
        return found


def campaign(**content: Any) -> dict[str, Any]:
    arms = [{"name": "a", "share": 50, "template": "one"}, {"name": "b", "share": 50, "template": "two"}]
    audience = {"everyone": True}
    return {
        "kind": "campaign",
        "id": "spring",
        "type": "one_time",
        "audience": audience,
        "content": {"channel": "email", "arms": arms, **content},
    }


def test_a_split_with_a_rule_is_one_and_another_is_none():
    assert list(running(Acts().publish(a_split()).catalogue)) == []
    found = Acts().publish(a_split(winner=WINNER)).only()
    assert (found.journey, found.split.id, found.versions, found.current, found.is_in_hand) == (
        "j",
        "ab",
        (1,),
        None,
        False,
    )


def test_versions_whose_split_has_the_same_form_count_together():
    acts = Acts().publish(a_split(winner=WINNER)).publish(a_split(winner={**WINNER, "min_samples": 11}), 2)
    acts.publish(a_split(winner=WINNER) | {"name": "third"}, 3)
    assert acts.only().versions == (1, 3)
    acts.act("rollback", "journey", "j", 2)
    assert acts.only().versions == (2,)


def test_a_decision_stands_for_its_form_and_one_by_hand_ends_the_search():
    body = a_split(winner=WINNER)
    made = decision(form_of(body), a=0, b=100) | {"method": "winner"}
    acts = Acts().publish(body).publish(made)
    assert (acts.only().current.version, acts.only().stands, acts.only().is_in_hand) == (1, 1, False)
    acts.publish(a_split(winner={**WINNER, "min_samples": 11}), 2)
    assert (acts.only().current, acts.only().latest, acts.only().stands) == (None, None, 1)
    acts.publish(decision(a=100), 2)
    assert acts.only().is_in_hand


def test_a_decision_that_a_person_withdrew_or_went_back_from_is_in_hand():
    body = a_split(bandit={"metric": "clicked"})
    made = decision(form_of(body), a=30, b=70) | {"method": "bandit"}
    acts = Acts().publish(body).publish(made).publish(made | {"reason": "more"}, 2)
    assert not acts.only().is_in_hand
    acts.act("rollback", "experiment", "j.ab", 1)
    assert (acts.only().current.version, acts.only().is_in_hand) == (1, True)
    acts.act("delete", "experiment", "j.ab")
    assert (acts.only().current, acts.only().is_in_hand) == (None, True)


def test_the_arms_of_a_campaign_are_a_split_too():
    acts = Acts().publish(campaign(bandit={"metric": "clicked"}))
    found = acts.only()
    assert (found.journey, found.split.id, found.split.branches()) == ("campaign:spring", "arms", ("a", "b"))
    body = {"journey": "campaign:spring", "node": "arms", "arms": [{"name": "a", "share": 100}]}
    known = {("campaign", "spring"): campaign()}
    assert experiment_faults(body, known) == []
    assert experiment_faults(body | {"arms": [{"name": "z"}]}, known)[0].path == "arms"
    assert experiment_faults(body, {})[0].path == "journey"
