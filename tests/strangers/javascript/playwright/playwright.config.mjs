import { defineConfig } from "@playwright/test";

export default defineConfig({
  globalSetup: "../../../../fixtures/js/qstash-dev.mjs",
  workers: 1,
  testMatch: "*.spec.mjs",
  reporter: "line",
  outputDir: process.env.PLAYWRIGHT_OUTPUT,
});
