export default function handler(request, response) {
  if (typeof request.body.order !== "number") {
    return response.status(400).json({ error: "order is required" });
  }
  return response.send("ok");
}
