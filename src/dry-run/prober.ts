import { proberOf } from "../bundle/recorder.ts";
import { familyOf } from "../model/hosts.ts";
import type {
  Address,
  CaStore,
  CommandQuestion,
  DnsObservation,
  DnsQuestion,
  Family,
  HttpAnswered,
  HttpRequest,
  Prober,
  TlsSeen,
} from "../model/observation.ts";
import { holdsSecret } from "../model/secret.ts";
import { hostAndPort } from "../model/url.ts";
import {
  type AnswerOf,
  DEPLOYMENT,
  type Doing,
  ENGINES,
  type Engine,
  LOOKING,
  type Note,
  type Probe,
  type Question,
} from "./note.ts";

/** How this host looks names up, as its files say (hosts, resolv.conf, nsswitch.conf). */
export interface Names {
  /** The addresses that /etc/hosts has for a name, where that one is asked first; undefined where it has none. */
  readonly pinned: (name: string) => readonly Address[] | undefined;
  /** What nameservers are asked for, until one of these is found; none where they are not asked at all. */
  readonly candidates: (name: string) => readonly string[];
}

export interface Asker {
  /** A check's id, `DEPLOYMENT` or `PING`. */
  readonly name: string;
  /** Which Local API is there; without it, whichever. */
  readonly engine?: Engine;
  /** Questions of another scope are not remembered for this one. */
  readonly scope?: string;
}

export interface DryProber {
  /** For what finds out what there is on this host. */
  readonly probe: Prober;
  readonly as: (asker: Asker) => Prober;
  /** All that was asked until now, in the order in which it was first asked. */
  readonly notes: () => readonly Note[];
  /** The name that an address stands in for; undefined for an address that somebody wrote. */
  readonly nameAt: (address: string) => string | undefined;
}

export interface DryOptions {
  readonly names: Names;
  /** Names are asked for this family only (`-4`, `-6`). */
  readonly family?: Family;
}

/**
 * Programs that print what this host's own files say and go nowhere. What they print decides what else is asked: the
 * version of CrowdSec, the archive that apt would take it from, the proxies of systemd's units.
 */
const PRINTING: readonly RegExp[] = [
  /^\/usr\/(?:local\/)?bin\/crowdsec -version$/,
  /^\S*\/dpkg-query -[sW] /,
  /^\S*\/rpm -q /,
  /^\S*\/apk (?:info|list) /,
  /^\S*\/pkg query /,
  /^\S*\/apt-cache (?:-o \S+ )*policy(?: |$)/,
  /^\S*\/apt-config (?:shell|dump)(?: |$)/,
  /^\S*\/systemctl show-environment$/,
];

/** Whether a dry run runs it too. What brings files of its own is more than a question. */
export const isPrinting = ({ argv, files }: CommandQuestion): boolean =>
  files === undefined && PRINTING.some((pattern) => pattern.test(argv.join(" ")));

const LOOKS: ReadonlySet<string> = new Set(LOOKING);

/** What is sent anew each time, whoever asked for the same before. */
const isUnremembered = (probe: Probe, question: unknown): boolean => {
  if (probe === "peer") return true;
  if (probe === "command") {
    const { files, environment } = question as CommandQuestion;
    return files !== undefined || environment !== undefined;
  }
  return probe === "http" && holdsSecret(question as HttpRequest);
};

const WEEK_MS = 7 * 86_400_000;

const certificateOf = (host: string): TlsSeen => {
  const now = Date.now();
  return {
    protocol: "TLSv1.3",
    subject: `CN=${host}`,
    issuer: "CN=nobody was asked",
    names: [`DNS:${host}`],
    validFrom: new Date(now - WEEK_MS).toISOString(),
    validTo: new Date(now + 52 * WEEK_MS).toISOString(),
    publicAuthority: true,
  };
};

/** Where the package host sends everybody; which host that is today, only it can tell. */
export const REDIRECTED = "redirected.invalid";

type Said = Partial<Pick<HttpAnswered, "status" | "headers" | "body">>;

/** What is answered where all is well, as far as it decides what is asked next; by the end of the URL's path. */
const SAID: readonly (readonly [RegExp, Said | Readonly<Record<Engine, Said>>])[] = [
  [/\/v1\/heartbeat$/, { status: 401, headers: { "www-authenticate": "JWT realm=Crowdsec API local" } }],
  [/\/v1\/watchers\/login$/, { status: 401, body: '{"code":401,"message":"ent: machine not found"}' }],
  // Known since 1.6.6; whoever knows it is asked more.
  [/\/v1\/allowlists$/, { current: { status: 401 }, older: { status: 404 } }],
  [/\.json$|\/latest$/, { body: "{}" }],
  [/^\/crowdsec\/crowdsec\/.*\/InRelease$/, { status: 302, headers: { location: `https://${REDIRECTED}/InRelease` } }],
  [/InRelease$/, { body: "Origin: nobody was asked" }],
];

const isByEngine = (said: (typeof SAID)[number][1]): said is Readonly<Record<Engine, Said>> => "older" in said;

const answerTo = ({ url }: HttpRequest, engine: Engine): HttpAnswered => {
  const { pathname } = new URL(url);
  const said = SAID.find(([pattern]) => pattern.test(pathname))?.[1] ?? {};
  const { host } = hostAndPort(url);
  return {
    ok: true,
    elapsedMs: 1,
    status: 200,
    headers: {},
    body: "",
    truncated: false,
    layers: [],
    ...(url.startsWith("https:") && { tls: certificateOf(host) }),
    ...(isByEngine(said) ? said[engine] : said),
  };
};

/**
 * Addresses that nobody has, and that no file names: of the range that was never given out (RFC 1112, section 4), and of
 * the one for what is to be discarded (RFC 6666). Those of the documentation ranges stand in files.
 */
const standInOf = (index: number, family: Family): string =>
  family === 4
    ? `240.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
    : `100::${(index >> 16).toString(16)}:${(index & 0xffff).toString(16)}`;

interface StandIns {
  readonly of: (name: string, family: Family) => Address;
  readonly nameAt: (address: string) => string | undefined;
}

const createStandIns = (): StandIns => {
  const numbers = new Map<string, number>();
  const names = new Map<string, string>();
  return {
    of: (name, family) => {
      const number = numbers.get(name) ?? numbers.size + 1;
      numbers.set(name, number);
      const address = standInOf(number, family);
      names.set(address, name);
      return { address, family };
    },
    nameAt: (address) => names.get(address),
  };
};

const FAMILIES: readonly Family[] = [4, 6];

/** A question as text; secrets look alike. */
const keyOf = (probe: Probe, question: unknown): string => JSON.stringify([probe, question]);

/** A note that is still being written. */
interface Draft {
  readonly probe: Probe;
  readonly question: unknown;
  answer?: unknown;
  readonly askers: Set<string>;
  readonly times: Record<Engine, number>;
}

/** The CA store that a request's certificate is verified against; undefined where none is read for it. */
const storeOf = ({ url, proxy, trust }: HttpRequest): CaStore | undefined => {
  if (!url.startsWith("https:") && proxy?.scheme !== "https") return undefined;
  return trust?.only ? undefined : (trust?.store ?? {});
};

/**
 * Stands before the real prober: what looks at this host goes through, what would send or start something is noted, and
 * answered as if all were well, so that what comes after it is asked too.
 */
export const createDryProber = (real: Prober, { names, family }: DryOptions): DryProber => {
  const standIns = createStandIns();
  const notes = new Map<string, Draft>();

  const note = (probe: Probe, question: unknown, { name, engine, scope = "" }: Asker): Draft => {
    const key = `${scope} ${keyOf(probe, question)}`;
    const noted = notes.get(key) ?? { probe, question, askers: new Set(), times: { current: 0, older: 0 } };
    notes.set(key, noted);
    noted.askers.add(name);
    for (const each of ENGINES)
      if ((engine === undefined || engine === each) && (noted.times[each] === 0 || isUnremembered(probe, question)))
        noted.times[each] += 1;
    return noted;
  };

  const lookUp = ({ name, by, family: own = family }: DnsQuestion): DnsObservation => {
    const found = (addresses: readonly Address[], from: string): DnsObservation => ({
      ok: true,
      elapsedMs: 1,
      addresses,
      from,
      nameservers: [],
    });
    const literal = familyOf(name);
    if (literal !== undefined) return found([{ address: name, family: literal }], "literal");
    const pinned = names.pinned(name)?.filter((one) => own === undefined || one.family === own);
    const nobody = (code: "dns-nodata" | "dns-nxdomain"): DnsObservation => ({
      ok: false,
      phase: "resolve",
      code,
      message: "no nameserver is asked for it",
      elapsedMs: 1,
    });
    if (pinned !== undefined) return pinned.length > 0 ? found(pinned, "hosts") : nobody("dns-nodata");
    if (by !== "libc" && names.candidates(name).length === 0) return nobody("dns-nxdomain");
    const families = own === undefined ? FAMILIES : [own];
    return found(
      families.map((each) => standIns.of(name, each)),
      "nobody was asked",
    );
  };

  const ANSWERS: { readonly [P in Doing]: (question: Question<P>, engine: Engine) => AnswerOf<P> } = {
    dns: lookUp,
    nameserver: () => ({ ok: true, elapsedMs: 1, answer: "addresses" }),
    tcp: () => ({ ok: true, elapsedMs: 1 }),
    socket: () => ({ ok: true, elapsedMs: 1 }),
    http: answerTo,
    database: ({ addresses, login }) => ({
      ok: true,
      elapsedMs: 1,
      address: "socket" in addresses ? addresses.socket : (addresses[0] ?? ""),
      layers: [],
      encrypted: true,
      ...(login && { tables: login.tables, closedTables: [], mayCreate: true }),
    }),
    bind: () => ({ ok: true, elapsedMs: 1 }),
    command: () => ({ ok: true, elapsedMs: 1, exitCode: 0, output: "" }),
    peer: ({ url, idleMs }) => {
      const end = { address: "", port: 0 };
      return {
        ok: true,
        elapsedMs: 1,
        layers: [],
        own: end,
        seen: end,
        listener: end,
        altered: [],
        intercepted: false,
        bytes: 64 * 1024,
        ...(url.startsWith("https:") && { tls: certificateOf(hostAndPort(url).host), certificate: "given" as const }),
        ...(idleMs > 0 && { idle: { survived: true as const, ms: idleMs } }),
      };
    },
  };
  const answers = ANSWERS as Readonly<Record<string, (question: unknown, engine: Engine) => unknown>>;
  const asks = real as unknown as Readonly<Record<Probe, (question: unknown) => Promise<unknown>>>;

  const as = (asker: Asker): Prober =>
    proberOf(async (probe, question) => {
      const noted = note(probe, question, asker);
      const isReal = LOOKS.has(probe) || (probe === "command" && isPrinting(question as CommandQuestion));
      if (!isReal) {
        const store = probe === "http" ? storeOf(question as HttpRequest) : undefined;
        if (store) note("trustStore", store, asker).answer = await real.trustStore(store);
        return answers[probe]?.(question, asker.engine ?? "current");
      }
      const answer = await asks[probe](question);
      noted.answer = answer;
      return answer;
    });

  return {
    probe: as({ name: DEPLOYMENT }),
    as,
    notes: () => [...notes.values()].map(({ askers, ...rest }) => ({ ...rest, askers: [...askers] }) as Note),
    nameAt: standIns.nameAt,
  };
};
