"""Locales: the order in which the words for one are looked for."""

from __future__ import annotations

from collections.abc import Iterator


def folded(locale: str) -> str:
    """`de_CH` and `de-ch` are one."""
    return locale.replace("_", "-").lower()


def chain(locale: str) -> Iterator[str]:
    """From the nearest to the widest.

    >>> list(chain("de-CH-1996"))
    ['de-ch-1996', 'de-ch', 'de']
    """
    wanted = folded(locale)
    while wanted:
        yield wanted
        wanted = wanted.rpartition("-")[0]


def language(locale: str) -> str:
    """`de` of `de-CH`."""
    return folded(locale).partition("-")[0]
