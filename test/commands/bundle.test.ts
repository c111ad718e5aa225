import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { writeZip } from "../../src/archive/zip.ts";
import { openBundle } from "../../src/bundle/open.ts";
import { closedPort, type Ran, runProgram, startProgram } from "../support/command-line.ts";
import { makeFolder } from "../support/folder.ts";
import { asReport } from "../support/schema.ts";
import { makeZip } from "../support/zips.ts";

jest.setTimeout(90_000);

const { path: folder, remove } = makeFolder();
afterAll(remove);
const at = (name: string): string => join(folder, name);
const BUNDLE = at("b.zip");

/** A host whose only way is to a target of Prometheus on this very machine: it asks nothing of the world. */
let scraper: readonly string[] = [];
/** How the bundle at BUNDLE was made. */
let made: Ran;
beforeAll(async () => {
  writeFileSync(at("targets"), `127.0.0.1:${await closedPort()}\n`);
  scraper = ["--role", "prometheus", "--targets", at("targets"), "--phase", "install"];
  made = await bundle("-f", BUNDLE);
});
const SECRET = "cAn4ry-proxy-password";
const bundle = (...flags: readonly string[]) =>
  runProgram(["bundle", ...scraper, ...flags], {
    PATH: "/usr/bin:/bin",
    https_proxy: `http://bob:${SECRET}@192.0.2.1:3128`,
  });

describe("bundle", () => {
  test("writes one archive for its owner alone, and says what is in it", async () => {
    const { stdout, stderr, code } = made;
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toMatch(
      /b\.zip, for you alone to read \(mode 0600\): \d+ files, [\d.]+ [KM]iB\.\nJudged: NOT READY: /,
    );
    expect(stdout).toMatch(/Look into it before you send it/);
    expect(statSync(BUNDLE).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["b.zip", "targets"]);
    const { files } = await openBundle(readFileSync(BUNDLE));
    for (const { content } of files) expect(content.includes(SECRET)).toBe(false);
  });

  test("to standard output: the archive alone, and what is told about it to stderr", async () => {
    const running = startProgram(["bundle", ...scraper, "-f", "-"]);
    const chunks: Buffer[] = [];
    running.child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    const { code, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Written to standard output: \d+ files/);
    expect((await openBundle(Buffer.concat(chunks))).files.length).toBeGreaterThan(5);
  });

  test("with pseudonyms: the host's name is not in the file's, and the map is beside it, for its owner alone", async () => {
    const { stdout, code } = await bundle("--anonymize", "-f", at("a.zip"));
    expect(code).toBe(0);
    expect(stdout).toContain(`${at("a.zip")}.map.json says what is behind the pseudonyms`);
    expect(statSync(at("a.zip.map.json")).mode & 0o777).toBe(0o600);
    const key = (path: string): unknown => JSON.parse(readFileSync(path, "utf8")).key;
    const before = key(at("a.zip.map.json"));
    expect((await bundle("--anonymize", "-f", at("c.zip"), "--map", at("a.zip.map.json"))).code).toBe(0);
    expect(key(at("a.zip.map.json"))).toBe(before);
    expect(existsSync(at("c.zip.map.json"))).toBe(false);
  });

  test.each<[string[], RegExp]>([
    [["-f", "/nonexistent/b.zip"], /\/nonexistent is no folder that this user may write in; -f names another place\./],
    [["-f", "/dev/null"], /\/dev\/null: /],
    [["-f", ""], /--file wants a file's name\./],
    [["--map", "m"], /--map belongs to --anonymize\./],
    [["--anonymize", "-f", "-"], /--anonymize with -f - wants --map FILE/],
    [["--max-size", "25"], /--max-size wants a size .* not "25"\./],
    [
      ["--max-size", "10KB", "-f", "/tmp/never.zip"],
      /No bundle was written: what cannot be left out takes .*, and --max-size allows/,
    ],
    [["-f", "a", "-f", "b"], /--file was given more than once\./],
    [["--only", "lapi"], /Unknown argument: only/],
  ])("refuses %j in one line, and writes nothing", async (flags, expected) => {
    const { stdout, stderr, code } = await bundle(...flags);
    expect({ stdout, code }).toEqual({ stdout: "", code: 3 });
    expect(stderr).toMatch(expected);
    expect(stderr.trimEnd()).not.toContain("\n");
    expect(existsSync("/tmp/never.zip")).toBe(false);
  });

  test("refuses a map that is none", async () => {
    writeFileSync(at("broken.json"), '{"version":1}');
    const { stderr, code } = await bundle("--anonymize", "-f", at("d.zip"), "--map", at("broken.json"));
    expect([code, existsSync(at("d.zip"))]).toEqual([3, false]);
    expect(stderr).toMatch(/^crowdsec-preflight: .*broken\.json: .*\n$/);
  });

  test("ended by a signal, it says so and leaves nothing", async () => {
    // It takes the connection, and says nothing.
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const asked = once(server, "connection");
    const running = startProgram(["bundle", "-f", at("never.zip"), "--role", "prometheus", "--target", target]);
    await asked;
    running.child.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    server.close();
    expect([code, stderr]).toEqual([143, "crowdsec-preflight: interrupted: no bundle was written.\n"]);
    expect(readdirSync(folder).filter((name) => /never|^\.preflight/.test(name))).toEqual([]);
  });
});

describe("check --from", () => {
  const check = (...flags: readonly string[]) => runProgram(["check", ...flags]);

  test("judges a bundle offline, with the findings that are in it", async () => {
    const { stdout, stderr, code } = await check("--from", BUNDLE, "-o", "json");
    expect({ stderr, code }).toEqual({ stderr: "", code: 2 });
    const again = asReport(stdout);
    const { files } = await openBundle(readFileSync(BUNDLE));
    const before = asReport(files.find(({ name }) => name === "report.json")?.content.toString("utf8") ?? "");
    expect(again.findings).toEqual(before.findings);
    expect(again.run).toMatchObject({ id: before.run.id, from: { bundle: "b.zip" } });
  });

  test("says so to people, and takes the flags that do not change what was seen", async () => {
    const { stdout, code } = await check("--from", BUNDLE, "--only", "metrics-target", "-v", "--ascii");
    expect(code).toBe(2);
    expect(stdout).toMatch(/^Judged from b\.zip: seen on .* by version \d+\.\d+\.\d+; nothing was asked\s+anew\./);
  });

  test.each<[string[], RegExp]>([
    [["--role", "agent"], /--from and --role exclude each other/],
    [["--lapi-url", "http://127.0.0.1:8080"], /--from and --lapi-url exclude each other/],
    [["--wait", "1s"], /--from and --wait exclude each other/],
    [["-4"], /--from and -4 exclude each other/],
    [["--from", "x"], /--from was given more than once/],
  ])("refuses %j beside it", async (flags, expected) => {
    const { stdout, stderr, code } = await check("--from", BUNDLE, ...flags);
    expect({ stdout, code }).toEqual({ stdout: "", code: 3 });
    expect(stderr).toMatch(expected);
  });

  describe("of what is no bundle to judge", () => {
    const refused = async (content: Buffer | string, expected: RegExp): Promise<void> => {
      writeFileSync(at("x.zip"), content);
      const { stdout, stderr, code } = await check("--from", at("x.zip"));
      expect({ stdout, code }).toEqual({ stdout: "", code: 3 });
      expect(stderr).toMatch(expected);
      expect(stderr.trimEnd()).not.toContain("\n");
    };
    const files = async () => (await openBundle(readFileSync(BUNDLE))).files;
    const ZEROS = Buffer.alloc(50 * 1024 * 1024);
    const NOW = new Date("2026-06-15T12:00:00Z");
    const withObservations = async (text: string): Promise<Buffer> => {
      const { makeManifest } = await import("../../src/bundle/manifest.ts");
      const entry = { name: "observations.json", what: "", content: text, kind: "json" } as const;
      const manifest = makeManifest({
        tool: { name: "x", version: "1" },
        at: NOW,
        host: "h",
        runId: "r",
        anonymized: false,
        entries: [entry],
      });
      return writeZip(
        [
          { name: entry.name, content: Buffer.from(text) },
          { name: "manifest.json", content: Buffer.from(manifest) },
        ],
        NOW,
      );
    };

    test.each<[string, () => Promise<Buffer | string>, RegExp]>([
      ["nothing", async () => "", /x\.zip is no bundle to judge from: .*empty/],
      ["a report", async () => "{}", /x\.zip is no bundle to judge from: .*JSON/],
      ["a half", async () => readFileSync(BUNDLE).subarray(0, 5000), /x\.zip is no bundle to judge from: /],
      [
        "a byte changed",
        async () => {
          const bytes = Buffer.from(readFileSync(BUNDLE));
          bytes.writeUInt8(bytes.readUInt8(3000) ^ 0xff, 3000);
          return bytes;
        },
        /x\.zip is no bundle to judge from: /,
      ],
      [
        "another zip",
        () => writeZip([{ name: "a.txt", content: Buffer.from("a") }], NOW),
        /it has no manifest\.json: it is a zip file of something else/,
      ],
      ["a name that leads out", async () => makeZip([{ name: "../../etc/cron.d/x", content: "x" }]), /\.\./],
      ["a link", async () => makeZip([{ name: "a", content: "/etc/passwd", mode: 0o120777 }]), /a symbolic link/],
      ["a device", async () => makeZip([{ name: "a", mode: 0o020666 }]), /which is not read: a/],
      [
        "a bomb",
        async () => makeZip(Array.from({ length: 9 }, (_none, at) => ({ name: `${at}`, content: ZEROS }))),
        /too large: it unpacks to more than 400 MiB/,
      ],
      [
        "a changed file",
        async () =>
          writeZip(
            (await files()).map((file) => (file.name === "report.md" ? { ...file, content: Buffer.from("x") } : file)),
            NOW,
          ),
        /report\.md/,
      ],
      ["no JSON", () => withObservations("{"), /its observations\.json is no JSON/],
      ["of another version", () => withObservations('{"schemaVersion":"2.0"}'), /another schemaVersion than 1\.0/],
      ["another document", () => withObservations("[]"), /its observations\.json has no object in it/],
      [
        "nonsense",
        async () => {
          const recording = JSON.parse(
            (await files()).find(({ name }) => name === "observations.json")?.content.toString("utf8") ?? "",
          );
          const observations = recording.observations.map((each: object) => ({ ...each, answer: 7 }));
          return withObservations(JSON.stringify({ ...recording, observations }));
        },
        /cannot be judged again: its observations are not such as this tool writes them\./,
      ],
      [
        "an unknown probe",
        () =>
          withObservations(
            JSON.stringify({
              ...{ schemaVersion: "1.0", host: "", user: "", platform: "", env: "" },
              tool: { version: "1" },
              run: { id: "0".repeat(36), startedAt: "2026-01-01T00:00:00Z", durationMs: 1, deadlineMs: 1 },
              ...{ environment: {}, overrides: {} },
              observations: [{ probe: "rm -rf" }],
            }),
          ),
        /its observations\.json has no observations of this tool/,
      ],
    ])("%s is refused in one sentence", async (_words, make, expected) => {
      await refused(await make(), expected);
    });

    test("no file, a folder, a device: refused, and nobody waits", async () => {
      for (const path of [at("none.zip"), folder, "/dev/zero"]) {
        const { stderr, code } = await check("--from", path);
        expect([path, code]).toEqual([path, 3]);
        expect(stderr).toMatch(/^crowdsec-preflight: .*\n$/);
        expect(stderr).toContain(path);
      }
    });
  });
});
