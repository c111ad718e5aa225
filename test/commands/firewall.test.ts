import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { parseRanges } from "../../src/commands/firewall.ts";
import { runProgram } from "../support/command-line.ts";

jest.setTimeout(90_000);

const folder = mkdtempSync(join(tmpdir(), "crowdsec-preflight-firewall-"));
const TARGETS = join(folder, "targets");
writeFileSync(TARGETS, "127.0.0.1:6060\n192.0.2.7:6060\n");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A host whose only way is to two targets of Prometheus: it asks nothing of the world. */
const SCRAPER = ["firewall", "--role", "prometheus", "--targets", TARGETS, "--phase", "install"];

describe("firewall", () => {
  test("prints the list for the roles that are named, by default as a table", async () => {
    const { stdout, stderr, code } = await runProgram(SCRAPER);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toMatch(/^What CrowdSec needs through a firewall on .*: prometheus;/);
    expect(stdout).toMatch(/tcp\/6060 +192\.0\.2\.7 +stays/);
    expect(stdout).not.toMatch(/tcp\/6060 +127\.0\.0\.1/);
  });

  test.each([
    ["csv", /^direction,protocol,source/],
    ["nft", /^#!\/usr\/sbin\/nft -f\n/],
    ["ufw", /\nufw allow out proto tcp to 192\.0\.2\.7 port 6060 /],
    ["firewalld", /\nfirewall-cmd --permanent --new-policy=/],
    ["squid", /# Nothing: /],
  ])("prints %s", async (format, expected) => {
    const { stdout, code } = await runProgram([...SCRAPER, "-o", format]);
    expect(code).toBe(0);
    expect(stdout).toMatch(expected);
  });

  test.each<[string[], RegExp]>([
    [["-o", "json"], /--output knows no "json"; it is one of table, csv, nft, ufw, firewalld, squid/],
    [["--from", "everybody"], /--from wants an address or a range/],
    [["--metrics-from", "10.0.0.0/40"], /--metrics-from wants an address or a range/],
    [["-4", "-6"], /exclude each other/],
    [["--only", "lapi"], /Unknown argument: only/],
    [["--timeout", "5"], /--timeout/],
    [["-o", "nft", "-o", "csv"], /--output was given more than once/],
  ])("refuses %j in one line, with exit code 3", async (flags, expected) => {
    const { stdout, stderr, code } = await runProgram([...SCRAPER, ...flags]);
    expect({ stdout, code }).toEqual({ stdout: "", code: 3 });
    expect(stderr).toMatch(expected);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  test("clients can be named more than once", async () => {
    const flags = [
      "--from",
      "10.0.0.0/8",
      "--from",
      "fd00::/8",
      "--metrics-from",
      "10.0.0.3",
      "--metrics-from",
      "10.0.0.4",
    ];
    expect((await runProgram([...SCRAPER, ...flags])).code).toBe(0);
  });
});

describe("a name without an address", () => {
  // Nobody has it (RFC 6761).
  const unnamed = [...SCRAPER, "--target", "gone.invalid:6060", "--target", "lost.invalid:6060"];

  test.each(["nft", "ufw", "firewalld"])("makes %s, which would shut it off, exit code 3", async (format) => {
    const { stdout, stderr, code } = await runProgram([...unnamed, "-o", format]);
    expect({ stderr, code }).toEqual({
      stderr:
        "crowdsec-preflight: 2 names have no address now: gone.invalid, lost.invalid; this list would shut CrowdSec off.\n",
      code: 3,
    });
    expect(stdout).toContain("192.0.2.7");
    expect(stdout).toContain("NO ADDRESS KNOWN for gone.invalid tcp/6060");
  });

  test.each(["table", "csv", "squid"])("is a remark in %s, which needs no addresses", async (format) => {
    const { stdout, stderr, code } = await runProgram([...unnamed, "-o", format]);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toContain("NO ADDRESS KNOWN for gone.invalid tcp/6060");
  });
});

test("IPv4 in the spelling of IPv6 comes in as IPv4", () => {
  expect(parseRanges("--from", ["::ffff:1.2.3.4", "1.2.3.4", "::ffff:10.0.0.0/104"])).toEqual([
    "1.2.3.4",
    "10.0.0.0/8",
  ]);
});

test("ranges add up, each once", () => {
  expect(parseRanges("--from", ["10.0.0.0/8, fd00::/8", "10.0.0.0/8"])).toEqual(["10.0.0.0/8", "fd00::/8"]);
  expect(() => parseRanges("--from", ["10.0.0.0/8,"])).toThrow("--from wants");
});
