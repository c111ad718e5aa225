import type { Context } from "../src/model/check.ts";
import { printable } from "../src/model/text.ts";
import { parseVersion, type Version } from "../src/model/version.ts";

/** A question to a package manager that takes longer is not answered, milliseconds; apt-cache reads all its lists, in about a second. */
const ASK_MS = 5000;

/**
 * `debian`: Debian's or Ubuntu's own archive. `vendor-deb`, `vendor-rpm`: CrowdSec's repository is configured. `script`: no
 * repository here knows it, so install.crowdsec.net sets up CrowdSec's first. `image`: docker or podman is here.
 */
export type SourceKind = "debian" | "vendor-deb" | "vendor-rpm" | "alpine" | "freebsd" | "script" | "image";

/** From where an installation of crowdsec on this host would come. */
export interface PackageSource {
  readonly kind: SourceKind;
  readonly version?: Version;
  /** The same as its archive writes it: `1.4.6-6~deb12u1+b1`. */
  readonly release?: string;
  /** Who says so, and what: `apt-cache policy: http://deb.debian.org/debian bookworm/main`. */
  readonly origin: string;
  /** Where apt would fetch it: `http://deb.debian.org/debian bookworm/main`; undefined where it need not, or another tool does. */
  readonly archive?: string;
  /** apt has nothing to fetch: it is unpacked here already, or apt has its file. */
  readonly fetched?: true;
  /** What else is to be known before it is taken. */
  readonly note?: string;
}

/** What would be installed cannot be told; a reason, as of a finding. */
export interface Untold {
  readonly unknown: string;
}

/** The vendor's repository, in a URL of any of its kinds (https://docs.crowdsec.net/u/getting_started/installation/linux). */
const VENDOR = /packagecloud\.io\/crowdsec\//;

const APT_CACHE = "/usr/bin/apt-cache";
/**
 * Without these two, apt-cache run by root writes its index of the lists to /var/cache/apt (apt.conf(5)); with them it
 * writes nothing. It goes nowhere either: only what `apt-get update` fetched counts.
 */
const POLICY = [APT_CACHE, "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "policy"] as const;
const APT_LISTS = "/var/lib/apt/lists";
/** What apt has fetched, a file each, with `:` of a version as `%3a`. */
const APT_ARCHIVES = "/var/cache/apt/archives";
const APT_INDEX = /_Packages(\.\w+)?$/;

/** Where repositories of each kind of packages are configured, a file each. */
const REPOSITORIES: Readonly<Record<"deb" | "rpm", { readonly folders: readonly string[]; readonly ending: RegExp }>> =
  {
    deb: { folders: ["/etc/apt/sources.list.d"], ending: /\.(list|sources)$/ },
    rpm: { folders: ["/etc/yum.repos.d", "/etc/zypp/repos.d"], ending: /\.repo$/ },
  };
const APT_SOURCES = "/etc/apt/sources.list";

const CONTAINERS = ["/usr/bin/docker", "/usr/local/bin/docker", "/usr/bin/podman"];

/** A version in apt's table, and the archives that have it. */
interface Row {
  readonly release: string;
  readonly origins: readonly string[];
  /** dpkg has it unpacked, or installed. */
  readonly here: boolean;
}

/** The probe gives lines without their indentation, so what they begin with has to tell them apart. */
const CANDIDATE = /^\s*Candidate: (\S+)$/m;
const TABLE = /^\s*Version table:$/m;
const RELEASE = /^(?:\*{3} )?(\d\S*)(?: -?\d+)?$/;
const ORIGIN = /^-?\d+ (\S*\/.*)$/;

/** `500 http://deb.debian.org/debian bookworm/main amd64 Packages`: without its priority and its last two words. */
const readOrigin = (words: string): string =>
  printable(words.replace(/ \S+ Packages$/, "").replace(/\/\/[^/@\s]*@/, "//"));

/** The version table of `apt-cache policy`, best first; dpkg's own database is no archive. */
const readTable = (output: string): readonly Row[] => {
  const rows: { release: string; origins: string[]; here: boolean }[] = [];
  const [, table = ""] = output.split(TABLE);
  for (const line of table.split("\n").map((each) => each.trim())) {
    const origin = ORIGIN.exec(line)?.[1];
    const release = origin === undefined ? RELEASE.exec(line)?.[1] : undefined;
    if (release !== undefined) rows.push({ release: printable(release, 80), origins: [], here: false });
    const row = rows.at(-1);
    if (origin === undefined || row === undefined) continue;
    // A path is dpkg's own database; an archive on a disk has `file:` before it.
    if (origin.startsWith("/")) row.here = true;
    else row.origins.push(readOrigin(origin));
  }
  return rows;
};

type AptKind = "debian" | "vendor-deb";

/** Archives that are the distribution's by their host alone. */
const DISTRIBUTIONS_HOST = /^https?:\/\/(?:[\w-]+\.)*(?:debian\.org|ubuntu\.com|raspbian\.org|raspberrypi\.com)[:/]/;
/** `o=` of a Release file, which a mirror hands on as it is. */
const DISTRIBUTIONS_NAME = /^(?:Debian|Ubuntu|Raspbian|Raspberry Pi|Kali|Devuan|Linux Mint|linuxmint)\b/;
const VENDORS_NAME = /^packagecloud\.io\/crowdsec\b/;

/** Who signs each archive: `o=` of its release line, by the archive as the version table writes it. */
type Signers = ReadonlyMap<string, string>;

/** Of `apt-cache policy` without a name: two lines for each archive, the second of them its release. */
const readSigners = (output: string): Signers => {
  const signers = new Map<string, string>();
  let archive: string | undefined;
  for (const line of output.split("\n").map((each) => each.trim())) {
    const origin = ORIGIN.exec(line)?.[1];
    if (origin !== undefined) archive = readOrigin(origin);
    const signer = /^release (?:.*,)?o=([^,]+)/.exec(line)?.[1];
    if (signer !== undefined && archive !== undefined) signers.set(archive, signer);
  }
  return signers;
};

const kindByHost = ({ origins }: Row): AptKind | undefined => {
  if (origins.some((origin) => VENDOR.test(origin))) return "vendor-deb";
  return origins.some((origin) => DISTRIBUTIONS_HOST.test(origin)) ? "debian" : undefined;
};

/**
 * A company's mirror has any name: what it mirrors says its Release file, or else its address; and where neither does,
 * Debian's packages have a revision of their own, the vendor's none.
 */
const kindOf = (row: Row, signers: Signers): AptKind => {
  const byHost = kindByHost(row);
  if (byHost !== undefined) return byHost;
  const names = row.origins.flatMap((origin) => signers.get(origin) ?? []);
  if (names.some((name) => VENDORS_NAME.test(name))) return "vendor-deb";
  if (names.some((name) => DISTRIBUTIONS_NAME.test(name))) return "debian";
  if (row.origins.some((origin) => /crowdsec/i.test(origin))) return "vendor-deb";
  return row.release.includes("-") ? "debian" : "vendor-deb";
};

/** Who signs the archives of this table, where their hosts do not tell. */
const findSigners = async ({ probe }: Context, table: readonly Row[]): Promise<Signers> => {
  if (table.every((row) => row.origins.length === 0 || kindByHost(row) !== undefined)) return new Map();
  const ran = await probe.command({ argv: POLICY, timeoutMs: ASK_MS });
  return ran.ok && ran.exitCode === 0 ? readSigners(ran.output) : new Map();
};

/** @param files the names in the folder of what apt has fetched */
const toSource = (row: Row, signers: Signers, files: readonly string[]): PackageSource => {
  const version = parseVersion(row.release.replace(/^\d+:/, ""));
  const [archive] = row.origins;
  const file = `crowdsec_${row.release.replaceAll(":", "%3a")}_`;
  const fetched = row.here || files.some((name) => name.startsWith(file) && name.endsWith(".deb"));
  return {
    kind: kindOf(row, signers),
    ...(version && { version }),
    release: row.release,
    origin: `apt-cache policy: ${archive ?? "only what is installed here already"}`,
    ...(archive !== undefined && !fetched && { archive }),
    ...(fetched && { fetched }),
  };
};

/** A section of a .repo file, a paragraph of a .sources file; what has neither is one. */
const isConfigured = (content: string): boolean =>
  content
    .replace(/^\s*#.*$/gm, "")
    .split(/^(?=\[)|\n\s*\n/m)
    .some((part) => VENDOR.test(part) && !/^enabled\s*[=:]\s*(0|no|false)\b/im.test(part));

/** The file that configures the vendor's repository; undefined where none does. */
export const vendorRepository = async ({ probe, topology }: Context): Promise<string | undefined> => {
  const { packages } = topology.system;
  if (packages !== "deb" && packages !== "rpm") return undefined;
  const { folders, ending } = REPOSITORIES[packages];
  const found = await Promise.all(
    folders.map(async (folder) => {
      const saw = await probe.folder(folder);
      return saw.ok ? saw.names.filter((name) => ending.test(name)).map((name) => `${folder}/${name}`) : [];
    }),
  );
  const paths = [...(packages === "deb" ? [APT_SOURCES] : []), ...found.flat()];
  const read = await Promise.all(paths.map((path) => probe.file(path)));
  return paths.find((_path, index) => {
    const saw = read[index];
    return saw?.ok === true && isConfigured(saw.content);
  });
};

const SCRIPT: PackageSource = { kind: "script", origin: "CrowdSec's own repository is not set up here" };

/** What apt would take now, and what else it knows; in its own order. */
const ofApt = async (context: Context): Promise<readonly PackageSource[] | Untold> => {
  const { probe } = context;
  const saw = await probe.path(APT_CACHE);
  if (!saw.ok && saw.code === "file-missing")
    return { unknown: `what would be installed cannot be told: there is no ${APT_CACHE}` };
  if (!saw.ok || !saw.executable || !saw.guarded) return { unknown: `${APT_CACHE} is not one that can be asked` };
  const ran = await probe.command({ argv: [...POLICY, "crowdsec"], timeoutMs: ASK_MS });
  if (!ran.ok) return { unknown: `${APT_CACHE} gave no answer: ${ran.message}` };
  if (ran.exitCode !== 0) return { unknown: `${APT_CACHE} policy ended with exit code ${ran.exitCode}` };
  const table = readTable(ran.output);
  const candidate = CANDIDATE.exec(ran.output)?.[1];
  const taken = table.find(({ release }) => release === candidate);
  const configured = await vendorRepository(context);
  if (taken === undefined) {
    if (table.length > 0) return { unknown: "apt's preferences (apt_preferences(5)) let no crowdsec be installed" };
    const lists = await probe.folder(APT_LISTS);
    const updated = lists.ok && lists.names.some((name) => APT_INDEX.test(name));
    if (updated && configured === undefined) return [SCRIPT];
    const missing = configured === undefined ? "lists of packages" : `list of the repository in ${configured}`;
    return { unknown: `apt has no ${missing} here yet: run apt-get update first` };
  }
  const [signers, archives] = await Promise.all([findSigners(context, table), probe.folder(APT_ARCHIVES)]);
  const known = table.map((row) => toSource(row, signers, archives.ok ? archives.names : []));
  const own = known[table.indexOf(taken)];
  if (own === undefined) return [];
  const unfetched = configured !== undefined && known.every(({ kind }) => kind !== "vendor-deb");
  const first = {
    ...own,
    ...(unfetched && {
      note: `CrowdSec's repository is configured in ${configured}, and apt has no list of it: apt-get update`,
    }),
  };
  const second = known.find(({ kind }) => kind !== first.kind);
  const script = configured === undefined && [first, second].every((source) => source?.kind !== "vendor-deb");
  return [first, ...(second ? [second] : []), ...(script ? [SCRIPT] : [])];
};

const ofRpm = async (context: Context): Promise<readonly PackageSource[]> => {
  const configured = await vendorRepository(context);
  return [configured === undefined ? SCRIPT : { kind: "vendor-rpm", origin: configured }];
};

/** An image is never what a package manager would take: it stands last. */
const ofContainers = async ({ probe, topology }: Context): Promise<readonly PackageSource[]> => {
  // From inside of a container no further one is started.
  if (["container", "kubernetes"].includes(topology.system.services)) return [];
  const saw = await Promise.all(CONTAINERS.map((path) => probe.path(path)));
  const path = CONTAINERS.find((_path, index) => {
    const one = saw[index];
    return one?.ok === true && one.executable;
  });
  return path === undefined ? [] : [{ kind: "image", origin: path }];
};

const ofPackages = async (context: Context): Promise<readonly PackageSource[] | Untold> => {
  switch (context.topology.system.packages) {
    case "deb":
      return ofApt(context);
    case "rpm":
      return ofRpm(context);
    case "apk":
      return [{ kind: "alpine", origin: "apk: Alpine's own repositories" }];
    case "freebsd":
      return [{ kind: "freebsd", origin: "pkg: security/crowdsec" }];
    case "none":
      return [];
  }
};

/**
 * From where an installation of crowdsec on this host would come, that which the package manager would take now first.
 * Nothing is written, and nobody outside is asked.
 */
export const packageSources = async (context: Context): Promise<readonly PackageSource[] | Untold> => {
  const [packages, containers] = await Promise.all([ofPackages(context), ofContainers(context)]);
  return "unknown" in packages ? packages : [...packages, ...containers];
};

/** The source that the package manager would take; undefined where there is none, or nothing tells. */
export const firstSource = async (context: Context): Promise<PackageSource | undefined> => {
  const sources = await packageSources(context);
  return "unknown" in sources ? undefined : sources.find(({ kind }) => kind !== "image");
};

/** The version that would be installed; undefined where nothing on this host tells. */
export const candidateVersion = async (context: Context): Promise<Version | undefined> =>
  (await firstSource(context))?.version;
