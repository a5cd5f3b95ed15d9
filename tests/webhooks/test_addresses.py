"""Which addresses are public."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from router_app.webhooks.addresses import is_public, may_reach

REFUSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
    127.255.255.254 168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1
    192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255
    192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
    240.0.0.1 255.255.255.255

    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:10.0.0.1
    64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b::100.64.0.1
    64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1
    2001:20::1 2001:db8::1 2002:a00:1::1 2002:808:808::1 2002:7f00:1:: 2620:4f:8000::1 3fff::1
    4000::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fe80::a9fe:a9fe fe80::1%eth0
    2606:4700::1111%eth0 fec0::1 ff02::1 ff0e::1 ffff::1
"""
PUBLIC = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    168.63.129.15 169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 223.255.255.255 2001:200::1 2001:4860:4860::8888 2003::1
    2606:4700:4700::1111 2a00:1450:4001:800::200e 64:ff9b::8.8.8.8
"""
NAT64 = IPv6Network("64:ff9b::/96")  # special to Python, whatever is in it


@pytest.mark.parametrize("address", REFUSED.split())
def test_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses())
def test_what_python_calls_special_is_not_public(address: IPv4Address | IPv6Address) -> None:
    assume(address not in NAT64)
    if (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or not address.is_global
    ):
        assert not is_public(address)


@given(st.ip_addresses(v=4))
@example(IPv4Address("10.0.0.1"))
@example(IPv4Address("8.8.8.8"))
def test_an_ipv4_address_inside_another_one_opens_no_door(inner: IPv4Address) -> None:
    number = int(inner)
    assert is_public(IPv6Address((0x64FF9B << 96) | number)) == is_public(inner)
    for hidden in (
        number,  # compatible
        (0xFFFF << 32) | number,  # mapped
        (0xFFFF << 48) | number,  # translated
        (0x2002 << 112) | (number << 80) | 1,  # 6to4
        (0x20010000 << 96) | (number << 64) | 1,  # Teredo, as its server
        (0x20010000 << 96) | (number ^ 0xFFFF_FFFF),  # Teredo, as its client
    ):
        assert not is_public(IPv6Address(hidden))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_only_where_that_is_allowed(address: str) -> None:
    assert may_reach(ip_address(address), allow_loopback=True)
    assert not may_reach(ip_address(address))


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "0.0.0.0", "fd00::1", "::"])
def test_allowing_this_machine_allows_nothing_else(address: str) -> None:
    assert not may_reach(ip_address(address), allow_loopback=True)
