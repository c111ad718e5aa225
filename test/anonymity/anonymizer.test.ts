import { readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { type Anonymizer, createAnonymizer, readMap, reveal } from "../../src/anonymity/anonymizer.ts";

const studied = (...texts: readonly string[]): Anonymizer => {
  const anonymizer = createAnonymizer();
  for (const text of texts) anonymizer.study(text);
  return anonymizer;
};

/** What is left of a value when all its texts and keys with dots or digits are taken out. */
const shape = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== "object" || value === null) return typeof value === "string" ? "text" : value;
  return Object.entries(value).map(([key, inner]) => [/[.\d]/.test(key) ? "key" : key, shape(inner)]);
};

/** Addresses and names of the goldens that stand for documentation, made into some that stand for somebody. */
const real = (text: string): string =>
  text
    .replaceAll("203.0.113.", "81.2.69.")
    .replaceAll("192.0.2.", "212.83.44.")
    .replaceAll("198.51.100.", "5.44.7.")
    .replaceAll("2001:db8:", "2a01:4f8:")
    .replaceAll("internal.example", "cellar7.de");

const goldens = ["json", "pretty", "ticket", "markdown"].flatMap((folder) =>
  readdirSync(`test/golden/${folder}`).map((name): [string, string] => [
    `${folder}/${name}`,
    real(readFileSync(`test/golden/${folder}/${name}`, "utf8")),
  ]),
);

const EVERYBODYS = /^(?:127\.|0\.0\.0\.0|169\.254\.|::1?$|255\.|9\.9\.9\.9$)/;
const addressesIn = (text: string): string[] =>
  [...text.matchAll(/[\da-f:.]{3,}/gi)]
    .map(([word]) => word.replace(/[.:]+$/, ""))
    .filter((word) => isIP(word) !== 0 && !EVERYBODYS.test(word));

test.each(goldens)("%s comes out without an address or a name of its host", (_, text) => {
  const anonymizer = studied(text);
  const image = anonymizer.anonymize(text);
  const originals = new Set(addressesIn(text));
  expect(addressesIn(image).filter((address) => originals.has(address))).toEqual([]);
  expect(image).not.toMatch(/cellar7|web-\d+\.|\blapi\d/);
  expect(image.split("\n")).toHaveLength(text.split("\n").length);
  expect(reveal(image, anonymizer.map())).toBe(text);
});

test("the goldens hold addresses and names at all", () => {
  expect(goldens.filter(([, text]) => addressesIn(text).length > 0).length).toBeGreaterThan(10);
  expect(goldens.filter(([, text]) => text.includes("cellar7")).length).toBeGreaterThan(5);
});

test.each(goldens.filter(([name]) => name.startsWith("json")))("%s is still the same report", (_, text) => {
  const image = studied(text).anonymize(text);
  expect(shape(JSON.parse(image))).toEqual(shape(JSON.parse(text)));
  const counted = JSON.stringify(JSON.parse(text).summary);
  expect(JSON.stringify(JSON.parse(image).summary)).toBe(counted);
});

const HOSTS = "127.0.0.1\tlocalhost\n10.1.2.3\tdb1.corp.example db1\n2a01:4f8::5 web1\n";
const YAML = `api:
  server:
    listen_uri: "10.1.2.3:8080" # as lapi1.corp.example
    trusted_ips: [127.0.0.1, ::1, 10.1.2.0/24, '2a01:4f8::/32']
db_config: {host: db1, port: 5432}
acquis: /var/log/nginx/www.corp.example.access.log
url: http://[2a01:4f8::5]:8080/
`;

test("YAML keeps its structure, and question and answer come out the same", () => {
  const observation = JSON.stringify({
    question: { url: "http://db1:8080/", address: "10.1.2.3" },
    answer: { content: HOSTS, from: "10.1.2.53" },
    nested: JSON.stringify({ host: "db1", text: "one\ndb1\t10.1.2.3" }),
  });
  const anonymizer = studied(HOSTS, YAML, observation);
  const image = parse(anonymizer.anonymize(YAML));
  expect(shape(image)).toEqual(shape(parse(YAML)));
  const replay = JSON.parse(anonymizer.anonymize(observation));
  const [, , line = ""] = replay.answer.content.split("\n").toReversed();
  expect(line.split(/\s/)[0]).toBe(replay.question.address);
  expect(`${line.split(/\s/)[2]}`).toBe(new URL(replay.question.url).hostname);
  expect(image.api.server.listen_uri).toBe(`${replay.question.address}:8080`);
  expect(image.db_config.host).toBe(JSON.parse(replay.nested).host);
  expect(JSON.parse(replay.nested).text).toBe(`one\n${image.db_config.host}\t${replay.question.address}`);
  const [, , network = "", six = ""] = image.api.server.trusted_ips;
  expect(network).toMatch(/^10\.\d+\.\d+\.0\/24$/);
  expect(replay.question.address.startsWith(network.slice(0, -4))).toBe(true);
  expect(replay.answer.from.startsWith(network.slice(0, -4))).toBe(true);
  expect(six).toMatch(/^[\da-f]+:[\da-f]+::\/32$/);
  expect(image.url.startsWith(`http://[${six.split("::")[0]}:`)).toBe(true);
  expect(JSON.stringify([image, replay])).not.toMatch(/db1|web1|corp|lapi1|10\.1\.2\.3|4f8/);
});

test("names of CrowdSec, of files, units and keys stay", () => {
  const text = `https://api.crowdsec.net/ hub-data.crowdsec.net packagecloud.io raw.githubusercontent.com deb.debian.org
    config.yaml config.yaml.local local_api_credentials.yaml crowdsec.service /etc/crowdsec/acquis.d docker_start.sh
    api.server.listen_uri db_config.host crowdsec-firewall-bouncer.yaml crowdsecurity/sshd crowdsec_1.4.6-6~deb12u1
    install-script@debian lapi-reachable@crowdsec-firewall-bouncer config-files@/etc/crowdsec/config.yaml 0.0.0.0:8080
    127.0.0.1:6060 [::1]:8080 localhost 255.255.255.0 169.254.169.254 2.debian.pool.ntp.org v1.7.8 8.8.8.8`;
  expect(studied(text, "host: debian\nhost: crowdsec\n").anonymize(text)).toBe(text);
});

test("what CrowdSec's own files say stays, but for addresses", () => {
  for (const name of ["docs/bundle.md", "checks/README.md"]) {
    const text = readFileSync(name, "utf8").replace(/\b10\.\d+\.\d+\.\d+(?:\/\d+)?/g, "");
    expect(studied(text).anonymize(text)).toBe(text);
  }
});

test("with the map of the last time all pseudonyms are those of the last time", () => {
  const first = studied(HOSTS, YAML);
  const [hosts, yaml] = [first.anonymize(HOSTS), first.anonymize(YAML)];
  const second = createAnonymizer(readMap(JSON.stringify(first.map())));
  second.study(`${HOSTS}10.9.9.9 other1\n`);
  second.study(YAML);
  expect(second.anonymize(HOSTS)).toBe(hosts);
  expect(second.anonymize(YAML)).toBe(yaml);
  second.anonymize("10.9.9.9 http://other1/");
  // What only the first one saw is kept.
  expect(second.map().names).toMatchObject(first.map().names);
  expect(second.map().addresses).toMatchObject(first.map().addresses);
  expect(Object.keys(second.map().names).length).toBe(Object.keys(first.map().names).length + 1);
});

test("without a map each bundle has its own pseudonyms", () => {
  const [one, other] = [studied(HOSTS), studied(HOSTS)];
  expect(one.anonymize(HOSTS)).not.toBe(other.anonymize(HOSTS));
  expect(one.map().key).not.toBe(other.map().key);
  expect(Buffer.from(one.map().key, "base64")).toHaveLength(32);
});

test("a random key is chosen so that no pseudonym is an address in use", () => {
  const addresses = Array.from({ length: 40 }, (_, index) => `192.168.1.${index + 1}`);
  for (let time = 0; time < 20; time++) {
    const image = studied(addresses.join(" ")).anonymize(addresses.join(" ")).split(" ");
    expect(image.filter((address) => addresses.includes(address))).toEqual([]);
  }
});

test("the map leads back, but for case and spelling", () => {
  const text =
    "ip-10-1-2-3 3.2.1.10.in-addr.arpa db1.corp.example:80 10.1.2.0/24 00:11:22:33:44:55 ::ffff:10.1.2.3 fe80::1%eth0";
  const anonymizer = studied(text);
  const image = anonymizer.anonymize(text);
  expect(image).not.toMatch(/10-1-2-3|\.1\.10\.|db1|10\.1\.2\.|00:11|fe80::1%/);
  expect(reveal(image, anonymizer.map())).toBe(text);
});

test("an address is also found in other spellings, each with the same pseudonym, and leads back", () => {
  const text = `from 91.198.174.192 port 22, 52:54:00:ab:cd:ef
    static.192.174.198.91.clients.your-server.de 91-198-174-192 91_198_174_192 v91.198.174.192x 91.198.174[.]192
    91\\.198\\.174\\.192 91-198-174-192.clients.your-server.de 192-174-198-91.clients.your-server.de x.192.174.198.91.y
    10.1.2[.]3 5254.00ab.cdef 525400abcdef`;
  const anonymizer = studied(text);
  const image = anonymizer.anonymize(text);
  expect(image).not.toMatch(/91.{1,2}198.{1,2}174|174.{1,2}198.{1,2}91|ab:?cd\.?ef|10\.1\.2/);
  const [, quad = ""] = /from (\S+) port/.exec(image) ?? [];
  const reversed = quad.split(".").reverse();
  for (const other of [`static.${reversed.join(".")}.anon`, quad.replaceAll(".", "_"), `v${quad}x`])
    expect(image).toContain(other);
  expect(image).toContain(`${reversed.join("-")}.anon`);
  expect(image).toContain(`x.${reversed.join(".")}.y`);
  expect(reveal(image, anonymizer.map())).toBe(text);
});

test("versions and dates are no addresses, and are not in the map", () => {
  const text =
    "nginx/1.22.1.4 version 4.14.0.94 kernel 6.1.0.21 Chrome/120.0.0.0 cmeel_qhull-8.0.2.1 24-01-02-10 1_2_3_4 x-1-2-3-4";
  const anonymizer = studied(text);
  expect(anonymizer.anonymize(text)).toBe(text);
  expect(anonymizer.map().addresses).toEqual({});
  expect(reveal(text, anonymizer.map())).toBe(text);
});

test("a private domain's own label is hidden wherever it stands", () => {
  const anonymizer = createAnonymizer();
  anonymizer.know("db1.corp-acme.internal");
  anonymizer.know("db1.acme.internal");
  const image = anonymizer.anonymize("at corp-acme, corp_acme, agent-hetzner-acme, Acme: db2.corp-acme.internal");
  expect(image).toMatch(/^at (anon\w{8}), \1, agent-hetzner-(anon\w{8}), \2: anon\w{8}\.\1\.internal$/);
});

test("this host's own name is replaced wherever it stands alone, and a key of JSON stays one", () => {
  const anonymizer = createAnonymizer();
  anonymizer.know("kestrel.corp.example");
  expect(anonymizer.anonymize('{"kestrel":1,"at":"on kestrel, files/etc/kestrel.pem"}')).toMatch(
    /^\{"kestrel":1,"at":"on (anon\w{8}), files\/etc\/\1\.pem"\}$/,
  );
});

test("what becomes known late counts from then on", () => {
  const anonymizer = createAnonymizer();
  expect(anonymizer.anonymize("kestrel")).toBe("kestrel");
  anonymizer.know("kestrel");
  expect(anonymizer.anonymize("kestrel")).toMatch(/^anon\w{8}$/);
});

test.each([
  ["no JSON", "{"],
  ["something else", "[]"],
  ["null", "null"],
  ["a short key", '{"version":1,"key":"AAAA","addresses":{},"names":{}}'],
  ["no names", `{"version":1,"key":"${"A".repeat(43)}=","addresses":{}}`],
  ["a name that is no pseudonym", `{"version":1,"key":"${"A".repeat(43)}=","addresses":{},"names":{"x":"y"}}`],
  ["numbers", `{"version":1,"key":"${"A".repeat(43)}=","addresses":{"x":1},"names":{}}`],
])("a file with %s is no map, and that is said", (_, text) => {
  expect(() => readMap(text)).toThrow("this is no map of pseudonyms of an earlier bundle");
});

test("the map of a newer version is not misread", () => {
  expect(() => readMap('{"version":2}')).toThrow("this map is of a newer crowdsec-preflight");
});

test("megabytes of a log take seconds", () => {
  const line = (at: number): string =>
    `Jan  2 10:20:${10 + (at % 50)} web${at % 40} sshd[${at}]: Failed password for root from 81.2.${at % 200}.${at % 7} port ${at}\n`;
  const text = Array.from({ length: 40_000 }, (_, at) => line(at)).join("");
  const from = performance.now();
  const image = studied(text).anonymize(text);
  expect(performance.now() - from).toBeLessThan(30_000);
  expect(image).not.toMatch(/\bweb\d/);
}, 60_000);
