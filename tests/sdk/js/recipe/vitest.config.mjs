import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { globalSetup: "../../../../fixtures/js/qstash-dev.mjs", include: ["*.spec.mjs"], watch: false },
});
