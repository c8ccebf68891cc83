"""Which program listens on a port here: another qstash-dev, another QStash, or something else."""

from qstash_dev.client import Client, ClientError, ServerUnreachable
from qstash_dev.protocol.headers import bearer
from qstash_dev.protocol.users import DEV_USERS

TIMEOUT_S = 3.0
"""Who is silent that long does not speak HTTP, or is as good as gone."""


async def program_on(port: int) -> str:
    """A sentence about the program that answers on 127.0.0.1:`port`."""
    url = f"http://127.0.0.1:{port}"
    async with Client(url, timeout_s=TIMEOUT_S) as client:
        try:
            health = await client.health()
            return f"Port {port} is held by another qstash-dev (pid {health.pid}) at {url}."
        except ServerUnreachable:
            return f"Port {port} is held by another program."
        except ClientError:
            pass
        try:
            keys = await client.request("GET", "/v2/keys", headers=bearer(DEV_USERS[0].token))
            if isinstance(keys, dict) and keys.get("current") == DEV_USERS[0].current_key:
                return (
                    f"Port {port} is held by another QStash development server at {url}. An app with "
                    "QSTASH_DEV=true starts one where none is: such an app is started after qstash-dev."
                )
        except ClientError:
            pass
    return f"Port {port} is held by another program."
