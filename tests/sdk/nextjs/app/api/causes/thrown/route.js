export async function POST() {
  throw new Error("no such order");
}
