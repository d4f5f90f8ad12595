"""Providers' secrets, by name: `WAXWING_SECRET_<NAME>` in the environment. A definition holds the name alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from schemas.errors import InvalidInput, Violation

PREFIX: Final = "WAXWING_SECRET_"


class Secrets:
    """What `environment` holds; a value is never part of an error, a log or a repr."""

    def __init__(self, environment: Mapping[str, str] = os.environ):
        self._values = {k.removeprefix(PREFIX): SecretStr(v) for k, v in environment.items() if k.startswith(PREFIX)}

    def get(self, name: str) -> str:
        """The secret; empty where there is none."""
        value = self._values.get(variable_of(name).removeprefix(PREFIX))
        return value.get_secret_value() if value else ""

    def need(self, name: str, whose: str) -> str:
        """The secret; InvalidInput that names the variable to set."""
        if value := self.get(name):
            return value
        raise InvalidInput(whose, [Violation("secret", f"set {variable_of(name)}: there is no secret {name!r}")])


def variable_of(name: str) -> str:
    """The environment's variable of a secret's name.

    >>> variable_of("postmark-eu")
    'WAXWING_SECRET_POSTMARK_EU'
    """
    return PREFIX + re.sub(r"[^A-Za-z0-9]", "_", name).upper()
