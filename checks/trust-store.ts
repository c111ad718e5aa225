import { type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { CaStore } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import type { Component } from "../src/model/topology.ts";

/** Debian's own package depends on ca-certificates, CrowdSec's packages do not (build/debian/control, build/rpm/SPECS/crowdsec.spec). */
const FAULTS = {
  "no-ca-store": {
    blame: "this-host",
    confidence: "certain",
    // It comes with a package that is often installed next, ca-certificates.
    recovers: true,
    says: "no CA certificate in any of the places where CrowdSec looks{variables}: {places}",
    remedy: [
      {
        when: "system",
        services: HOSTS,
        text: "Install the CA certificates of the distribution; CrowdSec's own packages do not bring them along.",
        commands: ["apt-get install ca-certificates"],
      },
      {
        when: "system",
        services: IMAGES,
        text: "Take an image that has CA certificates, as CrowdSec's own has; or mount a folder of them and name it in SSL_CERT_DIR.",
      },
      {
        when: "variables",
        text: "Take {names} out of the environment ({origin}), or name a file or folder of CA certificates there; then restart {who}.",
      },
    ],
  },
  "ca-file-unusable": {
    severity: "warning",
    blame: "configuration",
    confidence: "certain",
    says: "SSL_CERT_FILE of {who} ({origin}) names {file}, which gives no certificate; those of {from} count alone",
    remedy: [
      {
        text: "Correct SSL_CERT_FILE, or take it out of the environment ({origin}), and restart {who}: an authority that stands in that file only is not trusted.",
        commands: ["ls -l {file}"],
      },
    ],
  },
} as const;

/** The components that share one store; before there is any, what CrowdSec would do. */
interface Group {
  /** Their names, joined by commas. */
  readonly names: string;
  readonly first?: Component;
  readonly store: CaStore | { readonly hidden: string };
  /** Where the variables stand, for each of them that has a place of its own. */
  readonly origins: readonly string[];
}

const groupsOf = ({ topology: { components } }: Context): readonly Group[] => {
  const groups = new Map<string, Group>();
  for (const component of components) {
    const { name, environment } = component;
    const hidden = "hidden" in environment;
    const store = hidden ? environment : environment.store;
    const key = JSON.stringify("hidden" in store ? store : [store.file, store.directories]);
    const known = groups.get(key);
    const origins = hidden ? [] : [environment.storeOrigin ?? environment.origin];
    groups.set(key, {
      first: component,
      store,
      ...known,
      origins: [...new Set([...(known?.origins ?? []), ...origins])],
      names: known ? `${known.names},${name}` : name,
    });
  }
  return groups.size > 0 ? [...groups.values()] : [{ names: "CrowdSec", store: {}, origins: ["default"] }];
};

const judge = async ({ probe }: Context, group: Group): Promise<Verdict<keyof typeof FAULTS>> => {
  const { store, first } = group;
  if ("hidden" in store) return { status: "unknown", reason: store.hidden };
  const origin = group.origins.join(" and ");
  const evidence = first ? { component: first } : {};
  const { certificates, from, lookedAt } = await probe.trustStore(store);
  const names = [store.file && "SSL_CERT_FILE", store.directories && "SSL_CERT_DIR"].filter(Boolean).join(" and ");
  const who = group.names.split(",").join(", ");
  const told = names && `, by ${names} of ${who} (${origin})`;
  if (certificates === 0) {
    const places = lookedAt.join(", ") || "none known for this system";
    const data = { who, names, origin, places, variables: told };
    return { status: "fault", fault: "no-ca-store", when: names ? "variables" : "system", data, evidence };
  }
  if (store.file && !from.includes(store.file)) {
    const data = { who, origin, file: store.file, from: from.join(", ") };
    return { status: "fault", fault: "ca-file-unusable", data, evidence };
  }
  return { status: "pass", note: `${certificates} certificates from ${from.join(", ")}${told}`, evidence };
};

/** Without a CA store every TLS connection of CrowdSec fails, while tools that bring their own roots, Node among them, work. */
export default defineCheck({
  id: "trust-store",
  title: "This system has a CA store where CrowdSec looks for it",
  why: "CrowdSec, a Go program, trusts the certificates of the system's CA store, and of no other. Slim images often have none; and each program's own SSL_CERT_FILE and SSL_CERT_DIR lead elsewhere.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "reads the CA bundle and directories that Go looks for, or SSL_CERT_FILE and SSL_CERT_DIR",
  faults: FAULTS,
  async run(context) {
    const judged = await Promise.all(
      groupsOf(context).map(async (group) => ({ target: group.names, verdict: await judge(context, group) })),
    );
    const [only, ...others] = judged;
    return only && others.length === 0 ? only.verdict : judged;
  },
});
