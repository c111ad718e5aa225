import { ArchiveError, type ArchiveFile, readZip } from "../archive/zip.ts";
import { MAX_OBSERVATIONS, READ_LIMITS } from "./limits.ts";
import { checkManifest, readManifest } from "./manifest.ts";
import { revived } from "./observations.ts";
import { PROBE_NAMES } from "./recorder.ts";
import { RECORDING_VERSION, type Recorded, type Recording } from "./recording.ts";

export interface OpenedBundle {
  readonly files: readonly ArchiveFile[];
  readonly recording: Recording;
}

const OBSERVATIONS = "observations.json";

const parsed = (content: Buffer, name: string): unknown => {
  try {
    return revived(JSON.parse(content.toString("utf8")));
  } catch {
    throw new ArchiveError(`its ${name} is no JSON`);
  }
};

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const isRecorded = (value: unknown): value is Recorded =>
  isFields(value) && PROBE_NAMES.some((probe) => probe === value["probe"]);

const TEXTS = ["host", "user", "platform", "env"];
const OBJECTS = ["tool", "run", "environment", "overrides"];

/** What of a recording decides how it is read; what it says of the host is the checks' to judge, as on the host. */
const asRecording = (value: unknown): Recording => {
  const wrong = (what: string): never => {
    throw new ArchiveError(`its ${OBSERVATIONS} has ${what}`);
  };
  if (!isFields(value)) return wrong("no object in it");
  const { schemaVersion, observations, run, tool, environment } = value;
  if (typeof schemaVersion !== "string" || schemaVersion.split(".")[0] !== RECORDING_VERSION.split(".")[0])
    return wrong(`another schemaVersion than ${RECORDING_VERSION}: a later version of this tool may read it`);
  for (const name of TEXTS) if (typeof value[name] !== "string") wrong(`no ${name}`);
  for (const name of OBJECTS) if (!isFields(value[name])) wrong(`no ${name}`);
  if (isFields(tool) && typeof tool["version"] !== "string") wrong("no tool.version");
  if (isFields(environment) && Object.values(environment).some((each) => typeof each !== "string"))
    wrong("an environment that is none");
  if (isFields(run)) {
    const { id, startedAt, durationMs, deadlineMs } = run;
    if (typeof id !== "string" || !/^[\da-f-]{36}$/.test(id)) wrong("no run.id");
    if (typeof startedAt !== "string" || Number.isNaN(Date.parse(startedAt))) wrong("no time in run.startedAt");
    if (![durationMs, deadlineMs].every((ms) => typeof ms === "number" && ms >= 0)) wrong("no times in run");
  }
  if (!Array.isArray(observations) || observations.length > MAX_OBSERVATIONS || !observations.every(isRecorded))
    return wrong("no observations of this tool");
  return value as unknown as Recording;
};

/** Opens a bundle that somebody sent. Throws `ArchiveError` for whatever is not one, or was changed. */
export const openBundle = async (bytes: Buffer): Promise<OpenedBundle> => {
  const files = await readZip(bytes, READ_LIMITS);
  const find = (name: string): Buffer => {
    const found = files.find((file) => file.name === name);
    if (found === undefined) throw new ArchiveError(`it has no ${name}: it is a zip file of something else`);
    return found.content;
  };
  const [changed] = checkManifest(readManifest(find("manifest.json")), files);
  if (changed !== undefined) throw new ArchiveError(changed);
  return { files, recording: asRecording(parsed(find(OBSERVATIONS), OBSERVATIONS)) };
};
