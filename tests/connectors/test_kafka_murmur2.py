"""Keys go where every other client of Kafka puts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as reference

from connectors.kafka_murmur2 import murmur2, partition_for


# From the test of Kafka's own Utils.murmur2, as signed numbers
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_the_one_of_kafkas_own_tests(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


@given(st.binary(max_size=70))
def test_the_hash_is_the_one_of_another_client(key: bytes) -> None:
    assert murmur2(key) == reference(key) & 0xFFFFFFFF


@given(st.text(st.characters(codec="utf-8")), st.integers(1, 64))
def test_a_key_has_one_partition_of_those_there_are(key: str, partitions: int) -> None:
    assert partition_for(key, partitions) == (reference(key.encode()) & 0x7FFFFFFF) % partitions
