"""The filters of templates: a fixed set, those of money and dates by the locale of what is rendered (babel).

Names are those of `schemas.definitions.markup.FILTERS`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import nh3
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision
from jinja2 import pass_context, pass_eval_context
from jinja2.filters import FILTERS as JINJA
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from markupsafe import Markup, escape

from schemas.times import from_ms, parse_instant

_MAX: Final = 64 * 1024
_KEPT: Final = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "items",
    "last",
    "length",
    "lower",
    "round",
    "sort",
    "title",
    "trim",
    "truncate",
    "upper",
    "urlencode",
]


@lru_cache(256)
def locale_of(name: str) -> Locale:
    """The babel locale of `de-CH` or `de_CH`; English where there is none of that name."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse("en")


def _locale(context: Context) -> Locale:
    return locale_of(context["_locale"])


@pass_context
def money(context: Context, minor: int, currency: str) -> str:
    """`{{ 129900 | money("CHF") }}`: an amount in minor units, as people of the locale write it."""
    if isinstance(minor, bool) or not isinstance(minor, int | float):
        raise TypeError(f"money takes an amount in minor units, not {minor!r}")
    digits = get_currency_precision(currency)
    return format_currency(minor / 10**digits, currency, locale=_locale(context))


@pass_context
def number(context: Context, value: float) -> str:
    """A number with the locale's separators."""
    return format_decimal(value, locale=_locale(context))


@pass_context
def percent(context: Context, value: float) -> str:
    """`{{ 0.0125 | percent }}`: a share as a percentage, to two decimals."""
    return format_percent(round(value, 4), locale=_locale(context), decimal_quantization=False)


def _moment(value: Any, zone: str) -> datetime:
    if isinstance(value, int) and not isinstance(value, bool):
        return from_ms(value).astimezone(ZoneInfo(zone))
    if isinstance(value, str):
        return from_ms(parse_instant(value)).astimezone(ZoneInfo(zone))
    raise TypeError(f"a date is ISO 8601 or milliseconds, not {value!r}")


@pass_context
def date_(context: Context, value: Any, format: str = "long", timezone: str = "UTC") -> str:
    """A day: `short`, `medium`, `long`, `full` or a pattern of CLDR. A date alone is that day in any zone."""
    if isinstance(value, str) and len(value) == 10:
        return format_date(date.fromisoformat(value), format, locale=_locale(context))
    return format_date(_moment(value, timezone).date(), format, locale=_locale(context))


@pass_context
def time_(context: Context, value: Any, format: str = "short", timezone: str = "UTC") -> str:
    """A time of day in the zone: `short`, `medium`, `long`, `full` or a pattern of CLDR."""
    moment = _moment(value, timezone)
    if format in ("short", "medium", "long", "full"):
        return format_time(moment, format, tzinfo=moment.tzinfo or UTC, locale=_locale(context))
    return format_datetime(moment, format, tzinfo=moment.tzinfo or UTC, locale=_locale(context))


@pass_eval_context
def clean(eval_ctx: EvalContext, value: str) -> str:
    """HTML that came from people, made harmless and put in as markup; in plain text, its words alone."""
    if eval_ctx.autoescape:
        return Markup(nh3.clean(str(value)))  # noqa: S704 - cleaned
    return Markup(nh3.clean(str(value), tags=set())).unescape()  # noqa: S704


@pass_eval_context
def join(eval_ctx: EvalContext, items: Iterable[Any], by: str = ", ") -> str:
    """The items in one text."""
    parts = [escape(i) if eval_ctx.autoescape else str(i) for i in items]
    _check(sum(map(len, parts)) + len(by) * len(parts))
    return Markup(escape(by)).join(parts) if eval_ctx.autoescape else by.join(parts)  # noqa: S704 - escaped


class Json(str):
    """A text that is JSON already."""

    __slots__ = ()

    @classmethod
    def of(cls, value: Any) -> Json:
        """The value as JSON."""
        written = msgspec.json.encode(value).decode()
        _check(len(written))
        return cls(written)


def replace(value: str, old: str, new: str) -> str:
    """Every `old` in the text replaced."""
    text = str(value)
    _check(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _check(size: int) -> None:
    if size > _MAX:
        raise ValueError(f"a string is longer than {_MAX} characters")


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: JINJA[name] for name in _KEPT},
    "clean": clean,
    "date": date_,
    "join": join,
    "json": Json.of,
    "money": money,
    "number": number,
    "percent": percent,
    "replace": replace,
    "time": time_,
}
