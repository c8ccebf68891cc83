"""What is known of the app's signing keys, and whether an answer can be about them at all."""

import re

from msgspec import Struct

from qstash_dev.devtools.explain.evidence import Cause, EnvFile, Evidence
from qstash_dev.protocol.users import DEV_USERS

CURRENT, NEXT = "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"
WRITE_ENV = "run `qstash-dev env --write .env.local` and restart the app"
_GIVEN = (
    "qstash-dev gave them to the app when it started it, so look where its code takes others from"
)

_SIGNATURE = re.compile(
    r"SignatureError|(invalid|bad|wrong|incorrect|unknown|unverified)[ _-](\w+ )?(signature|webhook)\b"
    r"|signature[_-](invalid|mismatch|failed|error|verification)"
    r"|decoding signature|upstash-signature|signature.{0,30}\b(failed|failure|mismatch|refused)"
    r"|signature (verification|is (invalid|not valid)|has expired|does not|could not)"
    r"|(verify|verifying|validate|check)\w* (the )?(\w+ )?signature|InvalidSignature"
    r"|\bsignatures?\b.{0,20}\b(invalid|wrong|incorrect|rejected|error|bad)\b"
    r"|\bsignatures?\b.{0,20}\bnot (verified|match|accepted)"
    r"|(qstash|upstash|receiver) (request |webhook )?(verification|authentication)"
    r"|(invalid|unverified|unknown) (qstash|upstash) (request|call|webhook|message|delivery)"
    r"|\bJW[ST]\b|signing key|not (signed by|from) (upstash|qstash)|unverified (request|webhook)",
    re.IGNORECASE,
)
_NOT_OURS = re.compile(r"stripe|for payload|svix|x-hub-signature|github", re.IGNORECASE)


class Key(Struct, frozen=True):
    """A signing key of the app: where it stands, and what this server has under that name."""

    file: EnvFile
    name: str
    value: str
    ours: str


def keys_in_env(e: Evidence) -> list[Key]:
    """Both keys where the app's env files set them."""
    if not e.facts.keys:
        return []
    pairs = zip((CURRENT, NEXT), e.facts.keys, strict=True)
    found = ((name, e.env_file(name), ours) for name, ours in pairs)
    return [Key(file, name, file.values[name], ours) for name, file, ours in found if file]


def give_keys(e: Evidence) -> str:
    """How the app comes by this server's keys; our child has them already."""
    return _GIVEN if e.facts.is_child else WRITE_ENV


def fits(e: Evidence) -> bool:
    """Whether the app's files hold the key that signs: either variable may."""
    keys = e.facts.keys
    return keys is not None and any(key.value == keys[0] for key in keys_in_env(e))


def may_be_the_keys(e: Evidence) -> bool:
    """Not when they are right in the file, or this handler took a delivery since the app started."""
    return not fits(e) and e.facts.accepted_at is None


def says_signature(e: Evidence) -> bool:
    """Whether the answer speaks of a refused signature, in whatever words, and it is ours."""
    if e.status not in (400, 401, 403, 422, 500):
        return False
    return bool(_SIGNATURE.search(e.refusal)) and not _NOT_OURS.search(e.refusal)


def refused(e: Evidence) -> bool:
    """Whether the answer may be that of a failed verification, if it says nothing as well."""
    if e.status not in (400, 401, 403, 500) or not may_be_the_keys(e):
        return False
    return says_signature(e) or e.is_opaque


def _region(e: Evidence) -> str | None:
    region = e.env("QSTASH_REGION")
    if not region or not refused(e):
        return None
    return (
        f"{region[0]} sets QSTASH_REGION, so the SDK verifies with {region[1]}_{CURRENT}: remove "
        "QSTASH_REGION for local work, or put this server's keys under those names."
    )


def _dev_mode(e: Evidence) -> str | None:
    switch, keys = e.env("QSTASH_DEV"), e.facts.keys
    if not switch or switch[1].lower() not in ("1", "true") or not keys or not refused(e):
        return None
    if keys[0] == DEV_USERS[0].current_key:
        return None
    return (
        f"{switch[0]} sets QSTASH_DEV, so the SDK verifies with the default dev keys, but this "
        "message is signed with your own: publish with the default token, or unset QSTASH_DEV."
    )


def _quoted(e: Evidence) -> str | None:
    for key in keys_in_env(e):
        bare = key.value.strip().strip("\"'").strip()
        if key.value != key.ours and bare == key.ours and refused(e):
            return (
                f"{key.name} in {key.file.path} has quotes or spaces that belong to the value: "
                "remove them."
            )
    return None


def _stale(e: Evidence) -> str | None:
    keys = keys_in_env(e)
    switch = e.env("QSTASH_DEV")
    is_dev = switch is not None and switch[1].lower() in ("1", "true")  # then they are not read
    if not keys or is_dev or e.facts.is_cloud or not refused(e):
        return None
    key = keys[0]
    return (
        f"{key.file.path} has another {key.name} ({_short(key.value)}) than this server signs with "
        f"({_short(key.ours)}), so it refuses what is delivered: {WRITE_ENV}."
    )


def _short(key: str) -> str:
    return f"{key[:8]}…" if len(key) > 8 else repr(key)


KEYS = (
    Cause(
        "keys-rotated",
        "The keys of this server were rotated since the app took a delivery at {e.path}: start the app "
        "again with the new ones (R where qstash-dev started it, else `qstash-dev env`).",
        holds=lambda e: (
            e.facts.has_other_keys
            and not e.facts.is_cloud
            and says_signature(e)
            and may_be_the_keys(e)
        ),
    ),
    Cause("region-keys", _region),
    Cause("dev-mode-keys", _dev_mode),
    Cause("keys-quoted", _quoted),
    Cause("keys-stale", _stale),
)
