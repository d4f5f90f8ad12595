"""Providers' secrets, by name: `WAXWING_SECRET_<NAME>` in the environment or, where it is not there, in the file `.env`
of the working directory. A definition holds the name alone.

`WAXWING_PROVIDER_URL_<TYPE>` puts another address in the place of a vendor's public one: a region's, or a test's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import SecretStr

from schemas.errors import InvalidInput, Violation

PREFIX: Final = "WAXWING_SECRET_"
URL_PREFIX: Final = "WAXWING_PROVIDER_URL_"


def environment(file: Path = Path(".env")) -> dict[str, str]:
    """The process's environment, and of the file what is named as a secret or a provider's address is."""
    read = dotenv_values(file) if file.is_file() else {}
    found = {name: value for name, value in read.items() if value and name.startswith((PREFIX, URL_PREFIX))}
    return found | dict(os.environ)


class Secrets:
    """What the environment holds; a value is never part of an error, a log or a repr."""

    def __init__(self, given: Mapping[str, str] | None = None):
        known = environment() if given is None else given
        self._values = {k: SecretStr(v) for k, v in known.items() if k.startswith(PREFIX)}
        self._urls = {k: v for k, v in known.items() if k.startswith(URL_PREFIX)}

    def get(self, name: str) -> str:
        """The secret; empty where there is none."""
        value = self._values.get(variable_of(name))
        return value.get_secret_value() if value else ""

    def of_provider(self, id: str, name: str, type: str) -> str:
        """The secret by its name, else by the provider's type; InvalidInput that says which variable to set."""
        if value := self.get(name) or self.get(type):
            return value
        missing = f"there is no secret {name!r}: set {variable_of(name)} or {variable_of(type)}"
        raise InvalidInput(f"provider {id}", [Violation("secret", missing)])

    def url(self, type: str, public: str) -> str:
        """The vendor's address."""
        return self._urls.get(URL_PREFIX + type.upper(), public)


def variable_of(name: str) -> str:
    """The environment's variable of a secret's name.

    >>> variable_of("postmark-eu")
    'WAXWING_SECRET_POSTMARK_EU'
    """
    return PREFIX + re.sub(r"[^A-Za-z0-9]", "_", name).upper()
