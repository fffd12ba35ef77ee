"""From which address a request comes, and whether it comes from a trusted proxy. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Final

Networks = Sequence[IPv4Network | IPv6Network]

_LONGEST_ADDRESS: Final = 64


def is_among(address: str, networks: Networks) -> bool:
    """Return whether an address belongs to one of the networks; a text that is no address does not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)


def client_address(peer: str, forwarded_for: str | None, proxies: Networks) -> str:
    """Return the address of the client: the last one in X-Forwarded-For that is no trusted proxy's.

    The header counts only if the peer is a trusted proxy; else anybody could write into it.
    """
    if not is_among(peer, proxies) or not forwarded_for:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    for hop in reversed(hops):
        if not is_among(hop, proxies):
            return hop or peer
    return hops[0] or peer


def network_of(address: str) -> str:
    """Return whom an address belongs to: itself for IPv4, the /64 of an IPv6 address."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:_LONGEST_ADDRESS]
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), 64), strict=False))
