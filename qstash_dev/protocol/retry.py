"""When a failed attempt is tried again: response headers, `Upstash-Retry-Delay`, default backoff.

It refuses to know messages, limits and the clock; `settle` combines these rules.
"""

import ast
import math
import re
from collections.abc import Callable
from functools import lru_cache

from qstash_dev.protocol.headers import all_of
from qstash_dev.protocol.model import Headers, Response
from qstash_dev.protocol.timing import DAY_MS, parse_retry_after

RETRY_AFTER_HEADERS = (
    "retry-after",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
)
"""The headers that say when to come back, in the order in which they are asked (QStash docs, "Retry").

Ours: they count in every failed answer, not only in a 429.
"""

_MAX_TEXT = 500
_MAX_DEPTH = 40


def _round(x: float) -> float:
    """Ours, since the docs only name it: half away from zero, as everywhere outside Python."""
    return math.copysign(math.floor(abs(x) + 0.5), x)


# Every function works on floats: `pow` of integers could grow without bound.
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "pow": math.pow,
    "sqrt": math.sqrt,
    "abs": math.fabs,
    "exp": math.exp,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "round": _round,
    "min": min,
    "max": max,
}
_ARGUMENTS = {"pow": 2, "sqrt": 1, "abs": 1, "exp": 1, "floor": 1, "ceil": 1, "round": 1}
_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.USub: lambda a: -a,
}
_OPERATOR_NODES = tuple(_OPERATORS)
_TOKEN = re.compile(
    r"\s+|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+|[A-Za-z_][A-Za-z_0-9]*|[-+*/(),]"
)
_GRAMMAR = (
    "expected milliseconds made of numbers, retried, + - * /, parentheses and the functions "
    "pow, sqrt, abs, exp, floor, ceil, round, min, max"
)


def validate_retry_delay(expression: str) -> None:
    """Accept an `Upstash-Retry-Delay` expression (QStash docs, "Custom retry delay").

    Raises `ValueError` with a sentence that names what is wrong. Division by zero and overflow
    depend on `retried` and show only when the delay is computed.
    """
    _parse(expression)


@lru_cache(maxsize=512)
def _parse(expression: str) -> ast.expr:
    if len(expression) > _MAX_TEXT:
        raise ValueError(f"The retry delay is longer than {_MAX_TEXT} characters.")
    try:
        _check_tokens(expression)
        tree = ast.parse(re.sub(r"\s+", " ", expression.strip()), mode="eval").body
        _check(tree, depth=0)
    except (SyntaxError, MemoryError, RecursionError):  # the parser's words for "nested too deeply"
        raise _refused(expression, "it is not a complete expression") from None
    except _NotAllowed as problem:
        raise _refused(expression, str(problem)) from None
    return tree


class _NotAllowed(Exception):
    """What the expression holds that the grammar does not."""


def _refused(expression: str, problem: str) -> ValueError:
    return ValueError(f"The retry delay {expression!r} is not usable, {problem}: {_GRAMMAR}.")


def _check_tokens(expression: str) -> None:
    """Before Python's parser sees it: that one knows strings, comments, walruses and warnings."""
    at = 0
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None:
            raise _NotAllowed(f"unexpected {expression[at]!r}")
        word = token.group()
        if (word[0].isalpha() or word[0] == "_") and word != "retried" and word not in _FUNCTIONS:
            raise _NotAllowed(f"unknown name {word!r}")
        at = token.end()


def _check(node: ast.expr, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise _NotAllowed("it is nested too deeply")
    for child in _operands(node):
        _check(child, depth + 1)


def _operands(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.Constant(value=int() | float() as value):
            node.value = _number(value)
            return []
        case ast.Name(id="retried"):
            return []
        case ast.UnaryOp(op=ast.USub()):
            return [node.operand]
        case ast.BinOp() if isinstance(node.op, _OPERATOR_NODES):
            return [node.left, node.right]
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            _check_arguments(name, len(node.args))
            return node.args
        case ast.Name():
            raise _NotAllowed(f"{node.id} needs its arguments in parentheses")
        case _:
            raise _NotAllowed(f"{ast.unparse(node)!r} is not arithmetic of this language")


def _number(literal: float) -> float:
    """Literals become floats: an integer of 500 digits must overflow, not be carried along."""
    try:
        return float(literal)
    except OverflowError:
        return math.inf


def _check_arguments(name: str, count: int) -> None:
    wanted = _ARGUMENTS.get(name)
    if wanted is None and count < 2:
        raise _NotAllowed(f"{name} needs two or more values")
    if wanted is not None and count != wanted:
        raise _NotAllowed(f"{name} needs {wanted} value{'s' if wanted > 1 else ''}, not {count}")


def retry_delay_ms(expression: str | None, retried: int) -> int:
    """Milliseconds to wait before the next retry, when `retried` retries were made so far.

    0 to 24 hours, the most that QStash waits by default. Ours: an expression that has no finite value
    (division by zero, overflow) falls back to the default backoff, as does `None`.
    """
    if expression is None:
        return _backoff_ms(retried)
    value = _evaluate(expression, retried)
    if not math.isfinite(value):
        return _backoff_ms(retried)
    return round(min(max(value, 0.0), DAY_MS))


def _backoff_ms(retried: int) -> int:
    """`min(86400, e^(2.5 n))` s before the n-th retry: 12 s, 2 m 28 s, 30 m 8 s (docs, "Retry")."""
    return DAY_MS if retried >= 4 else round(math.exp(2.5 * (retried + 1))) * 1_000


def _evaluate(expression: str, retried: int) -> float:
    try:
        return _value(_parse(expression), float(retried))
    except (ArithmeticError, ValueError):  # 1/0, exp(1000), sqrt(-1)
        return math.nan


def _value(node: ast.expr, retried: float) -> float:
    values = [_value(child, retried) for child in _operands(node)]
    match node:
        case ast.Constant(value=number):
            return float(number)  # type: ignore[arg-type]  # it was checked
        case ast.UnaryOp(op=operator) | ast.BinOp(op=operator):
            return _OPERATORS[type(operator)](*values)
        case ast.Call(func=ast.Name(id=name)):
            return _FUNCTIONS[name](*values)
    return retried


def retry_after_ms(headers: Headers, now: int) -> int | None:
    """Milliseconds that the response asks to wait, by the first readable header of its family.

    `None` when there is none, or none that is readable and at most a day.
    """
    for wanted in RETRY_AFTER_HEADERS:
        for value in all_of(headers, wanted):
            if (wait := parse_retry_after(value, now)) is not None:
                return wait
    return None


def is_non_retryable(response: Response) -> bool:
    """489 with `Upstash-NonRetryable-Error: true` fails at once (QStash docs, "Retry").

    489 without the header is an ordinary failure.
    """
    return response.status == 489 and any(
        value.strip().lower() == "true"
        for value in all_of(response.headers, "upstash-nonretryable-error")
    )
