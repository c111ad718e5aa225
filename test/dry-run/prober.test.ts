import { describe, expect, test } from "@jest/globals";
import { PROBE_NAMES } from "../../src/bundle/recorder.ts";
import { LOOKING, type Note } from "../../src/dry-run/note.ts";
import { createDryProber, isPrinting, type Names, REDIRECTED } from "../../src/dry-run/prober.ts";
import type { CommandQuestion, HttpRequest, Prober } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";

/** `pinned.example` stands in /etc/hosts, `nobody.example` is never asked for. */
const NAMES: Names = {
  pinned: (name) => (name === "pinned.example" ? [{ address: "10.0.0.7", family: 4 }] : undefined),
  candidates: (name) => (name === "nobody.example" ? [] : [name]),
};

const TRUST = { caFiles: [], only: false, skipVerify: false };

const refuse = (name: string) => (): never => {
  throw new Error(`${name} was really asked`);
};

/** A prober that cannot be asked for anything that sends or starts something. */
const prober = (world: World = {}, options: { readonly family?: 4 | 6 } = {}) => {
  const own = fakeProber(world);
  const doing = PROBE_NAMES.filter((name) => !(LOOKING as readonly string[]).includes(name) && name !== "command");
  const real = { ...own, ...Object.fromEntries(doing.map((name) => [name, refuse(name)])) } as Prober;
  return { ...createDryProber(real, { names: NAMES, ...options }), asked: own.asked };
};

const timesOf = (notes: readonly Note[], probe: string): readonly Note["times"][] =>
  notes.filter((note) => note.probe === probe).map(({ times }) => times);

/** A question for each probe that sends or starts something. */
const DOING: readonly (readonly [keyof Prober, unknown])[] = [
  ["dns", { name: "a.example" }],
  ["dns", { name: "a.example", by: "libc" }],
  ["nameserver", { server: "9.9.9.9", name: "a.example" }],
  ["tcp", { address: "10.0.0.1", family: 4, port: 443 }],
  ["socket", { path: "/run/crowdsec.sock" }],
  ["http", { url: "https://a.example/", address: "10.0.0.1" }],
  ["database", { protocol: "mysql", addresses: ["10.0.0.1"], port: 3306, host: "a.example", tls: "disable" }],
  ["peer", { url: "https://a.example/", address: "10.0.0.1", token: new Secret("x"), name: "web-1", idleMs: 5 }],
  ["bind", { address: "127.0.0.1", family: 4, port: 8080 }],
  ["command", { argv: ["/usr/bin/crowdsec", "-c", "{folder}/config.yaml", "-t"], files: {}, timeoutMs: 1 }],
];

test.each(DOING)("%s is not done: it is noted, and answered as if all were well", async (name, question) => {
  const { probe, notes, asked } = prober();
  const asks = probe as unknown as Record<string, (question: unknown) => Promise<unknown>>;
  expect(await asks[name]?.(question)).toMatchObject({ ok: true });
  expect(notes()).toContainEqual(expect.objectContaining({ probe: name, question, askers: ["deployment"] }));
  expect(asked).toEqual([]);
});

test("each probe that there is either looks at this host only, or is in the table above", () => {
  const doing = new Set(DOING.map(([name]) => name));
  expect([...doing, ...LOOKING].sort()).toEqual([...PROBE_NAMES].sort());
});

test("what only looks at this host is asked for real, and its answer kept", async () => {
  const { probe, notes, asked } = prober({ files: { "/etc/a": "text" } });
  const saw = await probe.file("/etc/a");
  expect(saw).toMatchObject({ ok: true, content: "text" });
  expect(asked).toEqual(["file /etc/a"]);
  expect(notes()).toEqual([
    { probe: "file", question: "/etc/a", answer: saw, askers: ["deployment"], times: { current: 1, older: 1 } },
  ]);
});

describe("commands", () => {
  const question = (...argv: readonly [string, ...string[]]): CommandQuestion => ({ argv, timeoutMs: 1 });
  test.each<[readonly [string, ...string[]]]>([
    [["/usr/bin/crowdsec", "-version"]],
    [["/usr/local/bin/crowdsec", "-version"]],
    [["/usr/bin/dpkg-query", "-s", "crowdsec"]],
    [["/usr/bin/dpkg-query", "-W", "-f=x", "crowdsec"]],
    [["/usr/bin/rpm", "-q", "crowdsec"]],
    [["/sbin/apk", "list", "--installed", "crowdsec"]],
    [["/usr/bin/apt-cache", "-o", "Dir::Cache::pkgcache=", "policy", "crowdsec"]],
    [["/usr/bin/apt-config", "shell", "A", "Acquire::http::Proxy"]],
    [["/usr/bin/systemctl", "show-environment"]],
  ])("%j prints and goes nowhere: it is run, since what it prints decides what is asked", async (argv) => {
    const commands = () => ({ ok: true, elapsedMs: 1, exitCode: 0, output: "what it prints" }) as const;
    const { probe, asked } = prober({ commands });
    expect(await probe.command(question(...argv))).toMatchObject({ output: "what it prints" });
    expect(asked).toEqual([`command ${argv.join(" ")}`]);
  });

  test.each<[readonly [string, ...string[]]]>([
    [["/usr/bin/crowdsec", "-t"]],
    [["/tmp/crowdsec", "-version"]],
    [["/usr/bin/crowdsec", "-version", "-t"]],
    [["/usr/bin/systemctl", "restart", "crowdsec"]],
    [["/usr/bin/apt-get", "policy"]],
    [["/usr/bin/cscli", "capi", "status"]],
  ])("%j is not", (argv) => {
    expect(isPrinting(question(...argv))).toBe(false);
  });

  test("a command that is given files is none that only prints", () => {
    expect(isPrinting({ ...question("/usr/bin/crowdsec", "-version"), files: { a: "" } })).toBe(false);
  });
});

describe("names", () => {
  test("each has an address of its own in each family, and later questions to that are known to be about it", async () => {
    const { probe, nameAt } = prober();
    const [one, other] = await Promise.all([probe.dns({ name: "a.example" }), probe.dns({ name: "b.example" })]);
    const addresses = [one, other].flatMap((saw) => (saw.ok ? saw.addresses : []));
    expect(new Set(addresses.map(({ address }) => address)).size).toBe(4);
    expect(addresses.map(({ address, family }) => [nameAt(address), family])).toEqual([
      ["a.example", 4],
      ["a.example", 6],
      ["b.example", 4],
      ["b.example", 6],
    ]);
    expect(await probe.dns({ name: "a.example", by: "libc" })).toMatchObject({ addresses: addresses.slice(0, 2) });
  });

  test("an address stays one, and what somebody has written is taken for no name", async () => {
    const { probe, nameAt } = prober();
    expect(await probe.dns({ name: "192.0.2.1" })).toMatchObject({ addresses: [{ address: "192.0.2.1", family: 4 }] });
    await probe.dns({ name: "a.example" });
    expect(nameAt("192.0.2.1")).toBeUndefined();
  });

  test("one that /etc/hosts has leads where that says", async () => {
    const { probe } = prober();
    expect(await probe.dns({ name: "pinned.example" })).toMatchObject({
      from: "hosts",
      addresses: [{ address: "10.0.0.7", family: 4 }],
    });
  });

  test("one that nobody is asked for does not resolve", async () => {
    expect(await prober().probe.dns({ name: "nobody.example" })).toMatchObject({ ok: false, code: "dns-nxdomain" });
  });

  test("with one family only, there are no addresses of the other", async () => {
    const { probe } = prober({}, { family: 6 });
    expect(await probe.dns({ name: "a.example" })).toMatchObject({ addresses: [{ family: 6 }] });
    expect(await probe.dns({ name: "pinned.example" })).toMatchObject({ ok: false, code: "dns-nodata" });
  });

  test("thousands of them are told apart", async () => {
    const { probe, nameAt } = prober();
    const names = Array.from({ length: 3000 }, (_, index) => `target-${index}.example`);
    for (const name of names) {
      const saw = await probe.dns({ name });
      expect(saw.ok && saw.addresses.map(({ address }) => nameAt(address))).toEqual([name, name]);
    }
  });
});

describe("what is answered leads on", () => {
  const ask = async (url: string, engine: "current" | "older" = "current") => {
    const saw = await prober().as({ name: "a", engine }).http({ url, address: "10.0.0.1" });
    return saw.ok ? saw : undefined;
  };
  test.each([
    ["a Local API refuses a heartbeat", "http://h:8080/v1/heartbeat", 401],
    ["and a machine that it does not know", "http://h:8080/v1/watchers/login", 401],
    ["anything else is there", "https://api.crowdsec.net/", 200],
    ["the packages come from another host", "https://packagecloud.io/crowdsec/crowdsec/any/dists/any/InRelease", 302],
  ])("%s", async (_words, url, status) => {
    expect(await ask(url)).toMatchObject({ status });
  });

  test("that other host is told by none", async () => {
    const saw = await ask("https://packagecloud.io/crowdsec/crowdsec/any/dists/any/InRelease");
    expect(new URL(saw?.headers["location"] ?? "").hostname).toBe(REDIRECTED);
  });

  test("the Local API is of either age", async () => {
    expect(await ask("http://h:8080/v1/allowlists", "current")).toMatchObject({ status: 401 });
    expect(await ask("http://h:8080/v1/allowlists", "older")).toMatchObject({ status: 404 });
  });
});

describe("how often", () => {
  const request: HttpRequest = { url: "https://a.example/", address: "10.0.0.1" };
  test("a question that is remembered counts once, and all who asked it are known", async () => {
    const { as, notes } = prober();
    await as({ name: "one" }).http(request);
    await as({ name: "other" }).http(request);
    expect(notes().find(({ probe }) => probe === "http")).toMatchObject({
      askers: ["one", "other"],
      times: { current: 1, older: 1 },
    });
  });

  test("a request with a secret, and a conversation with a listener, are sent each time", async () => {
    const { probe, notes } = prober();
    const peer = { url: "http://a.example/", address: "10.0.0.1", token: new Secret("x"), name: "web-1", idleMs: 0 };
    for (const headers of [{ "x-api-key": new Secret("a") }, { "x-api-key": new Secret("b") }]) {
      await probe.http({ ...request, headers });
      await probe.peer(peer);
      await probe.command({ argv: ["/usr/bin/crowdsec", "-t"], files: {}, timeoutMs: 1 });
    }
    for (const name of ["http", "peer", "command"]) expect(timesOf(notes(), name)).toEqual([{ current: 2, older: 2 }]);
  });

  test("what is asked of one Local API only is counted for that one", async () => {
    const { as, notes } = prober();
    await as({ name: "a", engine: "current" }).tcp({ address: "10.0.0.1", family: 4, port: 1 });
    await as({ name: "a", engine: "older" }).tcp({ address: "10.0.0.1", family: 4, port: 2 });
    expect(timesOf(notes(), "tcp")).toEqual([
      { current: 1, older: 0 },
      { current: 0, older: 1 },
    ]);
  });

  test("nothing is remembered from one scope to the other", async () => {
    const { as, notes } = prober();
    for (const scope of ["1", "2"]) await as({ name: "ping", scope }).http(request);
    expect(timesOf(notes(), "http")).toHaveLength(2);
  });
});

test("no secret stands in what two questions are told apart by", async () => {
  const { probe, notes } = prober();
  await probe.http({ url: "http://a.example/", address: "10.0.0.1", body: new Secret("canary-body") });
  expect(JSON.stringify(notes())).not.toContain("canary-");
});

test("the store that a certificate would be verified against is read, as the run reads it", async () => {
  const looked: unknown[] = [];
  const { probe, notes } = prober({
    trustStore: (store) => {
      looked.push(store);
      return { certificates: 1, from: ["/a"], lookedAt: ["/a"] };
    },
  });
  await probe.http({ url: "http://a.example/", address: "10.0.0.1" });
  await probe.http({ url: "https://a.example/", address: "10.0.0.1", trust: { ...TRUST, only: true } });
  expect(looked).toEqual([]);
  await probe.http({ url: "https://a.example/", address: "10.0.0.1", trust: { ...TRUST, store: { file: "/b" } } });
  expect(looked).toEqual([{ file: "/b" }]);
  expect(notes().filter((note) => note.probe === "trustStore")).toHaveLength(1);
});
