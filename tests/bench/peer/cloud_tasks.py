"""The app's side of `gcloud-tasks-emulator`: takes a POST, creates a task by gRPC, answers its name.

Run with the Python of the emulator's own environment. Argument: the emulator's port. Prints its own.
"""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import grpc
from google.cloud import tasks_v2

QUEUE = "projects/bench/locations/here/queues/messages"
EMULATOR = (sys.executable, "-W", "ignore", "-m", "gcloud_tasks_emulator", "start", "--quiet")
CREATE = "/google.cloud.tasks.v2.CloudTasks/CreateTask"


async def main(port: str) -> None:
    arguments = (*EMULATOR, "--port", port, "--default-queue", QUEUE)
    await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.DEVNULL)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    create = channel.unary_unary(
        CREATE, tasks_v2.CreateTaskRequest.serialize, tasks_v2.Task.deserialize
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                made = await create(await task_of(reader))
                text = json.dumps({"messageId": made.name})
                head = f"HTTP/1.1 201 Created\r\nContent-Length: {len(text)}\r\n\r\n"
                writer.write((head + text).encode())
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    await asyncio.wait_for(channel.channel_ready(), 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def task_of(reader: asyncio.StreamReader) -> tasks_v2.CreateTaskRequest:
    """The task that a publish asks for."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *lines = head.split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    request = tasks_v2.HttpRequest(
        url=line.split()[1].removeprefix("/v2/publish/"),
        http_method=tasks_v2.HttpMethod.POST,
        headers={"Content-Type": headers["content-type"]},
        body=await reader.readexactly(int(headers["content-length"])),
    )
    due = None
    if "upstash-delay" in headers:
        seconds = int(headers["upstash-delay"].removesuffix("s"))
        due = datetime.now(UTC) + timedelta(seconds=seconds)
    task = tasks_v2.Task(http_request=request, schedule_time=due)
    return tasks_v2.CreateTaskRequest(parent=QUEUE, task=task)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
