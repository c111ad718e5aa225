import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import type { SocketEnd } from "../model/observation.ts";
import type { Secret } from "../model/secret.ts";
import { createGate, GRACE_MS, MAX_HEAD, MESSAGE_MS, QUIET_MS, UNPROVEN_MS } from "./caps.ts";
import type { Identity } from "./certificate.ts";
import { type Arrived, type BodyOf, createConversations, type Held, type News } from "./conversations.ts";
import { type Head, MAX_LARGE, MAX_SMALL, type Message, PATHS } from "./handshake.ts";
import { type Came, createPeers, distinct, type Missing } from "./peers.ts";
import { createStrangers, type Strangeness, type Stranger } from "./strangers.ts";

export interface ListenerOptions {
  /** 0: any that is free. */
  readonly ports: readonly number[];
  /** Without it every address of this host, of both families. */
  readonly address?: string;
  readonly token: Secret;
  readonly tls?: Identity;
  readonly expected: readonly string[];
  /** Told what happens, as it happens. */
  readonly observe: (event: Event) => void;
}

export type Event = News | { readonly kind: "stranger"; readonly stranger: Stranger; readonly as: Strangeness };

export interface OpenListener {
  readonly listening: readonly SocketEnd[];
  /** Resolves when everybody who was expected has finished, and nobody is in the middle; never where nobody was expected. */
  readonly allCame: Promise<void>;
  readonly peers: () => readonly Came[];
  readonly missing: () => readonly Missing[];
  readonly strangers: () => readonly Stranger[];
  /** Ends every connection, at once. */
  readonly close: () => Promise<void>;
}

/** A port that could not be opened. */
export interface NotOpened {
  readonly ok: false;
  readonly port: number;
  /** Node's errno name, for example `EADDRINUSE`. */
  readonly errno: string;
  readonly message: string;
}

interface Connection {
  readonly raw: net.Socket;
  readonly seen: SocketEnd;
  readonly at: SocketEnd;
  /** Somebody on it knows the token. */
  proven: boolean;
  /** A message is being read or answered. */
  busy: boolean;
  /** Why nobody on it is a peer, once that is known; and what it called itself. */
  strange?: Strangeness;
  name?: string;
  /** Of a message with a filler: its head came. */
  isLarge: boolean;
  /** It said hello. */
  greeted: boolean;
  errno?: string;
  timer?: NodeJS.Timeout;
  readonly lifetime: NodeJS.Timeout;
}

/** First byte of a TLS record with a handshake in it. */
const TLS_HANDSHAKE = 0x16;

/** IPv4 in the spelling of IPv6, as a socket for both families has it, is IPv4. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");

/** Some proxies write the whole URL. */
const messageOf = ({ method, url = "" }: http.IncomingMessage): Message | undefined => {
  const path = url.replace(/^https?:\/\/[^/]*/i, "");
  return method === "POST" ? (Object.keys(PATHS) as Message[]).find((message) => PATHS[message] === path) : undefined;
};

/** Undefined when it is longer, or does not end. */
const readBody = (request: http.IncomingMessage, maxBytes: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) return resolve(undefined);
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) resolve(undefined);
      else chunks.push(chunk);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", () => resolve(undefined));
    request.on("close", () => resolve(undefined));
  });

const pairs = (raw: readonly string[]): Head =>
  Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index] ?? "", raw[2 * index + 1] ?? ""] as const);

/** Head and body, where the head, with the body's length, may stand in the body. */
const compose = (bodyOf: BodyOf, connection: string): { readonly head: Head; readonly body: string } => {
  let length = 0;
  for (;;) {
    const head: Head = [
      ["Content-Type", "application/json"],
      ["Content-Length", String(length)],
      ["Cache-Control", "no-store"],
      ["Connection", connection],
    ];
    const body = bodyOf(head);
    // The length's own digits settle at once.
    if (Buffer.byteLength(body) === length) return { head, body };
    length = Buffer.byteLength(body);
  }
};

const listenOn = (server: net.Server, port: number, address: string | undefined): Promise<NotOpened | undefined> =>
  new Promise((resolve) => {
    const failed = ({ code = "", message }: NodeJS.ErrnoException): void =>
      resolve({ ok: false, port, errno: code, message });
    server.once("error", failed);
    server.listen({ port, ...(address !== undefined && { host: address }), exclusive: true }, () => {
      server.off("error", failed);
      // A connection that is gone before it could be accepted is nobody's business.
      server.on("error", () => {});
      resolve(undefined);
    });
  });

const closed = (server: net.Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
  });

/** Opens the ports, and says the listener's part of src/listen/handshake.ts there; nothing else is answered. */
export const openListener = async (options: ListenerOptions): Promise<OpenListener | NotOpened> => {
  const { token, observe } = options;
  const expected = distinct(options.expected);
  const listening: SocketEnd[] = [];
  const peers = createPeers(expected, () => listening.map(({ port }) => port));
  const strangers = createStrangers((stranger, as) => observe({ kind: "stranger", stranger, as }));
  const identity = options.tls;
  const conversations = createConversations({
    token,
    peers,
    ...(identity && { certificate: { fingerprint: identity.fingerprint, given: identity.given } }),
    observe,
  });
  const secureContext = identity && tls.createSecureContext({ key: identity.key.reveal(), cert: identity.cert });
  const gate = createGate<Connection>();
  const open = new Set<Connection>();
  const connectionOf = new WeakMap<object, Connection>();
  let closing = false;
  /** What is yet to be said of connections that have gone. */
  const later = new Map<NodeJS.Timeout, () => void>();
  const sayLater = (ms: number, say: () => void): void => {
    const timer = setTimeout(() => {
      later.delete(timer);
      say();
    }, ms);
    later.set(timer, say);
  };

  const drop = (connection: Connection, as?: Strangeness): void => {
    if (as !== undefined) connection.strange ??= as;
    connection.raw.destroy();
  };

  /** Of one on which nobody proved himself. */
  const strangenessOf = ({ strange, isLarge, raw }: Connection): Strangeness => {
    if (isLarge && (strange === undefined || strange === "slow")) return "stalled";
    return raw.bytesRead === 0 ? "silent" : (strange ?? "garbage");
  };

  const noteStranger = (connection: Connection): void => {
    const { address } = connection.seen;
    const kind = strangenessOf(connection);
    // One with another token looks at the port first, too.
    const isPeers = (): boolean =>
      peers.all().some(({ seen }) => seen.address === address) ||
      strangers.all().some((stranger) => stranger.address === address && stranger.names.length > 0);
    if (kind !== "silent") strangers.note(address, kind, connection.name);
    else if (!isPeers()) sayLater(QUIET_MS, () => isPeers() || strangers.note(address, kind));
  };

  /** Its proof may have come over another connection. */
  const noteHello = (connection: Connection): void => {
    const name = conversations.abandon(connection);
    if (name === undefined) return;
    const isStalled = strangenessOf(connection) === "stalled";
    strangers.note(connection.seen.address, isStalled ? "stalled" : "left-after-hello", name);
  };

  const noteLost = (connection: Connection): void => {
    if (!closing) for (const peer of conversations.lost(connection)) observe({ kind: "broken", peer });
    settle();
  };

  const onClose = (connection: Connection): void => {
    const { seen, timer, lifetime } = connection;
    clearTimeout(timer);
    clearTimeout(lifetime);
    open.delete(connection);
    gate.leave(connection, seen.address);
    conversations.leave(connection);
    if (connection.proven) sayLater(GRACE_MS, () => noteLost(connection));
    else if (conversations.isPending(connection)) sayLater(GRACE_MS, () => noteHello(connection));
    // Of a hello whose proof has come over another connection there is nothing to say, also when a proxy keeps this one.
    else if (!connection.greeted || (connection.strange ?? "slow") !== "slow") noteStranger(connection);
    settle();
  };

  /** The next message must have come whole by then. */
  const awaitNext = (connection: Connection): void => {
    clearTimeout(connection.timer);
    connection.timer = setTimeout(() => drop(connection, "slow"), MESSAGE_MS);
  };

  let finished = (): void => {};
  const allCame = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const settle = (): void => {
    if (expected.length === 0 || peers.missing().length > 0) return;
    // Nobody else is let in; who is in the middle may finish.
    for (const server of servers) server.close();
    if (!conversations.areOpen() && ![...open].some(({ proven, busy }) => proven && busy)) finished();
  };

  const send = (
    connection: Connection,
    { request, response }: { request: http.IncomingMessage; response: http.ServerResponse },
    { status, bodyOf, last }: { status: number; bodyOf: BodyOf; last: boolean },
  ): Promise<void> =>
    new Promise((resolve) => {
      const wantsClose =
        /\bclose\b/i.test(request.headers.connection ?? "") ||
        (request.httpVersion === "1.0" && !/\bkeep-alive\b/i.test(request.headers.connection ?? ""));
      const { head, body } = compose(bodyOf, last || wantsClose ? "close" : "keep-alive");
      awaitNext(connection);
      response.on("close", resolve);
      response.sendDate = false;
      response.writeHead(status, head.flat());
      response.end(body);
    });

  /** Nothing goes over the connection, not even a question of the kernel's whether the other end is still there. */
  const hold = (connection: Connection, ms: number): Promise<Held> =>
    new Promise((resolve) => {
      const { raw } = connection;
      const begun = performance.now();
      clearTimeout(connection.timer);
      const end = (how: Held["end"]): void => {
        clearTimeout(timer);
        raw.off("close", onGone);
        resolve({ heldMs: Math.round(performance.now() - begun), end: how });
      };
      const onGone = (): void => end(closing ? "ended" : connection.errno === "ECONNRESET" ? "reset" : "closed");
      const timer = setTimeout(() => end("answered"), ms);
      raw.prependOnceListener("close", onGone);
    });

  const converse = async (
    connection: Connection,
    exchange: { request: http.IncomingMessage; response: http.ServerResponse },
    message: Message,
  ): Promise<void> => {
    const { seen, at } = connection;
    const { request } = exchange;
    connection.isLarge = message === "prove" && !connection.proven;
    const text = await readBody(request, message === "prove" ? MAX_LARGE : MAX_SMALL);
    if (text === undefined) return drop(connection, connection.isLarge ? undefined : "other-request");
    connection.isLarge = false;
    if (message === "hello" && !gate.isHeard(seen.address)) return drop(connection, "too-many");
    const arrived: Arrived = { text, over: connection, seen, at, got: pairs(request.rawHeaders) };
    const reply = conversations[message](arrived);
    if (reply.kind === "drop") return drop(connection, reply.as);
    if (reply.kind === "wrong-token") {
      connection.strange ??= "wrong-token";
      connection.name = reply.name;
      gate.wrong(seen.address);
      await send(connection, exchange, { status: 403, bodyOf: () => "", last: true });
      return;
    }
    if (message === "hello") connection.greeted = true;
    else {
      connection.proven = true;
      clearTimeout(connection.lifetime);
      gate.prove(connection, seen.address);
    }
    if (reply.kind === "hold") {
      const held = await hold(connection, reply.ms);
      const bodyOf = reply.after(held);
      if (held.end === "answered") await send(connection, exchange, { status: 200, bodyOf, last: false });
      return;
    }
    if (reply.instead !== undefined) drop(reply.instead as Connection);
    await send(connection, exchange, { status: 200, bodyOf: reply.bodyOf, last: reply.last });
  };

  const onRequest = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const connection = connectionOf.get(request.socket);
    if (connection === undefined) return void request.socket.destroy();
    const message = messageOf(request);
    if (message === undefined || connection.busy) return drop(connection, "other-request");
    connection.busy = true;
    try {
      await converse(connection, { request, response }, message);
    } catch {
      // Whatever went wrong is this connection's end, not that of all the others.
      drop(connection, "other-request");
    }
    connection.busy = false;
    settle();
  };

  const web = http.createServer({
    maxHeaderSize: MAX_HEAD,
    requireHostHeader: false,
    keepAlive: false,
    noDelay: true,
    // What takes too long is seen to here, on whole connections.
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 0,
  });
  web.timeout = 0;
  const dropSocket = (socket: object, as: Strangeness): void => {
    const connection = connectionOf.get(socket);
    if (connection) drop(connection, as);
  };
  web.on("request", (request, response) => void onRequest(request, response));
  // Without these, Node would answer by itself.
  web.on("checkContinue", (request) => dropSocket(request.socket, "other-request"));
  web.on("checkExpectation", (request) => dropSocket(request.socket, "other-request"));
  web.on("connect", (_request, socket) => dropSocket(socket, "other-request"));
  web.on("upgrade", (_request, socket) => dropSocket(socket, "other-request"));
  web.on("clientError", (error: Error & { readonly rawPacket?: Buffer }, socket) => {
    dropSocket(socket, error.rawPacket?.[0] === TLS_HANDSHAKE ? "spoke-tls" : "garbage");
    socket.destroy();
  });

  const secure = (connection: Connection, context: tls.SecureContext): void => {
    const { raw } = connection;
    // Whoever speaks no TLS would get an alert.
    raw.once("data", (first: Buffer) => {
      raw.pause();
      if (first[0] !== TLS_HANDSHAKE) return drop(connection, "spoke-no-tls");
      raw.unshift(first);
      const socket = new tls.TLSSocket(raw, {
        isServer: true,
        secureContext: context,
        ALPNProtocols: ["http/1.1"],
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        connection.errno ??= error.code ?? "";
        drop(connection);
      });
      connectionOf.set(socket, connection);
      web.emit("connection", socket);
    });
  };

  const onConnection = (raw: net.Socket): void => {
    const { remoteAddress, remotePort, localAddress, localPort } = raw;
    raw.on("error", () => {});
    // It has gone already.
    if (remoteAddress === undefined || localAddress === undefined) return void raw.destroy();
    const connection: Connection = {
      raw,
      seen: { address: plain(remoteAddress), port: remotePort ?? 0 },
      at: { address: plain(localAddress), port: localPort ?? 0 },
      proven: false,
      busy: false,
      isLarge: false,
      greeted: false,
      lifetime: setTimeout(() => drop(connection, "slow"), UNPROVEN_MS),
    };
    const entered = gate.enter(connection, connection.seen.address);
    if (entered === "full") {
      clearTimeout(connection.lifetime);
      raw.destroy();
      strangers.note(connection.seen.address, "too-many");
      return;
    }
    if (entered.instead) drop(entered.instead, "too-many");
    open.add(connection);
    connectionOf.set(raw, connection);
    raw.on("error", (error: NodeJS.ErrnoException) => {
      connection.errno ??= error.code ?? "";
    });
    raw.on("close", () => onClose(connection));
    awaitNext(connection);
    if (secureContext) secure(connection, secureContext);
    else web.emit("connection", raw);
  };

  const servers: net.Server[] = [];
  const close = async (): Promise<void> => {
    closing = true;
    const gone = Promise.all(servers.map(closed));
    for (const connection of open) drop(connection);
    await gone;
    for (const [timer, say] of later) {
      clearTimeout(timer);
      later.delete(timer);
      say();
    }
  };
  for (const port of new Set(options.ports)) {
    // A TCP keepalive would be no silence; Node sends none unless told to.
    const server = net.createServer({ allowHalfOpen: false, noDelay: true, keepAlive: false }, onConnection);
    const failed = await listenOn(server, port, options.address);
    if (failed) {
      await close();
      return failed;
    }
    servers.push(server);
    const bound = server.address();
    if (bound !== null && typeof bound !== "string") listening.push({ address: bound.address, port: bound.port });
  }
  return {
    listening,
    allCame,
    peers: peers.all,
    missing: peers.missing,
    strangers: strangers.all,
    close,
  };
};
