import { expect, test } from "@jest/globals";
import { moreOf } from "../../src/dry-run/more.ts";
import type { Plan, PlannedDestination } from "../../src/dry-run/shape.ts";

const SUMS = {
  names: 0,
  questions: 0,
  destinations: 0,
  connections: 0,
  handshakes: 0,
  requests: 0,
  logins: { mustFail: 0, machine: 0, key: 0, proxy: 0, database: 0 },
  commands: 0,
  files: 0,
  writes: 0,
};
const NOTHING: Plan = {
  names: [],
  nameservers: [],
  destinations: [],
  commands: [],
  binds: [],
  files: [],
  kernel: [],
  writes: [],
  sums: SUMS,
};
const place = (rest: Partial<PlannedDestination> = {}): Plan => ({
  ...NOTHING,
  destinations: [{ host: "10.0.0.1", port: 443, connects: 1, requests: [], dialogues: [], for: [], ...rest }],
});
const request = { method: "GET", path: "/", tls: false, times: 1, shows: [], for: [] } as const;
const command = { copies: [], times: 1, ran: false, for: [] } as const;
const dialogue = { tls: "prefer", times: 1, for: [] } as const;
const NAME: Plan = { ...NOTHING, names: [{ name: "a.example", by: "nameservers", for: [] }] };

/** A plan of the least, and what can come of it. */
const CASES: readonly (readonly [Plan, readonly RegExp[]])[] = [
  [NAME, [/^a nameserver does not answer/, /^a name does not exist/, /^a name has several addresses/]],
  [place({ requests: [request] }), []],
  [
    { ...place({ requests: [request] }), names: NAME.names },
    [/^a nameserver/, /^a name does not/, /^a name has/, /^TLS or the answer fails/],
  ],
  [place({ requests: [{ ...request, method: "POST", tls: true }] }), [/^a server ends the connection after the TLS/]],
  [place({ for: ["outgoing-capi"] }), [/^CrowdSec's version does not become known/]],
  [place({ host: "redirected.invalid" }), [/^packagecloud\.io sends the request on/]],
  [place({ for: ["lapi-reachable"] }), [/^the Local API is not reached/]],
  [{ ...NOTHING, commands: [{ ...command, argv: ["crowdsec", "-t"] }] }, [/^crowdsec refuses the copy/]],
  [place({ dialogues: [{ ...dialogue, protocol: "mysql" }] }), [/^the database refuses/]],
  [{ ...NOTHING, binds: [{ address: "::", port: 1, for: [] }] }, [/^an address to listen on is taken/]],
  [place({ for: ["peer"], dialogues: [{ ...dialogue, protocol: "listener" }] }), [/^what answers at a --peer/]],
  [place({ for: ["clock"] }), [/^the hosts' dates/]],
  [place({ for: ["ping"] }), [/^a ping is not delivered/]],
];

test.each(CASES)("what can come on top is told where it can: %#", (plan, expected) => {
  const told = moreOf(plan);
  expect(told.map(({ when }) => when)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  for (const { when, what } of told) expect(`${when}${what}`).not.toMatch(/[.!]$/);
});

test("who waits asks again", () => {
  expect(moreOf(NOTHING, true)).toEqual([expect.objectContaining({ what: expect.stringMatching(/^--wait /) })]);
});

test("nothing can come of nothing", () => {
  expect(moreOf(NOTHING)).toEqual([]);
});
