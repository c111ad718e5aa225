import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  expectFault,
  findingOf,
  instancesOf,
  lab,
  on,
  preflight,
  restart,
  sql,
  stopClients,
  type Told,
  useDatabase,
} from "./lab.ts";

jest.setTimeout(60_000);

beforeEach(stopClients);
afterEach(async () => {
  await lab("restore");
});

const FOLLOWS = ["lapi-database@lapi", "lapi-database@cscli"];

/** Changes db_config on host `lapi`, without restarting its Local API. */
const configure = (change: string): Promise<string> => on("lapi", `sed -i '${change}' /etc/crowdsec/config.yaml.local`);

/** The tool's database check on host `lapi`, and the report around it. */
const ask = (...flags: readonly string[]) => preflight("lapi", "--skip", "outgoing", ...flags);

test.each([
  { type: "sqlite", says: /SQLite, \d+ MiB free, WAL/ },
  { type: "postgresql", says: /PostgreSQL 15\.\d+, not encrypted; CrowdSec's tables are there/ },
  { type: "mysql", says: /MariaDB 10\.11\.\d+, not encrypted; CrowdSec's tables are there/ },
] as const)("healthy on $type", async ({ type, says }) => {
  await useDatabase(type);
  await stopClients();
  const { report, exitCode } = await preflight("lapi");
  expect(instancesOf(report, "fail", "warn", "unknown")).toEqual([]);
  expect(exitCode).toBe(0);
  expect(findingOf(report, "database").summary).toMatch(says);
});

describe("a Local API that runs and has lost its database", () => {
  test.each([
    { type: "postgresql", service: "postgres" },
    { type: "mysql", service: "mariadbd" },
  ] as const)(
    "$type down: the cause on the Local API's host, and no key or password is blamed anywhere",
    async ({ type, service }) => {
      await useDatabase(type);
      await stopClients();
      await lab("stop", "database", service);
      const [lapi, agent, bouncer] = await Promise.all([preflight("lapi"), preflight("agent"), preflight("bouncer")]);
      expectFault(lapi.report, "database", {
        status: "fail",
        phase: "connect",
        code: "tcp-refused",
        party: "remote-service",
        remedy: /start the database/,
      });
      expect(lapi.report.causes).toHaveLength(1);
      expect(lapi.report.causes[0]).toMatchObject({
        id: "database-tcp-refused",
        explains: expect.arrayContaining(FOLLOWS),
      });
      for (const { report, client } of [
        { report: agent.report, client: "agent" },
        { report: bouncer.report, client: "crowdsec-firewall-bouncer" },
      ]) {
        expectFault(report, `lapi-database@${client}`, {
          status: "fail",
          phase: "login",
          code: "lapi-database-down",
          party: "remote-service",
          remedy: /although their credentials are right/,
        });
      }
      expect(findingOf(bouncer.report, "bouncer-key@crowdsec-firewall-bouncer")).toMatchObject({
        status: "skip",
        because: ["lapi-database@crowdsec-firewall-bouncer"],
      });
      expect(findingOf(agent.report, "database").status).toBe("skip");
      expect(findingOf(agent.report, "database-isolation").status).toBe("pass");
    },
  );
});

test("packets to the database dropped: the network's, and the agent's host has no word of it", async () => {
  await useDatabase("postgresql");
  await stopClients();
  await on(
    "database",
    "nft add table inet scene && nft add chain inet scene input '{ type filter hook input priority 0; }' && nft add rule inet scene input tcp dport 5432 drop",
  );
  const [lapi, agent] = await Promise.all([
    ask("--timeout", "1s"),
    preflight("agent", "--timeout", "1s", "--skip", "outgoing"),
  ]);
  expectFault(lapi.report, "database", {
    status: "fail",
    phase: "connect",
    code: "tcp-timeout",
    party: "network",
    remedy: /only the Local API's host needs it/,
  });
  expect(findingOf(agent.report, "database")).toMatchObject({
    status: "skip",
    reason: expect.stringMatching(/for role lapi/),
  });
  expect(findingOf(agent.report, "database-isolation").status).toBe("pass");
});

interface Scene {
  readonly name: string;
  readonly type: "postgresql" | "mysql";
  readonly prepare: () => Promise<unknown>;
  readonly told: Omit<Told, "status">;
}

const reload = (): Promise<string> => sql("postgres", "SELECT pg_reload_conf()");
const hba = async (line: string): Promise<void> => {
  await on("database", `sed -i 's|^host .*|${line}|' /etc/postgresql/15/main/pg_hba.conf`);
  await reload();
};

const login = (code: string, party: Told["party"], remedy: RegExp): Scene["told"] => ({
  phase: "login",
  code,
  party,
  remedy,
});

describe("each fault of the login is told apart, and explains why the Local API does not come up", () => {
  const scenes: readonly Scene[] = [
    {
      name: "wrong password for PostgreSQL",
      type: "postgresql",
      prepare: () => configure("s/canary-database-password/canary-wrong-password/"),
      told: login("db-auth-failed", "credentials", /password of db_config/),
    },
    {
      name: "wrong password for MariaDB",
      type: "mysql",
      prepare: () => configure("s/canary-database-password/canary-wrong-password/"),
      told: login("db-auth-failed", "credentials", /SELECT user, host/),
    },
    {
      name: "unknown database on PostgreSQL",
      type: "postgresql",
      prepare: async () => {
        await on("database", "sed -i 's/^host  *crowdsec/host all/' /etc/postgresql/15/main/pg_hba.conf");
        await reload();
        await configure("s/db_name: crowdsec/db_name: nosuch/");
      },
      told: login("db-missing-database", "remote-service", /createdb -O crowdsec nosuch/),
    },
    {
      name: "unknown database on MariaDB",
      type: "mysql",
      prepare: async () => {
        await sql("mariadbd", "GRANT ALL ON *.* TO crowdsec@'10.77.%'");
        await configure("s/db_name: crowdsec/db_name: nosuch/");
      },
      told: login("db-missing-database", "remote-service", /mysqladmin create nosuch/),
    },
    {
      name: "no entry in pg_hba.conf",
      type: "postgresql",
      prepare: () => hba("host crowdsec crowdsec 10.77.0.99/32 scram-sha-256"),
      told: login("db-host-denied", "remote-service", /pg_hba\.conf/),
    },
    {
      name: "PostgreSQL demands TLS",
      type: "postgresql",
      prepare: () => hba("hostssl crowdsec crowdsec 10.77.0.0/16 scram-sha-256"),
      told: login("db-tls-required", "configuration", /sslmode: require/),
    },
    {
      name: "PostgreSQL has no TLS and CrowdSec insists",
      type: "postgresql",
      prepare: async () => {
        await on("database", "sed -i 's/^ssl = on/ssl = off/' /etc/postgresql/15/main/postgresql.conf");
        await reload();
        await configure("s/sslmode: disable/sslmode: require/");
      },
      told: { phase: "handshake", code: "db-tls-refused", party: "configuration", remedy: /sslmode: disable/ },
    },
    {
      name: "too many connections",
      type: "postgresql",
      prepare: () => sql("postgres", "ALTER ROLE crowdsec CONNECTION LIMIT 0"),
      told: login("db-too-many-connections", "remote-service", /max_connections/),
    },
    {
      name: "no right to create tables in an empty database",
      type: "postgresql",
      prepare: async () => {
        await sql("postgres", "CREATE DATABASE bare");
        await on("database", "sed -i 's/^host  *crowdsec/host all/' /etc/postgresql/15/main/pg_hba.conf");
        await reload();
        await configure("s/db_name: crowdsec/db_name: bare/");
      },
      told: login("db-no-privilege", "remote-service", /GRANT ALL ON SCHEMA public .* -d bare -v role=crowdsec/),
    },
  ];
  test.each(scenes)("$name", async ({ type, prepare, told }) => {
    await useDatabase(type);
    await stopClients();
    await prepare();
    await restart("lapi", "crowdsec");
    const { report, exitCode } = await ask();
    expect(exitCode).toBe(2);
    expectFault(report, "database", { status: "fail", ...told });
    expect(report.causes[0]).toMatchObject({
      id: `database-${told.code}`,
      explains: expect.arrayContaining(["lapi-reachable@lapi", "lapi-reachable@cscli"]),
    });
    expect(JSON.stringify(report)).not.toMatch(/canary/);
  });
});

test.each([
  {
    name: "PostgreSQL's port given as MySQL",
    type: "postgresql",
    change: "s/type: postgresql/type: mysql/",
    says: /PostgreSQL answers there/,
  },
  {
    name: "MariaDB's port given as PostgreSQL",
    type: "mysql",
    change: "s/type: mysql/type: postgresql/",
    says: /MariaDB/,
  },
] as const)("$name: said without hanging", async ({ type, change, says }) => {
  await useDatabase(type);
  await stopClients();
  await configure(change);
  const { report } = await ask("--timeout", "2s");
  expectFault(report, "database", {
    status: "fail",
    phase: "login",
    code: "db-protocol",
    party: "configuration",
    remedy: /5432 is PostgreSQL's port, 3306 MySQL's/,
    summary: says,
  });
});

test("a missing port is dialed as port 0, and nothing is asked", async () => {
  await useDatabase("postgresql");
  await stopClients();
  await configure("/port: 5432/d");
  const { report } = await ask();
  expectFault(report, "database", {
    status: "fail",
    phase: "host",
    code: "db-address-missing",
    party: "configuration",
    remedy: /5432 is the usual one/,
    summary: /it dials port 0/,
  });
});

test("over TLS, verified against the system's CA store: encrypted", async () => {
  await useDatabase("postgresql");
  await stopClients();
  await configure("s/sslmode: disable/sslmode: verify-full/;s/host: 10.77.0.60/host: database.lab/");
  const { report } = await ask();
  expect(findingOf(report, "database")).toMatchObject({ status: "pass" });
  expect(findingOf(report, "database").summary).toMatch(/PostgreSQL 15\.\d+, encrypted/);
  expect(findingOf(report, "database").layers.map(({ phase }) => phase)).toEqual([
    "resolve",
    "connect",
    "handshake",
    "login",
  ]);
});

test("an agent whose configuration names a networked database is warned, without a login there", async () => {
  await on(
    "agent",
    "printf 'db_config:\\n  type: postgresql\\n  host: 10.77.0.60\\n  port: 5432\\n  user: crowdsec\\n  password: canary-database-password\\n  db_name: crowdsec\\n' >/etc/crowdsec/config.yaml.local",
  );
  // Its agent is stopped here, for the sake of the rows.
  const { report, exitCode } = await preflight("agent", "--skip", "outgoing,lapi,metrics,service");
  expect(exitCode).toBe(0);
  expectFault(report, "database-isolation", {
    status: "warn",
    phase: "host",
    code: "database-needless",
    party: "configuration",
    remedy: /close the database to this host/,
    summary: /It answers from here/,
  });
  expect(findingOf(report, "database").status).toBe("skip");
  expect(JSON.stringify(report)).not.toMatch(/canary/);
});
