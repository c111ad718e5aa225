import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createServer } from "node:net";
import { constants } from "node:os";
import { relative } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterAll, describe, expect, test } from "@jest/globals";
import { PlaceError, placeFile, readBounded, readStream } from "../../src/archive/place.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);
const module = compileInto(folder, ["archive/place", "archive/words", "model/text"]);

const MIB = 1024 * 1024;
const isRoot = process.getuid?.() === 0;
const mayMount = isRoot && spawnSync("unshare", ["-m", "true"]).status === 0;

/** A new folder for one test. */
let count = 0;
const newFolder = (): string => {
  count += 1;
  const path = `${folder.path}/${count}`;
  mkdirSync(path);
  return path;
};

const fifo = (path: string): string => {
  execFileSync("mkfifo", [path]);
  return path;
};

/** The sentence with which a promise fails. */
const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => new Error("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PlaceError)) throw error;
  // One line, which follows on "FILE: ".
  expect(error.message).toMatch(/^[a-z/][^\n]*[^.\n]$/);
  return error.message;
};

/** A program that places so many bytes, and says how that went; `before` and `meanwhile` are JavaScript. */
const program = (path: string, bytes: number, { before = "", meanwhile = "" } = {}): readonly string[] => [
  "--input-type=module",
  "-e",
  `import { readdirSync } from "node:fs";
   import { dirname } from "node:path";
   const { placeFile } = await import(${JSON.stringify(module)});
   const path = ${JSON.stringify(path)};
   const begun = async () => {
     while (!readdirSync(dirname(path)).some((name) => name.startsWith("."))) await new Promise(setImmediate);
   };
   ${before}
   const placed = placeFile(path, Buffer.alloc(${bytes}, "x")).then(() => "placed", (error) => error.message);
   ${meanwhile}
   console.log(await placed);`,
];

const run = (path: string, bytes: number, parts = {}) =>
  spawnSync(process.execPath, program(path, bytes, parts), { encoding: "utf8", timeout: 20_000 });

/** The same after a command of the shell, in a mount namespace of its own: nothing is mounted on this machine. */
const runMounted = (mount: string, path: string, bytes: number) =>
  spawnSync(
    "unshare",
    [
      ...["-m", "--propagation", "private", "sh", "-c", `${mount} && "$@"; code=$?; ls -A "$0"; exit $code`],
      ...[path.replace(/\/[^/]*$/, ""), process.execPath, ...program(path, bytes)],
    ],
    { encoding: "utf8", timeout: 20_000 },
  );

describe("a file is put in its place", () => {
  test.each([
    ["text", "line\n", Buffer.from("line\n")],
    ["nothing", "", Buffer.alloc(0)],
    ["bytes", Buffer.from([0, 1, 0xff]), Buffer.from([0, 1, 0xff])],
    ["much", Buffer.alloc(5 * MIB, "x"), Buffer.alloc(5 * MIB, "x")],
  ])("whole, for this user alone, and nothing beside it: %s", async (_what, content, wanted) => {
    const path = `${newFolder()}/bundle.zip`;
    await placeFile(path, content);
    expect(readFileSync(path).equals(wanted)).toBe(true);
    expect(lstatSync(path).mode & 0o7777).toBe(0o600);
    expect(readdirSync(path.replace(/\/bundle.zip$/, ""))).toEqual(["bundle.zip"]);
  });

  test("in place of an older one, which everybody could read", async () => {
    const path = folder.write("older/report.json", "old");
    chmodSync(path, 0o644);
    await placeFile(path, "new");
    expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["new", 0o600]);
  });

  test.each([0o022, 0o077])("for others to read where that is wanted, whatever the umask: %p", async (umask) => {
    const path = `${newFolder()}/metrics.prom`;
    const before = process.umask(umask);
    try {
      await placeFile(path, "up 1\n", { mode: 0o644 });
    } finally {
      process.umask(before);
    }
    expect([readFileSync(path, "utf8"), statSync(path).mode & 0o7777]).toEqual(["up 1\n", 0o644]);
  });

  test.each(["kept", "missing"])("in place of a link, not where that leads (%s)", async (target) => {
    const kept = folder.write(`links-${target}/kept`, "kept");
    const path = `${folder.path}/links-${target}/link`;
    symlinkSync(target, path);
    await placeFile(path, "new");
    expect(lstatSync(path).isFile()).toBe(true);
    expect([readFileSync(path, "utf8"), readFileSync(kept, "utf8")]).toEqual(["new", "kept"]);
    expect(readdirSync(`${folder.path}/links-${target}`).sort()).toEqual(["kept", "link"]);
  });

  test("in a folder that a link leads to, and by a relative path", async () => {
    const place = newFolder();
    symlinkSync(place, `${folder.path}/way`);
    await placeFile(`${folder.path}/way/a`, "a");
    await placeFile(relative(process.cwd(), `${place}/b`), "b");
    expect(readdirSync(place)).toEqual(["a", "b"]);
  });

  test("by the longest name that there is", async () => {
    const place = newFolder();
    await placeFile(`${place}/${"n".repeat(255)}`, "x");
    expect(readdirSync(place)).toEqual(["n".repeat(255)]);
  });

  test("many at once, without a word of Node's about listeners", async () => {
    const place = newFolder();
    const names = Array.from({ length: 30 }, (_one, index) => `${index}`);
    const warnings: unknown[] = [];
    const note = (warning: unknown): void => {
      warnings.push(warning);
    };
    process.on("warning", note);
    const listening = process.listenerCount("SIGTERM");
    await Promise.all(names.map((name) => placeFile(`${place}/${name}`, name)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    expect(warnings).toEqual([]);
    expect(process.listenerCount("SIGTERM")).toBe(listening);
    expect(readdirSync(place)).toHaveLength(30);
  });
});

describe("what cannot be is said in one sentence, and leaves nothing", () => {
  test.each<[string, (place: string) => string, (place: string) => string]>([
    ["a folder that is not there", (place) => `${place}/missing/x`, (place) => `there is no folder ${place}/missing`],
    ["a folder that is a file", (place) => `${place}/file/x`, (place) => `${place}/file is no folder`],
    ["a folder in place of a file", (place) => `${place}/folder`, () => "a folder has this name"],
    ["a folder's name", (place) => `${place}/new/`, () => "the name of a folder; a file's name is wanted"],
    ["the folder itself", (place) => `${place}/.`, () => "a folder has this name"],
    ["no name", () => "", () => "a file without a name"],
    [
      "a name that is too long",
      (place) => `${place}/${"n".repeat(256)}`,
      () => "cannot be written: its name is too long",
    ],
    ["a NUL byte", (place) => `${place}/a\0b`, () => "cannot be written: its name holds a NUL byte"],
    ["links in a circle", (place) => `${place}/loop/x`, () => "cannot be written: its links lead in a circle"],
    [
      "a pipe",
      (place) => fifo(`${place}/pipe`),
      () => "a named pipe has this name, and is not replaced; - is the standard output",
    ],
    ["a device", () => "/dev/null", () => "no file is made in /dev; - is the standard output"],
    ["the standard output by its name", () => "/dev/stdout", () => "no file is made in /dev; - is the standard output"],
    [
      "the standard output by its number",
      () => "/dev/fd/1",
      () => `no file is made in ${realpathSync("/dev/fd")}; - is the standard output`,
    ],
    ["the kernel's files", () => "/proc/version", () => "no file is made in /proc; - is the standard output"],
  ])("%s", async (_what, path, words) => {
    const place = newFolder();
    folder.write(`${count}/file`, "kept");
    mkdirSync(`${place}/folder`);
    symlinkSync("loop", `${place}/loop`);
    const target = path(place);
    const before = readdirSync(place);
    expect(await refusal(placeFile(target, "x"))).toBe(words(place));
    expect(readdirSync(place)).toEqual(before);
    expect(readFileSync(`${place}/file`, "utf8")).toBe("kept");
  });

  test("a socket", async () => {
    const path = `${newFolder()}/s`;
    const server = createServer().listen(path);
    await once(server, "listening");
    expect(await refusal(placeFile(path, "x"))).toMatch(/^a socket has this name/);
    expect(lstatSync(path).isSocket()).toBe(true);
    server.close();
  });

  test("a folder in which this user may not write", () => {
    const place = newFolder();
    for (const each of [folder.path, place]) chmodSync(each, 0o755);
    chmodSync(place, 0o555);
    const before = isRoot ? "process.setegid(65534); process.seteuid(65534);" : "";
    expect(run(`${place}/x`, 10, { before }).stdout).toBe(`this user may not write in ${place}\n`);
    expect(readdirSync(place)).toEqual([]);
  });

  (mayMount ? test : test.skip)("a full disk (needs a mount namespace)", () => {
    const path = folder.write("full/bundle.zip", "");
    // The older file is on the disk that is full.
    const mount = 'mount -t tmpfs -o size=1m none "$0" && echo old > "$0/bundle.zip"';
    const { stdout, status } = runMounted(mount, path, 2 * MIB);
    expect([stdout, status]).toEqual([`no space is left in ${folder.path}/full; 2 MiB are needed\nbundle.zip\n`, 0]);
  });

  (mayMount ? test : test.skip)("a file system without an inode left (needs a mount namespace)", () => {
    const path = folder.write("inodes/bundle.zip", "");
    const { stdout } = runMounted('mount -t tmpfs -o nr_inodes=1 none "$0"', path, 10);
    expect(stdout).toBe(`no space is left in ${folder.path}/inodes; 10 bytes are needed\n`);
  });

  (mayMount ? test : test.skip)("a file system that is read-only (needs a mount namespace)", () => {
    const path = folder.write("read-only/bundle.zip", "");
    const { stdout } = runMounted('mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"', path, 10);
    expect(stdout).toBe(`${folder.path}/read-only is on a file system that is mounted read-only\nbundle.zip\n`);
  });

  (mayMount ? test : test.skip)("a file that something is mounted over (needs a mount namespace)", () => {
    const path = folder.write("mounted/bundle.zip", "");
    const { stdout } = runMounted('mount --bind /etc/hosts "$0/bundle.zip"', path, 10);
    expect(stdout).toBe("something is mounted over it, so that it cannot be replaced\nbundle.zip\n");
  });

  test("a limit on the size of files", () => {
    const place = newFolder();
    const { stdout } = spawnSync(
      "sh",
      ["-c", 'ulimit -f 64 && exec "$0" "$@"', process.execPath, ...program(`${place}/x`, MIB)],
      { encoding: "utf8" },
    );
    expect(stdout).toBe(`larger than files may be in ${place}: it has 1 MiB\n`);
    expect(readdirSync(place)).toEqual([]);
  });

  test("a folder that vanishes in the middle", async () => {
    const place = newFolder();
    const placed = refusal(placeFile(`${place}/bundle.zip`, Buffer.alloc(64 * MIB)));
    while (readdirSync(place).length === 0) await new Promise((resolve) => setImmediate(resolve));
    rmSync(place, { recursive: true });
    expect(await placed).toBe(`there is no folder ${place}`);
    expect(existsSync(place)).toBe(false);
  });

  test("a folder that takes the name in the middle", async () => {
    const place = newFolder();
    const placed = refusal(placeFile(`${place}/bundle.zip`, Buffer.alloc(64 * MIB)));
    while (readdirSync(place).length === 0) await new Promise((resolve) => setImmediate(resolve));
    mkdirSync(`${place}/bundle.zip`);
    expect(await placed).toBe("a folder has this name");
    expect(readdirSync(place)).toEqual(["bundle.zip"]);
  });
});

describe("a process that ends in the middle leaves nothing half made", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const)("by %s, of which it dies as ever", (name) => {
    const path = folder.write(`ended-${name}/bundle.zip`, "old");
    const meanwhile = `await begun(); process.kill(process.pid, "${name}");`;
    const { signal, stdout } = run(path, 64 * MIB, { meanwhile });
    expect([signal, stdout]).toEqual([name, ""]);
    expect(readdirSync(path.replace(/\/bundle.zip$/, ""))).toEqual(["bundle.zip"]);
    expect(readFileSync(path, "utf8")).toBe("old");
  });

  test("by itself", () => {
    const place = newFolder();
    const { status } = run(`${place}/x`, 64 * MIB, { meanwhile: "await begun(); process.exit(7);" });
    expect([status, readdirSync(place)]).toEqual([7, []]);
  });

  test("by a signal, with two files under way", () => {
    const place = newFolder();
    const before = 'const other = placeFile(path + "2", Buffer.alloc(64 * 1024 * 1024));';
    const meanwhile = "await begun(); process.kill(process.pid, 'SIGTERM'); await other;";
    const { signal } = run(`${place}/x`, 64 * MIB, { before, meanwhile });
    expect([signal, readdirSync(place)]).toEqual(["SIGTERM", []]);
  });

  test("a signal that somebody else handles ends nothing", () => {
    const place = newFolder();
    const before = 'process.on("SIGTERM", () => console.log("caught"));';
    const meanwhile = "await begun(); process.kill(process.pid, 'SIGTERM');";
    const { status, stdout } = run(`${place}/x`, 64 * MIB, { before, meanwhile });
    expect([status, stdout, readdirSync(place)]).toEqual([0, "caught\nplaced\n", ["x"]]);
  });
});

describe("a file that somebody named is read", () => {
  test.each([
    ["whole", "content", 7],
    ["when it is empty", "", 7],
    ["up to the limit", "x".repeat(100_000), 100_000],
  ])("%s", async (name, content, limit) => {
    const path = folder.write(`read/${name}`, content);
    symlinkSync(path, `${path}-link`);
    expect((await readBounded(path, limit)).toString()).toBe(content);
    expect((await readBounded(`${path}-link`, limit)).toString()).toBe(content);
  });

  test("too large, with both sizes", async () => {
    const path = folder.write("large", "x".repeat(3000));
    expect(await refusal(readBounded(path, 2048))).toBe("too large: it has 3 KiB, and at most 2 KiB are read");
    expect(await refusal(readBounded(path, 2999))).toMatch(/^too large: /);
  });

  test("one that says it has no size, as those of the kernel, within the limit all the same", async () => {
    expect((await readBounded("/proc/self/status", MIB)).toString()).toMatch(/^Name:/);
    expect(await refusal(readBounded("/proc/self/status", 100))).toBe("too large: at most 100 bytes are read");
  });

  test.each<[string, (place: string) => string, string]>([
    ["one that is not there", (place) => `${place}/missing`, "there is no such file"],
    ["one below a file", () => `${folder.write("plain", "")}/x`, "there is no such file"],
    ["a folder", (place) => place, "a folder, and no file"],
    ["a pipe that nobody writes to", (place) => fifo(`${place}/pipe`), "a named pipe, and no file"],
    ["a device that never ends", () => "/dev/zero", "a device, and no file"],
    ["a name that is too long", () => "n".repeat(300), "cannot be read: its name is too long"],
    ["a NUL byte", () => "a\0b", "cannot be read: its name holds a NUL byte"],
  ])("or it is said why not: %s", async (_what, path, words) => {
    expect(await refusal(readBounded(path(newFolder()), 10))).toBe(words);
  });

  test("or it is said why not: a socket", async () => {
    const path = `${newFolder()}/s`;
    const server = createServer().listen(path);
    await once(server, "listening");
    expect(await refusal(readBounded(path, 10))).toBe("a socket, and no file");
    server.close();
  });

  test("or it is said that this user may not", () => {
    const path = folder.write("closed/file", "x");
    for (const each of [folder.path, `${folder.path}/closed`]) chmodSync(each, 0o755);
    chmodSync(path, 0);
    const { stdout } = spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `const { readBounded } = await import(${JSON.stringify(module)});
         ${isRoot ? "process.setegid(65534); process.seteuid(65534);" : ""}
         console.log(await readBounded(${JSON.stringify(path)}, 10).then(() => "read", (error) => error.message));`,
      ],
      { encoding: "utf8" },
    );
    expect(stdout).toBe("this user may not read it\n");
  });
});

describe("a stream is read", () => {
  test("whole, whether it gives bytes or text", async () => {
    expect((await readStream(Readable.from([Buffer.from("a"), Buffer.from("b")]), 2)).toString()).toBe("ab");
    expect((await readStream(Readable.from(["ä", "b"]), 3)).toString()).toBe("äb");
    expect(await readStream(Readable.from([]), 3)).toHaveLength(0);
  });

  test("up to the limit: it may never end", async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(1000));
      },
    });
    expect(await refusal(readStream(endless, 5000))).toBe("too large: at most 4.9 KiB are read");
    expect(endless.destroyed).toBe(true);
  });

  test("or it is said that it broke", async () => {
    const broken = new PassThrough();
    broken.destroy(Object.assign(new Error("read EIO"), { code: "EIO", errno: -constants.errno.EIO }));
    expect(await refusal(readStream(broken, 10))).toBe("cannot be read: the disk reports an error");
  });
});
