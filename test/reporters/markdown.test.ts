import { describe, expect, test } from "@jest/globals";
import type { Finding, Report } from "../../src/model/report.ts";
import { markdown } from "../../src/reporters/markdown.ts";
import { finding } from "../support/findings.ts";
import { REPORTS } from "../support/reports.ts";
import { reported } from "../support/run.ts";

/** An issue at GitHub; ours leaves room for a sentence. */
const ISSUE = 65_536;
const OURS = 60_000;

const unexplained = (findings: readonly Finding[]): Report => ({ ...reported(findings), causes: [] });
const rowsOf = (text: string): readonly string[] => text.split("\n").filter((line) => /^\| `/.test(line));

test("the verdict is the first thing that is read", () => {
  const [first, , , , second] = markdown(REPORTS["lapi-refused"] ?? reported([])).split("\n");
  expect(first).toBe("## crowdsec-preflight: NOT READY");
  expect(second).toBe("2 fail, 1 unknown, 4 skip in 812 ms.");
  expect(markdown(reported([]))).toMatch(/^## crowdsec-preflight: UNKNOWN\n\n.*\n\nnothing checked in \d+ ms\.\n/);
});

test("of which host, when, and of which CrowdSec stands right below it", () => {
  const { run, ...rest } = REPORTS["healthy"] ?? reported([]);
  const lineOf = (more: Partial<Report["run"]>): string | undefined =>
    markdown({ ...rest, run: { ...run, ...more } }).split("\n")[2];
  expect(lineOf({ host: "web1" })).toBe(
    "Host web1 · `2026-06-15T12:00:00Z` · roles lapi, agent, cscli, phase run, CrowdSec `1.7.8`",
  );
  expect(lineOf({ host: "web_1<b>" })).toContain("Host `web_1<b>` · ");
  expect(lineOf({})).toMatch(/^`2026-06-15T12:00:00Z` · roles /);
});

test("that it was judged from a bundle, and nothing asked anew, is said before anything of it", () => {
  const { run, ...rest } = REPORTS["healthy"] ?? reported([]);
  const from = { bundle: "/tmp/a b.zip", toolVersion: "1.0.0", judgedAt: "2026-07-01T00:00:00Z" };
  const lines = markdown({ ...rest, run: { ...run, host: "web1", from } }).split("\n");
  expect(lines[4]).toBe(
    "Judged from `/tmp/a` `b.zip`: seen on web1 at `2026-06-15T12:00:00.000Z` by version `1.0.0`; nothing was asked anew.",
  );
  expect(lines[6]).toMatch(/^\d+ pass, /);
});

test("every cause is told with its remedies, their commands ready to be copied", () => {
  for (const report of Object.values(REPORTS)) {
    const text = markdown(report);
    for (const { commands = [], undo = [] } of report.causes.flatMap(({ remedy }) => remedy))
      for (const command of [...commands, ...undo]) expect(text.split("\n")).toContain(`  ${command}`);
  }
});

test("what failed and no cause explains is told with its layers, whose it is and how it is mended", () => {
  const { findings } = REPORTS["lapi-refused"] ?? reported([]);
  const text = markdown(unexplained(findings));
  expect(text).toContain("### What failed or warns\n");
  expect(text).toContain("**✗ FAIL** lapi-reachable → `lapi.internal.example:8080` · connect");
  expect(text).toContain("- **Whose:** the service there (likely)");
  expect(text).toContain("- **Fix:** On the Local API's host");
});

describe("everything else", () => {
  const text = markdown(
    unexplained([
      finding("service", "pass"),
      finding("lapi-tls@a|b", "skip", { summary: "because of a | b\nand <b>" }),
      finding("lapi-identity", "unknown"),
      finding("lapi-latency", "skip", { summary: "not selected" }),
      finding("lapi-reachable", "fail"),
    ]),
  );

  test("is a folded table, with the blank lines that GitHub and Discourse want inside", () => {
    expect(text).toContain(
      "\n\n<details><summary>Everything else: 1 pass, 1 skip, 1 unknown</summary>\n\n| check | status | summary |\n|---|---|---|\n| ",
    );
    expect(text).toContain(" |\n\n</details>\n\n");
  });

  test("has a row for each check that passed, was skipped or is unknown, and none for what was not selected", () => {
    expect(rowsOf(text)).toEqual([
      "| `service` | ✓ pass | summary of service |",
      "| `lapi-tls@a\\|b` | – skip | because of a `\\|` b and `<b>` |",
      "| `lapi-identity` | ? unknown | summary of lapi-identity |",
    ]);
  });

  const all = (...findings: readonly Finding[]): readonly string[] => rowsOf(markdown(unexplained(findings)));
  const same = (status: Finding["status"], ...instances: readonly string[]): readonly Finding[] =>
    instances.map((instance) => finding(instance, status, { summary: "the same" }));

  test("names what one check found the same of several in one row, and each of them", () => {
    expect(all(...same("pass", "config-files@/etc/a.yaml", "config-files@/etc/b.yaml", "credentials@agent"))).toEqual([
      "| `config-files`: `/etc/a.yaml`, `/etc/b.yaml` | ✓ pass | the same |",
      "| `credentials@agent` | ✓ pass | the same |",
    ]);
    const targets = Array.from({ length: 30 }, (_, index) => `metrics-target@web-${index + 1}:6060`);
    expect(all(...same("pass", ...targets))).toEqual([
      expect.stringMatching(/^\| `metrics-target`: `web-1:6060`, .*, `web-12:6060` and 18 more \| ✓ pass \|/),
    ]);
  });

  test("tells a reason once for all that was skipped for it, and of which client where another was asked", () => {
    expect(
      all(
        ...same(
          "skip",
          "clock",
          "lapi-tls@agent",
          "lapi-tls@cscli",
          "credentials@capi",
          "machine-login@agent",
          "machine-login@cscli",
        ),
        finding("machine-login@lapi", "pass"),
        finding("lapi-latency@a", "skip", { because: ["lapi-reachable@a"] }),
        finding("lapi-latency@b", "skip", { because: ["lapi-reachable@b"] }),
      ),
    ).toEqual([
      "| `clock`; `lapi-tls`; `credentials@capi`; `machine-login`: `agent`, `cscli` | – skip | the same |",
      "| `machine-login@lapi` | ✓ pass | summary of `machine-login@lapi` |",
      "| `lapi-latency` | – skip | because lapi-reachable did not pass |",
    ]);
  });

  test("does not say again and again why this shell stands in for a service", () => {
    const shell = "this shell, in a container (docker)";
    const vantage = (who: string) =>
      ({ user: "root", route: "direct", env: `${who}: ${shell}: ${who} does not run and has no unit` }) as const;
    const told = (who: string): string => `${shell}: ${who} does not run and has no unit`;
    expect(
      all(
        finding("trust-store", "pass", {
          vantage: vantage("crowdsec"),
          summary: `by SSL_CERT_FILE (${told("crowdsec")} and ${told("bouncer")} and this shell)`,
        }),
        finding("proxy@crowdsec", "pass", { summary: `${told("crowdsec")}: no proxy` }),
        finding("lapi-tls@bouncer", "pass", { vantage: vantage("bouncer"), summary: "fine" }),
      ).slice(0, 2),
    ).toEqual([
      "| `trust-store` | ✓ pass | by `SSL_CERT_FILE` (this shell, in a container (docker) and this shell) |",
      "| `proxy@crowdsec` | ✓ pass | this shell, in a container (docker): no proxy |",
    ]);
  });

  test("is no table where there is nothing else", () => {
    expect(markdown(unexplained([finding("service", "fail")]))).not.toContain("<details>");
  });
});

test("the last line says by which version of this tool, and as whom", () => {
  const { run, ...rest } = REPORTS["healthy"] ?? reported([]);
  const from = { bundle: "/tmp/a b.zip", toolVersion: "1.0.0", judgedAt: "2026-07-01T00:00:00Z" };
  const inDocker = rest.findings.map((one) => ({ ...one, vantage: { ...one.vantage, namespace: "docker" } }));
  const text = markdown({ ...rest, findings: inDocker, run: { ...run, host: "web_1<b>", from } });
  expect(text.trimEnd().split("\n").at(-1)).toBe(
    "crowdsec-preflight `1.2.3` on node `v20.19.0` · as root · inside docker · judged again at `2026-07-01T00:00:00Z`",
  );
});

describe("text from outside", () => {
  /** No word among them is plain. */
  const HOSTILE = "<img/src=x> @everyone #1 https://evil.example/ [x](y) `` ``` ``` | </details> ![x](y)";
  const hostile = (value: unknown, key = ""): unknown => {
    if (
      ["status", "party", "verdict", "instance", "id", "explains", "because", "phase", "route", "reason"].includes(key)
    )
      return value;
    if (typeof value === "string") return `${HOSTILE}\n\n${value} ${HOSTILE}`;
    if (Array.isArray(value)) return value.map((one) => hostile(one));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, hostile(one, name)]));
  };
  /** Code of any length of fence, blocks first. */
  const withoutCode = (text: string): string =>
    text.replace(/^( *)(`{3,})sh\n[\s\S]*?\n\1\2$/gm, "").replace(/(?<!`)(`+)(?!`)(.*?[^`])\1(?!`)/g, "");

  test.each(Object.entries(REPORTS))("is never mark-up, a link, a mention or a reference: %s", (_name, report) => {
    const text = withoutCode(markdown({ ...(hostile(report) as Report), summary: report.summary }));
    expect(text.replace(/^<details><summary>[\w ,:]*<\/summary>$|^<\/details>$/gm, "")).not.toMatch(
      /[<>&@[\]`\\~_$]|:\/\//,
    );
    expect(text.match(/<details>/g)?.length ?? 0).toBe(text.match(/<\/details>/g)?.length ?? 0);
    expect(text.match(/^#+ /gm)).toEqual(markdown(report).match(/^#+ /gm));
  });

  test.each(Object.entries(REPORTS))("leaves every row of the table with its three cells: %s", (_name, report) => {
    const text = markdown(hostile(report) as Report);
    for (const row of rowsOf(text)) expect(row.match(/(?<!\\)\|/g)).toHaveLength(4);
    expect(rowsOf(text)).toHaveLength(rowsOf(markdown(report)).length);
  });
});

describe("a report that is longer than an issue may be", () => {
  const long = (word: string): string => `${word} `.repeat(300).trim();
  const many = (count: number, status: "pass" | "skip" | "fail", rest: Parameters<typeof finding>[2] = {}) =>
    Array.from({ length: count }, (_, index) =>
      finding(`lapi-x${status}${index}`, status, { summary: `${index} ${long(status)}`, ...rest }),
    );

  test("loses rows of what passed first, and says how many", () => {
    const text = markdown(unexplained([...many(40, "pass"), ...many(5, "skip"), finding("clock", "fail")]));
    expect(text.length).toBeLessThanOrEqual(OURS);
    expect(text.match(/– skip/g)).toHaveLength(5);
    const shown = text.match(/✓ pass/g)?.length ?? 0;
    expect(shown).toBeGreaterThan(20);
    expect(text).toContain(
      `\n\nLeft out, since an issue has a limit: ${40 - shown} pass in the table; \`-o json\` has all of it.\n\n`,
    );
    expect(text).toContain("**✗ FAIL** clock");
  });

  test("keeps the first causes and failures, in short, and says how many of them it lost", () => {
    const failing = many(200, "fail");
    const text = markdown({
      ...reported(failing),
      causes: failing.slice(0, 100).map(({ instance, summary }) => ({
        id: instance,
        summary,
        blame: { party: "network", confidence: "likely", evidence: [] },
        explains: [instance],
        remedy: [{ text: long("mend") }],
      })),
    });
    expect(text.length).toBeLessThanOrEqual(OURS);
    const shown = text.match(/^\*\*✗ FAIL\*\*/gm)?.length ?? 0;
    expect(shown).toBeGreaterThan(10);
    expect(text).toContain(`${100 - shown} causes, 100 findings that failed or warn`);
    expect(text).toContain("Told in short, since an issue has a limit");
  });

  test("never gets too long, even of one sentence for each of a thousand", () => {
    for (const count of [1, 10, 100, 1000])
      for (const status of ["pass", "skip", "fail"] as const)
        expect(markdown(unexplained(many(count, status))).length).toBeLessThan(Math.min(OURS + 1, ISSUE));
  });
});
