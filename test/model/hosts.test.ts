import net from "node:net";
import { describe, expect, test } from "@jest/globals";
import { familyOf, parseHosts, plainName } from "../../src/model/hosts.ts";

// What is expected here is what Go's net package does: readHosts in hosts.go.

const addressesOf = (content: string): unknown =>
  parseHosts(content)
    .get("lapi.test")
    ?.map(({ address, family }) => ({ address, family }));

describe("hosts", () => {
  test.each([
    ["one address", "192.0.2.1 lapi.test", [{ address: "192.0.2.1", family: 4 }]],
    ["IPv6", "2001:db8::1 lapi.test", [{ address: "2001:db8::1", family: 6 }]],
    ["an alias", "192.0.2.1\tother.test   lapi.test", [{ address: "192.0.2.1", family: 4 }]],
    ["other case", "192.0.2.1 LAPI.Test", [{ address: "192.0.2.1", family: 4 }]],
    ["a final dot", "192.0.2.1 lapi.test.", [{ address: "192.0.2.1", family: 4 }]],
    ["a comment after it", "192.0.2.1 lapi.test # 192.0.2.2 lapi.test", [{ address: "192.0.2.1", family: 4 }]],
    ["a comment that touches it", "192.0.2.1 lapi.test#other", [{ address: "192.0.2.1", family: 4 }]],
    ["an indent and a Windows line end", "  192.0.2.1 lapi.test\r", [{ address: "192.0.2.1", family: 4 }]],
    ["a zone", "fe80::1%eth0 lapi.test", [{ address: "fe80::1%eth0", family: 6 }]],
    [
      "several addresses, in the order of the file",
      "192.0.2.2 lapi.test\n2001:db8::1 lapi.test\n192.0.2.1 lapi.test",
      [
        { address: "192.0.2.2", family: 4 },
        { address: "2001:db8::1", family: 6 },
        { address: "192.0.2.1", family: 4 },
      ],
    ],
  ])("a name is found with %s", (_what, content, addresses) => {
    expect(addressesOf(content)).toEqual(addresses);
  });

  test.each([
    "# 192.0.2.1 lapi.test",
    "192.0.2.1 # lapi.test",
    "192.0.2.1",
    "lapi.test 192.0.2.1",
    "127.1 lapi.test",
    "192.0.2.1/32 lapi.test",
    "192.0.2.1%eth0 lapi.test",
    "fe80::1% lapi.test",
    "192.0.2.1 xlapi.test",
    "",
  ])("%j does not name lapi.test", (content) => {
    expect(parseHosts(content).has("lapi.test")).toBe(false);
  });

  test("each entry has its line, and how many other names stand on it", () => {
    const content = "127.0.0.1 localhost\n\n# of the Local API\n192.0.2.1 lapi.test\n192.0.2.2 a.test lapi.test b.test";
    expect(parseHosts(content).get("lapi.test")).toEqual([
      { address: "192.0.2.1", family: 4, line: 4, others: 0 },
      { address: "192.0.2.2", family: 4, line: 5, others: 2 },
    ]);
  });

  test("odd names of JavaScript are names like others", () => {
    expect([...parseHosts("192.0.2.1 constructor __proto__").keys()]).toEqual(["constructor", "__proto__"]);
  });

  test("a block list of a hundred thousand lines under one address takes no noticeable time", () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `0.0.0.0 ad${index}.example\n0.0.0.0 ads.example`);
    const start = performance.now();
    expect(parseHosts(lines.join("\n")).get("ads.example")).toHaveLength(100_000);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

test.each([
  "192.0.2.1",
  "0.0.0.0",
  "255.255.255.255",
  "256.0.0.1",
  "127.1",
  "01.2.3.4",
  "1.2.3.4.5",
  "::",
  "::1",
  "2001:db8::1",
  "::ffff:192.0.2.1",
  "1::2::3",
  "12345::",
  "fe80::1%eth0",
  "[::1]",
  "localhost",
  "",
])("%j is an address here where it is one to the sockets", (text) => {
  expect(familyOf(text) ?? 0).toBe(net.isIP(text));
});

test("a plain name is in lower case and has no final dot", () => {
  expect([plainName("LAPI.Test."), plainName("lapi.test"), plainName(".")]).toEqual(["lapi.test", "lapi.test", ""]);
});
