import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import net from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type ListenOptions, listen } from "../../src/commands/listen.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import type { ListenReport } from "../../src/listen/table.ts";
import { Secret } from "../../src/model/secret.ts";
import { type Visitor, visitor } from "../listen/visitor.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { closedPort, type Running, startProgram } from "../support/command-line.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

jest.setTimeout(90_000);

const TOOL = { name: "crowdsec-preflight", version: "0.1.0" };
const TOKEN = new Secret("canary-token-of-the-tests");

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

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0).reverse()) await one();
});

interface Spoken {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the stream has said this. */
  readonly says: (stream: "stdout" | "stderr", text: RegExp) => Promise<RegExpExecArray>;
  readonly code: Promise<number>;
}

/** In place of loopback, no address at all. */
const EVERY = "*";

const run = (options: Partial<ListenOptions> & Pick<ListenOptions, "ports">): Spoken => {
  const said = { stdout: "", stderr: "" };
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  for (const name of ["stdout", "stderr"] as const) {
    streams[name].on("data", (chunk) => {
      said[name] += chunk;
    });
  }
  const { address = "127.0.0.1", ...rest } = options;
  const code = listen(
    {
      ...(address !== EVERY && { address }),
      ...{ ttlMs: 30_000, expected: [], output: "pretty", ascii: false, ...rest },
    },
    TOOL,
    { ...streams, environment: {} },
  );
  code.catch(() => {});
  return {
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    says: async (name, text) => {
      for (;;) {
        const found = text.exec(said[name]);
        if (found) return found;
        await Promise.race([once(streams[name], "data"), code.then(() => Promise.reject(new Error("it has ended")))]);
      }
    },
    code,
  };
};

const visit = (port: number, token: Secret): Visitor => {
  const one = visitor(port);
  cleanup.push(one.leave);
  return { ...one, begin: (name) => one.begin(name, token) };
};
const come = async (port: number, token: Secret, name: string): Promise<void> => {
  const peer = visit(port, token);
  const conversation = await peer.begin(name);
  await peer.prove(conversation);
  await peer.bye(conversation);
};

describe("the line for the other hosts", () => {
  const LINE = /^ CROWDSEC_PREFLIGHT_TOKEN=(\S+) crowdsec-preflight check --peer 127\.0\.0\.1:(\d+)$/m;

  test("holds a new token in the environment, never in the arguments; it works, and stands nowhere else", async () => {
    const port = await closedPort();
    const spoken = run({ ports: [port], expected: ["agent1"] });
    const [line, token = "", its] = await spoken.says("stdout", LINE);
    expect(Number(its)).toBe(port);
    await come(port, new Secret(token), "agent1");
    expect(await spoken.code).toBe(0);
    expect(spoken.stdout().replace(line, "")).not.toContain(token);
    expect(spoken.stderr()).not.toContain(token);
    expect(spoken.stdout()).toMatch(/Ended at .*: everybody who was expected has come\.[\s\S]*✓ agent1 +127\.0\.0\.1/);
    expect(spoken.stderr()).toMatch(
      /^\d\d:\d\d:\d\dZ agent1 \(127\.0\.0\.1\) knows the token; .*\n\d\d:\d\d:\d\dZ agent1 .*has finished/,
    );
  });

  test("does not repeat a token that was given", async () => {
    const port = await closedPort();
    const spoken = run({ ports: [port], token: TOKEN, expected: ["agent1"] });
    await spoken.says("stdout", /^ crowdsec-preflight check --peer 127\.0\.0\.1:\d+$/m);
    expect(spoken.stdout()).toContain("with the same token in CROWDSEC_PREFLIGHT_TOKEN or by --token-file FILE");
    await come(port, TOKEN, "agent1");
    expect(await spoken.code).toBe(0);
    expect(spoken.stdout() + spoken.stderr()).not.toContain(TOKEN.reveal());
  });

  test("names every port, https with TLS, and IPv6 in quotes", async () => {
    const ports = [await closedPort(), await closedPort()];
    const spoken = run({ ports, address: "::1", tls: "throw-away", ttlMs: 200 });
    await spoken.says(
      "stdout",
      new RegExp(`check --peer 'https://\\[::1\\]:${ports[0]}' --peer 'https://\\[::1\\]:${ports[1]}'$`, "m"),
    );
    expect(await spoken.code).toBe(0);
  });

  test("names no address of loopback when every address is open and there is another one", async () => {
    const port = await closedPort();
    const spoken = run({ ports: [port], address: EVERY, ttlMs: 100 });
    const [, host] = await spoken.says("stdout", /--peer '?(\S+):\d+'?$/m);
    const others = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const isAlone = others.every(({ internal, address }) => internal || address.startsWith("fe80"));
    expect(host === "127.0.0.1").toBe(isAlone);
    expect(await spoken.code).toBe(0);
  });
});

describe("JSON", () => {
  test("is one document on stdout, without the token; everything else is on stderr", async () => {
    const port = await closedPort();
    const spoken = run({ ports: [port], output: "json", expected: ["agent1", "agent2"], ttlMs: 1500 });
    const [, token = ""] = await spoken.says("stderr", /CROWDSEC_PREFLIGHT_TOKEN=(\S+)/);
    await come(port, new Secret(token), "agent1.example.com");
    await visit(port, new Secret("another-token-altogether"))
      .all("agent2")
      .catch(() => {});
    expect(await spoken.code).toBe(2);
    const report = JSON.parse(spoken.stdout()) as ListenReport;
    expect(report).toMatchObject({
      schemaVersion: "1.0",
      tool: TOOL,
      ended: "ttl",
      exitCode: 2,
      listening: [{ address: "127.0.0.1", port }],
      peers: [
        {
          name: "agent1.example.com",
          expected: "agent1",
          seen: { address: "127.0.0.1" },
          at: { address: "127.0.0.1", port },
          bytes: { arrived: true },
          complaints: [],
          refused: 0,
        },
      ],
      missing: [{ expected: "agent2", ports: [port], begun: false }],
      strangers: [{ address: "127.0.0.1", connections: 1, kinds: { "wrong-token": 1 }, names: ["agent2"] }],
    });
    expect(Date.parse(report.endedAt) - Date.parse(report.startedAt)).toBeGreaterThanOrEqual(1400);
    expect(spoken.stdout()).not.toContain(token);
  });

  test("tells the certificate's fingerprint with TLS", async () => {
    const spoken = run({ ports: [await closedPort()], output: "json", tls: "throw-away", ttlMs: 100 });
    expect(await spoken.code).toBe(0);
    expect(JSON.parse(spoken.stdout()).tls).toEqual({
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      given: false,
    });
  });
});

test("who is expected twice is named once, and has to come once", async () => {
  const port = await closedPort();
  const spoken = run({ ports: [port], token: TOKEN, expected: ["agent1", "agent2", "AGENT1.", "agent1"] });
  await spoken.says("stdout", /^Expected: agent1, agent2\.$/m);
  for (const name of ["agent1", "agent2"]) await come(port, TOKEN, name);
  expect(await spoken.code).toBe(0);
});

test("who is expected and never comes is named, exit code 2", async () => {
  const spoken = run({ ports: [await closedPort()], expected: ["agent1"], ttlMs: 200 });
  expect(await spoken.code).toBe(2);
  expect(spoken.stdout()).toMatch(
    /Ended at .*: the time is up\.\n\nNobody with the token came\.\n\n✗ agent1 never came\n$/,
  );
});

describe("a host where there is nothing to stand in for", () => {
  const asLocalApi = (_request: unknown, response: import("node:http").ServerResponse): void => {
    response.writeHead(401, { "WWW-Authenticate": "JWT realm=Crowdsec API local" });
    response.end('{"code":401,"message":"cookie token is empty"}');
  };
  const serve = async (server: net.Server, host = "127.0.0.1", port = 0): Promise<number> => {
    server.listen(port, host);
    await once(server, "listening");
    cleanup.push(() => new Promise((resolve) => server.close(resolve)));
    return (server.address() as net.AddressInfo).port;
  };
  const refusal = async (options: Parameters<typeof run>[0]): Promise<string> => {
    const spoken = run(options);
    const error = await spoken.code.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(spoken.stdout() + spoken.stderr()).toBe("");
    return (error as Error).message;
  };

  test("a Local API that answers is said, with what to run in place of this", async () => {
    const port = await serve(createServer(asLocalApi));
    expect(await refusal({ ports: [await closedPort(), port] })).toBe(
      `the Local API of this host answers on 127.0.0.1:${port}: there is nothing to stand in for; on the other hosts run crowdsec-preflight --role agent --lapi-url http://127.0.0.1:${port} (now it listens on loopback only, where no other host reaches it: listen_uri in config.yaml).`,
    );
  });

  test("with TLS too", async () => {
    const port = await serve(createSecureServer(certificates.leaves.good, asLocalApi));
    expect(await refusal({ ports: [port] })).toMatch(/answers on 127\.0\.0\.1:\d+: .* --lapi-url https:/);
  });

  test("also when it listens on another address, where the port could still be opened", async () => {
    const port = await serve(createServer(asLocalApi), "127.0.0.2");
    expect(await refusal({ ports: [port] })).toContain(`the Local API of this host answers on 127.0.0.2:${port}`);
  });

  test("another service there is named with its process", async () => {
    const port = await serve(createServer((_request, response) => void response.end("hello")));
    expect(await refusal({ ports: [port] })).toMatch(
      new RegExp(
        `^127\\.0\\.0\\.1:${port} is held by node \\(pid ${process.pid}[^)]*\\) on 127\\.0\\.0\\.1:${port}; stop that, or listen elsewhere with --port\\.$`,
      ),
    );
  });

  test("another service on another address is not in the way", async () => {
    const port = await serve(
      createServer((_request, response) => void response.end("hello")),
      "127.0.0.2",
    );
    expect(await run({ ports: [port], ttlMs: 100 }).code).toBe(0);
  });

  test("an address of another host is refused", async () => {
    expect(await refusal({ ports: [await closedPort()], address: "192.0.2.5" })).toBe(
      "--address 192.0.2.5 is no address of this host.",
    );
  });

  test.each(["fe80::1", "fe80::1%lo", "FE80::1%lo", "::1%lo"])(
    "an address that no other host could name is refused: %s",
    async (address) => {
      expect(await refusal({ ports: [await closedPort()], address })).toBe(
        `--address ${address} is of one link only, and other hosts could not name it in a URL: take another address of this host, or leave --address out.`,
      );
    },
  );

  describe("a certificate that cannot be used is refused before a port is opened", () => {
    const fifo = (): string => {
      const path = join(folder.path, `fifo${randomUUID()}`);
      execFileSync("mkfifo", [path]);
      return path;
    };
    test.each<[string, () => string, string]>([
      ["there is none", () => "/nowhere.pem", "there is no such file"],
      ["a folder", () => folder.path, "not a regular file"],
      ["a pipe to which nobody writes", fifo, "not a regular file"],
      ["a device that never ends", () => "/dev/zero", "not a regular file"],
      [
        "a large file",
        () => folder.write("large", "x".repeat(1024 * 1024 + 1)),
        "it is larger than 1 MiB, and no PEM file is",
      ],
      [
        "a certificate that is no PEM",
        () => folder.write("der", Buffer.from("3082010000", "hex")),
        "it is no text, as a PEM file is (-----BEGIN)",
      ],
    ])("%s", async (_name, make, why) => {
      const path = make();
      const ports = [await closedPort()];
      const good = folder.write("good.crt", certificates.leaves.good.cert);
      expect(await refusal({ ports, tls: { certFile: path, keyFile: path } })).toBe(
        `--cert ${path} cannot be read: ${why}.`,
      );
      expect(await refusal({ ports, tls: { certFile: good, keyFile: path } })).toBe(
        `--key ${path} cannot be read: ${why}.`,
      );
    });

    test("a key of another certificate", async () => {
      const certFile = folder.write("good.crt", certificates.leaves.good.cert);
      const keyFile = join(certificates.folder, "stranger.key");
      expect(await refusal({ ports: [await closedPort()], tls: { certFile, keyFile } })).toMatch(
        /^--key \S+stranger\.key does not belong to --cert \S+good\.crt/,
      );
    });
  });
});

/** Has the program stand still for a second at SIGUSR2, and say so: what comes meanwhile is all there before it acts on any. */
const PAUSE = `process.on("SIGUSR2", () => {
  process.stderr.write("paused\\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
});`;

describe("the program", () => {
  const started = async (...flags: string[]): Promise<Running & { readonly port: number; readonly token: Secret }> => {
    const port = await closedPort();
    const running = startProgram(["listen", "--port", String(port), "--address", "127.0.0.1", ...flags]);
    cleanup.push(() => running.child.kill("SIGKILL"));
    const { stdout, stderr } = running.child;
    let said = "";
    const token = await new Promise<string>((resolve, reject) => {
      for (const stream of [stdout, stderr]) {
        stream?.on("data", (chunk) => {
          said += chunk;
          const found = /CROWDSEC_PREFLIGHT_TOKEN=(\S+) crowdsec/.exec(said)?.[1];
          if (found !== undefined) resolve(found);
        });
      }
      running.child.once("exit", () => reject(new Error(said)));
    });
    return { ...running, port, token: new Secret(token) };
  };

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 143],
    ["SIGQUIT", 143],
  ] as const)(
    "%s ends it at once, with its table and exit code %i, also in the middle of a silence",
    async (signal, code) => {
      const { child, ended, port, token } = await started("--expect", "agent1");
      const peer = visit(port, token);
      const conversation = await peer.begin("agent1");
      await peer.prove(conversation);
      const silence = peer.idle(conversation, 60_000).catch(() => "cut");
      await once(child.stderr as NodeJS.ReadableStream, "data");
      const begun = performance.now();
      child.kill(signal);
      const ran = await ended;
      expect(performance.now() - begun).toBeLessThan(3000);
      expect(await silence).toBe("cut");
      expect({ code: ran.code, signal: ran.signal }).toEqual({ code, signal: null });
      expect(ran.stdout).toMatch(
        /Ended at .*: interrupted\.[\s\S]*✗ agent1 +127\.0\.0\.1[\s\S]*✗ agent1 came and did not finish\n$/,
      );
      await expect(visit(port, token).begin("late")).rejects.toThrow();
    },
  );

  test.each([
    ["one signal", ["SIGINT"], 130, /Ended at .*: interrupted\./],
    ["a second one", ["SIGINT", "SIGTERM"], 143, /^$/],
  ] as const)(
    "%s while it still asks who is there ends it as well; only the first has its table",
    async (_, signals, code, told) => {
      const silent = net.createServer().listen(0, "127.0.0.2");
      cleanup.push(() => silent.close());
      await once(silent, "listening");
      const { port } = silent.address() as net.AddressInfo;
      const { child, ended } = startProgram(["listen", "--port", String(port), "--address", "127.0.0.1"], {
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PAUSE)}`,
      });
      cleanup.push(() => child.kill("SIGKILL"));
      await once(silent, "connection");
      child.kill("SIGUSR2");
      await once(child.stderr as NodeJS.ReadableStream, "data");
      for (const signal of signals) {
        child.kill(signal);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const ran = await ended;
      expect({ code: ran.code, signal: ran.signal }).toEqual({ code, signal: null });
      expect(ran.stdout).toMatch(told);
    },
  );

  test.each([
    ["a token of its own", []],
    ["its token in the arguments", ["--token", TOKEN.reveal()]],
  ])("a second one beside one with %s is told what holds the port", async (_name, flags) => {
    const port = await closedPort();
    const { child } = startProgram(["listen", "--port", String(port), "--address", "127.0.0.1", ...flags]);
    cleanup.push(() => child.kill("SIGKILL"));
    await once(child.stdout as NodeJS.ReadableStream, "data");
    const second = await startProgram(["listen", "--port", String(port), "--address", "127.0.0.1"]).ended;
    expect(second.code).toBe(3);
    expect(second.stderr).toMatch(
      new RegExp(
        `is held by \\S+ \\(pid ${child.pid}\\b.*: a crowdsec-preflight listen that seems to run already; stop`,
      ),
    );
  });

  test("ends by itself as soon as all have come, exit code 0, and leaves the port free", async () => {
    const { ended, port, token } = await started("--expect", "agent1,AGENT2.example.com", "-o", "json");
    await Promise.all(["agent1", "agent2"].map((name) => come(port, token, name)));
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ended: "all-came", missing: [], strangers: [] });
    const again = net.createServer().listen(port, "127.0.0.1");
    await once(again, "listening");
    again.close();
  });

  test("the token is in none of its arguments, and a given one in none of its words", async () => {
    const port = await closedPort();
    const flags = ["listen", "--port", String(port), "--address", "127.0.0.1", "--ttl", "300ms"];
    const { ended } = startProgram(flags, { CROWDSEC_PREFLIGHT_TOKEN: TOKEN.reveal() });
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain(TOKEN.reveal());
  });
});
