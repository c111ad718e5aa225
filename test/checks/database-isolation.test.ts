import { describe, expect, test } from "@jest/globals";
import check from "../../checks/database-isolation.ts";
import type { DatabaseObservation, DatabaseQuestion } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { from, networkDatabase } from "../support/topology.ts";
import { databaseAnswered, failedWith, HEALTHY } from "../support/world.ts";

const AGENT: Partial<Topology> = { roles: [from("agent", "/etc/crowdsec/config.yaml")] };
const NETWORK = { ...AGENT, database: networkDatabase() };

/** The greeting of a server that was not logged in to. */
const { tables: _tables, closedTables: _closed, mayCreate: _may, ...GREETING } = databaseAnswered();

const greeted = (saw: DatabaseObservation = GREETING) => {
  const questions: DatabaseQuestion[] = [];
  const database = (question: DatabaseQuestion): DatabaseObservation => {
    questions.push(question);
    return saw;
  };
  return { world: { ...HEALTHY, database }, questions };
};
const CLOSED: Given = { topology: NETWORK, world: greeted(failedWith("tcp-timeout", { layers: [] })).world };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "database-needless": ["host", "warn", "configuration", { topology: NETWORK }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("a networked database in an agent's configuration", () => {
  test("that answers is told, and is to be closed to this host too", async () => {
    const { summary, remedy } = await findingOf(check, { topology: NETWORK });
    expect(summary).toBe(
      "/etc/crowdsec/config.yaml:38 names the database db.example:5432, which this host does not need: the agent opens it at its start, and ends without it. It answers from here.",
    );
    expect(remedy).toHaveLength(2);
    expect(remedy[1]?.text).toContain("close the database to this host");
  });

  test("that does not answer is told all the same, with how it fails, and needs no closing", async () => {
    const { status, summary, remedy } = await findingOf(check, CLOSED);
    expect([status, summary]).toEqual([
      "warn",
      expect.stringMatching(/It does not answer from here \(tcp-timeout\)\.$/),
    ]);
    expect(remedy).toHaveLength(1);
  });

  test("whose name does not resolve is not dialed", async () => {
    const world = { ...HEALTHY, dns: () => failedWith("dns-nxdomain") };
    const { findings, asked } = await runIn([check], { topology: NETWORK, world });
    expect(findings[0]?.summary).toMatch(/\(dns-nxdomain\)\.$/);
    expect(asked).toEqual(["dns db.example"]);
  });

  test("is asked who it is and no more: no login, and no password leaves this host", async () => {
    const { world, questions } = greeted();
    const { asked } = await runIn([check], { topology: NETWORK, world });
    expect(questions).toEqual([
      {
        protocol: "postgresql",
        addresses: ["2001:db8::7", "203.0.113.7"],
        port: 5432,
        host: "db.example",
        tls: "require",
      },
    ]);
    expect(asked.filter((question) => question.startsWith("database"))).toEqual([
      "database postgresql db.example:5432",
    ]);
  });

  test("behind a socket is told, and not asked", async () => {
    const database = networkDatabase({ at: { socket: from("/run/postgresql", "/etc/crowdsec/config.yaml:39") } });
    const { findings, asked } = await runIn([check], { topology: { ...AGENT, database } });
    expect(findings[0]).toMatchObject({ status: "warn", remedy: [expect.anything()] });
    expect(findings[0]?.summary).toContain("/run/postgresql");
    expect(asked).toEqual([]);
  });

  test("on IPv6 is told in brackets", async () => {
    const database = networkDatabase({ at: { host: from("2001:db8::1", "x"), port: from(5432, "x") } });
    expect((await findingOf(check, { topology: { ...AGENT, database } })).summary).toContain("[2001:db8::1]:5432,");
  });
});

describe("there is no word, and no question, about", () => {
  test.each<[string, Partial<Topology>]>([
    ["SQLite, which every install has", {}],
    ["no database at all", { database: { absent: "its configuration has no db_config" } }],
    ["a value that cannot be used", { database: { malformed: from("oracle", "file:3"), problem: "none of sqlite" } }],
  ])("%s", async (_name, topology) => {
    const { findings, asked } = await runIn([check], { topology: { ...AGENT, ...topology } });
    expect(findings).toMatchObject([
      {
        status: "pass",
        summary: `${check.title}: no networked database in its configuration; an agent or bouncer needs none`,
      },
    ]);
    expect(asked).toEqual([]);
  });
});

describe("what cannot be judged", () => {
  test.each<[string, Partial<Topology>, "skip" | "unknown", string]>([
    [
      "the Local API's own host, which needs it",
      { database: networkDatabase() },
      "skip",
      "not applicable: the Local API runs on this host, and it needs its database",
    ],
    [
      "a configuration that may not be read",
      { ...AGENT, database: { hidden: "run as root: x" } },
      "unknown",
      "run as root: x",
    ],
    [
      "a host without agent or bouncer",
      { roles: [from("cscli", "--role")], database: networkDatabase() },
      "skip",
      "not applicable: for role agent or bouncer; this host is cscli",
    ],
  ])("%s", async (_name, topology, status, reason) => {
    const { findings, asked } = await runIn([check], { topology });
    expect(findings).toMatchObject([{ status, reason }]);
    expect(asked).toEqual([]);
  });
});
