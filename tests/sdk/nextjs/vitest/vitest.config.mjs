export default {
  test: {
    globals: true,
    globalSetup: ["../../../../fixtures/js/qstash-dev.mjs", "./next-app.mjs"],
    fileParallelism: false,
    include: ["*.spec.mjs"],
    testTimeout: 60_000,
    hookTimeout: 60_000, // the first request to a route waits until Next.js has compiled it
    teardownTimeout: 500, // Next.js holds on to its process
    watch: false,
  },
};
