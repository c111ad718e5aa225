import { counted } from "../model/text.ts";
import type { Topology } from "../model/topology.ts";
import { type Desk, isRoot, type Look, lacking, NOTHING, type Part, takeFile, together, withEntry } from "./gather.ts";
import { findProgram, runProgram } from "./programs.ts";

export interface NftSet {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}
export interface NftCounts {
  /** Lines for people: tables, chains with hook and policy, and how many rules and sets they have. */
  readonly text: string;
  readonly sets: readonly NftSet[];
}

/** Braces that a line opens and does not close; those in quotes count for nothing. */
const bracesOf = (line: string): number => {
  const bare = line.replace(/"[^"]*"/g, "");
  return bare.split("{").length - bare.split("}").length;
};

const OPENS = /^(\w+(?: helper| timeout| expectation)?) (.*?) ?\{$/;

/** What `nft -t list ruleset` says as counts: no rule of it is repeated. Indentation counts for nothing. */
export const countNft = (ruleset: string): NftCounts => {
  const lines: string[] = [];
  const sets: NftSet[] = [];
  let table: Pick<NftSet, "family" | "table"> | undefined;
  /** What of the table is open, and how many braces of one of its rules are. */
  let part: { readonly kind: string; readonly name: string; hook: string; rules: number } | undefined;
  let depth = 0;
  for (const line of ruleset.split("\n").map((each) => each.trim())) {
    const [, kind = "", name = ""] = depth === 0 ? (OPENS.exec(line) ?? []) : [];
    if (part === undefined && kind === "table") {
      const [family = "", ...rest] = name.split(" ");
      table = { family, table: rest.join(" ") };
      lines.push(`table ${name}`);
    } else if (part === undefined && kind !== "") {
      part = { kind, name, hook: "", rules: 0 };
      if ((kind === "set" || kind === "map") && table) sets.push({ ...table, name });
      if (kind !== "chain") lines.push(`  ${kind} ${name}`);
    } else if (depth === 0 && line === "}") {
      if (part?.kind === "chain")
        lines.push(`  chain ${part.name}: ${part.hook === "" ? "" : `${part.hook}: `}${counted(part.rules, "rule")}`);
      part = undefined;
    } else if (part !== undefined && line !== "") {
      if (depth === 0 && /^type \w+ hook /.test(line)) part.hook = line.replace(/;$/, "");
      else if (depth === 0) part.rules += 1;
      // A rule with a long set of its own goes on over several lines.
      depth = Math.max(0, depth + bracesOf(line));
    }
  }
  return { text: lines.join("\n"), sets };
};

/** How many elements a listed set has: the parts between the braces behind `elements =`. */
export const countElements = (listed: string): number => {
  const inside = /elements = \{([\s\S]*)/.exec(listed)?.[1] ?? listed;
  return (inside.replace(/\}[\s\S]*$/, "").match(/[^\s,][^,]*/g) ?? []).length;
};

/** What iptables-save says as counts: tables, chains with their policy, and how many rules each has. */
export const countIptables = (saved: string): string => {
  const lines: string[] = [];
  for (const block of saved.split(/^COMMIT$/m)) {
    const table = /^\*(\S+)/m.exec(block)?.[1];
    if (table === undefined) continue;
    lines.push(`table ${table}`);
    const rules = block.match(/^-A \S+/gm) ?? [];
    for (const [, chain = "", policy = ""] of block.matchAll(/^:(\S+) (\S+)/gm)) {
      const count = rules.filter((rule) => rule === `-A ${chain}`).length;
      lines.push(`  chain ${chain}: ${policy === "-" ? "" : `policy ${policy}: `}${counted(count, "rule")}`);
    }
  }
  return lines.join("\n");
};

/** Of a program's output, the last 64 KiB are kept; more than this, and its beginning may be gone. Characters. */
const MAY_BE_CUT = 60_000;

/** Names as nft takes them without quotes: nothing else is handed back to it. */
const NFT_NAME = /^[A-Za-z_][\w./-]{0,127}$/;
const FAMILIES = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
const MAX_SETS = 64;

/** A set's elements are counted and not kept: they are who is banned here. */
const countSet = async (desk: Desk, { family, table, name }: NftSet): Promise<string> => {
  const label = `set ${family} ${table} ${name}`;
  if (!FAMILIES.includes(family) || !NFT_NAME.test(table) || !NFT_NAME.test(name)) return `${label}: not counted`;
  const saw = await runProgram(desk.probe, "nft", ["list", "set", family, table, name]);
  if (!saw?.ok || saw.exitCode !== 0) return `${label}: not counted`;
  const whole = saw.output.includes("elements = {") || saw.output.length < MAY_BE_CUT;
  const count = whole && !saw.output.includes("elements = {") ? 0 : countElements(saw.output);
  return `${label}: ${whole ? "" : "more than "}${counted(count, "element")}`;
};

/** What a program prints, as counts, and, by choice, as it is. */
const entriesOf = (name: string, what: string, counts: string, rules: string | undefined): Part =>
  together([
    withEntry({
      name: `system/firewall/${name}.txt`,
      what: `${what}, as counts`,
      content: `${counts}\n`,
      kind: "text",
    }),
    rules === undefined
      ? NOTHING
      : withEntry({
          name: `system/firewall/${name}-rules.txt`,
          what: `${what}, without the elements of sets`,
          content: rules,
          kind: "text",
        }),
  ]);

const cutOff = (line: string, output: string): Part =>
  output.length > MAY_BE_CUT ? lacking(line, "cut off: only the last 64 KiB of what it says were counted") : NOTHING;

/** Who is not root is refused. */
const refused = (desk: Desk, line: string, exitCode: number): Part =>
  isRoot(desk) ? lacking(line, `it ended with ${exitCode}`) : { ...NOTHING, denied: [line] };

const takeNft = async (desk: Desk, rules: boolean): Promise<Part> => {
  const terse = await runProgram(desk.probe, "nft", ["-t", "list", "ruleset"]);
  if (terse === undefined) return NOTHING;
  if (!terse.ok) return lacking("nft", "no answer in time");
  if (terse.exitCode === 0) {
    const { text, sets } = countNft(terse.output);
    const elements = await Promise.all(sets.slice(0, MAX_SETS).map((set) => countSet(desk, set)));
    const left = sets.length > MAX_SETS ? [`${sets.length - MAX_SETS} more sets: not counted`] : [];
    const counts = [text === "" ? "no table" : text, ...elements, ...left].join("\n");
    const kept = rules ? terse.output : undefined;
    return together([
      entriesOf("nft", "nftables' tables, chains and sets", counts, kept),
      cutOff("nft -t list ruleset", terse.output),
    ]);
  }
  // Before 0.9.1 it cannot leave out the elements: chains alone have none.
  const chains = await runProgram(desk.probe, "nft", ["list", "chains"]);
  if (!chains?.ok || chains.exitCode !== 0) return refused(desk, "nft list ruleset", terse.exitCode);
  return entriesOf("nft", "nftables' chains, without their rules", chains.output, undefined);
};

/** iptables-save asks only for the tables that are there: listing one with iptables would make it. */
const takeIptables = async (desk: Desk, program: string, rules: boolean): Promise<Part> => {
  const saw = await runProgram(desk.probe, program, []);
  if (saw === undefined) return NOTHING;
  if (!saw.ok) return lacking(program, "no answer in time");
  if (saw.exitCode !== 0) return refused(desk, program, saw.exitCode);
  const counts = countIptables(saw.output);
  if (counts === "") return NOTHING;
  const what = `what ${program} says of its tables and chains`;
  return together([entriesOf(program, what, counts, rules ? saw.output : undefined), cutOff(program, saw.output)]);
};

/** `-terse`: names, types, and the number of entries. */
const takeIpset = async (desk: Desk): Promise<Part> => {
  const saw = await runProgram(desk.probe, "ipset", ["-terse", "list"]);
  if (saw === undefined) return NOTHING;
  if (!saw.ok) return lacking("ipset", "no answer in time");
  if (saw.exitCode !== 0) return refused(desk, "ipset -terse list", saw.exitCode);
  return saw.output.trim() === "" ? NOTHING : entriesOf("ipset", "ipset's sets", saw.output, undefined);
};

/** Only where it runs: asking could start it. */
const takeFirewalld = async (desk: Desk, rules: boolean): Promise<Part> => {
  const service = await desk.probe.service("firewalld");
  if (!service.ok || service.state !== "running") return NOTHING;
  const asked = rules ? "--list-all-zones" : "--get-active-zones";
  const saw = await runProgram(desk.probe, "firewall-cmd", [asked]);
  if (saw === undefined) return NOTHING;
  if (!saw.ok) return lacking("firewall-cmd", "no answer in time");
  if (saw.exitCode !== 0) return refused(desk, `firewall-cmd ${asked}`, saw.exitCode);
  const what = rules ? "firewalld's zones" : "firewalld's active zones";
  return withEntry({ name: "system/firewall/firewalld.txt", what, content: saw.output, kind: "text" });
};

const COMMENT = /^\s*(#|$)/;
const UFW_RULE = /^-A /;

/** Its files: asking ufw itself would have it ask iptables, which makes tables. */
const takeUfw = async (desk: Desk, rules: boolean): Promise<Part> => {
  const settings = await Promise.all(
    ["/etc/ufw/ufw.conf", "/etc/default/ufw"].map((path) =>
      takeFile(desk, { path, what: "whether ufw is on, and what it does by default", kind: "environment" }),
    ),
  );
  if (settings.every(({ entries }) => entries.length === 0)) return NOTHING;
  const counts = await Promise.all(
    ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"].map(async (path): Promise<Part> => {
      const what = "ufw's own rules";
      if (rules) return takeFile(desk, { path, what, kind: "text" });
      const read = await takeFile(desk, { path, what, kind: "text" });
      const count = read.entries.flatMap(({ content }) => content.split("\n").filter((line) => UFW_RULE.test(line)));
      if (read.entries.length === 0) return read;
      const name = `system/firewall/ufw-${path.endsWith("6.rules") ? "6" : "4"}.txt`;
      return withEntry({
        name,
        what: "how many rules of its own ufw has",
        content: `${path}: ${counted(count.length, "rule")}\n`,
        kind: "text",
      });
    }),
  );
  return together([...settings, ...counts]);
};

/** FreeBSD: pf's rules, and its tables with their counts (pfctl(8)). */
const takePf = async (desk: Desk, rules: boolean): Promise<Part> => {
  if ((await findProgram(desk.probe, "pfctl")) === undefined) return lacking("pfctl", "no such program here");
  const [saw, tables] = await Promise.all([
    runProgram(desk.probe, "pfctl", ["-sr"]),
    runProgram(desk.probe, "pfctl", ["-vvsTables"]),
  ]);
  if (!saw?.ok) return lacking("pfctl", "no answer in time");
  if (saw.exitCode !== 0) return refused(desk, "pfctl -sr", saw.exitCode);
  const count = saw.output.split("\n").filter((line) => !COMMENT.test(line)).length;
  const sets = tables?.ok && tables.exitCode === 0 ? tables.output : "";
  return entriesOf("pf", "pf's rules and tables", `${counted(count, "rule")}\n${sets}`, rules ? saw.output : undefined);
};

const PROGRAMS = ["nft", "iptables-save"];

/** Says once that there is nothing to ask. */
const takeLinux = async (desk: Desk, rules: boolean): Promise<Part> => {
  const found = await Promise.all(PROGRAMS.map((name) => findProgram(desk.probe, name)));
  if (found.every((path) => path === undefined)) return lacking(PROGRAMS.join(", "), "no such program here");
  const parts = await Promise.all([
    takeNft(desk, rules),
    ...["iptables-save", "ip6tables-save"].map((program) => takeIptables(desk, program, rules)),
    takeIpset(desk),
  ]);
  return together(parts);
};

/** @param rules the rules themselves, and not only how many there are */
export const firewallLooks = ({ system }: Topology, rules: boolean): readonly Look[] =>
  system.services === "freebsd"
    ? [{ source: "pf", look: (desk) => takePf(desk, rules) }]
    : [
        { source: "nft, iptables, ipset", look: (desk) => takeLinux(desk, rules) },
        { source: "firewalld", look: (desk) => takeFirewalld(desk, rules) },
        { source: "ufw", look: (desk) => takeUfw(desk, rules) },
      ];
