import { describe, expect, test } from "@jest/globals";
import check from "../../checks/database.ts";
import type {
  DatabaseAnswered,
  DatabaseCode,
  DatabaseObservation,
  DatabaseQuestion,
  FailureCode,
  PathSeen,
} from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import type { NetworkDatabase, SqliteConfig, Topology } from "../../src/model/topology.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { from, networkDatabase } from "../support/topology.ts";
import { CERTIFICATE, databaseAnswered, failedWith, HEALTHY, resolved } from "../support/world.ts";

const CONFIG = "/etc/crowdsec/config.yaml";
const POSTGRESQL = networkDatabase();
const MYSQL = networkDatabase({
  protocol: "mysql",
  type: from("mysql", `${CONFIG}:38`),
  at: { host: from("db.example", `${CONFIG}:39`), port: from(3306, `${CONFIG}:40`) },
});
const BY_SOCKET = networkDatabase({ at: { socket: from("/run/postgresql/.s.PGSQL.5432", `${CONFIG}:39`) } });
const at = (host: string, port: number): Pick<NetworkDatabase, "at"> => ({
  at: { host: from(host, `${CONFIG}:39`), port: from(port, `${CONFIG}:40`) },
});

const using = (database: Topology["database"], saw: DatabaseObservation = databaseAnswered()): Given => ({
  topology: { database },
  world: { ...HEALTHY, database: () => saw },
});

const FOLDER = "/var/lib/crowdsec/data";
const FILE = `${FOLDER}/crowdsec.db`;
const MIB = 1024 * 1024;
const SQLITE: SqliteConfig = { kind: "sqlite", path: from(FILE, `${CONFIG}:40`) };
const sqlite = (
  folder: Partial<PathSeen> | FailureCode = {},
  file: Partial<PathSeen> | FailureCode = {},
  config: Partial<SqliteConfig> = {},
  user = "root",
): Given => {
  const seen = (what: Partial<PathSeen> | FailureCode) => (typeof what === "string" ? failedWith(what) : what);
  const paths = {
    [FOLDER]: seen(typeof folder === "string" ? folder : { kind: "folder", ...folder }),
    [FILE]: seen(file),
  };
  return { world: { ...HEALTHY, paths }, topology: { user, database: { ...SQLITE, ...config } } };
};

const MALFORMED = { malformed: from("oracle", `${CONFIG}:38`), problem: "none of sqlite, mysql, postgresql" };
const CLOSED = databaseAnswered({ closedTables: ["decisions"] });

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "db-config-invalid": ["host", "fail", "configuration", using(MALFORMED)],
  "db-config-unescaped": [
    "host",
    "fail",
    "configuration",
    using(networkDatabase({ unescaped: from("password", `${CONFIG}:44`) })),
  ],
  "db-address-missing": ["host", "fail", "configuration", using(networkDatabase(at("db.example", 0)))],
  "dns-nxdomain": ["resolve", "fail", "resolver"],
  "dns-nodata": ["resolve", "fail", "resolver"],
  "dns-servfail": ["resolve", "fail", "resolver"],
  "dns-refused": ["resolve", "fail", "resolver"],
  "dns-timeout": ["resolve", "fail", "resolver"],
  "dns-no-resolver": ["resolve", "fail", "resolver"],
  "dns-unreachable": ["resolve", "fail", "resolver"],
  "tcp-refused": ["connect", "fail", "remote-service"],
  "tcp-timeout": ["connect", "fail", "network"],
  "tcp-unreachable": ["connect", "fail", "network"],
  "tcp-reset": ["connect", "fail", "network"],
  "tls-reset": ["handshake", "fail", "network"],
  "tls-stalled": ["handshake", "fail", "network"],
  "tls-not-tls": ["handshake", "fail", "network"],
  "tls-untrusted": ["handshake", "fail", "configuration"],
  "tls-expired": ["handshake", "fail", "remote-service"],
  "tls-not-yet-valid": ["handshake", "fail", "remote-service"],
  "tls-wrong-host": ["handshake", "fail", "configuration"],
  "tls-no-san": ["handshake", "fail", "configuration"],
  "tls-version": ["handshake", "fail", "network"],
  "tls-client-cert": ["handshake", "fail", "configuration"],
  "tls-alert": ["handshake", "fail", "network"],
  "socket-missing": ["connect", "fail", "remote-service", using(BY_SOCKET, failedWith("socket-missing"))],
  "socket-denied": ["connect", "fail", "this-host", using(BY_SOCKET, failedWith("socket-denied"))],
  "db-auth-failed": ["login", "fail", "credentials"],
  "db-host-denied": ["login", "fail", "remote-service"],
  "db-missing-database": ["login", "fail", "remote-service"],
  "db-no-privilege": ["login", "fail", "remote-service"],
  "db-tls-required": ["login", "fail", "configuration"],
  "db-tls-refused": ["login", "fail", "configuration"],
  "db-too-many-connections": ["login", "fail", "remote-service"],
  "db-protocol": ["login", "fail", "configuration"],
  "db-silent": ["login", "fail", "remote-service"],
  "db-unavailable": ["login", "fail", "remote-service"],
  "sqlite-folder-missing": ["host", "fail", "this-host", sqlite("file-missing", "file-missing")],
  "sqlite-not-writable": ["host", "fail", "this-host", sqlite({}, { writable: false })],
  "sqlite-no-space": ["host", "fail", "this-host", sqlite({ freeBytes: 4 * MIB })],
  "sqlite-network-filesystem": ["host", "warn", "this-host", sqlite({ networkFilesystem: "nfs" })],
};

/** The world in which the database, or the way to it, fails like this. */
const failing = (database: NetworkDatabase, code: FailureCode): Given =>
  code.startsWith("dns-")
    ? { topology: { database }, world: { ...HEALTHY, dns: () => failedWith(code) } }
    : using(database, failedWith(code, code.startsWith("tls-") ? { tls: CERTIFICATE } : {}));

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3] ?? failing(POSTGRESQL, code as FailureCode)), code, row);
});

describe("SQLite", () => {
  test("passes with its room and its journal, and its file is never opened", async () => {
    const { findings, asked } = await runIn([check], sqlite({ freeBytes: 900 * MIB }));
    expect(findings).toMatchObject([
      { status: "pass", summary: `${check.title}: SQLite, 900 MiB free, without WAL`, target: { path: FILE } },
    ]);
    expect(new Set(asked)).toEqual(new Set([`path ${FOLDER}`, `path ${FILE}`]));
  });

  test("with WAL says so", async () => {
    const given = sqlite({ freeBytes: 900 * MIB }, {}, { wal: from(true, `${CONFIG}:41`) });
    expect((await findingOf(check, given)).summary).toContain("900 MiB free, WAL");
  });

  test("that is not there yet passes: CrowdSec makes the file, but not its folder", async () => {
    const { status, summary } = await findingOf(check, sqlite({}, "file-missing"));
    expect([status, summary.includes("not there yet: CrowdSec makes it at its first start")]).toEqual(["pass", true]);
    const missing = await findingOf(check, sqlite("file-missing", "file-missing"));
    expect(missing.summary).toContain(`the folder ${FOLDER} of CrowdSec's database (${CONFIG}:40) does not exist`);
    expect(missing.remedy[0]).toMatchObject({ commands: [`mkdir -p ${FOLDER}`], undo: [`rmdir ${FOLDER}`] });
  });

  describe("that cannot be written", () => {
    const CASES: [string, Parameters<typeof sqlite>, RegExp][] = [
      ["the folder is read-only", [{ writable: false }], /no writing to \/var\/lib\/crowdsec\/data$/],
      ["the file is read-only", [{}, { writable: false }], /no writing to the file$/],
      ["the folder may not be entered", ["file-denied", "file-denied"], /words for file-denied$/],
      ["the file may not be seen", [{}, "file-denied"], /words for file-denied$/],
      ["a folder stands in its place", [{}, { kind: "folder" }], /it is no file$/],
    ];
    test.each(CASES)("since %s, is told with why", async (_name, [folder, file], why) => {
      const { fault, summary, remedy } = await findingOf(check, sqlite(folder, file));
      expect([fault?.code, summary]).toEqual(["sqlite-not-writable", expect.stringMatching(why)]);
      expect(remedy[0]?.commands).toEqual([`namei -l ${FILE}`, `findmnt -T ${FOLDER}`]);
    });

    test.each(CASES)("by this user, since %s, is unknown: CrowdSec is another", async (_name, [folder, file]) => {
      const { status, reason } = await findingOf(check, sqlite(folder, file, {}, "nobody"));
      expect([status, reason]).toEqual(["unknown", expect.stringMatching(/^run as root: /)]);
    });
  });

  test.each([
    [201, "pass"],
    [199, "warn"],
    [5, "warn"],
    [4, "fail"],
    [0, "fail"],
  ])("with %d MiB left is a %s", async (mib, status) => {
    const finding = await findingOf(check, sqlite({ freeBytes: mib * MIB }));
    expect(finding.status).toBe(status);
    if (status !== "pass") expect(finding.summary).toBe(`the disk of CrowdSec's database ${FILE} has ${mib} MiB left`);
  });

  test.each<[string, Partial<SqliteConfig>, RegExp]>([
    ["without WAL", {}, /SQLite's locks are not reliable there$/],
    ["with WAL off", { wal: from(false, `${CONFIG}:41`) }, /SQLite's locks are not reliable there$/],
    ["with WAL", { wal: from(true, `${CONFIG}:41`) }, /there, and use_wal \(\S+:41\) makes that worse$/],
  ])("on a network file system is a warning, %s", async (_name, config, said) => {
    const { status, summary } = await findingOf(check, sqlite({ networkFilesystem: "nfs4" }, {}, config));
    expect([status, summary]).toEqual(["warn", expect.stringMatching(said)]);
    expect(summary).toContain("(nfs4)");
  });
});

describe("a networked database", () => {
  test("is asked once, with everything that its configuration says, and its password as a secret", async () => {
    const questions: DatabaseQuestion[] = [];
    const database: World["database"] = (question) => {
      questions.push(question);
      return databaseAnswered();
    };
    const config = networkDatabase({
      caFile: "/etc/ca.pem",
      certificate: { certFile: "/etc/c.pem", keyFile: "/etc/k.pem" },
    });
    const { findings } = await runIn([check], { topology: { database: config }, world: { ...HEALTHY, database } });
    expect(findings[0]?.status).toBe("pass");
    expect(questions).toEqual([
      {
        protocol: "postgresql",
        addresses: ["2001:db8::7", "203.0.113.7"],
        host: "db.example",
        port: 5432,
        tls: "require",
        caFile: "/etc/ca.pem",
        certificate: { certFile: "/etc/c.pem", keyFile: "/etc/k.pem" },
        login: {
          user: "crowdsec",
          password: expect.any(Secret),
          database: "crowdsec_db",
          tables: ["alerts", "bouncers", "decisions", "machines"],
        },
      },
    ]);
    expect(questions[0]?.login?.password.reveal()).toBe("canary-database-password");
  });

  test("behind a socket is asked there, and no name is looked up", async () => {
    const { findings, asked } = await runIn([check], using(BY_SOCKET));
    expect(findings).toMatchObject([{ status: "pass", target: { path: "/run/postgresql/.s.PGSQL.5432" } }]);
    expect(asked).toEqual(["database postgresql /run/postgresql/.s.PGSQL.5432 as crowdsec"]);
  });

  test("whose name does not resolve is not dialed", async () => {
    const { findings, asked } = await runIn([check], failing(POSTGRESQL, "dns-nxdomain"));
    expect(findings[0]?.fault?.code).toBe("dns-nxdomain");
    expect(asked).toEqual(["dns db.example"]);
  });

  test("at an IPv6 address is told in brackets", async () => {
    const given = using(networkDatabase(at("2001:db8::1", 5432)), failedWith("db-silent"));
    expect((await findingOf(check, given)).summary).toMatch(/^\[2001:db8::1\]:5432 accepts the connection/);
  });

  test("that refuses is told with its own words, its own code, and how far it got", async () => {
    const saw = failedWith("db-auth-failed", {
      message: 'password authentication failed for user "crowdsec"',
      sqlState: "28P01",
      layers: [
        { phase: "connect", ok: true, durationMs: 3 },
        { phase: "login", ok: false, durationMs: 9, detail: "28P01" },
      ],
    });
    const { summary, fault, layers } = await findingOf(check, using(POSTGRESQL, saw));
    expect(summary).toBe(
      'the database db.example:5432 refuses user crowdsec with the configured password: password authentication failed for user "crowdsec"',
    );
    expect(fault?.sqlState).toBe("28P01");
    expect(layers.map(({ phase, ok }) => [phase, ok])).toEqual([
      ["resolve", true],
      ["connect", true],
      ["login", false],
    ]);
  });
});

describe("what is missing in db_config", () => {
  test.each<[string, Partial<NetworkDatabase>, string]>([
    ["host", at("", 5432), "db_config (/etc/crowdsec/config.yaml:39) has no host, and CrowdSec has no default for it"],
    [
      "port",
      at("db.example", 0),
      "db_config (/etc/crowdsec/config.yaml:40) has no port, and CrowdSec has no default for it: it dials port 0",
    ],
    [
      "user",
      { user: from("", `${CONFIG}:38`) },
      "db_config (/etc/crowdsec/config.yaml:38) has no user, and CrowdSec has no default for it",
    ],
    [
      "db_name",
      { name: from("", `${CONFIG}:38`) },
      "db_config (/etc/crowdsec/config.yaml:38) has no db_name, and CrowdSec has no default for it",
    ],
  ])("%s is told, and nothing is asked", async (missing, rest, summary) => {
    const { findings, asked } = await runIn([check], using(networkDatabase(rest)));
    expect(findings[0]).toMatchObject({ fault: { code: "db-address-missing" }, summary });
    expect(findings[0]?.remedy[0]?.text).toContain(`Write db_config.${missing}; `);
    expect(asked).toEqual([]);
  });

  test.each([
    [POSTGRESQL, "5432"],
    [MYSQL, "3306"],
  ])("the usual port is that of its own protocol: %#", async (config, usual) => {
    const { remedy } = await findingOf(check, using({ ...config, ...at("db.example", 0) }));
    expect(remedy[0]?.text).toBe(`Write db_config.port; ${usual} is the usual one.`);
  });

  test("a value that cannot be used is told with its place, and nothing is asked", async () => {
    const { findings, asked } = await runIn([check], using(MALFORMED));
    expect(findings[0]?.summary).toBe(
      `db_config (${CONFIG}:38) is oracle, which is none of sqlite, mysql, postgresql: CrowdSec does not start with it`,
    );
    expect(asked).toEqual([]);
  });
});

/** Of each protocol: what its own remedy runs. A code that is mended alike, or without a command, has none. */
const COMMANDS: Record<DatabaseCode, { readonly postgresql?: RegExp; readonly mysql?: RegExp }> = {
  "db-auth-failed": { postgresql: /^runuser -u postgres -- psql$/, mysql: /^mysql -e .*mysql\.user/ },
  "db-host-denied": {
    postgresql: /SHOW hba_file/,
    mysql: /^mysqladmin flush-hosts$/,
  },
  "db-missing-database": {
    postgresql: /createdb -O crowdsec crowdsec_db$/,
    mysql: /^mysqladmin create crowdsec_db$/,
  },
  "db-no-privilege": {
    postgresql: /GRANT ALL ON SCHEMA public .*psql -d crowdsec_db -v role=crowdsec$/,
    mysql: /mysql\.user/,
  },
  "db-tls-required": {},
  "db-tls-refused": {},
  "db-too-many-connections": { postgresql: /pg_stat_activity/, mysql: /SHOW PROCESSLIST/ },
  "db-protocol": {},
  "db-silent": { postgresql: /sport = :5432/, mysql: /sport = :3306/ },
  "db-unavailable": { postgresql: /^systemctl status postgresql/, mysql: /^systemctl status .*mariadb/ },
};

describe.each(Object.entries(COMMANDS))("%s", (code, rows) => {
  test.each(["postgresql", "mysql"] as const)(
    "is mended with the tools of %s, and with no other's",
    async (protocol) => {
      const config = protocol === "mysql" ? MYSQL : POSTGRESQL;
      const { remedy } = await findingOf(check, failing(config, code as DatabaseCode));
      expect(remedy).toHaveLength(1);
      const commands = remedy.flatMap((each) => each.commands ?? []);
      const wanted = rows[protocol];
      if (wanted) expect(commands).toContainEqual(expect.stringMatching(wanted));
      else expect(commands).toEqual([]);
      const others = protocol === "mysql" ? /^(runuser|echo) / : /^mysql(admin)? /;
      expect(commands.filter((command) => others.test(command))).toEqual([]);
      // What a command makes, another takes back.
      const makes = commands.some((command) => /create|GRANT/.test(command));
      expect(remedy[0]?.undo?.length ?? 0).toBe(makes ? 1 : 0);
    },
  );
});

test("a socket is mended with its path, not with a port that it does not have", async () => {
  for (const code of ["socket-missing", "socket-denied", "tcp-refused", "db-silent", "db-protocol"] as const) {
    const { summary, remedy } = await findingOf(check, failing(BY_SOCKET, code));
    const text = JSON.stringify([summary, remedy]);
    expect([code, /sport = :'|:0\b|ports? \(|_port/.test(text)]).toEqual([code, false]);
  }
});

describe("the tables of a login that went well", () => {
  const ALL = ["alerts", "bouncers", "decisions", "machines"];
  test.each<[string, Partial<DatabaseAnswered>, "pass" | "fail", RegExp]>([
    ["all there", {}, "pass", /PostgreSQL 15\.8, encrypted; CrowdSec's tables are there$/],
    ["not encrypted", { encrypted: false }, "pass", /PostgreSQL 15\.8, not encrypted; /],
    ["all there, and more", { tables: [...ALL, "events", "metas"] }, "pass", /are there$/],
    ["all there, and may create none", { mayCreate: false }, "pass", /are there$/],
    ["empty, and may create", { tables: [] }, "pass", /; empty, CrowdSec makes its tables at its first start$/],
    [
      "empty, and may create none",
      { tables: [], mayCreate: false },
      "fail",
      /tables alerts, bouncers, decisions, machines are missing, and it may create none$/,
    ],
    [
      "one missing, and may create none",
      { tables: ALL.slice(1), mayCreate: false },
      "fail",
      /tables alerts are missing, and it may create none$/,
    ],
    [
      "closed",
      { closedTables: ["decisions", "alerts"] },
      "fail",
      /tables decisions, alerts may not be read and written$/,
    ],
  ])("%s", async (_name, rest, status, said) => {
    const { fault, ...finding } = await findingOf(check, using(POSTGRESQL, databaseAnswered(rest)));
    expect([finding.status, finding.summary]).toEqual([status, expect.stringMatching(said)]);
    expect(fault?.code).toBe(status === "fail" ? "db-no-privilege" : undefined);
  });

  test("that could not be listed are no fault, and that is told", async () => {
    const { tables: _tables, closedTables: _closed, mayCreate: _may, ...saw } = databaseAnswered();
    const { status, summary } = await findingOf(check, using(POSTGRESQL, saw));
    expect([status, summary]).toEqual(["pass", expect.stringMatching(/its tables could not be listed$/)]);
  });

  test("of which some are missing where it may create are not said to be there", async () => {
    const { summary } = await findingOf(check, using(POSTGRESQL, databaseAnswered({ tables: ALL.slice(2) })));
    expect(summary).not.toContain("CrowdSec's tables are there");
  });

  test("closed ones are mended at the database, in its own way", async () => {
    const { remedy, fault } = await findingOf(check, using(MYSQL, CLOSED));
    expect([fault?.phase, remedy.length]).toEqual(["login", 1]);
    expect(remedy[0]?.commands?.join()).toContain("mysql -e");
  });
});

describe("what cannot be judged", () => {
  test.each<[string, Partial<Topology>, "skip" | "unknown", string]>([
    ["a configuration that may not be read", { database: { hidden: "run as root: x" } }, "unknown", "run as root: x"],
    ["no configuration", { database: { absent: "none here" } }, "skip", "not applicable: none here"],
    [
      "a host without a Local API, which has no business at its database",
      { roles: [from("agent", "--role")], database: POSTGRESQL },
      "skip",
      "not applicable: for role lapi; this host is agent",
    ],
  ])("%s", async (_name, topology, status, reason) => {
    const { findings, asked } = await runIn([check], { topology });
    expect(findings).toMatchObject([{ status, reason }]);
    expect(asked).toEqual([]);
  });

  test("a code that no sentence knows is unknown, in the system's words", async () => {
    expect(await findingOf(check, using(POSTGRESQL, failedWith("file-missing")))).toMatchObject({
      status: "unknown",
      reason: "file-missing: the system's words for file-missing",
    });
  });
});

test("a name with several addresses hands all of them on", async () => {
  const world = { ...HEALTHY, dns: () => resolved("10.0.0.1", "10.0.0.2") };
  let asked: DatabaseQuestion["addresses"] = [];
  const database: World["database"] = ({ addresses }) => {
    asked = addresses;
    return databaseAnswered();
  };
  await findingOf(check, { topology: { database: POSTGRESQL }, world: { ...world, database } });
  expect(asked).toEqual(["10.0.0.1", "10.0.0.2"]);
});
