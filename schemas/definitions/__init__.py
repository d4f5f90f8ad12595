"""What a person defines, one module a family. Importing this package registers every kind."""

from schemas.definitions import model, provider, simple, template
from schemas.definitions.base import KINDS, Body, parse

__all__ = ["KINDS", "Body", "model", "parse", "provider", "simple", "template"]
