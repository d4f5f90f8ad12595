"""The learner is River's pipeline, nothing more; its state is plain data and goes on to the last bit."""

from __future__ import annotations

from math import isclose

import pytest
from river import linear_model, metrics, optim, preprocessing

from flows.definitions.catalogue import Published
from flows.scoring.features import NAMES
from flows.scoring.learner import LEARNING_RATE, MIN_OF_EACH, Learner, export_model
from flows.scoring.model import compile_model, probability
from schemas.definitions import parse
from schemas.errors import TerminalError
from schemas.records import Example
from schemas.times import DAY
from tests.flows.scoring.people import examples


@pytest.fixture(scope="module")
def audience() -> list[Example]:
    return examples(3_000)


def taught(examples: list[Example]) -> Learner:
    learner = Learner("engagement")
    for example in examples:
        learner.predict_then_learn(example)
    return learner


def test_it_predicts_what_river_predicts(audience):
    river = preprocessing.StandardScaler() | linear_model.LogisticRegression(
        optim.SGD(LEARNING_RATE), intercept_lr=LEARNING_RATE
    )
    area, learner = metrics.RollingROCAUC(window_size=len(audience)), Learner("engagement")
    for example in audience:
        x = dict(zip(NAMES, example.features, strict=True))
        expected = river.predict_proba_one(x)[True]
        river.learn_one(x, bool(example.label))
        area.update(bool(example.label), expected)
        assert learner.predict_then_learn(example) == expected
    assert isclose(learner.state.ever.metrics()["auc"], area.get(), abs_tol=0.005)


def test_it_learns_whom_to_expect(audience):
    learner = taught(audience[:1_500])
    learner.start_recent()
    for example in audience[1_500:]:
        learner.predict_then_learn(example)
    found = learner.state.recent.metrics()
    ever = learner.state.ever.metrics()
    assert found["auc"] > 0.7
    assert found["log_loss"] < ever["log_loss"]
    assert found["calibration_error"] < 0.06


@pytest.mark.parametrize("cut", [0, 1, 2, 777])
def test_a_stored_learner_goes_on_to_the_last_bit(audience, cut):
    resumed = Learner.load(taught(audience[:cut]).save())
    for example in audience[cut:1_000]:
        resumed.predict_then_learn(example)
    assert resumed.save() == taught(audience[:1_000]).save()


def test_the_exported_model_predicts_in_the_fold_what_the_learner_predicts(audience):
    learner = taught(audience[:1_000])
    body = export_model(learner)
    model = compile_model(Published("model", "engagement", 1_000, body, 0))
    for example in audience[1_000:1_200]:
        x = dict(zip(NAMES, example.features, strict=True))
        assert abs(probability(model, example.features) - learner.pipeline.predict_proba_one(x)[True]) <= 1e-12


def test_the_export_is_a_definition_that_says_what_it_was_trained_on(audience):
    learner = taught(audience[:200])
    body = export_model(learner, artifact="models/engagement/x.json")
    definition = parse(body)
    assert definition.trained_on.examples == 200
    assert definition.trained_on.positives == sum(e.label for e in audience[:200])
    assert definition.metrics["ever_examples"] == 200
    assert definition.label_window == "3d"
    assert definition.artifact == "models/engagement/x.json"


def test_a_feature_that_never_varied_counts_nothing(audience):
    body = export_model(taught(audience[:200]))
    orders = NAMES.index("orders")
    assert (body["scale"][orders], body["weights"][orders]) == (1.0, 0.0)


def test_a_version_is_due_at_each_n_th_example_once_both_labels_were_seen_often_enough():
    learner, due = Learner("engagement"), []
    for i in range(8 * MIN_OF_EACH):
        label = int(i >= 4 * MIN_OF_EACH)
        learner.predict_then_learn(Example(f"x{i}", "engagement", "ann", i, [0.0] * len(NAMES), label, i + 1))
        if learner.is_ready(2 * MIN_OF_EACH):
            due.append(learner.next_version())
    assert due == [6 * MIN_OF_EACH, 8 * MIN_OF_EACH]


def test_what_a_partition_repeats_after_a_crash_is_not_learned_twice(audience):
    learner, said = Learner("engagement"), audience[:100]
    first = [e for e in said if learner.is_new(0, e)]
    again = [e for e in said[60:] if learner.is_new(0, e)]
    assert (len(first), again) == (100, [])
    assert learner.is_new(1, said[99])  # another partition has a time of its own


def test_examples_of_one_instant_are_told_apart_by_their_ids():
    learner = Learner("engagement")
    same = [Example(f"x{i}", "engagement", "ann", 1, [0.0] * len(NAMES), 0, 5) for i in range(3)]
    assert [learner.is_new(0, e) for e in [*same, *same]] == [True] * 3 + [False] * 3
    resumed = Learner.load(learner.save())
    assert not any(resumed.is_new(0, e) for e in same)


def test_the_label_window_of_a_model_is_the_one_its_examples_were_labelled_in():
    learner = Learner("engagement")
    learner.predict_then_learn(Example("a", "engagement", "ann", 1_000, [0.0] * len(NAMES), 0, 11_000))
    learner.predict_then_learn(Example("b", "engagement", "ann", 1_000, [0.0] * len(NAMES), 1, 1_500))
    assert export_model(learner)["label_window"] == "10s"
    assert Learner("engagement").state.label_window == 3 * DAY


def test_a_state_of_another_version_is_refused(audience):
    stored = taught(audience[:3]).save().replace(b'"version":1', b'"version":9')
    with pytest.raises(TerminalError, match="version 9"):
        Learner.load(stored)
