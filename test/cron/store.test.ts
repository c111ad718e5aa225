import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { relative } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { PlaceError } from "../../src/archive/place.ts";
import { STATE_VERSION, type State, stateText } from "../../src/cron/state.ts";
import { findStateFile, loadState, lockOf, peekState, StoreError, saveState, stateFile } from "../../src/cron/store.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);
const module = compileInto(folder, ["cron/store", "cron/state", "archive/place", "archive/words", "model/text"]);

const isRoot = process.getuid?.() === 0;

let count = 0;
const newFolder = (): string => {
  count += 1;
  mkdirSync(`${folder.path}/${count}`);
  return `${folder.path}/${count}`;
};

const STATE: State = {
  schemaVersion: STATE_VERSION,
  ranAt: "2026-06-15T12:00:00.000Z",
  toldAt: "2026-06-15T11:55:00.000Z",
  exitCode: 2,
  instances: {
    "lapi-reachable": {
      confirmed: { level: "fail", code: "tcp-refused" },
      since: "2026-06-15T11:50:00.000Z",
      seen: [{ level: "fail", code: "tcp-refused" }],
      at: ["2026-06-15T12:00:00.000Z"],
      summary: "127.0.0.1:8080 refuses the connection",
    },
  },
};

describe("where the state is kept", () => {
  const ROOT = { isRoot: true, home: "/root" };
  const USER = { isRoot: false, home: "/home/monitoring" };
  const VAR = "/var/lib/crowdsec-preflight/state.json";
  const HOME = "/home/monitoring/.local/state/crowdsec-preflight/state.json";

  test.each<[string, string | undefined, Record<string, string>, typeof ROOT, string]>([
    ["as the flag says", "/srv/a.json", { STATE_DIRECTORY: "/x", XDG_STATE_HOME: "/y" }, ROOT, "/srv/a.json"],
    ["by a relative flag", "a.json", {}, USER, `${process.cwd()}/a.json`],
    [
      "where systemd says",
      undefined,
      { STATE_DIRECTORY: "/var/lib/cp", XDG_STATE_HOME: "/y" },
      ROOT,
      "/var/lib/cp/state.json",
    ],
    ["in the first of systemd's", undefined, { STATE_DIRECTORY: "/a/b:/c" }, USER, "/a/b/state.json"],
    ["by XDG", undefined, { XDG_STATE_HOME: "/y" }, ROOT, "/y/crowdsec-preflight/state.json"],
    ["of root", undefined, {}, ROOT, VAR],
    ["of root, with variables that are empty", undefined, { STATE_DIRECTORY: "", XDG_STATE_HOME: "" }, ROOT, VAR],
    [
      "of root, with variables that are not absolute",
      undefined,
      { STATE_DIRECTORY: "a:/b", XDG_STATE_HOME: "y" },
      ROOT,
      VAR,
    ],
    ["of anybody else", undefined, {}, USER, HOME],
  ])("%s", (_where, flag, environment, user, path) => {
    expect(findStateFile(flag, environment, user)?.path).toBe(path);
  });

  test.each([undefined, "", "relative"])("nowhere, without a home: %p", (home) => {
    const user = { isRoot: false, ...(home !== undefined && { home }) };
    expect(() => stateFile(undefined, {}, user)).toThrow(StoreError);
    expect(() => stateFile(undefined, {}, user)).toThrow(
      "--cron has no place to remember in, since this user has no home: name a file for it with --state FILE",
    );
  });

  test("a folder of ours is made, for this user alone, and one that is there stays as it is", () => {
    const home = newFolder();
    const path = stateFile(undefined, {}, { isRoot: false, home });
    expect(path).toBe(`${home}/.local/state/crowdsec-preflight/state.json`);
    const made = `${home}/.local/state/crowdsec-preflight`;
    expect(statSync(made).mode & 0o777).toBe(0o700);
    chmodSync(made, 0o750);
    stateFile(undefined, {}, { isRoot: false, home });
    expect(statSync(made).mode & 0o777).toBe(0o750);
    const xdg = newFolder();
    stateFile(undefined, { XDG_STATE_HOME: xdg }, { isRoot: false });
    expect(readdirSync(xdg)).toEqual(["crowdsec-preflight"]);
  });

  test("a folder that somebody else named is not made", () => {
    const place = newFolder();
    expect(stateFile(`${place}/missing/a.json`, {}, USER)).toBe(`${place}/missing/a.json`);
    expect(stateFile(undefined, { STATE_DIRECTORY: `${place}/missing` }, USER)).toBe(`${place}/missing/state.json`);
    expect(readdirSync(place)).toEqual([]);
  });

  test("a folder that cannot be made is said, with what to do", () => {
    const home = folder.write("home-is-a-file", "");
    expect(() => stateFile(undefined, {}, { isRoot: false, home })).toThrow(
      `--cron has no place to remember in: ${home}/.local/state/crowdsec-preflight is not there (something that is no folder is in its place); name a file for it with --state FILE`,
    );
  });

  test("a folder that this user may not make", () => {
    const home = newFolder();
    chmodSync(folder.path, 0o755);
    chmodSync(home, 0o555);
    const script = `const { stateFile } = await import(${JSON.stringify(module)});
      ${isRoot ? "process.setegid(65534); process.seteuid(65534);" : ""}
      try { stateFile(undefined, {}, { isRoot: false, home: ${JSON.stringify(home)} }); } catch ({ message }) { console.log(message); }`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stdout).toContain("crowdsec-preflight is not there (this user may not make it); name a file");
    expect(readdirSync(home)).toEqual([]);
  });

  test("its lock is beside it", () => {
    expect(lockOf("/a/state.json")).toBe("/a/state.json.lock");
  });
});

describe("what is remembered", () => {
  test("is what was saved, for this user alone, and nothing beside it", async () => {
    const path = `${newFolder()}/state.json`;
    await saveState(path, STATE);
    expect(await loadState(path)).toEqual({ state: STATE });
    expect(await peekState(path)).toEqual(STATE);
    expect(lstatSync(path).mode & 0o7777).toBe(0o600);
    await saveState(path, { ...STATE, exitCode: 0, instances: {} });
    expect((await loadState(path)).state?.exitCode).toBe(0);
    expect(readdirSync(path.replace(/\/[^/]*$/, ""))).toEqual(["state.json"]);
  });

  test("is nothing at the first run, and that is no trouble", async () => {
    const path = `${newFolder()}/state.json`;
    expect(await loadState(path)).toEqual({});
    expect(await peekState(path)).toBeUndefined();
    symlinkSync("nowhere", path);
    expect(await loadState(path)).toEqual({});
  });

  test("is found by a relative path, and by a link", async () => {
    const place = newFolder();
    await saveState(`${place}/real.json`, STATE);
    symlinkSync("real.json", `${place}/link.json`);
    expect((await loadState(`${place}/link.json`)).state).toEqual(STATE);
    expect((await loadState(relative(process.cwd(), `${place}/real.json`))).state).toEqual(STATE);
  });
});

describe("a damaged state is set aside, and the run goes on", () => {
  const whole = stateText(STATE);
  test.each<[string, string | Buffer, RegExp]>([
    ["nothing", "", /it is empty\./],
    ["half of it", whole.slice(0, whole.length / 2), /it is not JSON\./],
    ["garbage", "garbage\n", /it is not JSON\./],
    ["zeros, as after a power cut", Buffer.alloc(700), /it is not JSON\./],
    ["bytes that are no text, in lines", Buffer.from([0xff, 0x0a, 0xfe, 0x41, 0x0a, 0x41]), /it is not JSON\./],
    ["another JSON", "[]", /the whole should be an object\./],
    [
      "a format that is to come",
      whole.replace('"schemaVersion":1', '"schemaVersion":2'),
      /it is of format 2, and this/,
    ],
    ["a level that there is none of", whole.replaceAll('"fail"', '"dire"'), /level should be one of/],
    ["far too much", Buffer.alloc(4 * 1024 * 1024 + 1, "x"), /it has 4\.1 MiB, and at most 4 MiB are read\./],
  ])("%s", async (_what, content, why) => {
    const path = `${newFolder()}/state.json`;
    writeFileSync(path, content);
    expect(await peekState(path)).toBeUndefined();
    expect(existsSync(path)).toBe(true);
    const loaded = await loadState(path);
    expect(Object.keys(loaded)).toEqual(["setAside"]);
    expect(loaded.setAside).toMatch(why);
    expect(loaded.setAside).toMatch(
      /^the state file [^\n]*\/state\.json is damaged: [^\n]*state\.json\.broken now,[^\n]*\.$/,
    );
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}.broken`).equals(Buffer.from(content))).toBe(true);
  });

  test("of several, the newest is kept", async () => {
    const path = `${newFolder()}/state.json`;
    for (const content of ["{1", "{2"]) {
      writeFileSync(path, content);
      await loadState(path);
    }
    expect(readdirSync(path.replace(/\/[^/]*$/, ""))).toEqual(["state.json.broken"]);
    expect(readFileSync(`${path}.broken`, "utf8")).toBe("{2");
  });
});

describe("what is no state is left as it is", () => {
  test.each([
    ["a configuration", "# CrowdSec\ncommon:\n  daemonize: true\n"],
    ["a script", "#!/bin/sh\nexec true\n"],
    ["a key", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"],
  ])("another file that --state names by mistake: %s", async (_what, content) => {
    const path = folder.write("named.yaml", content);
    expect(await loadState(path)).toEqual({
      problem: "no state of this tool, but another text, which is left as it is",
    });
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  test.each<[string, (path: string) => void, string]>([
    ["a folder", (path) => mkdirSync(path), "a folder, and no file"],
    ["a pipe", (path) => void execFileSync("mkfifo", [path]), "a named pipe, and no file"],
    ["a device", (path) => symlinkSync("/dev/zero", path), "a device, and no file"],
    ["links in a circle", (path) => symlinkSync("state.json", path), "cannot be read: its links lead in a circle"],
  ])("%s", async (_what, make, problem) => {
    const path = `${newFolder()}/state.json`;
    make(path);
    expect(await loadState(path)).toEqual({ problem });
    expect(readdirSync(path.replace(/\/[^/]*$/, ""))).toEqual(["state.json"]);
    expect(await peekState(path)).toBeUndefined();
  });

  test("one that cannot be set aside", async () => {
    const path = `${newFolder()}/state.json`;
    writeFileSync(path, "{");
    mkdirSync(`${path}.broken`);
    expect(await loadState(path)).toEqual({
      problem: `it is damaged: it is not JSON, and cannot be renamed to ${path}.broken (EISDIR)`,
    });
  });

  test("one that this user may not read", () => {
    const path = `${newFolder()}/state.json`;
    writeFileSync(path, "{", { mode: isRoot ? 0o600 : 0 });
    const script = `const { loadState } = await import(${JSON.stringify(module)});
      ${isRoot ? "process.setegid(65534); process.seteuid(65534);" : ""}
      console.log((await loadState(${JSON.stringify(path)})).problem);`;
    chmodSync(folder.path, 0o755);
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stdout).toBe("this user may not read it\n");
  });
});

test("a state that cannot be saved is said, and the earlier one stays", async () => {
  const place = newFolder();
  await expect(saveState(`${place}/missing/state.json`, STATE)).rejects.toThrow(PlaceError);
  mkdirSync(`${place}/state.json`);
  await expect(saveState(`${place}/state.json`, STATE)).rejects.toThrow("a folder has this name");
  expect(readdirSync(place)).toEqual(["state.json"]);
});

describe("lines of a crontab with different flags", () => {
  test("have a state of their own each, where none is named", () => {
    const user = { isRoot: true };
    const path = (selection: string) => findStateFile(undefined, {}, user, selection)?.path;
    expect([path(""), path("0a1b2c3d")]).toEqual([
      "/var/lib/crowdsec-preflight/state.json",
      "/var/lib/crowdsec-preflight/state-0a1b2c3d.json",
    ]);
    expect(findStateFile(undefined, { STATE_DIRECTORY: "/s" }, user, "0a")?.path).toBe("/s/state-0a.json");
  });

  test("do not go on with each other's: it is set aside, and said", async () => {
    const path = `${newFolder()}/state.json`;
    const theirs: State = { ...STATE, selection: "0a1b2c3d" };
    await saveState(path, theirs);
    expect(await peekState(path)).toBeUndefined();
    expect(await peekState(path, "0a1b2c3d")).toEqual(theirs);
    expect(await loadState(path, "0a1b2c3d")).toEqual({ state: theirs });
    expect(await loadState(path)).toEqual({
      setAside: `the state file ${path} is of runs with other flags; each line of a crontab wants a --state of its own. It is ${path}.broken now, and this run begins anew, as if it were the first.`,
    });
    expect(await loadState(path)).toEqual({});
  });
});
