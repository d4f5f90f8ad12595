"""AWS Signature Version 4 of a request: pure. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Key(NamedTuple):
    """An access key, and for what it signs."""

    id: str
    secret: str
    region: str
    service: str


def signed(key: Key, method: str, path: str, headers: Mapping[str, str], body: bytes, at: datetime) -> dict[str, str]:
    """The headers with X-Amz-Date and Authorization; `at` is in UTC, `headers` hold Host, there is no query."""
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    said = {**headers, "X-Amz-Date": stamp}
    lower = {name.lower(): " ".join(value.split()) for name, value in said.items()}
    names = ";".join(sorted(lower))
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/~"),
            "",
            *(f"{name}:{lower[name]}" for name in sorted(lower)),
            "",
            names,
            sha256(body).hexdigest(),
        ]
    )
    scope = f"{stamp[:8]}/{key.region}/{key.service}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(key, stamp[:8]), to_sign.encode(), sha256).hex()
    said["Authorization"] = f"{_ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return said


def _signing_key(key: Key, day: str) -> bytes:
    signing = f"AWS4{key.secret}".encode()
    for part in (day, key.region, key.service, "aws4_request"):
        signing = hmac.digest(signing, part.encode(), sha256)
    return signing
