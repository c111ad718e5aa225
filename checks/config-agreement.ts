import { defineCheck } from "../src/model/check.ts";
import type { Address } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { componentOf, hasRole, type Listen } from "../src/model/topology.ts";
import { bracketed, dialable, hostAndPort, isWildcard, unbracketed } from "../src/model/url.ts";
import { clientOf, lapiClients, routeOf } from "./lapi-way.ts";

/** build/docker/docker_start.sh writes it into the credentials at every start; the chart's values name it. */
const LOCAL_API_URL =
  "In CrowdSec's image LOCAL_API_URL is written there at every start: make the container anew with the right one (agent.lapiURL in the helm chart's values).";

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** The addresses that a connection to this host, of this machine, is made to. */
const dialed = (host: string): readonly string[] => {
  if (host === "localhost") return ["127.0.0.1", "::1"];
  if (host === "0.0.0.0") return ["127.0.0.1"];
  return host === "::" ? ["::1", "127.0.0.1"] : [host];
};

/** Whether a listener on this address takes connections that are made to that host, both of this machine. */
const accepts = (listens: string, asked: string): boolean => {
  const own = unbracketed(listens);
  if (own === "" || own === "::") return true;
  const addresses = dialed(asked);
  if (own === "0.0.0.0") return addresses.some((address) => !address.includes(":"));
  return dialed(own).some((address) => addresses.includes(address));
};

const isOwn = (host: string, interfaces: readonly Address[]): boolean =>
  LOOPBACK.test(host) || isWildcard(host) || interfaces.some(({ address }) => address === host);

const shown = ({ uri, socket }: Listen): string => {
  const address = uri && "value" in uri ? [`${bracketed(unbracketed(uri.value.host))}:${uri.value.port}`] : [];
  return [...address, ...(socket ? [socket.value] : [])].join(" and ");
};

/** For sed: puts this URL in the place of the one that stands in the line of its origin. */
const editOf = (origin: string, right: string): { readonly edited: string; readonly edit: string } => {
  const [, edited = origin, line = ""] = /^(.*):(\d+)$/.exec(origin) ?? [];
  return { edited, edit: `${line}s|https*://[][A-Za-z0-9.:_/%-]*|${right}|` };
};

/** The port was changed in one file only: one of the most frequent mistakes, and nothing but reading finds it. */
export default defineCheck({
  id: "config-agreement",
  title: "Clients go where the Local API of this host listens",
  why: "The Local API's address stands in config.yaml, in local_api_credentials.yaml and in every bouncer's own file. Whoever changes it in one of them only is refused by the others.",
  roles: ["lapi"],
  phase: "run",
  contacts: "nothing: compares the files",
  faults: {
    "config-disagreement": {
      blame: "configuration",
      confidence: "certain",
      says: "{url} ({origin}) is not where the Local API of this host listens: {listens} ({listensOrigin})",
      remedy: [
        {
          when: "url",
          services: HOSTS,
          text: "Write {right} in {origin}, or change {listensOrigin}; the address stands in every client's own file, and each that differs has a row of its own here.",
          commands: ["sed -i.preflight {edit} {edited}", "systemctl restart {service}"],
          undo: ["mv {edited}.preflight {edited}", "systemctl restart {service}"],
        },
        {
          when: "url",
          services: IMAGES,
          text: `Write {right} in {origin}, or change {listensOrigin}. ${LOCAL_API_URL}`,
        },
        {
          when: "socket",
          text: "Write {right} in {origin}, or change {listensOrigin}; the address stands in every client's own file.",
          commands: ["grep -rn -e '://' -e listen_ {config} {config}.local {file}", "systemctl restart crowdsec"],
        },
      ],
    },
    "lapi-url-wildcard": {
      severity: "warning",
      blame: "configuration",
      says: "{url} ({origin}) is an address to listen on, not one to connect to: some systems refuse it, and with HTTP_PROXY set Go sends it to the proxy",
      remedy: [
        { services: IMAGES, text: `Write {right} in {origin}. ${LOCAL_API_URL}` },
        {
          services: HOSTS,
          text: "Write {right} in {origin}.",
          commands: ["sed -i.preflight {edit} {edited}", "systemctl restart {service}"],
          undo: ["mv {edited}.preflight {edited}", "systemctl restart {service}"],
        },
      ],
    },
  },
  targets: (context) => lapiClients(context, ["machine", "bouncer"]),
  async run(context, target) {
    const { listen, interfaces, config } = context.topology;
    const client = clientOf(context, target);
    const found = routeOf(client);
    if ("verdict" in found) return found.verdict;
    const { url, socket } = found.route;
    const { uri } = listen;
    if (!hasRole(context.topology, "lapi") || ((uri === undefined || "malformed" in uri) && !listen.socket))
      return { status: "skip", reason: "not applicable: where the Local API listens is not known" };
    const evidence = { target: { path: client.path, url: socket ?? url.value, origin: url.origin } };
    const base = { file: client.path, config: config.value, origin: url.origin, url: socket ?? url.value };
    const address = uri && "value" in uri ? uri : undefined;
    const listensOrigin = address?.origin ?? listen.socket?.origin ?? "";
    const scheme = listen.tls ? "https" : "http";
    const right =
      address === undefined
        ? (listen.socket?.value ?? "")
        : `${scheme}://${bracketed(dialable(address.value.host))}:${address.value.port}/`;
    const service =
      client.kind === "bouncer" ? (componentOf(context.topology, client.component)?.unit ?? client.name) : "crowdsec";
    const edit = { ...editOf(url.origin, right), service };
    const disagree = {
      status: "fault",
      fault: "config-disagreement",
      data: { ...base, ...edit, listens: shown(listen), listensOrigin, right },
      when: socket === undefined && address !== undefined ? "url" : "socket",
      evidence,
    } as const;
    if (socket !== undefined) return socket === listen.socket?.value ? { status: "pass", evidence } : disagree;
    const { host, port } = hostAndPort(url.value);
    if (!isOwn(host, interfaces))
      return { status: "skip", reason: `not applicable: ${url.value} (${url.origin}) is not on this host`, evidence };
    if (address === undefined || port !== address.value.port || !accepts(address.value.host, host)) return disagree;
    if (listen.tls !== url.value.startsWith("https:")) return disagree;
    if (isWildcard(host))
      return { status: "fault", fault: "lapi-url-wildcard", data: { ...base, ...edit, right }, evidence };
    return { status: "pass", evidence };
  },
});
