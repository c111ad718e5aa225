import { describe, expect, test } from "@jest/globals";
import { clientOf, isHere, lapiClients, placeOf, routeOf } from "../../checks/lapi-way.ts";
import type { Context } from "../../src/model/check.ts";
import type { LapiClient, Topology } from "../../src/model/topology.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { NOW } from "../support/run.ts";
import { agentTo, bouncerTo, from, itself, packageInstall, routeTo } from "../support/topology.ts";
import { CONNECTED, failedWith, resolved } from "../support/world.ts";

test.each([
  [["127.0.0.1"], true],
  [["127.0.1.1"], true],
  [["::1"], true],
  [["0.0.0.0"], true],
  [["192.0.2.10"], true],
  [["2001:db8::10"], true],
  [["198.51.100.1", "192.0.2.10"], true],
  [["198.51.100.1"], false],
  [["128.0.0.1"], false],
])("a Local API at %p is on this host: %p", (addresses, here) => {
  expect(isHere({ dns: resolved(...addresses) }, packageInstall())).toBe(here);
});

test("a Local API behind a unix socket is on this host, and is told as one", () => {
  const evidence = { socket: CONNECTED };
  expect([isHere(evidence, packageInstall()), placeOf(evidence, packageInstall())]).toEqual([true, "socket"]);
});

test.each([
  ["127.0.0.1", "here"],
  ["198.51.100.1", "elsewhere"],
])("what is mended of a Local API at %s is %s", (address, place) => {
  expect(placeOf({ dns: resolved(address) }, packageInstall())).toBe(place);
});

test("a Local API whose name does not resolve is not taken for this host's", () => {
  expect(isHere({ dns: failedWith("dns-nxdomain") }, packageInstall())).toBe(false);
  expect(isHere({}, packageInstall())).toBe(false);
});

test.each<[string, LapiClient["way"], unknown]>([
  ["a route is handed on", routeTo("http://a/"), { route: routeTo("http://a/") }],
  [
    "what may not be read is unknown",
    { hidden: "run as root" },
    { verdict: { status: "unknown", reason: "run as root" } },
  ],
  ["what is absent is a skip", { absent: "none" }, { verdict: { status: "skip", reason: "not applicable: none" } }],
  [
    "a malformed URL is a skip, since lapi-reachable has told it",
    { malformed: from("x", "file:1"), problem: "not a URL" },
    { verdict: { status: "skip", reason: "not applicable: the Local API's URL cannot be used (file:1)" } },
  ],
])("of a client's way, %s", (_name, way, expected) => {
  expect(routeOf(agentTo(way))).toEqual(expected);
});

describe("the clients of this host", () => {
  const contextOf = (clients: Topology["clients"]): Context => ({
    topology: packageInstall({ clients }),
    probe: fakeProber({}),
    now: NOW,
    version: async () => undefined,
    allowWrites: false,
  });
  const route = routeTo("http://127.0.0.1:8080/");
  const ALL = [itself(), agentTo(route), agentTo(route, { name: "cscli" }), bouncerTo(route)];

  test.each<[readonly LapiClient["kind"][] | undefined, readonly string[]]>([
    [undefined, ["lapi", "agent", "cscli", "crowdsec-firewall-bouncer"]],
    [
      ["machine", "bouncer"],
      ["agent", "cscli", "crowdsec-firewall-bouncer"],
    ],
    [["bouncer"], ["crowdsec-firewall-bouncer"]],
  ])("of kind %p are %p", (kinds, names) => {
    expect(lapiClients(contextOf(ALL), kinds)).toEqual(names);
  });

  test.each<[string, Topology["clients"], unknown]>([
    ["what may not be read is unknown", { hidden: "run as root" }, { status: "unknown", reason: "run as root" }],
    ["what is absent is a skip", { absent: "none" }, { status: "skip", reason: "not applicable: none" }],
    [
      "none of the kind is a skip",
      [itself()],
      { status: "skip", reason: "not applicable: no bouncer of a Local API on this host" },
    ],
  ])("%s", (_name, clients, expected) => {
    expect(lapiClients(contextOf(clients), ["bouncer"])).toEqual(expected);
  });

  test("are found by their names; another name is an error of ours", () => {
    expect(clientOf(contextOf(ALL), "cscli").name).toBe("cscli");
    expect(() => clientOf(contextOf(ALL), "nobody")).toThrow("no client nobody");
    expect(() => clientOf(contextOf({ absent: "none" }), "agent")).toThrow("no client agent");
  });
});
