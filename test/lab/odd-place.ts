import { execFileSync } from "node:child_process";
import { shellQuote } from "../../src/model/remedy.ts";
import { type Host, on } from "./lab.ts";

/** Where the tool is installed in these scenes: a name that means something to cron, shells, systemd, Nagios and Icinga. */
const PLACE = `/var/lab/it's 50%;$HOME "odd"`;

/** The script, for a command line of a shell. */
export const SCRIPT = shellQuote(`${PLACE}/bin/crowdsec-preflight.js`);
export const TOOL = `${process.execPath} ${SCRIPT}`;

/** A copy of the tool there, that every user may read. */
export const installOddly = async (host: Host): Promise<void> => {
  const listed = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], { encoding: "utf8" });
  const modules = listed.split("\n").flatMap((path) => /node_modules\/.*/.exec(path)?.[0] ?? []);
  const place = shellQuote(PLACE);
  await on(
    host,
    `mkdir -p ${place} && cd ${process.cwd()} && cp -r --parents bin dist package.json ${modules.join(" ")} ${place}/ && chmod -R a+rX ${place}`,
  );
};

export const uninstall = (host: Host): Promise<string> => on(host, `rm -rf ${shellQuote(PLACE)}`);
