"""The fold's dot product is River's prediction; a definition that does not fit is refused whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import linear_model, preprocessing

from flows.definitions.catalogue import Published
from flows.scoring.features import NAMES, Features, observe, vector
from flows.scoring.model import PRIOR, compile_model, probability, score
from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.times import DAY

NOW = 1_700_000_000_000
numbers = st.floats(-20, 20)
vectors = st.lists(numbers, min_size=len(NAMES), max_size=len(NAMES))
spreads = st.lists(st.floats(0.001, 50), min_size=len(NAMES), max_size=len(NAMES))
weights = st.lists(st.floats(-3, 3), min_size=len(NAMES), max_size=len(NAMES))


def published(**changes):
    return Published("model", "engagement", 7, {**PRIOR, **changes}, 0)


@given(vectors, vectors, spreads, weights, st.floats(-3, 3))
def test_the_dot_product_is_rivers_prediction(x, means, variances, w, intercept):
    scaler, regression = preprocessing.StandardScaler(), linear_model.LogisticRegression(intercept_init=intercept)
    scaler.means.update(zip(NAMES, means, strict=True))
    scaler.vars.update(zip(NAMES, variances, strict=True))
    for name, weight in zip(NAMES, w, strict=True):
        regression._weights[name] = weight
    expected = (scaler | regression).predict_proba_one(dict(zip(NAMES, x, strict=True)))[True]
    model = compile_model(published(mean=means, scale=[v**0.5 for v in variances], weights=w, bias=intercept))
    assert abs(probability(model, x) - expected) <= 1e-12


@given(st.floats(-1e6, 1e6))
def test_a_score_is_between_0_and_100_whatever_the_numbers(bias):
    assert 0 <= score(compile_model(published(bias=bias)), [0.0] * len(NAMES)) <= 100


def test_until_one_is_published_version_0_scores_by_hand():
    model, features, at = compile_model(None), Features(), NOW
    observe(features, "sent", at)
    after_send = score(model, vector(features, at))
    observe(features, "opened", at)
    after_open = score(model, vector(features, at))
    observe(features, "clicked", at)
    after_click = score(model, vector(features, at))
    assert model.version == 0
    assert after_send < after_open < after_click
    assert score(model, vector(features, at + 60 * DAY)) < after_click


def test_each_send_that_nothing_answers_lowers_the_score():
    model, features = compile_model(None), Features()
    scores = []
    for i in range(8):
        observe(features, "sent", NOW + i * DAY)
        scores.append(score(model, vector(features, NOW + i * DAY)))
    assert scores == sorted(scores, reverse=True)


def test_a_published_version_is_the_one_that_scores():
    model = compile_model(published(label_window="2h", minimum_sends=3))
    assert (model.id, model.version, model.label_window, model.minimum_sends) == ("engagement", 7, 7_200_000, 3)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weights": [1.0]}, "weights must have one number a feature: 13, not 1"),
        ({"features": ["sent"]}, "features must be sent, delivered"),
        ({"scale": [0.0] * 13}, "scale.0"),
        ({"feature_set": 2}, "feature_set"),
        ({"bias": "much"}, "bias"),
        ({"label_window": "3 days"}, "label_window"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_what_would_be_right(changes, told):
    with pytest.raises(InvalidInput, match=told):
        parse({**PRIOR, **changes})
