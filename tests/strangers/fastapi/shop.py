"""A shop: an order is mailed later, by QStash. Not a line of it is for tests."""

import os

from fastapi import FastAPI, HTTPException, Request
from qstash import QStash, Receiver

app = FastAPI()
qstash = QStash(os.environ["QSTASH_TOKEN"], base_url=os.environ["QSTASH_URL"])
receiver = Receiver(
    current_signing_key=os.environ["QSTASH_CURRENT_SIGNING_KEY"],
    next_signing_key=os.environ["QSTASH_NEXT_SIGNING_KEY"],
)
mailed: list[dict[str, int]] = []


@app.post("/orders")
def place_order(order: dict[str, int], request: Request) -> dict[str, str]:
    """Publishes what is to be mailed."""
    url = f"{request.base_url}api/mail"
    answer = qstash.message.publish_json(url=url, body=order, retries=2)
    return {"message": answer.message_id}


@app.post("/api/mail")
async def mail(request: Request) -> dict[str, bool]:
    """Mails an order, if QStash asks for it."""
    body = (await request.body()).decode()
    try:
        receiver.verify(signature=request.headers["Upstash-Signature"], body=body)
    except Exception as error:
        raise HTTPException(403, str(error)) from error
    mailed.append(await request.json())
    return {"ok": True}
