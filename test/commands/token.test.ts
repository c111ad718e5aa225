import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { readToken, TOKEN_VARIABLE, type TokenFlags } from "../../src/commands/token.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { type Mute, muteServer, startProgram } from "../support/command-line.ts";
import { makeFolder } from "../support/folder.ts";

jest.setTimeout(90_000);

const TOKEN = "abcde-fghjk-mnpqr-stuvw";

const folder = makeFolder();
afterAll(() => folder.remove());

const read = async (flags: TokenFlags, environment: Readonly<Record<string, string>> = {}): Promise<string> => {
  const found = await readToken(flags, environment);
  return found === undefined ? "none" : found.reveal();
};

const refusal = (flags: TokenFlags, environment?: Readonly<Record<string, string>>): Promise<string> =>
  read(flags, environment).then(
    () => "it was not refused",
    (error) => (error instanceof UsageError ? error.message : String(error)),
  );

describe("a listener's token", () => {
  test("comes from the environment, a file, or an argument; what is typed wins over the environment", async () => {
    const other = { [TOKEN_VARIABLE]: "other-token-of-the-environment" };
    expect(await read({}, { [TOKEN_VARIABLE]: TOKEN })).toBe(TOKEN);
    expect(await read({ tokenFile: folder.write("token", `${TOKEN}\n`) }, other)).toBe(TOKEN);
    expect(await read({ token: TOKEN }, other)).toBe(TOKEN);
    expect(await read({})).toBe("none");
  });

  test.each([
    ["empty", "", "holds no token"],
    ["of two words", `${TOKEN} ${TOKEN}`, "holds no token"],
    ["with a control character", `${TOKEN}\u001b[1m`, "holds no token"],
    ["that never ends", "x".repeat(5000), "holds no token"],
    ["that could be guessed", "hunter2", "fewer than 16 characters"],
  ])("one %s is refused in a sentence that does not repeat it", async (name, text, said) => {
    const flags = { tokenFile: folder.write(`token ${name}`, text) };
    const message = await refusal(flags);
    expect(message).toContain(`--token-file ${flags.tokenFile} `);
    expect(message).toContain(said);
    if (text !== "") expect(message).not.toContain(text.slice(0, 7));
    expect(await refusal({}, { [TOKEN_VARIABLE]: text })).toContain(said);
  });

  test("a file that cannot be read is named", async () => {
    expect(await refusal({ tokenFile: `${folder.path}/nowhere` })).toMatch(
      /--token-file .*nowhere cannot be read: ENOENT/,
    );
    expect(await refusal({ tokenFile: "/" })).toMatch(/--token-file \/ cannot be read/);
    expect(await refusal({ token: TOKEN, tokenFile: "/x" })).toMatch(/exclude each other/);
  });

  test("standard input and pipes are read once", async () => {
    const args = ["check", "--only", "peer", "--peer", "127.0.0.1:9", "--idle", "none", "-o", "json"];
    const command = `printf '%s\\n' '${TOKEN}' | "$0" bin/crowdsec-preflight.js ${args.join(" ")} --token-file`;
    for (const source of ["-", `<(printf '%s' '${TOKEN}')`]) {
      const child = spawn("bash", ["-c", `${command} ${source}`, process.execPath], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      const said: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text) => said.push(text));
      await once(child, "close");
      expect(said.join("")).toContain('"instance": "peer@127.0.0.1:9"');
      expect(said.join("")).not.toContain(TOKEN);
    }
  });
});

describe("a token in the arguments", () => {
  let mute: Mute;
  beforeAll(async () => {
    mute = await muteServer();
  });
  afterAll(() => mute.close());

  test("is gone from the list of processes before anything is asked", async () => {
    const args = ["check", "--only", "peer", "--peer", `127.0.0.1:${mute.port}`, "--token", TOKEN, "--timeout", "2s"];
    const { child, ended } = startProgram(args);
    await mute.asked;
    const shown = readFileSync(`/proc/${child.pid}/cmdline`, "latin1");
    expect(shown).not.toContain(TOKEN);
    expect(shown).toContain("crowdsec-preflight");
    const { stdout, stderr } = await ended;
    expect(stdout + stderr).not.toContain(TOKEN);
  });
});
