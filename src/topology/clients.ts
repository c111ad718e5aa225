import type { Trust } from "../model/observation.ts";
import { Secret } from "../model/secret.ts";
import type { ClientCredentials, Hidden, LapiClient, Listen, Role, Sourced } from "../model/topology.ts";
import { bracketed, dialable } from "../model/url.ts";
import { compareVersions, type Version } from "../model/version.ts";
import { BY_SOCKET, whyDirect } from "./bouncers.ts";
import { type LoadedFile, type Reader, readerOf } from "./crowdsec-files.ts";
import { type Environment, expansionOfCredentials } from "./expansion.ts";
import { hiddenBy, NO_TRUST, routeOf, trustWith } from "./route.ts";
import type { Tree } from "./yaml-tree.ts";

export interface CredentialsFile extends LoadedFile {
  readonly path: string;
}

/** Up to here, a `ca_cert_path` replaced the system's CA store in place of joining it (pkg/apiclient/client.go). */
const PRIVATE_CA_ONLY: Version = [1, 5, 1];

const trustOf = (client: Reader, main: Reader | undefined, version: Version | undefined): Trust => {
  const [ca, cert, key] = ["ca_cert_path", "cert_path", "key_path"].map((name) => client.text(name)?.value);
  const only = ca !== undefined && version !== undefined && compareVersions(version, PRIVATE_CA_ONLY) <= 0;
  const skipVerify = main?.boolean("api", "client", "insecure_skip_verify")?.value ?? false;
  return trustWith({ ca, cert, key }, { only, skipVerify });
};

/** pkg/csconfig/api.go: a certificate needs no password, and the two exclude each other. */
const credentialsOf = (client: Reader, path: string): ClientCredentials => {
  const login = client.text("login");
  const password = client.text("password");
  const certificate = client.text("cert_path");
  if (certificate) return { kind: login ? "both" : "certificate", origin: certificate.origin };
  const missing = ["url", "login", "password"].filter((key) => client.text(key) === undefined);
  if (login === undefined || password === undefined || missing.length > 0)
    return { kind: "incomplete", missing, origin: path };
  return { kind: "password", login, password: new Secret(password.value) };
};

/** Whom the programs that use this file trust. */
export const machineTrust = (
  tree: Tree,
  main: Reader | undefined,
  environment: Environment,
  version: Version | undefined,
): Trust => trustOf(readerOf(tree, environment, expansionOfCredentials(version)), main, version);

/** Whose environment counts for a machine. */
const COMPONENT = { agent: "crowdsec", cscli: "cscli" } as const;

/** The client, with the reason why it takes no proxy, where there is one. */
const unproxied = ({ neverProxied: _, ...client }: LapiClient): LapiClient => {
  const { kind, way } = client;
  const ofMachine = "socket" in way ? BY_SOCKET : undefined;
  const why = kind === "self" ? "this host asks itself" : kind === "bouncer" ? whyDirect(client) : ofMachine;
  return { ...client, ...(why !== undefined && { neverProxied: why }) };
};

/** The agent and cscli, which share one file. */
export const machineClients = (
  roles: readonly Role[],
  file: CredentialsFile | undefined,
  main: Reader | undefined,
  environment: Environment,
  version: Version | undefined,
): readonly LapiClient[] => {
  if (file === undefined) return [];
  const { path, files, tree } = file;
  const hidden = hiddenBy(files);
  const make = (): Pick<LapiClient, "way" | "credentials"> => {
    if (hidden !== undefined) return { way: { hidden }, credentials: { hidden } };
    if (tree === undefined) {
      const absent = `${path} ${files[0]?.state === "missing" ? "does not exist" : "cannot be read"}`;
      return { way: { absent }, credentials: { absent } };
    }
    const client = readerOf(tree, environment, expansionOfCredentials(version));
    const url = client.text("url");
    return {
      way: url ? routeOf(url, trustOf(client, main, version)) : { absent: `${path} names no Local API (url)` },
      credentials: credentialsOf(client, path),
    };
  };
  const made = make();
  return (["agent", "cscli"] as const)
    .filter((name) => roles.includes(name))
    .map((name) => unproxied({ name, kind: "machine", path, component: COMPONENT[name], ...made }));
};

/** The Local API of this host at its own listen address: what its clients should find there. */
export const selfClient = (listen: Listen, path: string, hidden: string | undefined): LapiClient | undefined => {
  const credentials = { absent: "the Local API needs none to reach itself" };
  const client = (way: LapiClient["way"]): LapiClient =>
    unproxied({ name: "lapi", kind: "self", path, way, credentials });
  const { uri, socket, tls } = listen;
  if (uri && "malformed" in uri) return client(uri);
  if (uri) {
    const { host, port } = uri.value;
    const url = `${tls ? "https" : "http"}://${bracketed(dialable(host))}:${port}/`;
    // Whether its own clients trust the certificate is asked with their own files.
    return client({ url: { value: url, origin: uri.origin }, trust: { ...NO_TRUST, skipVerify: true } });
  }
  if (socket) return client(routeOf(socket, NO_TRUST));
  return hidden === undefined ? undefined : client({ hidden } satisfies Hidden);
};

/** `--lapi-url`, for every client that this host has or, by its roles, would have. */
export const overridden = (
  found: readonly LapiClient[],
  roles: readonly Role[],
  url: Sourced<string>,
): readonly LapiClient[] => {
  const clients = found.filter(({ kind }) => kind !== "self");
  const others = clients.length > 0 ? clients : roles.flatMap(wouldBe);
  const named = others.length > 0 ? others : roles.includes("lapi") ? [would("self", "lapi")] : [];
  return named.map((client) =>
    unproxied({ ...client, way: routeOf(url, "trust" in client.way ? client.way.trust : NO_TRUST) }),
  );
};

const would = (kind: LapiClient["kind"], name: string): LapiClient => {
  const absent = { absent: "no file of this host holds any" };
  return { name, kind, path: "--lapi-url", way: absent, credentials: absent };
};

/** The client that a host with this role will have, in the environment that it will most likely have; the Local API itself is none. */
const wouldBe = (role: Role): readonly LapiClient[] => {
  if (role === "prometheus" || role === "lapi") return [];
  if (role === "bouncer") return [would("bouncer", role)];
  return [{ ...would("machine", role), component: role === "agent" ? "crowdsec" : "cscli" }];
};
