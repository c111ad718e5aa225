import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { OUTGOING } from "../checks/endpoints.ts";
import { catalogue } from "../checks/index.ts";
import { LAPI_LAYERS } from "../checks/lapi-faults.ts";
import type { Check } from "../src/model/check.ts";
import type { LayerCode } from "../src/model/observation.ts";
import { Secret } from "../src/model/secret.ts";
import type { LapiClient, LapiRoute, Role } from "../src/model/topology.ts";
import { type Given, runIn } from "./support/run.ts";
import { SYSTEMS } from "./support/systems.ts";
import {
  agentTo,
  BEFORE_INSTALL,
  bouncerTo,
  fileRead,
  from,
  itself,
  networkDatabase,
  routeBySocket,
  routeTo,
} from "./support/topology.ts";
import { failingAt, recording } from "./support/world.ts";

const ids = catalogue.map(({ id }) => id);
const FILES = readdirSync("checks").filter((name) => name.endsWith(".ts"));
/** Families: their checks come from a table, and their ids begin with what stands here beside the file's name. */
const FAMILIES: Readonly<Record<string, string>> = { outgoing: "outgoing-", port: "port-", proxy: "proxy-" };

const named = (id: string): Check => {
  const check = catalogue.find((candidate) => candidate.id === id);
  if (check === undefined) throw new Error(`the catalogue has no ${id}`);
  return check;
};

/** Placeholders that are only ever numbers. */
const NUMBERS = new Set(["{port}", "{from}", "{to}"]);

describe("closure", () => {
  test("ids are unique", () => {
    expect(ids).toEqual([...new Set(ids)]);
  });

  test("every id is the name of a file in checks/, or begins with that of a family", () => {
    const files = FILES.map((name) => basename(name, ".ts"));
    for (const id of ids) {
      const family = Object.keys(FAMILIES).find((name) => id.startsWith(`${FAMILIES[name]}`));
      expect(files).toContain(family ?? id);
    }
  });

  test.each(FILES)("what checks/%s defines is in the catalogue, under the file's name", async (file) => {
    const { default: check } = (await import(`../checks/${file}`)) as { readonly default?: Check };
    if (check === undefined) return;
    expect(check.id).toBe(basename(file, ".ts"));
    expect(named(check.id)).toBe(check);
  });

  test.each(FILES)("checks/%s has a test of its own when it holds faults", async (file) => {
    const module = (await import(`../checks/${file}`)) as { readonly default?: Check };
    const holds = module.default !== undefined || basename(file, ".ts") in FAMILIES;
    expect(!holds || existsSync(`test/checks/${basename(file, ".ts")}.test.ts`)).toBe(true);
  });

  test("every row of the outgoing list is a check, and every outgoing check is a row", () => {
    expect(ids.filter((id) => id.startsWith("outgoing-"))).toEqual(OUTGOING.map(({ id }) => id));
  });

  test.each(catalogue)("$id needs checks that exist and that do not need it in turn", ({ id, needs = [] }) => {
    const reach = (name: string, path: readonly string[]): void => {
      expect(path).not.toContain(name);
      for (const further of named(name).needs ?? []) reach(further, [...path, name]);
    };
    for (const need of needs) reach(need, [id]);
  });

  test.each(catalogue)("every fault of $id has a sentence and a remedy in words", ({ faults }) => {
    expect(Object.keys(faults).length).toBeGreaterThan(0);
    for (const [code, { says, remedy }] of Object.entries(faults)) {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(says).not.toBe("");
      expect(remedy.length).toBeGreaterThan(0);
      for (const { text } of remedy) expect(text).toMatch(/\w.*[.:]$/);
    }
  });

  test.each(catalogue)(
    "what fills a command of $id stands outside quotes, where the shell reads it as one word",
    (check) => {
      const remedies = Object.values(check.faults).flatMap(({ remedy }) => remedy);
      const commands = remedies.flatMap(({ commands = [], undo = [] }) => [...commands, ...undo]);
      const quoted = commands.flatMap((command) => command.match(/'[^']*'|"[^"]*"/g) ?? []);
      const filled = quoted.flatMap((text) => text.match(/(?<!%)\{\w+\}/g) ?? []);
      expect(filled.filter((name) => !NUMBERS.has(name))).toEqual([]);
    },
  );

  test.each(catalogue)("$id says what it is, why, where and what it touches", (check) => {
    for (const word of [check.title, check.why, check.contacts]) expect(word.trim()).not.toBe("");
    expect(check.roles.length).toBeGreaterThan(0);
  });
});

const ROLES = ["lapi", "agent", "bouncer", "cscli", "prometheus"] as const satisfies readonly Role[];
const everyRole = ROLES.map((role) => from(role, "--role"));
/** Every client that a host can have. */
const clientsBy = (route: LapiRoute): readonly LapiClient[] => [
  itself(route),
  agentTo(route),
  agentTo(route, { name: "cscli" }),
  bouncerTo(route),
];

/** This host's own outward address and an old process: no second look, which would make each run wait. */
const TLS_LAPI = {
  roles: everyRole,
  clients: clientsBy(routeTo("https://192.0.2.10:8080/")),
  listen: { uri: from({ host: "0.0.0.0", port: 8080 }, "/etc/crowdsec/config.yaml:47"), tls: true, appsec: [] },
  database: networkDatabase(),
  targets: [{ name: "engine.example:6060", url: from("http://engine.example:6060/metrics", "--target") }],
  ctiKey: true,
} satisfies Given["topology"];
/** What listens there is the Local API's socket alone. */
const BY_SOCKET = {
  roles: everyRole,
  clients: clientsBy(routeBySocket("/run/crowdsec.sock")),
  listen: { socket: from("/run/crowdsec.sock", "/etc/crowdsec/config.yaml:48"), tls: false, appsec: [] },
  database: networkDatabase({ at: { socket: from("/run/postgresql", "/etc/crowdsec/config.yaml:39") } }),
} satisfies Given["topology"];
const INSTALLING = {
  ...BEFORE_INSTALL,
  clients: [agentTo(routeTo("http://192.0.2.10:8080/"))],
} satisfies Given["topology"];

const CODES = Object.keys({
  ...LAPI_LAYERS,
  "dns-sinkhole": true,
  "http-status": true,
} satisfies Record<LayerCode, unknown>) as LayerCode[];

describe("when everything fails in one way", () => {
  test.each(CODES)("%s: the report is whole, no sentence is left unfilled, each instance stands once", async (code) => {
    for (const topology of [TLS_LAPI, BY_SOCKET, INSTALLING]) {
      const { findings } = await runIn(catalogue, { world: failingAt(code), topology });
      const instances = findings.map(({ instance }) => instance);
      expect(instances).toEqual([...new Set(instances)]);
      expect(new Set(findings.map(({ id }) => id))).toEqual(new Set(ids));
      expect(findings.some(({ fault }) => fault?.code === code)).toBe(true);
    }
  });

  test("a broken configuration leaves no sentence unfilled either", async () => {
    const problem = fileRead("/etc/crowdsec/config.yaml", "CrowdSec's configuration");
    const { findings } = await runIn(catalogue, {
      world: { ...failingAt("tcp-refused"), trustStore: { certificates: 0, from: [], lookedAt: [] } },
      topology: {
        files: [
          { ...problem, state: "invalid" },
          { ...problem, path: "/x", state: "missing" },
        ],
        clients: [
          agentTo({ malformed: from("nowhere", "file:1"), problem: "not a URL" }),
          bouncerTo(routeTo("http://192.0.2.10:8080/"), {
            credentials: { kind: "template", template: "<API_KEY>", origin: "file:2" },
          }),
        ],
        database: { malformed: from("oracle", "file:3"), problem: "none of sqlite, mysql" },
        listen: {
          uri: { malformed: from("nowhere", "file:4"), problem: "not of the form host:port" },
          tls: false,
          appsec: [],
        },
        metrics: { malformed: from("99999", "file:5"), problem: "no port number" },
        capi: {
          state: "on",
          url: { malformed: from("nowhere", "file:6"), problem: "not a URL" },
          papiUrl: { malformed: from("nowhere", "file:7"), problem: "not a URL" },
        },
      },
    });
    expect(findings.flatMap(({ fault }) => fault?.code ?? [])).toEqual(
      expect.arrayContaining([
        "config-syntax",
        "config-missing",
        "no-ca-store",
        "lapi-url-invalid",
        "credentials-placeholder",
        "db-config-invalid",
        "metrics-address-invalid",
        "url-invalid",
      ]),
    );
  });
});

describe("in a healthy world", () => {
  /** A system whose package manager is not asked: what would be installed is told by files alone. */
  const INSTALL = { ...BEFORE_INSTALL, system: SYSTEMS.rhel.system };

  const healthy = async (given: Given): Promise<readonly string[]> => {
    const { findings, asked } = await runIn(catalogue, given);
    expect(findings.filter(({ status }) => status !== "pass" && status !== "skip")).toEqual([]);
    return asked;
  };

  const requestsOf = async (given: Given) => {
    const { world, requests } = recording();
    await healthy({ world, ...given });
    return requests.map(({ method = "GET", url, headers = {}, body }) => ({
      method,
      url: new URL(url),
      secret: body instanceof Secret || Object.values(headers).some((value) => value instanceof Secret),
    }));
  };
  const allRequests = async (rest: Given = {}) => [
    ...(await requestsOf({ topology: TLS_LAPI, ...rest })),
    ...(await requestsOf({ topology: BY_SOCKET, ...rest })),
    ...(await requestsOf({ topology: INSTALL, ...rest })),
    ...(await requestsOf({ topology: { ctiKey: true }, version: [1, 4, 6], ...rest })),
  ];

  test("no check logs in to the Central API, or sends anything but a question", async () => {
    const asked = await allRequests();
    const posts = asked.filter(({ method }) => method !== "GET").map(({ method, url }) => `${method} ${url.href}`);
    expect(new Set(posts)).toEqual(
      new Set([
        "POST https://192.0.2.10:8080/v1/watchers/login",
        "HEAD https://192.0.2.10:8080/v1/decisions/stream",
        "POST http://unix/v1/watchers/login",
        "HEAD http://unix/v1/decisions/stream",
        "POST http://127.0.0.1:8080/v1/watchers/login",
      ]),
    );
    const central = asked.filter(({ url }) => url.hostname.endsWith("crowdsec.net"));
    expect(central.length).toBeGreaterThan(5);
    expect(central.filter(({ url }) => /login|watchers|enroll|signals|\/v\d/.test(url.pathname))).toEqual([]);
  });

  test("a secret goes to the Local API only; without --allow-writes it is the bouncer's key alone", async () => {
    const secrets = async (rest: Given) =>
      new Set((await allRequests(rest)).flatMap(({ secret, url }) => (secret ? [`${url.host}${url.pathname}`] : [])));
    const key = ["192.0.2.10:8080/v1/decisions/stream", "unix/v1/decisions/stream"];
    const login = ["192.0.2.10:8080/v1/watchers/login", "unix/v1/watchers/login", "127.0.0.1:8080/v1/watchers/login"];
    expect(await secrets({})).toEqual(new Set(key));
    expect(await secrets({ allowWrites: true })).toEqual(new Set([...key, ...login]));
  });

  test("the database is asked once a run, and from a Local API's host only", async () => {
    const questions = async (given: Given) =>
      (await healthy(given)).filter((question) => question.startsWith("database "));
    expect(await questions({ topology: TLS_LAPI })).toEqual(["database postgresql db.example:5432 as crowdsec"]);
    expect(await questions({ topology: { roles: [from("agent", "--role")] } })).toEqual([]);
  });

  test("crowdsec is run on a copy only, never on this host's own configuration", async () => {
    const commands = (await healthy({ topology: TLS_LAPI })).filter((question) => question.startsWith("command "));
    expect(commands).toEqual(["command /usr/bin/crowdsec -c {folder}/config.yaml -t"]);
  });

  test("each row of the outgoing list is asked for somewhere", async () => {
    const asked = [...(await healthy({ topology: TLS_LAPI })), ...(await healthy({ topology: INSTALL }))].join("\n");
    for (const { host, path } of OUTGOING) expect(asked).toContain(`http GET https://${host}${path}`);
  });
});

test("checks/README.md is what the checks say", async () => {
  // Written from the built checks, so this needs a build, as npm test makes it.
  const { status, stderr } = spawnSync(process.execPath, ["scripts/catalogue.js", "--check"], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});
