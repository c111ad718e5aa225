import type { ScrapeTarget } from "../model/topology.ts";
import { readUrl } from "../model/url.ts";
import { probeFile } from "../probes/file.ts";
import { UsageError } from "./usage-error.ts";
import { typed } from "./values.ts";

const HOST_PORT = /^(\[[\da-fA-F:.]+\]|[^\s:/@[\]?#\\]+):(\d{1,5})$/;
const MAX_PORT = 65_535;
const DEFAULT_PATH = "/metrics";

/** `host:port`, or a URL whose path is `/metrics` unless it has one. */
const parseTarget = (text: string, origin: string): ScrapeTarget => {
  const refuse = (shown: string, problem: string): never => {
    throw new UsageError(
      `${origin}: "${shown}" is ${problem}; a target is HOST:PORT or a URL such as http://HOST:6060/metrics.`,
    );
  };
  const [, host, port] = HOST_PORT.exec(text) ?? [];
  if (host !== undefined && (Number(port) < 1 || Number(port) > MAX_PORT))
    refuse(text, "without a port from 1 to 65535");
  const address = host === undefined ? text : `http://${text}/`;
  const read = readUrl(address);
  if (!read.ok) return refuse(typed(text), host === undefined && !text.includes("://") ? "no target" : read.problem);
  const { protocol, pathname, origin: site, host: place } = new URL(address);
  const path = pathname === "/" ? DEFAULT_PATH : pathname;
  // A URL leaves its scheme's own port out; who wrote one finds it again.
  const where = host !== undefined && place === new URL(site).hostname ? `${place}:${Number(port)}` : place;
  const name = `${protocol === "https:" ? "https://" : ""}${where}${path === DEFAULT_PATH ? "" : path}`;
  return { name, url: { value: `${site}${path}`, origin } };
};

/** Lines of a targets file: one target each, `#` begins a comment. */
const parseLines = (content: string, path: string): readonly ScrapeTarget[] =>
  content.split(/\r?\n/).flatMap((line, index) => {
    const text = line.replace(/(^|\s)#.*$/, "").trim();
    return text === "" ? [] : [parseTarget(text, `${path}:${index + 1}`)];
  });

/** What `--targets` and `--target` name, each once. */
export const readTargets = async (
  file: string | undefined,
  single: readonly string[],
): Promise<readonly ScrapeTarget[]> => {
  const named = single.map((text) => parseTarget(text.trim(), "--target"));
  const found = [...named];
  if (file !== undefined) {
    const saw = await probeFile(file);
    if (!saw.ok) throw new UsageError(`--targets ${file} cannot be read: ${saw.message}.`);
    const listed = parseLines(saw.content, file);
    if (listed.length === 0) throw new UsageError(`--targets ${file} holds no target: one HOST:PORT or URL a line.`);
    found.push(...listed);
  }
  return [...new Map(found.map((target) => [target.name, target])).values()];
};
