"""Kafka's default partitioner, so that any other client puts a key where Waxwing does.

The hash is MurmurHash2 with Kafka's seed:
https://github.com/apache/kafka/blob/4.1/clients/src/main/java/org/apache/kafka/common/utils/Utils.java (murmur2)
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The hash, as an unsigned number of 32 bits."""
    words, rest = divmod(len(data), 4)
    h = _SEED ^ len(data)
    for k in struct.unpack_from(f"<{words}I", data):
        k = k * _M & _MASK
        h = h * _M & _MASK ^ (k ^ k >> 24) * _M & _MASK
    if rest:
        h = (h ^ int.from_bytes(data[-rest:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=10_000)
def partition_for(key: str, partitions: int) -> int:
    """The partition, of so many, to which a key's records go."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
