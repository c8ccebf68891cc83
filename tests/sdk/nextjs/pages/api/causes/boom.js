export default function handler() {
  throw new Error("no such order");
}
