import { startBackgroundJob } from "./actions";

export default function Page() {
  return (
    <form action={startBackgroundJob}>
      <button>Start</button>
    </form>
  );
}
