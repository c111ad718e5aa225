import { defineCheck, type Verdict } from "../src/model/check.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { type ConfigFile, type ConfigMistake, deniedWords, type RunPhase } from "../src/model/topology.ts";
import { showRange, showVersion, type Version, within } from "../src/model/version.ts";

const FAULTS = {
  "config-syntax": {
    blame: "configuration",
    confidence: "certain",
    says: "{place} ({purpose}) cannot be parsed: {message}",
    remedy: [
      {
        text: "Correct {place}. YAML wants spaces, no tabs, and each key once.",
        commands: ["sed -n '{from},{to}p' {path}"],
      },
    ],
  },
  "config-unknown-key": {
    blame: "configuration",
    confidence: "certain",
    says: "{place} ({purpose}): {key} {problem}, and CrowdSec stops at it{more}",
    remedy: [
      {
        when: "run",
        text: "Correct or remove {key} in {place}{hint}.",
        commands: ["sed -n '{from},{to}p' {path}", "systemctl restart crowdsec"],
        url: "https://docs.crowdsec.net/docs/next/configuration/crowdsec_configuration",
      },
      {
        when: "install",
        text: "Correct or remove {key} in {place}{hint}.",
        commands: ["sed -n '{from},{to}p' {path}"],
        url: "https://docs.crowdsec.net/docs/next/configuration/crowdsec_configuration",
      },
    ],
  },
  "config-wrong-kind": {
    blame: "configuration",
    confidence: "certain",
    says: "{place} ({purpose}): {key} {problem}, and CrowdSec stops at it{more}",
    remedy: [
      {
        when: "run",
        text: "Correct {key} in {place}{hint}.",
        commands: ["sed -n '{from},{to}p' {path}", "systemctl restart crowdsec"],
        url: "https://docs.crowdsec.net/docs/next/configuration/crowdsec_configuration",
      },
      {
        when: "install",
        text: "Correct {key} in {place}{hint}.",
        commands: ["sed -n '{from},{to}p' {path}"],
        url: "https://docs.crowdsec.net/docs/next/configuration/crowdsec_configuration",
      },
    ],
  },
  "config-empty": {
    blame: "configuration",
    confidence: "certain",
    // A file that is being made is empty before it is written.
    recovers: true,
    says: "{path} ({purpose}) is empty",
    remedy: [
      {
        services: HOSTS,
        packages: ["deb", "rpm", "apk", "freebsd"],
        text: "Bring the file back from a backup, or from the package.",
        commands: [
          "mv {path} {path}.empty",
          "apt-get install --reinstall -o Dpkg::Options::=--force-confmiss crowdsec",
        ],
      },
      { services: HOSTS, packages: ["none"], text: "Bring the file back from a backup, or from the installation." },
      {
        services: ["container"],
        text: "Bring the file back from a backup, or from the image, which keeps its own below /staging.",
        commands: ["mv {path} {path}.empty", "cp /staging{path} {path}", "systemctl restart crowdsec"],
        undo: ["mv {path}.empty {path}"],
      },
      {
        services: ["kubernetes"],
        text: "Give it its content where the file comes from: in the values of CrowdSec's helm chart, or in the ConfigMap that is mounted.",
      },
    ],
  },
  "config-unreadable": {
    blame: "configuration",
    confidence: "certain",
    says: "{path} ({purpose}) cannot be read: {message}",
    remedy: [{ text: "Put a plain text file in its place.", commands: ["ls -l {path}"] }],
  },
  "config-missing": {
    blame: "configuration",
    confidence: "certain",
    // The installation, or whoever sets this host up, writes it yet.
    recovers: true,
    says: "{path} ({purpose}) does not exist",
    remedy: [
      {
        text: "On the Local API's host, register this machine anew.",
        when: "credentials for the Local API",
        commands: ["cscli machines add -a", "systemctl restart crowdsec"],
      },
      {
        text: "On another host, name the Local API, register there, and let its administrator accept that (cscli machines validate).",
        when: "credentials for the Local API",
        commands: ["echo 'url: http://LOCAL_API:8080' > {path}", "cscli lapi register -u http://LOCAL_API:8080"],
      },
      {
        text: "Register with the Central API, or take api.server.online_client out of config.yaml.",
        when: "credentials for the Central API",
        commands: ["touch {path}", "cscli capi register", "systemctl restart crowdsec"],
      },
      {
        text: "Name the right file with --config, or install CrowdSec anew.",
        when: "CrowdSec's configuration",
        services: HOSTS,
      },
      {
        text: "Name the right file with --config, or mount one; CrowdSec's image fills an empty /etc/crowdsec when it starts.",
        when: "CrowdSec's configuration",
        services: IMAGES,
      },
      {
        text: "Bring it back from a backup or from the package; api.server.profiles_path names it.",
        when: "profiles",
        services: HOSTS,
      },
      {
        text: "Bring it back from a backup or from the image, which keeps its own below /staging; api.server.profiles_path names it.",
        when: "profiles",
        services: IMAGES,
      },
    ],
  },
} as const;

type Code = keyof typeof FAULTS;

/** Files that CrowdSec does nothing without; what is missing in the others, `credentials` and `agent-config` judge. */
const NEVER_EMPTY = new Set(["CrowdSec's configuration", "profiles"]);

/** The mistakes that this version stops at; of a key that only some versions know, an unknown version tells nothing. */
export const mistakesFor = (
  mistakes: readonly ConfigMistake[],
  version: Version | undefined,
): readonly ConfigMistake[] =>
  mistakes.filter(({ versions }) => versions === undefined || (version !== undefined && !within(version, versions)));

/** What is wrong with the key, with the versions that would not mind. */
export const problemOf = ({ problem, versions }: ConfigMistake, version: Version | undefined): string =>
  versions && version ? `${problem} (${showRange(versions)}; this is ${showVersion(version)})` : problem;

/** Where a mistake is, for the sentences that show it. */
export const placeOfMistake = (
  origin: string,
): { readonly path: string; readonly from: number; readonly to: number } => {
  const [, path = origin, digits = "1"] = /^(.*):(\d+)$/.exec(origin) ?? [];
  const line = Number(digits);
  return { path, from: Math.max(1, line - 2), to: line + 2 };
};

const judgeMistakes = (
  { purpose }: ConfigFile,
  mistakes: readonly ConfigMistake[],
  version: Version | undefined,
  phase: RunPhase,
): Verdict<Code> | undefined => {
  const [first, ...others] = mistakes;
  if (first === undefined) return undefined;
  const { kind, key, hint, origin } = first;
  const data = {
    ...placeOfMistake(origin),
    place: origin,
    purpose,
    key,
    problem: problemOf(first, version),
    hint: hint === undefined ? "" : ` (${hint})`,
    more: others.length === 0 ? "" : ` (and ${others.length} more: ${others.map((each) => each.origin).join(", ")})`,
  };
  return {
    status: "fault",
    fault: kind === "unknown-key" ? "config-unknown-key" : "config-wrong-kind",
    data,
    when: phase,
  };
};

const judge = (file: ConfigFile, version: Version | undefined, phase: RunPhase): Verdict<Code> => {
  const { path, purpose, state, line, message = "" } = file;
  const evidence = { target: { path } };
  if (state === "denied") return { status: "unknown", reason: deniedWords(file), evidence };
  if (state === "large")
    return { status: "unknown", reason: `${path} is larger than this tool reads: ${message}`, evidence };
  if (state === "missing")
    return { status: "fault", fault: "config-missing", data: { path, purpose }, when: purpose, evidence };
  if (state === "unreadable")
    return { status: "fault", fault: "config-unreadable", data: { path, purpose, message }, message, evidence };
  if (state === "invalid") {
    const place = line === undefined ? path : `${path}:${line}`;
    const data = { ...placeOfMistake(`${path}:${line ?? 1}`), place, purpose, message };
    return { status: "fault", fault: "config-syntax", data, message, evidence };
  }
  if (state === "empty" && NEVER_EMPTY.has(purpose))
    return { status: "fault", fault: "config-empty", data: { path, purpose }, evidence };
  const mistaken = judgeMistakes(file, mistakesFor(file.mistakes, version), version, phase);
  return mistaken ? { ...mistaken, evidence } : { status: "pass", evidence };
};

/** CrowdSec stops at the first file that it cannot read, parse or decode. */
export default defineCheck({
  id: "config-files",
  title: "CrowdSec's files can be read and parsed, and hold no key that it refuses",
  why: "CrowdSec does not start when its configuration cannot be parsed, holds a key that its version does not know or a value of another kind, and an overlay (.local) of another shape counts as broken too. The message goes to the journal, not to crowdsec.log.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts:
    "reads config.yaml, local_api_credentials.yaml, profiles.yaml, feature.yaml and the bouncers' files, their .local overlays, and online_api_credentials.yaml",
  faults: FAULTS,
  targets: ({ topology: { files, phase } }) => {
    const present = files.filter(({ state }) => state !== "optional-missing");
    if (present.length === 0)
      return {
        status: "skip",
        reason:
          phase.value === "install"
            ? "not applicable: before the install there is nothing to read"
            : "not applicable: there is no CrowdSec configuration here",
      };
    return present.map(({ path }) => path);
  },
  async run({ topology: { files, phase }, version }, target) {
    const file = files.find(({ path }) => path === target);
    return file
      ? judge(file, file.mistakes.length > 0 ? await version() : undefined, phase.value)
      : { status: "unknown", reason: `${target} was not read` };
  },
});
