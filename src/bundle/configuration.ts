import { createHash } from "node:crypto";
import { posix } from "node:path";
import { parseAllDocuments, parseDocument, visit } from "yaml";
import type { Failed } from "../model/observation.ts";
import type { Topology } from "../model/topology.ts";
import { kindOfName, secretBy } from "../redaction/names.ts";
import {
  type Desk,
  failedPart,
  failedWords,
  fileLook,
  type Look,
  lacking,
  NOTHING,
  type Part,
  takeFile,
  together,
  withEntry,
} from "./gather.ts";
import { whatOfSetting } from "./what.ts";

const homeOf = ({ config }: Topology): string => posix.dirname(config.value);

/** CrowdSec's own files, and those that packages leave beside them; certificates and keys have other endings. */
const SETTINGS = /\.(ya?ml|conf)(\.local)?$|\.id$/;
/** Folders of the configuration whose files are settings, with what these are. */
const FOLDERS: readonly (readonly [string, string])[] = [
  ["", "CrowdSec's configuration"],
  ["acquis.d", "what the agent reads"],
  ["bouncers", "a bouncer's configuration"],
  ["notifications", "how somebody is told of alerts"],
  ["console", "what is sent to CrowdSec's console"],
  ["contexts", "what is sent along with alerts"],
];
/** No folder of them comes near this. */
const MAX_FILES = 200;

const takeFolder = async (desk: Desk, folder: string, what: string): Promise<Part> => {
  const saw = await desk.probe.folder(folder);
  if (!saw.ok) return failedPart(folder, saw, true);
  const names = saw.names.filter((name) => SETTINGS.test(name));
  const taken = names.slice(0, MAX_FILES).map((name) => {
    const path = posix.join(folder, name);
    return takeFile(desk, { path, what: whatOfSetting(path, desk.topology) ?? what });
  });
  const left =
    names.length > MAX_FILES ? [lacking(folder, `cut off: ${MAX_FILES} of its ${names.length} files are kept`)] : [];
  return together([...(await Promise.all(taken)), ...left]);
};

const LOST = "not there, though the configuration names it";

/** Files that the configuration names, wherever they are. */
const namedFiles = (topology: Topology): readonly { readonly path: string; readonly what: string }[] => {
  const { files, acquisition } = topology;
  const all = [...files, ...("files" in acquisition ? acquisition.files : [])];
  return all
    .filter(({ path, state }) => state !== "optional-missing" && state !== "missing" && SETTINGS.test(path))
    .map(({ path, purpose }) => ({ path, what: whatOfSetting(path, topology) ?? purpose }));
};

/** Keys of config.yaml that name a file of settings which no check reads (pkg/csconfig/{simulation,console}.go). */
const NAMING: readonly (readonly string[])[] = [
  ["config_paths", "simulation_path"],
  ["api", "server", "console_path"],
];

/** Files that the configuration names and that are not there: these are said to be missing. */
const missingLooks = (topology: Topology, merged: string | undefined): readonly Look[] => {
  const { files, acquisition } = topology;
  const all = [...files, ...("files" in acquisition ? acquisition.files : [])];
  const lost = all.filter(({ state }) => state === "missing").map(({ path }) => path);
  const document = parseDocument(merged ?? "", { logLevel: "silent", uniqueKeys: false });
  const named = NAMING.flatMap((keys) => {
    const value: unknown =
      document.errors.length === 0 && document.contents !== null ? document.getIn(keys) : undefined;
    // What a variable stands for is CrowdSec's to know.
    return typeof value === "string" && SETTINGS.test(value) && !value.includes("$") ? [posix.resolve("/", value)] : [];
  });
  return [
    ...lost.map((path): Look => ({ source: path, look: async () => lacking(path, LOST) })),
    ...named
      .filter((path) => !all.some((file) => file.path === path))
      .map((path): Look => {
        const what = whatOfSetting(path, topology) ?? "settings that the configuration names";
        return {
          source: path,
          look: async (desk) => {
            const saw = await desk.probe.file(path);
            return !saw.ok && saw.code === "file-missing" ? lacking(path, LOST) : takeFile(desk, { path, what });
          },
        };
      }),
  ];
};

/** Where packages let administrators set what is given to a service. */
const DEFAULTS = ["/etc/default", "/etc/sysconfig"].flatMap((folder) =>
  ["crowdsec", "crowdsec-firewall-bouncer"].map((name) => ({
    path: `${folder}/${name}`,
    what: "variables of a service",
    kind: "environment" as const,
  })),
);
const LOGROTATE = { path: "/etc/logrotate.d/crowdsec", what: "when CrowdSec's logs begin anew" };

const inWords = (failed: Failed): string => {
  if (failed.code === "file-missing") return "there is no such file";
  return failed.code === "file-denied" ? "not for this user to read" : failedWords(failed);
};

/** Below the configuration: kinds of items, with the stages that some of them have. */
const ITEM_FOLDERS = [
  ...["parsers", "postoverflows"].flatMap((kind) =>
    ["s00-raw", "s00-enrich", "s01-parse", "s01-whitelist", "s02-enrich"].map((stage) => `${kind}/${stage}`),
  ),
  ...["scenarios", "collections", "contexts", "appsec-configs", "appsec-rules"],
];
const MAX_ITEMS = 2000;

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object";

/** Of the hub's index: SHA-256 of each version of an item → its name and version. */
const digestsIn = (index: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  let parsed: unknown;
  try {
    parsed = JSON.parse(index);
  } catch {
    return found;
  }
  for (const items of Object.values(isFields(parsed) ? parsed : {}))
    for (const [name, item] of Object.entries(isFields(items) ? items : {})) {
      const { version, versions } = isFields(item) ? item : {};
      for (const [each, about] of Object.entries(isFields(versions) ? versions : {}))
        if (isFields(about) && typeof about["digest"] === "string")
          found.set(about["digest"], `${name} ${each}${each === version ? "" : ` (the index has ${String(version)})`}`);
    }
  return found;
};

/** What is installed of the hub: an item is there when its file, or a link to it, is in the folder of its kind. */
const takeHub = async (desk: Desk): Promise<Part> => {
  const { probe, topology } = desk;
  const index = topology.hubIndex && (await probe.file(topology.hubIndex.value));
  const digests = index?.ok ? digestsIn(index.content) : new Map<string, string>();
  const folders = await Promise.all(
    ITEM_FOLDERS.map(async (name) => ({ name, saw: await probe.folder(posix.join(homeOf(topology), name)) })),
  );
  const paths = folders.flatMap(({ name, saw }) =>
    (saw.ok ? saw.names : []).filter((file) => /\.ya?ml$/.test(file)).map((file) => `${name}/${file}`),
  );
  const items = await Promise.all(
    paths.slice(0, MAX_ITEMS).map(async (path) => {
      const saw = await probe.file(posix.join(homeOf(topology), path));
      if (!saw.ok) return `${path}: ${saw.code === "file-missing" ? "a link to nothing" : inWords(saw)}`;
      const digest = createHash("sha256").update(saw.content).digest("hex");
      const version =
        digests.get(digest) ?? (digests.size > 0 ? "in no version of the index: changed here, or made here" : "");
      return `${path}: ${version === "" ? "" : `${version}, `}sha256 ${digest}`;
    }),
  );
  const denied = folders.flatMap(({ name, saw }) =>
    !saw.ok && saw.code === "file-denied" ? [posix.join(homeOf(topology), name)] : [],
  );
  if (topology.hubIndex && index && !index.ok && index.code !== "file-large")
    items.unshift(`the hub's index, ${topology.hubIndex.value}: ${inWords(index)}`);
  if (items.length === 0) return { ...NOTHING, denied };
  const what = "what is installed of the hub, with versions where its index tells them";
  return together([
    withEntry({ name: "config/hub.txt", what, content: `${items.join("\n")}\n`, kind: "text" }),
    { ...NOTHING, denied },
  ]);
};

/** Machine passwords have 64 characters, bouncers' keys 32 and more; what is shorter was made up by somebody. Characters. */
const USUAL = 16;
const PLACEHOLDER = /^(\$\{\w+\}|<\w+>)$/;

/** Behind "KEY ": in words that no rule takes for a value, of a key that is secret. */
const classOf = (value: string): string => {
  if (value === "") return "(empty)";
  if (PLACEHOLDER.test(value)) return "(a placeholder)";
  return value.length < USUAL ? "(short)" : "(usual length)";
};

/** A secret by its name, or, where a name can also be that of a file or a way, by its value. */
const isSecretKey = (name: string, value: string, parents: readonly string[]): boolean => {
  const kind = kindOfName(name);
  return kind === "value" || secretBy(name, value, parents) !== undefined;
};

const UNREADABLE = "no YAML";

/** Dotted keys of secrets with the class of their values. */
const shapeOfYaml = (content: string): readonly string[] => {
  const documents = parseAllDocuments(content, { logLevel: "silent", uniqueKeys: false });
  if (!Array.isArray(documents)) return [];
  if (documents.some(({ errors }) => errors.length > 0)) return [UNREADABLE];
  const shapes: string[] = [];
  for (const document of documents)
    visit(document, {
      Pair: (_key, { key, value }, path) => {
        const above = path.flatMap((node) => (isFields(node) && "key" in node ? [String(node["key"])] : []));
        const isScalar = value === null || (isFields(value) && "value" in value);
        const written = String((isFields(value) && "value" in value ? value["value"] : undefined) ?? "");
        if (isScalar && isSecretKey(String(key), written, above))
          shapes.push(`${[...above, String(key)].join(".")} ${classOf(written)}`);
      },
    });
  return shapes;
};

const shapeOfLines = (content: string): readonly string[] =>
  content.split(/\r?\n/).flatMap((line) => {
    const [, key, quoted = ""] = /^\s*([A-Za-z_]\w*)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    const value = quoted.replace(/^(["'])(.*)\1$/, "$2");
    return key === undefined || !isSecretKey(key, value, []) ? [] : [`${key} ${classOf(value)}`];
  });

/** Where credentials are: of machines, of the Central API, and of bouncers. */
const CREDENTIALS = /credentials/;

interface SecretFile {
  readonly path: string;
  /** Without a secret it is not worth a word. */
  readonly optional: boolean;
}

/** Files that hold secrets: those of credentials, the configuration with the database's, and notifications. */
const secretFiles = async ({ probe, topology }: Desk): Promise<readonly SecretFile[]> => {
  const home = homeOf(topology);
  const usual = ["local_api_credentials.yaml", "online_api_credentials.yaml"].map((name) => posix.join(home, name));
  const named = topology.files.flatMap(({ path, purpose }) =>
    CREDENTIALS.test(purpose) || purpose.startsWith("bouncer") ? [path] : [],
  );
  const folder = posix.join(home, "notifications");
  const saw = await probe.folder(folder);
  const notifications = saw.ok ? saw.names.filter((name) => SETTINGS.test(name)).slice(0, MAX_FILES) : [];
  const first = [...new Set([...usual, ...named])];
  const others = [
    ...[topology.config.value, `${topology.config.value}.local`],
    ...notifications.map((name) => posix.join(folder, name)),
  ];
  return [
    ...first.map((path) => ({ path, optional: false })),
    ...others.filter((path) => !first.includes(path)).map((path) => ({ path, optional: true })),
  ];
};

/** Which secrets are set, and no value of them. */
const takeCredentials = async (desk: Desk): Promise<Part> => {
  const files = await secretFiles(desk);
  const parts = await Promise.all(
    files.map(async ({ path, optional }) => {
      const saw = await desk.probe.file(path);
      if (!saw.ok) return saw.code === "file-missing" || optional ? "" : `${path}\n  ${inWords(saw)}\n`;
      if (!desk.scope.allows(path, saw.at)) return "";
      const shape = /\.conf(\.local)?$/.test(path) ? shapeOfLines(saw.content) : shapeOfYaml(saw.content);
      if (shape.length === 0 && optional) return "";
      const none = saw.content.trim() === "" ? "empty" : "no secret is set";
      return `${path}\n${(shape.length === 0 ? [none] : shape).map((line) => `  ${line}\n`).join("")}`;
    }),
  );
  const content = parts.filter((part) => part !== "").join("\n");
  if (content === "") return NOTHING;
  const what = "which secrets are set, and whether a value looks too short or empty; no value";
  return withEntry({ name: "config/credentials.txt", what, content, kind: "text" });
};

/** What the agent reads, as the checks understood it. */
const takeAcquisition = async ({ topology: { acquisition } }: Desk): Promise<Part> => {
  if (!("sources" in acquisition) || acquisition.sources.length === 0) return NOTHING;
  const lines = acquisition.sources.map(
    ({ origin, source, hasLabels, mistakes }) =>
      `${origin}: ${source ?? "no source told"}${hasLabels ? "" : ", without labels"}${mistakes.length === 0 ? "" : `, ${mistakes.length} mistakes`}\n`,
  );
  const what = "the agent's data sources, one a line";
  return withEntry({ name: "config/acquisition.txt", what, content: lines.join(""), kind: "text" });
};

/** @param merged CrowdSec's configuration with its overlay, as YAML; undefined where there is none */
export const configurationLooks = (topology: Topology, merged: string | undefined): readonly Look[] => [
  ...(merged === undefined
    ? []
    : [
        {
          source: "config/merged.yaml",
          look: async () =>
            withEntry({
              name: "config/merged.yaml",
              what: "CrowdSec's configuration as it reads it: config.yaml with its .local",
              content: merged,
              kind: "yaml",
            }),
        },
      ]),
  ...FOLDERS.map(([name, what]): Look => {
    const folder = posix.join(homeOf(topology), name);
    return { source: folder, look: (desk) => takeFolder(desk, folder, what) };
  }),
  ...namedFiles(topology).map(fileLook),
  ...missingLooks(topology, merged),
  { source: "config/credentials.txt", look: takeCredentials },
  { source: "config/acquisition.txt", look: takeAcquisition },
  { source: "config/hub.txt", look: takeHub },
  ...[...DEFAULTS, LOGROTATE].map(fileLook),
];
