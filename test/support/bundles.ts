import { catalogue, causes } from "../../checks/index.ts";
import type { Collected } from "../../src/bundle/entry.ts";
import { type Bundle, type BundleInput, makeBundle } from "../../src/bundle/make.ts";
import { secretsIn } from "../../src/bundle/material.ts";
import { createRecorder } from "../../src/bundle/recorder.ts";
import { RECORDING_VERSION } from "../../src/bundle/recording.ts";
import { createScope } from "../../src/bundle/scope.ts";
import { findDeployment } from "../../src/commands/session.ts";
import type { Report } from "../../src/model/report.ts";
import { makeReport } from "../../src/report.ts";
import { markdown } from "../../src/reporters/markdown.ts";
import { runChecks } from "../../src/runner/index.ts";
import { fakeProber, type World } from "./fake-prober.ts";
import { NOW } from "./run.ts";

const TOOL = { name: "crowdsec-preflight", version: "0.0.0" };
export const HOST = "web-1";

export interface Given extends Partial<Pick<BundleInput, "maxBytes" | "anonymity">> {
  readonly host?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly collected?: Collected;
  /** Aborted before the checks begin: what is still asked has no answer. */
  readonly signal?: AbortSignal;
}

/** Runs every check in a world, and makes the bundle of it. */
export const bundleIn = async (
  world: World,
  {
    environment = {},
    collected = { entries: [], missing: [] },
    signal = new AbortController().signal,
    host = HOST,
    ...rest
  }: Given = {},
): Promise<{ readonly bundle: Bundle; readonly report: Report }> => {
  const recorder = createRecorder(fakeProber(world), signal);
  const deployment = { probe: recorder.probe, environment, user: "root", platform: "linux", now: NOW };
  const options = { overrides: {}, env: "auto", allowWrites: false } as const;
  const { context, knownVersion, candidate } = await findDeployment(deployment, options);
  const { topology } = context;
  const findings = await runChecks({
    checks: catalogue,
    isSelected: () => true,
    context,
    concurrency: 64,
    signal,
    observe: () => {},
    secondLookMs: 0,
  });
  const [version, coming] = [await knownVersion(), await candidate()];
  const times = { startedAt: NOW, durationMs: 812, deadlineMs: 30_000 };
  const report = makeReport({
    tool: TOOL,
    host,
    ...times,
    failOn: "fail",
    topology,
    version,
    candidate: coming,
    findings,
    causes,
  });
  const { rehearsal: _, ...shared } = topology;
  const bundle = await makeBundle({
    at: NOW,
    report,
    markdown,
    recording: {
      schemaVersion: RECORDING_VERSION,
      tool: TOOL,
      run: { id: report.run.id, startedAt: NOW.toISOString(), durationMs: 812, deadlineMs: 30_000 },
      host,
      user: "root",
      platform: "linux",
      env: "auto",
      environment,
      overrides: {},
      ...(version && { version }),
      ...(coming && { candidate: coming }),
      ...(signal.aborted && { cutOff: String(signal.reason) }),
      interrupted: false,
      observations: recorder.recorded(),
    },
    secrets: secretsIn(shared),
    scope: createScope(topology),
    collected,
    maxBytes: 25_000_000,
    ...rest,
  });
  return { bundle, report };
};
