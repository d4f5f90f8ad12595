"""Who follows a link: a person, or a machine that looks at mail before or for one. Judged by rules with a version.

The rules are heuristics, and will change; what they said stands with each event, with the version that said it, and
events are kept whatever it is. `judge` looks at one visit alone; `flows.content.clicks` at what was followed with it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

VERSION: Final = 2
TOO_SOON_MS: Final = 3_000  # after the hand-over: nobody has received, opened and read a message by then
_PROGRAMS: Final = re.compile(
    r"bot\b|crawl|spider|preview|scan|barracuda|proofpoint|mimecast|safelinks|fireeye|zscaler|bitdefender|trendmicro|"
    r"symantec|sophos|urldefense|headless|phantom|python|curl|wget|go-http|java/|okhttp|libwww|facebookexternalhit",
    re.IGNORECASE,
)
_APPLE_MPP: Final = "Mozilla/5.0"  # Mail Privacy Protection's proxy sends this and no more


class Visit(NamedTuple):
    """One request of a link. `since` is ms after the message was handed over, -1 where that is not known."""

    method: str
    agent: str
    purpose: str = ""
    since: int = -1


class Verdict(NamedTuple):
    """`why` is empty for a person."""

    why: str = ""
    version: int = VERSION

    @property
    def machine(self) -> bool:
        """Whether conditions on people leave it out."""
        return bool(self.why)

    def __str__(self) -> str:
        return f"{self.why or 'person'} v{self.version}"


def judge(visit: Visit) -> Verdict:
    """The first rule that fits.

    >>> str(judge(Visit("GET", "Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile", since=60_000)))
    'person v2'
    """
    if visit.method == "HEAD":
        return Verdict("head_request")
    if not visit.agent:
        return Verdict("no_agent")
    if "prefetch" in visit.purpose or "preview" in visit.purpose:
        return Verdict("prefetch")
    if visit.agent.strip() == _APPLE_MPP:
        return Verdict("apple_mpp")
    if _PROGRAMS.search(visit.agent):
        return Verdict("program")
    if 0 <= visit.since < TOO_SOON_MS:
        return Verdict("too_soon")
    return Verdict()
