import { describe, expect, test } from "@jest/globals";
import type { Came } from "../../src/listen/peers.ts";
import { type ListenReport, lineOf, peerReport, table } from "../../src/listen/table.ts";

const came = (more: Partial<Came> = {}): Came => ({
  name: "agent1",
  seen: { address: "10.0.0.7", port: 40_000 },
  at: { address: "10.0.0.5", port: 8080 },
  provedAt: new Date("2026-05-01T04:15:02Z"),
  finishedAt: new Date("2026-05-01T04:15:48Z"),
  received: 66_000,
  sent: 66_500,
  answered: true,
  idle: { askedMs: 45_000, heldMs: 45_001, end: "answered", arrived: true },
  complaints: [],
  refused: 0,
  ...more,
});
const unfinished = ({ finishedAt: _never, ...peer }: Came): Came => peer;

const report = (more: Partial<ListenReport> = {}): ListenReport => ({
  schemaVersion: "1.0",
  tool: { name: "crowdsec-preflight", version: "0.1.0" },
  startedAt: "2026-05-01T04:14:00.000Z",
  endedAt: "2026-05-01T04:24:00.000Z",
  ended: "ttl",
  exitCode: 0,
  listening: [{ address: "::", port: 8080 }],
  peers: [],
  missing: [],
  strangers: [],
  ...more,
});

const WIDE = { color: false, ascii: false, width: 120 };

test("the table says who reached this host, what each way carried, who never came, and who was no peer", () => {
  const text = table(
    report({
      peers: [
        came({ expected: "agent1" }),
        came({
          name: "web",
          seen: { address: "192.0.2.77", port: 1 },
          complaints: ["peer-idle-cut"],
          refused: 2,
          idle: { askedMs: 45_000, heldMs: 30_000, end: "reset", arrived: false },
        }),
        unfinished(came({ name: "db", expected: "db.example.com", answered: false })),
      ].map(peerReport),
      missing: [
        { expected: "agent3", ports: [8080], begun: false },
        { expected: "db.example.com", ports: [8080], begun: true },
      ],
      strangers: [
        { address: "10.0.0.9", connections: 12, kinds: { "spoke-tls": 10, silent: 2 }, names: [] },
        { address: "10.0.0.8", connections: 1, kinds: { "wrong-token": 1 }, names: ["agent3"] },
      ],
    }),
    WIDE,
  );
  expect(text).toBe(`Ended at 04:24:00Z: the time is up.

  PEER    SEEN AS     AT         CARRIED                                  SILENCE
✓ agent1  10.0.0.7    04:15:02Z  64 KiB each way                          held 45.0 s
! web     192.0.2.77  04:15:02Z  64 KiB each way                          cut after 30.0 s of 45.0 s (reset)
    complains of peer-idle-cut; not expected; its name came again and was refused, 2 times
✗ db      10.0.0.7    04:15:02Z  64 KiB there, nothing back so far known  held 45.0 s
    did not finish

✗ agent3 never came
✗ db.example.com came and did not finish

No peers:
  10.0.0.9: 12 connections: spoke TLS, which this listener does not (10); said nothing (2)
  10.0.0.8, which called itself "agent3": 1 connection: had another token
`);
});

test("where nobody is expected, nobody is unexpected", () => {
  expect(table(report({ peers: [peerReport(came())] }), WIDE)).not.toContain("not expected");
});

test("of several ports each row has its own, and the missing ones are named", () => {
  const listening = [8080, 7422].map((port) => ({ address: "::", port }));
  const both = table(report({ listening, peers: [peerReport(came())] }), WIDE);
  expect(both).toMatch(/ {2}PEER +SEEN AS +PORT +AT .*\n✓ agent1 +10\.0\.0\.7 +8080 +04:15:02Z /);
  expect(table(report({ listening, peers: [peerReport(came())] }), { ...WIDE, width: 60 })).toContain(
    "agent1 (10.0.0.7), port 8080, 04:15:02Z: 64 KiB each way;",
  );
  const missing = [{ expected: "agent1", ports: [7422], begun: false }];
  expect(table(report({ listening, missing }), WIDE)).toContain("✗ agent1 never came, on port 7422\n");
});

test.each([40, 60])("on a terminal of %i columns no line is longer", (width) => {
  const peers = [came(), came({ name: "x".repeat(20), complaints: ["peer-altered"], refused: 1 })].map(peerReport);
  const strangers = [{ address: "10.0.0.9", connections: 12, kinds: { stalled: 10, silent: 2 }, names: ["a", "b"] }];
  const text = table(report({ peers, strangers }), { ...WIDE, width });
  expect(text.split("\n").filter((line) => line.length > width)).toEqual([]);
  expect(text).toContain("agent1 (10.0.0.7)");
});

test("with --ascii there is nothing but ASCII, and with colours the same words", () => {
  const peers = [came(), came({ name: "web", complaints: ["peer-altered"] }), unfinished(came({ name: "db" }))].map(
    peerReport,
  );
  const plain = table(report({ peers }), { ...WIDE, ascii: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(plain).toMatch(/^[\x00-\x7f]*$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const ansi = /\x1b\[\d+m/g;
  const coloured = table(report({ peers }), { ...WIDE, color: true });
  expect(coloured).toMatch(ansi);
  expect(coloured.replace(ansi, "")).toBe(table(report({ peers }), WIDE));
});

describe("a line of the log", () => {
  const peer = came();
  test.each<[Parameters<typeof lineOf>[0], string]>([
    [{ kind: "proved", peer }, "agent1 (10.0.0.7) knows the token; from port 40000 to 10.0.0.5:8080"],
    [{ kind: "silence", peer, ms: 45_000 }, "agent1 (10.0.0.7): 45.0 s of silence on port 8080"],
    [{ kind: "finished", peer }, "agent1 (10.0.0.7) has finished on port 8080: no complaints"],
    [
      { kind: "finished", peer: came({ complaints: ["peer-altered", "peer-idle-cut"] }) },
      "agent1 (10.0.0.7) has finished on port 8080: complains of peer-altered, peer-idle-cut",
    ],
    [
      {
        kind: "broken",
        peer: unfinished(came({ idle: { askedMs: 45_000, heldMs: 800, end: "closed", arrived: false } })),
      },
      "agent1 (10.0.0.7) has gone from port 8080 before its end; silence: cut after 800 ms of 45.0 s (closed)",
    ],
    [
      {
        kind: "broken",
        peer: unfinished(came({ idle: { askedMs: 45_000, heldMs: 45_000, end: "answered", arrived: false } })),
      },
      "agent1 (10.0.0.7) has gone from port 8080 before its end; silence: 45.0 s, and the answer did not arrive",
    ],
    [
      {
        kind: "broken",
        peer: unfinished(came({ idle: { askedMs: 45_000, heldMs: 800, end: "ended", arrived: false } })),
      },
      "agent1 (10.0.0.7) has gone from port 8080 before its end; silence: ended here, after 800 ms of 45.0 s",
    ],
    [
      { kind: "refused", peer: "agent1", from: { address: "10.0.0.8", port: 1 }, earlier: peer },
      "agent1 (10.0.0.8) is refused: agent1 (10.0.0.7) has used it since 04:15:02Z",
    ],
    [
      { kind: "refused", peer: "agent1", from: { address: "10.0.0.8", port: 1 }, earlier: unfinished(peer) },
      "agent1 (10.0.0.8) is refused: agent1 (10.0.0.7) is using it since 04:15:02Z",
    ],
    [
      { kind: "refused", peer: "agent1", from: { address: "10.0.0.8", port: 1 } },
      "agent1 (10.0.0.8) is refused: there is no room for more peers",
    ],
    [
      {
        kind: "stranger",
        as: "wrong-token",
        stranger: { address: "10.0.0.8", connections: 3, kinds: { silent: 2, "wrong-token": 1 }, names: ["agent1"] },
      },
      '10.0.0.8, which called itself "agent1": had another token',
    ],
    [
      {
        kind: "stranger",
        as: "silent",
        stranger: { address: "10.0.0.9", connections: 12, kinds: { silent: 12 }, names: [] },
      },
      "10.0.0.9: 12 connections that were no peer's",
    ],
  ])("%#: %j", (event, expected) => {
    expect(lineOf(event)).toBe(expected);
  });
});
