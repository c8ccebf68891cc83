export default {
  globalSetup: "../../../../fixtures/js/qstash-dev.mjs",
  testMatch: ["**/*.test.mjs"],
  transform: {},
};
