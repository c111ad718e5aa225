import { once } from "node:events";
import { writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import process from "node:process";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { DatabaseObservation, DatabaseQuestion, FailureCode, Trust } from "../../src/model/observation.ts";
import { probeDatabase } from "../../src/probes/database.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { greeting, login, mysql, PASSWORD, pgError, postgresql, READY } from "../support/databases.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { closedPort, createServers } from "../support/servers.ts";

let certificates: Certificates;
let folder: Folder;
beforeAll(() => {
  certificates = makeCertificates();
  folder = makeFolder();
});
afterAll(() => {
  certificates.remove();
  folder.remove();
});
const servers = createServers();
const local: net.Server[] = [];
afterEach(async () => {
  await servers.close();
  for (const server of local.splice(0)) server.close();
});

const PROTOCOLS = ["postgresql", "mysql"] as const;
type Protocol = (typeof PROTOCOLS)[number];

const ask = (
  question: Partial<DatabaseQuestion> & { readonly protocol: Protocol },
  { timeoutMs = 3000, signal = new AbortController().signal } = {},
): Promise<DatabaseObservation> =>
  probeDatabase(
    { addresses: ["127.0.0.1"], port: 0, host: "lapi.test", tls: "disable", login: login(), ...question },
    { timeoutMs, signal },
  );

const real = { postgresql: () => postgresql({ password: PASSWORD }), mysql: () => mysql() };

const listenAt = async (path: string, server: net.Server): Promise<void> => {
  local.push(server);
  server.listen(path);
  await once(server, "listening");
};

describe("where it connects", () => {
  test.each(PROTOCOLS)(
    "%s: the first address that answers is taken, and those before it are kept",
    async (protocol) => {
      const port = await servers.listen(real[protocol]().server, "127.0.0.2");
      const saw = await ask({ protocol, addresses: ["127.0.0.1", "127.0.0.2", "127.0.0.3"], port });
      expect(saw).toMatchObject({
        ok: true,
        address: "127.0.0.2",
        layers: [
          { phase: "connect", ok: false, detail: expect.stringContaining("127.0.0.1") },
          { phase: "connect", ok: true, detail: "127.0.0.2" },
          { phase: "login", ok: true },
        ],
      });
    },
  );

  test("of addresses that all fail, the one that says most is told", async () => {
    const port = await closedPort(servers, net.createServer());
    for (const addresses of [
      ["255.255.255.255", "127.0.0.1"],
      ["127.0.0.1", "255.255.255.255"],
    ]) {
      const saw = await ask({ protocol: "postgresql", addresses, port });
      expect(saw).toMatchObject({ ok: false, phase: "connect", code: "tcp-refused", errno: "ECONNREFUSED" });
      expect(saw.layers?.map(({ phase, ok }) => [phase, ok])).toEqual([
        ["connect", false],
        ["connect", false],
      ]);
    }
  });

  test("no address at all is no crash", async () => {
    expect(await ask({ protocol: "mysql", addresses: [] })).toMatchObject({ ok: false, phase: "connect" });
  });

  test("PostgreSQL's socket is looked for in the configured folder, by its port", async () => {
    const { server } = postgresql({ password: PASSWORD });
    const path = join(folder.path, ".s.PGSQL.5432");
    await listenAt(path, server);
    // pgx's default port, where none is configured; and no TLS, whatever the mode.
    for (const port of [5432, 0]) {
      const saw = await ask({ protocol: "postgresql", addresses: { socket: folder.path }, port, tls: "verify-full" });
      expect(saw).toMatchObject({ ok: true, address: path, encrypted: false });
    }
    expect(await ask({ protocol: "postgresql", addresses: { socket: path } })).toMatchObject({
      ok: true,
      address: path,
    });
    expect(await ask({ protocol: "postgresql", addresses: { socket: folder.path }, port: 5433 })).toMatchObject({
      ok: false,
      phase: "connect",
      code: "socket-missing",
    });
  });

  test("a host that PostgreSQL denies over a unix socket is not asked for TLS", async () => {
    const { server, log } = postgresql({ plain: pgError("28000", "no line", "ClientAuthentication") });
    await listenAt(join(folder.path, ".s.PGSQL.1"), server);
    expect(await ask({ protocol: "postgresql", addresses: { socket: folder.path }, port: 1 })).toMatchObject({
      code: "db-host-denied",
    });
    expect(log.connections).toBe(1);
  });

  test("MySQL's socket is the configured path itself", async () => {
    const path = join(folder.path, "mysqld.sock");
    await listenAt(path, mysql().server);
    expect(await ask({ protocol: "mysql", addresses: { socket: path } })).toMatchObject({ ok: true, address: path });
    expect(await ask({ protocol: "mysql", addresses: { socket: join(folder.path, "none") } })).toMatchObject({
      phase: "connect",
      code: "socket-missing",
    });
  });
});

describe("files of a TLS configuration", () => {
  test.each<[string, () => Partial<DatabaseQuestion>, FailureCode]>([
    ["a CA that is missing", () => ({ caFile: join(folder.path, "none.pem") }), "file-missing"],
    ["a CA without a certificate", () => ({ caFile: folder.write("empty.pem", "nothing") }), "file-error"],
    [
      "a client certificate without its key",
      () => ({ certificate: { certFile: certificates.caFile, keyFile: join(folder.path, "none.key") } }),
      "file-missing",
    ],
  ])("%s is told before anything is sent", async (_what, more, code) => {
    const { server, log } = postgresql({ shown: certificates.leaves.good });
    const port = await servers.listen(server);
    const saw = await ask({ protocol: "postgresql", port, tls: "require", ...more() });
    expect(saw).toMatchObject({ ok: false, phase: "host", code });
    expect(log.connections).toBe(0);
  });

  test.each([
    ["postgresql", "/ca.pem", true],
    ["mysql", "/ca.pem", false],
    ["postgresql", undefined, false],
  ] as const)("%s with the CA %p trusts it alone: %p", async (protocol, caFile, only) => {
    const trusts: (Trust | undefined)[] = [];
    const port = await closedPort(servers, net.createServer());
    await probeDatabase(
      {
        protocol,
        addresses: ["127.0.0.1"],
        port,
        host: "lapi.test",
        tls: "require",
        ...(caFile && { caFile }),
        login: login(),
      },
      { timeoutMs: 500, signal: new AbortController().signal },
      async (trust) => {
        trusts.push(trust);
        return { ok: true, context: tls.createSecureContext() };
      },
    );
    expect(trusts).toEqual([{ caFiles: caFile ? [caFile] : [], only, skipVerify: false }]);
  });

  test.each(PROTOCOLS)("%s: the client's certificate is shown to a server that asks", async (protocol) => {
    const { key, cert } = certificates.leaves.good;
    const certificate = { certFile: folder.write("client.crt", cert), keyFile: folder.write("client.key", key) };
    const shown = { ...certificates.leaves.good, requestCert: true, rejectUnauthorized: true, ca: certificates.ca };
    const { server } = protocol === "mysql" ? mysql({ shown }) : postgresql({ shown, password: PASSWORD });
    const port = await servers.listen(server);
    const question = { protocol, port, tls: "verify-full", caFile: certificates.caFile } as const;
    expect(await ask({ ...question, certificate })).toMatchObject({ ok: true, encrypted: true });
    expect(await ask(question)).toMatchObject({ ok: false, phase: "handshake", code: "tls-client-cert" });
  });
});

describe("what answers there is something else", () => {
  const saying = (bytes: Buffer | string): net.Server => net.createServer((socket) => socket.write(bytes));
  const answering = (bytes: Buffer | string): net.Server =>
    net.createServer((socket) => socket.once("data", () => socket.write(bytes)));

  test.each<[Protocol, string, () => net.Server, string]>([
    [
      "postgresql",
      "MariaDB",
      () => mysql({ version: "5.5.5-10.11.6-MariaDB" }).server,
      "MariaDB 10.11.6 answers there, not PostgreSQL",
    ],
    // A greeting's first byte is its length: 83 is the S of a PostgreSQL server that has TLS.
    [
      "postgresql",
      "MySQL whose greeting is 83 bytes long",
      () => saying(greeting("8.0.39-0ubuntu0")),
      "MySQL 8.0.39 answers there, not PostgreSQL",
    ],
    ["mysql", "PostgreSQL", () => postgresql({}).server, "PostgreSQL answers there, not MySQL"],
    [
      "mysql",
      "PostgreSQL with TLS",
      () => postgresql({ shown: certificates.leaves.good }).server,
      "PostgreSQL answers there, not MySQL",
    ],
    ["postgresql", "a web server", () => http.createServer(), "an HTTP server answers there, not PostgreSQL"],
    ["mysql", "a web server", () => http.createServer(), "an HTTP server answers there, not MySQL"],
    ["postgresql", "SSH", () => saying("SSH-2.0-OpenSSH_9.2\r\n"), "an SSH server answers there, not PostgreSQL"],
    ["mysql", "SSH", () => saying("SSH-2.0-OpenSSH_9.2\r\n"), "an SSH server answers there, not MySQL"],
    [
      "postgresql",
      "a TLS server",
      () => answering(Buffer.from([21, 3, 1, 0, 2, 2, 70])),
      "a TLS server answers there, not PostgreSQL",
    ],
    [
      "mysql",
      "mail",
      () => saying("220 mail.test ESMTP\r\n"),
      'what answers there does not speak MySQL: "220 mail.test ESMTP"',
    ],
    [
      "postgresql",
      "mail",
      () => saying("220 mail.test ESMTP\r\n"),
      'what answers there does not speak PostgreSQL: "220 mail.test ESMTP"',
    ],
  ])("%s: %s", async (protocol, _what, make, words) => {
    const port = await servers.listen(make());
    const tlsModes =
      protocol === "postgresql" ? (["disable", "prefer", "verify-full"] as const) : (["disable"] as const);
    for (const tls of tlsModes) {
      const saw = await ask({ protocol, port, tls }, { timeoutMs: 500 });
      expect(saw).toMatchObject({ ok: false, phase: "login", code: "db-protocol", message: words });
    }
    const { login: _none, ...greet } = {
      protocol,
      port,
      addresses: ["127.0.0.1"],
      host: "lapi.test",
      tls: "disable",
      login: 0,
    } as const;
    const saw = await probeDatabase(greet, { timeoutMs: 500, signal: new AbortController().signal });
    expect(saw).toMatchObject({ ok: false, phase: "response", code: "db-protocol", message: words });
  });

  test.each(PROTOCOLS)("%s: random bytes are shown as far as they can be printed", async (protocol) => {
    const port = await servers.listen(saying(Buffer.from([1, 2, 255, 27, 91, 50, 74, 0, 0, 65, 66])));
    const saw = await ask({ protocol, port }, { timeoutMs: 500 });
    expect(saw).toMatchObject({ ok: false, code: "db-protocol" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
    expect(!saw.ok && saw.message).not.toMatch(/[\u0000-\u001f]/);
  });

  test("an echo shows no password", async () => {
    const port = await servers.listen(
      net.createServer((socket) => {
        socket.write(greeting());
        socket.on("data", () => socket.write(`???${PASSWORD}`));
      }),
    );
    expect(JSON.stringify(await ask({ protocol: "mysql", port }))).not.toContain(PASSWORD);
  });
});

describe.each(PROTOCOLS)("%s", (protocol) => {
  test("a listener that says nothing is silent, within the time limit", async () => {
    const port = await servers.listen(net.createServer());
    for (const tls of ["disable", "require"] as const) {
      const saw = await ask({ protocol, port, tls }, { timeoutMs: 400 });
      expect(saw).toMatchObject({ ok: false, phase: "login", code: "db-silent", message: "no answer within 400 ms" });
      expect(saw.elapsedMs).toBeLessThan(10_000);
    }
  });

  test("a listener that closes at once said no word", async () => {
    const port = await servers.listen(net.createServer((socket) => socket.end()));
    for (const tls of ["disable", "require"] as const) {
      expect(await ask({ protocol, port, tls })).toMatchObject({ ok: false, code: "db-silent" });
    }
  });

  test("a listener that resets the connection said no word", async () => {
    const port = await servers.listen(net.createServer((socket) => setTimeout(() => socket.resetAndDestroy(), 30)));
    expect(await ask({ protocol, port })).toMatchObject({ ok: false, code: "db-silent" });
  });

  test("the end of the run ends a dialogue at once, wherever it is", async () => {
    const bytes = protocol === "mysql" ? greeting("8.0.39", { offersTls: true }) : READY.subarray(0, 0);
    const quiet = net.createServer((socket) => socket.write(bytes));
    for (const server of [net.createServer(), quiet]) {
      const port = await servers.listen(server);
      for (const tls of ["disable", "require"] as const) {
        const stop = new AbortController();
        const begun = performance.now();
        setTimeout(() => stop.abort(), 100);
        const saw = await ask({ protocol, port, tls }, { timeoutMs: 20_000, signal: stop.signal });
        expect(saw).toMatchObject({ ok: false, errno: "ABORT_ERR" });
        expect(performance.now() - begun).toBeLessThan(5000);
      }
    }
  });

  test("the end of the run ends a session at once, in the middle of its queries", async () => {
    const queries = { "version()": "silence", "VERSION()": "silence" } as const;
    const { server } = protocol === "mysql" ? mysql({ queries }) : postgresql({ queries });
    const port = await servers.listen(server);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const begun = performance.now();
    await ask({ protocol, port }, { timeoutMs: 20_000, signal: stop.signal });
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  test("a run that has ended sends nothing", async () => {
    const { server, log } = real[protocol]();
    const port = await servers.listen(server);
    expect((await ask({ protocol, port }, { signal: AbortSignal.abort() })).ok).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(log.logins).toBe(0);
  });

  test("no connection is left open, whatever came of it", async () => {
    const open = new Set<net.Socket>();
    const watch = (server: net.Server): net.Server =>
      server.on("connection", (socket) => {
        open.add(socket);
        socket.on("close", () => open.delete(socket));
      });
    const makers = [
      () => real[protocol]().server,
      () => net.createServer((socket) => socket.resume().write("garbage, and much of it")),
    ];
    for (const make of makers) {
      const port = await servers.listen(watch(make()));
      for (const tls of ["disable", "allow", "prefer", "require"] as const)
        await ask({ protocol, port, tls }, { timeoutMs: 300 });
    }
    for (let tries = 0; open.size > 0 && tries < 50; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(open.size).toBe(0);
  });

  test("this process's own environment and files name no user, password or option", async () => {
    const names = {
      PGUSER: "intruder",
      PGPASSWORD: "intruder",
      PGOPTIONS: "-c x=y",
      PGSSLMODE: "require",
      PGSSLNEGOTIATION: "direct",
    };
    writeFileSync(join(folder.path, "pgpass"), "*:*:*:*:intruder", { mode: 0o600 });
    // biome-ignore lint/style/noProcessEnv: what pg must not read
    const environment = process.env;
    const before = { ...environment };
    Object.assign(environment, names, { PGPASSFILE: join(folder.path, "pgpass") });
    try {
      const { server, log } = real[protocol]();
      const port = await servers.listen(server);
      const saw = await ask({ protocol, port, login: { ...login(""), user: "", database: "" } });
      expect(saw.ok).toBe(false);
      expect(JSON.stringify([log, saw])).not.toMatch(/intruder|x=y/);
    } finally {
      for (const name of [...Object.keys(names), "PGPASSFILE"]) {
        if (before[name] === undefined) delete environment[name];
        else environment[name] = before[name];
      }
    }
  });
});
