#!/usr/bin/env node
const [major, minor] = process.versions.node.split(".").map(Number);
const COULD_NOT_JUDGE = 3;

/** Node's own exit code for an error is 1, which means a warning here. */
const giveUp = (error) => {
  console.error(`crowdsec-preflight: internal error, please report it: ${error?.message ?? error}`);
  process.exit(COULD_NOT_JUDGE);
};

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`crowdsec-preflight needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exitCode = COULD_NOT_JUDGE;
} else {
  process.on("uncaughtException", giveUp);
  try {
    process.cwd();
  } catch {
    // The folder that it was started in is gone; nothing here depends on it.
    process.chdir("/");
  }
  // A secret in the arguments is taken out of what others can read in the list of processes, before anything else is done.
  if (process.argv.some((word) => /^--(?:token|ping-?url)(?:=|$)/i.test(word))) process.title = "crowdsec-preflight";
  // Imported only now: an older Node could not even parse what follows.
  const { main } = await import("../dist/src/cli.js").catch(giveUp);
  const { stdout, stderr, env: environment } = process;
  // The report is written by now; a read that never ends must not hold the process.
  process.exit(await main(process.argv.slice(2), { stdout, stderr, environment }));
}
