#!/usr/bin/env node
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`crowdsec-preflight needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exitCode = 3;
} else {
  // Imported only now: an older Node could not even parse what follows.
  const { main } = await import("../dist/src/cli.js");
  const { stdout, stderr, env: environment } = process;
  process.exitCode = await main(process.argv.slice(2), { stdout, stderr, environment });
}
