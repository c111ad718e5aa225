import net from "node:net";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import type { DatabaseObservation, DatabaseQuestion, FailureCode } from "../../src/model/observation.ts";
import { probeDatabase } from "../../src/probes/database.ts";
import { signEd25519 } from "../../src/probes/mariadb-ed25519.ts";
import { type LeafName, makeCertificates } from "../support/certificates.ts";
import { greeting, login, type MysqlScript, mysql, mysqlError, PASSWORD, packet, USER } from "../support/databases.ts";
import { createServers } from "../support/servers.ts";

const certificates = makeCertificates();
afterAll(certificates.remove);
const servers = createServers();
afterEach(servers.close);

const ask = async (
  server: net.Server,
  question: Partial<DatabaseQuestion> = {},
  timeoutMs = 3000,
): Promise<DatabaseObservation> => {
  const port = await servers.listen(server);
  return probeDatabase(
    {
      protocol: "mysql",
      addresses: ["127.0.0.1"],
      port,
      host: "lapi.test",
      tls: "disable",
      login: login(),
      ...question,
    },
    { timeoutMs, signal: new AbortController().signal },
  );
};

const MARIADB = "5.5.5-10.11.6-MariaDB-0+deb12u1";
const QUERIES: MysqlScript["queries"] = {
  "VERSION()": [["10.11.6-MariaDB-0+deb12u1", `${USER}@%`]],
  "information_schema.TABLES": [["bouncers"], ["Machines"]],
  USER_PRIVILEGES: [[`'${USER}'@'%'`]],
  CURRENT_ROLE: [[null]],
};
const shown = certificates.leaves.good;

test("a login tells the server's version, the tables that are there, and whether one may be made", async () => {
  const { server, log } = mysql({ version: MARIADB, queries: QUERIES });
  const saw = await ask(server);
  expect(saw).toMatchObject({
    ok: true,
    address: "127.0.0.1",
    encrypted: false,
    server: "MariaDB 10.11.6",
    tables: ["machines", "bouncers"],
    mayCreate: true,
    layers: [
      { phase: "connect", ok: true, detail: "127.0.0.1" },
      { phase: "login", ok: true, detail: "MariaDB 10.11.6" },
    ],
  });
  expect(saw).not.toHaveProperty("closedTables");
  expect(log).toMatchObject({ connections: 1, logins: 1, farewells: 1, startups: [{ user: USER }] });
});

test("nothing is written: all queries read, in one read-only transaction that is rolled back", async () => {
  const { server, log } = mysql({ queries: QUERIES });
  await ask(server);
  expect(log.queries.at(0)).toBe("START TRANSACTION READ ONLY");
  expect(log.queries.at(-1)).toBe("ROLLBACK");
  expect(log.queries.slice(1, -1)).toHaveLength(4);
  for (const query of log.queries.slice(1, -1)) expect(query).toMatch(/^SELECT /);
});

test.each<[string, MysqlScript["queries"], boolean | undefined]>([
  ["may make a table by a grant", {}, true],
  ["may not make a table without one", { USER_PRIVILEGES: [] }, false],
  ["may not make a table by another's grant", { USER_PRIVILEGES: [["'crowdsec'@'10.%'"]] }, false],
  ["may perhaps make a table by a role", { USER_PRIVILEGES: [], CURRENT_ROLE: [["`r`@`%`"]] }, undefined],
  ["may not make a table without an active role", { USER_PRIVILEGES: [], CURRENT_ROLE: [["NONE"]] }, false],
  [
    "may not make a table where there are no roles",
    { USER_PRIVILEGES: [], CURRENT_ROLE: mysqlError(1305, "no", "42000") },
    false,
  ],
  [
    "may perhaps make a table when the grants are not told",
    { USER_PRIVILEGES: mysqlError(1142, "no", "42000") },
    undefined,
  ],
])("a user %s", async (_what, queries, mayCreate) => {
  const { server } = mysql({ queries: { ...QUERIES, ...queries } });
  const saw = await ask(server);
  expect(saw.ok && saw.mayCreate).toBe(mayCreate);
});

test("a query that fails leaves its field out, and the login stays good", async () => {
  const { server, log } = mysql({ version: "8.0.39-0ubuntu0.22.04.1", queries: {} });
  const saw = await ask(server);
  expect(saw).toMatchObject({ ok: true, server: "MySQL 8.0.39" });
  for (const field of ["tables", "mayCreate"]) expect(saw).not.toHaveProperty(field);
  expect(log.farewells).toBe(1);
});

test("a query that is never answered ends with the time limit, and the login stays good", async () => {
  const { server } = mysql({ queries: { ...QUERIES, USER_PRIVILEGES: "silence" } });
  expect(await ask(server, {}, 400)).toMatchObject({ ok: true, tables: ["machines", "bouncers"] });
});

test("without a login the server's greeting is read, and nothing sent", async () => {
  let bytes = 0;
  const server = net.createServer((socket) => {
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.write(greeting("11.4.2-MariaDB-ubu2404"));
  });
  const port = await servers.listen(server);
  const saw = await probeDatabase(
    { protocol: "mysql", addresses: ["127.0.0.1"], port, host: "lapi.test", tls: "disable" },
    { timeoutMs: 3000, signal: new AbortController().signal },
  );
  expect(saw).toMatchObject({ ok: true, encrypted: false, server: "MariaDB 11.4.2" });
  expect(saw.layers?.map(({ phase }) => phase)).toEqual(["connect", "response"]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(bytes).toBe(0);
});

test.each<[string, number, string, FailureCode]>([
  ["a wrong password", 1045, "28000", "db-auth-failed"],
  ["an account without a password login", 1698, "28000", "db-auth-failed"],
  ["a locked account of MySQL", 3118, "HY000", "db-auth-failed"],
  ["a locked account of MariaDB", 4151, "HY000", "db-auth-failed"],
  ["a missing database", 1049, "42000", "db-missing-database"],
  ["a database that is not this user's", 1044, "42000", "db-no-privilege"],
  ["too many connections", 1040, "08004", "db-too-many-connections"],
  ["too many connections of this user", 1203, "42000", "db-too-many-connections"],
  ["too many connections of this user in an hour", 1226, "42000", "db-too-many-connections"],
  ["a server that demands TLS", 3159, "HY000", "db-tls-required"],
  ["a server that is told to stop", 1053, "08S01", "db-unavailable"],
])("%s is told by its number", async (_what, number, sqlState, code) => {
  const { server } = mysql({ plain: mysqlError(number, "in a language that nobody reads", sqlState) });
  expect(await ask(server)).toMatchObject({
    ok: false,
    phase: "login",
    code,
    sqlState,
    message: `Error ${number} (${sqlState}): in a language that nobody reads`,
  });
});

test.each<[string, number, FailureCode]>([
  ["a host that is not allowed", 1130, "db-host-denied"],
  ["a host that is blocked", 1129, "db-host-denied"],
  ["too many connections", 1040, "db-too-many-connections"],
])("%s is told in place of the greeting", async (_what, number, code) => {
  const server = net.createServer((socket) => socket.end(packet(0, mysqlError(number, "go away"))));
  const saw = await ask(server);
  expect(saw).toMatchObject({ ok: false, phase: "login", code, message: `Error ${number}: go away` });
  expect(saw).not.toHaveProperty("sqlState");
});

test("a wrong password is tried once with a server without TLS", async () => {
  const { server, log } = mysql({ password: "another" });
  expect(await ask(server)).toMatchObject({ code: "db-auth-failed", sqlState: "28000" });
  expect(log).toMatchObject({ connections: 1, logins: 0 });
});

test("a password that a server repeats is shown to nobody", async () => {
  const { server } = mysql({ plain: mysqlError(1045, `no to ${PASSWORD}`, "28000") });
  const saw = await ask(server);
  expect(saw).toMatchObject({ message: "Error 1045 (28000): no to [secret]" });
  expect(JSON.stringify(saw)).not.toContain(PASSWORD);
});

describe("ways to log in", () => {
  const scramble = Buffer.from("0123456789abcdef0123456789abcdef");

  test("caching_sha2_password, known to the server already", async () => {
    const { server, log } = mysql({ plugin: "caching_sha2_password", queries: QUERIES });
    expect(await ask(server)).toMatchObject({ ok: true });
    expect(log.passwords).toEqual([]);
  });

  test("caching_sha2_password, in full over TLS", async () => {
    const { server, log } = mysql({ plugin: "caching_sha2_password", shown, queries: QUERIES });
    expect(await ask(server, { tls: "require" })).toMatchObject({ ok: true, encrypted: true });
    expect(log.passwords).toEqual([PASSWORD]);
  });

  test("MariaDB's ed25519", async () => {
    const { server } = mysql({
      switchTo: ["client_ed25519", scramble],
      switched: (answer) => answer.equals(signEd25519(PASSWORD, scramble)),
      queries: QUERIES,
    });
    expect(await ask(server)).toMatchObject({ ok: true });
  });

  test("sha256_password over TLS", async () => {
    const { server } = mysql({
      shown,
      switchTo: ["sha256_password", Buffer.concat([scramble.subarray(0, 20), Buffer.from([0])])],
      switched: (answer) => answer.equals(Buffer.from(`${PASSWORD}\0`)),
      queries: QUERIES,
    });
    expect(await ask(server, { tls: "require" })).toMatchObject({ ok: true });
  });

  test.each(["dialog", "mysql_clear_password", "toString", "\u001b[2J"])(
    "%j is not spoken, and no password sent",
    async (plugin) => {
      let answered = false;
      const { server } = mysql({
        switchTo: [plugin, Buffer.from("x")],
        switched: () => {
          answered = true;
          return true;
        },
      });
      const saw = await ask(server);
      expect(saw).toMatchObject({
        ok: false,
        code: "db-auth-failed",
        message: expect.stringContaining("the server wants a login by"),
      });
      expect(JSON.stringify(saw)).not.toContain("\\u001b");
      expect(answered).toBe(false);
    },
  );
});

describe("TLS", () => {
  const caFile = certificates.caFile;

  test.each([
    ["prefer", "byStranger", {}],
    ["require", "expired", {}],
    ["require", "otherName", { caFile }],
    ["verify-ca", "otherName", { caFile }],
    ["verify-full", "good", { caFile }],
  ] as const)("%s takes the certificate %s", async (mode, leaf, more) => {
    const { server, log } = mysql({ shown: certificates.leaves[leaf], queries: QUERIES });
    const saw = await ask(server, { tls: mode, ...more });
    expect(saw).toMatchObject({ ok: true, encrypted: true });
    expect(saw.layers?.map(({ phase, detail }) => [phase, detail])).toEqual([
      ["connect", "127.0.0.1"],
      ["handshake", "TLSv1.3"],
      ["login", "MariaDB 10.11.6"],
    ]);
    // SSLRequest was packet 1.
    expect(log).toMatchObject({ connections: 1, farewells: 1, startups: [{ number: "2", secure: "true" }] });
  });

  test.each<["require" | "verify-ca" | "verify-full", LeafName, FailureCode]>([
    ["require", "byStranger", "tls-untrusted"],
    ["verify-ca", "byStranger", "tls-untrusted"],
    ["verify-full", "otherName", "tls-wrong-host"],
    ["verify-full", "expired", "tls-expired"],
  ])("%s with a CA refuses the certificate %s, and sends nothing more", async (mode, leaf, code) => {
    const { server, log } = mysql({ shown: certificates.leaves[leaf] });
    const saw = await ask(server, { tls: mode, caFile });
    expect(saw).toMatchObject({ ok: false, phase: "handshake", code, tls: { protocol: "TLSv1.3" } });
    expect(log.startups).toEqual([]);
  });

  test.each(["require", "verify-full"] as const)("%s is refused by a server without TLS", async (mode) => {
    const { server, log } = mysql();
    expect(await ask(server, { tls: mode })).toMatchObject({ ok: false, phase: "handshake", code: "db-tls-refused" });
    expect(log.startups).toEqual([]);
  });

  test("prefer goes on in plain with a server without TLS", async () => {
    const { server, log } = mysql({ queries: QUERIES });
    expect(await ask(server, { tls: "prefer" })).toMatchObject({ ok: true, encrypted: false });
    expect(log).toMatchObject({ connections: 1, logins: 1 });
  });

  test("allow goes on over TLS where the server demands it", async () => {
    const { server, log } = mysql({ shown, plain: mysqlError(3159, "insecure", "HY000"), queries: QUERIES });
    expect(await ask(server, { tls: "allow" })).toMatchObject({ ok: true, encrypted: true });
    expect(log).toMatchObject({ connections: 2, logins: 1 });
  });

  const DENIED = mysqlError(1045, "Access denied", "28000");

  test("an account that demands TLS refuses as a wrong password is refused, and is told from it", async () => {
    const { server, log } = mysql({ shown, plain: DENIED });
    expect(await ask(server)).toMatchObject({ ok: false, phase: "login", code: "db-tls-required", sqlState: "28000" });
    expect(log).toMatchObject({ connections: 2, logins: 1, queries: [], farewells: 1 });
  });

  test("a password that is wrong over TLS too is wrong", async () => {
    const { server, log } = mysql({ shown, plain: DENIED, secure: DENIED });
    expect(await ask(server)).toMatchObject({ ok: false, code: "db-auth-failed" });
    expect(log).toMatchObject({ connections: 2, logins: 0 });
  });
});

test("a greeting that takes longer than a PostgreSQL server is given is waited for, on another connection", async () => {
  const { server, log } = mysql({ version: MARIADB, greetsAfter: 700, queries: QUERIES });
  expect(await ask(server, {}, 1000)).toMatchObject({ ok: true, server: "MariaDB 10.11.6" });
  expect(log).toMatchObject({ connections: 2, logins: 1 });
});

describe("a server that is not one", () => {
  /** Greets, and answers the login so. */
  const answering = (bytes: Buffer): net.Server =>
    net.createServer((socket) => {
      socket.write(greeting());
      socket.once("data", () => socket.write(bytes));
    });

  test.each<[string, Buffer]>([
    ["a packet out of order", packet(9, Buffer.from([0, 0, 0, 2, 0, 0, 0]))],
    ["an empty packet", packet(2)],
    ["an error cut short", packet(2, Buffer.from([0xff, 1]))],
    ["a huge length", Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 2]), Buffer.alloc(1000)])],
    ["half a packet", packet(2, Buffer.alloc(200)).subarray(0, 50)],
  ])("%s is no answer of MySQL", async (_what, bytes) => {
    expect(await ask(answering(bytes), {}, 400)).toMatchObject({ ok: false, phase: "login", code: "db-protocol" });
  });

  test.each<[string, Buffer]>([
    ["more data for no method", packet(2, Buffer.from([1, 4]))],
    ["a packet of no kind", packet(2, Buffer.from([0x77, 1, 2, 3]))],
    ["a switch to nothing", packet(2, Buffer.from([0xfe]))],
    [
      "an end, then much more",
      Buffer.concat([packet(2, Buffer.from([0, 0, 0, 2, 0, 0, 0])), Buffer.alloc(5000, 0x41)]),
    ],
    [
      "an end, then an error cut short",
      Buffer.concat([packet(2, Buffer.from([0, 0, 0, 2, 0, 0, 0])), packet(3, Buffer.from([0xff]))]),
    ],
  ])("%s ends in an answer, not in a crash", async (_what, bytes) => {
    const saw = await ask(answering(bytes), {}, 400);
    expect(typeof saw.ok).toBe("boolean");
  });

  test.each<[string, Buffer]>([
    ["of an old protocol", packet(0, Buffer.from([9]), "3.20.0\0")],
    ["without capabilities", packet(0, Buffer.from([10]), "8.0.39\0", Buffer.alloc(13))],
    ["of a client before 4.1", packet(0, Buffer.from([10]), "4.0.0\0", Buffer.alloc(40))],
    ["without an end", packet(0, Buffer.from([10]), "8".repeat(60))],
    ["that is longer than any", Buffer.concat([Buffer.from([0xff, 0xff, 0, 0, 10]), Buffer.alloc(100, 0x38)])],
    ["with more behind it", Buffer.concat([greeting(), greeting()])],
  ])("a greeting %s is none", async (_what, bytes) => {
    const server = net.createServer((socket) => socket.write(bytes));
    expect(await ask(server, {}, 400)).toMatchObject({ ok: false, phase: "login", code: "db-protocol" });
  });

  test("half a greeting, then silence, is none", async () => {
    const server = net.createServer((socket) => socket.write(greeting().subarray(0, 30)));
    expect(await ask(server, {}, 400)).toMatchObject({ ok: false, code: "db-protocol" });
  });

  test("a server that talks without end is cut off", async () => {
    const row = packet(1, Buffer.alloc(60_000, 0x61));
    const server = net.createServer((socket) => {
      const pour = (): void => {
        while (socket.writable && socket.write(row)) {}
      };
      socket.write(greeting());
      socket.on("drain", pour).once("data", pour);
    });
    expect(await ask(server)).toMatchObject({ ok: false, code: "db-protocol" });
  });

  test("a server that greets and then says nothing is silent", async () => {
    const server = net.createServer((socket) => socket.write(greeting()));
    expect(await ask(server, {}, 300)).toMatchObject({ phase: "login", code: "db-silent" });
  });

  test("a file of this host is neither offered nor read for a server that asks for it", async () => {
    const { server, log } = mysql({ queries: { "VERSION()": Buffer.from("\u00fb/etc/hostname", "latin1") } });
    const saw = await ask(server, {}, 500);
    expect(saw).toMatchObject({ ok: true, server: "MySQL 8.0.39" });
    expect(log.startups).toMatchObject([{ givesFiles: "false" }]);
    expect(log.queries.at(-1)).toContain("VERSION()");
  });
});
