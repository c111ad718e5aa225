import net from "node:net";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import type { DatabaseObservation, DatabaseQuestion, FailureCode } from "../../src/model/observation.ts";
import { probeDatabase } from "../../src/probes/database.ts";
import { type LeafName, makeCertificates } from "../support/certificates.ts";
import {
  AUTHENTICATED,
  login,
  message,
  PASSWORD,
  type PgScript,
  pgError,
  postgresql,
  USER,
} from "../support/databases.ts";
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
      protocol: "postgresql",
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

const QUERIES: PgScript["queries"] = {
  "version()": [["PostgreSQL 15.8 (Debian 15.8-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc"]],
  has_schema_privilege: [["t"]],
  pg_class: [
    ["bouncers", "f"],
    ["machines", "t"],
  ],
};
const shown = certificates.leaves.good;
const NO_LINE = pgError("28000", "no pg_hba.conf entry", "ClientAuthentication");

test("a login tells the server's version, the tables that are there, those that are closed, and whether one may be made", async () => {
  const { server, log } = postgresql({ password: PASSWORD, queries: QUERIES });
  const saw = await ask(server);
  expect(saw).toMatchObject({
    ok: true,
    address: "127.0.0.1",
    encrypted: false,
    server: "PostgreSQL 15.8",
    tables: ["machines", "bouncers"],
    closedTables: ["bouncers"],
    mayCreate: true,
    layers: [
      { phase: "connect", ok: true, detail: "127.0.0.1" },
      { phase: "login", ok: true, detail: "PostgreSQL 15.8" },
    ],
  });
  expect(log).toMatchObject({ connections: 1, logins: 1, passwords: [PASSWORD], farewells: 1 });
  expect(log.startups).toEqual([{ user: USER, database: "crowdsec", client_encoding: "UTF8" }]);
});

test("nothing is written: every query stands in a read-only transaction that is rolled back", async () => {
  const { server, log } = postgresql({ queries: QUERIES });
  await ask(server);
  expect(log.queries).toHaveLength(3);
  for (const query of log.queries) expect(query).toMatch(/^BEGIN READ ONLY; SELECT [^;]*; ROLLBACK$/);
});

test("a query that fails leaves its field out, and the login stays good", async () => {
  const { server, log } = postgresql({
    queries: {
      ...QUERIES,
      pg_class: pgError("42P01", "no such catalogue"),
      has_schema_privilege: pgError("42883", "no"),
    },
  });
  const saw = await ask(server);
  expect(saw).toMatchObject({ ok: true, server: "PostgreSQL 15.8" });
  for (const field of ["tables", "closedTables", "mayCreate"]) expect(saw).not.toHaveProperty(field);
  expect(log.farewells).toBe(1);
});

test("a query that is never answered ends with the time limit, and the login stays good", async () => {
  const { server } = postgresql({ queries: { ...QUERIES, has_schema_privilege: "silence" } });
  const saw = await ask(server, {}, 400);
  expect(saw).toMatchObject({ ok: true, server: "PostgreSQL 15.8" });
  expect(saw).not.toHaveProperty("tables");
});

test("without a login the server is only asked whether it has TLS", async () => {
  const { server, log } = postgresql({ password: PASSWORD });
  const port = await servers.listen(server);
  const saw = await probeDatabase(
    { protocol: "postgresql", addresses: ["127.0.0.1"], port, host: "lapi.test", tls: "disable" },
    { timeoutMs: 3000, signal: new AbortController().signal },
  );
  expect(saw).toMatchObject({ ok: true, encrypted: false, server: "PostgreSQL" });
  expect(saw.layers?.map(({ phase }) => phase)).toEqual(["connect", "response"]);
  expect(log).toMatchObject({ startups: [], logins: 0 });
});

test.each<[string, string, string, FailureCode]>([
  ["a wrong password", "28P01", "auth_failed", "db-auth-failed"],
  ["a failed peer login", "28000", "auth_failed", "db-auth-failed"],
  ["an unknown role", "28000", "InitializeSessionUserId", "db-auth-failed"],
  ["a host without a line in pg_hba.conf", "28000", "ClientAuthentication", "db-host-denied"],
  ["a missing database", "3D000", "InitPostgres", "db-missing-database"],
  ["a database that may not be connected to", "42501", "CheckMyDatabase", "db-no-privilege"],
  ["too many connections", "53300", "InitProcess", "db-too-many-connections"],
  ["too many connections of this role", "53300", "InitializeSessionUserId", "db-too-many-connections"],
  ["a server that starts up", "57P03", "ProcessStartupPacket", "db-unavailable"],
  ["a server that is told to stop", "57P01", "ProcessInterrupts", "db-unavailable"],
])("%s is told by its code", async (_what, sqlState, routine, code) => {
  const { server } = postgresql({ plain: pgError(sqlState, "in a language that nobody reads", routine) });
  const saw = await ask(server);
  expect(saw).toMatchObject({ ok: false, phase: "login", code, sqlState, message: "in a language that nobody reads" });
  expect(saw.layers?.map(({ phase, ok }) => [phase, ok])).toEqual([
    ["connect", true],
    ["login", false],
  ]);
});

test("a wrong password is sent once", async () => {
  const { server, log } = postgresql({ password: "another" });
  expect(await ask(server)).toMatchObject({ code: "db-auth-failed", sqlState: "28P01" });
  expect(log).toMatchObject({ connections: 1, passwords: [PASSWORD], logins: 0 });
});

test("a server that asks for a password where none is configured is told so, and gets none", async () => {
  const { server, log } = postgresql({ password: PASSWORD });
  expect(await ask(server, { login: login("") })).toMatchObject({
    code: "db-auth-failed",
    message: "the server asks for a password, and there is none",
  });
  expect(log.passwords).toEqual([]);
});

test.each([
  [7, "GSSAPI"],
  [9, "SSPI"],
])("a server that wants authentication number %i is told by its name", async (number, name) => {
  const server = net.createServer((socket) =>
    socket.once("data", () => socket.write(message("R", Buffer.from([0, 0, 0, number])))),
  );
  expect(await ask(server)).toMatchObject({ code: "db-auth-failed", message: `the server wants a login by ${name}` });
});

test("a password that a server repeats is shown to nobody", async () => {
  const { server } = postgresql({ plain: pgError("28P01", `the password ${PASSWORD} is wrong`) });
  const saw = await ask(server);
  expect(saw).toMatchObject({ message: "the password [secret] is wrong" });
  expect(JSON.stringify(saw)).not.toContain(PASSWORD);
});

test("control characters of a server's words do not reach the terminal", async () => {
  const { server } = postgresql({ plain: pgError("28P01", `\u001b[2J${"x".repeat(2000)}`) });
  const saw = await ask(server);
  expect(saw).toMatchObject({ code: "db-auth-failed", message: expect.stringMatching(/^\[2Jx{250,}…$/) });
});

describe("TLS", () => {
  const caFile = certificates.caFile;

  test.each([
    ["prefer", "byStranger", {}],
    ["require", "expired", {}],
    ["require", "otherName", { caFile }],
    ["verify-ca", "otherName", { caFile }],
    ["verify-ca", "commonNameOnly", { caFile }],
    ["verify-full", "good", { caFile }],
  ] as const)("%s takes the certificate %s", async (mode, leaf, more) => {
    const { server, log } = postgresql({ shown: certificates.leaves[leaf], password: PASSWORD, queries: QUERIES });
    const saw = await ask(server, { tls: mode, ...more });
    expect(saw).toMatchObject({ ok: true, encrypted: true, server: "PostgreSQL 15.8" });
    expect(saw.layers?.map(({ phase, detail }) => [phase, detail])).toEqual([
      ["connect", "127.0.0.1"],
      ["handshake", "TLSv1.3"],
      ["login", "PostgreSQL 15.8"],
    ]);
    expect(log).toMatchObject({ connections: 1, logins: 1, farewells: 1 });
  });

  test.each<["require" | "verify-ca" | "verify-full", LeafName, FailureCode]>([
    ["require", "byStranger", "tls-untrusted"],
    ["require", "expired", "tls-expired"],
    ["verify-ca", "byStranger", "tls-untrusted"],
    ["verify-ca", "byExpiredIntermediate", "tls-expired"],
    ["verify-full", "byStranger", "tls-untrusted"],
    ["verify-full", "otherName", "tls-wrong-host"],
    ["verify-full", "commonNameOnly", "tls-no-san"],
    ["verify-full", "notYetValid", "tls-not-yet-valid"],
  ])("%s with a CA refuses the certificate %s, and sends nothing more", async (mode, leaf, code) => {
    const { server, log } = postgresql({ shown: certificates.leaves[leaf], password: PASSWORD });
    const saw = await ask(server, { tls: mode, caFile });
    expect(saw).toMatchObject({ ok: false, phase: "handshake", code, tls: { protocol: "TLSv1.3" } });
    expect(log).toMatchObject({ startups: [], passwords: [] });
  });

  test("verify-ca looks at the signer when the name is wrong too", async () => {
    const { server } = postgresql({ shown: certificates.leaves.byStranger });
    expect(await ask(server, { tls: "verify-ca", caFile, host: "other.test" })).toMatchObject({
      code: "tls-untrusted",
    });
  });

  test("verify-full without a CA trusts the system's store, which does not know a private authority", async () => {
    const { server } = postgresql({ shown });
    expect(await ask(server, { tls: "verify-full" })).toMatchObject({ code: "tls-untrusted" });
  });

  test.each(["require", "verify-ca", "verify-full"] as const)("%s is refused by a server without TLS", async (mode) => {
    const { server, log } = postgresql({ password: PASSWORD });
    expect(await ask(server, { tls: mode })).toMatchObject({ ok: false, phase: "handshake", code: "db-tls-refused" });
    expect(log).toMatchObject({ startups: [], passwords: [] });
  });

  test("prefer goes on in plain, over the same connection, with a server without TLS", async () => {
    const { server, log } = postgresql({ password: PASSWORD, queries: QUERIES });
    expect(await ask(server, { tls: "prefer" })).toMatchObject({ ok: true, encrypted: false });
    expect(log).toMatchObject({ connections: 1, logins: 1 });
  });

  test("prefer tries plain once TLS has failed, and keeps what it failed of", async () => {
    const { log, server: good } = postgresql({ password: PASSWORD, queries: QUERIES });
    const goodPort = await servers.listen(good);
    let connections = 0;
    // The first connection is promised TLS and gets none of it.
    const server = net.createServer((socket) => {
      connections += 1;
      if (connections > 1) {
        socket.pipe(net.connect(goodPort, "127.0.0.1")).pipe(socket);
        return;
      }
      socket.once("data", () => {
        socket.write("S");
        socket.once("data", () => socket.end("no TLS here at all"));
      });
    });
    const saw = await ask(server, { tls: "prefer" });
    expect(saw).toMatchObject({ ok: true, encrypted: false });
    expect(saw.layers?.map(({ phase, ok }) => [phase, ok])).toEqual([
      ["connect", true],
      ["handshake", false],
      ["login", true],
    ]);
    expect(log.logins).toBe(1);
  });

  test("a server that lets this host in over TLS only is told so, and gets no password", async () => {
    const { server, log } = postgresql({ shown, plain: NO_LINE, password: PASSWORD });
    expect(await ask(server)).toMatchObject({ ok: false, phase: "login", code: "db-tls-required", sqlState: "28000" });
    expect(log).toMatchObject({ connections: 2, passwords: [], logins: 0 });
  });

  test("a server that trusts this host over TLS is left at once", async () => {
    const { server, log } = postgresql({ shown, plain: NO_LINE });
    expect(await ask(server)).toMatchObject({ code: "db-tls-required" });
    expect(log).toMatchObject({ connections: 2, queries: [], farewells: 1 });
  });

  test.each<[string, PgScript]>([
    ["over TLS too", { shown, plain: NO_LINE, secure: NO_LINE }],
    ["and has no TLS", { plain: NO_LINE }],
  ])("a host that is denied %s is denied", async (_what, script) => {
    const { server } = postgresql(script);
    expect(await ask(server)).toMatchObject({ ok: false, code: "db-host-denied", sqlState: "28000" });
  });

  test("allow goes on over TLS where plain is denied", async () => {
    const { server, log } = postgresql({ shown, plain: NO_LINE, password: PASSWORD, queries: QUERIES });
    const saw = await ask(server, { tls: "allow" });
    expect(saw).toMatchObject({ ok: true, encrypted: true });
    expect(saw.layers?.map(({ phase, ok }) => [phase, ok])).toEqual([
      ["connect", true],
      ["login", false],
      ["handshake", true],
      ["login", true],
    ]);
    expect(log).toMatchObject({ connections: 2, logins: 1 });
  });

  test("allow tells what plain was refused for where there is no TLS", async () => {
    const { server } = postgresql({ plain: NO_LINE });
    expect(await ask(server, { tls: "allow" })).toMatchObject({ phase: "login", code: "db-host-denied" });
  });

  test("a refusal over TLS shows the certificate too", async () => {
    const { server } = postgresql({ shown, secure: NO_LINE });
    expect(await ask(server, { tls: "prefer" })).toMatchObject({
      code: "db-host-denied",
      tls: { names: ["DNS:lapi.test", "DNS:second.test"] },
    });
  });

  test("bytes behind the promise of TLS are not taken for the server's", async () => {
    const server = net.createServer((socket) =>
      socket.once("data", () => socket.write(Buffer.concat([Buffer.from("S"), AUTHENTICATED]))),
    );
    expect(await ask(server, { tls: "prefer" })).toMatchObject({ code: "db-protocol" });
  });

  test("an error in place of the answer about TLS is the server's", async () => {
    const server = net.createServer((socket) =>
      socket.once("data", () => socket.end(pgError("57P03", "shutting down"))),
    );
    expect(await ask(server, { tls: "require" })).toMatchObject({ code: "db-unavailable", sqlState: "57P03" });
  });

  test("a postmaster that cannot fork says so in the words of protocol 2", async () => {
    const words = "could not fork new process for connection: Cannot allocate memory\n";
    const server = net.createServer((socket) => socket.once("data", () => socket.end(`E${words}\0`)));
    expect(await ask(server, { tls: "require" })).toMatchObject({ code: "db-unavailable", message: words.trim() });
  });
});

describe("a server that is not one", () => {
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const COUNT = Buffer.from([0xff, 0xff]);

  test.each<[string, Buffer]>([
    ["an error without an end", message("E", "SFATAL")],
    ["an error of no fields at all", message("E")],
    ["a length of nothing", Buffer.concat([Buffer.from("E"), int32(0)])],
    ["a huge length", Buffer.concat([Buffer.from("E"), int32(0xfffffff0), Buffer.alloc(1000)])],
    ["an unknown way to authenticate", message("R", int32(99))],
    ["a request for authentication cut short", message("R", "\0")],
    ["a salt cut short", message("R", int32(5), "ab")],
    ["mechanisms without an end", message("R", int32(10), "SCRAM-SHA-256")],
    ["a parameter without a value", message("S", "name\0")],
    ["more columns than there are", message("T", COUNT, "name\0")],
    ["a row longer than it is", message("D", Buffer.from([0, 1]), int32(0x7fffffff))],
    ["a row of nothing", message("D")],
    ["a command without an end", message("C", "SELECT 1")],
    ["readiness without a state", message("Z")],
    ["a message of copying", message("G", "\0\0\0")],
  ])("%s is no answer of PostgreSQL", async (_what, bytes) => {
    const server = net.createServer((socket) => socket.once("data", () => socket.write(bytes)));
    expect(await ask(server)).toMatchObject({ ok: false, phase: "login", code: "db-protocol" });
  });

  test.each<[string, readonly Buffer[]]>([
    ["a row that nobody asked for", [message("D", Buffer.from([0, 0]))]],
    ["columns that nobody asked for", [message("T", Buffer.from([0, 0]))]],
    ["a SASL challenge out of turn", [message("R", int32(11), "r=x,s=y,i=1")]],
    ["an end of SASL out of turn", [message("R", int32(12), "v=x")]],
    ["a mechanism that does not exist", [message("R", int32(10), "SCRAM-NONE\0\0")]],
  ])("%s ends in an answer, not in a crash", async (_what, messages) => {
    const server = net.createServer((socket) => socket.once("data", () => socket.end(Buffer.concat([...messages]))));
    expect(await ask(server, {}, 1000)).toMatchObject({ ok: false, phase: "login" });
  });

  test("a server that talks without end is cut off", async () => {
    const server = net.createServer((socket) => {
      const flood = message("N", `SNOTICE\0M${"x".repeat(60_000)}\0\0`);
      const pour = (): void => {
        while (socket.writable && socket.write(flood)) {}
      };
      socket.on("drain", pour).once("data", pour);
    });
    expect(await ask(server)).toMatchObject({ ok: false, code: "db-protocol" });
  });

  test("half a message, then silence, is no answer of PostgreSQL", async () => {
    const server = net.createServer((socket) => socket.once("data", () => socket.write(NO_LINE.subarray(0, 20))));
    expect(await ask(server, {}, 300)).toMatchObject({ ok: false, code: "db-protocol" });
  });

  test("a server that asks for the password and says no more is silent", async () => {
    const server = net.createServer((socket) => socket.once("data", () => socket.write(AUTHENTICATED)));
    expect(await ask(server, {}, 300)).toMatchObject({ code: "db-silent", message: "no answer within 300 ms" });
  });

  test("a server that closes after the first words cannot serve", async () => {
    const server = net.createServer((socket) => socket.once("data", () => socket.end(AUTHENTICATED)));
    expect(await ask(server)).toMatchObject({ code: "db-unavailable", message: "the server closed the connection" });
  });
});
