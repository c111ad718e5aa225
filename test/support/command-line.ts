import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { text } from "node:stream/consumers";

const PROGRAM = "bin/crowdsec-preflight.js";

/** The program runs from dist/; scripts/setup.js keeps that new, and this makes it where it is not there at all. */
const built = (): void => {
  if (!existsSync("dist/src/cli.js")) spawnSync(process.execPath, ["scripts/build.js"]);
};

export interface Ran {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
}

/** Starts the program as a shell would, but with this environment only. */
export const startProgram = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Running => {
  built();
  const begun = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const { stdout, stderr } = child;
  const ended = (async (): Promise<Ran> => {
    const [out, err, [code, signal]] = await Promise.all([
      // A test may close it early.
      text(stdout).catch(() => ""),
      text(stderr),
      once(child, "exit") as Promise<[number | null, string | null]>,
    ]);
    return { code, signal, stdout: out, stderr: err, ms: performance.now() - begun };
  })();
  return { child, ended };
};

export const runProgram = (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran> =>
  startProgram(args, env).ended;

const listening = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
};

/** A port of this host on which nothing listens. */
export const closedPort = async (): Promise<number> => {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, "close");
  return port;
};

export interface Mute {
  readonly port: number;
  /** Resolves when somebody has sent a request, to which no answer will come. */
  readonly asked: Promise<void>;
  readonly close: () => void;
}

/** A server that accepts every connection and never says a word. */
export const muteServer = async (): Promise<Mute> => {
  let heard = (): void => {};
  const asked = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", heard);
  });
  const port = await listening(server);
  return { port, asked, close: () => server.close() };
};
