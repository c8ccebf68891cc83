"""What apps answer, as recorded where one could be, what else is known, and the cause with its words.

Rows for the table of causes, and for those who drive them through a server.
"""

import json
from pathlib import Path
from typing import Any

from qstash_dev.devtools.explain import EnvFile
from qstash_dev.protocol.model import Headers, Outcome, Reason, Response, SendFailure, Timing
from qstash_dev.protocol.signature import sign
from qstash_dev.protocol.urls import Nearby
from qstash_dev.protocol.users import DEV_USERS

NOW = 1_787_313_600
KEYS = (DEV_USERS[0].current_key, DEV_USERS[0].next_key)
URL = "http://localhost:3000/api/orders"
BODY = b'{"a": 1}'
SENT: Headers = (
    ("Content-Type", "application/json"),
    ("Upstash-Signature", sign(URL, BODY, KEYS[0], NOW, "jwt_1")),
)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "failed_responses.json"
RECORDED = {each["name"]: each for each in json.loads(FIXTURES.read_text("utf-8"))}


def response(status: int, body: str = "", **headers: str) -> Response:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, named, body.encode(), Timing(NOW * 1000))


def recorded(name: str) -> Response:
    each = RECORDED[name]
    headers = tuple((key, value) for key, value in each["headers"])
    return Response(each["status"], headers, each["body"].encode(), Timing(NOW * 1000))


def failure(reason: Reason, detail: str = "", connected_ms: float | None = None) -> SendFailure:
    return SendFailure(reason, detail, Timing(NOW * 1000, connected_ms))


# qstash-py 3.4 under Flask 3.1: the error of the next key is the last, that of the current one tells.
CHAIN = (
    "[2026-11-30 01:07:41,992] ERROR in app: Exception on /x [POST]",
    '  File "/app/.venv/lib/python3.11/site-packages/qstash/receiver.py", line 35, in verify_with_key',
    "    raise SignatureError(f\"Invalid subject: {decoded['sub']}, want: {url}\")",
    "qstash.errors.SignatureError: Invalid subject: http://localhost:5005/x, want: https://shop.test/x",
    "During handling of the above exception, another exception occurred:",
    "jwt.exceptions.InvalidSignatureError: Signature verification failed",
    '  File "/app/fl.py", line 11, in wrongurl',
    "qstash.errors.SignatureError: Error while decoding signature: Signature verification failed",
)
# Next.js 16.4 for two routes at once; only the first trace goes through a file of ours.
ORDERS_THREW = (
    "⨯ Error: no stock",
    "    at reserve (src/lib/db.ts:2:9)",
    "    at POST (src/app/api/orders/route.ts:5:38)",
    " POST /api/orders 500 in 44ms",
    "⨯ Error: database is down",
    "    at POST (src/app/api/throws/route.ts:1:38)",
)
INCOMPATIBLE = json.dumps(
    {
        "error": "WorkflowError",
        "message": "Incompatible step name. Expected 'b', got 'a' from the request",
    }
)
UNAUTHENTIC = json.dumps(
    {
        "message": "Failed to authenticate Workflow request. If this is unexpected, see the caveat "
        "https://upstash.com/docs/workflow/basics/caveats#avoid-non-deterministic-code-outside-context-run",
        "workflowRunId": "wfr_1",
    }
)


def refused_by_workflow(why: str) -> Response:
    """What workflow-js 1.3.3 and workflow-py 2.0.0 say of a refused signature; they add the advice
    for one that is missing to each.
    """
    message = (
        f"Failed to verify that the Workflow request comes from QStash: {why}\n\nIf signature is "
        "missing, trigger the workflow endpoint by publishing your request to QStash instead of "
        "calling it directly.\n\nIf you want to disable QStash Verification, you should clear env "
        "variables QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY"
    )
    document = {"error": "WorkflowError", "message": message, "stack": f"WorkflowError: {message}"}
    return response(500, json.dumps(document))


DJANGO_400 = (
    '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Bad Request (400)</title>\n</head>\n'
    "<body>\n  <h1>Bad Request (400)</h1><p></p>\n</body>\n</html>\n"
)
DJANGO_500 = DJANGO_400.replace("Bad Request (400)", "Server Error (500)")
DJANGO_LARGE = (
    "<!DOCTYPE html>\n<html><head><title>RequestDataTooBig at /echo</title></head><body>"
    "<pre class='exception_value'>Request body exceeded settings.DATA_UPLOAD_MAX_MEMORY_SIZE.</pre>"
)
WERKZEUG_500 = (
    "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"
    "<h1>Internal Server Error</h1>\n<p>The server encountered an internal error and was unable to "
    "complete your request. Either the server is overloaded or there is an error in the "
    "application.</p>\n"
)
FLASK_LARGE = (
    "<!doctype html>\n<html lang=en>\n<title>413 Request Entity Too Large</title>\n"
    "<h1>Request Entity Too Large</h1>\n"
    "<p>The data value transmitted exceeds the capacity limit.</p>\n"
)
FASTIFY_LARGE = (
    '{"statusCode":413,"code":"FST_ERR_CTP_BODY_TOO_LARGE","error":"Payload Too Large",'
    '"message":"Request body is too large"}'
)
FASTIFY_TYPE = (
    '{"statusCode":415,"code":"FST_ERR_CTP_INVALID_MEDIA_TYPE","error":"Unsupported Media Type",'
    '"message":"Unsupported Media Type"}'
)
LITESTAR = (
    '{"status_code":400,"detail":"Validation failed for POST /valid",'
    '"extra":[{"message":"Object missing required field `a`"}]}'
)
EXPRESS_VALIDATOR = (
    '{"errors":[{"type":"field","msg":"Invalid value","path":"userId","location":"body"}]}'
)
"""As Django 5.2, Flask 3.1, Fastify 5, Litestar 2 and express-validator 7 answer."""


def env(**values: str) -> tuple[EnvFile, ...]:
    return (EnvFile(".env.local", values),)


OURS = {"QSTASH_CURRENT_SIGNING_KEY": KEYS[0], "QSTASH_NEXT_SIGNING_KEY": KEYS[1]}
STALE = {
    "QSTASH_CURRENT_SIGNING_KEY": "sig_cloudcloud",
    "QSTASH_NEXT_SIGNING_KEY": "sig_othercloud",
}
PLAIN: Headers = (("Upstash-Signature", "x"),)
ROUTES = ("app/api/orders/route.ts", "app/api/mail/route.ts", "app/page.tsx")

BY_THE_CLOUD: Headers = (("Upstash-Signature", sign(URL, BODY, "sig_cloud", NOW, "jwt_1")),)
PYTHON_SDK = response(
    400,
    '{"error":"Invalid signature: Error while decoding signature: Signature verification failed"}',
)

NO_ANSWER: list[tuple[str, Outcome, dict[str, Any], str]] = [
    (
        "refused-other-address",
        failure(Reason.REFUSED),
        {"url": "http://127.0.0.1:3000/x", "listening": ("::1",), "leads_to": ("127.0.0.1",)},
        "publish to http://localhost:3000",
    ),
    (
        "refused-other-address",
        failure(Reason.REFUSED),
        {
            "url": "https://my.example.dev/x",
            "target": "http://127.0.0.1:3000/x",
            "listening": ("::1",),
            "leads_to": ("127.0.0.1",),
        },
        "let the --route lead to http://localhost:3000",
    ),
    (
        "app-just-up",
        failure(Reason.REFUSED),
        {"listening": ("::1",), "leads_to": ("127.0.0.1", "::1")},
        "now the app does",
    ),
    (
        "workflow-elsewhere",
        failure(Reason.DNS),
        {
            "url": "https://my.example/x",
            "elsewhere": "the run was started at http://localhost:3000",
        },
        "No answer from my.example: the run was started at http://localhost:3000.",
    ),
    (
        "refused-other-port",
        failure(Reason.REFUSED),
        {"url": "http://localhost:3001/x", "app_url": "http://localhost:3000"},
        "--route http://localhost:3001=http://localhost:3000.",
    ),
    (
        "refused-other-port",
        failure(Reason.REFUSED),
        {"url": "http://localhost:3001/x", "app_url": "http://localhost:3000/app"},
        "--route http://localhost:3001=http://localhost:3000.",
    ),
    (
        "refused-other-port",
        failure(Reason.REFUSED),
        {"url": "http://localhost:3000/x", "app_url": "http://127.0.0.2:3000"},
        "Nothing listens on localhost:3000, but the app is expected at http://127.0.0.2:3000",
    ),
    (
        "refused-other-port",
        failure(Reason.REFUSED),
        {
            "url": "http://host.docker.internal:3000/x",
            "app_url": "http://localhost:3000",
            "nearby": Nearby(names=("host.docker.internal",)),
        },
        "--route http://host.docker.internal:3000=http://localhost:3000.",
    ),
    (
        "app-not-running",
        failure(Reason.REFUSED),
        {"url": "http://shop.localhost:3000/x", "app_url": "http://127.0.0.1:3000"},
        "Nothing listens on shop.localhost:3000: your app is not running",
    ),
    (
        "app-not-running",
        failure(Reason.REFUSED),
        {"app_url": "http://localhost:3000/app"},
        "Nothing listens on localhost:3000: your app is not running",
    ),
    (
        "app-ended",
        failure(Reason.RESET),
        {"ended": "your app exited with code 1: Error: no database"},
        "Your app exited with code 1: Error: no database. R starts it again.",
    ),
    (
        "handler-printed",
        response(500, "Internal Server Error"),
        {"printed": ("TypeError: x is undefined", "    at POST (app/api/orders/route.ts:12:27)")},
        "The handler threw: TypeError: x is undefined (at app/api/orders/route.ts:12)",
    ),
    (
        "subject-differs",
        response(500, WERKZEUG_500),
        {"printed": CHAIN},
        "is for http://localhost:5005/x, but the app checks https://shop.test/x",
    ),
    (
        "body-changed",
        response(500, ""),
        {
            "printed": (
                " \u2a2f Error [SignatureError]: body hash does not match, want: a=, got: b",
            )
        },
        "The body was changed before the signature check",
    ),
    (
        "app-not-running",
        failure(Reason.REFUSED),
        {"app_url": "http://localhost:3000"},
        "Nothing listens on localhost:3000: your app is not running",
    ),
    ("refused", failure(Reason.REFUSED), {"url": "http://192.0.2.1:80/"}, "a firewall"),
    (
        "refused-in-container",
        failure(Reason.REFUSED),
        {"url": "http://localhost:3000/x", "nearby": Nearby(is_private=True)},
        "such as http://app:3000, or to http://host.docker.internal:3000",
    ),
    (
        "app-not-running",
        failure(Reason.REFUSED),
        {"url": "http://web:3000/x", "nearby": Nearby(is_private=True)},
        "Nothing listens on web:3000",
    ),
    (
        "container-not-running",
        failure(Reason.DNS),
        {"url": "http://web:3000/api", "nearby": Nearby(is_private=True)},
        "is called 'web' now",
    ),
    (
        "docker-host-name",
        failure(Reason.DNS),
        {"url": "http://web:3000/api"},
        "--route http://web:3000=http://localhost:3000",
    ),
    (
        "docker-host-name",
        failure(Reason.DNS),
        {"url": "http://host.docker.internal/api"},
        "=http://localhost:80",
    ),
    (
        "no-network",
        failure(Reason.DNS),
        {"url": "https://a.ngrok-free.app/x", "online": False},
        "this machine has no network",
    ),
    (
        "no-network",
        failure(Reason.DNS, "lookup a.test: Temporary failure in name resolution"),
        {"url": "https://a.test/x", "online": True},
        "no name server answered",
    ),
    ("http2-only", failure(Reason.RESET), {"speech": "http2"}, "speaks HTTP/2 only (gRPC, h2c)"),
    ("closes-on-http", failure(Reason.RESET), {"speech": "other"}, "at the first words of HTTP"),
    (
        "answer-broken-off",
        failure(
            Reason.RESET, "unexpected EOF: the connection was closed in the middle of the body"
        ),
        {},
        "Content-Length is larger than its body",
    ),
    ("tunnel-gone", failure(Reason.DNS), {"url": "https://a.ngrok-free.app/x"}, "is gone"),
    ("unknown-host", failure(Reason.DNS), {"url": "https://exmaple.test/x"}, "exmaple.test"),
    (
        "https-to-http-port",
        failure(Reason.TLS, "wrong version number"),
        {"url": "https://localhost:3000/x", "speech": "http"},
        "publish to http://localhost:3000",
    ),
    (
        "https-to-http-port",  # a dev server that compiles answers no probe in time
        failure(Reason.TLS, "tls: [SSL: WRONG_VERSION_NUMBER] wrong version number"),
        {"url": "https://localhost:3000/x"},
        "publish to http://localhost:3000",
    ),
    (
        "certificate-not-trusted",
        failure(Reason.TLS, "certificate verify failed: self-signed certificate"),
        {"url": "https://localhost:3000/x"},
        "The certificate of localhost:3000",
    ),
    ("tls-failed", failure(Reason.TLS, "eof"), {"url": "https://example.com/"}, "(eof)"),
    (
        "no-connection",
        failure(Reason.TIMEOUT),
        {"url": "http://192.0.2.1/", "timeout_ms": 60_000},  # given up after ten seconds
        "192.0.2.1: the host is down",
    ),
    ("app-takes-no-connection", failure(Reason.TIMEOUT), {"attempt": 1}, "has not run"),
    (
        "cold-compile",
        failure(Reason.TIMEOUT, connected_ms=1.0),
        {"timeout_ms": 5_000, "attempt": 1},
        "compiled it",
    ),
    (
        "handler-too-slow",
        failure(Reason.TIMEOUT, connected_ms=1.0),
        {"timeout_ms": 5_000, "attempt": 2},
        "did not answer within 5s",
    ),
    (
        "handler-too-slow",
        failure(Reason.TIMEOUT, connected_ms=1.0),
        {"timeout_ms": 5_000, "attempt": 1, "accepted_at": NOW},
        "did not answer within 5s",
    ),
    ("nothing-behind-port", failure(Reason.RESET), {"speech": "nothing"}, "--host 0.0.0.0"),
    ("app-crashed", failure(Reason.RESET), {"listening": ()}, "nothing listens on localhost:3000"),
    ("app-restarted", failure(Reason.RESET), {}, "crashed or restarted"),
    ("connection-closed", failure(Reason.RESET), {"url": "https://example.com/"}, "a proxy"),
    (
        "http-to-https-port",
        failure(Reason.BAD_RESPONSE),
        {"url": "http://localhost:3443/", "speech": "https"},
        "https://localhost:3443",
    ),
    (
        "http-to-https-port",
        failure(Reason.RESET),
        {"url": "http://localhost:3443/", "speech": "https"},
        "publish to https://localhost:3443",
    ),
    (
        "other-protocol",
        failure(Reason.BAD_RESPONSE, 'malformed HTTP response "-ERR unknown": no status'),
        {},
        "localhost:3000 speaks Redis",
    ),
    ("not-http", failure(Reason.BAD_RESPONSE, "x"), {"url": "https://localhost:3000/"}, "HTTP: x"),
    (
        "external-denied",
        failure(Reason.EXTERNAL_DENIED),
        {"url": "https://example.com/"},
        "--external allow",
    ),
    ("own-server", failure(Reason.OWN_SERVER), {"url": "http://127.1:8080/"}, "127.1:8080 is"),
    ("unreachable", failure(Reason.UNREACHABLE), {}, "network"),
    (
        "external-denied",
        failure(Reason.EXTERNAL_DENIED),
        {"url": "https://user:secret@api.example.com/x"},
        "api.example.com is neither local",
    ),
    ("no-descriptors", failure(Reason.NO_DESCRIPTORS), {}, "ulimit -n"),
    (
        "interrupted",
        failure(Reason.INTERRUPTED, "qstash-dev stopped during this attempt"),
        {},
        "stopped during this attempt: the handler may have run",
    ),
    ("interrupted", failure(Reason.INTERRUPTED, "TypeError: x"), {}, "see its log: TypeError: x"),
]

SIGNATURES: list[tuple[str, Outcome, dict[str, Any], str]] = [
    ("signature-missing", recorded("next-app-signature-missing"), {}, "middleware, rewrite"),
    ("signature-missing", recorded("next-pages-signature-missing"), {}, "middleware, rewrite"),
    (
        "signature-missing",
        recorded("next-app-signature-missing"),
        {"headers": ()},
        "was sent without one",
    ),
    ("signature-missing", response(401, '{"error":"Missing signature"}'), {}, "did not see"),
    (
        "signature-missing",
        refused_by_workflow("Error: `Upstash-Signature` header is not passed."),
        {},
        "The app did not see the Upstash-Signature header",
    ),
    (
        "key-differs",
        refused_by_workflow("SignatureError: signature verification failed"),
        {},
        "The app checks with other keys than this server signs with",
    ),
    (
        "body-consumed",
        refused_by_workflow(
            "SignatureError: body hash does not match, want: rXSWgxFV9CD1CHx9eAc1I0P55nQ6oUsTzp3TUE"
            "B2CHI=, got: 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
        ),
        {},
        "The body was read before the workflow SDK got the request",
    ),
    (
        "signature-undecided",
        refused_by_workflow("Signature in `Upstash-Signature` header is not valid"),
        {"env": env(**OURS), "body": b"plain"},
        "The keys in .env.local are right.",
    ),
    ("keys-missing", recorded("next-keys-missing"), {}, "qstash-dev env --write .env.local"),
    ("keys-missing", recorded("receiver-no-keys"), {}, "has no signing keys"),
    (
        "subject-differs",
        recorded("receiver-wrong-subject"),
        {},
        "is for http://127.0.0.1:34567/api/checkurl, but the app checks http://localhost:34567",
    ),
    (
        "subject-differs",  # the Python SDK's spelling
        response(401, '{"detail":"Invalid subject: http://a/x, want: https://a/x"}'),
        {},
        "is for http://a/x, but the app checks https://a/x:",
    ),
    (
        "subject-differs",
        response(401, "invalid subject: http://a/app/api/x, want: http://a/api/x"),
        {},
        "its own `request.url` lacks /app (a base path, a mount, a proxy), so give `verify`",
    ),
    ("body-consumed", recorded("next-pages-body-parsed"), {}, "bodyParser: false"),
    (
        "body-consumed",
        recorded("receiver-body-changed"),
        {"routes": ("pages/api/orders.ts",)},
        "to pages/api/orders.ts",
    ),
    ("body-changed", recorded("receiver-body-changed"), {}, "await req.text()"),
    (
        "body-changed",
        response(401, "Invalid body hash: a=, want: b", Server="Werkzeug/3.1 Python/3.11"),
        {},
        "verify the raw text, `await request.body()` (Flask: `request.get_data()`)",
    ),
    (
        "clock-differs",
        response(500, Date="Fri, 21 Aug 2026 12:15:00 GMT"),
        {},
        "The clock of localhost:3000 is 15m ahead",
    ),
    (
        "clock-differs",
        response(401, "invalid signature", Date="Fri, 21 Aug 2026 11:45:00 GMT"),
        {},
        "15m behind",
    ),
    (
        "region-keys",
        recorded("next-app-thrown"),
        {"env": env(QSTASH_REGION="US_EAST_1", **STALE)},
        "US_EAST_1_QSTASH_CURRENT_SIGNING_KEY",
    ),
    (
        "dev-mode-keys",
        recorded("next-app-thrown"),
        {"env": env(QSTASH_DEV="1"), "keys": ("sig_own1", "sig_own2")},
        "unset QSTASH_DEV",
    ),
    (
        "keys-quoted",
        recorded("next-pages-wrong-key"),
        {"env": env(QSTASH_CURRENT_SIGNING_KEY=f'"{KEYS[0]}" ')},
        "in .env.local has quotes or spaces",
    ),
    (
        "keys-rotated",
        response(401, '{"error":"Invalid signature"}'),
        {"has_other_keys": True},
        "rotated since the app took a delivery at /api/orders: start the app again with the new ones",
    ),
    ("keys-stale", recorded("next-app-thrown"), {"env": env(**STALE)}, "(sig_clou…)"),
    ("keys-stale", recorded("next-pages-wrong-key"), {"env": env(**STALE)}, "(sig_7kYj…)"),
    ("keys-stale", response(401, "Unauthorized"), {"env": env(**STALE)}, ".env.local has another"),
    ("keys-stale", response(401, '{"error":"Unauthorized"}'), {"env": env(**STALE)}, "has another"),
    (
        "keys-stale",
        response(403, '{"message":"Forbidden","statusCode":403}'),
        {"env": env(**STALE)},
        "has",
    ),
    ("keys-stale", recorded("fastapi-boom"), {"env": env(**STALE)}, ".env.local has another"),
    ("key-differs", recorded("next-pages-wrong-key"), {"env": env(**OURS)}, "Restart it"),
    (
        "key-differs",
        recorded("receiver-wrong-key"),
        {"env": env(**OURS), "message": "msg_7"},
        "restart it. If the app has one text for everything: qstash-dev verify msg_7 --url URL",
    ),
    ("key-differs", recorded("receiver-wrong-key"), {}, "env --write .env.local"),
    ("key-differs", recorded("next-pages-wrong-key"), {}, "no .env file here has them"),
    (
        "key-differs",
        recorded("next-pages-wrong-key"),
        {"is_child": True},
        "gave them to the app when it started it, so look where its code takes others from.",
    ),
    (
        "key-differs",
        recorded("next-pages-wrong-key"),
        {"accepted_at": NOW, "env": env(**OURS)},
        "took a delivery to /api/orders before, and checks with other keys now: they were changed",
    ),
    (
        "app-not-restarted",
        PYTHON_SDK,
        {"env": (EnvFile(".env.local", OURS, NOW, is_fresh=True),)},
        "changed a moment ago: if the app started before, restart it",
    ),
    ("signature-refused", PYTHON_SDK, {"body": b"plain"}, "No .env file here has its keys"),
    (
        "signature-refused",
        response(403, "invalid signature"),
        {"keys": None, "body": b"{}", "message": "msg_7"},
        "qstash-dev verify msg_7 --url URL",
    ),
    (
        "signature-undecided",
        PYTHON_SDK,
        {"env": env(**OURS), "body": b"plain"},
        'The keys in .env.local are right. "Invalid signature: Error while decoding',
    ),
    (
        "signature-undecided",
        response(401, "Invalid signature"),
        {"accepted_at": NOW, "body": b"{}", "env": env(**STALE)},
        "so its keys are right unless its code gives others since",
    ),
    (
        "body-rewritten",
        response(401, '{"error":"Invalid signature"}'),
        {"env": env(**OURS), "message": "msg_7"},
        'Parsed and written again this body is another one ({"a":1} instead of {"a": 1})',
    ),
    (
        "body-rewritten",
        response(401, '{"error":"Bad signature"}', Server="uvicorn"),
        {"body": b'{"a":1}'},
        "if the app checks json.dumps(...), give it the raw body",
    ),
    (
        "signature-not-read",
        response(401, '{"message":"Compact JWS must be a string or Uint8Array"}'),
        {"env": env(**STALE)},
        "No signature reached the check",
    ),
    ("signature-not-read", response(500, "jwt must be provided"), {}, "`upstash-signature`"),
    ("signature-not-read", response(401, "Not enough segments"), {}, "HTTP_UPSTASH_SIGNATURE"),
    ("signature-not-sent", response(401, "Invalid signature"), {"headers": ()}, "without one"),
    (
        "host-differs",
        response(400, "Invalid signature"),
        {
            "url": "https://my.example.dev/x",
            "target": "http://127.0.0.1:8000/x",
            "headers": (
                ("Upstash-Signature", sign("https://my.example.dev/x", BODY, KEYS[0], NOW, "j")),
            ),
        },
        "for my.example.dev, but the app is called at 127.0.0.1:8000",
    ),
    (
        "cloud-signature",
        response(401, "Invalid signature"),
        {"headers": BY_THE_CLOUD, "is_cloud": True, "env": env(**STALE)},
        "the app needs the keys of the QStash console",
    ),
    ("signature-time", response(401, "Token is not valid yet"), {}, "not valid at this time"),
    (
        "signature-time",
        response(401, '{"error":"\\"exp\\" claim timestamp check failed"}'),
        {},
        "not valid at this time",
    ),
    (
        "signature-time",
        response(401, "jwt expired"),
        {"is_cloud": True},
        "The signature is the cloud's and holds for five minutes",
    ),
]

GUARDS: list[tuple[str, Outcome, dict[str, Any], str]] = [
    (
        "airplay-port",
        response(403, Server="AirTunes/670.6.2"),
        {"url": "http://localhost:5000/x"},
        "port 5000",
    ),
    ("ngrok", response(404, "The endpoint a.ngrok.app is offline. ERR_NGROK_3200"), {}, "offline"),
    ("ngrok", response(502, Ngrok_Error_Code="ERR_NGROK_8012"), {}, "Start the app"),
    ("ngrok", response(200, "<html>ERR_NGROK_6024"), {}, "warning page"),
    ("ngrok", response(429, Ngrok_Error_Code="ERR_NGROK_727"), {}, "ERR_NGROK_727"),
    ("tunnel-without-end", response(530, "error code: 1033"), {}, "nothing is connected"),
    ("tunnel-without-end", response(503, "503 - Tunnel Unavailable"), {}, "publish to your local"),
    (
        "no-gateway-route",
        response(
            403,
            '{"message":"Missing Authentication Token"}',
            X_Amzn_ErrorType="MissingAuthenticationTokenException",
        ),
        {},
        "AWS API Gateway has no POST /api/orders",
    ),
    (
        "csrf",
        response(403, '{"detail":"CSRF Failed: CSRF token missing."}'),
        {},
        "leave /api/orders",
    ),
    ("csrf", response(403, "<h1>Plug.CSRFProtection.InvalidCSRFTokenError</h1>"), {}, "(Plug.CSRF"),
    (
        "csrf",
        response(
            400,
            "<!doctype html>\n<title>400 Bad Request</title>\n<p>The CSRF token is missing.</p>",
        ),
        {},
        "(The CSRF token is missing.)",
    ),
    ("signature-refused", response(403, '{"code":"invalid_signature"}'), {"body": b"x"}, "refuses"),
    ("vercel", response(504, X_Vercel_Error="FUNCTION_INVOCATION_TIMEOUT"), {}, "FUNCTION_INV"),
    ("vercel", response(401, Set_Cookie="_vercel_sso_nonce=1"), {}, "x-vercel-protection-bypass"),
    ("page-not-handler", recorded("next-page-instead-of-route"), {}, "looks like a page"),
    (
        "login-redirect",
        recorded("next-login-redirect"),
        {},
        "A redirect to /login: a login guard",
    ),
    (
        "slash-redirect",
        recorded("next-trailing-slash"),
        {"url": "http://localhost:3000/api/json/"},
        "without the slash at the end, http://localhost:3000/api/json",
    ),
    (
        "slash-redirect",
        recorded("flask-slash"),
        {"url": "http://localhost:34572/slash"},
        "with the slash at the end, http://localhost:34572/slash/",
    ),
    (
        "slash-redirect",
        recorded("fastapi-slash"),
        {"url": "http://localhost:34571/slash"},
        "with the slash",
    ),
    (
        "https-redirect",
        response(301, Location="https://localhost:3000/api/orders"),
        {},
        "publish to https://localhost:3000/api/orders",
    ),
    ("redirect", response(302, Location="/v2/orders"), {}, "http://localhost:3000/v2/orders"),
    ("redirect", response(304), {}, "304 Not Modified: QStash follows no redirects"),
    ("csrf-django", recorded("django-csrf"), {}, "@csrf_exempt"),
    (
        "csrf-sveltekit",
        response(403, "Cross-site PUT form submissions are forbidden"),
        {},
        "application/json",
    ),
    (
        "csrf-rails",
        response(422, "ActionController::InvalidAuthenticityToken"),
        {},
        "skip_forgery_protection",
    ),
    ("csrf-laravel", response(419, "<html><title>Page Expired</title>"), {}, "Laravel"),
    ("host-django", recorded("django-host"), {}, "ALLOWED_HOSTS"),
    ("host-vite", recorded("vite-host"), {}, "server.allowedHosts"),
    ("host-refused", response(403, "Invalid Host header"), {}, "its list of hosts"),
    (
        "http-on-https-port",
        response(400, "Client sent an HTTP request to an HTTPS server."),
        {},
        "speaks https",
    ),
    (
        "http-on-https-port",
        response(400, "<html><center>The plain HTTP request was sent to HTTPS port</center>"),
        {},
        "speaks https",
    ),
    ("clerk", response(404, X_Clerk_Auth_Status="signed-out"), {}, "clerkMiddleware"),
    (
        "header-not-forwarded",
        response(401, '{"message":"no tenant"}'),
        {"unforwarded": ("X-Api-Key",)},
        "(no tenant): the publish had X-Api-Key, which QStash does not forward",
    ),
    ("http-authentication", response(401, WWW_Authenticate='Basic realm="x"'), {}, "wants Basic"),
    (
        "http-authentication",
        response(401, '{"detail":"Not authenticated"}', WWW_Authenticate="APIKey"),
        {},
        "wants APIKey authentication (Not authenticated): publish with Upstash-Forward-<Header>",
    ),
    ("guard", response(401, '{"message":"No session"}'), {}, "(No session): a guard refused"),
    ("guard", response(403), {}, "Upstash-Forward-<Header>"),
    ("guard", response(401, '{"error":"Unauthorized"}'), {}, "401 Unauthorized: a guard refused"),
    (
        "guard",
        response(403, "Forbidden"),
        {"headers": (("Content-Type", "text/plain"),)},
        "A CSRF check refuses text/plain so: send application/json.",
    ),
    ("static-server", recorded("httpserver-404"), {}, "static file server"),
    ("proxy", response(502, "<html><h1>502 Bad Gateway</h1>", Server="nginx"), {}, "no app behind"),
    ("proxy", response(504, Server="cloudflare"), {}, "waited for the app in vain"),
]

ANSWERS: list[tuple[str, Outcome, dict[str, Any], str]] = [
    (
        "other-app",
        recorded("next-no-route"),
        {"routes": ROUTES, "listens_at": "http://localhost:3001"},
        "your app listens at http://localhost:3001: publish there, or deliver there with --route",
    ),
    (
        "route-misnamed",
        recorded("next-no-route"),
        {"routes": ("src/app/api/orders.ts",)},
        "name it src/app/api/orders/route.ts",
    ),
    (
        "route-misnamed",
        recorded("next-no-route"),
        {"routes": ("pages/api/orders/route.ts",)},
        "name it pages/api/orders.ts",
    ),
    (
        "route-near",
        recorded("next-no-route"),
        {"url": "http://localhost:3000/api/order", "routes": ROUTES},
        "did you mean /api/orders (app/api/orders/route.ts)?",
    ),
    (
        "route-own-404",
        recorded("next-app-own-404"),
        {"url": "http://localhost:3000/shop/api/orders", "routes": ROUTES},
        "app/api/orders/route.ts serves /shop/api/orders only if the app has a base path: then",
    ),
    (
        "route-own-404",  # no handler answers with a page of Next.js
        recorded("next-no-route"),
        {"routes": ROUTES},
        "Next.js found no route for /api/orders (This page could not be found.), though app/api/",
    ),
    (
        "base-path",
        recorded("next-base-path"),
        {"routes": ROUTES},
        "below /app: if that is its `basePath`, publish to /app/api/orders, where app/api/orders/",
    ),
    (
        "route-near",
        recorded("next-base-path"),
        {"url": "http://localhost:3000/app/api/order", "routes": ROUTES},
        "No route /app/api/order: did you mean /app/api/orders (app/api/orders/route.ts)?",
    ),
    (
        "route-misnamed",
        recorded("next-base-path"),
        {"url": "http://localhost:3000/app/api/mail", "routes": ("src/app/api/mail.ts",)},
        "makes no route for /api/mail: name it src/app/api/mail/route.ts",
    ),
    (
        "route-own-404",
        recorded("next-app-own-404"),
        {"routes": ROUTES},
        "this 404 (no such user) is the handler's own answer",
    ),
    ("route-missing", recorded("next-no-route"), {}, "No route for POST /api/orders"),
    ("route-missing", recorded("fastapi-404"), {}, "in the app at localhost:3000: check"),
    (
        "route-missing",
        recorded("fastapi-404"),
        {"url": "http://localhost:3000/api/orders/"},
        "check the path, the slash at its end,",
    ),
    ("route-missing", recorded("express-404"), {}, "Cannot POST /nowhere"),
    ("route-missing", recorded("vite-404"), {}, "No route for POST"),
    ("route-missing", recorded("django-404"), {}, "Page not found at /nowhere"),
    (
        "method-not-allowed",
        recorded("next-app-no-post"),
        {"routes": ROUTES},
        "app/api/orders/route.ts exports no POST",
    ),
    (
        "method-not-allowed",
        recorded("next-app-no-post"),
        {"url": "http://localhost:3000/shop/api/orders", "routes": ROUTES},
        "app/api/orders/route.ts exports no POST",
    ),
    ("method-not-allowed", recorded("fastapi-405"), {}, "takes no POST, only GET:"),
    ("method-not-allowed", recorded("flask-405"), {}, "only HEAD, GET, OPTIONS"),
    ("append-slash-django", recorded("django-slash"), {}, "slash at the end"),
    ("body-too-large", recorded("next-pages-too-large"), {}, "bodyParser.sizeLimit"),
    ("body-too-large", recorded("express-large"), {}, "express.json({ limit"),
    ("body-too-large", response(413), {"body": b"x" * 99}, "99 bytes"),
    (
        "body-too-large",
        response(400, DJANGO_LARGE),
        {},
        "raise Django's DATA_UPLOAD_MAX_MEMORY_SIZE",
    ),
    ("body-too-large", response(413, FLASK_LARGE), {}, "raise Flask's MAX_CONTENT_LENGTH"),
    ("body-too-large", response(413, FASTIFY_LARGE), {}, "raise Fastify's bodyLimit"),
    ("body-mislabelled", recorded("fastapi-noct"), {"headers": PLAIN}, "publishJSON"),
    ("body-mislabelled", recorded("flask-noct"), {"headers": PLAIN}, "publishJSON"),
    (
        "body-mislabelled",
        recorded("next-pages-invalid-json"),
        {"body": b"hello"},
        "body is not JSON",
    ),
    ("body-mislabelled", recorded("fastapi-badjson"), {"body": b"hello"}, "body is not JSON"),
    ("body-mislabelled", recorded("next-app-thrown"), {"body": b""}, "body is empty"),
    ("app-error", response(500, "boom"), {"body": b"pay", "has_entries": True}, "500"),
    ("app-error", response(500, "boom"), {"body": b"", "method": "GET"}, "500"),
    (
        "body-too-large",
        response(413, "too large"),
        {"body": b"pay", "has_entries": True},
        "A list of the run's steps is over the app's limit",
    ),
    (
        "body-mislabelled",
        response(422, '{"detail":"Input should be a valid dictionary"}'),
        {"headers": (("Content-Type", "text/plain;charset=UTF-8"),)},
        "its Content-Type is text/plain;charset=UTF-8, so frameworks do not parse it: publish with",
    ),
    (
        "content-type-refused",
        response(415, "Unsupported Media Type"),
        {"headers": (("Content-Type", "application/octet-stream"),)},
        "takes no application/octet-stream: publish with the Content-Type that it reads",
    ),
    (
        "body-mislabelled",
        response(500, "TypeError: Cannot destructure property 'a' of undefined"),
        {"body": b'"{\\"a\\":1}"'},
        "it was stringified twice",
    ),
    ("json-error", recorded("express-badjson"), {}, "The message's body is JSON: look at what"),
    (
        "json-error",
        response(400, '{"error":true,"status":400,"message":"Invalid JSON body"}'),
        {"body": b"hello", "headers": (("Content-Type", "text/plain"),)},
        "reads the body as JSON, which it is not ('hello') (Invalid JSON body): publish JSON",
    ),
    (
        "json-error",
        response(500, 'SyntaxError: "[object Object]" is not valid JSON'),
        {},
        "take the body as it is (req.body), without JSON.parse",
    ),
    (
        "content-type-refused",
        response(415, FASTIFY_TYPE),
        {"body": b"<a/>", "headers": (("Content-Type", "application/xml"),)},
        "The handler takes no application/xml: publish with the Content-Type that it reads.",
    ),
    (
        "content-type-refused",
        response(415, '{"detail":"no forms"}', Accept_Post="application/json"),
        {"body": b"a=1", "headers": (("Content-Type", "application/x-www-form-urlencoded"),)},
        "x-www-form-urlencoded, only application/json (no forms)",
    ),
    ("validation", recorded("fastapi-invalid"), {}, "expects: body.a: Field required"),
    (
        "validation",
        response(422, '{"detail":[{"type":"missing","loc":["query","q"],"msg":"Field required"}]}'),
        {},
        "The handler expects another q in the query of the URL (Field required).",
    ),
    (
        "validation",
        response(422, '{"detail":[{"loc":["header","x-tenant"],"msg":"Field required"}]}'),
        {},
        "send it as Upstash-Forward-x-tenant",
    ),
    (
        "validation",
        response(422, '{"error":"Card was declined"}'),
        {},
        "understood the request and refused its content (422): Card was declined",
    ),
    ("headers-too-large", response(431), {}, "--max-http-header-size"),
    ("compile-error", recorded("next-module-not-found"), {}, "Can't resolve './nowhere'"),
    (
        "compile-error",
        recorded("next-turbopack-syntax-error"),
        {},
        "so the handler never ran: Expression expected (at src/app/api/digest/route.ts:4).",
    ),
    (
        "compile-error",
        response(
            500, "Error: ./app/a/route.ts:2:1 Module not found: Can't resolve '@/x' 1 | import"
        ),
        {},
        "never ran: Module not found: Can't resolve '@/x' (at app/a/route.ts:2).",
    ),
    (
        "workflow-changed",
        response(500, INCOMPATIBLE, Upstash_Workflow_Sdk_Version="1"),
        {},
        "(Incompatible step name. Expected 'b', got 'a' from the request)",
    ),
    ("workflow-no-step", response(400, UNAUTHENTIC), {}, "returned before its first step"),
    (
        "workflow-body-read",
        response(500, '{"error":"TypeError","message":"Body is unusable: already read"}'),
        {},
        "pass the request on untouched",
    ),
    (
        "not-a-workflow",
        response(200, "ok"),
        {"starts_workflow": True},
        "serve()",
    ),
    ("next-handler-threw", recorded("next-app-thrown"), {}, "terminal of `next dev`"),
    (
        "next-handler-threw",
        recorded("next-app-thrown"),
        {"heard": True},
        "sends no text: see what the app printed, beside this attempt.",
    ),
    (
        "next-handler-threw",
        recorded("next-app-thrown"),
        {"amid": ORDERS_THREW, "routes": ("src/app/api/orders/route.ts",), "heard": True},
        "The handler threw, it seems: Error: no stock (at src/lib/db.ts:2). Other deliveries were",
    ),
    (
        "next-handler-threw",
        recorded("next-app-thrown"),
        {"amid": ORDERS_THREW, "routes": (), "heard": True},
        "sends no text: see what the app printed, beside this attempt.",
    ),
    ("hidden-error", recorded("fastapi-boom"), {"heard": True}, "printed, beside this attempt"),
    ("next-handler-threw", recorded("next-app-thrown"), {"env": env(**OURS)}, "`next dev`"),
    ("hidden-error", recorded("fastapi-boom"), {}, "the server hides"),
    (
        "hidden-error",
        response(500, WERKZEUG_500),
        {"printed": ("KeyError: 'HTTP_X_SIGNATURE'",)},
        "The handler threw: KeyError: 'HTTP_X_SIGNATURE'.",
    ),
    (
        "next-handler-threw",
        recorded("next-app-thrown"),
        {"printed": ("Error: no signature-image",)},
        "The handler threw: Error: no signature-image.",
    ),
    ("hidden-error", response(500, DJANGO_500), {}, "the server hides"),
    ("hidden-error", response(500, WERKZEUG_500), {}, "the server hides"),
    (
        "hidden-error",
        response(500, '{"status":500,"unhandled":true,"message":"HTTPError"}'),
        {},
        "hides",
    ),
    (
        "hidden-error",
        response(500, '{"status_code":500,"detail":"Internal Server Error"}'),
        {},
        "hides",
    ),
    (
        "hidden-error",
        response(500, '{"statusCode":500,"message":"Internal server error"}'),
        {},
        "hides",
    ),
    (
        "non-retryable",
        response(489, "no such user", Upstash_NonRetryable_Error="true"),
        {},
        "(no such user): it goes to the DLQ",
    ),
    ("non-retryable", response(489), {}, "ordinary failure"),
    ("rate-limited", response(429, Retry_After="90"), {}, "now for 1m30s"),
    ("gave-up-waiting", response(408), {}, "408 Request Timeout"),
    ("unavailable", response(503, '{"error":"starting"}'), {}, "(starting)"),
    ("app-error", recorded("next-pages-thrown"), {}, "Error: boom in pages"),
    ("app-error", recorded("express-boom"), {}, "TypeError: boom"),
    ("app-error", recorded("flaskdebug-boom"), {}, "KeyError: 'user'"),
    ("app-error", recorded("django-boom"), {}, "KeyError at /boom/: 'user'"),
    ("app-error", response(599, "odd"), {}, "The app answered 599: odd"),
    (
        "app-error",
        response(400, LITESTAR),
        {},
        "400 Bad Request: Validation failed for POST /valid: Obj",
    ),
    ("app-error", response(400, EXPRESS_VALIDATOR), {}, "400 Bad Request: userId: Invalid value"),
    ("app-error-silent", response(418), {}, "418 I'm a Teapot without a text"),
    ("app-error-silent", response(400, DJANGO_400), {}, "400 Bad Request without a reason"),
    ("app-error-silent", response(400, '{"error":"Bad Request"}'), {}, "without a reason: see its"),
]

TABLE = [*NO_ANSWER, *SIGNATURES, *GUARDS, *ANSWERS]
