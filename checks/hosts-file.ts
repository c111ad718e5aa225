import { type Answer, type Context, defineCheck } from "../src/model/check.ts";
import { type HostsEntry, parseHosts } from "../src/model/hosts.ts";
import { isOwnAddress, type LapiClient } from "../src/model/topology.ts";
import { hostAndPort, toUrl } from "../src/model/url.ts";
import { OUTGOING } from "./endpoints.ts";

const HOSTS = "/etc/hosts";

/** Names of the internet that CrowdSec goes to, as listed and as configured here. */
const publicNames = ({ topology: { capi, hubTemplate } }: Context): readonly string[] => {
  const configured = "state" in capi ? [capi.url, capi.papiUrl] : [];
  const urls = [...configured, ...(hubTemplate ? [hubTemplate] : [])].flatMap((url) =>
    "value" in url ? [url.value] : [],
  );
  const hosts = urls.filter((url) => toUrl(url) !== undefined).map((url) => hostAndPort(url).host);
  return [...new Set([...OUTGOING.map(({ host }) => host), ...hosts])];
};

/** Hosts of the Local API that this host's clients go to, in their order. */
export const lapiHosts = ({ topology: { clients } }: Context): readonly string[] => {
  const all: readonly LapiClient[] = Array.isArray(clients) ? clients : [];
  const hosts = all.flatMap(({ way }) =>
    "url" in way && way.socket === undefined ? [hostAndPort(way.url.value).host] : [],
  );
  return [...new Set(hosts)];
};

const shown = (entries: readonly HostsEntry[]): string =>
  [...new Set(entries.map(({ address }) => address))].join(", ");

const originOf = (entries: readonly HostsEntry[]): string =>
  [...new Set(entries.map(({ line }) => `${HOSTS}:${line}`))].join(", ");

/** For sed: takes the name out of its lines; a line that has no other name becomes a comment. */
const editOf = (name: string, entries: readonly HostsEntry[]): string => {
  const word = name.replaceAll(".", "\\.");
  return entries
    .map(({ line, others }) =>
      others === 0 ? `${line}s/^/# /` : `${line}s/[[:space:]]+${word}\\.?([[:space:]#]|$)/\\1/I`,
    )
    .filter((edit, index, all) => all.indexOf(edit) === index)
    .join(";");
};

/** A line that once helped out, and years later sends CrowdSec to an address that serves it no more. */
export default defineCheck({
  id: "hosts-file",
  title: "/etc/hosts leaves CrowdSec's names to the nameservers",
  why: "CrowdSec reads /etc/hosts before it asks any nameserver. Its services on the internet are behind CDNs, whose addresses change: a pinned one works today and fails one day.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "reads /etc/hosts",
  faults: {
    "name-pinned": {
      severity: "warning",
      blame: "this-host",
      confidence: "certain",
      says: "{origin} pins {name} to {addresses}: {consequence}",
      remedy: [
        {
          text: "Take {name} out of /etc/hosts.",
          when: "host",
          commands: ["sed -i.bak -E {edit} /etc/hosts", "getent ahosts {name}"],
          undo: ["mv /etc/hosts.bak /etc/hosts"],
        },
        {
          text: "Take {name} out of what writes this container's /etc/hosts: --add-host, extra_hosts or hostAliases.",
          when: "container",
        },
      ],
    },
  },
  async run(context): Promise<Answer<"name-pinned">> {
    const { topology, probe } = context;
    const file = await probe.file(HOSTS);
    if (!file.ok && file.code === "file-missing") return { status: "pass", note: "there is no such file" };
    if (!file.ok) return { status: "unknown", reason: `${HOSTS} cannot be read: ${file.message}` };
    const hosts = parseHosts(file.content);
    const pinned = publicNames(context).flatMap((name) => {
      const entries = hosts.get(name) ?? [];
      if (entries.length === 0) return [];
      const sink = entries.every(({ address }) => isOwnAddress(topology, address));
      const consequence = sink
        ? "that is this host itself, so CrowdSec never gets there"
        : "a CDN's addresses change, and CrowdSec will still go to this one";
      const data = {
        name,
        addresses: shown(entries),
        origin: originOf(entries),
        consequence,
        edit: editOf(name, entries),
      };
      const verdict = {
        status: "fault",
        fault: "name-pinned",
        data,
        when: topology.namespace === undefined ? "host" : "container",
        evidence: { target: { host: name, path: HOSTS, origin: data.origin } },
      } as const;
      return [{ target: name, verdict }];
    });
    if (pinned.length > 0) return pinned;
    const own = lapiHosts(context).flatMap((name) => {
      const entries = hosts.get(name);
      // Every hosts file has that one.
      return entries && name !== "localhost" ? [`${name} is ${shown(entries)} (${originOf(entries)})`] : [];
    });
    return { status: "pass", ...(own.length > 0 && { note: `of the Local API, ${own.join("; ")}` }) };
  },
});
