import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import type { DatabaseConfig, Malformed } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import { readerOf } from "../../src/topology/crowdsec-files.ts";
import { findDatabase } from "../../src/topology/database.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";

const CANARY = "canary-4dd1-secret";

/** What becomes of a config.yaml with these lines under `db_config:`, the first of them on line 2. */
const found = (
  lines: readonly string[],
  version?: Version,
  environment: Readonly<Record<string, string>> = {},
): DatabaseConfig | Malformed | undefined => {
  const parsed = parseYaml(`db_config:\n${lines.map((line) => `  ${line}\n`).join("")}`, "c.yaml");
  if (!parsed.ok) throw new Error(parsed.message);
  const database = findDatabase(readerOf(parsed.tree, environment), version);
  // Whatever a test is about: the password does not get out.
  expect(JSON.stringify(database) ?? "").not.toContain(CANARY);
  expect(inspect(database, { depth: null })).not.toContain(CANARY);
  return database;
};

const remote = (type: string, ...more: readonly string[]): readonly string[] => [
  `type: ${type}`,
  "host: db.test",
  "user: crowdsec",
  `password: ${CANARY}`,
  "db_name: crowdsec",
  "port: 5432",
  ...more,
];

test("without db_config there is none", () => {
  const parsed = parseYaml("db_config:\nother: 1\n", "c.yaml");
  expect(parsed.ok && findDatabase(readerOf(parsed.tree, {}), undefined)).toBeUndefined();
});

describe("SQLite", () => {
  test("is a file, with where that is written", () => {
    expect(found(["type: sqlite", "db_path: /var/lib/crowdsec/data/crowdsec.db", "use_wal: true"])).toEqual({
      kind: "sqlite",
      path: { value: "/var/lib/crowdsec/data/crowdsec.db", origin: "c.yaml:3" },
      wal: { value: true, origin: "c.yaml:4" },
    });
  });

  test("of a relative path is looked for below /, as CrowdSec's working directory is", () => {
    expect(found(["type: sqlite", "db_path: data/crowdsec.db"])).toEqual({
      kind: "sqlite",
      path: { value: "/data/crowdsec.db", origin: "c.yaml:3" },
    });
  });

  test("without a place is a fault", () => {
    expect(found(["type: sqlite"])).toEqual({
      malformed: { value: "without a db_path", origin: "c.yaml:2" },
      problem: expect.any(String),
    });
  });
});

describe("a server", () => {
  test.each([
    ["postgresql", "postgresql"],
    ["postgres", "postgresql"],
    ["pgx", "postgresql"],
    ["mysql", "mysql"],
  ])("of type %s speaks %s", (type, protocol) => {
    expect(found(remote(type))).toEqual({
      kind: "network",
      protocol,
      type: { value: type, origin: "c.yaml:2" },
      at: { host: { value: "db.test", origin: "c.yaml:3" }, port: { value: 5432, origin: "c.yaml:7" } },
      user: { value: "crowdsec", origin: "c.yaml:4" },
      password: expect.objectContaining({ reveal: expect.any(Function) }),
      name: { value: "crowdsec", origin: "c.yaml:6" },
      tls: { value: type === "mysql" ? "disable" : "prefer", origin: "default" },
    });
  });

  test("gets the password that is written there, and nobody else does", () => {
    const database = found(remote("mysql"));
    expect(database && "password" in database && database.password.reveal()).toBe(CANARY);
  });

  test("may have its password in the environment", () => {
    const database = found(["type: mysql", "host: db.test", "password: $DB_PASSWORD"], undefined, {
      DB_PASSWORD: CANARY,
    });
    expect(database && "password" in database && database.password.reveal()).toBe(CANARY);
  });

  test("without a port has port 0, which CrowdSec takes literally", () => {
    expect(found(["type: mysql", "host: db.test"])).toMatchObject({
      at: { host: { value: "db.test" }, port: { value: 0, origin: "c.yaml:2" } },
    });
  });

  test("of which only the type is written has empty words for the rest, and is no crash", () => {
    const database = found(["type: pgx"]);
    expect(database).toMatchObject({ at: { host: { value: "" } }, user: { value: "" }, name: { value: "" } });
    expect(database && "password" in database && database.password.reveal()).toBe("");
  });

  test.each(["65536", "-1", "'99999'"])("with port %s is a fault", (port) => {
    expect(found(["type: mysql", "host: db.test", `port: ${port}`])).toEqual({
      malformed: { value: port.replaceAll("'", ""), origin: "c.yaml:4" },
      problem: "no port number",
    });
  });
});

describe("a type that CrowdSec does not know is a fault", () => {
  test.each([
    ["type: mariadb", "mariadb"],
    ["type: PostgreSQL", "PostgreSQL"],
    ["type: constructor", "constructor"],
    ["type:", "without a type"],
    ["host: db.test", "without a type"],
    [`type: postgres://me:${CANARY}@db.test/`, "[secret]"],
  ])("%s", (line, value) => {
    expect(found([line])).toEqual({
      malformed: { value, origin: expect.stringMatching(/^c\.yaml:[12]$/) },
      problem: "none of sqlite, mysql, postgres, postgresql, pgx",
    });
  });
});

describe("a unix socket", () => {
  const lines = (type: string, ...more: readonly string[]) => [`type: ${type}`, "db_path: /run/db", ...more];

  test.each(["mysql", "postgresql"])("stands in for a host where there is neither host nor port: %s", (type) => {
    const at = { socket: { value: "/run/db", origin: "c.yaml:3" } };
    expect(found(lines(type), [1, 5, 0])).toMatchObject({ at });
    expect(found(lines(type))).toMatchObject({ at });
    expect(found(lines(type, "port: 0"), [1, 7, 8])).toMatchObject({ at });
  });

  test.each<[string, readonly string[], Version]>([
    ["before 1.5.0", [], [1, 4, 6]],
    ["beside a host", ["host: db.test"], [1, 7, 8]],
    ["beside a port", ["port: 3306"], [1, 7, 8]],
  ])("counts for nothing %s", (_what, more, version) => {
    expect(found(lines("mysql", ...more), version)).toHaveProperty("at.host");
  });
});

describe("TLS of PostgreSQL", () => {
  test.each<[string, string, Version | undefined, string]>([
    ["postgres", "before 1.5.0 goes by lib/pq, which wants TLS", [1, 4, 6], "require"],
    ["postgresql", "before 1.5.0 goes by lib/pq, which wants TLS", [1, 4, 6], "require"],
    ["pgx", "before 1.5.0 has its own driver, which tries TLS", [1, 4, 6], "prefer"],
    ["postgres", "goes by pgx from 1.5.0 on, which tries TLS", [1, 5, 0], "prefer"],
    ["postgresql", "goes by pgx from 1.5.0 on, which tries TLS", [1, 7, 8], "prefer"],
    ["pgx", "tries TLS in every version", [1, 7, 8], "prefer"],
    ["postgresql", "is taken for the newest where nobody knows the version", undefined, "prefer"],
  ])("of type %s without sslmode %s", (type, _what, version, value) => {
    expect(found(remote(type), version)).toMatchObject({ tls: { value, origin: expect.stringMatching(/^default/) } });
  });

  test.each(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])("is as written: %s", (mode) => {
    expect(found(remote("pgx", `sslmode: ${mode}`))).toMatchObject({ tls: { value: mode, origin: "c.yaml:8" } });
  });

  test.each(["verify", "Require", "true", "skip-verify"])(
    "in a mode that the driver does not know is a fault: %s",
    (mode) => {
      expect(found(remote("postgresql", `sslmode: ${mode}`))).toEqual({
        malformed: { value: mode, origin: "c.yaml:8" },
        problem: "no sslmode that the driver knows",
      });
    },
  );

  test.each(["allow", "prefer"])("before 1.5.0 knows no %s, unless of type pgx", (mode) => {
    const fault = { malformed: { value: mode, origin: "c.yaml:8" }, problem: "no sslmode that the driver knows" };
    expect(found(remote("postgres", `sslmode: ${mode}`), [1, 4, 6])).toEqual(fault);
    expect(found(remote("pgx", `sslmode: ${mode}`), [1, 4, 6])).toMatchObject({ tls: { value: mode } });
  });

  test("has certificates since 1.6.6, and their paths are absolute", () => {
    const lines = ["ssl_ca_cert: certs/ca.pem", "ssl_client_cert: /c.pem", "ssl_client_key: /c.key"];
    expect(found(remote("pgx", ...lines), [1, 6, 6])).toMatchObject({
      caFile: "/certs/ca.pem",
      certificate: { certFile: "/c.pem", keyFile: "/c.key" },
    });
    const older = found(remote("pgx", ...lines), [1, 6, 5]);
    expect(older).not.toHaveProperty("caFile");
    expect(older).not.toHaveProperty("certificate");
  });

  test("has no client certificate where its key is not named", () => {
    expect(found(remote("pgx", "ssl_client_cert: /c.pem"))).not.toHaveProperty("certificate");
  });
});

describe("TLS of MySQL", () => {
  test.each<[string, string]>([
    ["true", "verify-full"],
    ["'true'", "verify-full"],
    ["false", "disable"],
    ["skip-verify", "require"],
    ["preferred", "prefer"],
  ])("since 1.6.6 is what its driver makes of sslmode %s: %s", (mode, value) => {
    expect(found(remote("mysql", `sslmode: ${mode}`), [1, 6, 6])).toMatchObject({ tls: { value, origin: "c.yaml:8" } });
  });

  test.each(["true", "verify-full", "nonsense"])("before 1.6.6 is not there, whatever sslmode says: %s", (mode) => {
    expect(found(remote("mysql", `sslmode: ${mode}`), [1, 6, 5])).toMatchObject({
      tls: { value: "disable", origin: expect.stringContaining("1.6.6") },
    });
  });

  test.each(["constructor", "toString"])("is no word of JavaScript's: %s is a fault", (mode) => {
    expect(found(remote("mysql", `sslmode: ${mode}`))).toHaveProperty("malformed");
  });

  test.each(["require", "verify-full", "disable", "prefer"])("knows no word of PostgreSQL: %s is a fault", (mode) => {
    expect(found(remote("mysql", `sslmode: ${mode}`))).toEqual({
      malformed: { value: mode, origin: "c.yaml:8" },
      problem: "no sslmode that the driver knows",
    });
  });

  test("with a CA or a client certificate of its own is verified whatever sslmode says", () => {
    expect(found(remote("mysql", "ssl_ca_cert: /ca.pem", "sslmode: skip-verify"))).toMatchObject({
      tls: { value: "verify-full", origin: "c.yaml:8" },
      caFile: "/ca.pem",
    });
    expect(found(remote("mysql", "ssl_client_cert: /c.pem", "ssl_client_key: /c.key"))).toMatchObject({
      tls: { value: "verify-full" },
      certificate: { certFile: "/c.pem", keyFile: "/c.key" },
    });
  });
});
