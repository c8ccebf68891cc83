import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.config import parsing as p
from qstash_dev.config.options import OPTIONS

ACCEPTED = [
    (p.boolean, "true", True),
    (p.boolean, "1", True),
    (p.boolean, "On", True),
    (p.boolean, "off", False),
    (p.port, "0", 0),
    (p.port, "65535", 65_535),
    (p.duration_ms, "10", 10_000),
    (p.duration_ms, "500ms", 500),
    (p.duration_ms, "1h30m", 5_400_000),
    (p.duration_s, "7d", 604_800),
    (p.size, "500", 500),
    (p.size, "10MB", 10_000_000),
    (p.size, "2GB", 2_000_000_000),
    (p.size, "2GiB", 2 * 1024**3),
    (p.size, "2 MiB", 2_097_152),
    (p.app, "3000", "http://localhost:3000"),
    (p.app, ":5173", "http://localhost:5173"),
    (p.app, "127.0.0.1:8000", "http://127.0.0.1:8000"),
    (p.app, "https://my.app/", "https://my.app"),
    (p.address, "https://Me-8080.app.test:443/", "https://me-8080.app.test"),
    (p.address, "http://[::1]:80/base/", "http://[::1]/base"),
    (p.address, "http://a.test:443", "http://a.test:443"),
    (p.route, "https://a.com=3000", ("https://a.com", "http://localhost:3000", False)),
    (p.route, "https://a.com=:3000,keep-host", ("https://a.com", "http://localhost:3000", True)),
    (p.route, "http://a/x?b=c=http://l:1/y", ("http://a/x?b=c", "http://l:1/y", False)),
    (p.clock, "real", ("real", 1.0, None)),
    (p.clock, "frozen", ("frozen", 1.0, None)),
    (p.clock, "frozen@2026-01-01T00:00:00Z", ("frozen", 1.0, 1_767_225_600_000)),
    (p.clock, "frozen@2026-01-01", ("frozen", 1.0, 1_767_225_600_000)),
    (p.clock, "60x", ("scaled", 60.0, None)),
    (p.clock, "0.5", ("scaled", 0.5, None)),
    (p.clock, "1x", ("real", 1.0, None)),
    (p.hosts, "0.0.0.0", ("0.0.0.0",)),
    (p.hosts, "localhost, [::1]", ("127.0.0.1", "::1")),
    (p.unlimited_or(p.integer(0)), "unlimited", None),
    (p.unlimited_or(p.integer(0)), "7", 7),
]


@pytest.mark.parametrize(("parse", "text", "value"), ACCEPTED)
def test_a_setting_is_read(parse, text, value):
    assert parse(text) == value


REFUSED = [
    (p.path, "~\0", "'~\\x00' is not a path: it holds a NUL character."),
    (p.text, " ", "it is empty; expected some text."),
    (p.boolean, "maybe", '"maybe" is neither true nor false.'),
    (p.port, "eighty", '"eighty" is not a whole number; expected 0 to 65535.'),
    (p.port, "65536", "65536 is out of range; expected 0 to 65535."),
    (p.port, "-1", "-1 is out of range; expected 0 to 65535."),
    (p.port, "1.5", '"1.5" is not a whole number; expected 0 to 65535.'),
    (p.integer(1), "9" * 19, f"{'9' * 19} is out of range; expected at least 1."),
    (p.integer(1), "9" * 5_000, f"{'9' * 50} is out of range; expected at least 1."),
    (p.integer(1), "0", "0 is out of range; expected at least 1."),
    (p.size, "10TB", '"10TB" is not a size; expected one such as 500000, 10MB or 10MiB.'),
    (p.url, "my.app", '"my.app" is not a URL; expected one that begins with http:// or https://.'),
    *(
        (p.url, text, f"nobody can call {text!r}; expected a host, and perhaps a port.")
        for text in (
            "http://a\x1b[31m",
            "http://[::1",
            "http://a:99999",
            "http://a:0",
            "http://a..b",
        )
    ),
    *(
        (
            p.address,
            text,
            f'"{text}" is more than an address; expected a URL without user, query and fragment.',
        )
        for text in ("http://u:p@a.test", "http://a.test?x=1", "http://a.test/#x")
    ),
    (p.choice("payg", "pro"), "pyag", '"pyag" is none of payg, pro. Did you mean "payg"?'),
    (p.app, "0", "0 is out of range; expected 1 to 65535."),
    (
        p.app,
        "my app",
        '"my app" is not an address of an app; expected a port such as 3000, or a URL.',
    ),
    (
        p.route,
        "a.com=3000",
        '"a.com=3000" is not a route; expected FROM=TO, '
        "such as https://my-app.com=http://localhost:3000.",
    ),
    (
        p.clock,
        "frozen@soon",
        '"soon" is no moment; expected one such as 2026-01-01T00:00:00Z.',
    ),
    (
        p.clock,
        "frozen@1970-01-01",
        '"1970-01-01" is too early; expected a moment after the year 2000.',
    ),
    (p.clock, "0x", '"0x" is no clock; expected real, frozen, or a speed such as 60x.'),
    (
        p.hosts,
        "my.host",
        '"my.host" is not an IP address; expected one such as 127.0.0.1 or 0.0.0.0.',
    ),
]


@pytest.mark.parametrize(("parse", "text", "sentence"), REFUSED)
def test_a_bad_setting_is_explained(parse, text, sentence):
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) == sentence


PARSERS = {option.parse: option.name for option in OPTIONS}


@pytest.mark.parametrize("parse", PARSERS, ids=PARSERS.values())
@given(text=st.text(max_size=30))
def test_any_text_is_a_value_or_a_sentence(parse, text):
    sentence = None
    try:
        parse(text)
    except ValueError as error:
        sentence = str(error)
    assert sentence is None or sentence[-1] in ".?"


@pytest.mark.parametrize(
    "option", [o for o in OPTIONS if o.default is not None], ids=lambda option: option.name
)
def test_the_default_of_an_option_is_valid(option):
    option.parse(option.default)
