import { familyOf } from "../model/hosts.ts";
import { shellQuote } from "../model/remedy.ts";
import type { Finding } from "../model/report.ts";
import { toUrl } from "../model/url.ts";
import { codeOf, placeOf, stageOf, unique, wordsOf } from "./ticket-words.ts";

/** How to try it by hand, and what tells success from failure. */
export interface Test {
  readonly says: string;
  readonly commands: readonly string[];
}

/** One command for one thing, a loop over several; `made` gets the thing as it stands in the command. */
const forEach = (name: string, things: readonly string[], made: (thing: string) => string): string => {
  const [first = ""] = things;
  if (things.length === 1) return made(shellQuote(first));
  return `for ${name} in ${things.map(shellQuote).join(" ")}; do ${made(`"$${name}"`)}; done`;
};

/** Says in a word what came out of a command, after the command's own reason. */
const judged = (command: string, thing: string, several: boolean): string => {
  const about = several ? ` ${thing}` : "";
  return `${command} && echo works${about} || echo fails${about}`;
};

const WORKS = 'It prints "works", or the reason and "fails".';

/** What is asked over HTTP; without a query, where a secret could stand. */
const urlOf = ({ target }: Finding): string | undefined => {
  const url = target?.url === undefined || target.host === undefined ? undefined : toUrl(target.url);
  return url && `${url.origin}${url.pathname}`;
};

/** As the finding went: past this shell's own proxy variables, or through the proxy. */
const wayOf = ({ vantage: { route, proxy, family } }: Finding): string => {
  if (route === "proxy" && proxy !== undefined) return `--noproxy '' --proxy ${shellQuote(proxy)}`;
  // Go stays with IPv6 once that has connected; curl would turn to IPv4.
  return `--noproxy '*'${family === 6 ? " -6" : ""}`;
};

const isPlain = ({ target }: Finding): boolean => target?.url?.startsWith("http:") ?? false;

const curl = (members: readonly Finding[], first: Finding): Test | undefined => {
  const urls = unique(members.flatMap((one) => urlOf(one) ?? []));
  if (urls.length === 0) return undefined;
  const way = stageOf(first) === "answer" || first.vantage.route === "proxy" ? wayOf(first) : "--noproxy '*'";
  // A private authority's certificate is no reason to fail where TLS is not what is tested.
  const lax = isPublic(first) || codeOf(first).startsWith("tls-") || isPlain(first) ? "" : " -k";
  const base = `curl -sS${lax} -o /dev/null --max-time 20 ${way}`;
  if (["http-status", "http-redirect", "http-invalid", "identity-mismatch"].includes(codeOf(first)))
    return {
      says: "It prints each address with the status, the kind of content, and where the answer leads. A page (text/html), or the way to another host, means that something else still answers.",
      commands: [
        forEach(
          "url",
          urls,
          (url) => `${base} -w '%{url_effective} HTTP %{http_code} %{content_type} %{redirect_url}\\n' ${url}`,
        ),
      ],
    };
  const made = (url: string): string => judged(`${base} ${url}`, url, urls.length > 1);
  return { says: WORKS, commands: [forEach("url", urls, made)] };
};

/** What shows a certificate of a public authority, or what this system's store holds. */
export const isPublic = ({ id }: Finding): boolean => id.startsWith("outgoing-") || id === "metrics-target";

const PORT_OF_MYSQL = 3306;

/** TLS to what is no public service: a Local API, a database. */
const openssl = (members: readonly Finding[]): Test => {
  const commandOf = (one: Finding): string => {
    const { host = "", port } = one.target ?? {};
    const database = one.id === "database" ? ` -starttls ${port === PORT_OF_MYSQL ? "mysql" : "postgres"}` : "";
    const name = `${familyOf(host) === undefined ? "-verify_hostname" : "-verify_ip"} ${shellQuote(host)}`;
    return `timeout 10 openssl s_client -brief${database} ${name} -connect ${shellQuote(placeOf(one))} </dev/null`;
  };
  return {
    says: 'It prints "CONNECTION ESTABLISHED" where TLS works, and a "verify error" for what is wrong with the certificate; one of a private authority is "unable to get local issuer" here, which is no fault.',
    commands: unique(members.map(commandOf)),
  };
};

const connection = (members: readonly Finding[]): Test => {
  const commandOf = (one: Finding): string => {
    const { host = "HOST", port = "PORT" } = one.target ?? {};
    const command = `nc -z -v -w 5 ${shellQuote(host)} ${port}`;
    return judged(command, shellQuote(placeOf(one)), members.length > 1);
  };
  return { says: WORKS, commands: unique(members.map(commandOf)) };
};

const names = (hosts: readonly string[], servers: readonly string[], byServer: boolean): Test => {
  const [server] = servers;
  const [host = "api.crowdsec.net"] = hosts;
  const asked = hosts.length > 0 ? hosts : [host];
  if (server === undefined)
    return {
      says: 'It prints the addresses, or "fails".',
      commands: [forEach("name", asked, (name) => `getent ahosts ${name} || echo fails ${name}`)],
    };
  const says = "It prints an address behind each; nothing, or the reason, where there is none.";
  const dig = (at: string, name: string): string => `dig +short +tries=1 @${at} ${name} A | tail -n 1`;
  const told = (label: string, command: string): string => `echo ${label}: "$(${command})"`;
  const commands = byServer
    ? [forEach("server", servers, (at) => told(at, dig(at, shellQuote(host))))]
    : [forEach("name", asked, (name) => told(name, dig(shellQuote(server), name)))];
  return { says, commands };
};

/** Only a question that needs the database tells whether it is there; nobody is registered under this name. */
const LOGIN_OF_NOBODY =
  '-H \'Content-Type: application/json\' -d \'{"machine_id":"crowdsec-preflight-no-such-machine","password":"none","scenarios":[]}\'';

/** Logins, and what has no layer of its own. */
const service = (first: Finding): Test => {
  const { host = "", port } = first.target ?? {};
  const url = urlOf(first);
  if (first.id === "database" && first.target?.host !== undefined) {
    const at = shellQuote(host);
    const client =
      port === PORT_OF_MYSQL
        ? `mysql -h ${at} -P ${port} -u USER -p -e 'SELECT 1' DATABASE`
        : `psql -h ${at} -p ${port} -U USER -d DATABASE -c 'SELECT 1'`;
    return {
      says: "With the user and the database of db_config in place of USER and DATABASE it asks for the password and prints a 1, or the reason.",
      commands: [client],
    };
  }
  if (codeOf(first) === "lapi-database-down" && url !== undefined)
    return {
      says: 'It prints "ent: machine not found" where the Local API has its database, and another message where it has not. The machine does not exist, and nothing is changed.',
      commands: [
        `curl -sS${isPlain(first) ? "" : " -k"} --max-time 10 ${wayOf(first)} ${LOGIN_OF_NOBODY} ${shellQuote(`${url}v1/watchers/login`)}`,
      ],
    };
  if (url !== undefined)
    return {
      says: "It prints the status, and how many seconds the answer takes.",
      commands: [
        `curl -sS${isPlain(first) ? "" : " -k"} -o /dev/null --max-time 20 ${wayOf(first)} -w 'HTTP %{http_code} after %{time_total} s\\n' ${shellQuote(url)}`,
      ],
    };
  return connection([first]);
};

/** What one ticket is about. */
export interface Told {
  /** Not empty; the first shows it best. */
  readonly members: readonly Finding[];
  readonly first: Finding;
  /** Of names that do not resolve: those, and the nameservers that should have told. */
  readonly hosts: readonly string[];
  readonly servers: readonly string[];
}

/** One command, or one for each place, that works without this tool and shows no secret. */
export const testOf = ({ members, first, hosts, servers }: Told): Test => {
  const isHttp = urlOf(first) !== undefined;
  switch (stageOf(first)) {
    case "names":
      return names(hosts, servers, first.id === "resolver" || wordsOf(codeOf(first))?.ask === "nameserver");
    case "proxy":
      return curl(members, first) ?? connection(members);
    case "connect":
      return (isHttp && (isPublic(first) || isPlain(first)) ? curl(members, first) : undefined) ?? connection(members);
    case "answer":
      if (wordsOf(codeOf(first)) === undefined) return service(first);
      if (codeOf(first).startsWith("tls-") && !isPublic(first)) return openssl(members);
      return curl(members, first) ?? connection(members);
    default:
      return service(first);
  }
};
