import { describe, expect, test } from "@jest/globals";
import {
  alterations,
  conversationOf,
  isProof,
  MAX_IDLE_MS,
  MAX_NAME,
  MIN_TOKEN,
  newNonce,
  newToken,
  nonceOf,
  open,
  proofOf,
  readBye,
  readHello,
  readHelloAnswer,
  readIdle,
  readProve,
  seal,
} from "../../src/listen/handshake.ts";
import { Secret } from "../../src/model/secret.ts";

const TOKEN = new Secret("canary-token-of-the-tests");
const OTHER = new Secret("another-token-altogether");
const [PEER, LISTENER] = [newNonce(), newNonce()];
const conversation = conversationOf(TOKEN, "agent1", PEER, LISTENER);

test("a new token can be read aloud, is long enough, and no two are alike", () => {
  const tokens = Array.from({ length: 50 }, () => newToken().reveal());
  for (const token of tokens) expect(token).toMatch(/^(?:[a-hjkmnp-z2-9]{5}-){5}[a-hjkmnp-z2-9]{5}$/);
  expect(new Set(tokens).size).toBe(50);
  expect(tokens[0]?.length).toBeGreaterThan(MIN_TOKEN);
  // Every letter has its turn: 1500 letters of 31.
  expect(new Set(tokens.join("").replaceAll("-", "")).size).toBe(31);
});

test("a proof holds for its token and its nonces only", () => {
  const proof = proofOf(TOKEN, PEER, LISTENER);
  expect(isProof(proof, TOKEN, PEER, LISTENER)).toBe(true);
  expect(isProof(proof, OTHER, PEER, LISTENER)).toBe(false);
  expect(isProof(proof, TOKEN, LISTENER, PEER)).toBe(false);
  expect(isProof("", TOKEN, PEER, LISTENER)).toBe(false);
  expect(isProof(`${proof}0`, TOKEN, PEER, LISTENER)).toBe(false);
});

describe("a sealed message", () => {
  const sealed = seal(conversation, "prove", { filler: 'ä"\\\n' });

  test("is opened by its own conversation, in its own way", () => {
    expect(open(conversation, "prove", sealed)).toEqual({ filler: 'ä"\\\n' });
    expect(nonceOf(sealed)).toBe(LISTENER);
    expect(sealed).not.toContain(TOKEN.reveal());
  });

  test.each<[string, () => unknown]>([
    ["another token", () => open(conversationOf(OTHER, "agent1", PEER, LISTENER), "prove", sealed)],
    ["another name", () => open(conversationOf(TOKEN, "agent2", PEER, LISTENER), "prove", sealed)],
    ["another nonce of the peer", () => open(conversationOf(TOKEN, "agent1", newNonce(), LISTENER), "prove", sealed)],
    ["another conversation", () => open(conversationOf(TOKEN, "agent1", PEER, newNonce()), "prove", sealed)],
    ["another way", () => open(conversation, "bye", sealed)],
    ["the other direction", () => open(conversation, "prove!", sealed)],
    ["a changed text", () => open(conversation, "prove", sealed.replace("filler", "killer"))],
    ["a shortened seal", () => open(conversation, "prove", sealed.replace(/.."}$/, '"}'))],
    ["no JSON", () => open(conversation, "prove", "<html>")],
    ["null", () => open(conversation, "prove", "null")],
    ["other types", () => open(conversation, "prove", JSON.stringify({ nonce: LISTENER, said: {}, seal: [] }))],
  ])("is refused with %s", (_name, opened) => {
    expect(opened()).toBeUndefined();
  });
});

describe("what comes from anybody is looked at closely", () => {
  test.each<[unknown, boolean]>([
    [{ name: "agent1", nonce: PEER }, true],
    [{ name: "x".repeat(MAX_NAME), nonce: PEER }, true],
    [{ name: "x".repeat(MAX_NAME + 1), nonce: PEER }, false],
    [{ name: "", nonce: PEER }, false],
    [{ name: 1, nonce: PEER }, false],
    [{ name: "agent1", nonce: PEER.toUpperCase() }, false],
    [{ name: "agent1", nonce: `${PEER}0` }, false],
    [{ name: "agent1" }, false],
    [[], false],
    [null, false],
  ])("hello %j: %p", (value, isHello) => {
    expect(readHello(JSON.stringify(value)) !== undefined).toBe(isHello);
  });

  test("an answer to a hello", () => {
    expect(readHelloAnswer(JSON.stringify({ nonce: LISTENER, proof: "p" }))).toEqual({ nonce: LISTENER, proof: "p" });
    expect(readHelloAnswer(JSON.stringify({ nonce: LISTENER }))).toBeUndefined();
    expect(readHelloAnswer("hello")).toBeUndefined();
    expect(nonceOf("hello")).toBeUndefined();
  });
});

describe("what is under seal is looked at as closely: who has the token may be anybody's program", () => {
  const MANY = Array.from({ length: 20 }, (_, index) => `peer-${index}`);

  test.each<[string, (said: unknown) => unknown, unknown, unknown]>([
    ["prove", readProve, { filler: "x", more: 1 }, { filler: "x" }],
    ["prove", readProve, { filler: 1 }, undefined],
    ["prove", readProve, {}, undefined],
    ["idle", readIdle, { idleMs: 0 }, { idleMs: 0 }],
    ["idle", readIdle, { idleMs: 1e300 }, { idleMs: MAX_IDLE_MS }],
    ["idle", readIdle, { idleMs: -1 }, undefined],
    ["idle", readIdle, { idleMs: "1000" }, undefined],
    ["idle", readIdle, { idleMs: [1000] }, undefined],
    ["bye", readBye, { complaints: [] }, { complaints: [] }],
    ["bye", readBye, { complaints: ["peer-idle-cut", "x5"] }, { complaints: ["peer-idle-cut", "x5"] }],
    ["bye", readBye, { complaints: MANY }, { complaints: MANY.slice(0, 10) }],
    ["bye", readBye, { complaints: ["x".repeat(40)] }, { complaints: ["x".repeat(40)] }],
    ["bye", readBye, { complaints: ["x".repeat(41)] }, undefined],
    ["bye", readBye, { complaints: ["all is well, no complaints"] }, undefined],
    ["bye", readBye, { complaints: ["peer-idle-cut\n"] }, undefined],
    ["bye", readBye, { complaints: ["Peer"] }, undefined],
    ["bye", readBye, { complaints: ["a--b"] }, undefined],
    ["bye", readBye, { complaints: [{}] }, undefined],
    ["bye", readBye, { complaints: "peer-idle-cut" }, undefined],
    ["bye", readBye, {}, undefined],
    ...([null, 5, "x", true, []] as const).flatMap((said): [string, (said: unknown) => unknown, unknown, unknown][] => [
      ["prove", readProve, said, undefined],
      ["idle", readIdle, said, undefined],
      ["bye", readBye, said, undefined],
    ]),
  ])("%s %p of %j is %j", (_name, read, said, expected) => {
    expect(read(said)).toEqual(expected);
  });
});

test("what became of a head is told field by field, whatever their order and spelling", () => {
  const sent = [
    ["Host", "a"],
    ["Accept", "x"],
    ["X-Gone", "1"],
    ["Via", "one"],
  ] as const;
  const got = [
    ["via", "one"],
    ["accept", "y"],
    ["Via", "two"],
    ["host", "a"],
    ["X-New", "2"],
  ] as const;
  expect(alterations("there", sent, got)).toEqual([
    { direction: "there", kind: "removed", name: "x-gone" },
    { direction: "there", kind: "changed", name: "via", value: "one, two" },
    { direction: "there", kind: "changed", name: "accept", value: "y" },
    { direction: "there", kind: "added", name: "x-new", value: "2" },
  ]);
  expect(alterations("back", sent, sent)).toEqual([]);
});
