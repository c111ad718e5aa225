import { describe, expect, test } from "@jest/globals";
import {
  hasStandardCriteria,
  lookupOrder,
  nameList,
  parseNsswitch,
  parseResolvConf,
} from "../../src/probes/go-resolver.ts";

// What is expected here is what Go's net package does: dnsReadConfig in dnsconfig_unix.go, parseNSSConf in nss.go,
// lookupOrder in conf.go and nameList in dnsclient_unix.go.

describe("resolv.conf", () => {
  test("an empty file asks this host itself, with Go's defaults", () => {
    expect(parseResolvConf("")).toEqual({
      servers: ["127.0.0.1", "::1"],
      search: [],
      ndots: 1,
      timeoutMs: 5000,
      attempts: 2,
      tcpOnly: false,
      rotate: false,
      configured: false,
      unknown: [],
      newOptions: [],
    });
  });

  test("servers that the file names are told from those that Go makes up", () => {
    expect(parseResolvConf("nameserver 127.0.0.1").configured).toBe(true);
    expect(parseResolvConf("nameserver dns.example.net")).toMatchObject({
      servers: ["127.0.0.1", "::1"],
      configured: false,
    });
  });

  test.each([
    ["without a line of its own", "nameserver 192.0.2.1", ["corp.test."]],
    ["without a file", "", ["corp.test."]],
    ["with a search line that names none", "search .", ["corp.test."]],
    ["unless the file says another", "search other.test", ["other.test."]],
    ["unless the file names a domain", "domain other.test", ["other.test."]],
  ])("the domain of this host's own name is searched %s", (_what, content, search) => {
    expect(parseResolvConf(content, "web1.corp.test").search).toEqual(search);
  });

  test.each([
    ["web1", []],
    ["web1.", []],
    ["web1.corp.test.", ["corp.test."]],
    ["web1.corp", ["corp."]],
  ])("the host name %s has the domain %p", (hostname, search) => {
    expect(parseResolvConf("", hostname).search).toEqual(search);
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
    ["rotate", { rotate: true }],
    ["single-request", {}],
    ["single-request-reopen", {}],
    ["edns0 trust-ad", { newOptions: ["edns0", "trust-ad"] }],
    ["no-reload", { newOptions: ["no-reload"] }],
    ["timeout:2 attempts:1 ndots:3", { timeoutMs: 2000, attempts: 1, ndots: 3 }],
  ])("option %s is understood", (options, expected) => {
    expect(parseResolvConf(`options ${options}`)).toEqual({ ...parseResolvConf(""), ...expected });
  });

  test.each(["inet6", "ndots", "timeout", "attempts", "tcp:x", "rotate:1", "NDOTS:3", "ndotsx:3"])(
    "option %j changes nothing but that Go does not know it",
    (options) => {
      expect(parseResolvConf(`options ${options}`)).toEqual({ ...parseResolvConf(""), unknown: [options] });
    },
  );

  test("lines that Go does not know are told, those that it reads are not", () => {
    const content =
      "sortlist 192.0.2.0\nlookup file bind\nsearch a.test\ndomain\nnameserver\noptions\n# x\n; y\n\n  \n";
    expect(parseResolvConf(content).unknown).toEqual(["sortlist"]);
  });

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

describe("nsswitch.conf", () => {
  test.each([
    ["hosts: files dns", ["files", "dns"]],
    ["passwd: files systemd\nhosts:\tfiles dns # as always\r\nnetworks: files", ["files", "dns"]],
    ["  hosts :  files   dns  ", ["files", "dns"]],
    ["hosts: files mdns4_minimal [NOTFOUND=return] dns", ["files", "mdns4_minimal", "dns"]],
    [
      "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns",
      ["mymachines", "resolve", "files", "myhostname", "dns"],
    ],
    ["hosts: files\nhosts: dns", ["files", "dns"]],
    // A tab is no blank to Go: one module of an odd name.
    ["hosts: files\tdns", ["files\tdns"]],
    ["hosts:", []],
    ["", []],
    ["# hosts: files", []],
  ])("%j names the modules %p", (content, modules) => {
    expect(parseNsswitch(content)?.map(({ module }) => module)).toEqual(modules);
  });

  test.each([
    "hosts files dns",
    "hosts: files [NOTFOUND=return dns",
    "hosts: files [ab]",
    "hosts: files [NOTFOUND] dns",
  ])("%j makes the whole file unreadable to Go", (content) => {
    expect(parseNsswitch(`passwd: files\n${content}`)).toBeUndefined();
  });

  test.each([
    ["files", true],
    ["files [NOTFOUND=continue]", true],
    ["files [success=return]", true],
    ["files [NOTFOUND=return]", true],
    ["files [NOTFOUND=return UNAVAIL=continue]", false],
    ["files [!UNAVAIL=return]", false],
    ["files [SUCCESS=merge]", false],
    ["files [OTHER=return]", false],
  ])("%s is what Go does anyway: %p", (source, expected) => {
    expect((parseNsswitch(`hosts: ${source} dns`) ?? []).slice(0, 1).map(hasStandardCriteria)).toEqual([expected]);
  });

  test.each([
    ["hosts: files dns", ["files", "dns"]],
    ["hosts: dns files", ["dns", "files"]],
    ["hosts: files", ["files"]],
    ["hosts: dns", ["dns"]],
    ["hosts: resolve [!UNAVAIL=return] files dns", ["files", "dns"]],
    ["hosts: files resolve", ["files", "dns"]],
    ["hosts: resolve files", ["dns", "files"]],
    ["hosts: resolve", ["dns"]],
    ["", ["files", "dns"]],
    ["no colon", ["files", "dns"]],
  ])("%j has a program without the C library look in %p", (content, order) => {
    expect(lookupOrder(parseNsswitch(content))).toEqual(order);
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
