import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { writeZip } from "../../src/archive/zip.ts";
import { makeManifest } from "../../src/bundle/manifest.ts";
import { readDocument, readDocuments } from "../../src/commands/documents.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import type { Report } from "../../src/model/report.ts";
import { agentReport, reportOf } from "../support/comparisons.ts";
import { finding } from "../support/findings.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(() => folder.remove());

const REPORT = agentReport({ name: "web-1", source: "10.3.0.7", lapi: "refused" });
const AT = new Date("2026-06-15T12:00:00.000Z");

const bundle = (files: Readonly<Record<string, string>>): Promise<Buffer> =>
  writeZip(
    Object.entries(files).map(([name, content]) => ({ name, content: Buffer.from(content) })),
    AT,
  );

const refusal = async (path: string): Promise<string> => {
  try {
    await readDocument(path);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "(it was read)";
};

test("a report is read from a file, whatever its name", async () => {
  const path = folder.write("web-1.txt", JSON.stringify(REPORT));
  expect(await readDocument(path)).toEqual({ name: path, report: REPORT });
});

describe("a bundle", () => {
  test("is read with CrowdSec's configuration, each key with its value", async () => {
    const path = folder.write(
      "web-1.zip",
      await bundle({
        "report.json": JSON.stringify(REPORT),
        "config/merged.yaml": [
          "# config.yaml with config.yaml.local",
          "api:",
          "  server:",
          "    listen_uri: 127.0.0.1:8080",
          "    trusted_ips: [127.0.0.1, '::1']",
          "    profiles: [{name: a}, {name: b}]",
          "db_config: {password: REDACTED-1, max_open_conns: 0x10, use_wal: ~}",
        ].join("\n"),
        "files/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml": "api_url: http://127.0.0.1:8080/\n",
        "files/etc/crowdsec/bouncers/broken.yaml": "a: [",
        "files/etc/crowdsec/local_api_credentials.yaml":
          "url: http://10.0.0.5:8080/\nlogin: web-1\npassword: REDACTED-2\n",
        "files/etc/crowdsec/acquis.yaml": "source: file\n",
        "files/etc/crowdsec/config.yaml": "api: {}\n",
        "files/etc/hosts": "127.0.0.1 localhost\n",
        "config/acquisition.txt": "/etc/crowdsec/acquis.yaml:7: journalctl\n/etc/crowdsec/acquis.yaml:1: file\n",
      }),
    );
    const { report, configuration, acquisition, files, anonymized } = await readDocument(path);
    expect(acquisition).toEqual(["/etc/crowdsec/acquis.yaml: file", "/etc/crowdsec/acquis.yaml: journalctl"]);
    expect([...(files ?? [])].filter(([, digest]) => digest !== "").map(([file]) => file)).toEqual([
      "/etc/crowdsec/acquis.yaml",
    ]);
    expect(files?.get("/etc/crowdsec/config.yaml")).toBe("");
    expect(files?.has("/etc/hosts")).toBe(false);
    expect(anonymized).toBeUndefined();
    expect(report).toEqual(REPORT);
    expect(Object.fromEntries(configuration ?? [])).toEqual({
      "api.server.listen_uri": "127.0.0.1:8080",
      "api.server.trusted_ips": "[127.0.0.1, ::1]",
      "api.server.profiles[0].name": "a",
      "api.server.profiles[1].name": "b",
      "db_config.password": "REDACTED-1",
      "db_config.max_open_conns": "0x10",
      "db_config.use_wal": "",
      "crowdsec-firewall-bouncer.yaml api_url": "http://127.0.0.1:8080/",
      "local_api_credentials.yaml url": "http://10.0.0.5:8080/",
      "local_api_credentials.yaml login": "web-1",
      "local_api_credentials.yaml password": "REDACTED-2",
    });
  });

  test("whose secrets stand in other numbers has the same files", async () => {
    const digestWith = async (number: number): Promise<ReadonlyMap<string, string> | undefined> => {
      const path = folder.write(
        `numbered-${number}.zip`,
        await bundle({
          "report.json": JSON.stringify(REPORT),
          "config/merged.yaml": `config_paths: {config_dir: /srv/REDACTED-${number}/etc}\n`,
          [`files/srv/REDACTED-${number}/etc/notifications/http.yaml`]: `url: REDACTED-${number}\n`,
        }),
      );
      return (await readDocument(path)).files;
    };
    const first = await digestWith(1);
    expect([...(first?.keys() ?? [])]).toEqual(["/srv/REDACTED/etc/notifications/http.yaml"]);
    expect(await digestWith(17)).toEqual(first);
  });

  test("says whether it has pseudonyms, as its manifest does; a manifest that is none says nothing", async () => {
    const withManifest = async (name: string, manifest: string): Promise<boolean | undefined> => {
      const files = { "report.json": JSON.stringify(REPORT), "manifest.json": manifest };
      return (await readDocument(folder.write(name, await bundle(files)))).anonymized;
    };
    const made = (anonymized: boolean): string =>
      makeManifest({
        tool: { name: "crowdsec-preflight", version: "1.2.3" },
        at: AT,
        host: "web-1",
        runId: "1",
        anonymized,
        entries: [],
      });
    expect(await withManifest("anonymized.zip", made(true))).toBe(true);
    expect(await withManifest("plain.zip", made(false))).toBeUndefined();
    expect(await withManifest("odd.zip", "[]")).toBeUndefined();
  });

  test("without a configuration has none: CrowdSec was not there", async () => {
    const path = folder.write("bare.zip", await bundle({ "report.json": JSON.stringify(REPORT) }));
    expect(await readDocument(path)).toEqual({ name: path, report: REPORT });
  });

  test.each([
    ["anchors that multiply", `a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n${multiplied()}`],
    ["values nested without end", `a: ${"[".repeat(50_000)}`],
    ["keys of a prototype", "__proto__: {polluted: true}\nconstructor: x\n"],
  ])("whose configuration is hostile is read all the same: %s", async (name, yaml) => {
    const path = folder.write(
      `${name}.zip`,
      await bundle({ "report.json": JSON.stringify(REPORT), "config/merged.yaml": yaml }),
    );
    const begun = performance.now();
    const { configuration } = await readDocument(path);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(configuration?.size).toBeLessThanOrEqual(20_000);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

/** Each line has eight of the one above it. */
function multiplied(): string {
  const letters = [..."bcdefghij"];
  return letters
    .slice(1)
    .map((letter, index) => `${letter}: &${letter} [${Array(8).fill(`*${letters[index]}`).join(", ")}]`)
    .join("\n");
}

describe("what is neither is refused in one sentence, with its name and what is wrong", () => {
  test.each<[string, string | Buffer, RegExp]>([
    ["empty.json", "", /: neither a report nor a bundle, but an empty file\.$/],
    ["notes.txt", "Dear support,", /: neither a report nor a bundle, but plain text\.$/],
    [
      "cut.json",
      JSON.stringify(REPORT).slice(0, 300),
      /: neither a report nor a bundle, but JSON that is cut off or damaged\.$/,
    ],
    ["dump.tar.gz", Buffer.from([0x1f, 0x8b, 8, 0]), /, but a gzip file/],
    ["other.json", '{"tool":{"name":"trivy"}}', /: JSON, but no report of crowdsec-preflight: it is of trivy\.$/],
    ["wrong.json", JSON.stringify({ ...REPORT, findings: [{}] }), /: findings\[0\]\.id is missing\.$/],
    ["deep.json", `${"[".repeat(1_000_000)}`, /JSON that is cut off or damaged|its JSON is a list/],
    ["damaged.zip", Buffer.from("PK\u0003\u0004 and no more"), /damaged\.zip: .+\.$/],
    [
      "large.json",
      Buffer.alloc(17 * 1024 * 1024, "a"),
      /: too large for a report: it has 17 MiB, and at most 16 MiB are read\.$/,
    ],
  ])("%s", async (name, content, expected) => {
    const path = folder.write(name, content);
    const message = await refusal(path);
    expect(message).toMatch(expected);
    expect(message.startsWith(`${path}: `)).toBe(true);
    expect(message).not.toContain("\n");
  });

  test("an archive of something else", async () => {
    const path = folder.write("photos.zip", await bundle({ "a.txt": "a" }));
    expect(await refusal(path)).toBe(
      `${path}: an archive, but no bundle of crowdsec-preflight: it holds no report.json.`,
    );
  });

  test("a file that is not there, and a folder", async () => {
    mkdirSync(join(folder.path, "folder"));
    expect(await refusal(join(folder.path, "absent.json"))).toMatch(/absent\.json: there is no such file\.$/);
    expect(await refusal(join(folder.path, "folder"))).toMatch(/folder: a folder, and no file\.$/);
  });

  test.each(["", "-"])("standard input, given as %j", async (path) => {
    expect(await refusal(path)).toBe("Standard input is not read here: name a file.");
  });

  test("a name that would move the cursor is shown without that", async () => {
    expect(await refusal(join(folder.path, "a\u001b[2Jb"))).not.toContain("\u001b");
  });
});

test("many documents are read in their order", async () => {
  const paths = ["a", "b", "c"].map((name) => folder.write(`${name}.json`, JSON.stringify({ ...REPORT })));
  expect((await readDocuments(paths)).map(({ name }) => name)).toEqual(paths);
});

test("reports that name more checks than there are would make a table of any size: refused", async () => {
  const odd = (begin: number): Report =>
    reportOf(Array.from({ length: 1500 }, (_none, index) => finding(`check-${begin + index}`, "pass")));
  const paths = [0, 1500].map((begin) => folder.write(`odd-${begin}.json`, JSON.stringify(odd(begin))));
  await expect(readDocuments(paths)).rejects.toThrow(/odd-1500\.json: it names more checks than/);
});

test("reports that are larger together than memory should hold are refused", async () => {
  const path = folder.write("one.json", JSON.stringify(REPORT));
  const { length } = JSON.stringify(REPORT);
  expect(await readDocuments([path, path], 2 * length)).toHaveLength(2);
  await expect(readDocuments([path, path], 2 * length - 1)).rejects.toThrow(/larger together than .*: merge fewer/);
});
