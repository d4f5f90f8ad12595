"""What simulations of journeys and of campaigns read from files: which definition is tried, how contacts answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec

from flows.contact.replay import Line
from flows.journeys.answering import Answers, Rates
from infra.history import read_files, read_lines
from schemas.definitions import Body
from schemas.errors import InvalidInput, Violation

PATIENCE_S: Final = 3_600.0  # that a whole history may take
B = TypeVar("B", bound=Body)
Named: TypeAlias = dict[str, dict[str, float]]  # channel, or channel/template -> its rates
_Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


def chosen(file: Path, bodies: Iterable[Body], form: type[B], id: str) -> B:
    """The one definition of the kind, or the one that `id` names; InvalidInput says which there are."""
    there = [body for body in bodies if isinstance(body, form)]
    found = [body for body in there if id in ("", body.id)]
    if len(found) == 1:
        return found[0]
    known, kind = ", ".join(body.id for body in there) or "none", form.KIND
    what = f"there is no {kind} {id!r}" if id else f"which {kind}? give --id, one of: {known}"
    raise InvalidInput(str(file), [Violation("", what)])


def read_history(events: Sequence[Path], mapping: Path | None) -> list[Line]:
    """The lines of event files: Segment-spec ones as they are, others by a mapping."""
    return read_lines(events[0]) if mapping is None and len(events) == 1 else read_files(events, mapping)


def answering(rates: Mapping[str, Mapping[str, float]] | None) -> Answers | None:
    """Those who answer by the rates; None where nobody does."""
    return None if rates is None else Answers({name: Rates(**each) for name, each in rates.items()})


def read_rates(text: str) -> Named | None:
    """The rates of a file; None where nobody answers, or the installation has to measure it."""
    if text in ("", "none", "measured"):
        return None
    file = Path(text)
    try:
        rates = msgspec.json.decode(file.read_bytes(), type=dict[str, _Rates])
    except msgspec.DecodeError as fault:
        form = '{"email": {"delivered": 0.98, "opened": 0.4, "clicked": 0.1}}'
        raise InvalidInput(
            str(file), [Violation("", f"{fault}; write {form}, by channel or channel/template")]
        ) from None
    return {name: msgspec.to_builtins(each) for name, each in rates.items()}


class _Rates(msgspec.Struct, forbid_unknown_fields=True):
    """As `flows.journeys.answering.Rates`, checked."""

    delivered: _Share = 1.0
    opened: _Share = 0.0
    clicked: _Share = 0.0
