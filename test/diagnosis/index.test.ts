import { describe, expect, test } from "@jest/globals";
import { causes } from "../../checks/causes/index.ts";
import { findCauses } from "../../src/diagnosis/index.ts";
import type { Cause, Finding } from "../../src/model/report.ts";
import type { Topology } from "../../src/model/topology.ts";
import { finding } from "../support/findings.ts";
import { reported } from "../support/run.ts";
import { fileRead, packageInstall } from "../support/topology.ts";

/** Causes as they stand in a report that keeps to the schema, on a host like this. */
const causesOn = (overrides: Partial<Topology>, ...findings: readonly Finding[]): readonly Cause[] => {
  const topology = packageInstall(overrides);
  const found = findCauses({ findings, topology, version: undefined }, causes);
  expect(reported(findings, topology).causes).toEqual(found);
  return found;
};
/** The same on an ordinary package install, where agent and Local API share a process. */
const causesOf = (...findings: readonly Finding[]): readonly Cause[] => causesOn({}, ...findings);
const explained = (causes: readonly Cause[]): readonly (readonly string[])[] => causes.map(({ explains }) => explains);

const outgoing = (name: string, code: string, rest: Parameters<typeof finding>[2] = {}): Finding =>
  finding(`outgoing-${name}`, "fail", { code, target: { host: `${name}.example`, port: 443 }, ...rest });

test("only failures need a cause", () => {
  expect(causesOf(finding("a", "pass"), finding("b", "warn"), finding("c", "skip"), finding("d", "unknown"))).toEqual(
    [],
  );
});

test("one failure is a cause in its own words, with its own blame and remedy", () => {
  const failure = outgoing("capi", "tcp-timeout", { blame: { evidence: ["resolve ok"] } });
  expect(causesOf(failure)).toEqual([
    {
      id: "outgoing-tcp-timeout",
      summary: failure.summary,
      blame: failure.blame,
      explains: ["outgoing-capi"],
      remedy: failure.remedy,
    },
  ]);
});

describe("failures of the outgoing list", () => {
  test("with one code and one party are one cause, which names each host and keeps each summary as evidence", () => {
    const [first, second] = [outgoing("capi", "dns-timeout"), outgoing("hub", "dns-timeout")];
    expect(causesOf(first, second)).toMatchObject([
      {
        summary: "no nameserver of this host answers (2 names): capi.example, hub.example",
        explains: ["outgoing-capi", "outgoing-hub"],
        blame: { party: "network", evidence: [first.summary, second.summary] },
        remedy: first.remedy,
      },
    ]);
  });

  test.each([
    "dns-nxdomain",
    "dns-nodata",
    "dns-servfail",
    "dns-refused",
    "dns-timeout",
    "dns-sinkhole",
    "dns-no-resolver",
    "dns-unreachable",
    "tcp-refused",
    "tcp-timeout",
    "tcp-unreachable",
    "tcp-reset",
    "tls-reset",
    "tls-stalled",
    "tls-not-tls",
    "tls-untrusted",
    "tls-expired",
    "tls-not-yet-valid",
  ])("that share %s have a sentence for all of them, with their number", (code) => {
    const [cause] = causesOf(outgoing("a", code), outgoing("b", code), outgoing("c", code));
    if (code === "dns-no-resolver") expect(cause?.summary).toContain("(3 names)");
    expect(cause?.summary).toMatch(/\b3\b.*: a\.example, b\.example, c\.example$/);
  });

  test("of different codes or parties are causes apart", () => {
    expect(
      causesOf(
        outgoing("a", "http-status"),
        outgoing("b", "http-invalid"),
        outgoing("c", "http-status", { blame: { party: "this-host" } }),
      ).map(({ explains }) => explains),
    ).toEqual([["outgoing-a"], ["outgoing-b"], ["outgoing-c"]]);
  });

  test("take along names that only warn for the same reason, and no others", () => {
    const warning = (name: string, code: string): Finding => outgoing(name, code, { status: "warn" });
    const [cause] = causesOf(
      outgoing("a", "tcp-timeout"),
      warning("b", "tcp-timeout"),
      warning("c", "tcp-refused"),
      outgoing("d", "tcp-timeout"),
    );
    expect(new Set(cause?.explains)).toEqual(new Set(["outgoing-a", "outgoing-b", "outgoing-d"]));
  });

  test("with a code that has no sentence for all of them keep the words of each as evidence", () => {
    const [first, second] = [outgoing("a", "http-status"), outgoing("b", "http-status")];
    const [cause] = causesOf(first, second);
    expect(cause).toMatchObject({
      summary: `${first.summary}; the same with 1 more`,
      explains: ["outgoing-a", "outgoing-b"],
      blame: { evidence: [second.summary] },
    });
  });
});

test("failures of other families stay apart, even with one code", () => {
  const causes = causesOf(
    finding("config-files@/a", "fail", { code: "config-missing" }),
    finding("config-files@/b", "fail", { code: "config-missing" }),
    finding("lapi-reachable", "fail"),
  );
  expect(causes.map(({ explains }) => explains)).toEqual([
    ["config-files@/a"],
    ["config-files@/b"],
    ["lapi-reachable"],
  ]);
});

test("what was skipped because of a failure follows from its cause, and from no other", () => {
  const causes = causesOf(
    finding("lapi-reachable", "fail"),
    finding("lapi-tls", "skip", { because: ["lapi-reachable"] }),
    finding("lapi-identity", "skip", { because: ["lapi-reachable"] }),
    finding("metrics", "skip"),
    finding("trust-store", "fail"),
  );
  expect(causes.map(({ explains }) => explains)).toEqual([
    ["lapi-reachable", "lapi-tls", "lapi-identity"],
    ["trust-store"],
  ]);
});

test("the most certain causes come first; of equals, those that explain most; of equals again, the order of the findings", () => {
  const sure = (id: string, confidence: "certain" | "likely" | "possible") =>
    finding(id, "fail", { blame: { confidence } });
  const causes = causesOf(
    sure("possible", "possible"),
    sure("likely", "likely"),
    sure("certain", "certain"),
    sure("wide", "likely"),
    finding("follower", "skip", { because: ["wide"] }),
    sure("later", "likely"),
  );
  expect(causes.map(({ explains: [first] }) => first)).toEqual(["certain", "wide", "likely", "later", "possible"]);
});

describe("clients of one Local API", () => {
  const client = (name: string, host: string, rest: Parameters<typeof finding>[2] = {}): Finding =>
    finding(`lapi-reachable@${name}`, "fail", {
      code: "tcp-timeout",
      summary: `${host}:8080 does not answer`,
      target: { host, port: 8080 },
      ...rest,
    });

  test("with the same trouble are one cause, told once", () => {
    const [agent, cscli] = [client("agent", "lapi.test"), client("cscli", "lapi.test")];
    expect(causesOf(agent, cscli, finding("lapi-tls@cscli", "skip", { because: [cscli.instance] }))).toMatchObject([
      {
        id: "lapi-tcp-timeout@lapi.test:8080",
        summary: "lapi.test:8080 does not answer",
        explains: ["lapi-reachable@agent", "lapi-reachable@cscli", "lapi-tls@cscli"],
      },
    ]);
  });

  test("of two addresses, or with different troubles, are two", () => {
    expect(
      explained(
        causesOf(
          client("agent", "a.test"),
          client("firewall", "b.test"),
          client("nginx", "a.test", { code: "tcp-refused" }),
          client("cscli", "a.test", { target: { host: "a.test", port: 8081 } }),
        ),
      ),
    ).toEqual([
      ["lapi-reachable@agent"],
      ["lapi-reachable@firewall"],
      ["lapi-reachable@nginx"],
      ["lapi-reachable@cscli"],
    ]);
  });

  test("by one unix socket are one, by two sockets two", () => {
    const socket = (name: string, path: string): Finding =>
      client(name, "", { code: "socket-missing", target: { path } });
    expect(explained(causesOf(socket("agent", "/a"), socket("cscli", "/a"), socket("firewall", "/b")))).toEqual([
      ["lapi-reachable@agent", "lapi-reachable@cscli"],
      ["lapi-reachable@firewall"],
    ]);
  });
});

describe("a Local API of this host that is not there", () => {
  const HERE = { address: "127.0.0.1", family: 4, ok: false, durationMs: 1 } as const;
  const OWN = { ...HERE, address: "192.0.2.10" };
  const ELSEWHERE = { ...HERE, address: "198.51.100.7" };
  const refused = (rest: Parameters<typeof finding>[2] = {}): Finding =>
    finding("lapi-reachable@agent", "fail", {
      code: "tcp-refused",
      target: { host: "127.0.0.1", port: 8080 },
      addresses: [HERE],
      ...rest,
    });
  const stopper = (instance: string, rest: Parameters<typeof finding>[2] = {}): Finding =>
    finding(instance, "fail", { code: "stopped", phase: "host", ...rest });

  /** What keeps it from starting, on a host where agent and Local API share a process. */
  const STOPPERS = [
    stopper("config-files@/etc/crowdsec/config.yaml", { target: { path: "/etc/crowdsec/config.yaml" } }),
    stopper("config-files@/etc/crowdsec/acquis.yaml", { target: { path: "/etc/crowdsec/acquis.yaml" } }),
    stopper("database"),
    stopper("port-lapi"),
    stopper("agent-config@/etc/crowdsec/acquis.yaml:1"),
    stopper("port-appsec@127.0.0.1:7422"),
    stopper("credentials@agent"),
  ];

  test.each(STOPPERS.map((each) => [each.instance, each] as const))("is explained by %s", (instance, cause) => {
    const follower = finding("lapi-identity@agent", "skip", { because: ["lapi-reachable@agent"] });
    const causes = causesOf(refused(), follower, cause);
    expect(causes).toMatchObject([
      {
        id: [`${instance.split("-")[0]?.split("@")[0]}-stopped`, ...instance.split("@").slice(1)].join("@"),
        summary: expect.stringContaining(cause.summary),
        blame: {
          party: "network",
          evidence: [`the Local API cannot start as long as ${instance.split("@")[0]} fails`],
        },
        remedy: cause.remedy,
      },
    ]);
    expect(new Set(causes[0]?.explains)).toEqual(new Set([instance, "lapi-reachable@agent", "lapi-identity@agent"]));
    expect(causes[0]?.explains[0]).toBe(instance);
  });

  test.each(STOPPERS.map((each) => [each.instance, each] as const))(
    "elsewhere is not explained by %s",
    (_name, cause) => {
      const far = refused({ target: { host: "lapi.test", port: 8080 }, addresses: [ELSEWHERE] });
      expect(new Set(explained(causesOf(far, cause)).flat())).toEqual(new Set([far.instance, cause.instance]));
      expect(causesOf(far, cause)).toHaveLength(2);
    },
  );

  test.each<[string, Parameters<typeof finding>[2]]>([
    ["refuses at an address of this host", { addresses: [OWN] }],
    ["refuses at an IPv6 address of this host", { addresses: [{ ...HERE, address: "2001:db8::10", family: 6 }] }],
    ["refuses at 0.0.0.0", { addresses: [{ ...HERE, address: "0.0.0.0" }] }],
    ["has gone away again", { code: "lapi-went-away" }],
    ["has no socket", { code: "socket-missing", target: { path: "/run/lapi.sock" }, addresses: [] }],
  ])("is so where it %s", (_what, rest) => {
    expect(causesOf(refused(rest), stopper("database"))).toHaveLength(1);
  });

  test.each<[string, Parameters<typeof finding>[2]]>([
    ["does not answer in time", { code: "tcp-timeout" }],
    ["is somebody else", { code: "identity-mismatch" }],
    ["may not be used", { code: "socket-denied", target: { path: "/run/lapi.sock" } }],
  ])("is not so where it %s", (_what, rest) => {
    expect(causesOf(refused(rest), stopper("database"))).toHaveLength(2);
  });

  test("is so too where it runs and has lost its database", () => {
    const lost = finding("lapi-database@agent", "fail", { code: "lapi-database-down", addresses: [HERE] });
    expect(explained(causesOf(lost, stopper("database")))).toEqual([["database", "lapi-database@agent"]]);
  });

  test("is explained for every client at once", () => {
    const clients = ["lapi", "agent", "cscli", "crowdsec-firewall-bouncer"].map((name) =>
      finding(`lapi-reachable@${name}`, "fail", {
        code: "tcp-refused",
        target: { host: "127.0.0.1", port: 8080 },
        addresses: [HERE],
      }),
    );
    expect(explained(causesOf(...clients, stopper("port-lapi")))).toEqual([
      ["port-lapi", ...clients.map(({ instance }) => instance)],
    ]);
  });

  test("is explained by the first in the order of its start; a second fault stays one of its own", () => {
    const causes = causesOf(refused(), ...[...STOPPERS].reverse());
    const first = causes.find(({ explains }) => explains.includes("lapi-reachable@agent"));
    expect(first?.explains[0]).toMatch(/^config-files@/);
    expect(causes).toHaveLength(STOPPERS.length);
  });

  test.each(["agent-config", "port-appsec", "credentials@agent"])(
    "of a process of its own is not stopped by the agent: %s",
    (instance) => {
      expect(causesOn({ sharedProcess: false }, refused(), stopper(instance))).toHaveLength(2);
    },
  );

  test("is not stopped by a bouncer's file, nor by its credentials", () => {
    const path = "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml";
    const broken = stopper(`config-files@${path}`, { target: { path } });
    expect(causesOn({ files: [fileRead(path, "bouncer")] }, refused(), broken)).toHaveLength(2);
    expect(causesOf(refused(), stopper("credentials@crowdsec-firewall-bouncer"))).toHaveLength(2);
  });

  test("is not explained by what only warns, passes or is unknown", () => {
    const faint = (["warn", "pass", "unknown"] as const).map((status) => finding("database", status));
    for (const one of faint) expect(explained(causesOf(refused(), one))).toEqual([["lapi-reachable@agent"]]);
  });

  test("and another trouble on this host stay two causes", () => {
    const causes = causesOf(
      refused(),
      stopper("database"),
      outgoing("capi", "tcp-timeout"),
      outgoing("hub", "tcp-timeout"),
    );
    expect(new Set(causes.map(({ explains }) => explains.join()))).toEqual(
      new Set(["database,lapi-reachable@agent", "outgoing-capi,outgoing-hub"]),
    );
  });
});

describe("targets of Prometheus", () => {
  const target = (index: number, code = "tcp-refused"): Finding =>
    finding(`metrics-target@host-${index}.test:6060`, "fail", {
      code,
      summary: `host-${index}.test:6060: ${code}`,
      target: { host: `host-${index}.test`, port: 6060 },
      blame: { party: "remote-host" },
    });
  const twenty = Array.from({ length: 20 }, (_, index) => target(index));

  test("that all refuse are one cause, however many they are", () => {
    const causes = causesOf(...twenty);
    expect(causes).toMatchObject([
      {
        id: "metrics-tcp-refused",
        summary: "host-0.test:6060: tcp-refused; the same with 19 more",
        explains: twenty.map(({ instance }) => instance),
      },
    ]);
    expect(causes[0]?.blame.evidence).toHaveLength(19);
  });

  test("with another trouble are another cause", () => {
    expect(causesOf(...twenty, target(20, "tcp-timeout")).map(({ explains }) => explains.length)).toEqual([20, 1]);
  });

  test("have nothing to do with this host's own metrics", () => {
    const own = finding("metrics", "fail", { code: "tcp-refused", blame: { party: "remote-host" } });
    expect(causesOf(target(1), own)).toHaveLength(2);
  });
});

describe("a nameserver that fails", () => {
  const dead = finding("resolver", "fail", {
    code: "dns-timeout",
    phase: "resolve",
    instance: "resolver@10.0.0.53",
    target: { host: "10.0.0.53", port: 53 },
  });

  test("explains every name that does not resolve, and what follows", () => {
    const causes = causesOf(dead, outgoing("capi", "dns-timeout", { phase: "resolve" }));
    expect(explained(causes)).toEqual([["resolver@10.0.0.53", "outgoing-capi"]]);
    expect(causes[0]).toMatchObject({ id: "resolver-dead", blame: { confidence: "certain" } });
  });

  test("explains nothing that failed for another reason", () => {
    expect(causesOf(dead, outgoing("capi", "tcp-timeout"))).toHaveLength(2);
  });
});

test("a service that systemd does not start, for want of its environment's file, explains a Local API that is not there", () => {
  const stopped = finding("proxy@crowdsec", "fail", { code: "environment-file-missing", phase: "host" });
  const refused = finding("lapi-reachable@agent", "fail", {
    code: "tcp-refused",
    addresses: [{ address: "127.0.0.1", family: 4, ok: false, code: "tcp-refused", durationMs: 1 }],
    target: { host: "127.0.0.1", port: 8080 },
  });
  expect(explained(causesOf(stopped, refused))).toEqual([["proxy@crowdsec", "lapi-reachable@agent"]]);
  expect(explained(causesOf({ ...stopped, instance: "proxy@cscli" }, refused))).toHaveLength(2);
});
