import { posix } from "node:path";
import type { Prober, Trust } from "../model/observation.ts";
import { Secret } from "../model/secret.ts";
import type { ClientCredentials, ConfigFile, LapiClient, Sourced } from "../model/topology.ts";
import { fileSeen, loadFile, type Reader, readerOf } from "./crowdsec-files.ts";
import type { Environment } from "./expansion.ts";
import { hiddenBy, routeOf, trustWith } from "./route.ts";

/** How a bouncer writes its file, and under which keys the Local API's URL and its own key stand. */
interface Format {
  /** `settings`: `KEY=value` lines; `directives`: Apache's `Key value` lines. */
  readonly syntax: "yaml" | "settings" | "directives";
  /** What its connections are made with, which decides over proxies and limits. */
  readonly library: "go" | "python" | "lua" | "other";
  readonly url: readonly string[];
  readonly key: readonly string[];
  /** Where the URL stands when it is not in this file. */
  readonly elsewhere?: string;
}

const NESTED: Pick<Format, "url" | "key"> = {
  url: ["crowdsec_config", "lapi_url"],
  key: ["crowdsec_config", "lapi_key"],
};
const FLAT: Pick<Format, "url" | "key"> = { url: ["crowdsec_lapi_url"], key: ["crowdsec_lapi_key"] };

/** Firewall, custom, SPOA, AWS WAF, and whoever else uses CrowdSec's own Go library (go-cs-bouncer). */
const GO: Format = { syntax: "yaml", library: "go", url: ["api_url"], key: ["api_key"] };
/** nginx, OpenResty, and whoever else uses CrowdSec's lua library (lua-cs-bouncer). */
const LUA: Format = { syntax: "settings", library: "lua", url: ["API_URL"], key: ["API_KEY"] };

/**
 * The bouncers whose packages keep their file in /etc/crowdsec/bouncers, from their documentation at
 * https://docs.crowdsec.net/u/bouncers/intro; the first that fits speaks.
 */
const FORMATS: readonly (Format & { /** The file's, without its ending. */ readonly name: RegExp })[] = [
  { name: /^crowdsec-(cloudflare-worker-bouncer|blocklist-mirror)$/, syntax: "yaml", library: "go", ...NESTED },
  { name: /^crowdsec-fastly-bouncer$/, syntax: "yaml", library: "python", ...NESTED },
  { name: /^crowdsec-cloudflare-bouncer$/, syntax: "yaml", library: "go", ...FLAT },
  { name: /misp/, syntax: "yaml", library: "python", ...FLAT },
  { name: /stormshield/, syntax: "yaml", library: "python", url: ["lapi_url"], key: ["lapi_key"] },
  {
    name: /^crowdsec-haproxy-bouncer$/,
    syntax: "settings",
    library: "other",
    url: [],
    key: ["API_KEY"],
    elsewhere: "the Local API's address stands in haproxy.cfg, backend crowdsec",
  },
  { name: /apache/, syntax: "directives", library: "other", url: ["CrowdsecURL"], key: ["CrowdsecAPIKey"] },
  { name: /^crowdsec-(nginx|openresty)-bouncer$/, ...LUA },
];

const ENDING = /\.(yaml|conf)$/;

const formatOf = (file: string): Format => {
  const name = file.replace(ENDING, "");
  const found = FORMATS.find((format) => format.name.test(name)) ?? GO;
  // Files of lua bouncers end in .conf, those of Go ones in .yaml.
  return file.endsWith(".conf") && found.syntax === "yaml" ? LUA : found;
};

/** `${API_KEY}`, `<API_KEY>`: what the installer should have replaced (scripts/_bouncer.sh of the bouncers). */
const TEMPLATE = /^(\$\{\w+\}|<\w+>)$/;

const unquoted = (text: string): string => /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;

/** Lines of settings as a Reader of flat keys; the last of several wins. */
const readLines = (syntax: "settings" | "directives", path: string, content: string): Map<string, Sourced<string>> => {
  const line = syntax === "settings" ? /^\s*(\w+)\s*=\s*(.*?)\s*$/ : /^\s*(\w+)\s+(.*?)\s*$/;
  const found = new Map<string, Sourced<string>>();
  content.split(/\r?\n/).forEach((text, index) => {
    const [, key, value] = text.trimStart().startsWith("#") ? [] : (line.exec(text) ?? []);
    if (key !== undefined && value !== undefined)
      found.set(key, { value: unquoted(value), origin: `${path}:${index + 1}` });
  });
  return found;
};

interface Settings {
  readonly files: readonly ConfigFile[];
  readonly text: (...keys: readonly string[]) => Sourced<string> | undefined;
  readonly flag: (...keys: readonly string[]) => boolean;
}

const loadYaml = async (probe: Prober, path: string, environment: Environment): Promise<Settings> => {
  const { files, tree } = await loadFile(probe, path, "bouncer");
  const reader: Reader | undefined = tree && readerOf(tree, environment);
  return {
    files,
    text: (...keys) => reader?.text(...keys),
    flag: (...keys) => reader?.boolean(...keys)?.value ?? false,
  };
};

const loadLines = async (probe: Prober, path: string, syntax: "settings" | "directives"): Promise<Settings> => {
  const loaded = await Promise.all(
    [path, `${path}.local`].map(async (each, index) => {
      const saw = await probe.file(each);
      const file = fileSeen(each, index === 0 ? "bouncer" : "bouncer, overlay", saw, index === 1);
      return { file, lines: saw.ok ? readLines(syntax, each, saw.content) : new Map<string, Sourced<string>>() };
    }),
  );
  const lines = new Map(loaded.flatMap((each) => [...each.lines]));
  return {
    files: loaded.map(({ file }) => file),
    text: (...keys) => {
      const found = lines.get(keys.join("."));
      return found?.value === "" ? undefined : found;
    },
    flag: (...keys) => lines.get(keys.join("."))?.value === "true",
  };
};

/** A key in the block in which the URL stands. */
const beside = ({ url }: Format, key: string): readonly string[] => [...url.slice(0, -1), key];

/** Of Go bouncers, and of lua ones where USE_TLS_AUTH says so (lib/plugins/crowdsec/config.lua of lua-cs-bouncer). */
const certificateOf = (
  settings: Settings,
  format: Format,
): { readonly cert: Sourced<string>; readonly key?: Sourced<string> } | undefined => {
  const lua = settings.flag("USE_TLS_AUTH");
  const cert = lua ? settings.text("TLS_CLIENT_CERT") : settings.text(...beside(format, "cert_path"));
  const key = lua ? settings.text("TLS_CLIENT_KEY") : settings.text(...beside(format, "key_path"));
  return cert && { cert, ...(key && { key }) };
};

const credentialsOf = (settings: Settings, format: Format, path: string): ClientCredentials => {
  const certificate = certificateOf(settings, format)?.cert;
  const key = settings.text(...format.key);
  if (key && TEMPLATE.test(key.value)) {
    return certificate
      ? { kind: "certificate", origin: certificate.origin }
      : { kind: "template", template: key.value, origin: key.origin };
  }
  // go-cs-bouncer uses the key where both are there.
  if (key) return { kind: "key", key: new Secret(key.value), origin: key.origin };
  if (certificate) return { kind: "certificate", origin: certificate.origin };
  return { kind: "incomplete", missing: [format.key.join(".")], origin: path };
};

const trustOf = (settings: Settings, format: Format): Trust => {
  const ca = settings.text(...beside(format, "ca_cert_path"))?.value;
  const { cert, key } = certificateOf(settings, format) ?? {};
  const skipVerify =
    settings.flag(...beside(format, "insecure_skip_verify")) || settings.text("SSL_VERIFY")?.value === "false";
  return trustWith({ ca, cert: cert?.value, key: key?.value }, { only: false, skipVerify });
};

/** Milliseconds; what is no such number counts as not written. */
const MILLISECONDS = /^[1-9]\d{0,8}$/;

/** Up to when a lua bouncer waits, in either mode (default_values in lib/plugins/crowdsec/config.lua of lua-cs-bouncer). */
const limitOf = (settings: Settings, { library }: Format): Sourced<number> | undefined => {
  if (library !== "lua") return undefined;
  const written = settings.text("REQUEST_TIMEOUT");
  return written && MILLISECONDS.test(written.value)
    ? { value: Number(written.value), origin: written.origin }
    : { value: 500, origin: "default of the lua library" };
};

/** Why a client of a unix socket takes no proxy. */
export const BY_SOCKET = "a unix socket";

/**
 * Why a bouncer takes no proxy, whatever its environment says; undefined when that counts. go-cs-bouncer makes a bare
 * http.Transport for https and for certificates (client.go), and leaves Go's own one, which takes proxies, for the rest.
 * lua-resty-http knows only a proxy that its caller names, and lua-cs-bouncer names none. Python's requests takes one.
 */
export const whyDirect = ({
  path,
  way,
  credentials,
}: Pick<LapiClient, "path" | "way" | "credentials">): string | undefined => {
  if ("socket" in way) return BY_SOCKET;
  const { library } = formatOf(posix.basename(path));
  // Before an install there is no file yet that would tell the library.
  if (library === "python" || !ENDING.test(path)) return undefined;
  if (library !== "go") return "takes no proxy from the environment";
  const byCertificate = "kind" in credentials && credentials.kind === "certificate";
  const secure = "url" in way && way.url.value.startsWith("https:");
  return byCertificate || secure ? "go-cs-bouncer takes no proxy for https or certificates" : undefined;
};

const readBouncer = async (
  probe: Prober,
  path: string,
  environment: Environment,
): Promise<{ readonly files: readonly ConfigFile[]; readonly client?: LapiClient }> => {
  const format = formatOf(posix.basename(path));
  const { syntax } = format;
  const settings = syntax === "yaml" ? await loadYaml(probe, path, environment) : await loadLines(probe, path, syntax);
  const { files } = settings;
  const name = posix.basename(path).replace(ENDING, "");
  const own = { name, kind: "bouncer", path, component: name } as const;
  const hidden = hiddenBy(files);
  if (hidden !== undefined) return { files, client: { ...own, way: { hidden }, credentials: { hidden } } };
  const url = settings.text(...format.url);
  const key = settings.text(...format.key);
  const broken = files.some(({ state }) => state === "invalid" || state === "unreadable");
  // Neither address nor key, in a file that can be read: it belongs to something else.
  if (url === undefined && key === undefined && !broken && format.elsewhere === undefined) return { files: [] };
  const way = (): LapiClient["way"] => {
    if (format.elsewhere !== undefined) return { absent: format.elsewhere };
    if (url === undefined)
      return { absent: broken ? `${path} cannot be read` : `${path} names no Local API (${format.url.join(".")})` };
    if (TEMPLATE.test(url.value)) return { malformed: url, problem: "the installer's placeholder, never replaced" };
    return routeOf(url, trustOf(settings, format));
  };
  const client = { ...own, way: way(), credentials: credentialsOf(settings, format, path) };
  const direct = whyDirect(client);
  const limit = limitOf(settings, format);
  return {
    files,
    client: { ...client, ...(direct !== undefined && { neverProxied: direct }), ...(limit && { limitMs: limit }) },
  };
};

/** Names of the bouncers whose files lie in this folder. */
export const bouncerNames = async (probe: Prober, folder: string): Promise<readonly string[]> => {
  const saw = await probe.folder(folder);
  return saw.ok ? saw.names.filter((name) => ENDING.test(name)).map((name) => name.replace(ENDING, "")) : [];
};

/**
 * Every bouncer whose file lies in this folder. A folder that is not there holds none.
 * @param variablesOf a bouncer's own environment, by its name: its file may refer to it
 */
export const findBouncers = async (
  probe: Prober,
  folder: string,
  variablesOf: (bouncer: string) => Environment,
): Promise<{ readonly files: readonly ConfigFile[]; readonly clients: readonly LapiClient[] }> => {
  const saw = await probe.folder(folder);
  if (!saw.ok) {
    const denied: ConfigFile = { path: folder, purpose: "bouncers", state: "denied", mistakes: [] };
    return { files: saw.code === "file-denied" ? [denied] : [], clients: [] };
  }
  const names = saw.names.filter((name) => ENDING.test(name));
  const found = await Promise.all(
    names.map((name) => readBouncer(probe, posix.join(folder, name), variablesOf(name.replace(ENDING, "")))),
  );
  return {
    files: found.flatMap(({ files }) => files),
    clients: found.flatMap(({ client }) => (client ? [client] : [])),
  };
};
