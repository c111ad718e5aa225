import { basename } from "node:path";
import { catalogue } from "../../checks/index.ts";
import { PlaceError, readBounded } from "../archive/place.ts";
import { ArchiveError } from "../archive/zip.ts";
import { MAX_PACKED_BYTES } from "../bundle/limits.ts";
import { openBundle } from "../bundle/open.ts";
import type { Recording } from "../bundle/recording.ts";
import { createReplay } from "../bundle/replay.ts";
import { Unanswered } from "../model/observation.ts";
import type { Report } from "../model/report.ts";
import { ENVS, type Env } from "../model/topology.ts";
import { runChecks } from "../runner/index.ts";
import type { Look } from "../runner/wait.ts";
import type { TopologyOverrides } from "../topology/index.ts";
import { findDeployment } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/** What a bundle holds, judged by today's rules, and the run that saw it. */
export interface Replayed extends Look {
  readonly host: string;
  readonly before: Pick<Report["run"], "id" | "interrupted" | "from">;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly deadlineMs: number;
}

export interface ReplayOptions {
  readonly isSelected: (id: string) => boolean;
  readonly concurrency: number;
  readonly deadlineMs: number;
}

/** Whoever sends a bundle can have written anything into it. */
const NOT_OURS = "its observations are not such as this tool writes them";

const readRecording = async (path: string): Promise<Recording> => {
  try {
    return (await openBundle(await readBounded(path, MAX_PACKED_BYTES))).recording;
  } catch (error) {
    if (error instanceof PlaceError) throw new UsageError(`${path}: ${error.message}.`);
    if (error instanceof ArchiveError) throw new UsageError(`${path} is no bundle to judge from: ${error.message}.`);
    throw error;
  }
};

/** Whatever goes wrong with what somebody else has written is no error of this tool. */
const asTheirs = async <T>(path: string, { tool }: Recording, judge: () => Promise<T>): Promise<T> => {
  try {
    return await judge();
  } catch (error) {
    // A later version may look at more of a host than the one that made the bundle.
    if (error instanceof Unanswered)
      throw new UsageError(
        `${path} was made by version ${tool.version}, which did not ask all that this one does (${error.message}): judge it with that version.`,
      );
    throw new UsageError(`${path} cannot be judged again: ${NOT_OURS}.`);
  }
};

/** Judges a bundle's observations, offline: nothing of this host is looked at. */
export const replay = async (
  path: string,
  { isSelected, concurrency, deadlineMs }: ReplayOptions,
  report: (seen: Replayed) => Report,
): Promise<Report> => {
  const recording = await readRecording(path);
  const { tool, run, host, interrupted, env, environment, overrides, user, platform, version, candidate } = recording;
  const startedAt = new Date(run.startedAt);
  return asTheirs(path, recording, async () => {
    const found = await findDeployment(
      {
        probe: createReplay(recording),
        environment,
        user,
        platform,
        now: startedAt,
        versions: { here: version, candidate },
      },
      {
        overrides: overrides as TopologyOverrides,
        env: ENVS.find((each): each is Env => each === env) ?? "auto",
        allowWrites: false,
      },
    );
    const findings = await runChecks({
      checks: catalogue,
      isSelected,
      context: found.context,
      concurrency,
      signal: AbortSignal.timeout(deadlineMs),
      observe: () => {},
      secondLookMs: 0,
    });
    return report({
      topology: found.context.topology,
      version: await found.knownVersion(),
      candidate: await found.candidate(),
      findings,
      host,
      before: {
        id: run.id,
        interrupted,
        from: { bundle: basename(path), toolVersion: tool.version, judgedAt: new Date().toISOString() },
      },
      startedAt,
      durationMs: run.durationMs,
      deadlineMs: run.deadlineMs,
    });
  });
};
