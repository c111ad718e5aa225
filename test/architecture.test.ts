import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, test } from "@jest/globals";

const sources = ["src", "checks"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => posix.join(folder, name)),
);

/** `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`. */
const SPECIFIER = /(?:^import |^export [{*]|\bimport\()(?:[^;"]*? from )?\s*"([^"]+)"/gm;

/** What a file imports: paths from the root for neighbours, names for everything else. */
const importsOf = (file: string): readonly string[] =>
  [...readFileSync(file, "utf8").matchAll(SPECIFIER)].map(([, specifier = ""]) =>
    specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : specifier,
  );

/** What each folder may import, by how the specifier begins. */
const WALLS: Readonly<Record<string, readonly string[]>> = {
  checks: ["src/model/", "checks/"],
  "src/model": ["src/model/"],
  // Both ends of a conversation between a listener and a peer are written down in one place.
  "src/probes": [
    ...["src/model/", "src/probes/", "src/listen/handshake.ts"],
    ...["node:", "got", "dns-packet", "p-limit", "pg", "mysql2"],
  ],
  "src/listen": ["src/model/", "src/listen/", "node:", "selfsigned"],
  "src/topology": ["src/model/", "src/topology/", "node:", "yaml"],
  "src/runner": ["src/model/", "src/runner/", "p-limit"],
  "src/redaction": ["src/model/", "src/redaction/", "yaml"],
  "src/anonymity": ["src/model/", "src/anonymity/", "node:"],
  "src/archive": ["src/model/", "src/archive/", "node:", "yazl", "yauzl"],
  "src/bundle": [
    ...["src/model/", "src/bundle/", "src/redaction/", "src/anonymity/", "src/archive/"],
    ...["node:", "yaml", "p-limit"],
  ],
  "src/cron": ["src/model/", "src/cron/", "src/archive/", "src/exit-code.ts", "node:"],
  "src/ping": ["src/model/", "src/ping/", "node:"],
  "src/init": ["src/model/", "src/init/", "yaml"],
  "src/dry-run": ["src/model/", "src/dry-run/", "src/bundle/recorder.ts", "node:util"],
  "src/compare": ["src/model/", "src/compare/", "node:util"],
  "src/diagnosis": ["src/model/", "src/diagnosis/"],
  "src/firewall": ["src/model/", "src/firewall/"],
  "src/reporters": ["src/model/", "src/reporters/", "node:util"],
};
/** Where everything is put together. */
const FREE = "src/commands";

const allowed = (specifier: string, wall: readonly string[]): boolean =>
  wall.some((begin) => specifier === begin || (/[/:]$/.test(begin) && specifier.startsWith(begin)));

describe("import walls", () => {
  test("the imports of a file are found, whatever their form", () => {
    expect(importsOf("src/runner/index.ts")).toEqual(expect.arrayContaining(["p-limit", "src/runner/finding.ts"]));
    expect(importsOf("src/probes/http.ts")).toContain("got");
    expect(importsOf("checks/index.ts")).toContain("checks/metrics.ts");
  });

  test.each(Object.entries(WALLS))("%s imports from %p only", (folder, wall) => {
    const files = sources.filter((file) => file.startsWith(`${folder}/`));
    expect(files).not.toEqual([]);
    const breaches = files.flatMap((file) =>
      importsOf(file)
        .filter((specifier) => !allowed(specifier, wall))
        .map((specifier) => `${file} imports ${specifier}`),
    );
    expect(breaches).toEqual([]);
  });

  test("every folder of src has its wall", () => {
    const folders = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const walled = [FREE, ...Object.keys(WALLS)].filter((folder) => folder.startsWith("src/"));
    expect(folders.map(({ name }) => `src/${name}`).sort()).toEqual(walled.sort());
  });

  test("only the command line knows the catalogue", () => {
    const knowing = sources.filter(
      (file) => file.startsWith("src/") && importsOf(file).some((specifier) => specifier.startsWith("checks/")),
    );
    expect(knowing.filter((file) => file !== "src/cli.ts" && !file.startsWith(`${FREE}/`))).toEqual([]);
    expect(knowing.flatMap(importsOf).filter((specifier) => specifier.startsWith("checks/"))).toEqual(
      knowing.map(() => "checks/index.ts"),
    );
  });
});

test("URLs are read by src/model/url.ts, since Node 20's URL.canParse cannot be relied on", () => {
  const files = sources.filter(
    (file) => file !== "src/model/url.ts" && readFileSync(file, "utf8").includes("canParse"),
  );
  expect(files).toEqual([]);
});

test("no file of the repository points outside of it", () => {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  const files = listed.split("\0").filter((file) => file !== "" && existsSync(file));
  expect(files).toContain("package.json");
  const outside = /(?:\.\.|\/work)\/(?:shared|\.library)\b/;
  expect(files.filter((file) => outside.test(readFileSync(file, "utf8")))).toEqual([]);
});
