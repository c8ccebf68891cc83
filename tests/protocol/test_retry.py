"""The rules of QStash's "Retry" page as tables; the expression language against hostile input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.model import Headers, Response, Timing
from qstash_dev.protocol.retry import (
    is_non_retryable,
    retry_after_ms,
    retry_delay_ms,
    validate_retry_delay,
)
from qstash_dev.protocol.timing import DAY_MS, format_duration

NOW = 1_787_313_600_000


@pytest.mark.parametrize(
    ("retried", "seconds"),
    [
        (0, 12),  # e^2.5  = 12.18
        (1, 148),  # e^5    = 148.41
        (2, 1_808),  # e^7.5  = 1808.04
        (3, 22_026),  # e^10   = 22026.47
        (4, 86_400),  # e^12.5 = 268337, more than a day
        (5, 86_400),
        (10_000, 86_400),
    ],
)
def test_default_backoff_is_that_of_the_docs(retried: int, seconds: int) -> None:
    assert retry_delay_ms(None, retried) == seconds * 1_000


def test_default_backoff_reads_as_in_the_docs() -> None:
    shown = [format_duration(retry_delay_ms(None, n)) for n in range(5)]
    assert shown == ["12s", "2m28s", "30m8s", "6h7m", "1d"]


@pytest.mark.parametrize(
    ("expression", "retried", "ms"),
    [
        ("1000", 0, 1_000),
        ("1000 * (1 + retried)", 0, 1_000),
        ("1000 * (1 + retried)", 2, 3_000),
        ("pow(2, retried) * 1000", 3, 8_000),
        ("max(1000, min(5000, retried * 500))", 4, 2_000),
        ("max(1, 2, 3)", 0, 3),
        ("min(retried, 2, 3)", 1, 1),
        ("sqrt(16) * 100", 0, 400),
        ("abs(-250)", 0, 250),
        ("-(-250)", 0, 250),
        ("exp(0)", 0, 1),
        ("floor(2.9)", 0, 2),
        ("ceil(2.1)", 0, 3),
        ("round(2.5)", 0, 3),  # half away from zero, not to even
        ("round(-2.5) + 10", 0, 7),
        ("7 / 2 * 2", 0, 7),
        ("10 - 2 - 3", 0, 5),
        ("2 + 3 * 4", 0, 14),
        ("1e3", 0, 1_000),
        (".5 * 10", 0, 5),
        ("  1000\n * 2 ", 0, 2_000),
        ("retried", 0, 0),
        ("0 - 5000", 0, 0),  # never in the past
        ("99999999999", 0, DAY_MS),  # at most a day
        ("pow(10, 300)", 0, DAY_MS),
    ],
)
def test_an_expression_gives_milliseconds(expression: str, retried: int, ms: int) -> None:
    validate_retry_delay(expression)
    assert retry_delay_ms(expression, retried) == ms


@pytest.mark.parametrize(
    "expression",
    [
        "1 / retried",
        "1000 / (retried - retried)",
        "exp(100000)",
        "pow(10, 400)",
        "pow(pow(10, 200), 200)",
        "sqrt(0 - 1)",
        "pow(0 - 1, 0.5)",
        "1e308 * 10",
        "1e999",
        "1e999 - 1e999",
        "floor(1e999)",
        "round(1e999)",
        "9" * 400,
        "9" * 400 + " / " + "9" * 90,
    ],
)
def test_an_expression_without_a_value_falls_back_to_the_backoff(expression: str) -> None:
    validate_retry_delay(expression)
    assert retry_delay_ms(expression, 0) == retry_delay_ms(None, 0)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "not a complete expression"),
        ("   ", "not a complete expression"),
        ("1 +", "not a complete expression"),
        ("(1", "not a complete expression"),
        ("1 2", "not a complete expression"),
        ("1 retried", "not a complete expression"),
        ("retries * 1000", "unknown name 'retries'"),
        ("eval(1)", "unknown name 'eval'"),
        ("__import__(1)", "unknown name '__import__'"),
        ("1 or 2", "unknown name 'or'"),
        ("1or 2", "unknown name 'or'"),
        ("True", "unknown name 'True'"),
        ("log(10)", "unknown name 'log'"),
        ("10s", "unknown name 's'"),
        ("1_000", "unknown name '_000'"),
        ("0x10", "unknown name 'x10'"),
        ("'a'", 'unexpected "\'"'),
        ("2 % 3", "unexpected '%'"),
        ("retried.real", "unexpected '.'"),
        ("[1][0]", "unexpected '['"),
        ("1 < 2", "unexpected '<'"),
        ("1 # ms", "unexpected '#'"),
        ("pow(x=1)", "unknown name 'x'"),
        ("2 ** 3", "not arithmetic"),
        ("7 // 2", "not arithmetic"),
        ("+1", "not arithmetic"),
        ("(1, 2)", "not arithmetic"),
        ("min(1, *(1, 2))", "not arithmetic"),
        ("retried(1)", "not arithmetic"),
        ("pow(1)(2)", "not arithmetic"),
        ("pow", "pow needs its arguments"),
        ("pow(2)", "pow needs 2 values, not 1"),
        ("sqrt()", "sqrt needs 1 value, not 0"),
        ("round(1, 2)", "round needs 1 value, not 2"),
        ("min(1)", "min needs two or more values"),
        ("-" * 100 + "1", "nested too deeply"),
        ("(" * 240 + "1" + ")" * 240, "not a complete expression"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(expression: str, problem: str) -> None:
    with pytest.raises(ValueError) as refused:
        validate_retry_delay(expression)
    assert problem in str(refused.value)
    assert "expected milliseconds made of numbers" in str(refused.value)


def test_a_very_long_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 500 characters"):
        validate_retry_delay("1+" * 400 + "1")


def test_the_longest_accepted_sum_can_be_evaluated() -> None:
    expression = "(" + "+".join(["1"] * 40) + ")"
    assert retry_delay_ms(expression, 0) == 40


@given(st.text(max_size=60), st.integers(0, 100))
def test_any_text_is_refused_or_gives_a_delay_within_a_day(text: str, retried: int) -> None:
    assert_refused_or_within_a_day(text, retried)


@given(
    st.lists(
        st.sampled_from(
            [*"0123456789", *"+-*/(),. ", "retried", "pow(", "exp(", "max(", "min(", "1e99"]
        ),
        max_size=20,
    ).map("".join),
    st.integers(0, 100),
)
def test_any_arithmetic_is_refused_or_gives_a_delay_within_a_day(text: str, retried: int) -> None:
    assert_refused_or_within_a_day(text, retried)


def assert_refused_or_within_a_day(text: str, retried: int) -> None:
    try:
        validate_retry_delay(text)
    except ValueError:
        return
    assert 0 <= retry_delay_ms(text, retried) <= DAY_MS


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((), None),
        ((("Retry-After", "5"),), 5_000),
        ((("Retry-After", "0"),), 0),
        ((("retry-after", "10s"),), 10_000),
        ((("X-RateLimit-Reset", "6m5s"),), 365_000),
        ((("X-Ratelimit-Reset-Requests", "1.5s"),), 1_500),
        ((("X-Ratelimit-Reset-Tokens", "300ms"),), 300),
        ((("X-RateLimit-Reset", "7"), ("Retry-After", "5")), 5_000),  # the family's order
        ((("Retry-After", "soon"), ("X-RateLimit-Reset", "7")), 7_000),
        ((("X-RateLimit-Reset", "1735689600"),), None),  # a unix time: more than a day
        ((("Retry-After", "Fri, 21 Aug 2026 12:00:30 GMT"),), 30_000),
        ((("X-Other", "5"),), None),
    ],
)
def test_the_response_says_when_to_come_back(headers: Headers, wait: int | None) -> None:
    assert retry_after_ms(headers, NOW) == wait


@pytest.mark.parametrize(
    ("status", "headers", "final"),
    [
        (489, (("Upstash-NonRetryable-Error", "true"),), True),
        (489, (("upstash-nonretryable-error", "True"),), True),
        (489, (("Upstash-Nonretryable-Error", "false"),), False),
        (489, (), False),
        (500, (("Upstash-NonRetryable-Error", "true"),), False),
    ],
)
def test_only_489_with_the_header_is_final(status: int, headers: Headers, final: bool) -> None:
    response = Response(status, headers, b"", Timing(NOW))
    assert is_non_retryable(response) is final
