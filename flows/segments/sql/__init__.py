"""The batch side of segments: conditions compiled to ClickHouse SQL, equal to the stream at every instant."""
