"""Causes of an answer that is not the handler's: strangers on the port, redirects, guards."""

import re
from urllib.parse import SplitResult, urljoin

from qstash_dev.devtools.explain.evidence import Cause, Evidence, says
from qstash_dev.devtools.explain.refusals import silent_refusal
from qstash_dev.protocol.urls import split_url

_LOGIN = re.compile(r"log-?in|sign-?in|/auth|/oauth|/sso|session/new", re.IGNORECASE)
_PROXY = re.compile(
    r"nginx|caddy|traefik|cloudflare|envoy|openresty|varnish|bad gateway|gateway time",
    re.IGNORECASE,
)
_NGROK_ERROR = re.compile(r"ERR_NGROK_\d+")
_NGROK = {
    "ERR_NGROK_3200": "the tunnel is offline. Publish to your local address instead",
    "ERR_NGROK_8012": "the tunnel is up, but the app behind it is not. Start the app",
    "ERR_NGROK_6024": "this is its warning page. Publish to your local address instead",
}


def _ngrok(e: Evidence) -> str | None:
    found = _NGROK_ERROR.search(e.header("ngrok-error-code") or e.said.text)
    if not found:
        return None
    what = _NGROK.get(found[0], "see its documentation. Publish to your local address instead")
    return f"ngrok answered for {e.place} ({found[0]}): {what}."


def _vercel(e: Evidence) -> str | None:
    if error := e.header("x-vercel-error"):
        return f"Vercel answered for the deployment: {error}. Its log there says more."
    if e.status == 401 and "_vercel_sso_nonce" in e.header("set-cookie"):
        return (
            "The deployment is protected by Vercel: forward x-vercel-protection-bypass, or "
            "publish to your local app."
        )
    return None


def _proxy(e: Evidence) -> str | None:
    if not _PROXY.search(f"{e.header('server')} {e.said.text}"):
        return None
    what = "waited for the app in vain" if e.status == 504 else "found no app behind it"
    return f"A proxy in front of the app answered {e.status}: it {what}. Is the app running?"


def _location(e: Evidence) -> SplitResult | None:
    """Where a redirect leads. QStash follows none: only 2xx is a success."""
    if not 300 <= e.status < 400 or not e.header("location"):
        return None
    try:
        return split_url(urljoin(e.target.geturl(), e.header("location")))
    except ValueError:
        return None


def _login(e: Evidence) -> str | None:
    to = _location(e)
    if to is None or not _LOGIN.search(to.path):
        return None
    return (
        f"A redirect to {to.path}: a login guard takes the delivery for a visitor. Leave {e.path} "
        "out of it (Next.js: the `matcher` of proxy.ts or middleware.ts); the signature is the "
        "protection."
    )


def _slash(e: Evidence) -> str | None:
    to = _location(e)
    if to is None or to.path == e.path or to.path.rstrip("/") != e.path.rstrip("/"):
        return None
    how = "with" if to.path.endswith("/") else "without"
    return f"A redirect, and QStash follows none: publish {how} the slash at the end, {to.geturl()}"


def _to_https(e: Evidence) -> str | None:
    to = _location(e)
    if to is None or (e.target.scheme, to.scheme) != ("http", "https") or to.path != e.path:
        return None
    return f"A redirect to https, and QStash follows none: publish to {to.geturl()}"


def _redirect(e: Evidence) -> str | None:
    if not 300 <= e.status < 400:
        return None
    to = _location(e)
    where = to.geturl() if to else "the final address"
    return f"{e.status_text}: QStash follows no redirects, so publish to {where}"


def _http_authentication(e: Evidence) -> str | None:
    if not e.header("www-authenticate").strip():
        return None
    scheme = e.header("www-authenticate").split()[0].rstrip(",")
    usual = scheme.lower() in ("basic", "bearer", "digest", "token", "jwt")
    name = "Authorization" if usual else "<Header>"
    return (
        f"The endpoint wants {scheme} authentication{e.quoted}: publish with Upstash-Forward-{name}, "
        f"or leave {e.path} out of it."
    )


def _kept_back(e: Evidence) -> str | None:
    """Plain headers of a publish are QStash's; only a refusal shows that one was meant for the app."""
    names = e.facts.unforwarded
    if not names:
        return None
    return (
        f"{e.status_text}{e.quoted}: the publish had {' and '.join(names)}, which QStash does not "
        f"forward. Send it as Upstash-Forward-{names[0]}."
    )


def _guard(e: Evidence) -> str | None:
    kind = e.sent("content-type").partition(";")[0].strip().lower()
    csrf = ""
    if e.status == 403 and e.is_opaque and kind in _OF_FORMS:
        csrf = f" A CSRF check refuses {kind or 'a body without a type'} so: send application/json."
    return (
        f"{e.status_text}{e.quoted}: a guard refused the delivery. Leave {e.path} out of it, or "
        f"send what it wants with Upstash-Forward-<Header>.{csrf}{silent_refusal(e)}"
    )


_OF_FORMS = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
"""What a form of another site can send, so that a CSRF check refuses it (Hono `csrf`)."""
_ALLOW_HOST = "The app refuses this host name: publish to its local address, or allow the name in "

GUARDS = (
    Cause(
        "airplay-port",
        "macOS's AirPlay Receiver has port {e.target.port}: start the app on another port, "
        "or turn the receiver off in System Settings.",
        holds=lambda e: e.header("server").startswith("AirTunes"),
    ),
    Cause("ngrok", _ngrok),
    Cause("vercel", _vercel),
    Cause(
        "tunnel-without-end",
        "The tunnel {e.place} is known, but nothing is connected with its other "
        "end{e.quoted}: start it, or publish to your local address.",
        holds=says(
            "error code: 1033|Tunnel Unavailable|(Cloudflare|Argo) Tunnel error|tunnel not found"
        ),
    ),
    Cause(
        "no-gateway-route",
        "AWS API Gateway has no {e.facts.method} {e.path} (it calls that a missing token): "
        "check the stage and the path.",
        holds=lambda e: e.header("x-amzn-errortype").startswith("MissingAuthenticationToken"),
    ),
    # `POST /` on a page of Next.js answers 200 with the page: a success that did nothing.
    Cause(
        "page-not-handler",
        "{e.status_text}, but the answer is a web page{e.quoted}: {e.path} looks like a "
        "page, not a handler, so nothing may have been done.",
        holds=lambda e: 200 <= e.status < 300 and e.said.is_html and e.facts.method != "GET",
    ),
    Cause("login-redirect", _login),
    Cause("slash-redirect", _slash),
    Cause("https-redirect", _to_https),
    Cause("redirect", _redirect),
    Cause(
        "csrf-django",
        "Django's CSRF check refused the delivery: mark the view @csrf_exempt.",
        (403,),
        holds=says("CSRF verification failed"),
    ),
    Cause(
        "csrf-sveltekit",
        "The CSRF check of SvelteKit or Astro takes the delivery for a form: publish with "
        "Content-Type: application/json.",
        (403,),
        holds=says(r"Cross-site \w+ form submissions are forbidden"),
    ),
    Cause(
        "csrf-rails",
        "Rails' CSRF check refused the delivery: skip_forgery_protection for this action.",
        (422, 500),
        holds=says("InvalidAuthenticityToken|Can't verify CSRF token"),
    ),
    Cause(
        "csrf-laravel",
        "Laravel's CSRF check refused the delivery: except this path from it.",
        (419,),
        holds=says("Page Expired|CSRF token mismatch"),
    ),
    # Those of frameworks without a row of their own.
    Cause(
        "csrf",
        "A CSRF check refused the delivery{e.quoted}: a server has no such token, so leave "
        "{e.path} out of it; the signature is the protection.",
        (400, 401, 403, 419, 422, 500),
        holds=says(r"\bCSRF|CSRF(Token|Protection|Error)|cross-site request"),
    ),
    Cause(
        "host-django",
        f"{_ALLOW_HOST}ALLOWED_HOSTS.",
        (400,),
        holds=says("DisallowedHost|HTTP_HOST"),
    ),
    Cause(
        "host-vite",
        f"{_ALLOW_HOST}server.allowedHosts of Vite.",
        (403,),
        holds=says(r"Blocked request\. This host"),
    ),
    Cause(
        "host-refused",
        f"{_ALLOW_HOST}its list of hosts.",
        (400, 403),
        holds=says("Blocked hosts?:|Invalid Host header"),
    ),
    Cause(
        "http-on-https-port",
        "That port speaks https: publish to https://, or to the app's http port.",
        (400,),
        holds=says("HTTP request (was sent )?to (an )?HTTPS (server|port)"),
    ),
    Cause(
        "clerk",
        "Clerk's middleware refused the delivery as signed out: make {e.path} a public "
        "route in clerkMiddleware; the signature is the protection.",
        holds=lambda e: e.header("x-clerk-auth-status") == "signed-out" and 400 <= e.status < 500,
    ),
    Cause("http-authentication", _http_authentication, (401,)),
    Cause("header-not-forwarded", _kept_back, (401, 403)),
    Cause("guard", _guard, (401, 403)),
    Cause(
        "static-server",
        "{e.place} does not know the method {e.facts.method}: a static file server answers "
        "there, not your app. Is the port right?",
        (501,),
    ),
    Cause("proxy", _proxy, (502, 503, 504)),
)
