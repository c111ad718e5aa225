import { describe, expect, test } from "@jest/globals";
import { findCauses } from "../../src/diagnosis/index.ts";
import type { Cause, Finding } from "../../src/model/report.ts";
import { finding } from "../support/findings.ts";
import { reported } from "../support/run.ts";

/** Causes as they stand in a report that keeps to the schema. */
const causesOf = (...findings: readonly Finding[]): readonly Cause[] => {
  expect(reported(findings).causes).toEqual(findCauses(findings));
  return findCauses(findings);
};

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
        outgoing("a", "tcp-timeout"),
        outgoing("b", "tcp-refused"),
        outgoing("c", "tcp-timeout", { blame: { party: "this-host" } }),
      ).map(({ explains }) => explains),
    ).toEqual([["outgoing-a"], ["outgoing-b"], ["outgoing-c"]]);
  });

  test("that only warn are left out of the cause", () => {
    const [cause] = causesOf(outgoing("a", "tcp-timeout"), finding("outgoing-b", "warn"), outgoing("c", "tcp-timeout"));
    expect(cause?.explains).toEqual(["outgoing-a", "outgoing-c"]);
  });

  test("with a code that has no sentence for all of them keep the words of each as evidence", () => {
    const [first, second] = [outgoing("a", "http-status"), outgoing("b", "http-status")];
    const [cause] = causesOf(first, second);
    expect(cause).toMatchObject({
      summary: `${first.summary}; the same with 1 more: ${first.target?.host}, ${second.target?.host}`,
      explains: ["outgoing-a", "outgoing-b"],
      blame: { evidence: [first.summary, second.summary] },
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
