import { describe, expect, test } from "@jest/globals";
import { nameList, parseHosts, parseResolvConf, plainName } from "../../src/probes/go-resolver.ts";

// What is expected here is what Go's net package does: dnsReadConfig in dnsconfig_unix.go, readHosts in hosts.go and
// nameList in dnsclient_unix.go.

describe("resolv.conf", () => {
  test("an empty file asks this host itself, with Go's defaults", () => {
    expect(parseResolvConf("")).toEqual({
      servers: ["127.0.0.1", "::1"],
      search: [],
      ndots: 1,
      timeoutMs: 5000,
      attempts: 2,
      tcpOnly: false,
    });
  });

  test("the first three nameservers count, in their order", () => {
    const lines = ["192.0.2.1", "2001:db8::2", "fe80::3%eth0", "192.0.2.4"].map((server) => `nameserver ${server}`);
    expect(parseResolvConf(lines.join("\n")).servers).toEqual(["192.0.2.1", "2001:db8::2", "fe80::3%eth0"]);
  });

  test.each([
    ["a name", "nameserver dns.example.net"],
    ["nothing", "nameserver"],
    ["a shortened IPv4 address", "nameserver 127.1"],
    ["an address with a port", "nameserver 192.0.2.1:53"],
    ["a bracketed address", "nameserver [::1]"],
    ["a zone of IPv4", "nameserver 192.0.2.1%eth0"],
    ["an empty zone", "nameserver fe80::1%"],
  ])("a nameserver that is %s is passed over, and takes no place of the three", (_what, line) => {
    expect(parseResolvConf(`${line}\nnameserver 192.0.2.53\n`).servers).toEqual(["192.0.2.53"]);
  });

  test.each([
    ["search a.test b.test.", ["a.test.", "b.test."]],
    ["domain a.test", ["a.test."]],
    ["domain a.test b.test", ["a.test."]],
    ["search a.test\ndomain b.test", ["b.test."]],
    ["domain a.test\nsearch b.test c.test", ["b.test.", "c.test."]],
    ["search a.test\nsearch b.test", ["b.test."]],
    ["search .", []],
    ["search . a.test", ["a.test."]],
    ["search a.test\ndomain", ["a.test."]],
    ["search a.test\nsearch", []],
  ])("%j searches %j: the last of the lines wins", (content, search) => {
    expect(parseResolvConf(content).search).toEqual(search);
  });

  test.each([
    ["ndots:0", { ndots: 0 }],
    ["ndots:5", { ndots: 5 }],
    ["ndots:99", { ndots: 15 }],
    ["ndots:-1", { ndots: 0 }],
    ["ndots:x", { ndots: 0 }],
    ["timeout:2", { timeoutMs: 2000 }],
    ["timeout:0", { timeoutMs: 1000 }],
    ["timeout:-3", { timeoutMs: 1000 }],
    ["timeout:x", { timeoutMs: 1000 }],
    ["attempts:3", { attempts: 3 }],
    ["attempts:0", { attempts: 1 }],
    ["use-vc", { tcpOnly: true }],
    ["usevc", { tcpOnly: true }],
    ["tcp", { tcpOnly: true }],
    ["timeout:2 attempts:1 ndots:3", { timeoutMs: 2000, attempts: 1, ndots: 3 }],
  ])("option %s is understood", (options, expected) => {
    expect(parseResolvConf(`options ${options}`)).toEqual({ ...parseResolvConf(""), ...expected });
  });

  test.each(["rotate edns0 trust-ad inet6", "ndots 3", "timeout 7", "attempts 3", "tcp:x", "NDOTS:3", "ndotsx:3"])(
    "option %j changes nothing here",
    (options) => {
      expect(parseResolvConf(`options ${options}`)).toEqual(parseResolvConf(""));
    },
  );

  test("a limit of ours keeps absurd numbers from taking forever", () => {
    expect(parseResolvConf("options timeout:999999999 attempts:999999999")).toMatchObject({
      timeoutMs: 3_600_000,
      attempts: 5,
    });
  });

  test("comments, unknown words, Windows line ends, tabs and indents do no harm", () => {
    const content = [
      "# nameserver 192.0.2.9",
      ";nameserver 192.0.2.9",
      "sortlist 192.0.2.0",
      "Nameserver 192.0.2.9",
      "\u0000\u00ff}{",
      "",
      "  nameserver\t192.0.2.1 # the first\r",
      "options timeout:1\r",
    ].join("\n");
    expect(parseResolvConf(content)).toMatchObject({ servers: ["192.0.2.1"], timeoutMs: 1000 });
  });
});

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
    expect(parseHosts(content).get("lapi.test")).toEqual(addresses);
  });

  test.each([
    "# 192.0.2.1 lapi.test",
    "192.0.2.1 # lapi.test",
    "192.0.2.1",
    "lapi.test 192.0.2.1",
    "127.1 lapi.test",
    "192.0.2.1/32 lapi.test",
    "192.0.2.1 xlapi.test",
    "",
  ])("%j does not name lapi.test", (content) => {
    expect(parseHosts(content).has("lapi.test")).toBe(false);
  });

  test("odd names of JavaScript are names like others", () => {
    const hosts = parseHosts("192.0.2.1 constructor __proto__");
    expect([...hosts.keys()]).toEqual(["constructor", "__proto__"]);
  });
});

describe("the names that are asked for", () => {
  const search = ["a.test.", "b.test."];
  const long = "x".repeat(63);

  test.each([
    [
      "a name with dots comes first as it is",
      "www.site",
      { search, ndots: 1 },
      ["www.site", "www.site.a.test", "www.site.b.test"],
    ],
    ["a name without dots comes last", "www", { search, ndots: 1 }, ["www.a.test", "www.b.test", "www"]],
    [
      "fewer dots than ndots come last",
      "www.site",
      { search, ndots: 2 },
      ["www.site.a.test", "www.site.b.test", "www.site"],
    ],
    ["ndots 0 puts every name first", "www", { search: ["a.test."], ndots: 0 }, ["www", "www.a.test"]],
    ["without a search list there is the name alone", "www", { search: [], ndots: 1 }, ["www"]],
    ["a final dot ends the search", "www.", { search, ndots: 1 }, ["www"]],
    ["names are asked in lower case", "WWW.Site", { search: ["A.Test."], ndots: 1 }, ["www.site", "www.site.a.test"]],
    ["an onion name is not asked for", "x.ONION", { search: [], ndots: 1 }, []],
    ["a rooted onion name is not asked for", "x.onion.", { search: [], ndots: 1 }, []],
    ["an onion name with a suffix is another name", "x.onion", { search: ["a.test."], ndots: 1 }, ["x.onion.a.test"]],
    [
      "a suffix that makes an onion name is left out",
      "x",
      { search: ["onion.", "a.test."], ndots: 1 },
      ["x.a.test", "x"],
    ],
  ])("%s", (_what, name, config, expected) => {
    expect(nameList(name, { ...parseResolvConf(""), ...config })).toEqual(expected);
  });

  test("a name of 253 characters is asked for, a longer one is not, nor a suffix that makes it longer", () => {
    const longest = [long, long, long, "y".repeat(61)].join(".");
    expect(longest).toHaveLength(253);
    const config = { ...parseResolvConf(""), search: ["a.test."] };
    expect(nameList(longest, config)).toEqual([longest]);
    expect(nameList(`${longest}.`, config)).toEqual([longest]);
    expect(nameList(`${longest}y`, config)).toEqual([]);
    expect(nameList(`${longest}y.`, config)).toEqual([]);
  });
});

test("a plain name is in lower case and has no final dot", () => {
  expect([plainName("LAPI.Test."), plainName("lapi.test"), plainName(".")]).toEqual(["lapi.test", "lapi.test", ""]);
});
