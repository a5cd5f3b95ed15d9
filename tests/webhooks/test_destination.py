"""What a webhook's URL must look like."""

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.errors import InvalidRequest
from router_app.webhooks.addresses import is_public
from router_app.webhooks.destination import (
    MAX_URL_CHARACTERS,
    Destination,
    check_url,
    destination_of,
)


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://h.example", ("https", "h.example", 443, "/", None)),
        ("HTTPS://H.Example:8443/A/../b?c=d", ("https", "h.example", 8443, "/b?c=d", None)),
        ("https://h.example:443?x", ("https", "h.example", 443, "/?x", None)),
        ("https://h.example./in", ("https", "h.example", 443, "/in", None)),
        (
            "https://b\u00fccher.example/\u00e4",
            ("https", "xn--bcher-kva.example", 443, "/%C3%A4", None),
        ),
        ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/", ip_address("8.8.8.8"))),
        (
            "https://[2606:4700::1111]:2000/",
            ("https", "2606:4700::1111", 2000, "/", ip_address("2606:4700::1111")),
        ),
    ],
)
def test_a_good_url(url: str, expected: tuple[object, ...]) -> None:
    assert tuple(destination_of(url)) == expected
    check_url(url)


@pytest.mark.parametrize(
    "url, authority",
    [
        ("https://h.example/", "h.example"),
        ("https://h.example:8443/", "h.example:8443"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]"),
        ("https://[2606:4700::1111]:2000/", "[2606:4700::1111]:2000"),
    ],
)
def test_what_the_host_header_says(url: str, authority: str) -> None:
    assert destination_of(url).authority == authority


SHAPE = "looks like https://"
BLANKS = "no spaces, line breaks or backslashes"
SCHEME = "begins with https://"
USER = "no user name"
PORT = "port is 443"
NAME = "host name cannot be used"
LOCAL = "known on the Internet"
LITERAL = "four decimal numbers"
REFUSED = "never sent to private"


@pytest.mark.parametrize(
    "url, said",
    [
        ("", SHAPE),
        ("h.example", SHAPE),
        ("//h.example/", SHAPE),
        ("https:h.example", SHAPE),
        ("https:///in", SHAPE),
        ("https://:443/", SHAPE),
        ("https://?x", SHAPE),
        ("https://h.example:x/", SHAPE),
        ("https://h.example:+443/", SHAPE),
        ("https://h.example:443:80/", SHAPE),
        ("https://h.example:\uff14\uff14\uff13/", SHAPE),
        ("https://[::1/", SHAPE),
        ("https://[::1]x/", SHAPE),
        ("https://[fe80::1%25eth0]/", SHAPE),
        ("https://[fe80::1%eth0]/", SHAPE),
        ("https://[v1.x]/", SHAPE),
        ("https://a@b@h.example/", SHAPE),
        ("javascript://h.example/", SCHEME),
        ("http://h.example/", SCHEME),
        ("ftp://h.example/", SCHEME),
        ("file://h.example/etc/passwd", SCHEME),
        ("gopher://h.example/", SCHEME),
        ("\u017fttps://h.example/", SHAPE),
        ("https://me:word@h.example/", USER),
        ("https://@h.example/", USER),
        ("https://8.8.8.8@10.0.0.1/", USER),
        ("https://h.example#@evil.example/", "no '#'"),
        ("https://h.example/#", "no '#'"),
        ("https://h.example:0/", PORT),
        ("https://h.example:22/", PORT),
        ("https://h.example:25/", PORT),
        ("https://h.example:80/", PORT),
        ("https://h.example:65536/", PORT),
        ("https://h.example:99999/", PORT),
        (" https://h.example/", BLANKS),
        ("https://h.example/ ", BLANKS),
        ("https://h.example\\@evil.example/", BLANKS),
        ("https://h.example/\r\nX: y", BLANKS),
        ("https://h.example/in HTTP/1.1\r\nHost: evil.example\r\n\r\n", BLANKS),
        ("https://h.example\n.evil.example/", BLANKS),
        ("https://h.example/\t", BLANKS),
        ("https://h.example/\x00", BLANKS),
        ("https://h.example/\u2028", BLANKS),
        ("https://h.example/\u202e", BLANKS),
        ("https://h.example/\ud800", BLANKS),
        ("https://h..example/", NAME),
        ("https://.h.example/", NAME),
        ("https://h.example../", NAME),
        ("https://-h.example/", NAME),
        ("https://h%2eexample/", NAME),
        ("https://%31%32%37.0.0.1.example/", NAME),
        ("https://h,evil.example/", NAME),
        ("https://\uff48.example/", NAME),
        ("https://\u2460.example/", NAME),
        ("https://" + "a" * 64 + ".example/", NAME),
        ("https://" + "a." * 126 + "example/", NAME),
        ("https://localhost/", LOCAL),
        ("https://localhost./", LOCAL),
        ("https://LOCALHOST/", LOCAL),
        ("https://x.localhost/", LOCAL),
        ("https://web/", LOCAL),
        ("https://printer.local/", LOCAL),
        ("https://metadata.google.internal/", LOCAL),
        ("https://router.home.arpa/", LOCAL),
        ("https://2130706433/", LITERAL),
        ("https://134744072/", LITERAL),  # 8.8.8.8, which is public: one spelling is enough
        ("https://0x7f000001/", LITERAL),
        ("https://0x7f.1/", LITERAL),
        ("https://0X7F.0.0.0X1/", LITERAL),
        ("https://127.1/", LITERAL),
        ("https://127.0.1/", LITERAL),
        ("https://127.0.0.0x1/", LITERAL),
        ("https://10.0.0.0x/", LITERAL),
        ("https://0/", LITERAL),
        ("https://10.0.0.1./", LITERAL),
        ("https://2130706433./", LITERAL),
        ("https://127\u30020.0\u30021/", REFUSED),  # with ideographic full stops
        ("https://1.2.3.4.5/", LITERAL),
        ("https://256.256.256.256/", NAME),
        ("https://0177.0.0.1/", NAME),
        ("https://010.0.0.1/", NAME),
        ("https://127.0.0.1/", REFUSED),
        ("https://10.0.0.1/", REFUSED),
        ("https://169.254.169.254/latest/meta-data/", REFUSED),
        ("https://100.100.100.200/", REFUSED),
        ("https://0.0.0.0/", REFUSED),
        ("https://[::]/", REFUSED),
        ("https://[::1]/", REFUSED),
        ("https://[::ffff:10.0.0.1]/", REFUSED),
        ("https://[::ffff:a00:1]/", REFUSED),
        ("https://[0:0:0:0:0:ffff:7f00:1]/", REFUSED),
        ("https://[::10.0.0.1]/", REFUSED),
        ("https://[64:ff9b::a00:1]/", REFUSED),
        ("https://[2002:a00:1::]/", REFUSED),
        ("https://[fd00:ec2::254]/", REFUSED),
        ("https://[fe80::1]/", REFUSED),
    ],
)
def test_a_bad_url_is_refused_with_the_reason(url: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        check_url(url)
    assert said in raised.value.message
    assert raised.value.param == "url"


@pytest.mark.parametrize("filler", ["a", "\u00e4", "%"])
def test_a_url_has_a_length(filler: str) -> None:
    with pytest.raises(InvalidRequest, match="2,048 characters"):
        check_url("https://h.example/" + filler * MAX_URL_CHARACTERS)
    check_url("https://h.example/" + filler * 300)


def spellings(address: IPv4Address) -> list[str]:
    """What some program or other reads as this address."""
    a, b, c, d = address.packed
    number = int(address)
    return [
        f"{a}.{b}.{c}.{d}",
        f"{a}.{b}.{(c << 8) | d}",
        f"{a}.{number & 0xFFFFFF}",
        f"{number}",
        f"0x{number:x}",
        f"0{number:o}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"00{a}.{b}.{c}.{d}",
        f"{a}.0x{b:x}.0{c:o}.{d}",
        f"{a}.{b}.{c}.{d}.",
        f"{a}\u3002{b}\uff0e{c}\uff61{d}",
        f"[::ffff:{address}]",
        f"[::{address}]",
        f"[::ffff:{(a << 8) | b:x}:{(c << 8) | d:x}]",
        f"[64:ff9b::{address}]",
        f"[64:ff9b:1::{address}]",
        f"[2002:{(a << 8) | b:x}:{(c << 8) | d:x}::1]",
    ]


@given(st.ip_addresses(v=4).filter(lambda address: not is_public(address)))
def test_no_spelling_of_a_private_address_gets_through(address: IPv4Address) -> None:
    for host in spellings(address):
        with pytest.raises(InvalidRequest):
            check_url(f"https://{host}/")


@given(st.text(), st.booleans())
def test_whatever_is_typed_is_refused_or_one_line_of_ascii(text: str, allow_loopback: bool) -> None:
    for url in (text, f"https://{text}", f"https://h.example/{text}", f"https://h.example:{text}"):
        try:
            destination = destination_of(url, allow_loopback=allow_loopback)
        except InvalidRequest:
            continue
        sent = destination.authority + destination.target
        assert sent.isascii() and sent.isprintable() and " " not in sent
        assert destination.target.startswith("/")


def test_this_machine_is_for_tests() -> None:
    for url in (
        "http://localhost:8000/",
        "http://127.0.0.1/",
        "http://[::1]:9000/",
        "http://h.example/",
    ):
        check_url(url, allow_loopback=True)
        with pytest.raises(InvalidRequest):
            check_url(url)
    for url in ("http://10.0.0.1/", "http://web/", "ftp://localhost/", "http://a@localhost/"):
        with pytest.raises(InvalidRequest):
            check_url(url, allow_loopback=True)


def test_a_destination_names_its_address_or_none() -> None:
    by_name: Destination = destination_of("https://h.example/")
    assert by_name.address is None
