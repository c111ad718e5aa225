import { PassThrough, Writable } from "node:stream";
import { expect, test } from "@jest/globals";
import { type Streams, wantsColor, write } from "../../src/commands/streams.ts";

const TERMINAL = { isTTY: true };
const PIPE = {};

test.each<[string, boolean | undefined, { isTTY?: boolean }, Streams["environment"], boolean]>([
  ["a terminal", undefined, TERMINAL, {}, true],
  ["a terminal with a name", undefined, TERMINAL, { TERM: "xterm-256color" }, true],
  ["a pipe", undefined, PIPE, {}, false],
  ["a dumb terminal", undefined, TERMINAL, { TERM: "dumb" }, false],
  ["NO_COLOR on a terminal", undefined, TERMINAL, { NO_COLOR: "1" }, false],
  ["an empty NO_COLOR on a terminal, which counts for nothing", undefined, TERMINAL, { NO_COLOR: "" }, true],
  ["FORCE_COLOR on a pipe", undefined, PIPE, { FORCE_COLOR: "1" }, true],
  ["an empty FORCE_COLOR on a pipe", undefined, PIPE, { FORCE_COLOR: "" }, true],
  ["FORCE_COLOR=0 on a terminal", undefined, TERMINAL, { FORCE_COLOR: "0" }, false],
  ["FORCE_COLOR on a dumb pipe", undefined, PIPE, { FORCE_COLOR: "1", TERM: "dumb" }, true],
  ["NO_COLOR against FORCE_COLOR", undefined, TERMINAL, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
  ["--color against NO_COLOR and a pipe", true, PIPE, { NO_COLOR: "1" }, true],
  ["--no-color against FORCE_COLOR and a terminal", false, TERMINAL, { FORCE_COLOR: "1" }, false],
])("%s", (_name, flag, stream, environment, expected) => {
  expect(wantsColor(flag, stream, environment)).toBe(expected);
});

test("write resolves when the stream has taken everything, however slow its reader is", async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  let taken = "";
  const reading = (async () => {
    for await (const chunk of stream) taken += String(chunk);
  })();
  const text = "x".repeat(200_000);
  await write(stream, text);
  stream.end();
  await reading;
  expect(taken).toBe(text);
});

test("write resolves when the reader has left", async () => {
  const gone = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
  });
  const errors: Error[] = [];
  gone.on("error", (error) => errors.push(error));
  await write(gone, "text");
  expect(errors).toHaveLength(1);
});
