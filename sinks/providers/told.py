"""Counts what providers tell of messages: by webhooks, and the sandbox by its pump. Alerts look at the shares."""

from __future__ import annotations

from prometheus_client import Counter

from flows.delivery.outcomes import ProviderEvent

_OUTCOMES = Counter(
    "waxwing_hook_outcomes_total", "Messages' outcomes that providers told", ["provider", "channel", "outcome"]
)


def count(provider: str, event: ProviderEvent) -> None:
    """One more outcome that the provider told."""
    _OUTCOMES.labels(provider, event.origin.channel, event.outcome).inc()
