import { expect, test } from "@jest/globals";
import { createRecorder, PROBE_NAMES } from "../../src/bundle/recorder.ts";
import { createProber } from "../../src/probes/index.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { HEALTHY } from "../support/world.ts";

const running = new AbortController().signal;

test("every probe that there is, is recorded", () => {
  const prober = createProber({ signal: running, timeoutMs: 1, platform: "linux", userAgent: "a/1" });
  expect([...PROBE_NAMES].sort()).toEqual(
    Object.keys(prober)
      .filter((name) => name !== "prepare")
      .sort(),
  );
});

test("a question is kept with its answer, and who asks gets that", async () => {
  const { probe, recorded } = createRecorder(fakeProber({ ...HEALTHY, files: { "/a": "text" } }), running);
  const saw = await probe.file("/a");
  const interfaces = await probe.interfaces();
  expect(saw).toMatchObject({ ok: true, content: "text" });
  expect(recorded()).toEqual([
    { probe: "file", question: "/a", answer: saw },
    { probe: "interfaces", answer: interfaces },
  ]);
});

test("an answer that the prober remembered is kept once", async () => {
  const answer = { ok: true, elapsedMs: 1, content: "" } as const;
  const { probe, recorded } = createRecorder({ ...fakeProber({}), file: async () => answer }, running);
  await Promise.all([probe.file("/a"), probe.file("/a")]);
  await probe.file("/a");
  expect(recorded()).toHaveLength(1);
});

test("two answers to the same question are both kept, in their order", async () => {
  let count = 0;
  const file = async () => ({ ok: true, elapsedMs: 1, content: `${count++}` }) as const;
  const { probe, recorded } = createRecorder({ ...fakeProber({}), file }, running);
  await probe.file("/a");
  await probe.file("/a");
  expect(recorded().map(({ answer }) => answer)).toMatchObject([{ content: "0" }, { content: "1" }]);
});

test("what comes in after the end is no answer", async () => {
  const end = new AbortController();
  const { probe, recorded } = createRecorder(fakeProber({ files: { "/a": "text" } }), end.signal);
  const asked = probe.file("/a");
  end.abort("cut off");
  await asked;
  expect(recorded()).toEqual([{ probe: "file", question: "/a" }]);
});
