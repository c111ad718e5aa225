import http from "node:http";
import net from "node:net";
import {
  type Conversation,
  conversationOf,
  FILLER,
  type HelloAnswer,
  type IdleAnswer,
  type Message,
  newNonce,
  open,
  PATHS,
  type ProveAnswer,
  readHelloAnswer,
  seal,
} from "../../src/listen/handshake.ts";
import { type Event, type ListenerOptions, type OpenListener, openListener } from "../../src/listen/listener.ts";
import { Secret } from "../../src/model/secret.ts";

export const TOKEN = new Secret("canary-token-of-the-tests");

export interface Answer {
  readonly status: number;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** A peer that can stop, repeat itself and lie wherever a test wants. */
export interface Visitor {
  readonly post: (message: Message, body: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  readonly hello: (name: string, nonce?: string) => Promise<HelloAnswer>;
  /** Says hello first. */
  readonly begin: (name: string, token?: Secret) => Promise<Conversation>;
  readonly prove: (conversation: Conversation) => Promise<ProveAnswer>;
  readonly idle: (conversation: Conversation, idleMs: number) => Promise<IdleAnswer | undefined>;
  readonly bye: (conversation: Conversation, complaints?: readonly string[]) => Promise<void>;
  /** Hello, prove and bye. */
  readonly all: (name: string) => Promise<ProveAnswer>;
  readonly leave: () => void;
}

export const visitor = (port: number, from = "127.0.0.1"): Visitor => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const post: Visitor["post"] = (message, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const request = http.request(
        { agent, port, host: "127.0.0.1", localAddress: from, method: "POST", path: PATHS[message], headers },
        async (response) => {
          response.setEncoding("utf8");
          let text = "";
          try {
            for await (const chunk of response) text += chunk;
          } catch (error) {
            reject(error);
          }
          resolve({ status: response.statusCode ?? 0, rawHeaders: response.rawHeaders, body: text });
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  const hello: Visitor["hello"] = async (name, nonce = newNonce()) => {
    const answer = readHelloAnswer((await post("hello", JSON.stringify({ name, nonce }))).body);
    if (answer === undefined) throw new Error("no answer to a hello");
    return answer;
  };
  const begin: Visitor["begin"] = async (name, token = TOKEN) => {
    const nonce = newNonce();
    const { nonce: listener } = await hello(name, nonce);
    return conversationOf(token, name, nonce, listener);
  };
  const prove: Visitor["prove"] = async (conversation) => {
    const { status, body } = await post("prove", seal(conversation, "prove", { filler: "x".repeat(FILLER) }));
    const said = open(conversation, "prove!", body) as ProveAnswer | undefined;
    if (said === undefined) throw new Error(`status ${status}`);
    return said;
  };
  const bye: Visitor["bye"] = async (conversation, complaints = []) => {
    const { body } = await post("bye", seal(conversation, "bye", { complaints }));
    if (open(conversation, "bye!", body) === undefined) throw new Error("no answer to a bye");
  };
  return {
    post,
    hello,
    begin,
    prove,
    idle: async (conversation, idleMs) =>
      open(conversation, "idle!", (await post("idle", seal(conversation, "idle", { idleMs }))).body) as
        | IdleAnswer
        | undefined,
    bye,
    all: async (name) => {
      const conversation = await begin(name);
      const said = await prove(conversation);
      if (!("refused" in said)) await bye(conversation);
      return said;
    },
    leave: () => agent.destroy(),
  };
};

export interface Opened extends OpenListener {
  readonly port: number;
  readonly events: readonly Event[];
  /** Resolves as soon as the log has something of this kind. */
  readonly event: <Kind extends Event["kind"]>(
    kind: Kind,
    is?: (event: Extract<Event, { kind: Kind }>) => boolean,
  ) => Promise<Extract<Event, { kind: Kind }>>;
}

/** A listener on a free port of loopback. */
export const opened = async (options: Partial<ListenerOptions> = {}): Promise<Opened> => {
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  const listener = await openListener({
    ports: [0],
    address: "127.0.0.1",
    token: TOKEN,
    expected: [],
    observe: (event) => {
      events.push(event);
      for (const look of waiting) look();
    },
    ...options,
  });
  if ("ok" in listener) throw new Error(listener.message);
  return {
    ...listener,
    port: listener.listening[0]?.port ?? 0,
    events,
    event: (kind, is = () => true) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.find((event) => event.kind === kind && is(event as never));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found as never);
        };
        waiting.add(look);
        look();
      }),
  };
};

/** Says this on a connection of its own, and gives every byte that comes back, until the other end closes it. */
export const say = async (port: number, bytes: string | Buffer, from = "127.0.0.1"): Promise<Buffer> => {
  const socket = net.connect({ port, host: "127.0.0.1", localAddress: from });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.write(bytes);
  // A reset is no error here: what was sent last may never have been read.
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(chunks);
};
