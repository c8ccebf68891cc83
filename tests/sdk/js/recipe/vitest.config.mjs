import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "../../../../fixtures/js/qstash-dev.mjs",
    fileParallelism: false,
    include: ["*.spec.mjs"],
    watch: false,
  },
});
