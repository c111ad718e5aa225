// Compiles src/ and checks/ into dist/. Runs as npm's "prepare", so it must do nothing where there is no compiler
// (an installed package) and no source.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiler = `${root}node_modules/typescript/bin/tsc`;
if (existsSync(compiler) && existsSync(`${root}src`)) {
  rmSync(`${root}dist`, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, "-p", `${root}tsconfig.json`], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}
