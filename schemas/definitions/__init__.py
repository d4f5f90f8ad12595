"""What a person defines, one module a family. Importing this package registers every kind."""

from schemas.definitions import journey, model, provider, segment, simple, template
from schemas.definitions.base import KINDS, Body, parse

__all__ = ["KINDS", "Body", "journey", "model", "parse", "provider", "segment", "simple", "template"]
