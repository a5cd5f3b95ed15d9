"""Which IP addresses a webhook may reach: those that anybody on the Internet could. Pure.

Written out from IANA's special-purpose registries (iana-ipv4-special-registry, RFC 6890, and
iana-ipv6-special-registry) instead of asking `is_global`, whose answers differ between patch
releases of Python and let some ways of writing an IPv4 address inside an IPv6 one through.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

_REFUSED_V4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier's customers; Alibaba's metadata too
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, as its machines see it
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata too
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112: answers for private names, wherever one is
        "192.52.193.0/24",  # multicast tunnels
        "192.88.99.0/24",  # 6to4 relays, given up
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # measuring
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All that is in use for hosts. Outside of it, and so refused: loopback, IPv4 mapped, compatible and
# translated, NAT64 of one's own (64:ff9b:1::/48), discard, SRv6, ULA, link-local, site-local,
# multicast.
_UNICAST_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, which holds an IPv4 address, ORCHID, measuring
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address; given up
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# What a host without IPv4 sees of one without IPv6: the last 32 bits are its address (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")


def may_reach(address: IPAddress, *, allow_loopback: bool = False) -> bool:
    """Whether a webhook may be sent to this address."""
    return is_public(address) or (allow_loopback and address.is_loopback)


def is_public(address: IPAddress) -> bool:
    """Whether the address is one host's, the same for everybody, and no way into a network."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if address.scope_id is not None:  # "%eth0": an address on one of our own links
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _UNICAST_V6 and not any(address in network for network in _REFUSED_V6)
