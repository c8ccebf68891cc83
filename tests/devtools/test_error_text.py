"""The words of a failed answer, as frameworks write them: the message, and never a lone bracket."""

import json

import pytest

from qstash_dev.devtools.explain.error_text import read_response
from qstash_dev.protocol.model import Response, Timing


def headline(body: str) -> str:
    return read_response(Response(500, (), body.encode(), Timing(0))).headline


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        # h3 and Nuxt
        ({"statusCode": 422, "statusMessage": "Missing userId", "stack": []}, "Missing userId"),
        (
            {"statusCode": 500, "stack": ["Error: boom at a", "at b"]},
            "Error: boom at a",
        ),
        (
            {"error": True, "statusCode": 500, "statusMessage": "Server Error", "message": "boom"},
            "boom",
        ),
        # Spring
        (
            {"status": 500, "error": "Internal Server Error", "trace": "java.lang.X: y\n\tat z"},
            "Internal Server Error",
        ),
        ({"status": 400, "error": "Bad Request", "message": "a is required"}, "a is required"),
        # Rails
        (
            {"status": 500, "error": "Internal Server Error", "exception": "#<NameError: x>"},
            "#<NameError: x>",
        ),
        # ASP.NET and problem+json
        ({"title": "Invalid", "errors": {"A": ["The A field is required."]}}, "A: The A field"),
        ({"type": "about:blank", "title": "Bad", "detail": "no stock"}, "no stock"),
        # NestJS, Zod, Django REST framework, OAuth
        ({"statusCode": 400, "message": ["a must be a string"], "error": "Bad"}, "a must be a"),
        ({"issues": [{"path": ["a", 0], "message": "Required"}]}, "a.0: Required"),
        ({"message": '[\n  {"path": ["a"], "message": "Required"}\n]'}, "a: Required"),
        ({"email": ["This field is required."]}, "email: This field is required."),
        ({"error": {"json": {"message": "No procedure", "code": -32004}}}, "No procedure"),
        ({"error": "PrismaError: \n\nUnique constraint failed"}, "PrismaError: Unique constraint"),
        ({"error": "invalid_request", "error_description": "no code"}, "no code"),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_message_of_a_document_is_found(document, expected, indent):
    assert headline(json.dumps(document, indent=indent)).startswith(expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{\n  "ok": false,\n  "code": 7\n}', '{ "ok": false, "code": 7 }'),
        ("{\n  error: 'boom',\n  code: 7\n}", "{ error: 'boom', code: 7 }"),
        ("[\n  1\n]", "[ 1 ]"),
        ('{\n  "message": "cut \\"here\\"",\n  "stack": "at ', 'cut "here"'),
        ("Traceback (most recent call last):\n  File x\nValueError: boom\n", "ValueError: boom"),
        ("TypeError: boom\n    at handler (x.js:1)", "TypeError: boom"),
        ('<?xml version="1.0"?>\n<Error>\n <Message>no stock</Message>\n</Error>', "no stock"),
        ("\n\n  boom\n", "boom"),
        ("<h1>No stock</h1>", "No stock"),
        ("<title>400 Bad Request</title><p>no stock</p>", "400 Bad Request no stock"),
        ("<html><title>400 Bad Request</title><p>no stock</p>", "400 Bad Request: no stock"),
        ("", ""),
    ],
)
def test_a_text_over_several_lines_gives_the_line_that_tells(body, expected):
    assert headline(body) == expected
