import { describe, expect, test } from "@jest/globals";
import { type CollectOptions, collect, fitInto } from "../../src/bundle/collect.ts";
import type { World } from "../support/fake-prober.ts";
import { BEFORE_INSTALL, bouncerTo, crowdsecWith, routeTo } from "../support/topology.ts";
import { failedWith, HEALTHY, ranWith } from "../support/world.ts";
import { contextOf, saying, whyNot } from "./host.ts";

const options = (rest: Partial<CollectOptions> = {}): CollectOptions => ({
  maxBytes: 1e6,
  signal: new AbortController().signal,
  rules: false,
  ...rest,
});

const collected = (world: World, overrides = {}, rest: Partial<CollectOptions> = {}) =>
  collect(contextOf(world, overrides), options(rest));

/** A host that has a bit of everything. */
const HOST: World = {
  ...saying({ ip: "routes", ss: "sockets", uname: "Linux", head: "x", nft: "", "readlink -f": "" }),
  services: { crowdsec: { restarts: 3 } },
  files: { "/etc/crowdsec/config.yaml": "api: {}\n", "/etc/hosts": "127.0.0.1 localhost\n" },
  folders: { "/etc/crowdsec": ["config.yaml"] },
  tails: { "/var/log/crowdsec.log": 'time="2026-06-14T07:12:01Z" level=fatal msg="x"\n' },
  journals: { "crowdsec.service": [{ at: "2026-06-14T07:12:01.000Z", text: "x" }] },
};

test("configuration, logs, services, system and firewall are in it, what matters most first", async () => {
  const { entries } = await collected(HOST);
  const folders = [
    ...new Set(
      entries.map(({ name }) =>
        name
          .split("/")
          .slice(0, name.startsWith("files/") ? 3 : 1)
          .join("/"),
      ),
    ),
  ];
  expect(folders).toEqual(
    ["files/etc/crowdsec", "config", "logs", "services", "files/etc/hosts", "system"].filter((name) =>
      folders.includes(name),
    ),
  );
  expect(entries.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      ...["files/etc/crowdsec/config.yaml", "logs/crowdsec.log", "logs/journal-crowdsec.service.txt"],
      ...["services/crowdsec.txt", "system/routes.txt", "system/sockets.txt", "system/firewall/nft.txt"],
    ]),
  );
});

test("no file has another one's name", async () => {
  const { entries } = await collected(HOST);
  expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
});

test("nothing is asked of a network, nobody is logged in to, and nothing is bound", async () => {
  const context = contextOf({ ...HEALTHY, ...HOST });
  await collect(context, options());
  expect(
    context.asked.filter((each) => /^(http|dns|libc|tcp|socket|database|peer|bind|nameserver) /.test(each)),
  ).toEqual([]);
});

test.each([
  ["before an install", BEFORE_INSTALL],
  [
    "with a configuration that may not be read",
    { clients: { hidden: "x" }, acquisition: { hidden: "x" }, database: { hidden: "x" }, metrics: { hidden: "x" } },
  ],
  ["in a container", { system: { services: "container", packages: "deb" } }],
  ["on Alpine", { system: { services: "openrc", packages: "apk" } }],
  ["on FreeBSD", { system: { services: "freebsd", packages: "freebsd" } }],
  [
    "for a bouncer alone",
    { clients: [bouncerTo(routeTo("http://10.0.0.5:8080/"))], components: [crowdsecWith({}, { name: "b" })] },
  ],
])("there is something to say %s, even where nothing answers", async (_where, overrides) => {
  const { entries, missing } = await collected({}, overrides);
  expect(entries.map(({ name }) => name)).toEqual(expect.arrayContaining(["system/time.txt"]));
  expect(missing.every(({ source, why }) => source !== "" && why !== "")).toBe(true);
});

test("what root would add is named, each thing for itself", async () => {
  const world: World = {
    ...HOST,
    tails: { "/var/log/crowdsec.log": failedWith("file-denied") },
    journals: { "crowdsec.service": failedWith("command-denied") },
  };
  const { missing } = await collected(world, { user: "bob" });
  const summary = missing.filter(({ why }) => why.includes("root"));
  expect(summary).toEqual([
    { source: "/var/log/crowdsec.log", why: "not for bob to see: run as root to have it" },
    { source: "the journal of crowdsec.service", why: "not for bob to see: run as root to have it" },
  ]);
});

test("what root would see of several processes is one thing, that a shell takes", async () => {
  const running = (pid: number) => ({ pid, argv: ["/usr/bin/crowdsec"], ageSeconds: 9 });
  const world: World = {
    ...saying({ ls: ranWith(2, "Permission denied"), head: "x" }),
    processes: { crowdsec: [running(17), running(18)] },
  };
  const { missing } = await collected(world, { user: "bob" });
  expect(whyNot({ missing }, "ls -ln /proc/{17,18}/ns")).toContain("run as root");
});

test("a host without journal, service or clock says of each that it was asked for", async () => {
  const { missing } = await collected({}, { system: { services: "container", packages: "deb" } });
  expect(missing).toEqual(
    expect.arrayContaining([
      { source: "the journal of crowdsec", why: "no systemd here, which would keep one" },
      { source: "the service crowdsec", why: "no manager of services here: no state, no count of restarts" },
      { source: "processes of CrowdSec and its bouncers", why: "none runs" },
      {
        source: "chronyc, ntpq",
        why: "no such program here, so nobody was asked how far off the clock is",
      },
    ]),
  );
});

test("to root, nothing is promised that root has not", async () => {
  const { missing } = await collected({ ...HOST, tails: { "/var/log/crowdsec.log": failedWith("file-denied") } });
  expect(whyNot({ missing }, "/var/log/crowdsec.log")).toBe("not for root to see either, in this place");
});

test("an error of this tool costs one file and not the bundle", async () => {
  const context = contextOf(HOST);
  const journal = async (): Promise<never> => {
    throw new Error("unforeseen\u001b[2J");
  };
  const { entries, missing } = await collect({ ...context, probe: { ...context.probe, journal } }, options());
  expect(entries.map(({ name }) => name)).toEqual(expect.arrayContaining(["logs/crowdsec.log", "system/routes.txt"]));
  expect(whyNot({ missing }, "the journal of crowdsec.service")).toBe("an error of this tool: unforeseen [2J");
});

test("each thing is missed once", async () => {
  const { missing } = await collected({});
  expect(new Set(missing.map(({ source, why }) => `${source}: ${why}`)).size).toBe(missing.length);
});

describe("when the time is up", () => {
  test("what came in is kept, and what nobody got to is named", async () => {
    const controller = new AbortController();
    const files = { "/etc/crowdsec/config.yaml": "api: {}\n" };
    const context = contextOf({ ...HOST, files });
    const probe = {
      ...context.probe,
      // A log on a file system that does not answer.
      tail: () => {
        setTimeout(() => controller.abort(), 20);
        return new Promise<never>(() => {});
      },
    };
    const { entries, missing } = await collect({ ...context, probe }, options({ signal: controller.signal }));
    expect(entries.map(({ name }) => name)).toContain("files/etc/crowdsec/config.yaml");
    expect(whyNot({ missing }, "/var/log/crowdsec.log")).toBe("not asked: the time was up");
    expect(whyNot({ missing }, "/etc/crowdsec")).toBeUndefined();
  });

  test("before anything was asked, nothing is", async () => {
    const context = contextOf(HOST);
    const scope = { allows: () => true };
    const { entries, missing } = await collect(context, options({ signal: AbortSignal.abort(), scope }));
    expect(entries).toEqual([]);
    expect(missing.map(({ source }) => source)).toEqual(expect.arrayContaining(["system/time.txt", "/etc/crowdsec"]));
    expect(missing.every(({ why }) => why === "not asked: the time was up")).toBe(true);
    expect(context.asked).toEqual([]);
  });
});

describe("when there is no room for all", () => {
  const entry = (name: string, content: string) => ({ name, what: "x", content, kind: "text" as const });

  test("what comes first is kept, a later small one too, and what was left out is named", () => {
    const { entries, missing } = fitInto(
      [entry("a", "x".repeat(60)), entry("b", "x".repeat(60)), entry("c", "x".repeat(40))],
      100,
    );
    expect(entries.map(({ name }) => name)).toEqual(["a", "c"]);
    expect(missing).toEqual([{ source: "b", why: "left out: the bundle would be too large" }]);
  });

  test("of a log, the end is kept, in whole lines", () => {
    const content = "ä line\n".repeat(2000);
    const { entries, missing } = fitInto([entry("logs/a.log", content)], 5000);
    expect(Buffer.byteLength(entries[0]?.content ?? "")).toBeLessThanOrEqual(5000);
    expect(entries[0]?.content).toMatch(/^(ä line\n)+$/);
    expect(missing).toEqual([{ source: "logs/a.log", why: "cut off: its end is kept, the bundle would be too large" }]);
  });

  test("all together are never more than there is room for", async () => {
    const world = { ...HOST, commands: () => ranWith(0, "line\n".repeat(3000)) };
    for (const maxBytes of [0, 5000, 50_000]) {
      const { entries, missing } = await collected(world, {}, { maxBytes });
      const total = entries.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
      expect(total).toBeLessThanOrEqual(maxBytes);
      expect(missing.some(({ why }) => why.includes("too large"))).toBe(true);
    }
  });
});
