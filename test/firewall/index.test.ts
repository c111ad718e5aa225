import { describe, expect, test } from "@jest/globals";
import { FIREWALL_FORMATS, formats, isByAddress } from "../../src/firewall/index.ts";
import type { AllowList } from "../../src/firewall/rule.ts";
import { crowdsecWith, cscliWith } from "../support/topology.ts";
import { failedWith, HEALTHY, resolves } from "../support/world.ts";
import { HOSTILE, LISTENING, listOf } from "./lists.ts";

/** Texts as they would be, if what checks them before had let them through. */
const hostile = async (): Promise<AllowList> => {
  const list = await listOf({ topology: LISTENING });
  return {
    ...list,
    rules: list.rules.map((rule) => ({ ...rule, why: HOSTILE, components: [HOSTILE] })),
    omitted: [{ what: HOSTILE, reason: HOSTILE }],
    notes: [HOSTILE],
    roles: [HOSTILE as "agent"],
    proxied: [{ name: "a.example", port: 443, proxy: HOSTILE, components: [HOSTILE], why: HOSTILE, optional: false }],
  };
};

describe.each(FIREWALL_FORMATS)("%s", (format) => {
  const print = async (...given: Parameters<typeof listOf>): Promise<string> =>
    formats[format](await listOf(...given), 80);

  test("says that addresses move and what then, when the names were looked up, and that a clock is needed", async () => {
    const text = (await print()).replace(/\n[#\s]*/g, " ");
    expect(text).toContain("2026-06-15T12:00:00.000Z");
    expect(text).toMatch(/ADDRESSES MOVE: api\.crowdsec\.net \(AWS\).*use a rule by name, or a proxy/);
    expect(text).toContain("https://docs.crowdsec.net/docs/next/configuration/network_management");
    expect(text).toMatch(/NTP/);
  });

  test("says which names have no address", async () => {
    const dns = (name: string) => (name.startsWith("papi") ? failedWith("dns-nxdomain") : resolves(name));
    const text = (await print({ world: { ...HEALTHY, dns } })).replace(/\n[#\s]*/g, " ");
    expect(text).toMatch(/NO ADDRESS KNOWN for papi\.api\.crowdsec\.net tcp\/443/);
  });

  test("says that everyone may come in where somebody opened it to everyone, and where nobody did does not", async () => {
    const from = { clients: ["10.0.0.0/8", "0.0.0.0/0", "::/0"], prometheus: ["0.0.0.0/0"] };
    // As words of one line: a comment breaks them anywhere.
    const plain = (text: string): string => text.replace(/\n[#\s]*/g, " ");
    const open = plain(await print({ topology: LISTENING, from }));
    expect(open).toMatch(
      /OPEN TO EVERYONE: --from 0\.0\.0\.0\/0, ::\/0 lets every address of IPv4 and IPv6 come in to tcp\/8080, tcp\/7422; name the networks of your agents/,
    );
    expect(open).toMatch(
      /--metrics-from 0\.0\.0\.0\/0 lets every address of IPv4 come in to tcp\/6060; name the address/,
    );
    expect(plain(await print({ topology: LISTENING, from: { clients: ["10.0.0.0/8"] } }))).not.toContain("EVERYONE");
    expect(plain(await print({ from }))).not.toContain("EVERYONE");
  });

  test("holds no secret", async () => {
    const login = { HTTPS_PROXY: "http://canary-user:canary-password@10.0.0.9:3128" };
    expect(await print({ topology: { components: [crowdsecWith(login), cscliWith(login)] } })).not.toContain("canary-");
  });

  test("text from outside stays inside its line, its comment and its quotation marks", async () => {
    const text = formats[format](await hostile(), 80);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u2028]/);
    // Every line that has some of it is a comment, or a cell, or quotes it without what could end the quotes.
    const touched = text.split("\n").filter((line) => line.includes("reboot"));
    expect(touched.length).toBeGreaterThan(0);
    if (format === "csv" || format === "table") return;
    for (const line of touched.filter((each) => !each.trimStart().startsWith("#")))
      expect(line).not.toMatch(/[`$]|'.*'.*'|".*".*"/);
  });
});

test("a name without an address is shut off by rules by address, and not by a list to read or by names", () => {
  expect(FIREWALL_FORMATS.filter(isByAddress)).toEqual(["nft", "ufw", "firewalld"]);
});
