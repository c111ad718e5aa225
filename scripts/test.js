// npm test: types, lint, unit tests and, as root on Linux, the lab tests.
//   npm test -- PATTERN   only test files whose path matches; of the lab, only when the pattern says "lab"
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const patterns = process.argv.slice(2);
const local = (path) => `${root}node_modules/${path}`;

const run = (command, args) => {
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  return status ?? (signal ? 1 : 0);
};
const node = (...args) => run(process.execPath, args);
const jest = (...args) =>
  node("--experimental-vm-modules", "--no-warnings", local("jest/bin/jest.js"), "--colors=false", ...args);

const wantsLab = patterns.length === 0 || patterns.some((pattern) => pattern.includes("lab"));
const wantsUnit = patterns.length === 0 || patterns.some((pattern) => !pattern.includes("lab"));
const unitPatterns = patterns.filter((pattern) => !pattern.includes("lab"));

const steps = [];
if (patterns.length === 0) {
  steps.push(() => node(local("typescript/bin/tsc"), "--noEmit", "-p", "tsconfig.json"));
  steps.push(() => node(local("typescript/bin/tsc"), "-p", "test/tsconfig.json"));
  steps.push(() => node(local("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"));
}
if (wantsUnit) steps.push(() => jest(...unitPatterns, "--testPathIgnorePatterns=/test/lab/"));
if (wantsLab) {
  if (process.platform === "linux" && process.getuid() === 0 && existsSync("/usr/bin/apt-get")) {
    steps.push(() => run("bash", ["scripts/lab", "down"]) || run("bash", ["scripts/lab", "up"]));
    steps.push(() => {
      const status = jest("--runInBand", "--verbose", "/test/lab/");
      return run("bash", ["scripts/lab", "down"]) || status;
    });
  } else {
    console.log("lab tests left out: they need root on Debian (network namespaces, the real CrowdSec)");
  }
}
for (const step of steps) {
  const status = step();
  if (status !== 0) process.exit(status);
}
