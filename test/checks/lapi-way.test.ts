import { expect, test } from "@jest/globals";
import { isHere, lapiRoute } from "../../checks/lapi-way.ts";
import type { Context } from "../../src/model/check.ts";
import type { Topology } from "../../src/model/topology.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { NOW } from "../support/run.ts";
import { from, packageInstall, routeTo } from "../support/topology.ts";
import { failedWith, resolved } from "../support/world.ts";

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

test("a Local API whose name does not resolve is not taken for this host's", () => {
  expect(isHere({ dns: failedWith("dns-nxdomain") }, packageInstall())).toBe(false);
  expect(isHere({}, packageInstall())).toBe(false);
});

test.each<[string, Topology["lapi"], unknown]>([
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
])("%s", (_name, lapi, expected) => {
  const context: Context = {
    topology: packageInstall({ lapi }),
    probe: fakeProber({}),
    now: NOW,
    version: async () => undefined,
  };
  expect(lapiRoute(context)).toEqual(expected);
});
