import { defineConfig } from "@playwright/test";

export default defineConfig({
  globalSetup: "../../../../fixtures/js/qstash-dev.mjs",
  testMatch: "*.spec.mjs",
  reporter: "line",
  outputDir: process.env.PLAYWRIGHT_OUTPUT,
});
