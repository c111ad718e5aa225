import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
} from "node:fs";
import { basename, join } from "node:path";
import { Readable, Writable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type ArchiveFile, readZip, writeZip } from "../../src/archive/zip.ts";
import { makeManifest } from "../../src/bundle/manifest.ts";
import { type CleanOptions, clean } from "../../src/commands/clean.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { CANARIES, canariesIn, dumpOf146, dumpOf178, LOG } from "../support/dumps.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

jest.setTimeout(90_000);

const TOOL = { name: "crowdsec-preflight", version: "1.2.3" };
const MIB = 1024 * 1024;

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

interface Told {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A stream that keeps what it takes. */
const collector = () => {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, taken: () => Buffer.concat(chunks) };
};

const cleaning = async (options: CleanOptions, isTTY = false): Promise<Told> => {
  const [stdout, stderr] = [collector(), collector()];
  const streams = { stdout: Object.assign(stdout.stream, { isTTY }), stderr: stderr.stream, environment: {} };
  const code = await clean(options, TOOL, streams);
  return { code, stdout: stdout.taken(), stderr: stderr.taken().toString() };
};

const refusal = (options: CleanOptions, isTTY = false): Promise<string> =>
  cleaning(options, isTTY).then(
    () => "it was not refused",
    (error) => (error instanceof UsageError ? error.message : `${error}`),
  );

const unzip = (bytes: Buffer): Promise<readonly ArchiveFile[]> =>
  readZip(bytes, { maxBytes: 10 * MIB, maxUnpackedBytes: 10 * MIB, maxFiles: 100 });
const unzipped = async (path: string): Promise<ReadonlyMap<string, string>> =>
  new Map((await unzip(readFileSync(path))).map(({ name, content }) => [name, content.toString()]));

describe.each([
  ["1.7.8", dumpOf178],
  ["1.4.6", dumpOf146],
])("a dump of cscli %s", (version, dump) => {
  test("is written anew beside itself, without one of its secrets", async () => {
    const path = folder.write("crowdsec-support.zip", await dump());
    const { code, stdout, stderr } = await cleaning({ path });
    expect({ code, stdout: stdout.length }).toEqual({ code: 0, stdout: 0 });
    const target = join(folder.path, "crowdsec-support.clean.zip");
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path).sort()).toEqual([basename(target), basename(path)]);
    const files = await unzip(readFileSync(target));
    for (const { name, content } of files) expect({ name, found: canariesIn(content) }).toEqual({ name, found: [] });
    expect(canariesIn(Buffer.from(stderr))).toEqual([]);
  });

  test("keeps what a helper needs, and every file but those that are no text", async () => {
    const given = await dump();
    const path = folder.write("crowdsec-support.zip", given);
    await cleaning({ path });
    const files = await unzipped(join(folder.path, "crowdsec-support.clean.zip"));
    const names = (await unzip(given)).map(({ name }) => name).filter((name) => !name.endsWith(".pprof"));
    expect([...files.keys()].sort()).toEqual([...names, "removals.txt"].sort());
    const config = files.get("config/crowdsec.yaml");
    for (const kept of ["listen_uri: 127.0.0.1:8080", "type: postgresql", "- 10.0.0.0/8", "listen_port: 6060"])
      expect(config).toContain(kept);
    const acquisition = files.get("config/acquis/___etc___crowdsec___acquis.yaml");
    for (const kept of ["/var/log/nginx/access.log", "loki.internal.example:3100", "type: syslog"])
      expect(acquisition).toContain(kept);
    expect(files.get("version.txt")).toContain(version);
    if (version === "1.7.8") {
      expect(files.get("log/crowdsec.log")).toContain('"crowdsec local API running" addr="127.0.0.1:8080"');
      expect(files.get("log/crowdsec.log")?.split("\n")).toHaveLength(LOG.split("\n").length);
    }
    expect(files.get("lapi/bouncers.txt")).toContain("fw-web1");
  });

  test("says where something was taken out, and what was left out", async () => {
    const path = folder.write("crowdsec-support.zip", await dump());
    const { stderr } = await cleaning({ path });
    expect(stderr).toMatch(/^\S+crowdsec-support\.zip: \d+ secrets and private values taken out:\n/);
    expect(stderr).toMatch(/^ {2}config\/crowdsec\.yaml: \S.* \((?:\d+ times: )?lines? \d+(?:, \d+)*\)$/m);
    expect(stderr).toMatch(
      /Written to \S+crowdsec-support\.clean\.zip \(.* KiB\)\. Look into it before you send it\.\n$/,
    );
    if (version === "1.7.8") expect(stderr).toMatch(/^ {2}pprof\/heap\.pprof: a profile of the running program/m);
    const files = await unzipped(join(folder.path, "crowdsec-support.clean.zip"));
    expect(files.get("removals.txt")).toMatch(/^config\/crowdsec\.yaml:\d+ /m);
  });

  test("that is clean already stays as it is", async () => {
    const once = folder.write("once.zip", await dump());
    await cleaning({ path: once });
    const path = join(folder.path, "once.clean.zip");
    const { stderr } = await cleaning({ path, file: join(folder.path, "twice.zip") });
    expect(stderr).toContain("nothing was found that has to be taken out");
    expect(await unzipped(join(folder.path, "twice.zip"))).toEqual(await unzipped(path));
  });

  test("goes to standard output", async () => {
    const path = folder.write("dump.zip", await dump());
    const { stdout, stderr } = await cleaning({ path, file: "-" });
    const files = await unzip(stdout);
    expect(files.flatMap(({ content }) => canariesIn(content))).toEqual([]);
    expect(stderr).toContain("Written to standard output");
    expect(readdirSync(folder.path)).toEqual(["dump.zip"]);
    expect(await refusal({ path, file: "-" }, true)).toBe(
      "A terminal shows no archive: send it to a file, or name one with -f.",
    );
  });
});

describe("a bundle of ours", () => {
  const OURS = "this is a bundle of crowdsec-preflight: its secrets were taken out when it was made";
  const bundle = async (content: string, anonymized: boolean): Promise<string> => {
    const entries = [{ name: "files/etc/crowdsec/config.yaml", content, what: "a file" }];
    const about = { tool: TOOL, at: new Date("2026-11-23T07:00:00Z"), host: "web1", runId: "1", anonymized };
    const texts = [...entries, { name: "manifest.json", content: makeManifest({ ...about, entries }) }];
    const files = texts.map((one) => ({ name: one.name, content: Buffer.from(one.content) }));
    return folder.write("h.zip", await writeZip(files, new Date()));
  };

  test("is told to be one, whose secrets are out already, and written all the same", async () => {
    const path = await bundle("api: {}\n", false);
    const { code, stderr } = await cleaning({ path });
    expect(code).toBe(0);
    expect(stderr).toContain(`${path}: ${OURS}, and nothing more was found in it.\nAddresses, host names, users`);
    expect(await unzipped(join(folder.path, "h.clean.zip"))).toEqual(await unzipped(path));
  });

  test("that holds one all the same loses it", async () => {
    const path = await bundle(`password: ${CANARIES.dsn}\n`, false);
    const { stderr } = await cleaning({ path });
    expect(stderr).toMatch(/: this is a bundle .*; all the same, \d+ .* taken out now:\n {2}files\/etc/);
    for (const { content } of await unzip(readFileSync(join(folder.path, "h.clean.zip"))))
      expect(canariesIn(content)).toEqual([]);
  });

  test("that is anonymized has pseudonyms, and no word says that addresses stay", async () => {
    const { stderr } = await cleaning({ path: await bundle("api: {}\n", true) });
    expect(stderr).toContain("Its addresses and host names are pseudonyms, and stay as they are.");
    expect(stderr).not.toContain("users and e-mail addresses stay");
  });
});

describe("a text", () => {
  test.each([
    ["crowdsec.log", "crowdsec.clean.log"],
    ["crowdsec.log.1", "crowdsec.clean.log.1"],
    ["crowdsec.log.2.gz", "crowdsec.clean.log.2"],
    ["crowdsec-1.7.8.log", "crowdsec-1.7.8.clean.log"],
    ["acquis.yaml.local", "acquis.clean.yaml.local"],
    ["syslog", "syslog.clean"],
    [".log", ".log.clean"],
  ])("%s goes to %s, for its owner alone", async (name, target) => {
    const path = folder.write(name, name.endsWith(".gz") ? gzipSync(LOG) : LOG);
    const { code, stderr } = await cleaning({ path });
    expect(code).toBe(0);
    const written = readFileSync(join(folder.path, target));
    expect({ found: canariesIn(written), told: canariesIn(Buffer.from(stderr)) }).toEqual({ found: [], told: [] });
    expect(written.toString().split("\n")).toHaveLength(LOG.split("\n").length);
    expect(written.toString()).toContain("crowdsec local API running");
    expect(statSync(join(folder.path, target)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toHaveLength(2);
  });

  test.each([
    ["config.yaml", `api:\n  cti:\n    key: ${CANARIES.ctiKey}\n`, "api:\n  cti:\n    key: "],
    ["bouncers.json", `[{"name":"fw","api_key":"${CANARIES.apiKeyHash}"}]\n`, '"name":"fw"'],
    [
      "crowdsec-nginx-bouncer.conf",
      `API_URL=http://127.0.0.1:8080\nAPI_KEY=${CANARIES.bouncerInLog}\n`,
      "API_URL=http://127.0.0.1:8080",
    ],
    [
      "auth.log",
      `Nov 23 07:12:01 web1 sudo: root : USER=root ; COMMAND=/usr/bin/cscli bouncers add fw -k ${CANARIES.bouncerInLog}\n`,
      "cscli bouncers add fw -k",
    ],
    ["notes.txt", `I ran: cscli machines add web1 --password ${CANARIES.dsn}\n`, "cscli machines add web1"],
  ])("is read as what it is: %s", async (name, text, kept) => {
    const path = folder.write(name, text);
    const { stdout } = await cleaning({ path, file: "-" });
    expect(canariesIn(stdout)).toEqual([]);
    expect(stdout.toString()).toContain(kept);
  });

  test("comes from standard input and goes to standard output", async () => {
    const { code, stdout, stderr } = await cleaning({ path: "-", stdin: Readable.from([LOG]) });
    expect(code).toBe(0);
    expect(canariesIn(stdout)).toEqual([]);
    expect(stdout.toString()).toContain("crowdsec local API running");
    expect(stderr).toMatch(/^standard input: \d+ secrets and private values taken out:\n {2}standard input: /);
    const file = join(folder.path, "x");
    await cleaning({ path: "-", file, stdin: Readable.from([LOG]) });
    expect(readFileSync(file)).toEqual(stdout);
  });

  test("of a thousand secrets names the first lines that held one, and how many more", async () => {
    const held = [3, 5, 1000, ...Array.from({ length: 97 }, (_, index) => 7 + index)];
    const lines = Array.from({ length: 1000 }, (_, index) =>
      held.includes(index + 1) ? `GET https://me:${CANARIES.dsn}@proxy.example/ ${index}` : "level=info",
    );
    const path = folder.write("a.log", `${lines.join("\n")}\n`);
    const { stderr } = await cleaning({ path });
    expect(stderr).toMatch(/^ {2}a\.log: .*100 times: lines 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 and 88 more\)$/m);
    const one = await cleaning({ path: folder.write("b.log", `x\n${lines[2]}\n`) });
    expect(one.stderr).toMatch(/^ {2}b\.log: .* \(line 2\)$/m);
  });

  test("keeps addresses, host names, users and e-mail addresses, which is said", async () => {
    const text = "web1 sshd: Failed password for alice from 203.0.113.9, mail to alice@example.org\n";
    const { stdout, stderr } = await cleaning({ path: folder.write("auth.log", text), file: "-" });
    expect(stdout.toString()).toBe(text);
    expect(stderr).toContain("\nAddresses, host names, users and e-mail addresses stay as they are.\n");
  });

  test("that takes the place of an earlier result says so", async () => {
    const packed = folder.write("crowdsec.log.gz", gzipSync(LOG));
    const path = folder.write("crowdsec.log", LOG);
    const target = join(folder.path, "crowdsec.clean.log");
    expect((await cleaning({ path })).stderr).toContain(`Written to ${target} (`);
    expect((await cleaning({ path: packed })).stderr).toContain(`Written to ${target} (replaced) (`);
    symlinkSync(join(folder.path, "nowhere"), join(folder.path, "link"));
    expect((await cleaning({ path, file: join(folder.path, "link") })).stderr).toContain("link (replaced) (");
    expect((await cleaning({ path, file: join(folder.path, "new") })).stderr).not.toContain("(replaced)");
    expect((await cleaning({ path, file: "-" })).stderr).not.toContain("(replaced)");
  });

  test("without a secret is the same letter by letter, and says so", async () => {
    const text = `\ufeff${"time=x level=info\r\n".repeat(9)}no newline`;
    const { stdout, stderr } = await cleaning({ path: folder.write("a.log", text), file: "-" });
    expect(stdout.toString()).toBe(text);
    expect(stderr).toContain("nothing was found that has to be taken out");
  });
});

describe("the input", () => {
  const unharmed = async (path: string, file: string): Promise<void> => {
    expect(await refusal({ path, file })).toBe(
      `${file} is what is to be cleaned, and would be lost: -f names another file.`,
    );
    expect(readFileSync(path, "utf8")).toBe(LOG);
  };

  test("is never written over, by whatever name", async () => {
    const path = folder.write("a.log", LOG);
    mkdirSync(join(folder.path, "b"));
    symlinkSync(folder.path, join(folder.path, "link"));
    symlinkSync(path, join(folder.path, "a"));
    await unharmed(path, path);
    await unharmed(path, `${folder.path}/b/../a.log`);
    await unharmed(path, join(folder.path, "link", "a.log"));
    await unharmed(join(folder.path, "a"), path);
    await unharmed(join(folder.path, "a"), join(folder.path, "a"));
  });

  test("stays as it was behind a link of the target's name", async () => {
    const path = folder.write("a.log", LOG);
    symlinkSync(path, join(folder.path, "soft"));
    linkSync(path, join(folder.path, "hard"));
    for (const name of ["soft", "hard"]) {
      await cleaning({ path, file: join(folder.path, name) });
      expect(canariesIn(readFileSync(join(folder.path, name)))).toEqual([]);
      expect(readFileSync(path, "utf8")).toBe(LOG);
    }
  });
});

describe("what cannot be cleaned is refused in one sentence, and nothing is written", () => {
  /** As the system makes it. */
  const tar = (): Buffer => {
    const source = makeFolder();
    source.write("a.log", LOG);
    try {
      return execFileSync("tar", ["-c", "-C", source.path, "a.log"]);
    } finally {
      source.remove();
    }
  };
  const encrypted = async (): Promise<Buffer> => {
    const zip = await writeZip([{ name: "a", content: Buffer.from("x") }], new Date());
    // The flag of the local header, and of its copy in the directory.
    zip.writeUInt16LE(zip.readUInt16LE(6) | 1, 6);
    const directory = zip.indexOf("PK\x01\x02", 0, "latin1");
    zip.writeUInt16LE(zip.readUInt16LE(directory + 8) | 1, directory + 8);
    return zip;
  };

  test.each<[string, string, () => Buffer | Promise<Buffer>, RegExp]>([
    ["an empty file", "a.log", () => Buffer.alloc(0), /a\.log: it is empty\.$/],
    [
      "a program",
      "a.out",
      () => Buffer.from("\x7fELF\x02\x01\x01"),
      /a\.out: a program: a zip archive or a text is wanted/,
    ],
    ["a tar archive, packed", "a.tgz", () => gzipSync(tar()), /a\.tgz: a tar archive: .*unpack it/],
    ["a damaged archive", "a.zip", async () => (await dumpOf178()).subarray(0, 900), /a\.zip: .*\.$/],
    ["a damaged gzip file", "a.gz", () => gzipSync(LOG).subarray(0, 90), /a\.gz: damaged: it is cut short/],
    ["an encrypted archive", "a.zip", encrypted, /a\.zip: .*(?:encrypted|password)/],
    ["random bytes", "a.bin", () => Buffer.from([1, 0, 255, 0, 254, 3, 128]), /a\.bin: no text: /],
  ])("%s", async (_what, name, make, said) => {
    const path = folder.write(name, await make());
    const message = await refusal({ path });
    expect(message).toMatch(said);
    expect(message).not.toContain("\n");
    expect(readdirSync(folder.path)).toEqual([name]);
  });

  test("a file that is not there, a folder, one that is too large, a target nowhere", async () => {
    expect(await refusal({ path: join(folder.path, "gone") })).toMatch(/gone: there is no such file\.$/);
    expect(await refusal({ path: folder.path })).toMatch(/: a folder, and no file\.$/);
    const large = folder.write("large.log", "x");
    truncateSync(large, 101 * MIB);
    expect(await refusal({ path: large })).toMatch(
      /large\.log: too large: it has 101 MiB, and at most 100 MiB are read\.$/,
    );
    const path = folder.write("a.log", LOG);
    expect(await refusal({ path, file: join(folder.path, "none", "x") })).toMatch(/x: there is no folder .*none\.$/);
    expect(readdirSync(folder.path).sort()).toEqual(["a.log", "large.log"]);
    expect(existsSync(join(folder.path, "none"))).toBe(false);
  });
});
