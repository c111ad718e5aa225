import { PassThrough } from "node:stream";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { startProgress, waitWords } from "../src/progress.ts";
import type { WaitEvent } from "../src/runner/wait.ts";
import { finding } from "./support/findings.ts";

const streamOf = (terminal: boolean) => {
  // What a terminal can do beside taking text.
  const able = { isTTY: terminal, columns: 80, clearLine: () => true, cursorTo: () => true, moveCursor: () => true };
  return Object.assign(new PassThrough(), able);
};

const shownOn = async (terminal: boolean): Promise<string> => {
  const stream = streamOf(terminal);
  const progress = await startProgress(stream, ["lapi-identity", "metrics", "outgoing-capi"]);
  progress.observe({ type: "started", id: "lapi-identity" });
  progress.observe({ type: "finished", id: "lapi-identity", findings: [] });
  progress.stop();
  return String(stream.read() ?? "");
};

test("a terminal sees how many checks there are", async () => {
  expect(await shownOn(true)).toContain("0/3 checks");
});

test("a file or a pipe sees nothing at all", async () => {
  expect(await shownOn(false)).toBe("");
});

describe("what --wait waits for", () => {
  const door = finding("lapi-reachable@agent", "fail", { summary: "10.0.0.5:8080 refuses the connection" });
  const api = finding("outgoing-capi", "fail", { summary: "api.crowdsec.net does not resolve" });
  const of = [door, api];

  test.each<[WaitEvent, string]>([
    [
      { type: "waiting", first: true, leftMs: 300_000, for: of },
      "waiting up to 5m for lapi-reachable@agent (10.0.0.5:8080 refuses the connection), outgoing-capi (api.crowdsec.net does not resolve)",
    ],
    [
      { type: "waiting", first: false, leftMs: 252_400, for: [api] },
      "waiting another 4m 12s for outgoing-capi (api.crowdsec.net does not resolve)",
    ],
    [
      { type: "waiting", first: true, leftMs: 500, for: [api] },
      "waiting up to 500ms for outgoing-capi (api.crowdsec.net does not resolve)",
    ],
    [{ type: "over", why: "good", waitedMs: 42_100, of: [] }, "waited 42s: nothing is left to wait for"],
    [
      { type: "over", why: "time", waitedMs: 60_020, of: [api] },
      "waited 1m, and no longer: still outgoing-capi (api.crowdsec.net does not resolve)",
    ],
    [
      { type: "over", why: "lasting", waitedMs: 0, of: [api] },
      "not waiting: waiting does not mend outgoing-capi (api.crowdsec.net does not resolve)",
    ],
    [
      { type: "over", why: "lasting", waitedMs: 3000, of: [api] },
      "not waiting any longer: waiting does not mend outgoing-capi (api.crowdsec.net does not resolve)",
    ],
  ])("%o is one sentence", (event, expected) => {
    expect(waitWords(event)).toBe(expected);
  });

  test("stays one short line, however much fails and whatever it says", () => {
    const many = Array.from({ length: 50 }, (_none, index) =>
      finding(`config-files@/${"long/".repeat(80)}${index}`, "fail", { summary: `${"word\n\u001b[2J".repeat(200)}` }),
    );
    const line = waitWords({ type: "waiting", first: true, leftMs: 1000, for: many });
    expect(line).toMatch(/, and 47 more$/);
    expect(line).not.toContain("\n");
    expect(line).not.toContain("\u001b");
    expect(line.length).toBeLessThan(900);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  const waitingOn = async (terminal: boolean): Promise<string> => {
    const stream = streamOf(terminal);
    const progress = await startProgress(stream, ["lapi-reachable"], "tool");
    progress.wait({ type: "waiting", first: true, leftMs: 300_000, for: of });
    progress.observe({ type: "started", id: "lapi-reachable" });
    // The next frame.
    if (terminal) await new Promise((resolve) => setTimeout(resolve, 200));
    progress.wait({ type: "over", why: "good", waitedMs: 1000, of: [] });
    progress.stop();
    return String(stream.read() ?? "");
  };

  test("stands in the log of whatever set this host up", async () => {
    expect(await waitingOn(false)).toBe(
      "tool: waiting up to 5m for lapi-reachable@agent (10.0.0.5:8080 refuses the connection), outgoing-capi (api.crowdsec.net does not resolve)\ntool: waited 1s: nothing is left to wait for\n",
    );
  });

  test("is on a terminal too, with the time that is left", async () => {
    // With CI among the variables ora draws nothing.
    jest.replaceProperty(process, "env", { TERM: "xterm" });
    const shown = await waitingOn(true);
    expect(shown).toContain("tool: waiting up to 5m for lapi-reachable@agent (");
    expect(shown).toContain("5m left · waiting for lapi-reachable@agent, outgoing-capi");
    expect(shown).toContain("tool: waited 1s: nothing is left to wait for\n");
  });
});
