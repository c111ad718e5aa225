import { catalogue, OUTGOING } from "../../checks/index.ts";
import { EXIT_UNJUDGED, exitCodeOfSignal } from "../exit-code.ts";
import {
  type AllowList,
  allowList,
  type FirewallFormat,
  formats,
  isByAddress,
  lackingNames,
  rangeOf,
  type Seen,
  unknownNames,
} from "../firewall/index.ts";
import type { DnsObservation, Prober } from "../model/observation.ts";
import type { Topology } from "../model/topology.ts";
import { startProgress } from "../progress.ts";
import { runChecks } from "../runner/index.ts";
import { inSession, type SessionOptions, type Tool } from "./session.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface FirewallOptions extends Omit<SessionOptions, "allowWrites"> {
  readonly output: FirewallFormat;
  readonly from: Seen["from"];
}

/** Ranges in CIDR notation, or single addresses; repeated flags and commas add up. */
export const parseRanges = (flag: string, texts: readonly string[]): readonly string[] => {
  const ranges = texts
    .flatMap((text) => text.split(","))
    .map((text) => {
      const range = rangeOf(text.trim());
      if (range === undefined)
        throw new UsageError(
          `${flag} wants an address or a range of addresses such as 10.0.0.0/8; not "${text.trim()}".`,
        );
      return range;
    });
  return [...new Set(ranges)];
};

const DEFAULT_COLUMNS = 80;

/** The names of the internet are what the outgoing checks ask; all else needs no more than a nameserver. */
const isAsked = (id: string): boolean => OUTGOING.some((row) => row.id === id);

/** What only the C library knows, CrowdSec may still know by it. */
const lookUp = async (probe: Prober, name: string): Promise<readonly [string, DnsObservation]> => {
  const saw = await probe.dns({ name });
  if (saw.ok) return [name, saw];
  const libc = await probe.dns({ name, by: "libc" });
  return [name, libc.ok ? libc : saw];
};

/** Where systemd's resolver on 127.0.0.53 says whom it asks itself (systemd-resolved.service(8)). */
const UPSTREAM = "/run/systemd/resolve/resolv.conf";
const STUB = /^127\.0\.0\.5[34]$/;

const upstreamOf = async (probe: Prober, { resolver }: Topology): Promise<readonly string[] | undefined> => {
  if (!resolver.servers.some((server) => STUB.test(server))) return undefined;
  const saw = await probe.file(UPSTREAM);
  if (!saw.ok) return undefined;
  return saw.content.split("\n").flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
};

/** Why a list should not be loaded: it is not complete, or what it has no address for would be shut off. */
const doubtOf = (list: AllowList, output: FirewallFormat, signal: AbortSignal): string | undefined => {
  if (signal.aborted) return `${signal.reason}: the list is not complete.`;
  const lacking = isByAddress(output) ? lackingNames(list) : [];
  if (lacking.length === 0) return undefined;
  const have = lacking.length === 1 ? "1 name has" : `${lacking.length} names have`;
  return `${have} no address now: ${lacking.join(", ")}; this list would shut CrowdSec off.`;
};

/** Prints what a firewall must let through. Returns the exit code: 3 too for a list that should not be loaded. */
export const firewall = async (options: FirewallOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { output, from } = options;
  const { environment, stdout, stderr } = streams;
  const asked = catalogue.map(({ id }) => id).filter(isAsked);
  const progress = await startProgress(stderr, asked);
  const session = { ...options, allowWrites: false };
  try {
    return await inSession(
      session,
      tool,
      environment,
      async ({ context: found, signal, interruption, versionHere }) => {
        // A list is for whatever will be installed in the end: no name is left out because of what it would be today.
        const context = { ...found, version: versionHere };
        const { topology, probe, now } = context;
        const findings = await runChecks({
          checks: catalogue,
          isSelected: isAsked,
          context,
          concurrency: asked.length,
          signal,
          observe: progress.observe,
        });
        const upstream = await upstreamOf(probe, topology);
        const seen: Seen = {
          findings,
          topology,
          endpoints: OUTGOING,
          version: await context.version(),
          at: now,
          names: new Map(),
          ...(upstream && { upstream }),
          from,
        };
        const names = new Map(await Promise.all(unknownNames(allowList(seen)).map((name) => lookUp(probe, name))));
        const list = allowList({ ...seen, names });
        const interrupted = interruption();
        const doubt = doubtOf(list, output, signal);
        progress.stop();
        // Half a list, loaded, would cut off what the other half needs.
        if (interrupted) return exitCodeOfSignal(interrupted);
        await write(stdout, formats[output](list, stdout.columns || DEFAULT_COLUMNS));
        if (doubt === undefined) return 0;
        await write(stderr, `${tool.name}: ${doubt}\n`);
        return EXIT_UNJUDGED;
      },
    );
  } finally {
    progress.stop();
  }
};
