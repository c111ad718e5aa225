import { expect, test } from "@jest/globals";
import { createNames, isPseudonym, type Names, plainName, revealLabels } from "../../src/anonymity/names.ts";

const KEY = Buffer.alloc(32, 5);
const make = (known: readonly string[], given: Readonly<Record<string, string>> = {}): Names => {
  const names = createNames(
    () => KEY,
    given,
    ([a = 0, b = 0, c = 0, d = 0]) => [a, b + 1, c, d],
  );
  for (const name of known) names.know(name, false);
  return names;
};
const labels = (name: string | undefined): string[] => name?.split(".") ?? [];

test("hosts of one domain still share it, and the last label stays", () => {
  const { nameFor } = make([]);
  const [one, other] = [labels(nameFor("db1.corp.example")), labels(nameFor("db2.corp.example"))];
  expect(one).toHaveLength(3);
  expect(one.slice(1)).toEqual(other.slice(1));
  expect(one[0]).not.toBe(other[0]);
  expect(one.slice(0, 2).every(isPseudonym)).toBe(true);
  expect(one[2]).toBe("example");
});

test("the same label is the same pseudonym, with its domain or without, in either case", () => {
  const { nameFor } = make(["db1"]);
  const [short, long, upper] = ["db1", "db1.corp.example", "DB1.Corp.EXAMPLE"].map(nameFor);
  expect(labels(long)[0]).toBe(short);
  expect(upper).toBe(long);
});

test("an international name is the same in both of its spellings", () => {
  const { nameFor } = make([]);
  expect(nameFor("müller.de")).toBe(nameFor("xn--mller-kva.de"));
  expect(nameFor("müller.de")).toMatch(/^anon\w{8}\.de$/);
});

test.each<[string, string]>([
  ["lapi.corp.example", "lapi.*.example"],
  ["server.com", "*.com"],
  ["lapi.lan", "lapi.lan"],
  ["db1.lan", "*.lan"],
  ["_ldap._tcp.corp.com", "_ldap._tcp.*.com"],
  ["db1.corp.co.uk", "*.*.co.uk"],
  ["abc.cloudfront.net", "*.cloudfront.net"],
  ["lapi.crowdsec.svc.cluster.local", "lapi.crowdsec.svc.cluster.local"],
  ["agent-x7f.shop7.svc.cluster.local", "*.*.svc.cluster.local"],
  ["10.0.0.5.nip.io", "10.1.0.5.nip.io"],
  ["ip-10-0-0-5.ec2.internal", "ip-10-1-0-5.ec2.internal"],
  ["static-10-0-0-5.corp.com", "static-10-1-0-5.*.com"],
  ["10-0-0-5.corp.com", "10-1-0-5.*.com"],
  ["kestrel-10-0-0-5.corp.com", "*.*.com"],
  ["static.10.0.0.5.clients.your-server.de", "static.10.1.0.5.*.your-server.de"],
])("%s becomes %s", (name, pattern) => {
  expect(
    make([])
      .nameFor(name)
      ?.replace(/anon[a-z2-7]{8}/g, "*"),
  ).toBe(pattern);
});

test("a name that only a structure shows is replaced with all that is below its domain", () => {
  const { nameFor } = make(["db1.corp.acme", "www.firma.pl"]);
  expect(nameFor("db2.corp.acme")).toMatch(/^anon\w{8}\.anon\w{8}\.anon\w{8}$/);
  expect(nameFor("firma.pl")).toMatch(/^anon\w{8}\.pl$/);
  expect(make([]).nameFor("firma.pl")).toBeUndefined();
  expect(make([".acme"]).nameFor("db1.acme")).toMatch(/^anon\w{8}\.anon\w{8}$/);
});

test("names that everybody knows stay, also where they were noted", () => {
  const { nameFor } = make(["api.crowdsec.net", "localhost", "debian"]);
  for (const name of ["api.crowdsec.net", "localhost", "debian"]) expect(nameFor(name)).toBeUndefined();
});

test.each<[string, string]>([
  ["web1.log", "*.log"],
  ["web1-cert.pem", "*-cert.pem"],
  ["crowdsec_web1", "crowdsec_*"],
  ["web1x", "web1x"],
  ["www.corp.de.conf", "www.*.de.conf"],
  ["www.corp.de.access.log.1", "www.*.de.access.log.1"],
  ["cert-of-nas", "cert-of-nas"],
  ["shop7.firma.pl.backup7", "*.*.pl.backup7"],
])("of %s what is a name is replaced: %s", (word, pattern) => {
  const { nameFor, replaceIn } = make(["web1", "nas", "firma.pl"]);
  expect(nameFor(word)).toBeUndefined();
  expect(replaceIn(word).replace(/anon[a-z2-7]{8}/g, "*")).toBe(pattern);
});

test.each<[string, string]>([
  ["kestrel-dmz", "*"],
  ["KESTREL_dmz", "*"],
  ["kestrel_dmz.log", "*.log"],
  ["agent-hetzner-acme", "agent-hetzner-*"],
  ["files/acme", "files/*"],
  ["acmeology", "acmeology"],
  ["lapi-shop", "lapi-shop"],
  ["agent-abc", "agent-abc"],
  ["slack-webhook", "slack-webhook"],
])("a private domain's label is a name by itself: of %s is left %s", (text, pattern) => {
  const { replaceIn } = make(["db1.kestrel-dmz.internal", ".acme.lan", "db1.abc.lan", "lapi.lan", "hooks.slack.com"]);
  expect(
    text
      .split("/")
      .map(replaceIn)
      .join("/")
      .replace(/anon[a-z2-7]{8}/g, "*"),
  ).toBe(pattern);
});

test("of this host's public domain too, where the host itself is known", () => {
  const names = make([]);
  names.know("web1", true);
  names.know("web1.kestrel.com", false);
  expect(names.replaceIn("agent-kestrel")).toMatch(/^agent-anon\w{8}$/);
});

test("this host's own name also goes without its domain", () => {
  const names = make([]);
  names.know("web1.corp.example", true);
  expect(names.nameFor("web1")).toBe(labels(names.nameFor("web1.corp.example"))[0]);
});

test("no two labels share a pseudonym, and none is a word that is there already", () => {
  const [first = ""] = labels(make([]).nameFor("db1.de"));
  const names = make([]);
  names.reserve(`there is ${first} already`);
  expect(labels(names.nameFor("db1.de"))[0]).not.toBe(first);
  const given = make([], { [first]: "other" });
  expect(labels(given.nameFor("db1.de"))[0]).not.toBe(first);
  expect(labels(given.nameFor("other.de"))[0]).toBe(first);
  const many = Array.from({ length: 5000 }, (_, index) => labels(given.nameFor(`h${index}.de`))[0]);
  expect(new Set(many).size).toBe(5000);
});

test("what it is called by the map leads back", () => {
  const { nameFor, labels: map } = make([]);
  const name = nameFor("db1.corp.example") ?? "";
  expect(revealLabels(name, Object.fromEntries(map))).toBe("db1.corp.example");
  expect(revealLabels("anonaaaaaaaa", {})).toBe("anonaaaaaaaa");
});

test.each<[string, string | undefined]>([
  ["db1:8080", "db1"],
  ["user:pw@DB1.corp.:8080", "db1.corp"],
  ["*.corp", "corp"],
  [".corp", "corp"],
  ["[2001:db8::1]:80", undefined],
  ["10.0.0.5", undefined],
  ["", undefined],
  ["%s", undefined],
  ["8080", undefined],
  ["a b", undefined],
])("the name in %j is %j", (text, name) => {
  expect(plainName(text)).toBe(name);
});
