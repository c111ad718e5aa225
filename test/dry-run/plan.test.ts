import { describe, expect, test } from "@jest/globals";
import { ENGINES, type Note, PING } from "../../src/dry-run/note.ts";
import { connectionsOf, makePlan, type PlanInput } from "../../src/dry-run/plan.ts";
import { createDryProber, type Names } from "../../src/dry-run/prober.ts";
import type { Plan, PlannedWrite } from "../../src/dry-run/shape.ts";
import type { Prober } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";

const NAMES: Names = {
  pinned: (name) => (name === "pinned.example" ? [{ address: "10.0.0.7", family: 4 }] : undefined),
  candidates: (name) => (name.includes(".") ? [name] : [`${name}.lab`, name]),
};

type Asks = (probe: Prober, as: ReturnType<typeof createDryProber>["as"]) => Promise<unknown>;

interface Given {
  readonly world?: World;
  readonly servers?: readonly string[];
  readonly writes?: readonly PlannedWrite[];
  readonly engines?: PlanInput["engines"];
  readonly family?: 4 | 6;
}

const NONE = { mustFail: 0, machine: 0, key: 0, proxy: 0, database: 0 };

/** What a plan makes of these questions. */
const planOf = async (
  asks: Asks,
  { world = {}, servers = ["9.9.9.9", "1.1.1.1"], writes = [], engines = ["current"], family }: Given = {},
): Promise<Plan> => {
  const prober = createDryProber(fakeProber(world), { names: NAMES, ...(family && { family }) });
  await asks(prober.as({ name: "check" }), prober.as);
  return makePlan({ prober, names: NAMES, resolver: { servers }, writes, engines, ...(family && { family }) });
};

/** A name, and everything that is then dialed. */
const dial = async (probe: Prober, name: string, port: number): Promise<string> => {
  const saw = await probe.dns({ name });
  if (!saw.ok) throw new Error(`no ${name}`);
  for (const at of saw.addresses) await probe.tcp({ ...at, port });
  return saw.addresses[0]?.address ?? "";
};

const PROXY = { scheme: "http", host: "10.0.0.8", port: 3128, shown: "http://10.0.0.8:3128" } as const;

describe("names", () => {
  test("each stands there once, with what nameservers are asked for and who wants it", async () => {
    const { names, nameservers, sums } = await planOf(async (probe, as) => {
      await probe.dns({ name: "b.example" });
      await as({ name: "another" }).dns({ name: "b.example" });
      await probe.dns({ name: "lapi" });
      await probe.dns({ name: "pinned.example" });
      await probe.dns({ name: "10.0.0.1" });
    });
    expect(names).toEqual([
      {
        name: "b.example",
        by: "nameservers",
        candidates: ["b.example"],
        types: ["A", "AAAA"],
        for: ["another", "check"],
      },
      { name: "lapi", by: "nameservers", candidates: ["lapi.lab", "lapi"], types: ["A", "AAAA"], for: ["check"] },
      { name: "pinned.example", by: "hosts", for: ["check"] },
    ]);
    expect(nameservers).toEqual([{ server: "9.9.9.9", port: 53, questions: 4 }]);
    expect(sums).toMatchObject({ names: 3, questions: 4 });
  });

  test("of one family, they are asked for that", async () => {
    const { names, nameservers } = await planOf((probe) => probe.dns({ name: "b.example" }), { family: 4 });
    expect(names).toMatchObject([{ types: ["A"] }]);
    expect(nameservers).toMatchObject([{ questions: 1 }]);
  });

  test("each nameserver gets what it is asked itself", async () => {
    const { nameservers } = await planOf(async (probe) => {
      await probe.dns({ name: "b.example" });
      for (const server of ["9.9.9.9", "1.1.1.1"]) await probe.nameserver({ server, name: "b.example" });
    });
    expect(nameservers).toEqual([
      { server: "9.9.9.9", port: 53, questions: 3 },
      { server: "1.1.1.1", port: 53, questions: 1 },
    ]);
  });
});

describe("connections", () => {
  test("of a name, both families are one place, and each address counts", async () => {
    const plan = await planOf(async (probe) => {
      const address = await dial(probe, "b.example", 443);
      await probe.http({ url: "https://b.example/a/b?token=x", address, method: "HEAD" });
    });
    expect(plan.destinations).toEqual([
      {
        host: "b.example",
        port: 443,
        connects: 1,
        requests: [{ method: "HEAD", path: "/a/b", tls: true, times: 1, shows: [], for: ["check"] }],
        dialogues: [],
        for: ["check"],
      },
    ]);
    expect(plan.sums).toMatchObject({ destinations: 1, connections: 2, handshakes: 1, requests: 1, logins: NONE });
  });

  test("an address that /etc/hosts has says for which name", async () => {
    const { destinations } = await planOf(async (probe) => {
      await probe.http({ url: "http://pinned.example:8080/", address: await dial(probe, "pinned.example", 8080) });
    });
    expect(destinations).toMatchObject([{ host: "10.0.0.7", port: 8080, names: ["pinned.example"] }]);
  });

  test("of a unix socket, its path", async () => {
    const { destinations } = await planOf(async (probe) => {
      await probe.socket({ path: "/run/lapi.sock" });
      await probe.http({ url: "http://unix/v1/heartbeat", address: "/run/lapi.sock" });
    });
    expect(destinations).toMatchObject([
      { host: "/run/lapi.sock", connects: 1, requests: [{ path: "/v1/heartbeat" }] },
    ]);
    expect(destinations[0]).not.toHaveProperty("port");
  });

  test("looks that differ are counted, and requests of two askers are one row", async () => {
    const { destinations } = await planOf(async (probe, as) => {
      for (const look of [1, 2, 3]) {
        await probe.tcp({ address: "10.0.0.1", family: 4, port: 8080, look });
        await as({ name: `asker-${look}` }).http({
          url: "http://10.0.0.1:8080/v1/heartbeat",
          address: "10.0.0.1",
          look,
        });
      }
    });
    expect(destinations).toMatchObject([
      { connects: 3, requests: [{ times: 3, for: ["asker-1", "asker-2", "asker-3"] }] },
    ]);
    expect(destinations.map(connectionsOf)).toEqual([6]);
  });

  test("through a proxy it is the proxy's place, and each request says whom it is for", async () => {
    const { destinations, sums } = await planOf(async (probe) => {
      const address = "10.0.0.8";
      await probe.http({ url: "https://b.example/", address, proxy: PROXY });
      const credentials = { user: new Secret("canary-user"), password: new Secret("canary-password") };
      await probe.http({ url: "https://c.example/", address, proxy: { ...PROXY, credentials } });
    });
    expect(destinations).toMatchObject([
      {
        host: "10.0.0.8",
        port: 3128,
        requests: [
          { through: "b.example:443", shows: [] },
          { through: "c.example:443", shows: ["proxy"] },
        ],
      },
    ]);
    expect(sums.logins).toEqual({ ...NONE, proxy: 1 });
    expect(JSON.stringify(destinations)).not.toContain("canary-");
  });

  test("what a request shows is named and not shown", async () => {
    const { destinations, sums } = await planOf(async (probe) => {
      const request = { url: "http://10.0.0.1:8080/v1/watchers/login", address: "10.0.0.1" };
      await probe.http({ ...request, method: "HEAD", headers: { "x-api-key": new Secret("canary-key") } });
      await probe.http({ ...request, method: "POST", body: new Secret("canary-body") });
      // Of a machine that cannot exist.
      await probe.http({ ...request, method: "POST", body: "{}" });
    });
    expect(destinations[0]?.requests.map(({ shows, mustFail }) => [shows, mustFail])).toEqual([
      [["key"], undefined],
      [["login"], undefined],
      [[], true],
    ]);
    expect(sums.logins).toEqual({ ...NONE, mustFail: 1, machine: 1, key: 1 });
    expect(JSON.stringify(destinations)).not.toContain("canary-");
  });

  test("a ping's URL is a secret", async () => {
    const { destinations } = await planOf(async (_probe, as) =>
      as({ name: PING }).http({
        url: "https://hc-ping.com/canary-uuid/start",
        address: "10.0.0.1",
        method: "POST",
        body: new Secret(""),
      }),
    );
    expect(destinations).toMatchObject([{ requests: [{ method: "POST", path: "…", shows: [] }], for: ["ping"] }]);
    expect(JSON.stringify(destinations)).not.toContain("canary-");
  });

  test("what depends on the Local API's age says so, and counts in no sum", async () => {
    const asks: Asks = async (_probe, as) => {
      for (const engine of ENGINES) {
        const probe = as({ name: "check", engine });
        await probe.http({ url: "http://10.0.0.1:8080/v1/allowlists", address: "10.0.0.1" });
        await probe.http({ url: `http://10.0.0.1:8080/${engine}`, address: "10.0.0.1" });
      }
    };
    const { destinations, sums } = await planOf(asks, { engines: ENGINES });
    expect(destinations[0]?.requests.map(({ path, when }) => [path, when])).toEqual([
      ["/v1/allowlists", undefined],
      ["/current", "the Local API is 1.6.6 or newer"],
      ["/older", "the Local API is older than 1.6.6"],
    ]);
    expect(sums).toMatchObject({ requests: 1, connections: 1 });
  });

  test("where only one age was walked, nothing depends on it", async () => {
    const { destinations } = await planOf(async (_probe, as) =>
      as({ name: "check", engine: "current" }).http({ url: "http://10.0.0.1:8080/", address: "10.0.0.1" }),
    );
    expect(destinations[0]?.requests[0]).not.toHaveProperty("when");
  });

  test("a database's login, a question who it is, and a listener's conversation", async () => {
    const { destinations, sums } = await planOf(async (probe) => {
      const question = { protocol: "postgresql", port: 5432, host: "db.example", tls: "require" } as const;
      const login = { user: "crowdsec", password: new Secret("canary-db"), database: "crowdsec", tables: [] };
      await probe.database({ ...question, addresses: ["10.0.0.2", "10.0.0.3"], login });
      await probe.database({ ...question, addresses: { socket: "/run/pg.sock" } });
      await probe.peer({
        url: "https://h:8080/",
        address: "10.0.0.4",
        token: new Secret("canary-t"),
        name: "w",
        idleMs: 0,
      });
    });
    expect(destinations.map(({ host, port, dialogues }) => [host, port, ...dialogues])).toEqual([
      ["/run/pg.sock", undefined, { protocol: "postgresql", tls: "require", times: 1, for: ["check"] }],
      ["10.0.0.2", 5432, { protocol: "postgresql", user: "crowdsec", tls: "require", times: 1, for: ["check"] }],
      ["10.0.0.4", 8080, { protocol: "listener", tls: "require", times: 1, for: ["check"] }],
    ]);
    expect(sums).toMatchObject({ connections: 3, logins: { ...NONE, database: 1 }, handshakes: 2 });
    expect(JSON.stringify(destinations)).not.toContain("canary-");
  });
});

test("the host that packagecloud.io names is a place without a name", async () => {
  const { names, nameservers, destinations } = await planOf(async (probe) => {
    await probe.http({
      url: "https://redirected.invalid/InRelease",
      address: await dial(probe, "redirected.invalid", 443),
    });
  });
  expect(names).toEqual([]);
  expect(nameservers).toMatchObject([{ questions: 2 }]);
  expect(destinations).toMatchObject([{ host: "redirected.invalid", port: 443, requests: [{ path: "…" }] }]);
});

test("commands say whether they were run now, and what they are given", async () => {
  const { commands, sums } = await planOf(
    async (probe) => {
      const argv = ["/usr/bin/crowdsec", "-c", "{folder}/config.yaml", "-t"] as const;
      await probe.command({ argv, files: { "config.yaml": new Secret("canary-config") }, timeoutMs: 1 });
      await probe.command({ argv: ["/usr/bin/crowdsec", "-version"], timeoutMs: 1 });
      await probe.service("crowdsec");
    },
    { world: { services: { crowdsec: {} } } },
  );
  expect(commands).toEqual([
    expect.objectContaining({ argv: expect.arrayContaining(["-t"]), copies: ["config.yaml"], ran: false }),
    expect.objectContaining({ argv: ["/usr/bin/crowdsec", "-version"], copies: [], ran: true }),
    expect.objectContaining({ argv: ["systemctl", "show", "crowdsec.service"], ran: true }),
  ]);
  expect(sums.commands).toBe(3);
  expect(JSON.stringify(commands)).not.toContain("canary-");
});

test("a name that only the C library is asked for is a program of the system", async () => {
  const { commands } = await planOf((probe) => probe.dns({ name: "printer.local", by: "libc" }), { family: 4 });
  expect(commands.map(({ argv, ran }) => [argv.join(" "), ran])).toEqual([
    ["/usr/bin/getent -A ahostsv4 printer.local", false],
  ]);
});

test("addresses that are listened on, files and what the run writes are counted", async () => {
  const writes = [{ path: "/r.json", why: "the report" }];
  const plan = await planOf(
    async (probe) => {
      await probe.bind({ address: "127.0.0.1", family: 4, port: 8080 });
      await probe.file("/a");
    },
    { writes },
  );
  expect(plan.binds).toEqual([{ address: "127.0.0.1", port: 8080, for: ["check"] }]);
  expect(plan.writes).toEqual(writes);
  expect(plan.sums).toMatchObject({ files: 1, writes: 1 });
});

test("a plan of nothing is empty", () => {
  const prober = { notes: (): readonly Note[] => [], nameAt: () => undefined };
  const plan = makePlan({ prober, names: NAMES, resolver: { servers: ["9.9.9.9"] }, writes: [], engines: ["current"] });
  const { logins, ...others } = plan.sums;
  expect(logins).toEqual(NONE);
  expect(Object.values(others).every((count) => count === 0)).toBe(true);
});
