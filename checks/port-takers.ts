import type { Prober } from "../src/model/observation.ts";
import type { System } from "../src/model/system.ts";
import { printable } from "../src/model/text.ts";
import { UNIT_FOLDERS } from "./unit-folders.ts";

/** Something of this host that is told to listen on a port, whether it does so now or not. */
export interface Claim {
  /** `socket`: one that systemd opens for a service; `service`; `container`: one whose port Docker publishes. */
  readonly kind: "socket" | "service" | "container";
  /** As its manager calls it: `tomcat10.service`, `cockpit.socket`; of OpenRC `tomcat10`; a container's name. */
  readonly name: string;
  /** Without brackets; empty for every address. */
  readonly address: string;
  readonly port: number;
  /** `path:line`; of Docker's records, which have no lines, the path. */
  readonly origin: string;
  /** What says so there, and no more of it: the rest of a line may hold a secret. */
  readonly shown: string;
  /** It is started with this system. */
  readonly atBoot: boolean;
  /** Of a container: it runs now. */
  readonly running?: true;
}

/** A port that something is told to listen on, as its text says it. */
interface Named extends Pick<Claim, "address" | "port" | "shown"> {
  readonly line: number;
}

interface Line {
  readonly line: number;
  readonly text: string;
}

/** Bounds: of a line, characters; of a file, lines; of a folder, names; of a run, files. */
const MAX_LINE = 4000;
const MAX_LINES = 10_000;
const MAX_NAMES = 200;
const MAX_FILES = 500;
const MAX_SHOWN = 80;

const MAX_PORT = 65_535;

const linesOf = (content: string): readonly Line[] =>
  content.split(/\r?\n/, MAX_LINES).map((text, index) => ({ line: index + 1, text: text.slice(0, MAX_LINE) }));

/** Without comments, which begin with a # there. */
const bareLines = (content: string): readonly Line[] =>
  linesOf(content).map(({ line, text }) => ({ line, text: text.replace(/(^|\s)#.*$/, "$1") }));

/** `8080`, `:8080`, `*:8080`, `0.0.0.0:8080`, `[::1]:8080`, `http://+:8080/`: an address to listen on. */
const ADDRESS = /^(?:(?:tcp|https?):(?:\/\/)?)?(?:(\[[\da-fA-F:.]*\]|[\w.*+-]*):)?(\d{1,5})(\/\S*)?$/;
const EVERY = new Set(["", "*", "+", "0.0.0.0", "::"]);

/** `rest`: what stands behind the port. */
const addressIn = (text: string): (Pick<Claim, "address" | "port"> & { readonly rest: string }) | undefined => {
  const [, host = "", digits, rest = ""] = ADDRESS.exec(text) ?? [];
  const port = Number(digits ?? 0);
  if (port === 0 || port > MAX_PORT) return undefined;
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (bare === "localhost") return { address: "127.0.0.1", port, rest };
  return { address: EVERY.has(bare) ? "" : bare, port, rest };
};

const named = (line: number, value: string, shown: string): readonly Named[] => {
  const found = addressIn(value);
  if (found === undefined) return [];
  const { rest, ...place } = found;
  // A path can end in a token.
  return [
    {
      ...place,
      line,
      shown: printable(
        shown.replace(value, () => value.slice(0, value.length - rest.length)),
        MAX_SHOWN,
      ),
    },
  ];
};

/** A word of a command, or what a shell would make of a variable in it. */
interface Word extends Line {}

/** What an option is about when it says where to connect to, not where to listen. */
const OUTGOING = new Set(
  "upstream upstreams target remote backend backends proxy dest destination connect forward to url uri peer peers master join db database redis client endpoint server origin push gateway from relay source dial host mysql postgres mongo amqp kafka smtp ldap syslog statsd agent".split(
    " ",
  ),
);
/** Whose port `--…-port` may be, to be that of the program itself. */
const OWN_PORT = new Set(
  "http https web listen listening bind api console ui admin app rest service jetty tomcat quarkus local public management metrics".split(
    " ",
  ),
);
const LISTENS = new Set(["listen", "listener", "bind", "urls"]);
/** Options that mean an address to listen on only where it says so itself: `:8080`, `0.0.0.0:8080`. */
const PERHAPS = new Set(["addr", "address", "http", "https", "socket", "l", "b"]);

/** The parts of an option's name: `--web.listen-address`, `-Dserver.port`, `--httpPort`. */
const partsOf = (name: string): readonly string[] =>
  name
    .replace(/^-D(?=\w)|^--?/, "")
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .split(/[._-]+/);

const WILDCARD = /^(?:\*|0\.0\.0\.0|\[::\])?:\d{1,5}$/;
/** Programs whose `-p` is the port of another host. */
const CLIENTS =
  /^(?:auto)?ssh(?:pass)?$|^s(?:ftp|cp)$|^rsync$|^mysql|^mariadb|^psql$|^pg_|^redis-cli$|^n(?:et)?cat$|^nc$/;
const PUBLISHERS = /^(?:docker|podman|nerdctl)$/;

const isOption = (word: string): boolean => /^-{1,2}[A-Za-z]/.test(word);

/** The port that an option with this value makes its program listen on. */
const listensBy = (option: string, value: string, program: string): boolean => {
  const parts = partsOf(option);
  const last = parts.at(-1) ?? "";
  const isNumber = /^\d+$/.test(value);
  // `-P` and `-L` are other options.
  if (option === "-p") return isNumber && !CLIENTS.test(program) && !PUBLISHERS.test(program);
  // Spring's own, for which every other program has another name.
  if (/^(?:--|-D)server\.port$/.test(option)) return isNumber;
  if (parts.some((part) => OUTGOING.has(part))) return false;
  if (option.length === 2 && option !== "-l" && option !== "-b") return false;
  if (last === "port") return isNumber && parts.slice(0, -1).every((part) => OWN_PORT.has(part));
  if (parts.some((part) => LISTENS.has(part))) return true;
  return PERHAPS.has(last) && WILDCARD.test(value.replace(/^tcp:\/*/, ""));
};

/** `8080:80`, `127.0.0.1:8080:80/tcp`: a port of a container, and before it the one of this host. */
const publishedIn = (value: string): string | undefined =>
  /^((?:[\d.]+:|\[[\da-fA-F:]*\]:)?\d{1,5}):\d{1,5}(?:\/tcp)?$/.exec(value)?.[1];

/** The ports that a command says it will listen on. What only might mean one is left out. */
export const portsOf = (words: readonly Word[]): readonly Named[] => {
  const program = words[0]?.text.replace(/^.*\//, "") ?? "";
  return words.flatMap(({ text, line }, index): readonly Named[] => {
    const before = words[index - 1]?.text ?? "";
    const [, option, inline] = isOption(text) ? (/^([^=]+)(?:=(.*))?$/s.exec(text) ?? []) : [];
    if (option !== undefined) {
      const following = words[index + 1]?.text ?? "";
      const value = inline ?? (isOption(following) ? "" : following);
      const shown = `${option}${inline === undefined ? " " : "="}${value}`;
      if (PUBLISHERS.test(program) && /^(?:-p|--publish)$/.test(option))
        return named(line, publishedIn(value) ?? "", shown);
      return listensBy(option, value, program) ? named(line, value, shown) : [];
    }
    // The value of an option has been looked at with it; what that one says of where to connect to counts.
    if (isOption(before) && !before.includes("=")) {
      const parts = partsOf(before);
      if (parts.some((part) => OUTGOING.has(part)) || listensBy(before, text, program)) return [];
    }
    if (WILDCARD.test(text)) return named(line, text, text);
    const socat = /^TCP[46]?-L(?:ISTEN)?:(\d{1,5})\b/i.exec(text)?.[1];
    if (socat !== undefined) return named(line, socat, `TCP-LISTEN:${socat}`);
    return before === "http.server" && /^\d+$/.test(text) ? named(line, text, `http.server ${text}`) : [];
  });
};

/** Variables that hold a port to listen on, or an address with one. */
const PORT_VARIABLE =
  /^(?:(?:HTTPS?|SERVER|LISTEN|WEB|BIND|APP|API|UI|NODE|ADMIN|CONSOLE|JENKINS)_)?PORT$|_(?:HTTPS?|LISTEN|WEB|BIND)_PORT$/;
const ADDRESS_VARIABLE = /^(?:\w+_)?(?:LISTEN|BIND)(?:_?ADDR(?:ESS)?)?$|^ASPNETCORE_URLS$/;

interface Variable extends Line {
  readonly path: string;
}
type Variables = ReadonlyMap<string, Variable>;

const portsOfVariables = (variables: Variables): readonly (Named & { readonly path: string })[] =>
  [...variables].flatMap(([name, { text, line, path }]) => {
    const meant = PORT_VARIABLE.test(name) ? /^\d+$/.test(text) : ADDRESS_VARIABLE.test(name);
    return meant ? named(line, text, `${name}=${text}`).map((each) => ({ ...each, path })) : [];
  });

/** Words as systemd and shells part them, quotes taken off. */
const wordsOf = ({ line, text }: Line): readonly Word[] =>
  [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => ({ line, text: word.replace(/["']/g, "") }));

const ASSIGNMENT = /^\s*(?:export\s+)?(\w+)=(.*)$/s;

/** `NAME=value` lines, as /etc/default and /etc/conf.d have them; the last of several counts. */
const variablesIn = (path: string, content: string): Variables =>
  new Map(
    bareLines(content).flatMap(({ line, text }) => {
      const [, name, value = ""] = ASSIGNMENT.exec(text) ?? [];
      const bare = value.trim().replace(/^(["'])(.*)\1$/s, "$2");
      return name === undefined ? [] : [[name, { line, text: bare, path }] as const];
    }),
  );

interface Reader {
  /** Its text; undefined where there is none to be had. */
  file(path: string): Promise<string | undefined>;
  /** Names in a folder; none where there is no such folder. */
  names(folder: string): Promise<readonly string[]>;
  /** As many as are looked at. */
  bounded(names: readonly string[]): readonly string[];
  /** Whether a bound has left something out. */
  isCut(): boolean;
}

const makeReader = (probe: Prober): Reader => {
  let begun = 0;
  let cut = false;
  const atMost = (names: readonly string[], most: number): readonly string[] => {
    cut ||= names.length > most;
    return names.slice(0, most);
  };
  return {
    bounded: (names) => atMost(names, MAX_NAMES),
    isCut: () => cut,
    file: async (path) => {
      if (++begun > MAX_FILES) {
        cut = true;
        return undefined;
      }
      const saw = await probe.file(path);
      return saw.ok ? saw.content : undefined;
    },
    names: async (folder) => {
      const saw = await probe.folder(folder);
      return saw.ok ? atMost(saw.names, MAX_NAMES * 10) : [];
    },
  };
};

/** What a well-known service is told by a file of its own. */
interface Known {
  readonly services: readonly string[];
  /** Files; and folders, with what the names of their files end with. */
  readonly at: readonly (string | readonly [folder: string, ending: RegExp])[];
  readonly read: (content: string) => readonly Named[];
}

const byLine =
  (pattern: RegExp, lines = bareLines) =>
  (content: string): readonly Named[] =>
    lines(content).flatMap(({ line, text }) =>
      [...text.matchAll(pattern)].flatMap(([whole, value = ""]) =>
        named(line, value, whole.replace(/^[;{\s]+/, "").trim()),
      ),
    );

/** Tomcat's connectors, those in comments left out. */
const connectors = (content: string): readonly Named[] => {
  const bare = content.replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, " "));
  return [...bare.matchAll(/<Connector\b[^>]*>/g)].flatMap(({ 0: tag, index }) => {
    const [, port = ""] = /\sport="(\d{1,5})"/.exec(tag) ?? [];
    const [, address = ""] = /\saddress="([\w.:]*)"/.exec(tag) ?? [];
    const at = index + Math.max(0, tag.indexOf(` port="${port}"`));
    const line = bare.slice(0, at + 1).split("\n").length;
    const place = address === "" ? port : `${address.includes(":") ? `[${address}]` : address}:${port}`;
    return named(line, place, `Connector port="${port}"`);
  });
};

/** Where a shell's variables say it. */
const settings = (content: string): readonly Named[] => portsOfVariables(variablesIn("", content));

const ANY = /^[^.].*(?<![~]|\.(?:bak|orig|old|save|swp|dpkg-\w+|rpm\w+|preflight))$/;
const CONF = /^[^.].*\.conf$/;

/** Defaults of their packages: 8080 is Tomcat's and Jenkins' own port, and the second one of every web server. */
const KNOWN: readonly Known[] = [
  ...["tomcat", "tomcat8", "tomcat9", "tomcat10", "tomcat11"].map(
    (service): Known => ({ services: [service], at: [`/etc/${service}/server.xml`], read: connectors }),
  ),
  // Before its package came with a unit (2.332), it was started by a script with these.
  {
    services: ["jenkins"],
    at: ["/etc/default/jenkins", "/etc/sysconfig/jenkins", "/etc/conf.d/jenkins"],
    read: settings,
  },
  {
    services: ["apache2", "httpd"],
    at: [
      "/etc/apache2/ports.conf",
      "/etc/apache2/listen.conf",
      "/etc/apache2/httpd.conf",
      ["/etc/apache2/sites-enabled", ANY],
      ["/etc/apache2/conf-enabled", ANY],
      "/etc/httpd/conf/httpd.conf",
      ["/etc/httpd/conf.d", CONF],
    ],
    read: byLine(/^\s*Listen\s+(\S+)/gi),
  },
  {
    services: ["nginx", "openresty"],
    at: [
      "/etc/nginx/nginx.conf",
      ["/etc/nginx/conf.d", CONF],
      ["/etc/nginx/http.d", CONF],
      ["/etc/nginx/sites-enabled", ANY],
    ],
    read: byLine(/(?:^|[;{])\s*listen\s+([^\s;]+)/g),
  },
  {
    services: ["lighttpd"],
    at: ["/etc/lighttpd/lighttpd.conf", ["/etc/lighttpd/conf-enabled", CONF]],
    read: (content) => [
      ...byLine(/^\s*server\.port\s*:?=\s*(\d+)/g)(content),
      ...byLine(/\$SERVER\["socket"\]\s*==\s*"([^"]*)"/g)(content),
    ],
  },
  { services: ["haproxy"], at: ["/etc/haproxy/haproxy.cfg"], read: byLine(/^\s*bind\s+([^\s,]+)/g) },
  { services: ["squid"], at: ["/etc/squid/squid.conf"], read: byLine(/^\s*https?_port\s+(\S+)/g) },
];

const readKnown = async (
  reader: Reader,
  isAtBoot: (service: string) => string | undefined,
): Promise<readonly Claim[]> => {
  const claims = KNOWN.flatMap(({ services, at, read }) => {
    const name = services.map(isAtBoot).find((found) => found !== undefined);
    return name === undefined ? [] : [{ name, at, read }];
  });
  const found = await Promise.all(
    claims.map(async ({ name, at, read }) => {
      const paths = await Promise.all(
        at.map(async (place) => {
          if (typeof place === "string") return [place];
          const [folder, ending] = place;
          const names = (await reader.names(folder)).filter((file) => ending.test(file));
          return reader.bounded(names).map((file) => `${folder}/${file}`);
        }),
      );
      return Promise.all(
        paths.flat().map(async (path) => {
          const content = await reader.file(path);
          return read(content ?? "").map(({ line, ...rest }): Claim => {
            return { kind: "service", name, origin: `${path}:${line}`, atBoot: true, ...rest };
          });
        }),
      );
    }),
  );
  return found.flat(2);
};

/** What a start of the system reaches. */
const AT_BOOT =
  /^(?:default|multi-user|graphical|basic|sysinit|sockets|network|network-online|remote-fs|local-fs)\.target\.(?:wants|requires)$/;
/** CrowdSec's own, and its bouncers. */
const OURS = /^crowdsec/;

interface Setting extends Line {
  readonly name: string;
  readonly path: string;
}

/** `Name=value` of a unit, lines that end with a backslash joined (systemd.syntax(7)). */
const settingsIn = (path: string, content: string): readonly Setting[] => {
  const all: Setting[] = [];
  let open: Line | undefined;
  for (const { line, text } of linesOf(content)) {
    if (/^\s*[#;]/.test(text)) continue;
    const joined: Line = open ? { line: open.line, text: `${open.text} ${text}`.slice(0, MAX_LINE) } : { line, text };
    open = /\\\s*$/.test(joined.text) ? { line: joined.line, text: joined.text.replace(/\\\s*$/, "") } : undefined;
    if (open) continue;
    const [, name, value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/s.exec(joined.text) ?? [];
    if (name !== undefined) all.push({ name, path, line: joined.line, text: value });
  }
  return all;
};

/** Of a setting that makes a list: an empty one takes back what was there. */
const listOf = (all: readonly Setting[], name: string): readonly Setting[] => {
  const own = all.filter((one) => one.name === name);
  return own.slice(own.findLastIndex(({ text }) => text === "") + 1);
};

/** What its service is started with: the unit's own, and then files, which win. */
const variablesOf = async (reader: Reader, all: readonly Setting[]): Promise<Variables> => {
  const own = listOf(all, "Environment").flatMap(({ line, text, path }) =>
    wordsOf({ line, text }).flatMap((word) => {
      const [, name, value = ""] = ASSIGNMENT.exec(word.text) ?? [];
      return name === undefined ? [] : [[name, { line, text: value, path }] as const];
    }),
  );
  const files = listOf(all, "EnvironmentFile").map(({ text }) => text.replace(/^-/, ""));
  const read = await Promise.all(
    files
      .filter((path) => /^\/[\w./@-]+$/.test(path))
      .map(async (path) => [...variablesIn(path, (await reader.file(path)) ?? "")]),
  );
  return new Map([...own, ...read.flat()]);
};

/** `$NAME` and `${NAME}` as systemd fills them; a variable alone becomes as many words as it has. */
const filled = (words: readonly Word[], variables: Variables): readonly Word[] =>
  words.flatMap((word) => {
    const whole = /^\$\{?(\w+)\}?$/.exec(word.text)?.[1];
    const variable = whole === undefined ? undefined : variables.get(whole);
    if (variable) return wordsOf({ line: word.line, text: variable.text });
    const text = word.text.replace(/\$\{(\w+)\}/g, (kept, name: string) => variables.get(name)?.text ?? kept);
    return [{ ...word, text }];
  });

interface Units {
  readonly claims: readonly Claim[];
  /** Names of the units that a start of the system reaches. */
  readonly atBoot: ReadonlySet<string>;
}

/** Each socket, and the services that are enabled. */
const readUnits = async (reader: Reader): Promise<Units> => {
  const listed = await Promise.all(UNIT_FOLDERS.map(async (folder) => ({ folder, names: await reader.names(folder) })));
  const wants = listed.flatMap(({ folder, names }) =>
    names.filter((name) => AT_BOOT.test(name)).map((name) => `${folder}/${name}`),
  );
  const atBoot = new Set((await Promise.all(wants.map((folder) => reader.names(folder)))).flat());
  const sockets = listed.flatMap(({ names }) => names.filter((name) => name.endsWith(".socket")));
  const services = [...atBoot].filter((name) => name.endsWith(".service"));
  const units = reader.bounded([...new Set([...sockets, ...services])].filter((name) => !OURS.test(name)));
  /** Of each unit the names that it has besides; under one of those it reads the same. */
  const aliases = new Map<string, readonly string[]>();

  const read = async (unit: string): Promise<readonly Claim[]> => {
    // Of an instance (`web@8080.service`) the template.
    const file = unit.replace(/@[^.]+\./, "@.");
    const main = listed.find(({ names }) => names.includes(unit) || names.includes(file));
    if (main === undefined) return [];
    const folders = listed
      .filter(({ names }) => names.includes(`${unit}.d`))
      .map(({ folder }) => `${folder}/${unit}.d`);
    const dropIns = await Promise.all(
      folders.map(async (folder) =>
        (await reader.names(folder)).filter((name) => name.endsWith(".conf")).map((name) => [name, folder] as const),
      ),
    );
    // Of two with one name that of the first folder counts; they are read in the order of their names.
    const byName = [...new Map(dropIns.reverse().flat())].sort(([a], [b]) => (a < b ? -1 : 1));
    const paths = [
      `${main.folder}/${main.names.includes(unit) ? unit : file}`,
      ...byName.map(([name, folder]) => `${folder}/${name}`),
    ];
    const contents = await Promise.all(paths.map((path) => reader.file(path)));
    // Its own file is a link to /dev/null: nobody may start it.
    if (contents[0] === undefined) return [];
    const instance = /@([^.]+)\./.exec(unit)?.[1] ?? "";
    const all = contents
      .flatMap((content, index) => settingsIn(paths[index] ?? "", content ?? ""))
      .map((one) => ({ ...one, text: one.text.replace(/%[iI]/g, instance) }));
    const others = listOf(all, "Alias").flatMap(({ text }) => text.split(/\s+/));
    aliases.set(unit, others);
    const claim = (kind: Claim["kind"], path: string, { line, ...rest }: Named): Claim => ({
      kind,
      name: unit,
      origin: `${path}:${line}`,
      atBoot: [unit, ...others].some((one) => atBoot.has(one)),
      address: rest.address,
      port: rest.port,
      shown: rest.shown,
    });
    if (unit.endsWith(".socket")) {
      return listOf(all, "ListenStream").flatMap(({ line, text, path }) =>
        named(line, text, `ListenStream=${text}`).map((one) => claim("socket", path, one)),
      );
    }
    const variables = await variablesOf(reader, all);
    const commands = listOf(all, "ExecStart").flatMap(({ line, text, path }) =>
      portsOf(filled(wordsOf({ line, text: text.replace(/^[-@:+!|]+/, "") }), variables)).map((one) =>
        claim("service", path, one),
      ),
    );
    return [...portsOfVariables(variables).map((one) => claim("service", one.path, one)), ...commands];
  };
  const claims = (await Promise.all(units.map(read))).flat();
  const isAlias = (unit: string): boolean =>
    [...aliases].some(([name, others]) => others.includes(unit) && !others.includes(name));
  return { claims: claims.filter(({ name }) => !isAlias(name)), atBoot };
};

/** Scripts of old that are started with the system: `S01jenkins` in the folder of their runlevel. */
const SCRIPT = /^S\d\d(.+)$/;

const readSystemd = async (reader: Reader): Promise<readonly Claim[]> => {
  const [{ claims, atBoot }, scripts] = await Promise.all([readUnits(reader), reader.names("/etc/rc2.d")]);
  const script = new Set(scripts.flatMap((name) => SCRIPT.exec(name)?.[1] ?? []));
  const isAtBoot = (service: string): string | undefined =>
    atBoot.has(`${service}.service`) || script.has(service) ? `${service}.service` : undefined;
  const docker = atBoot.has("docker.service") || atBoot.has("docker.socket");
  return [...claims, ...(await readKnown(reader, isAtBoot)), ...(await readDocker(reader, docker))];
};

const RUNLEVELS = ["/etc/runlevels/boot", "/etc/runlevels/default"];

const readOpenrc = async (reader: Reader): Promise<readonly Claim[]> => {
  const names = new Set((await Promise.all(RUNLEVELS.map((folder) => reader.names(folder)))).flat());
  const services = reader.bounded([...names].filter((name) => !OURS.test(name)));
  const own = await Promise.all(
    services.map(async (name) => {
      const path = `/etc/conf.d/${name}`;
      const variables = variablesIn(path, (await reader.file(path)) ?? "");
      // Arguments stand in a variable of the script's own.
      const words = [...variables.values()].flatMap(({ line, text }) =>
        portsOf([{ line, text: name }, ...wordsOf({ line, text })]),
      );
      return [...portsOfVariables(variables), ...words].map(({ address, port, line, shown }): Claim => {
        return { kind: "service", name, address, port, origin: `${path}:${line}`, shown, atBoot: true };
      });
    }),
  );
  const known = await readKnown(reader, (service) => (names.has(service) ? service : undefined));
  return [...own.flat(), ...known, ...(await readDocker(reader, names.has("docker")))];
};

const DOCKER_STATE = "/var/lib/docker/containers";

/** Of Docker's own records of a container, what counts here (api/types/container in https://github.com/moby/moby). */
interface DockerRecords {
  readonly Name?: unknown;
  readonly State?: { readonly Running?: unknown };
  readonly HasBeenManuallyStopped?: unknown;
  readonly RestartPolicy?: { readonly Name?: unknown };
  readonly PortBindings?: Readonly<Record<string, unknown>>;
}

const recordIn = (content: string | undefined): DockerRecords => {
  try {
    const parsed: unknown = JSON.parse(content ?? "{}");
    return parsed !== null && typeof parsed === "object" ? parsed : {};
  } catch {
    return {};
  }
};

/** @param atBoot Docker itself is started with the system */
const readDocker = async (reader: Reader, atBoot: boolean): Promise<readonly Claim[]> => {
  const ids = reader.bounded((await reader.names(DOCKER_STATE)).filter((name) => /^[\da-f]{64}$/.test(name)));
  const found = await Promise.all(
    ids.map(async (id): Promise<readonly Claim[]> => {
      const origin = `${DOCKER_STATE}/${id}/hostconfig.json`;
      const [host, config] = await Promise.all([
        reader.file(origin),
        reader.file(`${DOCKER_STATE}/${id}/config.v2.json`),
      ]);
      const { RestartPolicy, PortBindings } = recordIn(host);
      const { Name, State, HasBeenManuallyStopped } = recordIn(config);
      const policy = RestartPolicy?.Name;
      const name = typeof Name === "string" ? printable(Name.replace(/^\//, ""), 60) : id.slice(0, 12);
      const starts = policy === "always" || (policy === "unless-stopped" && HasBeenManuallyStopped !== true);
      return Object.entries(PortBindings ?? {}).flatMap(([inside, bindings]) =>
        (inside.endsWith("/tcp") && Array.isArray(bindings) ? bindings : []).flatMap(
          (binding: { readonly HostIp?: unknown; readonly HostPort?: unknown } | null): readonly Claim[] => {
            const [ip, port] = [binding?.HostIp, binding?.HostPort].map((part) =>
              typeof part === "string" ? part : "",
            );
            const place = `${ip?.includes(":") ? `[${ip}]` : (ip ?? "")}:${port}`;
            return named(0, place, `publishes ${port}:${inside}, restart policy ${String(policy)}`).map(
              ({ line: _line, ...rest }) => ({
                kind: "container",
                name,
                origin,
                atBoot: atBoot && starts,
                ...(State?.Running === true && { running: true }),
                ...rest,
              }),
            );
          },
        ),
      );
    }),
  );
  return found.flat();
};

interface Claims {
  readonly claims: readonly Claim[];
  /** There is more than was looked at. */
  readonly isCut: boolean;
}

const readClaims = async (probe: Prober, { services }: Pick<System, "services">): Promise<Claims> => {
  const reader = makeReader(probe);
  const read = services === "systemd" ? readSystemd : services === "openrc" ? readOpenrc : undefined;
  const claims = (await read?.(reader)) ?? [];
  // A variable and the argument that it fills say the same.
  const seen = new Set<string>();
  const once = claims.filter(({ name, address, port }) => {
    const key = `${name} ${address} ${port}`;
    return !seen.has(key) && seen.add(key);
  });
  return { claims: once, isCut: reader.isCut() };
};

const remembered = new WeakMap<Prober, Promise<Claims>>();

const lookOnce = (probe: Prober, system: Pick<System, "services">): Promise<Claims> => {
  const found = remembered.get(probe) ?? readClaims(probe, system);
  remembered.set(probe, found);
  return found;
};

/**
 * Who of this host is told to listen where, as far as files say so that this user may read: sockets of systemd, units
 * that are started with the system and their arguments, the files of well-known services, and Docker's records. Looked
 * for once a run, whoever asks.
 */
export const findClaims = async (probe: Prober, system: Pick<System, "services">): Promise<readonly Claim[]> =>
  (await lookOnce(probe, system)).claims;

/** Whether this host has more of them than are looked at. */
export const hasMoreClaims = async (probe: Prober, system: Pick<System, "services">): Promise<boolean> =>
  (await lookOnce(probe, system)).isCut;

/** Those of the claims that come true with the next start of the system, and not before: what runs now is none. */
export const takersOf = async (probe: Prober, claims: readonly Claim[]): Promise<readonly Claim[]> => {
  const stopped = await Promise.all(
    claims.map(async ({ kind, name, atBoot, running }) => {
      if (!atBoot || running) return false;
      // A socket that systemd has opened would be seen listening.
      if (kind !== "service") return true;
      const saw = await probe.service(name.replace(/\.service$/, ""));
      // Without an answer, the files count.
      return !saw.ok || (saw.state !== "running" && saw.enabled !== false && saw.masked !== true);
    }),
  );
  return claims.filter((_claim, index) => stopped[index]);
};
