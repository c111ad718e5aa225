import { expect, test } from "@jest/globals";
import { filesOf } from "../../src/dry-run/files.ts";
import { createDryProber } from "../../src/dry-run/prober.ts";
import type { Prober, Trust } from "../../src/model/observation.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { failedWith } from "../support/world.ts";

const NAMES = { pinned: () => undefined, candidates: (name: string) => [name] };

const filesFor = async (asks: (probe: Prober, other: Prober) => Promise<unknown>, world: World = {}) => {
  const prober = createDryProber(fakeProber(world), { names: NAMES });
  await asks(prober.as({ name: "check" }), prober.as({ name: "other" }));
  return filesOf(prober.notes());
};

test("each file says how it is looked at, whether it is there, and for whom", async () => {
  const { files } = await filesFor(
    async (probe) => {
      await probe.file("/a/read");
      await probe.file("/a/gone");
      await probe.tail("/a/log");
      await probe.folder("/a");
      await probe.path("/a/path");
      await probe.environment(7);
      await probe.build("/a/program");
    },
    {
      files: { "/a/read": "text" },
      tails: { "/a/log": "line" },
      folders: { "/a": [] },
      paths: { "/a/path": {} },
      environments: { 7: {} },
      builds: { "/a/program": { ok: true, elapsedMs: 0, resolver: "go" } },
    },
  );
  expect(files.map(({ path, how, there, done }) => [path, how, there, done])).toEqual([
    ["/a", "listed", true, true],
    ["/a/gone", "read", false, true],
    ["/a/log", "end", true, true],
    ["/a/path", "looked-at", true, true],
    ["/a/program", "read", true, true],
    ["/a/read", "read", true, true],
    ["/proc/7/environ", "read", true, true],
  ]);
  expect(files.every((file) => file.for.join() === "check")).toBe(true);
});

test("of a file that is looked at in several ways, the most is told, once", async () => {
  const { files } = await filesFor(
    async (probe, other) => {
      await probe.path("/a");
      await other.file("/a");
      await probe.tail("/a");
    },
    { files: { "/a": "text" }, paths: { "/a": {} } },
  );
  expect(files).toEqual([{ path: "/a", how: "read", done: true, there: true, for: ["check", "other"] }]);
});

test("files of a handshake that is not made now are the run's alone", async () => {
  const trust: Trust = {
    caFiles: ["/ca.pem"],
    only: true,
    skipVerify: false,
    certificate: { certFile: "/own.pem", keyFile: "/own.key" },
  };
  const { files } = await filesFor(async (probe) => {
    await probe.http({ url: "https://a.example/", address: "10.0.0.1", trust });
    await probe.database({
      ...{ protocol: "mysql", addresses: ["10.0.0.1"], port: 3306, host: "a.example", tls: "require" },
      caFile: "/db.pem",
      certificate: { certFile: "/db.crt", keyFile: "/db.key" },
    });
  });
  expect(files.map(({ path }) => path)).toEqual(["/ca.pem", "/db.crt", "/db.key", "/db.pem", "/own.key", "/own.pem"]);
  expect(files.every(({ how, done }) => how === "read" && !done)).toBe(true);
});

test("the CA store is told with the places where it was looked for, and the resolver's files", async () => {
  const { files } = await filesFor(
    async (probe) => {
      await probe.trustStore({});
      await probe.resolver();
    },
    { trustStore: { certificates: 1, from: ["/b"], lookedAt: ["/a", "/b"] } },
  );
  expect(files.map(({ path, how, there }) => [path, how, there])).toEqual([
    ["/a", "read", false],
    ["/b", "read", true],
    ["/etc/hosts", "read", undefined],
    ["/etc/mdns.allow", "looked-at", undefined],
    ["/etc/nsswitch.conf", "read", undefined],
    ["/etc/resolv.conf", "read", undefined],
  ]);
});

test("what the kernel is asked stands there in words, once", async () => {
  const { kernel } = await filesFor(async (probe) => {
    await probe.listeners();
    await probe.listeners();
    await probe.interfaces();
    await probe.namespace();
    await probe.memory();
    await probe.processes("crowdsec");
    await probe.processes("cscli");
  });
  expect(kernel).toHaveLength(5);
  expect(kernel.join("\n")).toMatch(/\/proc\/net\/tcp/);
  expect(kernel.join("\n")).toMatch(/\/proc\/meminfo/);
});

test.each<[string, World, readonly string[]]>([
  ["systemd", { services: { a: {} } }, ["systemctl show a.service"]],
  ["OpenRC", { services: { a: { manager: "openrc" } } }, ["rc-service a status"]],
  ["FreeBSD's rc", { services: { a: { manager: "freebsd" } } }, ["service a onestatus", "sysrc -n a_enable"]],
  ["a systemd that gives no answer", { services: { a: failedWith("command-timeout") } }, ["systemctl show a.service"]],
  ["a host without any", {}, []],
])("who asks %s runs its program, which prints", async (_manager, world, expected) => {
  const { commands } = await filesFor((probe) => probe.service("a"), world);
  expect(commands.map(({ argv }) => argv.join(" "))).toEqual(expected);
  expect(commands.every(({ ran }) => ran)).toBe(true);
});

test("who reads the journal runs journalctl, where there is one", async () => {
  const read = await filesFor((probe) => probe.journal("a.service"), { journals: { "a.service": [] } });
  expect(read.commands.map(({ argv }) => argv.join(" "))).toEqual(["journalctl -u a.service"]);
  expect((await filesFor((probe) => probe.journal("a.service"))).commands).toEqual([]);
});
