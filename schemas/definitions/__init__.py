"""What a person defines, one module a family. Importing this package registers every kind."""

from schemas.definitions import (
    asset,
    campaign,
    crm_mapping,
    experiment,
    holdout,
    journey,
    journey_migration,
    model,
    policy,
    provider,
    ranking,
    segment,
    send_time,
    simple,
    snapshot,
    template,
)
from schemas.definitions.base import KINDS, Body, parse

__all__ = [
    "KINDS",
    "Body",
    "asset",
    "campaign",
    "crm_mapping",
    "experiment",
    "holdout",
    "journey",
    "journey_migration",
    "model",
    "parse",
    "policy",
    "provider",
    "ranking",
    "segment",
    "send_time",
    "simple",
    "snapshot",
    "template",
]
