import { randomBytes } from "node:crypto";
import http from "node:http";
import type net from "node:net";
import {
  alterations,
  type Bye,
  type Conversation,
  conversationOf,
  FILLER,
  type Head,
  type Idle,
  isProof,
  MAX_LARGE,
  MAX_NAME,
  type Message,
  newNonce,
  open as openSealed,
  PATHS,
  type Prove,
  type ProveAnswer,
  readHelloAnswer,
  readIdleAnswer,
  readProveAnswer,
  seal,
} from "../listen/handshake.ts";
import type {
  Alteration,
  Failed,
  HttpAnswered,
  Layer,
  PeerAnswered,
  PeerObservation,
  PeerQuestion,
  Phase,
  SocketEnd,
} from "../model/observation.ts";
import type { ProxyServer } from "../model/proxy.ts";
import { duration, printable } from "../model/text.ts";
import { ANYBODY } from "../model/trust.ts";
import { stopwatch } from "./clock.ts";
import { failed, failedAfter, failure } from "./failure.ts";
import type { Tools } from "./http.ts";
import { handshakeLayer, type Opened, open } from "./open.ts";
import { judgeForwarded, proxyAuthorization, withoutCredentials } from "./proxy.ts";

/** Bytes kept of a small answer: a stranger's page is read as far as its title. */
const MAX_PAGE = 16 * 1024;

/** One answer, whole or as far as it was read, and what was said to get it. */
interface Said extends Pick<HttpAnswered, "ok" | "status" | "headers" | "body" | "truncated" | "elapsedMs"> {
  readonly asked: Head;
  readonly head: Head;
}

/** Lets the conversation's messages out one after the other, over the same connection as long as that is kept. */
interface Line {
  /** Of the connection that was opened last. */
  readonly opened: () => Opened;
  readonly post: (
    message: Message,
    body: string,
    limits: { timeoutMs: number; maxBytes: number },
  ) => Promise<Said | Failed>;
  readonly close: () => void;
}

const GONE = "connection closed before an HTTP response";

const paired = (raw: readonly string[]): Head =>
  Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index] ?? "", raw[2 * index + 1] ?? ""] as const);

/** @param reopen Where whoever answers closes the connection, as some proxies do after each answer. */
const lineOver = (
  first: Opened,
  { url, proxy }: PeerQuestion,
  { limits, userAgent }: Tools,
  reopen: () => Promise<Opened | Failed>,
): Line => {
  const { origin, host } = new URL(url);
  const { forwarder } = first;
  let latest = first;
  let ready: Opened | undefined = first;
  let kept = true;
  const sockets = new Set([first.socket]);
  const next = async (): Promise<net.Socket> => {
    const saw = ready ?? (await reopen());
    ready = undefined;
    if (!saw.ok) throw Object.assign(new Error(saw.message), { saw });
    if (saw.socket.destroyed) throw Object.assign(new Error(GONE), { code: "ECONNRESET" });
    latest = saw;
    sockets.add(saw.socket);
    return saw.socket;
  };
  const agent = Object.assign(new http.Agent({ keepAlive: true, maxSockets: 1 }), {
    // Node's own would have the kernel send a probe every second: no silence any more for those who count it. A listener
    // says that it keeps the connection; where that is missing, somebody between may not (tinyproxy closes, and does not say so).
    keepSocketAlive: () => kept,
    createConnection: (_options: unknown, callback?: (error: Error | null, socket: net.Socket) => void): undefined => {
      next().then(
        (socket) => callback?.(null, socket),
        (error: Error) => callback?.(error, undefined as never),
      );
      return undefined;
    },
  });

  const post: Line["post"] = (message, body, { timeoutMs, maxBytes }) =>
    new Promise((resolve) => {
      const elapsed = stopwatch();
      const asked: Head = [
        ["Host", host],
        ["User-Agent", userAgent],
        ["Accept", "application/json"],
        ["Content-Type", "application/json"],
        ["Content-Length", String(Buffer.byteLength(body))],
        ["Connection", "keep-alive"],
      ];
      const authorization = forwarder && proxyAuthorization(forwarder);
      const login: Head = authorization ? [["Proxy-Authorization", authorization.reveal()]] : [];
      const request = http.request({
        agent,
        method: "POST",
        path: forwarder ? `${origin}${PATHS[message]}` : PATHS[message],
        // As a list, nothing is added to it.
        headers: [...asked, ...login].flat(),
        signal: limits.signal,
      });
      let begun = "";
      const settle = (result: Said | Failed): void => {
        clearTimeout(timer);
        resolve(result);
      };
      const giveUp = (result: Said | Failed): void => {
        settle(result);
        request.destroy();
      };
      const timer = setTimeout(() => {
        const says = begun === "" ? "no HTTP response" : `${begun}, which did not end`;
        giveUp(failed("response", "http-timeout", `${says} within ${timeoutMs} ms`, elapsed()));
      }, timeoutMs);
      request.on("error", (error: Error & { readonly saw?: Failed; readonly rawPacket?: Buffer }) => {
        const { saw = failure("response", error, elapsed()), rawPacket } = error;
        settle({ ...saw, ...(rawPacket && { message: strangerOf(rawPacket, proxy) }) });
      });
      request.on("response", (response) => {
        const { statusCode: status = 0, rawHeaders } = response;
        begun = `HTTP ${status}`;
        kept = /\bkeep-alive\b/i.test(response.headers.connection ?? "");
        const head = paired(rawHeaders);
        const headers = Object.fromEntries(
          Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(", ")]),
        );
        const chunks: Buffer[] = [];
        let size = 0;
        const said = (truncated: boolean): Said => {
          const text = Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
          return { ok: true, status, headers, body: text, truncated, elapsedMs: elapsed(), asked, head };
        };
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > maxBytes) giveUp(said(true));
        });
        response.on("end", () => settle(said(false)));
        response.on("error", (error) => {
          const saw = failure("response", error, elapsed());
          settle({ ...saw, message: `${begun}, which breaks off after ${size} bytes` });
        });
      });
      request.end(body);
    });
  return {
    opened: () => latest,
    post,
    close: () => {
      agent.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
};

/** A TLS record: an alert, or a handshake. */
const isTls = (bytes: Buffer): boolean => (bytes[0] === 21 || bytes[0] === 22) && bytes[1] === 3;

/** What is no HTTP at all, by its first bytes. */
const strangerOf = (bytes: Buffer, proxy: ProxyServer | undefined): string => {
  if (isTls(bytes)) return "a TLS server answers there, asked without TLS";
  // It may repeat what a proxy was told.
  return proxy?.credentials ? "no HTTP" : `no HTTP: "${printable(bytes.toString("latin1", 0, 200), 60)}"`;
};

/** An answer that is not the listener's, in a few words by which a person recognises whose it is. */
const described = ({ status, headers, body }: Said): string => {
  const title = /<title[^>]{0,200}>([^<]{1,80})/i.exec(body)?.[1];
  const words = printable(title ?? body, 60);
  const { server } = headers;
  const parts = [`HTTP ${status}`, server && `Server: ${printable(server, 60)}`, words && `"${words}"`];
  return parts.filter(Boolean).join(", ");
};

/** Within a report, IPv4 in the spelling of IPv6 is taken as IPv4. */
const plain = ({ address, port }: SocketEnd): SocketEnd => ({
  address: address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, ""),
  port,
});

/** What became of both heads; what a proxy is told to let somebody in is nobody else's business. */
const alteredOf = (said: Said, { got, sent }: Seen, proxy: ProxyServer | undefined): readonly Alteration[] =>
  [...alterations("there", said.asked, got), ...alterations("back", sent, said.head)]
    .filter(({ name }) => name !== "proxy-authorization")
    .map(({ value, ...rest }) => ({
      ...rest,
      name: printable(rest.name, 60),
      // It may repeat the proxy's credentials.
      ...(value !== undefined && !proxy?.credentials && { value: printable(value, 120) }),
    }));

/** What a listener says once it knows its peer. */
type Seen = Exclude<ProveAnswer, { readonly refused: string }>;

type Silence = NonNullable<PeerAnswered["idle"]>;

/** Whoever sealed this knows the token: a listener of another version, or one with a defect. The phase tells it from a stranger. */
const unknownAnswer = (message: string, { elapsedMs }: Said): Failed =>
  failed("login", "peer-foreign", message, elapsedMs);

/** Milliseconds that really passed, and those that the listener says: no more than the clocks of two hosts differ by. */
const isCredible = (heldMs: number, elapsedMs: number): boolean => heldMs <= elapsedMs * 1.1 + 50;

/** What the listener is told of it all. A proxy that is known to be there is expected to leave its marks. */
const complaintsOf = (
  { altered, intercepted, idle }: Pick<PeerAnswered, "altered" | "intercepted" | "idle">,
  { forwarder }: Opened,
): Bye["complaints"] => [
  ...(intercepted ? ["peer-intercepted"] : []),
  ...(altered.length > 0 && forwarder === undefined ? ["peer-altered"] : []),
  ...(idle?.survived === false ? ["peer-idle-cut"] : []),
];

/**
 * Talks to a listener: connects as an HTTP request would, and says the four messages of src/listen/handshake.ts over this
 * connection. The token is not sent, only proved. Takes as long as the silence, and each other message `timeoutMs` at most.
 */
export const probePeer = async (question: PeerQuestion, tools: Tools): Promise<PeerObservation> => {
  const { url, address, proxy, token, idleMs } = question;
  const { limits } = tools;
  const { timeoutMs, signal } = limits;
  const secure = url.startsWith("https:");
  // Under seal the listener says which certificate is its own.
  const trust = secure ? ANYBODY : undefined;
  const trusted = secure || proxy?.scheme === "https" ? await tools.context(trust) : undefined;
  const elapsed = stopwatch();
  const layers: Layer[] = [];
  const fail = failedAfter(layers, elapsed);
  if (trusted?.ok === false) return fail(trusted);
  const opening = { url, address, ...(proxy && { proxy }), ...(trust && { trust }) };
  const first = await open(opening, trusted?.context, limits, layers);
  if (!first.ok) return fail(first);
  if (first.tls) layers.push(handshakeLayer(first.tls));
  const seen = first.tls && { tls: first.tls.seen };
  const line = lineOver(first, question, tools, () => open(opening, trusted?.context, limits, []));

  const judged = (said: Said | Failed): Said | Failed => {
    const { forwarder } = first;
    if (proxy === undefined || signal.aborted) return said;
    return forwarder
      ? judgeForwarded(forwarder, said, said.elapsedMs)
      : withoutCredentials(proxy, said, { keepUser: first.tls !== undefined });
  };
  const small = { timeoutMs, maxBytes: MAX_PAGE };
  const passed = (phase: Phase, { elapsedMs: durationMs }: Said, detail: string): void => {
    layers.push({ phase, ok: true, durationMs, detail });
  };

  /** Who is there, and whether it knows the token. */
  const greet = async (): Promise<Conversation | Failed> => {
    const name = question.name.slice(0, MAX_NAME) || "unnamed";
    const nonce = newNonce();
    const said = judged(await line.post("hello", JSON.stringify({ name, nonce }), small));
    if (!said.ok) {
      // The parser's own codes: what came is no HTTP.
      const garbled = said.code === "http-invalid" && (said.errno ?? "").startsWith("HPE_");
      return garbled ? { ...said, code: "peer-foreign" } : said;
    }
    const answer = said.truncated ? undefined : readHelloAnswer(said.body);
    if (answer === undefined) return failed("response", "peer-foreign", described(said), said.elapsedMs);
    const conversation = conversationOf(token, name, nonce, answer.nonce);
    if (!isProof(answer.proof, token, nonce, answer.nonce)) {
      // Its log shall have it too: this is refused there.
      await line.post("prove", seal(conversation, "prove", { filler: "" } satisfies Prove), small);
      return failed("login", "peer-token-refused", "the listener has another token", said.elapsedMs);
    }
    passed("response", said, "hello");
    return conversation;
  };

  /** What a small message's answer says nothing of: whether a large one gets there and back. */
  const prove = async (
    conversation: Conversation,
  ): Promise<{ readonly ok: true; readonly said: Said; readonly seen: Seen } | Failed> => {
    const filler = randomBytes(FILLER / 2).toString("hex");
    const body = seal(conversation, "prove", { filler } satisfies Prove);
    const said = await line.post("prove", body, { timeoutMs, maxBytes: MAX_LARGE });
    if (!said.ok) {
      if (said.phase !== "response" || signal.aborted) return said;
      const message = `${FILLER / 1024} KiB, after a small message that was answered: ${said.message}`;
      return { ...said, phase: "request", code: "peer-stalled", message };
    }
    const sealed = said.truncated ? undefined : openSealed<unknown>(conversation, "prove!", said.body);
    if (sealed === undefined) {
      const stranger = judged(said);
      if (!stranger.ok) return stranger;
      const message = `${described(stranger)}, to ${FILLER / 1024} KiB, after a small message that the listener answered`;
      return failed("response", "peer-foreign", message, said.elapsedMs);
    }
    const answer = readProveAnswer(sealed);
    if (answer === undefined)
      return unknownAnswer("it answers the large message in a way that this version does not know", said);
    if ("refused" in answer) {
      if (answer.refused === "other")
        return unknownAnswer("it refuses this host for a reason that this version does not know", said);
      return answer.refused === "used"
        ? failed("login", "peer-token-used", `used from ${answer.by}, at ${answer.at}`, said.elapsedMs)
        : failed("login", "peer-full", "the listener takes no more", said.elapsedMs);
    }
    if (answer.filler.length < FILLER)
      return unknownAnswer(`it sends ${answer.filler.length} bytes in place of ${FILLER}`, said);
    passed("request", said, `${FILLER / 1024} KiB each way`);
    return { ok: true, said, seen: answer };
  };

  const beSilent = async (conversation: Conversation): Promise<Silence | Failed> => {
    const body = seal(conversation, "idle", { idleMs } satisfies Idle);
    const said = await line.post("idle", body, { timeoutMs: idleMs + timeoutMs, maxBytes: MAX_PAGE });
    const lost = (how: "cut" | "silent", message: string): Silence => {
      layers.push({ phase: "response", ok: false, durationMs: said.elapsedMs, detail: message });
      return { survived: false, how, afterMs: Math.round(said.elapsedMs), message };
    };
    if (!said.ok) return lost(said.code === "http-timeout" ? "silent" : "cut", said.message);
    const sealed = openSealed<unknown>(conversation, "idle!", said.body);
    if (sealed === undefined) {
      const stranger = judged(said);
      return lost("cut", stranger.ok ? described(stranger) : stranger.message);
    }
    const answer = readIdleAnswer(sealed);
    if (answer === undefined)
      return unknownAnswer("it ends the silence with an answer that this version does not know", said);
    if (!isCredible(answer.heldMs, said.elapsedMs)) {
      const [claimed, passedHere] = [duration(answer.heldMs), duration(said.elapsedMs)];
      return unknownAnswer(`it says that it was silent for ${claimed}, and answered after ${passedHere}`, said);
    }
    // A listener may end it earlier, when its own time is up.
    const ms = Math.min(idleMs, answer.heldMs);
    passed("response", said, `silence of ${duration(ms)}`);
    return { survived: true, ms };
  };

  try {
    const conversation = await greet();
    if ("ok" in conversation) return fail({ ...conversation, ...seen });
    const proved = await prove(conversation);
    if (!proved.ok) return fail({ ...proved, ...seen });
    const at = line.opened();
    const { certificate } = proved.seen;
    const idle = idleMs > 0 ? await beSilent(conversation) : undefined;
    if (signal.aborted) {
      const message = "the run was ended before the listener had answered";
      return fail({ ...failed("response", "http-invalid", message, elapsed()), errno: "ABORT_ERR" });
    }
    if (idle && "ok" in idle) return fail({ ...idle, ...seen });
    const result = {
      altered: alteredOf(proved.said, proved.seen, proxy),
      intercepted: at.tls?.fingerprint !== certificate?.fingerprint,
      ...(idle && { idle }),
    };
    const elapsedMs = elapsed();
    // Where the silence broke the connection, over a new one; where that fails too, the listener's table lacks a word.
    await line.post("bye", seal(conversation, "bye", { complaints: complaintsOf(result, at) } satisfies Bye), small);
    return {
      ok: true,
      elapsedMs,
      layers,
      ...seen,
      own: plain(at.own),
      seen: plain(proved.seen.seen),
      listener: plain(proved.seen.at),
      ...result,
      ...(certificate && { certificate: certificate.given ? "given" : "throw-away" }),
      bytes: FILLER,
    };
  } finally {
    line.close();
  }
};
