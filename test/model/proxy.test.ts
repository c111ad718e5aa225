import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import {
  listed,
  type ProxyServer,
  type ProxySettings,
  type Route,
  readProxies,
  routeTo,
} from "../../src/model/proxy.ts";

// What is expected here is what Go's net/http does (golang.org/x/net/http/httpproxy); test/lab/go.test.ts asks Go itself.

const HTTPS = "https://api.crowdsec.net/";
const viaOf = (environment: Readonly<Record<string, string>>, url = HTTPS): Route =>
  routeTo(readProxies(environment), url);
const readValue = (value: string, goVersion?: string) => readProxies({ HTTPS_PROXY: value }, goVersion).https?.value;

describe("which variable counts", () => {
  const proxied = (variable: string, host: string) =>
    expect.objectContaining({ via: "proxy", variable, proxy: expect.objectContaining({ host }) });

  test.each<[string, Record<string, string>, string, unknown]>([
    ["HTTPS_PROXY for https", { HTTPS_PROXY: "one:1" }, HTTPS, proxied("HTTPS_PROXY", "one")],
    ["https_proxy for https", { https_proxy: "one:1" }, HTTPS, proxied("https_proxy", "one")],
    ["the upper case one of two", { https_proxy: "one:1", HTTPS_PROXY: "two:2" }, HTTPS, proxied("HTTPS_PROXY", "two")],
    ["the lower case one of an empty", { https_proxy: "one:1", HTTPS_PROXY: "" }, HTTPS, proxied("https_proxy", "one")],
    ["no HTTP_PROXY for https", { HTTP_PROXY: "one:1" }, HTTPS, { via: "direct", because: "unset" }],
    ["no HTTPS_PROXY for http", { HTTPS_PROXY: "one:1" }, "http://lapi:8080/", { via: "direct", because: "unset" }],
    ["HTTP_PROXY for http", { HTTP_PROXY: "one:1" }, "http://lapi:8080/", proxied("HTTP_PROXY", "one")],
    ["http_proxy for http", { http_proxy: "one:1" }, "HTTP://lapi:8080/", proxied("http_proxy", "one")],
    ["no ALL_PROXY", { ALL_PROXY: "one:1", all_proxy: "one:1" }, HTTPS, { via: "direct", because: "unset" }],
    ["nothing set", {}, HTTPS, { via: "direct", because: "unset" }],
    ["none for a unix socket", { HTTP_PROXY: "one:1" }, "/run/crowdsec.sock", { via: "direct", because: "unset" }],
  ])("%s", (_what, environment, url, route) => {
    expect(viaOf(environment, url)).toEqual(route);
  });

  test("who set a variable that Go never reads is told so", () => {
    const environment = {
      ALL_PROXY: "a",
      all_proxy: "",
      ftp_proxy: "f",
      Https_Proxy: "h",
      HTTP_PROXY: "p",
      GIT_PROXY: "g",
    };
    expect(readProxies(environment).ignored).toEqual(["ALL_PROXY", "Https_Proxy", "ftp_proxy"]);
  });

  test("a CGI program uses no HTTP_PROXY, not even for localhost, and its HTTPS_PROXY as ever", () => {
    const environment = { REQUEST_METHOD: "GET", HTTP_PROXY: "one:1", HTTPS_PROXY: "one:1", NO_PROXY: "*" };
    expect(viaOf(environment, "http://localhost:8080/")).toMatchObject({ via: "refused", variable: "HTTP_PROXY" });
    expect(viaOf(environment)).toMatchObject({ via: "direct", because: "no-proxy" });
    expect(viaOf({ REQUEST_METHOD: "GET" }, "http://lapi/")).toEqual({ via: "direct", because: "unset" });
    expect(readProxies({ REQUEST_METHOD: "" }).cgi).toBe(false);
  });
});

describe("a proxy's value", () => {
  test.each<[string, string]>([
    ["http://proxy.corp:3128", "http://proxy.corp:3128"],
    ["http://proxy.corp:3128/", "http://proxy.corp:3128"],
    ["HTTP://proxy.corp", "http://proxy.corp:80"],
    ["https://proxy.corp", "https://proxy.corp:443"],
    ["socks5://proxy.corp", "socks5://proxy.corp:1080"],
    ["socks5h://proxy.corp", "socks5://proxy.corp:1080"],
    ["proxy.corp", "http://proxy.corp:80"],
    ["proxy.corp:3128", "http://proxy.corp:3128"],
    ["proxy.corp:", "http://proxy.corp:80"],
    ["192.0.2.1:3128", "http://192.0.2.1:3128"],
    ["[2001:db8::1]:3128", "http://[2001:db8::1]:3128"],
    ["http://[2001:db8::1]", "http://[2001:db8::1]:80"],
    ["http://[fe80::1%25eth0]:3128", "http://[fe80::1%eth0]:3128"],
    ["//proxy.corp:3128", "problem"],
    ["http://:3128", "http://127.0.0.1:3128"],
    ["http://b\u00fccher.example:3128", "http://xn--bcher-kva.example:3128"],
    ["user:pass@proxy.corp:3128", "http://proxy.corp:3128"],
    ["http://proxy.corp:3128/path?query#fragment", "http://proxy.corp:3128"],
  ])("%s is read as %s", (value, shown) => {
    const read = readValue(value);
    expect(read && "problem" in read ? "problem" : read?.shown).toBe(shown);
  });

  test.each<[string, { user: string; password: string } | undefined]>([
    ["http://proxy:3128", undefined],
    ["http://machine@proxy:3128", { user: "machine", password: "" }],
    ["http://machine:hunter2@proxy:3128", { user: "machine", password: "hunter2" }],
    ["machine:hunter2@proxy:3128", { user: "machine", password: "hunter2" }],
    ["http://DOMAIN%5Cmachine:p%40ss%3aw%2Ford%C3%BC@proxy", { user: "DOMAIN\\machine", password: "p@ss:w/ord\u00fc" }],
    ["http://machine:p@ss@proxy:3128", { user: "machine", password: "p@ss" }],
    ["http://machine:a:b@proxy:3128", { user: "machine", password: "a:b" }],
    ["socks5://machine:hunter2@proxy", { user: "machine", password: "hunter2" }],
    ["http://@proxy:3128", { user: "", password: "" }],
  ])("%s logs in with what Go decodes", (value, login) => {
    const { credentials } = readValue(value) as ProxyServer;
    expect(credentials && { user: credentials.user.reveal(), password: credentials.password.reveal() }).toEqual(login);
  });

  test.each<[string, string, RegExp]>([
    ["http://proxy:99999", "http://proxy:99999", /^its port is none from 1 to 65535; every request/],
    ["http://proxy:0", "http://proxy:0", /^its port is none from 1 to 65535; every request/],
    ["http://proxy:99999/ ", '"http://proxy:99999/ "', /^its port is none/],
    ["http://proxy:three", "[secret]", /no number; Go takes what stands before ::?\/\//],
    ["http://", "http://", /names no host/],
    ["http://http://proxy:3128", "[secret]", /two schemes/],
    ["ftp://proxy:21", "ftp://proxy:21", /none of http, https, socks5/],
    ['"http://proxy:3128"', '"http://proxy:3128"', /^quotation marks are part of it; Go takes/],
    ["'http://proxy:3128'", "'http://proxy:3128'", /^quotation marks are part of it; Go takes/],
    ['http://proxy:3128"', 'http://proxy:3128"', /^a quotation mark is part of it; Go takes/],
    ['"http://machine:hunter2@proxy:3128"', "[secret]", /^quotation marks are part of it; Go takes/],
    ["http://machine:hun#ter2@proxy:3128", "[secret]", /no number; Go takes/],
    ["http://machine:hun/ter2@proxy:3128", "[secret]", /no number; Go takes/],
    ["machine:hun/ter2@proxy:3128", "[secret]", /no number; every request/],
    ["http://machine:hunter2:3128", "[secret]", /host holds a colon; every request/],
    ["http://machine:hunter2%40proxy:3128", "[secret]", /no host name has; Go takes/],
    ["http://mach\u00efne:hunter2@proxy:3128", "[secret]", /%-escape; Go takes/],
    ["http://proxy:3128 ", '"http://proxy:3128 "', /^it ends with a blank; Go takes/],
    ["http://machine:hunter2@proxy:3128 ", "[secret]", /^it ends with a blank; Go takes/],
    [" proxy", '" proxy"', /^it begins with a blank; every request/],
    [" ", '" "', /^it is blank; every request/],
  ])("%s cannot be used: every request of Go fails", (value, shown, problem) => {
    expect(readValue(value)).toEqual({ shown, problem: expect.stringMatching(problem) });
    expect(viaOf({ HTTPS_PROXY: value })).toMatchObject({ via: "refused", variable: "HTTPS_PROXY" });
    expect(viaOf({ HTTPS_PROXY: value, NO_PROXY: ".crowdsec.net" })).toMatchObject({ via: "direct" });
  });

  test.each([
    ["http://proxy:3128\n", '"http://proxy:3128\\n"', /^it ends with a line break; /],
    ["http://proxy:3128\r", '"http://proxy:3128\\r"', /^it ends with a line break; /],
    [" http://proxy:3128", '" http://proxy:3128"', /^it begins with a blank; /],
    ['"proxy:3128"', '"proxy:3128"', /^quotation marks are part of it; /],
    ["http://machine:100%@proxy:3128", "[secret]", /begins no escape/],
    ["http://[2001:db8::1:3128\u0007", "[secret]", /control character/],
  ])("%j is passed over by Go in silence: it connects directly", (value, shown, problem) => {
    expect(readValue(value)).toEqual({ shown, silent: true, problem: expect.stringMatching(problem) });
    expect(viaOf({ HTTPS_PROXY: value })).toEqual({
      via: "direct",
      because: "unset",
      detail: expect.stringMatching(/^HTTPS_PROXY: .*; Go passes over it and connects directly$/),
    });
  });

  test("Go up to 1.22 does not know socks5h, and takes it for a host", () => {
    const known = { scheme: "socks5", host: "proxy", port: 9050 };
    for (const version of [undefined, "go1.23.0", "go1.24.3", "go1.26"]) {
      expect(readValue("socks5h://proxy:9050", version)).toMatchObject(known);
    }
    for (const version of ["go1.19.8", "go1.22.12"]) {
      expect(readValue("socks5h://proxy:9050", version)).toMatchObject({
        problem: "its scheme is none that this Go knows; Go takes what stands before :// for the proxy's host",
      });
      expect(readValue("socks5://proxy:9050", version)).toMatchObject(known);
    }
  });

  test("a password is in nothing that could be shown, whatever is wrong with the value", () => {
    const login = [
      "machine:hunter2",
      ":hunter2",
      "hunter2",
      "hunter2:",
      "machine:hunter2%",
      "a/hunter2",
      "a#hunter2",
      "a?hunter2",
    ];
    const before = [
      "",
      "http://",
      "https://",
      "socks5://",
      "socks5h://",
      "ftp://",
      "//",
      " ",
      "http:/",
      "http:",
      '"http://',
    ];
    const behind = [
      "@proxy:3128",
      "@proxy:x",
      "@[::1",
      "@",
      "@proxy\n",
      "@pro xy",
      "@:3128",
      "@proxy:99999",
      ":3128@",
      "",
    ];
    let seen = 0;
    for (const value of before.flatMap((one) => login.flatMap((two) => behind.map((three) => one + two + three)))) {
      // A lone word behind a scheme is a host's name, for all that anybody can tell.
      if (!value.includes("@")) continue;
      for (const version of [undefined, "go1.19.8"]) {
        const settings = readProxies({ HTTP_PROXY: value, HTTPS_PROXY: value }, version);
        expect(JSON.stringify([settings, routeTo(settings, HTTPS)])).not.toContain("hunter2");
        seen += 1;
      }
    }
    expect(seen).toBeGreaterThan(1500);
  });
});

describe("NO_PROXY", () => {
  const settings = (entries: string): ProxySettings =>
    readProxies({ HTTP_PROXY: "proxy:3128", HTTPS_PROXY: "proxy:3128", NO_PROXY: entries });

  test.each<[string, string, string | undefined]>([
    // Names.
    ["crowdsec.net", HTTPS, "crowdsec.net"],
    ["api.crowdsec.net", HTTPS, "api.crowdsec.net"],
    [".crowdsec.net", HTTPS, ".crowdsec.net"],
    ["*.crowdsec.net", HTTPS, "*.crowdsec.net"],
    [".crowdsec.net", "https://crowdsec.net/", undefined],
    ["*.crowdsec.net", "https://crowdsec.net/", undefined],
    ["crowdsec.net", "https://crowdsec.net/", "crowdsec.net"],
    ["crowdsec.net", "https://notcrowdsec.net/", undefined],
    ["net", HTTPS, "net"],
    ["CrowdSec.NET", "https://API.crowdsec.net/", "CrowdSec.NET"],
    [" a.example , crowdsec.net ", HTTPS, "crowdsec.net"],
    ["lapi", "http://lapi:8080/", "lapi"],
    ["lapi", "http://lapi.lan:8080/", undefined],
    ["crowdsec.net.", HTTPS, undefined],
    ["crowdsec.net", "https://api.crowdsec.net./", undefined],
    ["crowdsec.net.", "https://api.crowdsec.net./", "crowdsec.net."],
    ["b\u00fccher.example", "https://www.xn--bcher-kva.example/", "b\u00fccher.example"],
    ["xn--bcher-kva.example", "https://B\u00dcCHER.example/", "xn--bcher-kva.example"],
    // Ports.
    ["crowdsec.net:443", HTTPS, "crowdsec.net:443"],
    ["crowdsec.net:80", HTTPS, undefined],
    ["lapi:8080", "http://lapi:8080/", "lapi:8080"],
    ["lapi:8080", "http://lapi/", undefined],
    ["lapi:80", "http://lapi/", "lapi:80"],
    ["lapi:", "http://lapi:8080/", "lapi:"],
    ["10.0.0.5:8080", "http://10.0.0.5:8080/", "10.0.0.5:8080"],
    ["10.0.0.5:8080", "http://10.0.0.5/", undefined],
    ["[2001:db8::5]:8080", "http://[2001:db8::5]:8080/", "[2001:db8::5]:8080"],
    // A star.
    ["*", HTTPS, "*"],
    ["crowdsec.net,*", HTTPS, "*"],
    ["*:443", HTTPS, undefined],
    ["*crowdsec.net", HTTPS, undefined],
    ["api.*", HTTPS, undefined],
    // Addresses and ranges.
    ["10.0.0.0/8", "http://10.1.2.3:8080/", "10.0.0.0/8"],
    ["10.9.9.9/8", "http://10.1.2.3:8080/", "10.9.9.9/8"],
    ["10.0.0.0/8", "http://11.1.2.3:8080/", undefined],
    ["10.0.0.0/31", "http://10.0.0.1/", "10.0.0.0/31"],
    ["10.0.0.0/31", "http://10.0.0.2/", undefined],
    ["0.0.0.0/0", "http://10.0.0.5/", "0.0.0.0/0"],
    ["::/0", "http://10.0.0.5/", undefined],
    ["2001:db8::/32", "http://[2001:DB8:1::5]/", "2001:db8::/32"],
    ["10.0.0.5", "http://10.0.0.5/", "10.0.0.5"],
    ["::ffff:10.0.0.5", "http://10.0.0.5/", "::ffff:10.0.0.5"],
    ["2001:db8:0:0::5", "http://[2001:db8::5]/", "2001:db8:0:0::5"],
    ["[2001:db8::5]", "http://[2001:db8::5]/", undefined],
    ["10.0.0.0/8", "http://lapi.lan/", undefined],
    ["10.0.0.", "http://10.0.0.5/", undefined],
    ["10.0.0.*", "http://10.0.0.5/", undefined],
    ["0.0.5", "http://10.0.0.5/", undefined],
    ["fe80::/10", "http://[fe80::1%25eth0]/", "fe80::/10"],
    // This host.
    ["", "http://0.0.0.0:8080/", undefined],
    ["0.0.0.0", "http://0.0.0.0:8080/", "0.0.0.0"],
    ["", "http://LOCALHOST:8080/", undefined],
    ["localhost", "http://LOCALHOST:8080/", "localhost"],
    ["", "http://localhost.:8080/", undefined],
    ["", "http://[::]:8080/", undefined],
    // Not what was meant.
    ["http://crowdsec.net", HTTPS, undefined],
    ["a.example crowdsec.net", HTTPS, undefined],
    ["a.example;crowdsec.net", HTTPS, undefined],
  ])("%j and %s: %j decides", (entries, url, entry) => {
    const route = routeTo(settings(entries), url);
    if (entry === undefined) expect(route).toMatchObject({ via: "proxy" });
    else expect(route).toEqual({ via: "direct", because: "no-proxy", detail: `${entry} (NO_PROXY)` });
  });

  test.each([
    "http://localhost:8080/",
    "http://127.0.0.1:8080/",
    "http://127.9.9.9/",
    "https://[::1]/",
    "http://[::ffff:127.0.0.1]/",
  ])("%s never goes through a proxy", (url) => {
    expect(routeTo(settings(""), url)).toEqual({ via: "direct", because: "loopback" });
  });

  test("the lower case variable is named where it is the one that counts", () => {
    const route = viaOf({ HTTPS_PROXY: "proxy", NO_PROXY: "", no_proxy: ".crowdsec.net" });
    expect(route).toEqual({ via: "direct", because: "no-proxy", detail: ".crowdsec.net (no_proxy)" });
  });

  const NEVER: readonly (readonly [string, RegExp])[] = [
    ["http://foo.com", /scheme/],
    ["https://10.0.0.5:8080/", /scheme/],
    ["foo.com/path", /path/],
    ["10.0.0.*", /star/],
    ["*foo.com", /star/],
    ["foo.*", /star/],
    ["*:8080", /star/],
    ["*.", /final dot/],
    [".", /final dot/],
    ["foo.com.", /final dot/],
    ["..foo.com", /two dots/],
    ["10.0.0.0/33", /no such address range/],
    ["2001:db8::/129", /no such address range/],
    ["10.0.0/24", /no such address range/],
    ["10.0.0.", /neither a name nor a whole address/],
    ["192.168", /neither a name nor a whole address/],
    ["10.0.0.1-10.0.0.9", /neither a name nor a whole address/],
    ["010.0.0.1", /neither a name nor a whole address/],
    ["2001:db8:", /neither a name nor a whole address|port/],
    ["[2001:db8::1]", /brackets/],
    ["fe80::1%eth0", /zone/],
    [":8080", /names no host/],
    ["foo.com:http", /port/],
    ["foo.com:80800", /port/],
    ["foo.com bar.com", /commas/],
    ["foo.com;bar.com", /commas/],
    ['"foo.com', /quotation/],
    ["foo.com?", /character/],
  ];

  test.each(NEVER)("whoever writes %s is told that it never matches", (entry, reason) => {
    expect(settings(`a.example, ${entry}`).noProxy?.entries).toEqual([
      { text: "a.example" },
      { text: entry, ineffective: expect.stringMatching(reason) },
    ]);
  });

  test.each([
    "foo.com",
    ".foo.com",
    "*.foo.com",
    "foo",
    "foo_bar",
    "localhost",
    "foo.com:8080",
    "10.0.0.0/8",
    "10.0.0.5",
    "10.0.0.5:80",
    "::1",
    "[::1]:80",
    "2001:db8::/32",
    "*",
    "b\u00fccher.example",
    "foo.com:",
  ])("%s is no mistake", (entry) => {
    expect(settings(entry).noProxy).toEqual({ name: "NO_PROXY", entries: [{ text: entry }] });
  });

  test("what is said never to match does match nothing", () => {
    const hosts = [
      "foo.com",
      "a.foo.com",
      "http",
      "10.0.0.5",
      "[2001:db8::1]",
      "[fe80::1%25eth0]",
      "bar.com",
      "192.168.0.1",
    ];
    for (const [entry] of NEVER) {
      for (const host of hosts) {
        expect([entry, routeTo(settings(entry), `http://${host}:8080/`).via]).toEqual([entry, "proxy"]);
      }
    }
  });

  test.each([
    ["http://machine:hunter2@proxy:3128", ["[secret]"]],
    ["a.example,http://machine:hunter2@proxy:3128,b.example", ["a.example", "[secret]", "b.example"]],
    ["machine:hunter2@proxy", ["[secret]"]],
    ["hunter2@proxy", ["[secret]"]],
    ["@hunter2", ["[secret]"]],
    [
      "a.example,http://machine:pass,hunter2,word@proxy:3128,b.example",
      ["a.example", ...Array(3).fill("[secret]"), "b.example"],
    ],
    ["machine:pass,hunter2@proxy", ["[secret]", "[secret]"]],
    ["10.0.0.5:80,hunter2@proxy", ["10.0.0.5:80", "[secret]"]],
    ["http://machine:hunter2", ["[secret]"]],
    ["http://a.example/?token=hunter2", ["[secret]"]],
  ])("a password in %j is nowhere to be seen", (list, shown) => {
    const proxies = settings(list);
    expect(proxies.noProxy?.entries.map(({ text }) => text)).toEqual(shown);
    const routes = ["a.example", "hunter2", "proxy:3128", "[2001:db8::1]"].map((host) =>
      routeTo(proxies, `http://${host}/`),
    );
    expect(JSON.stringify([proxies, routes])).not.toMatch(/hunter2|token/);
    expect(inspect([proxies, routes], { depth: null, showHidden: true })).not.toMatch(/hunter2|token/);
  });

  test("entries beside a password match as ever, in a copy of the settings too", () => {
    const proxies = settings("http://u:pa,hunter2,b@proxy,.crowdsec.net");
    // Part of a password, for all that anybody can tell; to Go, a name.
    expect(routeTo(proxies, "http://hunter2/")).toEqual({
      via: "direct",
      because: "no-proxy",
      detail: "[secret] (NO_PROXY)",
    });
    for (const copy of [proxies, { ...proxies }, { ...proxies, noProxy: { ...proxies.noProxy } } as ProxySettings]) {
      expect(routeTo(copy, HTTPS)).toMatchObject({ because: "no-proxy", detail: ".crowdsec.net (NO_PROXY)" });
    }
  });

  test("an entry longer than any name is shown in part", () => {
    const entry = `${"a".repeat(50_000)}.example`;
    const proxies = settings(entry);
    expect(proxies.noProxy?.entries[0]?.text).toMatch(/^a{260}\u2026$/);
    expect(routeTo(proxies, `http://${entry}/`)).toMatchObject({ because: "no-proxy" });
  });

  test("a list of 800 KB costs its reading once, not once a request", () => {
    const list = Array.from({ length: 40_000 }, (_, index) => `host${index}.example.com`).join(",");
    const begun = performance.now();
    for (let turn = 0; turn < 20; turn++) {
      expect(routeTo(settings(`${list},.crowdsec.net`), HTTPS)).toMatchObject({ detail: ".crowdsec.net (NO_PROXY)" });
    }
    // Read anew for each request, it is more than ten seconds.
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});

test.each([
  ["nothing", [], ""],
  ["one", ["a"], "a"],
  ["some", ["a", "b", "c"], "a,b,c"],
  ["more than a line can hold", Array(1000).fill("a"), `${Array(20).fill("a").join(",")} and 980 more`],
  ["long ones", Array(3).fill("a".repeat(300)), `${"a".repeat(300)} and 2 more`],
])("of %s a person reads one line", (_what, texts, line) => {
  expect(listed(texts)).toBe(line);
});
