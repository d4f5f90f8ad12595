"""Definitions as a fold of their topic: which version of what is active at an instant."""
