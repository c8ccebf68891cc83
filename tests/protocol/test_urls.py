"""Where a URL leads, however it is spelled. A new spelling is a new row."""

import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qstash_dev.protocol.destination import check_url
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.urls import (
    Nearby,
    Place,
    dialled,
    is_local_name,
    origin_of,
    place_of,
    route,
    site_of,
    way,
)
from qstash_dev.transport.target import target_of

LOOPBACK = [
    *("localhost", "LOCALHOST", "localhost.", "LocalHost..", "app.localhost", "a.b.LOCALHOST."),
    *("127.0.0.1", "127.8.9.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001"),
    *("0x7F.1", "0x7f.0.0.0x1", "0177.0.0.1", "017700000001", "127.0.0.01", "00000177.1"),
    *("0.0.0.0", "0", "0x0", "000", "[::]", "[0:0:0:0:0:0:0:0]"),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::1%25lo]", "[::1%lo]"),
    *("[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "[::ffff:0:0]", "[::127.0.0.1]"),
    *("%6cocalhost", "LOCAL%48OST", "127%2e0.0.1", "%31%32%37.0.0.1", "local%68ost%2e"),
    *("\uff11\uff12\uff17.0.0.1", "127\u30020.0.1", "\u2113ocalhost", "localho\u017ft"),
]
PRIVATE = [
    *(
        "192.168.1.5",
        "10.0.0.1",
        "172.16.0.1",
        "169.254.1.1",
        "0xa9fea9fe",
        "[fe80::1]",
        "[fc00::1]",
    ),
    *("[::ffff:10.0.0.1]", "web", "nas.local", "host.docker.internal", "x.lan", "ip6-localhost"),
]
OUTSIDE = [
    *("example.com", "EXAMPLE.com.", "8.8.8.8", "134744072", "[2001:4860:4860::8888]"),
    *("localhost.example.com", "notlocalhost.com", "127.0.0.1.nip.io", "128.0.0.1"),
    *("127.0.0.1.1", "127.0.0.256", "127.0.0.8a", "127.0x.0.1.com", "127.08.0.1", "1.2.3.4.5"),
    *("4294967296.0", "9" * 9_000 + ".1", "127.0.0x", "127..1", "0x7f.0.0.1.example"),
]
NOTHING = ["", ".", "[", "[]", "[::1", "[localhost]x", "a:b", "localhost:80:80", "localhost:65536"]


@pytest.mark.parametrize(
    ("host", "place"),
    [
        *((host, Place.LOOPBACK) for host in LOOPBACK),
        *((host, Place.PRIVATE) for host in PRIVATE),
        *((host, Place.OUTSIDE) for host in OUTSIDE),
    ],
)
def test_a_host_is_placed_by_what_it_means(host: str, place: Place) -> None:
    for url in (f"http://{host}", f"HTTPS://{host}:8443/x", f"http://u:p@{host}:80?x#y"):
        assert place_of(url) is place
        assert way(url).place is place
    for decoy in (f"http://{host}@example.com/", f"http://example.com/{host}", f"ftp://{host}/"):
        assert place_of(decoy) is Place.OUTSIDE


@pytest.mark.parametrize("address", NOTHING)
def test_what_is_no_address_is_outside(address: str) -> None:
    assert site_of(f"http://{address}/x") is None
    assert place_of(f"http://{address}/x") is Place.OUTSIDE


@pytest.mark.parametrize("host", LOOPBACK)
def test_our_own_listeners_are_known_in_any_spelling(host: str) -> None:
    own = frozenset({8080, 80})
    for url in (f"http://{host}:8080/_dev/", f"http://u@{host}:08080", f"http://{host}/v2/keys"):
        assert way(url, own_ports=own).place is Place.OURS
    for url in (f"http://{host}:3000/", f"https://{host}/"):
        assert way(url, own_ports=own).place is Place.LOOPBACK


def test_our_ports_on_other_machines_are_not_ours() -> None:
    assert way("http://example.com:8080/", own_ports=frozenset({8080})).place is Place.OUTSIDE
    assert way("http://10.0.0.1:8080/", own_ports=frozenset({8080})).place is Place.PRIVATE


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.lists(st.sampled_from("dxo"), min_size=4))
def test_numbers_are_read_as_the_system_reads_them(value: int, words: int, bases: str) -> None:
    tail = 8 * (5 - words)
    numbers = [(value >> 32 - 8 * i) & 255 for i in range(1, words)] + [value % (1 << tail)]
    spell: dict[str, Callable[[int], str]] = {"d": str, "x": hex, "o": lambda n: f"0{n:o}"}
    host = ".".join(spell[base](n) for base, n in zip(bases, numbers, strict=False))
    plain = socket.inet_ntoa(socket.inet_aton(host))
    assert place_of(f"http://{host}/") is place_of(f"http://{plain}/")


HOSTILE = st.text(st.sampled_from("aZ0.:@[]/?#\\%2e5b-_ \t\u3002\uff0e!$&'()*+,;=~|"), max_size=24)


@given(st.sampled_from(["http://", "HTTPS://", "http://localhost"]), HOSTILE)
def test_the_judged_host_and_port_are_those_that_are_called(scheme: str, rest: str) -> None:
    try:
        text = check_url(scheme + rest)
        called = target_of(text)
    except (QStashError, ValueError):
        return
    site, host = site_of(text), called.host
    assert site is not None
    assert called.is_tls == (site.scheme == "https")
    plain = f"{site.scheme}://{f'[{host}]' if ':' in host else host}:{called.port}/"
    assert site_of(plain) == replace(site, has_user=False)


def test_only_the_machine_itself_has_a_local_name() -> None:
    assert is_local_name("App.LocalHost.")
    assert not is_local_name("127.0.0.1")


# Routes


ROUTES = (
    ("https://app.example.com", "http://localhost:3000"),
    ("https://app.example.com/admin", "http://localhost:4000/a"),
    ("http://slash/", "http://localhost:5000/"),
    ("http://port.example:81", "http://localhost:6000"),
    ("http://deep.example/a/", "http://localhost:7000"),
)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://app.example.com", "http://localhost:3000"),
        ("https://app.example.com/x?y#z", "http://localhost:3000/x?y#z"),
        ("https://app.example.com?y", "http://localhost:3000?y"),
        ("https://app.example.com:443/x%2F", "http://localhost:3000/x%2F"),
        ("HTTPS://App.Example.COM./x", "http://localhost:3000/x"),
        ("https://app.example.com/admin/1", "http://localhost:4000/a/1"),
        ("https://app.example.com/admin?x", "http://localhost:4000/a?x"),
        ("https://app.example.com/administer", "http://localhost:3000/administer"),
        ("http://slash/x", "http://localhost:5000/x"),
        ("http://slash", "http://localhost:5000"),
        ("http://slash:80//x", "http://localhost:5000//x"),
        ("http://port.example:81/x", "http://localhost:6000/x"),
        ("http://deep.example/a/b", "http://localhost:7000/b"),
    ],
)
def test_the_longest_route_that_fits_replaces_its_prefix(url: str, target: str) -> None:
    assert route(url, ROUTES) == target
    assert way(url, ROUTES).is_routed


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com:8443/x",
        "http://app.example.com/x",
        "https://app.example.community/x",
        "https://app.example.com.evil.example/x",
        "https://app.example.com@evil.example/x",
        "https://app.example.com:x@evil.example/x",
        "https://app.example.com:443@evil.example/x",
        "https://user:pw@app.example.com/x",
        "https://@app.example.com/x",
        "https://app.example.com\\@evil.example/x",
        "http://port.example/x",
        "http://deep.example/ab",
        "https://other.example.com/",
        "no URL",
    ],
)
def test_a_url_that_only_begins_like_a_route_keeps_its_way(url: str) -> None:
    assert route(url, ROUTES) == url
    assert not way(url, ROUTES).is_routed


@pytest.mark.parametrize(
    ("to", "is_here", "leaves"),
    [
        ("http://localhost:3000", True, False),
        ("http://localhost:8080", False, False),
        ("http://web:3000", True, False),
        ("https://staging.example", True, True),
    ],
)
def test_a_routed_url_is_judged_by_its_target(to: str, is_here: bool, leaves: bool) -> None:
    leads = way("https://app.example.com/x", (("https://app.example.com", to),), frozenset({8080}))
    assert (leads.target, leads.is_here, leads.leaves) == (f"{to}/x", is_here, leaves)


@pytest.mark.parametrize(
    ("url", "is_here", "leaves"),
    [
        ("http://localhost:3000/", True, False),
        ("http://127.1:8080/", False, False),
        ("http://web:3000/", False, True),
        ("https://example.com/", False, True),
        ("no URL", False, True),
    ],
)
def test_a_url_without_a_route_is_judged_by_itself(url: str, is_here: bool, leaves: bool) -> None:
    leads = way(url, (), frozenset({8080}))
    assert (leads.target, leads.is_here, leads.leaves) == (url, is_here, leaves)


@pytest.mark.parametrize(
    "url",
    [
        *(f"http://{host}:3000/{host}" for host in LOOPBACK),
        *("https://localhost:3000/", "http://user@127.1:3000", "https://app.example.com/x"),
    ],
)
def test_one_port_of_this_machine_is_one_app(url: str) -> None:
    assert dialled(url, ROUTES) == "localhost:3000"


@pytest.mark.parametrize(
    ("url", "app"),
    [
        ("http://localhost/", "localhost:80"),
        ("https://Example.COM./x", "example.com:443"),
        ("http://134744072:81/", "8.8.8.8:81"),
        ("http://[2001:db8:0::1]/", "2001:db8::1:80"),
        ("no URL", ""),
    ],
)
def test_an_app_is_known_by_host_and_port(url: str, app: str) -> None:
    assert dialled(url) == app


def test_an_origin_has_no_credentials() -> None:
    assert origin_of("HTTP://user:secret@127.0.0.1:3000/a?b") == "http://127.0.0.1:3000"
    assert origin_of("no URL") == ""


NETWORK = Nearby(is_private=True, names=("shop.test", "*.preview.test"))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://app:3000/x", Place.NEAR),
        ("http://my_stack-app-1/x", Place.NEAR),
        ("http://host.docker.internal:3000/", Place.NEAR),
        ("http://172.18.0.3:3000/", Place.NEAR),
        ("http://[fd00::3]:3000/", Place.NEAR),
        ("http://SHOP.test./x", Place.NEAR),
        ("http://a.preview.test/", Place.NEAR),
        ("http://localhost:3000/", Place.LOOPBACK),
        ("http://127.0.0.1:8080/_dev/reset", Place.OURS),
        ("http://169.254.169.254/latest/meta-data", Place.PRIVATE),
        ("http://[fe80::1]/", Place.PRIVATE),
        ("http://preview.test/", Place.OUTSIDE),
        ("http://xshop.test/", Place.OUTSIDE),
        ("https://example.com/", Place.OUTSIDE),
        ("http:///x", Place.OUTSIDE),
    ],
)
def test_in_a_container_its_network_counts_as_this_machine(url: str, place: Place) -> None:
    leads = way(url, (), frozenset({8080}), NETWORK)
    assert (leads.place, leads.is_here) == (place, place in (Place.NEAR, Place.LOOPBACK))
    assert leads.leaves == (place in (Place.PRIVATE, Place.OUTSIDE))
