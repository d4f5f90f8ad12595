"""Each sentence of LANGUAGE.md with cases of our own, to the millisecond on either side of an edge."""
