// Makes a fresh clone ready: installs the packages and builds, each only where it is missing or older than its source.
// npm start and npm test call it first, so that one command does everything.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const modified = (path) => (existsSync(root + path) ? statSync(root + path).mtimeMs : 0);
const newestIn = (folder) =>
  Math.max(...readdirSync(root + folder, { recursive: true }).map((name) => modified(`${folder}/${name}`)));

const run = (command, args) => {
  // What npm says goes to stderr: stdout belongs to the report.
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    console.error(`"${command} ${args.join(" ")}" failed; the lines above say why.`);
    process.exit(status ?? 1);
  }
};

const installed = modified("node_modules/.package-lock.json");
if (installed === 0 || installed < modified("package-lock.json")) {
  // By the lock file, like "npm ci", which also refuses a lock file that was written where the registry lacks packages
  // of other platforms. It calls the package's "prepare", which builds.
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]);
}
if (modified("dist/src/cli.js") < Math.max(newestIn("src"), newestIn("checks")))
  run(process.execPath, ["scripts/build.js"]);
