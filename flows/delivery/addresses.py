"""Whether something can be an address of a channel at all: providers count against us what cannot.

Email by RFC 5321 and RFC 6531 (https://www.rfc-editor.org/rfc/rfc6531) without asking the DNS and without quoted names
before the @, which hardly a server takes; telephone numbers by E.164 (https://www.itu.int/rec/T-REC-E.164); push tokens
as what a header can carry.
"""

from __future__ import annotations

import re
from typing import Final

from email_validator import EmailNotValidError, validate_email

# Most addresses are so plain that they need no closer look, which takes far longer.
_PLAIN: Final = re.compile(
    r"[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}@([A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,20}",
    re.ASCII,
)
_E164: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_TOKEN: Final = re.compile(r"[!-~]{1,4096}", re.ASCII)


def fault_of(channel: str, address: str) -> str:
    """What is wrong with the address; empty where nothing is.

    >>> fault_of("email", "ann@example.com"), fault_of("sms", "0791234567")
    ('', 'is no number as E.164 writes it, such as +41791234567')
    """
    match channel:
        case "email" if not _PLAIN.fullmatch(address):
            return _email(address)
        case "sms" if not _E164.fullmatch(address):
            return "is no number as E.164 writes it, such as +41791234567"
        case "push" if not _TOKEN.fullmatch(address):
            return "is no token of a device: 1 to 4096 visible ASCII characters"
    return ""


def _email(address: str) -> str:
    try:
        validate_email(address, strict=True, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as fault:
        return f"is no address of email: {fault}"
    return ""
