import { describe, expect, test } from "@jest/globals";
import type { ResolverSeen } from "../../src/model/observation.ts";
import { resolverVariables, usesLibc } from "../../src/model/resolver.ts";

// What is expected here is what golang/go's net/conf.go does: initConfVal and hostLookupOrder of go1.19.8, and their
// kin of 2024.

const seenWith = (rest: Partial<ResolverSeen> = {}): ResolverSeen => ({
  servers: ["192.0.2.53"],
  configured: true,
  search: [],
  timeoutMs: 5000,
  attempts: 2,
  rotate: false,
  modules: ["files", "dns"],
  newOptions: [],
  hostname: "web1",
  ...rest,
});
const MDNS = seenWith({ modules: ["files", "mdns4_minimal", "dns"] });
const MYHOSTNAME = seenWith({ modules: ["files", "dns", "myhostname"] });
const RESOLVED = seenWith({ newOptions: ["edns0", "trust-ad"] });
const WANTS = seenWith({ wantsLibc: "the variable RES_OPTIONS is set" });

describe("a Go program that is linked with the C library", () => {
  test.each<[string, ResolverSeen, string, string | undefined]>([
    ["an ordinary host", seenWith(), "api.crowdsec.net", undefined],
    ["mdns in nsswitch.conf", MDNS, "api.crowdsec.net", undefined],
    ["myhostname in nsswitch.conf", MYHOSTNAME, "api.crowdsec.net", undefined],
    ["myhostname in nsswitch.conf", MYHOSTNAME, "web1.corp.test", undefined],
    ["no myhostname", seenWith(), "web1", undefined],
    ["no mdns, and a Go that looks", seenWith(), "lapi.local", "go1.24.4"],
    ["no mdns, and a Go that is not known", seenWith(), "lapi.local", undefined],
    ["options that this Go knows", RESOLVED, "api.crowdsec.net", "go1.20"],
    ["options that this Go knows", RESOLVED, "api.crowdsec.net", "go1.24.4"],
    ["a reason, and GODEBUG=netdns=go", seenWith({ wantsLibc: "a reason", forced: "go" }), "lapi.local", "go1.19.8"],
    ["a reason, and an address", WANTS, "192.0.2.1", "go1.19.8"],
    ["a reason, and an address with a zone", WANTS, "fe80::1%eth0", "go1.19.8"],
  ])("asks the nameservers by itself with %s", (_what, seen, name, goVersion) => {
    expect(usesLibc(seen, name, goVersion)).toBeUndefined();
  });

  test.each<[string, ResolverSeen, string, string | undefined, string]>([
    ["a reason that holds for every name", WANTS, "api.crowdsec.net", "go1.24.4", "the variable RES_OPTIONS is set"],
    ["a name of mDNS", MDNS, "lapi.local", "go1.24.4", "a name below .local is mDNS's"],
    ["a name of mDNS, however it is written", MDNS, "LAPI.Local.", "go1.24.4", "a name below .local is mDNS's"],
    ["a name of mDNS in an older Go", seenWith(), "lapi.local", "go1.19.8", "a name below .local is mDNS's"],
    ["this host's own name", MYHOSTNAME, "WEB1", undefined, "it is this host's own name"],
    ["localhost", MYHOSTNAME, "localhost", undefined, 'the module "myhostname"'],
    ["a name below localhost", MYHOSTNAME, "lapi.localhost", undefined, 'the module "myhostname"'],
    ["the gateway", MYHOSTNAME, "_gateway", undefined, 'the module "myhostname"'],
    [
      "options that came later",
      RESOLVED,
      "api.crowdsec.net",
      "go1.19.8",
      '"edns0", "trust-ad", which Go knows since 1.20',
    ],
    ["a backslash", seenWith(), "a\\b", undefined, "no ordinary host name"],
  ])("leaves %s to it, and the reason says why", (_what, seen, name, goVersion, reason) => {
    expect(usesLibc(seen, name, goVersion)).toContain(reason);
  });

  test("a host of which nothing more is known than its files is judged by these", () => {
    const { newOptions: _options, hostname: _hostname, ...files } = MYHOSTNAME;
    expect(usesLibc(files, "web1")).toBeUndefined();
    expect(usesLibc(files, "localhost")).toBeDefined();
  });
});

test.each<[Record<string, string>, ReturnType<typeof resolverVariables>]>([
  [{}, {}],
  [{ PATH: "/bin", RES_OPTIONS: "", HOSTALIASES: "", GODEBUG: "" }, {}],
  [{ LOCALDOMAIN: "" }, { because: "the variable LOCALDOMAIN is set" }],
  [{ RES_OPTIONS: "timeout:1" }, { because: "the variable RES_OPTIONS is set" }],
  [{ HOSTALIASES: "/etc/aliases" }, { because: "the variable HOSTALIASES is set" }],
  [{ GODEBUG: "netdns=go" }, { forced: "go" }],
  [{ GODEBUG: "netdns=go", RES_OPTIONS: "rotate" }, { forced: "go" }],
  [{ GODEBUG: "netdns=cgo" }, { forced: "libc", because: "GODEBUG sets netdns=cgo" }],
  [{ GODEBUG: "http2client=0,netdns=1+cgo" }, { forced: "libc", because: "GODEBUG sets netdns=cgo" }],
  [{ GODEBUG: "netdns=go+2" }, { forced: "go" }],
  [{ GODEBUG: "netdns=2" }, {}],
  [{ GODEBUG: "xnetdns=go" }, {}],
])("the environment %p says %p", (environment, expected) => {
  expect(resolverVariables(environment)).toEqual(expected);
});
