"""Addresses that a request may go to: none of a private network, so that a webhook cannot reach what is behind it."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from socket import AF_INET, SOCK_STREAM, gaierror

from sinks.providers.http import Resolve, by_name


class NotPublic(OSError):
    """The host is on a private, local or reserved address."""


async def public_only(host: str, port: int) -> str:
    """The address that the host has now, all of its addresses being public: what is checked is what is called."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    except gaierror as fault:
        raise OSError(f"{host} has no address: {fault}") from None
    addresses = [(family, str(place[0])) for family, _, _, _, place in found]
    for _, address in addresses:
        if not is_public(address):
            raise NotPublic(f"{host} is at {address}, which is not public; set WAXWING_ALLOW_PRIVATE to allow it")
    return next((a for family, a in addresses if family == AF_INET), addresses[0][1])


def is_public(address: str) -> bool:
    """Whether anybody on the internet has this address.

    >>> [is_public(a) for a in ("93.184.216.34", "10.0.0.1", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "::1")]
    [True, False, False, False, False, False]
    """
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return ip.is_global and not ip.is_multicast


def resolver(allow_private: bool) -> Resolve:
    """How an `Http` finds a host."""
    return by_name if allow_private else public_only
