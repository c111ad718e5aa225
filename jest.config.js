/** Tests are TypeScript in ES modules; scripts/test.js starts Jest with the flag that needs. */
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" } }],
  },
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.lab/"],
  // Ends a test that hangs, and judges no speed: a busy machine needs many times what a quiet one does.
  testTimeout: 60_000,
};
