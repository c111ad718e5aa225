import type { Secret } from "../model/secret.ts";
import type { Peer } from "../model/topology.ts";
import { readUrl } from "../model/url.ts";
import { TOKEN_VARIABLE } from "./token.ts";
import { UsageError } from "./usage-error.ts";
import { typed } from "./values.ts";

const HAS_PORT = /:\d{1,5}$/;

/** `HOST:PORT`, as the listener prints it; `https://` before one that speaks TLS. */
const parsePeer = (written: string): Pick<Peer, "name" | "url"> => {
  const text = written.trim().replace(/\/$/, "");
  const refuse = (problem: string): never => {
    throw new UsageError(
      `--peer wants HOST:PORT, or https://HOST:PORT, as the listener prints it; "${typed(text)}" is ${problem}.`,
    );
  };
  const read = readUrl(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (!read.ok) return refuse(read.problem);
  const { protocol, host, hostname, port, pathname } = new URL(read.url);
  if (pathname !== "/") return refuse("more than that");
  // A URL leaves its scheme's own port out; nobody means 80 here without saying so.
  if (!HAS_PORT.test(text)) return refuse("without a port");
  const place = port === "" ? `${hostname}:${protocol === "https:" ? 443 : 80}` : host;
  return { name: place, url: { value: `${protocol}//${place}/`, origin: "--peer" } };
};

/** What `--peer` names, each once. Without a token there is no conversation. */
export const readPeers = (texts: readonly string[], token: Secret | undefined, idleMs: number): readonly Peer[] => {
  const peers = texts.map(parsePeer);
  if (peers.length === 0) return [];
  if (token === undefined)
    throw new UsageError(
      `--peer needs the token that the listener printed: in the environment as ${TOKEN_VARIABLE}, or by --token-file FILE.`,
    );
  return [...new Map(peers.map((peer) => [peer.name, { ...peer, token, idleMs }])).values()];
};
