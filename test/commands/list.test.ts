import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { catalogue, causes } from "../../checks/index.ts";
import { list } from "../../src/commands/list.ts";

const listed = async (): Promise<string> => {
  const stdout = new PassThrough();
  expect(await list({ stdout, stderr: new PassThrough(), environment: {} })).toBe(0);
  return String(stdout.read());
};

test("every check is listed once, in the order of the catalogue, and behind them the causes that have a name", async () => {
  expect((await listed()).match(/^\S+(?=: )/gm)).toEqual([...catalogue, ...causes.named].map(({ id }) => id));
});

test("a cause is one line with its title", async () => {
  const [, below = ""] = (await listed()).split("\n\nCauses:\n");
  expect(below).toBe(causes.named.map(({ id, title }) => `${id}: ${title}\n`).join(""));
});

test("a check is listed with its roles, phase, versions, contacts and needs", async () => {
  const text = await listed();
  expect(text).toContain(
    [
      "lapi-tls: Local API's certificate is one that CrowdSec trusts",
      "    roles lapi, agent, bouncer, cscli; phase install and run; CrowdSec every version",
      "    a TLS handshake with the Local API, when its URL says https",
      "    needs lapi-reachable",
    ].join("\n"),
  );
  expect(text).toContain("    roles cscli, agent; phase install and run; CrowdSec up to 1.6.2\n");
  expect(text).toContain("    roles lapi, agent; phase run; CrowdSec every version\n");
});
