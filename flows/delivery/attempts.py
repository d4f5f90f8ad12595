"""The policy of one send's attempts, without I/O: a generator that says what to do and is sent what came of it.

never tried ──▶ Try ──▶ Accepted, Refused ──▶ the end
                 ▲  ├─▶ AtOnce ──▶ Try
                 │  └─▶ Retry ──▶ 1 s, 5 s, 30 s, 5 min, or as long as it says ──▶ Try …, then GivenUp
                 │  └─▶ Unknown ──▶ LookUp ──▶ Accepted ──▶ the end
a crash in between ──────▶ LookUp ┘   └─▶ Absent ──▶ as Retry;  Unknown ──▶ marketing ends, transactional retries
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, NamedTuple, assert_never

from flows.delivery.ledger import Standing
from flows.delivery.provider import Absent, Accepted, Found, Refused, Result, Retry, Unknown
from schemas.ids import bucket
from schemas.times import MINUTE, SECOND

DELAYS: Final = (1 * SECOND, 5 * SECOND, 30 * SECOND, 5 * MINUTE)
ACCOUNT_PAUSE: Final = 1 * SECOND  # the account is refused: its breaker is open by then, and another may take it
_JITTER: Final = 0.2


class Try(NamedTuple):
    """Hand it over, `after_ms` from now; durably started before. `failures` is what counts against the send so far;
    `in_the_dark` where the provider may have it from one of them.
    """

    number: int
    after_ms: int
    failures: int = 0
    in_the_dark: bool = False


class LookUp(NamedTuple):
    """Ask the provider what became of it."""


class AtOnce(NamedTuple):
    """The answer to a try that counts for nothing: another provider is to be asked, or the same one in time."""

    reason: str


class GivenUp(NamedTuple):
    """The end after as many failures as there are: nothing is wrong with its address, another channel may do.

    `in_the_dark` where the provider may have it all the same, from a try whose end was never known.
    """

    reason: str
    in_the_dark: bool = False


Step = Try | LookUp
Answer = Result | Found | AtOnce
End = Accepted | Refused | Unknown | GivenUp


def delay_ms(send_id: str, failures: int) -> int:
    """The wait after so many failures (from 1), a fifth more or less by the send's own id.

    >>> [delay_ms("a", n) // 1000 in range(s - 61, s + 61) for n, s in ((1, 1), (2, 5), (3, 30), (4, 300))]
    [True, True, True, True]
    """
    share = bucket(f"retry-{failures}", send_id) / 50 - 1
    return round(DELAYS[failures - 1] * (1 + _JITTER * share))


def attempts(send_id: str, marketing: bool, standing: Standing, now: int) -> Generator[Step, Answer, End]:
    """Drive one send to its end, from where it stands. Marketing is not sent again when its end is not known."""
    unknown = standing.status == "started"
    number, failures = standing.number, standing.failures + unknown
    after, reason, in_the_dark = 0, "the process ended during the attempt", standing.in_the_dark
    if standing.status == "retry":
        due = standing.due or standing.at + delay_ms(send_id, max(1, failures))  # old records have no due
        after = max(0, due - now)
    while True:
        if unknown:
            found = yield LookUp()
            if isinstance(found, Accepted):
                return found
            if marketing and not isinstance(found, Absent):
                return Unknown(reason)
            unknown, after = False, delay_ms(send_id, min(failures, len(DELAYS)))
            in_the_dark = True  # also where it may go again because the provider takes it once
        if failures > len(DELAYS):
            return GivenUp(f"given up after {number} attempts: {reason}", in_the_dark)
        number += 1
        answer = yield Try(number, after, failures, in_the_dark)
        match answer:
            case Accepted() | Refused(scope="message" | "address"):
                return answer
            case AtOnce():
                after, reason = 0, answer.reason
            case Refused():  # the account: nothing is wrong with this send, so it does not count
                after, reason = ACCOUNT_PAUSE, answer.reason
            case Retry():
                failures, reason = failures + 1, answer.reason
                after = max(delay_ms(send_id, min(failures, len(DELAYS))), round(answer.after_s * 1000))
            case Unknown():
                failures, reason, unknown = failures + 1, answer.reason, True
            case Absent():
                raise AssertionError("a try is not answered by Absent")
            case _:
                assert_never(answer)
