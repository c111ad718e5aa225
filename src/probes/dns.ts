import { randomInt } from "node:crypto";
import dgram from "node:dgram";
import net from "node:net";
import dnsPacket from "dns-packet";
import type {
  Address,
  DnsObservation,
  DnsQuestion,
  Failed,
  Family,
  NameserverObservation,
  NameserverQuestion,
  NameserverSeen,
} from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed } from "./failure.ts";
import {
  isDomainName,
  type LookupOrder,
  nameList,
  type parseHosts,
  plainName,
  type ResolverConfig,
} from "./go-resolver.ts";
import type { Limits } from "./tcp.ts";

type RecordType = "A" | "AAAA";

/** A nameserver's reply, as far as Go's resolver cares. */
type Reply =
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "nxdomain" | "nodata" }
  | { readonly kind: "failed"; readonly code: NameserverSeen["code"] };

interface Decoded {
  readonly reply: Reply;
  readonly truncated: boolean;
}

/** Answers of resolvers are far smaller; what is longer over TCP is not read. */
const MAX_MESSAGE = 65_535;
/** The next nameserver is asked after this time too, while the one before may still answer: what Go would wait for is then known without waiting as often. */
const HEDGE_MS = 1000;

/** Of each family; an answer with more would have us connect to half a network. */
const MAX_ADDRESSES = 16;
/** A round with less time than this, milliseconds, would call every nameserver silent. */
const LEAST_TRY_MS = 50;

const encode = (id: number, name: string, type: RecordType): Buffer =>
  dnsPacket.encode({
    type: "query",
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type, name, class: "IN" }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: 1232,
        flags: 0,
        flag_do: false,
        extendedRcode: 0,
        ednsVersion: 0,
        options: [],
      },
    ],
  });

/** Undefined for anything that is not the answer to this question; a forged or broken packet is passed over. */
const decode = (message: Buffer, id: number, name: string, type: RecordType): Decoded | undefined => {
  let packet: dnsPacket.DecodedPacket;
  try {
    packet = dnsPacket.decode(message);
  } catch {
    return undefined;
  }
  const [question] = packet.questions ?? [];
  if (packet.id !== id || packet.type !== "response") return undefined;
  // dns-packet's types leave rcode out; its decoder sets it.
  const { rcode } = packet as dnsPacket.DecodedPacket & { rcode: string };
  // Some servers (unbound) refuse in a bare header, without the question. Go passes over such a reply and waits for
  // another until its time-out (golang/go#13281); the outcome is the same, and this way the reason is known.
  const bareRefusal = question === undefined && (rcode === "REFUSED" || rcode === "SERVFAIL");
  if (!bareRefusal && (question === undefined || plainName(question.name) !== name || question.type !== type)) {
    return undefined;
  }
  const truncated = packet.flag_tc;
  if (rcode === "NXDOMAIN") return { reply: { kind: "nxdomain" }, truncated };
  if (rcode === "REFUSED") return { reply: { kind: "failed", code: "dns-refused" }, truncated };
  // Go's "lame referral": a server that neither knows nor asks around; the next one is asked.
  const lame =
    !packet.flag_aa && !packet.flag_ra && [...(packet.answers ?? []), ...(packet.additionals ?? [])].length === 0;
  if (rcode !== "NOERROR" || lame) return { reply: { kind: "failed", code: "dns-servfail" }, truncated };
  const addresses = (packet.answers ?? []).flatMap((answer) =>
    answer.type === type && typeof answer.data === "string" && net.isIP(answer.data) !== 0 ? [answer.data] : [],
  );
  return {
    reply:
      addresses.length > 0 ? { kind: "addresses", addresses: addresses.slice(0, MAX_ADDRESSES) } : { kind: "nodata" },
    truncated,
  };
};

const SILENT: Reply = { kind: "failed", code: "dns-timeout" };
const ABSENT: Reply = { kind: "failed", code: "dns-no-resolver" };
const UNREACHABLE: Reply = { kind: "failed", code: "dns-unreachable" };

/** What the peer's host itself says when nobody listens there; every other error comes from this host or on the way. */
const REFUSALS = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE"]);
const unasked = (error: NodeJS.ErrnoException): Reply => (REFUSALS.has(error.code ?? "") ? ABSENT : UNREACHABLE);

interface Exchange {
  readonly server: string;
  readonly port: number;
  readonly name: string;
  readonly type: RecordType;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const overUdp = ({ server, port, name, type, timeoutMs, signal }: Exchange): Promise<Decoded> =>
  new Promise((resolve) => {
    const id = randomInt(65_536);
    const query = encode(id, name, type);
    const socket = dgram.createSocket({ type: net.isIPv6(server.replace(/%.*$/, "")) ? "udp6" : "udp4", signal });
    let open = true;
    const end = (result: Decoded): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      clearTimeout(resend);
      socket.close();
      resolve(result);
    };
    const send = (): void => {
      if (open) socket.send(query, (error) => error && end({ reply: unasked(error), truncated: false }));
    };
    const timer = setTimeout(() => end({ reply: SILENT, truncated: false }), timeoutMs);
    // One lost packet must not decide; Go would ask again too, only later.
    const resend = setTimeout(send, timeoutMs / 2);
    socket.on("error", (error) => end({ reply: unasked(error), truncated: false }));
    // Closed by the signal: nobody waits for the answer any more.
    socket.on("close", () => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      clearTimeout(resend);
      resolve({ reply: SILENT, truncated: false });
    });
    socket.on("message", (message) => {
      const decoded = decode(message, id, name, type);
      if (decoded) end(decoded);
    });
    socket.once("connect", send);
    socket.connect(port, server);
  });

const overTcp = ({ server, port, name, type, timeoutMs, signal }: Exchange): Promise<Decoded> =>
  new Promise((resolve) => {
    const id = randomInt(65_536);
    const query = encode(id, name, type);
    const socket = net.connect({ host: server, port, signal });
    let received: Buffer = Buffer.alloc(0);
    const end = (reply: Reply): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ reply, truncated: false });
    };
    const timer = setTimeout(() => end(SILENT), timeoutMs);
    socket.once("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (received.length < length + 2 && received.length < MAX_MESSAGE) return;
      end(decode(received.subarray(2, length + 2), id, name, type)?.reply ?? { kind: "failed", code: "dns-servfail" });
    });
    socket.on("error", (error) => end(unasked(error)));
    socket.on("close", () => end({ kind: "failed", code: "dns-servfail" }));
  });

const ask = async (exchange: Exchange, tcpOnly: boolean): Promise<Reply> => {
  if (tcpOnly) return (await overTcp(exchange)).reply;
  const elapsed = stopwatch();
  const { reply, truncated } = await overUdp(exchange);
  if (!truncated) return reply;
  return (await overTcp({ ...exchange, timeoutMs: Math.max(1, exchange.timeoutMs - elapsed()) })).reply;
};

export interface Resolver {
  readonly config: ResolverConfig;
  readonly hosts: ReturnType<typeof parseHosts>;
  /** As nsswitch.conf has it. Default: the hosts file, then the nameservers. */
  readonly order?: LookupOrder;
  /** 53, but for tests. */
  readonly port: number;
}

interface Asked {
  readonly reply: Reply;
  readonly from: string;
  readonly nameservers: readonly NameserverSeen[];
}

/** How many questions were asked so far under `options rotate`. */
const offsets = new WeakMap<ResolverConfig, number>();

/** The nameservers in the order in which Go asks them for its next question (serverOffset in net/dnsconfig.go). */
const inTurn = (config: ResolverConfig): readonly string[] => {
  if (!config.rotate) return config.servers;
  const offset = offsets.get(config) ?? 0;
  offsets.set(config, offset + 1);
  const first = offset % config.servers.length;
  return [...config.servers.slice(first), ...config.servers.slice(0, first)];
};

/**
 * What Go's resolver would learn from these nameservers (tryOneName in dnsclient_unix.go): in order, the first that
 * says yes or no wins; SERVFAIL, refusal and silence lead to the next one, and after the last to another round.
 * Go asks one after the other. Here the next is asked too after a second, so that a silent nameserver costs one
 * time-out and not one for every name after it, and the answers are judged in Go's order.
 */
const askInOrder = async (
  resolver: Resolver,
  name: string,
  type: RecordType,
  budgetMs: number,
  signal: AbortSignal,
): Promise<Asked> => {
  const { config, port } = resolver;
  const elapsed = stopwatch();
  const servers = inTurn(config);
  // Ends what is still under way at the later nameservers once an earlier one has decided.
  const decided = new AbortController();
  const ending = AbortSignal.any([signal, decided.signal]);
  let nameservers: NameserverSeen[] = [];
  for (let attempt = 0; attempt < config.attempts; attempt++) {
    nameservers = [];
    const answers: Promise<Reply>[] = [];
    let previous: Promise<unknown> = Promise.resolve();
    for (const server of servers) {
      const answer = previous.then(() => {
        const timeoutMs = Math.max(1, Math.min(config.timeoutMs, budgetMs - elapsed()));
        return ending.aborted ? SILENT : ask({ server, port, name, type, timeoutMs, signal: ending }, config.tcpOnly);
      });
      answers.push(answer);
      previous = Promise.race([
        answer.then((reply) => (reply.kind === "failed" ? undefined : new Promise<never>(() => {}))),
        pause(HEDGE_MS * answers.length),
      ]);
    }
    for (const [index, answer] of answers.entries()) {
      const reply = await answer;
      const server = servers[index] ?? "";
      if (reply.kind !== "failed") {
        decided.abort();
        return { reply, from: server, nameservers };
      }
      nameservers.push({ server, code: reply.code });
    }
    if (budgetMs - elapsed() < LEAST_TRY_MS || signal.aborted) break;
  }
  const first = nameservers[0]?.code ?? "dns-timeout";
  // Silence weighs more than a refusal: the nameserver that should have answered is the one to look at.
  const code = nameservers.some((seen) => seen.code === "dns-timeout") ? "dns-timeout" : first;
  return { reply: { kind: "failed", code }, from: "", nameservers };
};

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });

const familyOf = (address: string): Family => (net.isIPv6(address) ? 6 : 4);

const SAYS: Readonly<Record<NameserverSeen["code"], string>> = {
  "dns-servfail": "answered SERVFAIL",
  "dns-refused": "refused the question",
  "dns-timeout": "did not answer",
  "dns-no-resolver": "has no DNS service",
  "dns-unreachable": "cannot be asked from here: no route, or a packet filter",
};

const describe = (nameservers: readonly NameserverSeen[]): string =>
  nameservers.map(({ server, code }) => `nameserver ${server} ${SAYS[code]}`).join(", ");

/** What the nameservers say of a name: of every name that the search list makes of it, until one is found. */
const askServers = async (
  { name, family }: DnsQuestion,
  resolver: Resolver,
  { timeoutMs, signal }: Limits,
  elapsed: () => number,
): Promise<DnsObservation> => {
  if (!isDomainName(name)) return failed("resolve", "dns-nxdomain", "it is no domain name", elapsed());
  const types: readonly RecordType[] = family === undefined ? ["A", "AAAA"] : family === 4 ? ["A"] : ["AAAA"];
  let last: Failed | undefined;
  for (const candidate of nameList(name, resolver.config)) {
    const budgetMs = Math.max(1, timeoutMs - elapsed());
    const asked = await Promise.all(types.map((type) => askInOrder(resolver, candidate, type, budgetMs, signal)));
    const addresses = asked
      .flatMap(({ reply }) => (reply.kind === "addresses" ? reply.addresses : []))
      .map((address) => ({ address, family: familyOf(address) }));
    const answered = asked.find(({ reply }) => reply.kind === "addresses");
    if (answered) {
      const { from, nameservers } = answered;
      return { ok: true, elapsedMs: elapsed(), addresses, from, nameservers };
    }
    const broken = asked.find(({ reply }) => reply.kind === "failed");
    const nodata = asked.find(({ reply }) => reply.kind === "nodata");
    const now = ((): Failed => {
      if (broken?.reply.kind === "failed") {
        return {
          ...failed("resolve", broken.reply.code, describe(broken.nameservers), elapsed()),
          nameservers: broken.nameservers,
        };
      }
      const from = `from nameserver ${asked[0]?.from}`;
      return nodata
        ? failed("resolve", "dns-nodata", `an empty answer ${from}`, elapsed())
        : failed("resolve", "dns-nxdomain", `NXDOMAIN ${from}`, elapsed());
    })();
    // Go prefers what was said of the name as it was asked for.
    if (last === undefined || candidate === plainName(name)) last = now;
    if (elapsed() >= timeoutMs || signal.aborted) break;
  }
  return last ?? failed("resolve", "dns-nxdomain", `${name} is not a name that can be asked for`, elapsed());
};

/** Resolves a name as CrowdSec's Go resolver would: literal, hosts file, then the nameservers of resolv.conf. */
export const probeDns = async (question: DnsQuestion, resolver: Resolver, limits: Limits): Promise<DnsObservation> => {
  const elapsed = stopwatch();
  const { name, family } = question;
  const known = (all: readonly Address[], from: string, origin?: string): DnsObservation => {
    const addresses = all.flatMap((one) =>
      family === undefined || one.family === family ? [{ address: one.address, family: one.family }] : [],
    );
    if (addresses.length > 0) {
      return { ok: true, elapsedMs: elapsed(), addresses, from, nameservers: [], ...(origin && { origin }) };
    }
    const what = family === undefined ? "no address" : `no IPv${family} address`;
    return failed("resolve", "dns-nodata", `${name} has ${what}${origin ? ` in ${origin}` : ""}`, elapsed());
  };
  // Whoever writes an address means it, whichever family the names are asked for.
  if (net.isIP(name) !== 0) {
    const addresses = [{ address: name, family: familyOf(name) }];
    return { ok: true, elapsedMs: elapsed(), addresses, from: "literal", nameservers: [] };
  }
  const pinned = resolver.hosts.get(plainName(name));
  const fromHosts = (): DnsObservation | undefined => {
    if (pinned === undefined) return undefined;
    const first = pinned.find((entry) => family === undefined || entry.family === family) ?? pinned[0];
    return known(pinned, "hosts", `/etc/hosts:${first?.line}`);
  };
  const { order = ["files", "dns"] } = resolver;
  if (order[0] === "files") {
    const found = fromHosts();
    if (found) return found;
  }
  if (!order.includes("dns")) {
    const message = "it is not in /etc/hosts, and /etc/nsswitch.conf has no nameserver asked (hosts: without dns)";
    return failed("resolve", "dns-nxdomain", message, elapsed());
  }
  const answered = await askServers(question, resolver, limits, elapsed);
  return answered.ok || order[0] === "files" || !order.includes("files") ? answered : (fromHosts() ?? answered);
};

/**
 * One question for IPv4 addresses to one nameserver, as Go would put it; a second time when half of the time has passed.
 *
 * @param port 53, but for tests
 */
export const probeNameserver = async (
  { server, name }: NameserverQuestion,
  port: number,
  { timeoutMs, signal }: Limits,
): Promise<NameserverObservation> => {
  const elapsed = stopwatch();
  const refuse = (code: NameserverSeen["code"]): Failed => {
    const nameservers = [{ server, code }];
    return { ...failed("resolve", code, describe(nameservers), elapsed()), nameservers };
  };
  // Where resolv.conf has a name in place of an address, nobody is asked.
  if (net.isIP(server) === 0) return refuse("dns-no-resolver");
  if (signal.aborted) return refuse("dns-timeout");
  const reply = await ask({ server, port, name: plainName(name), type: "A", timeoutMs, signal }, false);
  return reply.kind === "failed" ? refuse(reply.code) : { ok: true, elapsedMs: elapsed(), answer: reply.kind };
};
