import os from "node:os";
import { afterEach, expect, test } from "@jest/globals";
import { loadResolver, probeResolver, type ResolverPlaces } from "../../src/probes/resolver.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

let folder: Folder | undefined;
afterEach(() => {
  folder?.remove();
  folder = undefined;
});

/** A host with these files, and no others, called `web1.corp.test`. */
const hostWith = (
  files: Partial<Record<"resolvConf" | "nsswitch" | "hosts" | "mdnsAllow", string>>,
): ResolverPlaces => {
  const made = makeFolder();
  folder = made;
  for (const [name, content] of Object.entries(files)) made.write(name, content);
  const place = (name: string): string => `${made.path}/${name}`;
  return {
    resolvConf: place("resolvConf"),
    nsswitch: place("nsswitch"),
    hosts: place("hosts"),
    mdnsAllow: place("mdnsAllow"),
    hostname: "web1.corp.test",
  };
};

const NSSWITCH = "hosts: files dns\n";
const CONF = "nameserver 192.0.2.53\n";
const wants = async (
  files: Parameters<typeof hostWith>[0],
  environment: Readonly<Record<string, string>> = {},
): Promise<string | undefined> => (await probeResolver(environment, hostWith(files))).wantsLibc;

test("an ordinary host is told with its nameservers, and with nothing that calls for the C library", async () => {
  const conf =
    "search a.test b.test\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions rotate timeout:2 attempts:3\n";
  expect(await probeResolver({}, hostWith({ resolvConf: conf, nsswitch: NSSWITCH }))).toEqual({
    servers: ["192.0.2.53", "2001:db8::53"],
    configured: true,
    search: ["a.test", "b.test"],
    timeoutMs: 2000,
    attempts: 3,
    rotate: true,
    modules: ["files", "dns"],
    newOptions: [],
    hostname: "web1.corp.test",
  });
});

test("without any of its files a host asks itself, and searches its own domain, as Go does", async () => {
  const seen = await probeResolver({}, hostWith({}));
  expect(seen).toMatchObject({ servers: ["127.0.0.1", "::1"], configured: false, search: ["corp.test"], modules: [] });
  expect(seen.wantsLibc).toBeUndefined();
});

test.each([
  ["systemd-resolved's module", "hosts: resolve [!UNAVAIL=return] files dns", 'the module "resolve"'],
  ["containers' names", "hosts: files mymachines dns", 'the module "mymachines"'],
  ["a module with a tab in its name", "hosts: files\tdns", 'the module "files dns"'],
  ["a rule after dns", "hosts: files dns [!UNAVAIL=return]", '[!UNAVAIL=return] after "dns"'],
  ["nothing that Go knows", "hosts: mdns4", "neither files nor dns"],
  ["a mistake", "hosts: files [NOTFOUND=return dns", "/etc/nsswitch.conf cannot be read"],
])("nsswitch.conf with %s calls for the C library, and the reason names it", async (_what, nsswitch, reason) => {
  expect(await wants({ resolvConf: CONF, nsswitch })).toContain(reason);
});

test.each([
  ["mDNS", "hosts: files mdns4_minimal [NOTFOUND=return] dns"],
  ["this host's own name", "hosts: files dns myhostname"],
  ["no hosts line", "passwd: files"],
  ["a rule that says what happens anyway", "hosts: files [NOTFOUND=continue] dns"],
])("nsswitch.conf with %s does not, for names like others", async (_what, nsswitch) => {
  expect(await wants({ resolvConf: CONF, nsswitch })).toBeUndefined();
});

test("mDNS does where /etc/mdns.allow gives it other names than .local", async () => {
  const nsswitch = "hosts: files mdns4_minimal dns";
  expect(await wants({ resolvConf: CONF, nsswitch, mdnsAllow: ".corp\n" })).toContain("/etc/mdns.allow");
});

test.each([
  ["sortlist 192.0.2.0", '"sortlist"'],
  ["options inet6", '"inet6"'],
])("resolv.conf with %s calls for the C library", async (line, reason) => {
  expect(await wants({ resolvConf: `${CONF}${line}\n`, nsswitch: NSSWITCH })).toContain(reason);
});

test("the options that systemd-resolved writes are kept apart: it depends on the version of Go", async () => {
  const seen = await probeResolver({}, hostWith({ resolvConf: `${CONF}options edns0 trust-ad\n`, nsswitch: NSSWITCH }));
  expect(seen).toMatchObject({ newOptions: ["edns0", "trust-ad"] });
  expect(seen.wantsLibc).toBeUndefined();
});

test("the program's environment counts, and GODEBUG=netdns=go most of all", async () => {
  const files = { resolvConf: CONF, nsswitch: "hosts: files resolve" };
  expect(await wants(files, { LOCALDOMAIN: "" })).toBe("the variable LOCALDOMAIN is set");
  expect(await probeResolver({ GODEBUG: "netdns=go" }, hostWith(files))).toMatchObject({ forced: "go" });
  expect(await wants(files, { GODEBUG: "netdns=go" })).toBeUndefined();
});

test("the resolver that names are asked with goes by all these files", async () => {
  const hosts = "127.0.0.1 localhost\n192.0.2.9 lapi.test\n";
  const resolver = await loadResolver(hostWith({ resolvConf: CONF, nsswitch: "hosts: dns files", hosts }));
  expect(resolver).toMatchObject({
    config: { servers: ["192.0.2.53"], search: ["corp.test."] },
    order: ["dns", "files"],
    port: 53,
  });
  expect(resolver.hosts.get("lapi.test")).toEqual([{ address: "192.0.2.9", family: 4, line: 2, others: 0 }]);
});

test("a hosts file that is also a block list is read whole, as Go does", async () => {
  const list = Array.from({ length: 60_000 }, (_, index) => `0.0.0.0 ad${index}.example.com`).join("\n");
  const { hosts } = await loadResolver(hostWith({ hosts: `${list}\n192.0.2.9 lapi.test\n` }));
  expect(hosts.get("lapi.test")).toMatchObject([{ address: "192.0.2.9", line: 60_001 }]);
});

test("this host itself is read where nothing else is said", async () => {
  const seen = await probeResolver();
  expect(seen.hostname).toBe(os.hostname());
  expect(seen.servers.length).toBeGreaterThan(0);
  expect((await loadResolver()).config.servers).toEqual(seen.servers);
});
