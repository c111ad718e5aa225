import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { readTargets } from "../../src/commands/targets.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { makeFolder } from "../support/folder.ts";

const CANARY = "canary-4dd1-secret";

const folder = makeFolder();
afterAll(() => folder.remove());
let files = 0;
/** A targets file with this content, at a path of its own. */
const written = (content: string | Buffer): string => folder.write(`targets-${files++}`, content);

/** The one sentence with which bad input is refused. */
const refusal = async (reading: Promise<unknown>): Promise<string> => {
  try {
    await reading;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
};

const single = (...texts: readonly string[]) => readTargets(undefined, texts);

describe("a target", () => {
  test.each([
    ["web-1.test:6060", "web-1.test:6060", "http://web-1.test:6060/metrics"],
    ["192.0.2.1:6060", "192.0.2.1:6060", "http://192.0.2.1:6060/metrics"],
    ["[2001:db8::1]:6060", "[2001:db8::1]:6060", "http://[2001:db8::1]:6060/metrics"],
    [" web-1.test:6060 ", "web-1.test:6060", "http://web-1.test:6060/metrics"],
    ["WEB-1.test:6060", "web-1.test:6060", "http://web-1.test:6060/metrics"],
    ["http://web-1.test:6060", "web-1.test:6060", "http://web-1.test:6060/metrics"],
    ["http://web-1.test:6060/", "web-1.test:6060", "http://web-1.test:6060/metrics"],
    ["http://web-1.test:6060/metrics", "web-1.test:6060", "http://web-1.test:6060/metrics"],
    ["http://web.test:9090/one/metrics", "web.test:9090/one/metrics", "http://web.test:9090/one/metrics"],
    ["https://web.test:6060", "https://web.test:6060", "https://web.test:6060/metrics"],
    ["https://web.test/m", "https://web.test/m", "https://web.test/m"],
    ["web-1.test:80", "web-1.test:80", "http://web-1.test/metrics"],
    ["https://web.test:443/m", "https://web.test/m", "https://web.test/m"],
    ["http://[::1]:6060/m", "[::1]:6060/m", "http://[::1]:6060/m"],
  ])("%s is %s, asked at %s", async (text, name, url) => {
    expect(await single(text)).toEqual([{ name, url: { value: url, origin: "--target" } }]);
  });

  test.each([
    ["web", "no target"],
    ["", "no target"],
    ["web:", "no target"],
    [":6060", "no target"],
    ["web:metrics", "no target"],
    ["web:6060/metrics", "no target"],
    ["2001:db8::1:6060", "no target"],
    ["fe80::1", "no target"],
    ["a b:6060", "no target"],
    ["web:0", "without a port from 1 to 65535"],
    ["web:65536", "without a port from 1 to 65535"],
    ["web:99999", "without a port from 1 to 65535"],
    ["[::g]:6060", "no target"],
    ["web\\1:6060", "no target"],
    ["[:::]:6060", "not a URL"],
    ["ftp://web:21/", "neither http:// nor https://"],
    ["http://web:99999/", "not a URL"],
    ["http://web:0/", "a URL with port 0"],
    ["http://", "not a URL"],
  ])("is none: %j is %s", async (text, problem) => {
    expect(await refusal(single(text))).toBe(
      `--target: "${text}" is ${problem}; a target is HOST:PORT or a URL such as http://HOST:6060/metrics.`,
    );
  });

  test.each(["web#1:6060", "web?1:6060"])("is none, and no other host's: %s", async (text) => {
    expect(await refusal(single(text))).toContain("is no target; ");
  });

  test.each([
    `http://prometheus:${CANARY}@web.test:6060/metrics`,
    `https://${CANARY}@web.test/`,
    `prometheus:${CANARY}@web.test:6060`,
    `${CANARY}@web.test:6060`,
    `http://prometheus:${CANARY}@web.test:99999/`,
  ])("with credentials (%s) is refused, and they are not repeated", async (text) => {
    for (const message of [await refusal(single(text)), await refusal(readTargets(written(`${text}\n`), []))]) {
      expect(message).not.toContain(CANARY);
      expect(message).toContain('"[secret]"');
    }
  });

  test.each([`http://web.test:6060/metrics?token=${CANARY}`, `http://web.test:6060/metrics#${CANARY}`])(
    "keeps neither query nor fragment, where a secret could stand: %s",
    async (text) => {
      expect(JSON.stringify(await single(text))).not.toContain(CANARY);
    },
  );
});

describe("a targets file", () => {
  test("has a target a line, blank lines, comments, and line ends of any system", async () => {
    const file = written(
      "# web\r\n\r\nweb-1.test:6060\r\n  web-2.test:6060   # the second\n\t\nhttp://web.test/a#b\n#web-3.test:6060",
    );
    expect((await readTargets(file, [])).map(({ name, url: { origin } }) => [name, origin])).toEqual([
      ["web-1.test:6060", `${file}:3`],
      ["web-2.test:6060", `${file}:4`],
      ["web.test/a", `${file}:6`],
    ]);
  });

  test("is read after the targets of --target; each is asked once", async () => {
    const file = written("b.test:1\nhttp://a.test:1/metrics\nb.test:1\nc.test:1\n");
    expect((await readTargets(file, ["a.test:1", "a.test:1"])).map(({ name }) => name)).toEqual([
      "a.test:1",
      "b.test:1",
      "c.test:1",
    ]);
  });

  test("of ten thousand lines, one of them wrong, says which", async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => `host-${index}.test:6060`);
    expect(await readTargets(written(lines.join("\n")), [])).toHaveLength(10_000);
    const file = written(lines.with(7776, "host-7776.test").join("\n"));
    expect(await refusal(readTargets(file, []))).toBe(
      `${file}:7777: "host-7776.test" is no target; a target is HOST:PORT or a URL such as http://HOST:6060/metrics.`,
    );
  });

  test.each(["", "\n\n", "# none yet\n", "  # none\n\t\n"])(
    "without a target (%j) is no targets file",
    async (content) => {
      const file = written(content);
      expect(await refusal(readTargets(file, ["a.test:1"]))).toBe(
        `--targets ${file} holds no target: one HOST:PORT or URL a line.`,
      );
    },
  );

  test("that is not there, is a folder, or is no text is refused in one sentence", async () => {
    const missing = join(folder.path, "nowhere");
    const directory = join(folder.path, "folder");
    mkdirSync(directory);
    const binary = written(Buffer.from([0x61, 0, 0x62]));
    for (const [file, words] of [
      [missing, /no such file/i],
      [directory, /not a regular file/],
      [binary, /not a text file/],
    ] as const) {
      const message = await refusal(readTargets(file, []));
      expect(message).toMatch(/^--targets \S+ cannot be read: [^\n]+\.$/);
      expect(message).toContain(file);
      expect(message).toMatch(words);
    }
  });
});

test("without either there is nothing to scrape", async () => {
  expect(await readTargets(undefined, [])).toEqual([]);
});
