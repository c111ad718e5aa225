import { describe, expect, test } from "@jest/globals";
import type { Failed } from "../../src/model/observation.ts";
import { type FoundAcquisition, findAcquisition } from "../../src/topology/acquisition.ts";
import { readerOf } from "../../src/topology/crowdsec-files.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";

const CANARY = "canary-4dd1-secret";
const FILE = "/etc/crowdsec/acquis.yaml";
const FOLDER = "/etc/crowdsec/acquis.d";
const DENIED: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };
const MAIN = `crowdsec_service:\n  acquisition_path: ${FILE}\n  acquisition_dir: ${FOLDER}\n`;

const find = async (
  { files, folders = {} }: Pick<World, "files" | "folders">,
  { main = MAIN, environment = {}, judges = true } = {},
): Promise<FoundAcquisition> => {
  const parsed = parseYaml(main, "c.yaml");
  if (!parsed.ok) throw new Error(parsed.message);
  const probe = fakeProber({ ...(files && { files }), folders });
  const found = await findAcquisition(probe, readerOf(parsed.tree, {}), environment, judges);
  expect(JSON.stringify(found.acquisition)).not.toContain(CANARY);
  return found;
};
/** The sources of one acquisition file. */
const sourcesOf = async (content: string, options = {}): Promise<FoundAcquisition["acquisition"]["sources"]> =>
  (await find({ files: { [FILE]: content } }, options)).acquisition.sources;

describe("the files", () => {
  const content = "source: file\nfilename: /a.log\nlabels: {type: syslog}\n";

  test("are acquisition_path, then the folder's *.yaml, then its *.yml, each by name", async () => {
    const names = ["b.yml", "z.yaml", "a.yml", "README", "a.yaml", "c.yaml.disabled", "d.YAML"];
    const inFolder = Object.fromEntries(names.map((name) => [`${FOLDER}/${name}`, content]));
    const { acquisition } = await find({ files: { [FILE]: content, ...inFolder }, folders: { [FOLDER]: names } });
    const paths = [FILE, ...["a.yaml", "z.yaml", "a.yml", "b.yml"].map((name) => `${FOLDER}/${name}`)];
    expect(acquisition.files.map(({ path, state }) => [path, state])).toEqual(paths.map((path) => [path, "read"]));
    expect(acquisition.sources.map(({ origin }) => origin)).toEqual(paths.map((path) => `${path}:1`));
    expect(acquisition.path).toEqual({ value: FILE, origin: "c.yaml:2" });
  });

  test("that are named and not there are missing; a folder that is not there holds none", async () => {
    const { acquisition } = await find({});
    expect(acquisition.files).toMatchObject([{ path: FILE, purpose: "acquisition", state: "missing" }]);
    expect(acquisition.sources).toEqual([]);
  });

  test("may not be named at all", async () => {
    const { acquisition, appsec, content: text } = await find({}, { main: "crowdsec_service: {}\n" });
    expect({ acquisition, appsec, text }).toEqual({ acquisition: { files: [], sources: [] }, appsec: [], text: "" });
  });

  test("of relative paths are looked for below /", async () => {
    const main = "crowdsec_service:\n  acquisition_path: a.yaml\n  acquisition_dir: d\n";
    const { acquisition } = await find({ files: {}, folders: { "/d": ["b.yaml"] } }, { main });
    expect(acquisition.files.map(({ path }) => path)).toEqual(["/a.yaml", "/d/b.yaml"]);
  });

  test("in a folder that this user may not read are hidden, and it says so", async () => {
    const { acquisition } = await find({ files: { [FILE]: content }, folders: { [FOLDER]: DENIED } });
    expect(acquisition.files.map(({ path, state }) => [path, state])).toEqual([
      [FOLDER, "denied"],
      [FILE, "read"],
    ]);
  });

  test("that this user may not read are hidden one by one", async () => {
    const { acquisition } = await find({
      files: { [FILE]: content, [`${FOLDER}/a.yaml`]: DENIED },
      folders: { [FOLDER]: ["a.yaml"] },
    });
    expect(acquisition.files.map(({ state }) => state)).toEqual(["read", "denied"]);
    expect(acquisition.sources).toHaveLength(1);
  });

  test("with a mistake tell its line, and have no sources", async () => {
    const { acquisition, content: text } = await find({ files: { [FILE]: `${content}---\n\tsource: file\n` } });
    expect(acquisition).toMatchObject({ files: [{ state: "invalid", line: 5 }], sources: [] });
    expect(text).toBe("");
  });

  test.each(["", "# filenames: [/var/log/auth.log]\n"])("with nothing in them (%j) are empty", async (empty) => {
    const { acquisition } = await find({ files: { [FILE]: empty } });
    expect(acquisition).toMatchObject({ files: [{ state: "empty" }], sources: [] });
  });
});

describe("the sources", () => {
  test.each([
    ["source: journalctl\njournalctl_filter: [a]\n", "journalctl"],
    ["source: file\nfilenames: [/a]\n", "file"],
    ["filenames: [/a]\n", "file"],
    ["filename: /a\n", "file"],
    ["journalctl_filter: [_SYSTEMD_UNIT=ssh.service]\n", "journalctl"],
    ["source: nonesuch\n", "nonesuch"],
    ["labels: {type: syslog}\n", undefined],
    ["- a\n", undefined],
    ["word\n", undefined],
  ])("of %j is %s, also of the time before there was such a key", async (content, source) => {
    const [found] = await sourcesOf(content);
    expect(found?.source).toBe(source);
  });

  test("of several documents are told apart by their lines", async () => {
    const content =
      "filenames: [/a]\nlabels: {type: syslog}\n---\n# nothing\n---\nsource: docker\ncontainer_name: [b]\nlabels: {}\n";
    expect(await sourcesOf(content)).toEqual([
      { origin: `${FILE}:1`, source: "file", hasLabels: true, mistakes: [] },
      { origin: `${FILE}:6`, source: "docker", hasLabels: false, mistakes: [] },
    ]);
  });

  test.each([
    ["labels:\n", false],
    ["labels: word\n", false],
    ["labels: {}\n", false],
    ["labels: {type: syslog}\n", true],
  ])("with %j have labels: %s", async (labels, hasLabels) => {
    expect(await sourcesOf(`filename: /a\n${labels}`)).toMatchObject([{ hasLabels }]);
  });

  test("that are named by a variable are what it says", async () => {
    expect(await sourcesOf("source: $KIND\n", { environment: { KIND: "syslog" } })).toMatchObject([
      { source: "syslog" },
    ]);
  });

  test("are held against what their data source knows, unless that is newer than the tables", async () => {
    const content = "source: file\nfilenames: [/a]\nlabels: {type: x}\nfilenmaes: [/b]\n";
    expect(await sourcesOf(content)).toMatchObject([{ mistakes: [{ origin: `${FILE}:4`, key: "filenmaes" }] }]);
    expect(await sourcesOf(content, { judges: false })).toMatchObject([{ mistakes: [] }]);
  });

  test("keep no value: a broker's password stays in its file", async () => {
    await find({
      files: { [FILE]: `source: kafka\nbrokers: ['u:${CANARY}@b:9092']\nsasl: {password: ${CANARY}}\nx: ${CANARY}\n` },
    });
  });
});

describe("AppSec", () => {
  test.each([
    ["listen_addr: 127.0.0.1:7400", { host: "127.0.0.1", port: 7400 }, `${FILE}:2`],
    ["listen_addr: 0.0.0.0:7422", { host: "0.0.0.0", port: 7422 }, `${FILE}:2`],
    ["listen_addr: :7422", { host: "", port: 7422 }, `${FILE}:2`],
    ["listen_addr: '[::1]:7422'", { host: "[::1]", port: 7422 }, `${FILE}:2`],
    ["listen_addr: $WAF", { host: "192.0.2.1", port: 7000 }, `${FILE}:2`],
    ["appsec_config: crowdsecurity/appsec-default", { host: "127.0.0.1", port: 7422 }, `default, for ${FILE}:1`],
    ["listen_addr: 127.0.0.1:1\nlisten_socket: /run/appsec.sock", { host: "127.0.0.1", port: 1 }, `${FILE}:2`],
  ])("with %j listens at %j", async (line, value, origin) => {
    const { appsec } = await find(
      { files: { [FILE]: `source: appsec\n${line}\n` } },
      { environment: { WAF: "192.0.2.1:7000" } },
    );
    expect(appsec).toEqual([{ value, origin }]);
  });

  test.each([
    ["by a unix socket only", "source: appsec\nlisten_socket: /run/appsec.sock\n"],
    ["at an address that is none", "source: appsec\nlisten_addr: 7422\n"],
    ["in another source", "source: http\nlisten_addr: 127.0.0.1:8088\n"],
  ])("%s has no port here", async (_what, content) => {
    expect((await find({ files: { [FILE]: content } })).appsec).toEqual([]);
  });

  test("may listen several times", async () => {
    const two = "source: appsec\nlisten_addr: a:1\n---\nsource: appsec\nlisten_addr: b:2\n";
    expect((await find({ files: { [FILE]: two } })).appsec.map(({ value }) => value)).toEqual([
      { host: "a", port: 1 },
      { host: "b", port: 2 },
    ]);
  });
});

test("the text of every file is kept for the variables that it names", async () => {
  const { content } = await find({
    files: { [FILE]: "filename: $A\n", [`${FOLDER}/b.yaml`]: "filename: $B\n" },
    folders: { [FOLDER]: ["b.yaml"] },
  });
  expect(content).toBe("filename: $A\n\nfilename: $B\n");
});
