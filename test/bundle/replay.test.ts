import { expect, test } from "@jest/globals";
import { keyOf, revived, shownObservation } from "../../src/bundle/observations.ts";
import type { Recorded } from "../../src/bundle/recording.ts";
import { createReplay } from "../../src/bundle/replay.ts";
import { Unanswered } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";

const ok = (content: string) => ({ ok: true, elapsedMs: 1, content });
const replay = (observations: readonly Recorded[], cutOff?: string) =>
  createReplay({ observations, ...(cutOff !== undefined && { cutOff }) });

test("answers what was asked, whatever the order of a question's parts", async () => {
  const answer = { ok: true, elapsedMs: 3 };
  const probe = replay([{ probe: "tcp", question: { port: 1, family: 4, address: "192.0.2.1" }, answer }]);
  expect(await probe.tcp({ address: "192.0.2.1", family: 4, port: 1 })).toBe(answer);
});

test("gives a second asker the second answer, and the last to all others", async () => {
  const probe = replay(["a", "b"].map((text) => ({ probe: "file", question: "/x", answer: ok(text) }) as const));
  const saw = [await probe.file("/x"), await probe.file("/x"), await probe.file("/x")];
  expect(saw.map((each) => each.ok && each.content)).toEqual(["a", "b", "b"]);
});

test("of this host's own files, what was not asked may not be read", async () => {
  expect(await replay([]).file("/x")).toMatchObject({ ok: false, code: "file-denied", message: "not in this bundle" });
});

test("of the network, what was not asked has no answer", async () => {
  await expect(replay([]).dns({ name: "api.crowdsec.net" })).rejects.toThrow(Unanswered);
  await expect(replay([]).dns({ name: "api.crowdsec.net" })).rejects.toThrow("what dns would have said");
});

test("what was cut off is cut off again, in the same words", async () => {
  const probe = replay([{ probe: "file", question: "/x" }], "cut off by --deadline 1.0 s");
  await expect(probe.file("/x")).rejects.toThrow("cut off by --deadline 1.0 s");
});

const STAND_INS = new Map([
  ["first-key", "REDACTED-1"],
  ["second-key", "REDACTED-2"],
]);
const shows = {
  text: (text: string) => text,
  standIn: (value: string) => STAND_INS.get(value),
  secret: (value: string) => STAND_INS.get(value) ?? value,
  variable: (_name: string, value: string) => STAND_INS.get(value) ?? "REMOVED",
};
const head = (key: string) => ({ url: "http://x/", address: "192.0.2.1", headers: { "x-api-key": new Secret(key) } });
const written = (recorded: Recorded): Recorded => {
  const text = JSON.stringify(shownObservation(recorded, shows));
  for (const secret of STAND_INS.keys()) expect(text).not.toContain(secret);
  return revived(JSON.parse(text)) as Recorded;
};

test("two questions that differ in a secret only are still told apart by its stand-in", async () => {
  const [first, second] = [
    { ok: true, status: 200 },
    { ok: true, status: 403 },
  ];
  const probe = replay([
    written({ probe: "http", question: head("first-key"), answer: first }),
    written({ probe: "http", question: head("second-key"), answer: second }),
  ]);
  expect(await probe.http(head("REDACTED-2"))).toEqual(second);
  expect(await probe.http(head("REDACTED-1"))).toEqual(first);
});

test("a body that holds secrets among other things counts as the same question", async () => {
  const question = { url: "http://x/", address: "192.0.2.1", body: new Secret('{"password":"first-key"}') };
  const probe = replay([written({ probe: "http", question, answer: { ok: true, status: 200 } })]);
  const again = { ...question, body: new Secret('{"password":"REDACTED-1"}') };
  expect(await probe.http(again)).toEqual({ ok: true, status: 200 });
});

test("what a command got besides its arguments is not written down", () => {
  const question = {
    argv: ["/usr/bin/crowdsec", "-t"],
    files: { "config.yaml": new Secret("password: first-key") },
    environment: { KEY: new Secret("second-key") },
    timeoutMs: 1,
  };
  const shown = shownObservation({ probe: "command", question }, shows);
  expect(shown.question).toEqual({
    argv: question.argv,
    files: ["config.yaml"],
    environment: ["KEY"],
    timeoutMs: 1,
  });
  const same = (value: string) => value;
  expect(keyOf("command", shown.question, same)).toBe(keyOf("command", question, same));
});

test("the environment of a process becomes secrets again", async () => {
  const variables = { HTTPS_PROXY: new Secret("first-key"), OTHER: new Secret("mine") };
  const probe = replay([
    written({ probe: "environment", question: 42, answer: { ok: true, elapsedMs: 1, variables } }),
  ]);
  const saw = await probe.environment(42);
  if (!saw.ok) throw new Error("no environment");
  expect(Object.entries(saw.variables).map(([name, value]) => [name, value.reveal()])).toEqual([
    ["HTTPS_PROXY", "REDACTED-1"],
    ["OTHER", "REMOVED"],
  ]);
});
