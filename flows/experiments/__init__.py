"""Experiments: which arm of a split is the better one, and how sure that is."""
