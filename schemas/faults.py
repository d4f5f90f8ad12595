"""What pydantic found wrong, in the words of whoever wrote it: what is asked for, and what stands there instead.

Pydantic's kinds of errors: https://docs.pydantic.dev/latest/errors/validation_errors/
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import Violation

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"
_ID: Final = "1 to 100 letters, digits or any of _ . : -, the first a letter or a digit"
_INSTANT: Final = "an instant with an offset, as in 2026-01-31T09:00:00Z"
_DATE: Final = "a date, as in 2026-01-31"
_ADDRESS: Final = "an address, as in https://example.com/path"
_ASKED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 64 bits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "null",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "union_tag_invalid": "an object whose {discriminator} is one of {expected_tags}",
    "union_tag_not_found": "an object that says its {discriminator}",
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "timezone_aware": _INSTANT,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "url_type": _ADDRESS,
    "url_parsing": _ADDRESS,
    "url_scheme": "an address that begins with {expected_schemes}",
}
_SAID: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not known here: look for a slip of the pen, or leave it out",
    "json_invalid": "is no JSON: {error}",
}
_SHOWN: Final = 60  # characters of a value


def violations_of(error: ValidationError, prefix: str = "") -> list[Violation]:
    """The faults, each with its dotted path."""
    faults = error.errors(include_url=False)
    return [Violation(prefix + path_of(fault), said(fault)) for fault in faults if not _is_echo(fault)]


def _is_echo(fault: ErrorDetails) -> bool:
    """Whether a list is called too short only because of faulty parts of it, which are told themselves."""
    return fault["type"] == "too_short" and len(fault["input"]) >= fault["ctx"]["min_length"]


def path_of(fault: ErrorDetails) -> str:
    """Where it stands, with dots."""
    return ".".join(str(part) for part in fault["loc"])


def said(fault: ErrorDetails) -> str:
    """What is wrong; in pydantic's own words where there are none here."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _SAID:
        return _SAID[kind].format_map(context)
    if kind in ("too_short", "too_long"):
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        return f"must hold {bound}; it holds {len(fault['input'])}"
    if context.get("pattern") == ID_PATTERN:
        return f"must be {_ID}; {shown(fault['input'])} is given"
    if kind in _ASKED:
        return f"must be {_ASKED[kind].format_map(context)}; {shown(fault['input'])} is given"
    return fault["msg"].removeprefix("Value error, ")


def shown(value: Any) -> str:
    """A value as it stands in JSON, no longer than a person reads: of what holds others, that it does."""
    if isinstance(value, dict):
        return f"an object with {', '.join(map(str, value))[:_SHOWN] or 'nothing'}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
