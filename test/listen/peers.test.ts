import { describe, expect, test } from "@jest/globals";
import { MAX_PEERS } from "../../src/listen/caps.ts";
import { type Claim, createPeers, distinct, type Peers } from "../../src/listen/peers.ts";

const claim = (peers: Peers, name: string, address = "192.0.2.7", port = 8080): Claim =>
  peers.claim(name, { seen: { address, port: 40_000 }, at: { address: "10.0.0.5", port }, received: 1 });

const finish = (taken: Claim, complaints: readonly string[] = []): void => {
  if (!taken.ok) throw new Error(taken.refused);
  taken.peer.learn({ finishedAt: new Date(), complaints });
  taken.peer.leave();
};

const peersFor = (...expected: string[]): Peers => createPeers(expected, () => [8080]);

test("who is expected twice, in whatever spelling, is expected once", () => {
  expect(distinct(["b", "a", "B", "a.", "2001:db8:0::7", "2001:db8::7", "a.example.com"])).toEqual([
    "b",
    "a",
    "2001:db8:0::7",
    "a.example.com",
  ]);
});

describe("who was expected is known", () => {
  test.each<[expected: string, name: string, address: string, is: boolean]>([
    ["agent1", "agent1", "192.0.2.7", true],
    ["agent1", "AGENT1", "192.0.2.7", true],
    ["agent1", "agent1.example.com", "192.0.2.7", true],
    ["agent1.example.com", "agent1", "192.0.2.7", true],
    ["agent1.example.com.", "agent1.Example.com", "192.0.2.7", true],
    ["agent1.example.com", "agent1.example.org", "192.0.2.7", false],
    ["agent1", "agent10", "192.0.2.7", false],
    ["192.0.2.7", "whatever", "192.0.2.7", true],
    ["192.0.2.7", "192.0.2.7", "192.0.2.8", false],
    ["2001:db8:0::7", "whatever", "2001:db8::7", true],
  ])("%s: %s at %s: %p", (expected, name, address, is) => {
    const peers = peersFor(expected);
    finish(claim(peers, name, address));
    expect(peers.all()[0]?.expected).toBe(is ? expected : undefined);
    expect(peers.missing()).toEqual(is ? [] : [{ expected, ports: [8080], begun: false }]);
  });

  test("by its full name before its short one", () => {
    const peers = peersFor("web.a.example", "web.b.example", "web");
    finish(claim(peers, "web.b.example"));
    finish(claim(peers, "web"));
    expect(peers.all().map(({ expected }) => expected)).toEqual(["web.b.example", "web"]);
    expect(peers.missing().map(({ expected }) => expected)).toEqual(["web.a.example"]);
  });

  test("of two that fit as well, the one that has not come yet", () => {
    const peers = peersFor("web.a.example", "web.b.example");
    finish(claim(peers, "web"));
    expect(peers.all()[0]?.expected).toBe("web.a.example");
    expect(peers.missing().map(({ expected }) => expected)).toEqual(["web.b.example"]);
  });
});

test("who came and did not finish is missing, and known to have begun", () => {
  const peers = peersFor("agent1");
  claim(peers, "agent1");
  expect(peers.missing()).toEqual([{ expected: "agent1", ports: [8080], begun: true }]);
});

test("each port has its own peers", () => {
  const peers = createPeers(["agent1"], () => [8080, 7422]);
  finish(claim(peers, "agent1", "192.0.2.7", 8080));
  expect(peers.missing()).toEqual([{ expected: "agent1", ports: [7422], begun: false }]);
  finish(claim(peers, "agent1", "192.0.2.7", 7422));
  expect(peers.missing()).toEqual([]);
});

test("who came anew while the first was away takes its place, and the first is not heard any more", () => {
  const peers = peersFor("agent1");
  const first = claim(peers, "agent1");
  if (!first.ok) throw new Error("refused");
  first.peer.leave();
  expect(first.peer.resume()).toBe(true);
  first.peer.leave();
  const second = claim(peers, "agent1", "192.0.2.8");
  expect(first.peer.resume()).toBe(false);
  finish(second);
  expect(peers.all().map(({ seen }) => seen.address)).toEqual(["192.0.2.8"]);
});

test("there is room for a thousand", () => {
  const peers = peersFor();
  for (let index = 0; index < MAX_PEERS; index++) finish(claim(peers, `host${index}`));
  expect(claim(peers, "one-more")).toEqual({ ok: false, refused: "full" });
});

test("a name is made fit to show", () => {
  const peers = peersFor();
  claim(peers, "\u001b]0;owned\u0007");
  claim(peers, "\u0007");
  expect(peers.all().map(({ name }) => name)).toEqual(["]0;owned", "?"]);
});
