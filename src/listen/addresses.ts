import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";

/** Interfaces of containers and virtual machines of this host: nobody else reaches it there. */
const INTERNAL = /^(?:docker|br-|veth|virbr|cni|flannel|cali|podman|lxcbr|lxdbr|kube|tunl|vnet)/;

/** An address that needs an interface's name beside it, or that nobody gave. */
const LINK_LOCAL = /^(?:fe[89ab]|169\.254\.)/i;

/** Documentation's own, which nobody has (RFC 5737, RFC 3849): a way there is the default one. */
const FAR = { udp4: "192.0.2.1", udp6: "2001:db8::1" } as const;
const ANY_PORT = 9;

/** The address from which this host's packets to the world leave; nothing is sent to learn it. */
const sourceOf = (kind: "udp4" | "udp6"): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = createSocket(kind);
    const end = (address?: string): void => {
      resolve(address);
      socket.removeAllListeners("error").on("error", () => {});
      socket.close();
    };
    socket.once("error", () => end());
    try {
      socket.connect(ANY_PORT, FAR[kind], () => end(socket.address().address));
    } catch {
      end();
    }
  });

/** Addresses of this host. */
export interface OwnAddresses {
  /** Those by which other hosts may reach it, the likeliest first. */
  readonly reachable: readonly string[];
  /** Every one, loopback included. */
  readonly all: readonly string[];
}

/** What the world is reached from comes first, IPv4 before IPv6, then the rest as the system lists them. */
export const ownAddresses = async (): Promise<OwnAddresses> => {
  const found = Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list.map(({ address, internal }) => ({ address, isOutside: !internal && !INTERNAL.test(name) })),
  );
  const outside = found
    .filter(({ address, isOutside }) => isOutside && !LINK_LOCAL.test(address))
    .map(({ address }) => address)
    // The sort is stable.
    .sort((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
  const sources = (await Promise.all([sourceOf("udp4"), sourceOf("udp6")])).flatMap((source) =>
    source !== undefined && outside.includes(source) ? [source] : [],
  );
  return {
    reachable: [...new Set([...sources, ...outside])],
    all: [...new Set(found.map(({ address }) => address))],
  };
};
