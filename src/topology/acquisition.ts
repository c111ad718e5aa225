import { posix } from "node:path";
import type { Prober } from "../model/observation.ts";
import type { Acquisition, AcquisitionSource, ConfigFile, ConfigMistake, Listen, Sourced } from "../model/topology.ts";
import { judgeSource } from "./acquisition-shapes.ts";
import { loadDocuments, type Reader, readerOf } from "./crowdsec-files.ts";
import type { Environment } from "./expansion.ts";
import { at, type Tree } from "./yaml-tree.ts";

/** Documents from before there was a `source` key (detectBackwardCompatAcquis, pkg/acquisition/acquisition.go). */
const OLD_STYLE: readonly (readonly [string, string])[] = [
  ["filename", "file"],
  ["filenames", "file"],
  ["journalctl_filter", "journalctl"],
];

const sourceOf = (tree: Tree, reader: Reader): string | undefined =>
  reader.text("source")?.value ?? OLD_STYLE.find(([key]) => at(tree, key) !== undefined)?.[1];

const hasLabels = (tree: Tree): boolean => {
  const labels = at(tree, "labels");
  return labels?.kind === "map" && labels.entries.size > 0;
};

const DEFAULT_APPSEC = { host: "127.0.0.1", port: 7422 };

/** Where an AppSec data source listens (pkg/acquisition/modules/appsec/config.go); undefined for a unix socket. */
const appsecOf = (origin: string, reader: Reader): Listen["appsec"][number] | undefined => {
  const address = reader.text("listen_addr");
  if (address === undefined)
    return reader.has("listen_socket") ? undefined : { value: DEFAULT_APPSEC, origin: `default, for ${origin}` };
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(address.value) ?? [];
  return port === "" ? undefined : { value: { host, port: Number(port) }, origin: address.origin };
};

export interface FoundAcquisition {
  readonly acquisition: Acquisition;
  readonly appsec: Listen["appsec"];
  /** The text of every file, for the variables that it names. */
  readonly content: string;
}

/**
 * Reads what `acquisition_path` and `acquisition_dir` name: the folder's `*.yaml`, then its `*.yml`.
 * @param judges whether this version's keys are known well enough to call one unknown.
 */
export const findAcquisition = async (
  probe: Prober,
  main: Reader,
  environment: Environment,
  judges: boolean,
): Promise<FoundAcquisition> => {
  const absolute = (found: Sourced<string> | undefined): Sourced<string> | undefined =>
    found && { ...found, value: posix.resolve("/", found.value) };
  const path = absolute(main.text("crowdsec_service", "acquisition_path"));
  const folder = absolute(main.text("crowdsec_service", "acquisition_dir"));
  const saw = folder && (await probe.folder(folder.value));
  const inFolder = (ending: string): string[] =>
    saw?.ok && folder
      ? saw.names.filter((name) => name.endsWith(ending)).map((name) => posix.join(folder.value, name))
      : [];
  const denied: ConfigFile[] =
    folder && saw && !saw.ok && saw.code === "file-denied"
      ? [{ path: folder.value, purpose: "acquisition", state: "denied", mistakes: [] }]
      : [];
  const paths = [...(path ? [path.value] : []), ...inFolder(".yaml"), ...inFolder(".yml")];
  const loaded = await Promise.all(paths.map((each) => loadDocuments(probe, each, "acquisition")));
  const documents = loaded.flatMap(({ trees }) => trees.map((tree) => ({ tree, reader: readerOf(tree, environment) })));
  const sources = documents.map(({ tree, reader }): AcquisitionSource => {
    const source = sourceOf(tree, reader);
    const mistakes: readonly ConfigMistake[] = source === undefined || !judges ? [] : judgeSource(tree, source);
    return { origin: tree.origin, hasLabels: hasLabels(tree), mistakes, ...(source !== undefined && { source }) };
  });
  const appsec = documents.flatMap(({ tree, reader }) =>
    sourceOf(tree, reader) === "appsec" ? [appsecOf(tree.origin, reader)].flatMap((each) => each ?? []) : [],
  );
  return {
    acquisition: { files: [...denied, ...loaded.map(({ file }) => file)], sources, ...(path && { path }) },
    appsec,
    content: loaded.map(({ content }) => content).join("\n"),
  };
};
