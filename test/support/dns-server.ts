import dgram from "node:dgram";
import net from "node:net";
import dnsPacket from "dns-packet";

/** What a nameserver does with the questions for one name; without any of these it answers "no such record". */
export interface Behaviour {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly rcode?: "NXDOMAIN" | "SERVFAIL" | "REFUSED";
  /** The name is an alias (CNAME) of this one, which has the addresses. */
  readonly alias?: string;
  /** Knows nothing of the name and does not ask around: an empty answer without authority or recursion. */
  readonly lame?: true;
  /** The answer does not repeat the question, as a refusal of unbound does not. */
  readonly bare?: true;
  /** Never answers: any question, or those of one type. */
  readonly silent?: true | "A" | "AAAA";
  readonly delayMs?: number;
  /** Takes no notice of the first packet of each type. */
  readonly dropsFirst?: true;
  /** Over UDP the answer is empty, with the TC flag; over TCP it is whole. */
  readonly truncated?: true;
  /** Sent over UDP ahead of the true answer; a client must pass over it. */
  readonly ahead?: "other id" | "other name" | "other type" | "other refusal" | "question" | "garbage";
  /** What happens over TCP in place of the answer. */
  readonly tcp?: "silent" | "closes" | "garbage" | "in pieces";
}

export type Zone = Readonly<Record<string, Behaviour>>;

/** An address that only a forged packet names. */
export const FORGED = "203.0.113.66";

export interface Nameserver {
  readonly address: string;
  /** Every question that came in: `udp A lapi.test`. */
  readonly asked: string[];
}

export interface Nameservers {
  /** One port, on which each nameserver listens at its own loopback address. */
  readonly port: number;
  readonly servers: readonly Nameserver[];
  close(): Promise<void>;
}

const RCODES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Asked {
  readonly id: number;
  readonly name: string;
  readonly type: "A" | "AAAA";
  readonly behaviour: Behaviour;
}

/** A message that is no DNS is a question for the name "unreadable", which stays without an answer. */
const understand = (message: Buffer, zone: Zone): Asked => {
  try {
    const { id = 0, questions: [question] = [] } = dnsPacket.decode(message);
    const name = question?.name ?? "";
    const type = question?.type === "AAAA" ? "AAAA" : "A";
    return { id, name, type, behaviour: zone[name.toLowerCase()] ?? { rcode: "NXDOMAIN" } };
  } catch {
    return { id: 0, name: "unreadable", type: "A", behaviour: { silent: true } };
  }
};

const answer = ({ id, name, type, behaviour }: Asked, addresses = behaviour[type] ?? [], flags = 0): Buffer =>
  dnsPacket.encode({
    type: "response",
    id,
    flags:
      dnsPacket.RECURSION_DESIRED |
      (behaviour.lame ? 0 : dnsPacket.RECURSION_AVAILABLE) |
      flags |
      (behaviour.rcode === undefined ? 0 : RCODES[behaviour.rcode]),
    questions: behaviour.bare ? [] : [{ type, name, class: "IN" }],
    answers: [
      ...(behaviour.alias === undefined ? [] : [{ type: "CNAME", name, ttl: 60, data: behaviour.alias } as const]),
      ...addresses.map((data) => ({ type, name: behaviour.alias ?? name, ttl: 60, data })),
    ],
  });

const forged = (asked: Asked): Buffer | undefined => {
  const addresses = [asked.type === "A" ? FORGED : `::ffff:${FORGED}`];
  const as = (other: Partial<Asked>): Buffer => answer({ ...asked, ...other, behaviour: {} }, addresses);
  switch (asked.behaviour.ahead) {
    case "other id":
      return as({ id: asked.id ^ 1 });
    case "other name":
      return as({ name: "forged.test" });
    case "other type":
      return answer({ ...asked, type: asked.type === "A" ? "AAAA" : "A", behaviour: {} }, []);
    case "other refusal":
      return answer({ ...asked, name: "forged.test", behaviour: { rcode: "REFUSED" } }, []);
    case "question":
      return dnsPacket.encode({ type: "query", id: asked.id, questions: [{ type: asked.type, name: asked.name }] });
    case "garbage":
      return Buffer.from([asked.id >> 8, asked.id & 255, 0x81, 0x80, 255, 255, 255, 255, 1, 2, 3]);
    default:
      return undefined;
  }
};

const overUdp = (socket: dgram.Socket, zone: Zone, asked: string[]): void => {
  const dropped = new Set<string>();
  socket.on("message", async (message, { address, port }) => {
    const question = understand(message, zone);
    const { behaviour, name, type } = question;
    asked.push(`udp ${type} ${name}`);
    if (behaviour.silent === true || behaviour.silent === type) return;
    if (behaviour.dropsFirst && !dropped.has(`${type} ${name}`)) {
      dropped.add(`${type} ${name}`);
      return;
    }
    const send = (reply: Buffer): void => socket.send(reply, port, address, () => {});
    const ahead = forged(question);
    if (ahead) send(ahead);
    await pause(behaviour.delayMs ?? 0);
    try {
      send(behaviour.truncated ? answer(question, [], dnsPacket.TRUNCATED_RESPONSE) : answer(question));
    } catch {
      // Closed meanwhile: the test is over.
    }
  });
};

const overTcp = (socket: net.Socket, zone: Zone, asked: string[]): void => {
  socket.on("error", () => {});
  socket.once("data", async (framed: Buffer) => {
    const question = understand(framed.subarray(2), zone);
    const { behaviour, name, type } = question;
    asked.push(`tcp ${type} ${name}`);
    if (behaviour.silent === true || behaviour.tcp === "silent") return;
    if (behaviour.tcp === "closes") {
      socket.end();
      return;
    }
    const reply = behaviour.tcp === "garbage" ? Buffer.from("no DNS at all") : answer(question);
    const whole = Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]);
    if (behaviour.tcp !== "in pieces") {
      socket.end(whole);
      return;
    }
    for (const byte of whole) {
      socket.write(Buffer.from([byte]));
      await pause(1);
    }
    socket.end();
  });
};

const bind = (socket: dgram.Socket, port: number, address: string): Promise<number> =>
  new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => resolve(socket.address().port));
  });

const listen = (server: net.Server, port: number, address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });

/** All on one port, since a resolver has one for all of its nameservers; undefined when another program has it somewhere. */
const tryToStart = async (zones: readonly Zone[]): Promise<Nameservers | undefined> => {
  const closers: (() => Promise<void>)[] = [];
  const servers: Nameserver[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closers.map((end) => end()));
  };
  let port = 0;
  try {
    for (const [index, zone] of zones.entries()) {
      const server: Nameserver = { address: `127.0.0.${index + 1}`, asked: [] };
      const udp = dgram.createSocket("udp4");
      closers.push(() => new Promise((resolve) => udp.close(() => resolve())));
      port = await bind(udp, port, server.address);
      overUdp(udp, zone, server.asked);

      const sockets = new Set<net.Socket>();
      const tcp = net.createServer((socket) => {
        sockets.add(socket);
        overTcp(socket, zone, server.asked);
      });
      await listen(tcp, port, server.address);
      closers.push(
        () =>
          new Promise((resolve) => {
            tcp.close(() => resolve());
            for (const socket of sockets) socket.destroy();
          }),
      );
      servers.push(server);
    }
    return { port, servers, close };
  } catch {
    await close();
    return undefined;
  }
};

/** Starts one nameserver for each zone, at 127.0.0.1, 127.0.0.2 and so on. */
export const startNameservers = async (...zones: readonly Zone[]): Promise<Nameservers> => {
  for (let attempt = 0; attempt < 20; attempt++) {
    const started = await tryToStart(zones);
    if (started) return started;
  }
  throw new Error("no port that is free at every address");
};
