export default {
  globalSetup: "../../../../fixtures/js/qstash-dev.mjs",
  maxWorkers: 1,
  testMatch: ["**/*.test.mjs"],
  transform: {},
};
