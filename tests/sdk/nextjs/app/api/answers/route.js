let count = 0;

const stream = (...parts) =>
  new ReadableStream({
    pull(controller) {
      const part = parts.shift();
      if (part instanceof Error) controller.error(part);
      else if (part) controller.enqueue(new TextEncoder().encode(part));
      else controller.close();
    },
  });

const answers = {
  text: () => new Response("ok"),
  json: () => Response.json({ a: 1 }),
  stream: () => new Response(stream("a", "b", "c")),
  nothing: () => new Response(null, { status: 204 }),
  moved: () => new Response(null, { status: 307, headers: { Location: "/elsewhere" } }),
  failed: () => new Response("failed", { status: 500 }),
  "dies-in-body": () => new Response(stream("half", new Error("on purpose"))),
  count: () => new Response(String(count - 1)),
};

export async function POST(request) {
  count += 1;
  return answers[await request.text()]();
}
