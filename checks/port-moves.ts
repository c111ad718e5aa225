import type { ConditionalRemedy, Context } from "../src/model/check.ts";
import { HOSTS } from "../src/model/remedy.ts";
import { componentOf, isOwnAddress, type LapiClient, type Sourced } from "../src/model/topology.ts";
import { bracketed, hostAndPort, unbracketed } from "../src/model/url.ts";

/** An address that CrowdSec of this host binds, or will. */
export type Bound = Sourced<{ readonly host: string; readonly port: number }>;

/** What it takes to give CrowdSec another port, and what fills the words of it. */
export interface Move {
  readonly remedy: readonly ConditionalRemedy[];
  readonly data: Readonly<Record<string, string | number>>;
}

/** Lines that name the port, and what is left to be done by hand. */
interface Edits {
  readonly lines: readonly { readonly path: string; readonly line: string }[];
  /** What this user may not read, or what is not written there as a plain number: places, in words. */
  readonly byHand: readonly string[];
}

/** What may follow a port where it stands: anything else makes it part of a longer number, or of an IPv6 address. */
const END = /^(?:$|[\s"'/,;}#])/;

/** Whether `sed s/FROM/TO/` on this line changes the port, and nothing else: it takes the first that it finds. */
const isPlain = (text: string, from: string): boolean => {
  const at = text.indexOf(from);
  return (
    at !== -1 && END.test(text.slice(at + from.length)) && (from.startsWith(":") || /[\s:"'=]$/.test(text.slice(0, at)))
  );
};

/** @param origins where the port is written, as `path:line` */
const editsOf = async ({ probe }: Context, origins: readonly string[], from: string): Promise<Edits> => {
  const lines: { path: string; line: string }[] = [];
  const byHand: string[] = [];
  for (const origin of new Set(origins)) {
    const [, path = "", line = ""] = /^(\/.*):(\d+)$/.exec(origin) ?? [];
    const saw = path === "" ? undefined : await probe.file(path);
    const text = saw?.ok ? saw.content.split("\n")[Number(line) - 1] : undefined;
    if (text !== undefined && isPlain(text.replace(/\r$/, ""), from)) lines.push({ path, line });
    else byHand.push(origin);
  }
  return { lines, byHand };
};

/** Names that stand in commands as they are; what else a file could be called, a person types. */
const SERVICE = /^[\w@.-]+$/;

interface Change {
  readonly text: string;
  /** As it stands in the files, with the colon where there is one. */
  readonly from: string;
  readonly to: string;
  readonly free: number;
  readonly edits: Edits;
  /** Further commands, before the restart. */
  readonly commands?: readonly string[];
  readonly undo?: readonly string[];
  readonly services: readonly string[];
  readonly data?: Move["data"];
}

/**
 * A change to a file that stays what it is: a link stays a link, and its owner and mode are kept (`sed -i` puts a new
 * file in the place of either). The copy holds what the file does, which may be a key.
 * @param edit sed's, quoted or to be
 */
const rewriting = (edit: string, file: string): readonly string[] => [
  `cp -p ${file} ${file}.preflight`,
  `sed ${edit} ${file}.preflight > ${file}`,
];

/** Takes one change back, leaves those beside it, and no copy. */
const restoring = (edit: string, file: string): readonly string[] => [...rewriting(edit, file), `rm ${file}.preflight`];

/** A remedy of a few commands for each line, and the restart. What fills them stands in the data, where it is quoted. */
const toMove = ({ text, from, to, free, edits, commands = [], undo = [], services, data = {} }: Change): Move => {
  const { lines, byHand } = edits;
  const all = lines.flatMap(({ path, line }, at) => [
    [`file${at}`, path] as const,
    [`edit${at}`, `${line}s/${from}/${to}/`] as const,
    [`back${at}`, `${line}s/${to}/${from}/`] as const,
  ]);
  const restart = services.filter((name) => SERVICE.test(name)).map((name) => `systemctl restart ${name}`);
  const typed = lines.length > 0 || commands.length > 0;
  const byHandToo = byHand.length === 0 ? "" : " By hand, too: {byHand}.";
  return {
    data: { ...data, ...Object.fromEntries(all), free, byHand: byHand.join(", ") },
    remedy: [
      {
        services: HOSTS,
        text: `${text}${byHandToo}`,
        ...(typed && {
          commands: [...lines.flatMap((_line, at) => rewriting(`{edit${at}}`, `{file${at}}`)), ...commands, ...restart],
          undo: [...lines.flatMap((_line, at) => restoring(`{back${at}}`, `{file${at}}`)), ...undo, ...restart],
        }),
      },
    ],
  };
};

/** What is started again; before the install there is nothing. Bouncers that are part of another program have its unit. */
const servicesOf = ({ topology }: Context, ...bouncers: readonly string[]): readonly string[] =>
  topology.phase.value === "install"
    ? []
    : ["crowdsec", ...bouncers.map((name) => componentOf(topology, name)?.unit?.replace(/\.service$/, "") ?? name)];

/** Whether a client of this host asks the Local API at this port of this host. */
const asksHere = async ({ topology, probe }: Context, { way }: LapiClient, port: number): Promise<boolean> => {
  if (!("url" in way) || way.socket !== undefined) return false;
  const at = hostAndPort(way.url.value);
  if (at.port !== port) return false;
  if (at.host === "localhost" || isOwnAddress(topology, at.host)) return true;
  const saw = await probe.dns({ name: at.host });
  return saw.ok && saw.addresses.some(({ address }) => isOwnAddress(topology, address));
};

const LOOPBACK = /^(?:localhost|127\.|::1$)/;

/** The Local API, with every client of this host that asks it. */
const moveLapi = async (context: Context, { value: { host, port }, origin }: Bound, free: number): Promise<Move> => {
  const all = Array.isArray(context.topology.clients) ? (context.topology.clients as readonly LapiClient[]) : [];
  const clients = all.filter(({ kind }) => kind !== "self");
  const here = await Promise.all(clients.map((client) => asksHere(context, client, port)));
  const asking = clients.filter((_client, at) => here[at]);
  const origins = [origin, ...asking.flatMap(({ way }) => ("url" in way ? [way.url.origin] : []))];
  const edits = await editsOf(context, origins, `:${port}`);
  // Whether those name the port, their files do not tell.
  const unread = clients.flatMap(({ way, path }) => ("hidden" in way ? [path] : []));
  const elsewhere = LOOPBACK.test(unbracketed(host))
    ? "A bouncer whose address stands elsewhere, as in haproxy.cfg, needs it too."
    : "Clients on other hosts need it too, and a firewall on the way must let it through.";
  return toMove({
    text: `Another port for the Local API: {free} is the first free one. This writes it into each file of this host that names {port}. ${elsewhere}`,
    from: `:${port}`,
    to: `:${free}`,
    free,
    edits: { ...edits, byHand: [...edits.byHand, ...new Set(unread)] },
    services: servicesOf(context, ...new Set(asking.filter(({ kind }) => kind === "bouncer").map(({ name }) => name))),
  });
};

/** The file that CrowdSec merges over its configuration, and whether a block can be written behind all that is there. */
interface Overlay {
  readonly local: string;
  readonly isNew: boolean;
  readonly isOpen: boolean;
}

const overlayOf = async ({ topology, probe }: Context, block: "api" | "prometheus"): Promise<Overlay> => {
  const local = `${topology.config.value}.local`;
  const saw = await probe.file(local);
  const isNew = !saw.ok && saw.code === "file-missing";
  // Where it has that block already, a second one would be an error.
  const hasBlock = saw.ok && new RegExp(`^["']?${block}\\b`, "m").test(saw.content);
  return { local, isNew, isOpen: isNew || (saw.ok && /(?:^|\n)$/.test(saw.content) && !hasBlock) };
};

/** The blocks as they are appended, as sed finds them again. */
const BLOCKS = {
  api: "'/^api:$/,/^    listen_uri: /d'",
  prometheus: "'/^prometheus:$/,/^  listen_port: /d'",
} as const;

/** Takes a block out of an overlay that began with it; what another remedy wrote there stays, and so does the file then. */
const withoutBlock = (block: keyof typeof BLOCKS): readonly string[] => [
  ...restoring(BLOCKS[block], "{local}"),
  "grep -qv -e '^db_config:$' -e '^  use_wal: true$' {local} || rm {local}",
];

const moveMetrics = async (context: Context, { value: { port }, origin }: Bound, free: number): Promise<Move> => {
  const common = {
    text: "Another port for the metrics: {free} is the first free one. What scrapes them, Prometheus for example, needs it too.",
    from: String(port),
    to: String(free),
    free,
    services: servicesOf(context),
  };
  if (origin !== "default") return toMove({ ...common, edits: await editsOf(context, [origin], String(port)) });
  const { local, isNew, isOpen } = await overlayOf(context, "prometheus");
  return toMove({
    ...common,
    edits: { lines: [], byHand: isOpen ? [] : [`prometheus.listen_port in ${local}`] },
    ...(isOpen && { commands: ["printf 'prometheus:\\n  listen_port: %s\\n' {free} >> {local}"] }),
    ...(isNew && { undo: withoutBlock("prometheus") }),
    data: { local },
  });
};

/** AppSec, with the bouncers whose files name its port. */
const moveAppsec = async (context: Context, { value: { port }, origin }: Bound, free: number): Promise<Move> => {
  const { topology, probe } = context;
  const all = Array.isArray(topology.clients) ? (topology.clients as readonly LapiClient[]) : [];
  const bouncers = all.filter(({ kind }) => kind === "bouncer");
  const found = await Promise.all(
    bouncers.map(async ({ name, path }) => {
      const files = await Promise.all(
        [path, `${path}.local`].map(async (file) => ({ file, saw: await probe.file(file) })),
      );
      const origins = files.flatMap(({ file, saw }) =>
        (saw.ok ? saw.content.split("\n") : []).flatMap((text, index) =>
          /^(?!\s*#).*appsec/i.test(text) && isPlain(text, `:${port}`) ? [`${file}:${index + 1}`] : [],
        ),
      );
      return { name, origins };
    }),
  );
  const asking = found.filter(({ origins }) => origins.length > 0);
  return toMove({
    text: "Another port for AppSec: {free} is the first free one. Bouncers whose AppSec URL stands elsewhere need it too.",
    from: `:${port}`,
    to: `:${free}`,
    free,
    edits: await editsOf(context, [origin, ...asking.flatMap(({ origins }) => origins)], `:${port}`),
    services: servicesOf(context, ...asking.map(({ name }) => name)),
  });
};

/** Debian's own package switches this on in that file, unless there is one (its postinst): SQLite is slow without. */
const WAL = "grep -q '^db_config:' {local} || printf 'db_config:\\n  use_wal: true\\n' >> {local}";
const BOUNCER = "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml";

/**
 * Before there is a configuration, its overlay can be: CrowdSec merges it since 1.4.0 (pkg/csconfig/config.go), `cscli
 * machines add` of the packages' scripts then writes the new address into local_api_credentials.yaml (cmd/crowdsec-cli,
 * machines.go at 1.4.6, climachine/add.go at 1.7.8), and packages leave it alone.
 * @param write appends the block
 */
const beforehand = (
  { local, isNew, isOpen }: Overlay,
  block: keyof typeof BLOCKS,
  what: string,
  key: string,
  write: string,
): Move => {
  const data = { local, folder: local.replace(/\/[^/]*$/, "") };
  const text = `${what} is the first free one. Before the install, write it as ${key} into {local}, which CrowdSec reads from 1.4.0 on.`;
  if (!isOpen) return { data, remedy: [{ services: HOSTS, text }] };
  const typed = ["mkdir -p {folder}", write];
  const undo = isNew ? { undo: withoutBlock(block) } : {};
  return {
    data,
    remedy: [
      { services: HOSTS, packages: ["deb"], text, commands: [...typed, WAL], ...undo },
      { services: HOSTS, packages: ["rpm", "apk", "freebsd", "none"], text, commands: typed, ...undo },
    ],
  };
};

const moveLapiBeforehand = async (context: Context, bound: Bound, free: number): Promise<Move> => {
  const { value, origin } = bound;
  // It stands in the overlay already.
  if (origin !== "default") return moveLapi(context, bound, free);
  const { data, remedy } = beforehand(
    await overlayOf(context, "api"),
    "api",
    "Another port for the Local API: {free}",
    "api.server.listen_uri",
    "printf 'api:\\n  server:\\n    listen_uri: \"%s\"\\n' {instead} >> {local}",
  );
  const [edit, back] = [`s/:${value.port}/:${free}/`, `s/:${free}/:${value.port}/`];
  return {
    data: { ...data, free, instead: `${bracketed(unbracketed(value.host))}:${free}`, edit, back },
    remedy: [
      ...remedy,
      {
        services: HOSTS,
        packages: ["deb"],
        text: "Its install then writes that into local_api_credentials.yaml by itself. A bouncer asks {place} unless its file says otherwise; once Debian's firewall bouncer is installed, for example:",
        commands: [...rewriting("{edit}", BOUNCER), "systemctl restart crowdsec-firewall-bouncer"],
        undo: [...restoring("{back}", BOUNCER), "systemctl restart crowdsec-firewall-bouncer"],
      },
      {
        services: HOSTS,
        packages: ["rpm", "apk", "freebsd", "none"],
        text: "Its install then writes that into local_api_credentials.yaml by itself. A bouncer asks {place} unless its file says otherwise: give it {instead} once it is installed.",
      },
    ],
  };
};

const moveMetricsBeforehand = async (context: Context, bound: Bound, free: number): Promise<Move> => {
  if (bound.origin !== "default") return moveMetrics(context, bound, free);
  const { data, remedy } = beforehand(
    await overlayOf(context, "prometheus"),
    "prometheus",
    "Another port for the metrics: {free}",
    "prometheus.listen_port",
    "printf 'prometheus:\\n  listen_port: %s\\n' {free} >> {local}",
  );
  return { data: { ...data, free }, remedy };
};

/** What moves which of CrowdSec's ports. */
export const MOVES = {
  lapi: { run: moveLapi, install: moveLapiBeforehand },
  metrics: { run: moveMetrics, install: moveMetricsBeforehand },
  appsec: { run: moveAppsec, install: moveAppsec },
} as const;
