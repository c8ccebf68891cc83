// Receivers as people write them with Express, some of them wrong; the port is printed.
import { Receiver } from "@upstash/qstash";
import express from "express";

const receiver = new Receiver({
  currentSigningKey: process.env.QSTASH_CURRENT_SIGNING_KEY,
  nextSigningKey: process.env.QSTASH_NEXT_SIGNING_KEY,
});
const app = express();
app.use(express.json());

async function check(request, response, signature, url) {
  try {
    await receiver.verify({ signature, body: JSON.stringify(request.body), url });
    response.send("ok");
  } catch (error) {
    response.status(401).json({ message: error.message });
  }
}

app.post("/stringified", (req, res) => check(req, res, req.headers["upstash-signature"]));
app.post("/own-words", async (req, res) => {
  try {
    const body = JSON.stringify(req.body);
    await receiver.verify({ signature: req.headers["upstash-signature"], body });
    res.send("ok");
  } catch {
    res.status(401).json({ error: "Invalid signature" });
  }
});
app.post("/other-case", (req, res) => check(req, res, req.headers["Upstash-Signature"]));
app.post("/other-url", (req, res) =>
  check(req, res, req.headers["upstash-signature"], "https://prod.example/other-url"),
);
app.post("/destructures", (req, res) => {
  const { a } = req.body;
  res.send(String(a));
});

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
