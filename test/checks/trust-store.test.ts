import { describe, expect, test } from "@jest/globals";
import check from "../../checks/trust-store.ts";
import type { CaStore, TrustStoreObservation } from "../../src/model/observation.ts";
import type { Component } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { crowdsecWith, cscliWith, environmentWith } from "../support/topology.ts";

const EMPTY = (...lookedAt: string[]): TrustStoreObservation => ({ certificates: 0, from: [], lookedAt });
const FULL = (...from: string[]): TrustStoreObservation => ({ certificates: 140, from, lookedAt: from });

/** A crowdsec whose environment names this store, beside a cscli without one. */
const withStore = (store: CaStore, origin = "process 4711"): readonly Component[] => [
  crowdsecWith({}, { environment: environmentWith({}, { store, origin }) }),
  cscliWith({}),
];

const CORPORATE = { file: "/etc/corporate.pem" };

/** What each store holds; the system's own is full. */
const holding = (store: CaStore, saw: TrustStoreObservation, components = withStore(store)): Given => ({
  topology: { components },
  world: {
    trustStore: (asked) => (JSON.stringify(asked) === JSON.stringify(store) ? saw : FULL("/etc/ssl/certs")),
  },
});

const sharing = (store: CaStore): readonly Component[] => withStore(store).slice(0, 1);

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "no-ca-store": ["host", "fail", "this-host", { world: { trustStore: EMPTY("/etc/ssl/certs", "/etc/pki") } }],
  "ca-file-unusable": ["host", "warn", "configuration", holding(CORPORATE, FULL("/etc/ssl/certs"), sharing(CORPORATE))],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("the system's store", () => {
  test.each([
    [["/etc/ssl/certs", "/etc/pki/tls/certs"], "/etc/ssl/certs, /etc/pki/tls/certs"],
    [[], "none known for this system"],
  ])("when empty is told with the places looked at: %p", async (places, said) => {
    const { summary, remedy } = await findingOf(check, { world: { trustStore: EMPTY(...places) } });
    expect(summary).toBe(`no CA certificate in any of the places where CrowdSec looks: ${said}`);
    expect(remedy.flatMap(({ commands = [] }) => commands)).toEqual(["apt-get install ca-certificates"]);
  });

  test("is one with a single certificate; it is told where that was found", async () => {
    const trustStore = { certificates: 1, from: ["/etc/ssl/cert.pem"], lookedAt: ["/etc/ssl/cert.pem"] };
    const { instance, status, summary } = await findingOf(check, { world: { trustStore } });
    expect([instance, status, summary]).toEqual([
      "trust-store",
      "pass",
      "This system has a CA store where CrowdSec looks for it: 1 certificates from /etc/ssl/cert.pem",
    ]);
  });

  test("is looked at where no component of CrowdSec is known yet", async () => {
    const { instance, status } = await findingOf(check, { topology: { components: [] } });
    expect([instance, status]).toEqual(["trust-store", "pass"]);
  });
});

describe("a store of the environment", () => {
  test("is a finding of its own, beside that of the components which have none", async () => {
    const { findings } = await runIn([check], holding(CORPORATE, FULL(CORPORATE.file)));
    expect(findings.map(({ instance, status, summary }) => [instance, status, summary])).toEqual([
      [
        "trust-store@crowdsec",
        "pass",
        `${check.title}: 140 certificates from /etc/corporate.pem, by SSL_CERT_FILE of crowdsec (process 4711)`,
      ],
      ["trust-store@cscli", "pass", `${check.title}: 140 certificates from /etc/ssl/certs`],
    ]);
  });

  test("that is not there is told with the variable and where it stands; the others pass", async () => {
    const store = { file: "/nowhere.pem", directories: "/nowhere" };
    const { findings } = await runIn([check], holding(store, EMPTY("/nowhere.pem", "/nowhere")));
    expect(findings.map(({ instance, status }) => [instance, status])).toEqual([
      ["trust-store@crowdsec", "fail"],
      ["trust-store@cscli", "pass"],
    ]);
    expect(findings[0]?.summary).toBe(
      "no CA certificate in any of the places where CrowdSec looks, by SSL_CERT_FILE and SSL_CERT_DIR of crowdsec (process 4711): /nowhere.pem, /nowhere",
    );
    expect(findings[0]?.remedy.map(({ text }) => text)).toEqual([
      expect.stringContaining("Take SSL_CERT_FILE and SSL_CERT_DIR out of the environment (process 4711)"),
    ]);
  });

  test("whose file gives nothing while the folders do is a warning: what stands in it only is not trusted", async () => {
    const given = holding(CORPORATE, FULL("/etc/ssl/certs"), sharing(CORPORATE));
    const { status, summary } = await findingOf(check, given);
    expect([status, summary]).toEqual([
      "warn",
      "SSL_CERT_FILE of crowdsec (process 4711) names /etc/corporate.pem, which gives no certificate; those of /etc/ssl/certs count alone",
    ]);
  });

  test("is told with where it stands, which is not where the proxies do", async () => {
    const [, cscli] = withStore(CORPORATE);
    const at = (name: string, storeOrigin: string): Component =>
      crowdsecWith(
        {},
        { name, environment: environmentWith({}, { store: CORPORATE, origin: "/p.conf:2", storeOrigin }) },
      );
    const components = [at("crowdsec", "/a.conf:1"), at("hub", "/b.conf:3"), at("other", "/a.conf:1")];
    const given = holding(CORPORATE, FULL("/etc/ssl/certs"), [...components, ...(cscli ? [cscli] : [])]);
    const { findings } = await runIn([check], given);
    expect(findings[0]?.summary).toMatch(
      /^SSL_CERT_FILE of crowdsec, hub, other \(\/a\.conf:1 and \/b\.conf:3\) names/,
    );
    expect(findings[0]?.remedy[0]?.text).toContain("(/a.conf:1 and /b.conf:3)");
    expect(JSON.stringify(findings[0]?.remedy)).not.toContain("/p.conf");
  });

  test("that several components share is one finding", async () => {
    const components = [
      ...withStore(CORPORATE),
      crowdsecWith({}, { name: "crowdsec-hubupdate", environment: environmentWith({}, { store: CORPORATE }) }),
    ];
    const { findings } = await runIn([check], holding(CORPORATE, FULL(CORPORATE.file), components));
    expect(findings.map(({ instance }) => instance)).toEqual([
      "trust-store@crowdsec,crowdsec-hubupdate",
      "trust-store@cscli",
    ]);
  });

  test("that this user may not see is unknown, and the others are judged", async () => {
    const hidden = { hidden: "run as root: the environment of process 4711 may not be read by this user" };
    const components = [crowdsecWith({}, { environment: hidden }), cscliWith({})];
    const { findings } = await runIn([check], { topology: { components } });
    expect(findings.map(({ instance, status, reason }) => [instance, status, reason])).toEqual([
      ["trust-store@crowdsec", "unknown", hidden.hidden],
      ["trust-store@cscli", "pass", undefined],
    ]);
  });
});
