import { expect, test } from "@jest/globals";
import { nft } from "../../src/firewall/nft.ts";
import { LISTENING, listOf } from "./lists.ts";

/** Without comments, and each line trimmed: what nft reads. */
const rulesOf = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

const chain = (text: string, name: string): readonly string[] => {
  const rules = rulesOf(text);
  const begin = rules.indexOf(`chain ${name} {`);
  return begin < 0 ? [] : rules.slice(begin + 1, rules.indexOf("}", begin));
};

test("it replaces itself in one step", async () => {
  expect(rulesOf(nft(await listOf())).slice(0, 3)).toEqual([
    "table inet crowdsec_preflight",
    "delete table inet crowdsec_preflight",
    "table inet crowdsec_preflight {",
  ]);
});

test("what goes out is the list, answers, errors of the way and an address of one's own; the rest is dropped", async () => {
  const output = chain(nft(await listOf()), "output");
  expect(output[0]).toBe("type filter hook output priority filter; policy accept;");
  expect(output.at(-1)).toBe("counter drop");
  expect(output.slice(1, 3)).toEqual(['oifname "lo" accept', "ct state established,related accept"]);
  expect(output.slice(-7, -1)).toEqual([
    "ip daddr @nameservers4 udp dport 53 accept",
    "ip daddr @nameservers4 tcp dport 53 accept",
    "ip daddr . tcp dport @tcp4 accept",
    "ip6 daddr @nameservers6 udp dport 53 accept",
    "ip6 daddr @nameservers6 tcp dport 53 accept",
    "ip6 daddr . tcp dport @tcp6 accept",
  ]);
});

test("names that share an address share an element, which nft takes once only", async () => {
  const elements = rulesOf(nft(await listOf())).filter((line) => line.startsWith("203.0.113.7"));
  expect(elements).toHaveLength(1);
  expect(elements[0]).toMatch(/^203\.0\.113\.7 \. 443 comment "api\.crowdsec\.net blocklists[\w. -]+"$/);
  expect(/comment "(.*)"/.exec(elements[0] ?? "")?.[1]?.length).toBeLessThanOrEqual(120);
});

test("without clients the sets are empty, the ports closed, and the file says how to fill them", async () => {
  const text = nft(await listOf({ topology: LISTENING }));
  expect(rulesOf(text).join(" ")).toContain("set clients4 { type ipv4_addr flags interval auto-merge }");
  expect(text).toContain("EMPTY, SO NOBODY FROM OUTSIDE COMES IN");
  expect(text).toContain("nft add element inet crowdsec_preflight prometheus6 '{ 2001:db8::/64 }'");
});

test("each port lets in its own clients and nobody else, at the address where it listens; other ports stay", async () => {
  const from = { clients: ["10.0.0.0/8", "2001:db8::/32"], prometheus: ["10.0.0.3"] };
  const text = nft(await listOf({ topology: LISTENING, from }));
  const input = chain(text, "input");
  expect(input[0]).toBe("type filter hook input priority filter; policy accept;");
  expect(input.slice(-8)).toEqual([
    "tcp dport 8080 ip saddr @clients4 accept",
    "tcp dport 8080 ip6 saddr @clients6 accept",
    "tcp dport 8080 counter drop",
    "tcp dport 6060 ip saddr @prometheus4 accept",
    "tcp dport 6060 ip6 saddr @prometheus6 accept",
    "tcp dport 6060 counter drop",
    "ip daddr { 192.0.2.10 } tcp dport 7422 ip saddr @clients4 accept",
    "ip daddr { 192.0.2.10 } tcp dport 7422 counter drop",
  ]);
  expect(rulesOf(text).join(" ")).toContain(
    "set clients6 { type ipv6_addr flags interval auto-merge elements = { 2001:db8::/32 } }",
  );
  expect(text).toMatch(/# Every other port stays as it is: ssh is not cut off/);
});

test("where nothing listens beyond loopback, what comes in is left alone", async () => {
  expect(chain(nft(await listOf()), "input")).toEqual([]);
});

test("the warning stands first, with a way to try it that undoes itself", async () => {
  const text = nft(await listOf());
  expect(text.slice(0, 700)).toMatch(/THIS CLOSES EVERYTHING ELSE THAT GOES OUT/);
  expect(text).toContain("nft -f FILE; sleep 120; nft delete table inet crowdsec_preflight");
  expect(text).toContain("nft -c -f FILE");
});
