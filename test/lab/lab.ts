import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "@jest/globals";
import type { Finding, Party, Report } from "../../src/model/report.ts";
import { asReport } from "../support/schema.ts";

/**
 * A program of the checkout, without an input: a bash whose input is Node's pipe takes itself for a remote shell, and
 * reads ~/.bashrc each time.
 */
const withoutInput = (command: string, args: readonly string[]): readonly [string, string[]] => [
  "sh",
  ["-c", 'exec "$@" </dev/null', "sh", command, ...args],
];
const OUTPUT = { maxBuffer: 16 * 1024 * 1024 };

const run = (command: string, args: readonly string[]): Promise<{ readonly stdout: string }> =>
  promisify(execFile)(...withoutInput(command, args), OUTPUT);

export type Host =
  | "internet"
  | "resolver"
  | "lapi"
  | "agent"
  | "allinone"
  | "prometheus"
  | "fresh"
  | "database"
  | "bouncer"
  | "proxy";

/** Whether the agent and the bouncer of host `lapi` are ended: then nobody but the tool could change its rows. */
let alone = false;

/** scripts/lab with these arguments; resolves to what it prints. */
export const lab = async (...args: readonly string[]): Promise<string> => {
  if (args[0] === "restore" || args[0] === "database") alone = false;
  const { stdout } = await run("bash", ["scripts/lab", ...args]);
  return stdout;
};

/** A shell command on a host, as root. */
export const on = (host: Host, command: string): Promise<string> => lab("exec", host, "bash", "-c", command);

/** What every other host asks. */
const ASKED: Readonly<Partial<Record<Host, string>>> = { resolver: "53", internet: "443" };

/** Ends a service and starts it again; until it answers, where others ask it. */
export const restart = async (host: Host, service: string): Promise<void> => {
  await lab("stop", host, service);
  await lab("start", host, service);
  const port = ASKED[host];
  if (port !== undefined) await lab("wait", host, "127.0.0.1", port);
};

/** Until a process that cannot start has ended. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1500));

/** The zone of the lab's resolver, edited by sed, then served anew. */
export const editZone = async (...expressions: readonly string[]): Promise<void> => {
  await on("resolver", `sed -i ${expressions.map((each) => `-e '${each}'`).join(" ")} /etc/unbound/lab-zone.conf`);
  await restart("resolver", "unbound");
};

/** nginx of the internet shows another of the lab's certificates. */
export const serve = async (certificate: string): Promise<void> => {
  await on("internet", `cp $LAB_STATE/ca/${certificate}.crt $LAB_STATE/ca/served.crt`);
  await restart("internet", "nginx");
};

/** How a command ended; signals count as a shell counts them. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
/** A command that goes on while a scene does something else. */
export interface Background {
  readonly ended: Promise<Ended>;
  /** What it has printed, as soon as that matches; rejects when it ends without. */
  readonly prints: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly signal: (name: "INT" | "TERM") => Promise<unknown>;
}
let backgrounds = 0;

/** Starts a shell command on a host and does not wait for it; `restore` ends it. Its last part is a program to `exec`. */
export const background = (host: Host, program: string): Background => {
  backgrounds += 1;
  // Its process id as the host counts it.
  const file = `/run/scene/${process.pid}-${backgrounds}`;
  const command = `mkdir -p /run/scene && echo $$ >${file} && exec ${program}`;
  const child = spawn("bash", ["scripts/lab", "exec", host, "bash", "-c", command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  let over = false;
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
      for (const look of waiting) look();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => {
      over = true;
      for (const look of waiting) look();
      resolve({ ...said, exitCode: exitCode ?? -1 });
    });
  });
  const prints = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(`${said.stdout}${said.stderr}`);
        if (found === null && !over) return;
        waiting.delete(look);
        if (found === null) reject(new Error(`${program} has ended without ${pattern}: ${JSON.stringify(said)}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { ended, prints, signal: (name) => on(host, `kill -${name} $(cat ${file})`) };
};

/** Variables of an environment. */
export type Variables = Readonly<Record<string, string>>;

const assignments = (variables: Variables): readonly string[] =>
  Object.entries(variables).map(([name, value]) => `${name}=${value}`);

/** Starts a service again, with these variables in its environment: what /proc/PID/environ then shows. `restore` takes them away. */
export const environment = (host: Host, service: string, variables: Variables): Promise<string> =>
  lab("environment", host, service, ...assignments(variables));

/** Drop-ins of a unit, as files: systemd does not run in the lab, so they count for what is not running. */
export const dropIn = (host: Host, unit: string, name: string, ...lines: readonly string[]): Promise<string> => {
  const folder = `/etc/systemd/system/${unit}.d`;
  const text = ["[Service]", ...lines].map((line) => `'${line}'`).join(" ");
  return on(host, `mkdir -p ${folder} && printf '%s\\n' ${text} >${folder}/${name}.conf`);
};

/** Packet filter rules on a host; `restore` takes them away. */
export const filter = (host: Host, chain: "input" | "output", ...rules: readonly string[]): Promise<string> =>
  on(
    host,
    [
      "nft add table inet scene",
      `nft add chain inet scene ${chain} '{ type filter hook ${chain} priority 0; }'`,
      ...rules.map((rule) => `nft 'add rule inet scene ${chain} ${rule}'`),
    ].join(" && "),
  );

/** From this host the proxy, the Local API and the resolver can be reached, and nothing else. */
export const onlyWayOut = (host: Host): Promise<string> =>
  filter(
    host,
    "output",
    "oif lo accept",
    "ip daddr { 10.77.0.80, 10.77.0.10, 10.77.0.53 } accept",
    "ip6 daddr fd77:0::80 accept",
    "tcp flags syn / syn,ack reject with icmpx type admin-prohibited",
  );

/** The proxies of host `proxy`, as CrowdSec's variables name them. */
export const PROXIES = {
  open: "http://10.77.0.80:3128",
  closed: "http://10.77.0.80:3129",
  withCredentials: "http://lab:canary-proxy-password@10.77.0.80:3129",
  withWrongCredentials: "http://lab:canary-wrong-password@10.77.0.80:3129",
  /** Denies the hub's names. */
  picky: "http://10.77.0.80:3130",
  /** Reads TLS, with the CA of $LAB_STATE/ca/inspector.crt. */
  inspecting: "http://10.77.0.80:3131",
  /** Nothing listens there. */
  dead: "http://10.77.0.80:3132",
  /** Another kind: tinyproxy, which lets through to port 443 only. */
  tiny: "http://10.77.0.80:8888",
} as const;

/** What host `lapi` may keep its rows in, as its `db_config.type` says it. */
export type Database = "sqlite" | "postgresql" | "mysql";

/** Puts host `lapi` on this database, with its machines and its bouncer known there. `restore` puts it back on SQLite. */
export const useDatabase = (type: Database): Promise<string> => lab("database", "lapi", type);

/** SQL on host `database`, as superuser in database `crowdsec`; resolves to the rows, without names of columns. */
export const sql = (service: "postgres" | "mariadbd", statement: string): Promise<string> =>
  lab("sql", service, statement);

/**
 * All rows of machines, bouncers, decisions and alerts in the database that host `lapi` is on, with every column, and
 * the numbers of metas and events. Agent and bouncer move some columns all the time: `stopClients` first.
 */
export const rows = (): Promise<string> => lab("rows");

/** Ends the agent and the bouncer of host `lapi`, whose visits would change its rows. `restore` starts them again. */
export const stopClients = async (): Promise<void> => {
  await Promise.all([lab("stop", "agent", "crowdsec"), lab("stop", "bouncer", "crowdsec-firewall-bouncer")]);
  alone = true;
};

/** Columns that a running agent or bouncer moves. */
const MOVED = /_at$|^last_|^until$|^ip_address$|^scenarios$|^type$|^version$/;

/** The rows as far as only the tool could change them; undefined while the database cannot be asked. */
const comparable = async (): Promise<string | undefined> => {
  const all = await rows().catch(() => undefined);
  if (alone || all === undefined) return all;
  let columns: readonly string[] = [];
  let header = false;
  const kept = all.split("\n").map((line) => {
    const fields = line.split("|");
    if (header) columns = fields;
    header = line.startsWith("== ");
    return fields.length === columns.length
      ? fields.filter((_field, at) => !MOVED.test(columns[at] ?? "")).join("|")
      : line;
  });
  return kept.join("\n");
};

export interface Ran {
  readonly report: Report;
  readonly exitCode: number;
}

/** Runs of the tool under way, and the rows before the first of them. */
const under: { runs: number; before: Promise<string | undefined> } = { runs: 0, before: Promise.resolve(undefined) };

/**
 * The tool on a host, as a user starts it there. Without --allow-writes, the rows of the Local API are held against what
 * they were before, row by row.
 */
export const preflight = (host: Host, ...flags: readonly string[]): Promise<Ran> => preflightWith(host, {}, ...flags);

/** The same, in a shell that has these variables. */
export const preflightWith = async (host: Host, variables: Variables, ...flags: readonly string[]): Promise<Ran> => {
  const watched = !flags.includes("--allow-writes");
  if (under.runs === 0) under.before = comparable();
  under.runs += 1;
  const before = await under.before;
  const ran = await start("exec", host, variables, flags).finally(() => {
    under.runs -= 1;
  });
  if (watched && under.runs === 0 && before !== undefined) expect(await comparable()).toBe(before);
  return ran;
};

const start = async (
  place: "exec" | "root",
  host: Host,
  variables: Variables,
  flags: readonly string[],
): Promise<Ran> => {
  const command = [
    "scripts/lab",
    place,
    host,
    "env",
    ...assignments(variables),
    process.execPath,
    `${process.cwd()}/bin/crowdsec-preflight.js`,
    "-o",
    "json",
  ];
  return new Promise((resolve, reject) => {
    execFile(...withoutInput("bash", [...command, ...flags]), OUTPUT, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code);
      if (stderr !== "") reject(new Error(`stderr is not empty: ${stderr}`));
      else resolve({ report: asReport(stdout), exitCode });
    });
  });
};

/** Gives a host a bare Debian in a root of its own, with CrowdSec's packages in apt's folder. `restore` takes it away. */
export const newRoot = (host: Host): Promise<string> => lab("root", host, "new");

/** A shell command in that root, as root, whatever becomes of it. */
export const inRoot = (host: Host, command: string): Promise<Ended> =>
  new Promise((resolve) => {
    const inside = withoutInput("bash", ["scripts/lab", "root", host, "bash", "-c", command]);
    execFile(...inside, OUTPUT, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

/**
 * What was written in that root since it was made, or taken away: the upper layer of its overlay. Programs that the
 * tool asks run in a folder of their own, that comes and goes in /tmp. Nothing while crowdsec runs, which writes itself.
 */
const written = (host: Host): Promise<string> =>
  on(
    host,
    "pgrep -x crowdsec >/dev/null || find /run/bare/layer ! -path /run/bare/layer/tmp -printf '%p %y %m %U %G %s %T@ %l\n' | sort",
  );

/** The tool in that root, in a shell that has these variables. Nothing there may change by that. */
export const preflightInRoot = async (host: Host, variables: Variables, ...flags: readonly string[]): Promise<Ran> => {
  const before = await written(host);
  const ran = await start("root", host, variables, flags);
  expect(await written(host)).toBe(before);
  return ran;
};

/** The tool as an unprivileged user of a host, who may not look into the checkout: from a copy. Resolves to stdout. */
export const asNobody = async (host: Host, ...flags: readonly string[]): Promise<string> => {
  const { stdout } = await run("npm", ["ls", "--omit=dev", "--all", "--parseable"]);
  const modules = stdout.split("\n").flatMap((path) => /node_modules\/.*/.exec(path)?.[0] ?? []);
  const copy = "/var/lab/tool";
  await on(
    host,
    `mkdir -p ${copy} && cd ${process.cwd()} && cp -r --parents bin dist package.json ${modules.join(" ")} ${copy}/`,
  );
  const nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
  return on(host, `cd / && ${nobody} ${process.execPath} ${copy}/bin/crowdsec-preflight.js ${flags.join(" ")} || true`);
};

export const findingOf = ({ findings }: Report, instance: string): Finding => {
  const found = findings.find((finding) => finding.instance === instance);
  if (found === undefined)
    throw new Error(`no finding ${instance} in ${findings.map(({ instance: name }) => name).join(", ")}`);
  return found;
};

/** What a user is told of a fault: which layer, what, whose, and how it is mended. */
export interface Told {
  readonly status: "fail" | "warn";
  readonly phase: string;
  readonly code: string;
  readonly party: Party;
  /** Must match the remedies, texts and commands together. */
  readonly remedy: RegExp;
  readonly summary?: RegExp;
}

export const expectFault = (report: Report, instance: string, told: Told): void => {
  const { status, fault, blame, remedy, summary } = findingOf(report, instance);
  expect({ instance, status, phase: fault?.phase, code: fault?.code, party: blame?.party }).toEqual({
    instance,
    status: told.status,
    phase: told.phase,
    code: told.code,
    party: told.party,
  });
  expect(remedy.flatMap(({ text, commands = [] }) => [text, ...commands]).join("\n")).toMatch(told.remedy);
  expect(summary).toMatch(told.summary ?? /./);
};

/** Instances with one of these statuses. */
export const instancesOf = ({ findings }: Report, ...statuses: readonly Finding["status"][]): readonly string[] =>
  findings.filter(({ status }) => statuses.includes(status)).map(({ instance }) => instance);
