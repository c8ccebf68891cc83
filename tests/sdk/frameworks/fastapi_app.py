"""Receivers as people write them with FastAPI, some of them wrong."""

import json
import os

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel
from qstash import Receiver

app = FastAPI()
receiver = Receiver(
    current_signing_key=os.environ["QSTASH_CURRENT_SIGNING_KEY"],
    next_signing_key=os.environ["QSTASH_NEXT_SIGNING_KEY"],
)


class Order(BaseModel):
    a: int


def check(request: Request, body: str, url: str | None = None) -> dict[str, str]:
    try:
        receiver.verify(signature=request.headers["Upstash-Signature"], body=body, url=url)
    except Exception as error:
        raise HTTPException(400, f"Invalid signature: {error}") from error
    return {"ok": "yes"}


@app.post("/raw")
async def raw(request: Request) -> dict[str, str]:
    return check(request, (await request.body()).decode())


@app.post("/written-again")
async def written_again(request: Request) -> dict[str, str]:
    return check(request, json.dumps(await request.json()))


@app.post("/other-url")
async def other_url(request: Request) -> dict[str, str]:
    return check(request, (await request.body()).decode(), "https://prod.example/other-url")


@app.post("/orders")
async def orders(order: Order) -> dict[str, int]:
    return {"a": order.a}
