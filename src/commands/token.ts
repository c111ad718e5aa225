import { createReadStream } from "node:fs";
import { text } from "node:stream/consumers";
import { MIN_TOKEN } from "../listen/handshake.ts";
import { Secret } from "../model/secret.ts";
import type { Streams } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

/** Where the token of a listener comes from, first to last. */
export interface TokenFlags {
  readonly token?: string;
  /** A path, or `-` for standard input. */
  readonly tokenFile?: string;
}

export const TOKEN_VARIABLE = "CROWDSEC_PREFLIGHT_TOKEN";

const MAX_BYTES = 1024;
/** What writes into a pipe may take a moment, milliseconds; nobody waits for ever for it. */
const READ_MS = 10_000;
/** One word of printable ASCII: what a shell, a file and an environment pass on unchanged. */
const TOKEN = /^[\x21-\x7e]+$/;

/** Anything that can be read once: a file, a pipe of `<(…)`, standard input. */
const readOnce = async (path: string): Promise<string> => {
  const stream = path === "-" ? process.stdin : createReadStream(path, { end: MAX_BYTES });
  const late = setTimeout(() => stream.destroy(new Error(`nothing came within ${READ_MS / 1000} s`)), READ_MS);
  try {
    return await text(stream);
  } catch (error) {
    throw new UsageError(`--token-file ${path} cannot be read: ${(error as Error).message}.`);
  } finally {
    clearTimeout(late);
  }
};

/** The token of `--token`, `--token-file` or the environment; undefined where there is none. It is never repeated in a message. */
export const readToken = async (
  { token, tokenFile }: TokenFlags,
  environment: Streams["environment"],
): Promise<Secret | undefined> => {
  if (token !== undefined && tokenFile !== undefined)
    throw new UsageError("--token and --token-file exclude each other.");
  const from = token !== undefined ? "--token" : tokenFile !== undefined ? `--token-file ${tokenFile}` : TOKEN_VARIABLE;
  const found = token ?? (tokenFile === undefined ? environment[TOKEN_VARIABLE] : await readOnce(tokenFile));
  if (found === undefined) return undefined;
  const word = found.trim();
  if (word.length > MAX_BYTES || !TOKEN.test(word))
    throw new UsageError(`${from} holds no token: one word of at most ${MAX_BYTES} letters, digits and signs.`);
  if (word.length < MIN_TOKEN)
    throw new UsageError(`${from} holds a token of fewer than ${MIN_TOKEN} characters, which could be guessed.`);
  return new Secret(word);
};
