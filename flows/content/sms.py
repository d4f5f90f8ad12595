"""How many segments a text message takes: what carriers charge for.

GSM 03.38 (3GPP TS 23.038 §6.2.1, https://www.3gpp.org/dynareport/23038.htm) where all characters are in it, 160
septets in one segment and 153 in each of several; else UCS-2, 70 and 67 UTF-16 units. A character that takes two units
is never divided between segments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")  # an escape and a character: two septets


class Length(NamedTuple):
    """A text as it is sent: `units` are septets or UTF-16 units; `outside` are the characters that GSM-7 lacks."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int
    outside: str = ""


def length_of(text: str) -> Length:
    """Encoding, length and number of segments of a text.

    >>> length_of("Hi €"), length_of("Grüezi ✓").encoding
    (Length(encoding='GSM-7', units=5, segments=1, outside=''), 'UCS-2')
    """
    outside = "".join(dict.fromkeys(c for c in text if c not in _BASIC and c not in _EXTENDED))
    if outside:
        widths = [2 if ord(c) > 0xFFFF else 1 for c in text]
        return Length("UCS-2", sum(widths), _segments(widths, 70, 67), outside)
    widths = [2 if c in _EXTENDED else 1 for c in text]
    return Length("GSM-7", sum(widths), _segments(widths, 160, 153))


def _segments(widths: Iterable[int], alone: int, each: int) -> int:
    widths = list(widths)
    if sum(widths) <= alone:
        return 1
    segments, filled = 1, 0
    for width in widths:
        if filled + width > each:
            segments, filled = segments + 1, 0
        filled += width
    return segments
