export default {
  test: {
    globals: true,
    globalSetup: ["../../../../fixtures/js/qstash-dev.mjs", "./next-app.mjs"],
    include: ["*.spec.mjs"],
    testTimeout: 60_000,
    teardownTimeout: 500, // Next.js holds on to its process
    watch: false,
  },
};
