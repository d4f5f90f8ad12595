"""Metrics from sums equal those from the predictions themselves."""

from __future__ import annotations

from itertools import product
from math import isclose

from hypothesis import given
from hypothesis import strategies as st
from river import metrics

from flows.scoring.scorecard import BINS, Scorecard

# one value a bin, so that equal bins are equal predictions
predictions = st.lists(st.tuples(st.integers(0, BINS - 1).map(lambda i: (i + 0.5) / BINS), st.integers(0, 1)))


def card_of(predictions):
    card = Scorecard()
    for p, label in predictions:
        card.add(p, label)
    return card


@given(predictions)
def test_the_area_is_the_share_of_pairs_ranked_right(predictions):
    positives = [p for p, label in predictions if label]
    negatives = [p for p, label in predictions if not label]
    pairs = [(p > n) + (p == n) / 2 for p, n in product(positives, negatives)]
    found = card_of(predictions).metrics()
    assert ("auc" in found) == bool(pairs)
    assert not pairs or isclose(found["auc"], sum(pairs) / len(pairs))


@given(predictions.filter(len))
def test_log_loss_and_accuracy_are_rivers(predictions):
    loss, accuracy = metrics.LogLoss(), metrics.Accuracy()
    for p, label in predictions:
        loss.update(bool(label), p)
        accuracy.update(bool(label), p > 0.5)
    found = card_of(predictions).metrics()
    assert isclose(found["log_loss"], loss.get(), rel_tol=1e-9)
    assert isclose(found["accuracy"], accuracy.get())


def test_calibration_error_is_nothing_where_predictions_come_true_and_their_distance_where_not():
    assert isclose(card_of([(0.25, 1), (0.25, 0), (0.25, 0), (0.25, 0)]).metrics()["calibration_error"], 0.0)
    assert isclose(card_of([(0.9, 0), (0.9, 0)]).metrics()["calibration_error"], 0.9)


def test_certainty_that_is_wrong_costs_much_but_not_everything():
    found = card_of([(0.0, 1), (1.0, 0)]).metrics()
    assert 30 < found["log_loss"] < 40


def test_no_predictions_have_no_metrics_but_their_number():
    assert Scorecard().metrics() == {"examples": 0.0}
