"""What crosses a boundary: records, definitions, topics, ids, errors. Depends on nothing else here."""
