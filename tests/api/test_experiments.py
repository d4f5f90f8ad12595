"""An experiment from its first contact to its winner, on the fold, ClickHouse and the API; replayed, it is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from scipy import stats

from connectors.publish import CatalogueReader, delete, newest, publish, rollback
from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from infra.analyst import Analyst
from schemas.ids import bucket
from schemas.records import Record, decode_change
from schemas.times import HOUR, from_ms
from schemas.topics import CHANGES, DEFINITIONS, EVENTS
from tests.api.living import Living, living
from tests.flows.journeys.scenario import journey, node, started_by
from tests.flows.journeys.test_splits_decided import a_split

RATES = {"a": 15.0, "b": 40.0}
WINNER = {"metric": {"event": "bought"}, "after": "2h", "min_samples": 60, "confidence": 0.95}
BANDIT = {"metric": {"event": "bought"}, "after": "1h", "every": "1h"}


class Trial:
    """People come by, and buy at the rates of the arms that they take."""

    def __init__(self, there: Living, **rule: Any):
        self.there = there
        self.reader = CatalogueReader(there.log)
        self.analyst = Analyst(there.log, there.world.clickhouse.query, there.world.reads.queries["progress"])
        there.publish(a_split(**rule))

    def come(self, *contacts: str) -> dict[str, str]:
        """They pass; by which arm."""
        before = self.taken()
        for contact in contacts:
            self.there.say(contact, "track", f"go-{contact}-{self.there.now}", event="go")
        self.there.settle()
        taken = self.taken()[len(before) :]
        for contact, arm in taken:
            if bucket(f"buys by {arm}", contact) < RATES[arm]:
                self.there.say(contact, "track", f"bought-{contact}", event="bought")
        return dict(taken)

    def taken(self) -> list[tuple[str, str]]:
        log = self.there.log
        found = []
        for n in range(log.partitions(CHANGES)):
            changes = [decode_change(r.value) for r in log.read(CHANGES, n, 0, 1 << 20)]
            found += [(c.at, c.contact, c.branch) for c in changes if c.kind == "journey_step" and c.node == "ab"]
        return [(contact, arm) for _, contact, arm in sorted(found)]

    def read(self) -> dict[str, Any]:
        (found,) = self.there.get("/v1/journeys/j/experiments")["experiments"]
        return found


@pytest.fixture
def there(tmp_path: Path):
    with living(tmp_path) as made:
        yield made


def people(name: str, count: int = 200) -> list[str]:
    return [f"{name}{i}" for i in range(count)]


def test_the_better_arm_wins_is_shown_with_its_figures_and_takes_who_comes_later(there):
    trial = Trial(there, winner=WINNER)
    first = trial.come(*people("c"))
    there.settle()
    assert trial.analyst.round() == []  # nobody was watched for two hours
    assert trial.read()["status"] == "running"
    there.settle(2 * HOUR)
    there.say("c0", "track", "bought-late", event="bought")
    there.settle()
    assert trial.analyst.round() == ["j/ab"]
    assert trial.analyst.round() == []
    there.settle()

    found = trial.read()
    bought = {
        arm: sum(1 for c, a in first.items() if a == arm and bucket(f"buys by {arm}", c) < RATES[arm]) for arm in "ab"
    }
    assert (found["status"], found["rule"], found["decision"]["reason"]) == ("decided", "winner", "confidence")
    assert [arm["share"] for arm in found["arms"]] == [0, 100]
    for arm in found["arms"]:
        samples, successes = list(first.values()).count(arm["name"]), bought[arm["name"]]
        interval = stats.binomtest(successes, samples).proportion_ci(0.95, "wilson")
        assert (arm["passed"], arm["samples"], arm["successes"]) == (samples, samples, successes)
        assert (arm["low"], arm["high"]) == pytest.approx((interval.low, interval.high), abs=1e-5)
        assert arm["low"] < RATES[arm["name"]] / 100 < arm["high"]
    assert sum(arm["best"] for arm in found["arms"]) == pytest.approx(1, abs=1e-5)

    later = trial.come(*people("d", 30), *people("c", 30))
    assert {later[c] for c in people("d", 30)} == {"b"}
    assert {c: later[c] for c in people("c", 30)} == {c: first[c] for c in people("c", 30)}
    assert replayed(there) == said(there)


def test_a_bandit_moves_who_comes_next_towards_the_better_arm(there):
    trial = Trial(there, bandit=BANDIT)
    trial.come(*people("c0-", 60))
    shares = []
    for hour in range(1, 4):
        there.settle(HOUR + 1000)
        assert trial.analyst.round() == ["j/ab"]
        assert trial.analyst.round() == []  # not twice within the hour
        there.settle()
        shares.append(trial.read()["arms"][1]["share"])
        assert trial.read()["decision"]["version"] == hour
        taken = trial.come(*people(f"c{hour}-", 60))
        assert list(taken.values()).count("b") / 60 == pytest.approx(shares[-1] / 100, abs=0.2)
    assert shares[-1] > 90
    assert trial.read()["status"] == "running"
    assert replayed(there) == said(there)


def test_what_a_person_decides_or_withdraws_stays_so(there):
    trial = Trial(there, bandit=BANDIT)
    trial.come(*people("c", 60))
    there.settle(HOUR + 1000)
    assert trial.analyst.round() == ["j/ab"]
    by_hand = {"kind": "experiment", "id": "j.ab", "journey": "j", "node": "ab", "arms": [{"name": "a", "share": 100}]}
    publish(trial.reader, [by_hand], "ann")
    there.settle(HOUR)
    assert set(trial.come(*people("d", 20)).values()) == {"a"}
    there.settle(2 * HOUR)
    assert trial.analyst.round() == []
    assert (trial.read()["status"], trial.read()["decision"]["method"]) == ("decided", "hand")
    delete(trial.reader, "experiment", "j.ab", "ann")
    there.settle(HOUR)
    assert trial.analyst.round() == []
    assert trial.read()["status"] == "withdrawn"
    rollback(trial.reader, "experiment", "j.ab", 1, "ann")
    there.settle(HOUR)
    assert trial.analyst.round() == []
    assert trial.read()["decision"]["version"] == 1


def test_what_dies_before_its_decision_is_written_decides_again_and_once(there, monkeypatch):
    trial = Trial(there, winner=WINNER)
    trial.come(*people("c"))
    there.settle(2 * HOUR)
    there.settle()

    def die(name: str) -> None:
        raise SystemExit(name)

    with monkeypatch.context() as patch:
        patch.setattr("infra.analyst.fail_point", die)
        with pytest.raises(SystemExit, match="before_decision"):
            trial.analyst.round()
    again = Analyst(there.log, there.world.clickhouse.query, there.world.reads.queries["progress"])
    assert (again.round(), again.round()) == (["j/ab"], [])


def test_of_two_that_decide_at_once_the_first_stands(there):
    trial = Trial(there, winner=WINNER)
    trial.come(*people("c"))
    there.settle(2 * HOUR)
    ask, progress, overtaken = there.world.clickhouse.query, there.world.reads.queries["progress"], []

    def slowly(sql: str, parameters: Any) -> Any:
        rows = ask(sql, parameters)
        if "passes" in sql and not overtaken:
            overtaken.append(trial.analyst.round())
        return rows

    assert Analyst(there.log, slowly, progress).round() == []
    assert overtaken == [["j/ab"]]
    keys = [record.key for record in there.log.read(DEFINITIONS, 0, 0)]
    assert keys.count("experiment/j.ab") == 1


def test_an_edit_of_the_split_begins_the_experiment_anew_another_edit_does_not(there):
    trial = Trial(there, winner=WINNER)
    trial.come(*people("c", 40))
    there.settle(HOUR)
    same = a_split(winner=WINNER) | {"name": "renamed"}
    publish(trial.reader, [same])
    there.settle(HOUR)
    trial.come(*people("d", 40))
    there.settle()
    assert sum(arm["passed"] for arm in trial.read()["arms"]) == 80
    publish(trial.reader, [a_split(winner=WINNER | {"min_samples": 50})])
    there.settle(HOUR)
    trial.come(*people("e", 10))
    there.settle()
    assert sum(arm["passed"] for arm in trial.read()["arms"]) == 10


def test_a_journey_that_is_not_there_has_no_experiments(there):
    assert there.client.get("/v1/journeys/none/experiments").status_code == 404


def said(there: Living) -> list[tuple[str, bytes]]:
    """What the fold has said on the log, partition by partition."""
    log = there.log
    return [(r.key, r.value) for n in range(log.partitions(CHANGES)) for r in log.read(CHANGES, n, 0, 1 << 20)]


def replayed(there: Living) -> list[tuple[str, bytes]]:
    """What the fold says of the same records when it reads them anew, with all definitions known from the start."""
    log, definitions = there.log, Definitions()
    for record in log.read(DEFINITIONS, 0, 0, 1 << 20):
        definitions.apply(record)
    found = []
    for n in range(log.partitions(EVENTS)):
        fold = PartitionFold(n, definitions, {}, 0)
        records: list[Record] = log.read(EVENTS, n, 0, 1 << 20)
        fold.push(records)
        effects = fold.work(1 << 60)
        while fold.busy:
            effects += fold.work(1 << 60)
        found += [(e.key, e.value) for e in effects if e.topic == CHANGES]
    return found


def test_everyones_hours_are_counted_once_a_day_where_a_journey_asks_for_them(there):
    analyst = Analyst(there.log, there.world.clickhouse.query, there.world.reads.queries["progress"])
    expected = [0] * 24
    for n in range(120):
        contact, is_away = f"c{n}", n % 3 == 0
        there.say(contact, "identify", f"i{n}", traits={"timezone": "America/New_York"} if is_away else {})
        answers = {"type": "email_clicked", "id": f"a{n}", "properties": {"send": "s"}}
        there.say(contact, **answers)
        there.say(contact, **answers)  # told twice, counted once
        there.say(contact, "email_opened", f"m{n}", properties={"send": "s", "machine": True})
        expected[from_ms(there.now).astimezone(ZoneInfo("America/New_York" if is_away else "UTC")).hour] += 1
        there.at(there.now + 17 * 60_000)
    there.settle()
    assert analyst.round() == []  # nobody asks
    there.publish(journey(started_by(), node("best", "wait", best_time="24h")))
    assert analyst.round() == ["default"]
    assert analyst.round() == []
    with CatalogueReader(there.log).open() as catalogue:
        body = newest(catalogue).get("send_time", "default").body
    assert body["answers"] == 120
    assert body["hours"] == [round(100 * count / 120, 2) for count in expected]
    there.settle(25 * HOUR)
    by_hand = {"kind": "send_time", "id": "default", "hours": [1] * 24}
    publish(CatalogueReader(there.log), [by_hand])
    there.settle(25 * HOUR)
    assert analyst.round() == []
