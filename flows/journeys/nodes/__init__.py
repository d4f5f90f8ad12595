"""The nodes of a journey, one module a type."""
