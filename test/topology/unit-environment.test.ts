import { spawnSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { posix } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { CommandObservation, Failed } from "../../src/model/observation.ts";
import { readUnit } from "../../src/topology/unit.ts";
import { managerEnvironment, type UnitEnvironment, unitEnvironment } from "../../src/topology/unit-environment.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

const NAME = "crowdsec-x.service";
const VENDOR = "/usr/lib/systemd/system";
const ETC = "/etc/systemd/system";

type Files = Readonly<Record<string, string>>;

/** The folders that these files are in. */
const foldersOf = (files: Files): Readonly<Record<string, readonly string[]>> => {
  const paths = Object.keys(files);
  const within = (folder: string): readonly string[] => paths.filter((path) => posix.dirname(path) === folder);
  return Object.fromEntries(
    paths.map((path) => [posix.dirname(path), within(posix.dirname(path)).map((each) => posix.basename(each))]),
  );
};

const denied: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };

const environmentIn = async (files: Files, world: World = {}): Promise<UnitEnvironment> => {
  const probe = fakeProber({
    files,
    folders: foldersOf(files),
    paths: Object.fromEntries(Object.keys(files).map((path) => [path, {}])),
    ...world,
  });
  const unit = await readUnit(probe, NAME);
  if (unit === undefined) throw new Error("no unit");
  return unitEnvironment(probe, unit, new Map());
};

const plain = ({ variables }: UnitEnvironment): Readonly<Record<string, string>> =>
  Object.fromEntries([...variables].map(([name, { value }]) => [name, value]));

const dropIn = (...lines: readonly string[]): string => `[Service]\n${lines.join("\n")}\n`;
const service = (...lines: readonly string[]): string => `${dropIn(...lines)}ExecStart=/bin/true\n`;

/** A unit with its drop-ins, and what systemd 252 says that its environment is. */
const RULES: readonly (readonly [string, Files, Readonly<Record<string, string>>])[] = [
  [
    "the unit of Debian's package has no proxy",
    { [`${VENDOR}/${NAME}`]: service("Type=notify", "Environment=LC_ALL=C LANG=C") },
    { LC_ALL: "C", LANG: "C" },
  ],
  [
    "quotes go around an assignment, or around a part of it",
    { [`${VENDOR}/${NAME}`]: service(`Environment="A=a b" B="x y"z 'C=it\\'s' D='q"r' E=`) },
    { A: "a b", B: "x yz", C: "it's", D: 'q"r', E: "" },
  ],
  [
    "C escapes are characters",
    { [`${VENDOR}/${NAME}`]: service("Environment=A=a\\x41\\101\\u00e9\\xc3\\xa9\\s. B=x\\ty\\\\") },
    { A: "aAAéé .", B: "x\ty\\" },
  ],
  [
    "what follows an unknown escape on a line is lost, what stands before it is not",
    { [`${VENDOR}/${NAME}`]: service("Environment=A=1 B=\\q C=1", "Environment=D=1") },
    { A: "1", D: "1" },
  ],
  [
    "a quote that stays open takes its assignment along",
    { [`${VENDOR}/${NAME}`]: service('Environment=A=1 B="x', "Environment=C=1") },
    { A: "1", C: "1" },
  ],
  [
    "a percent sign that is not doubled takes its assignment along: so a proxy's password is lost",
    {
      [`${VENDOR}/${NAME}`]: service(
        "Environment=A=http://u:p%40w@proxy:3128 B=p%%40w C=%n/%N",
        "Environment=D=%_ E=%",
      ),
    },
    { B: "p%40w", C: "crowdsec-x.service/crowdsec-x", D: "%_", E: "%" },
  ],
  [
    "what is no name is passed over",
    { [`${VENDOR}/${NAME}`]: service("Environment=A-B=1 1C=1 =1 word D=1") },
    { D: "1" },
  ],
  [
    "a line goes on after a backslash, over comments",
    { [`${VENDOR}/${NAME}`]: service("Environment=A=1 \\", "# comment", "; another", "  B=2\\\\", "Environment=C=3") },
    { A: "1", B: "2\\", C: "3" },
  ],
  [
    "an empty assignment takes all before it back",
    {
      [`${VENDOR}/${NAME}`]: service("Environment=A=1"),
      [`${ETC}/${NAME}.d/proxy.conf`]: dropIn("Environment=", "Environment=B=2"),
    },
    { B: "2" },
  ],
  [
    "drop-ins are applied by name, wherever they lie; the later one wins",
    {
      [`${VENDOR}/${NAME}`]: service("Environment=A=main B=main"),
      [`${ETC}/${NAME}.d/10-a.conf`]: dropIn("Environment=A=etc"),
      [`${VENDOR}/${NAME}.d/20-b.conf`]: dropIn("Environment=A=vendor"),
    },
    { A: "vendor", B: "main" },
  ],
  [
    "of drop-ins with one name one counts: of the earlier folder, then of the longer name, of all services last",
    {
      [`${VENDOR}/${NAME}`]: service(),
      [`${VENDOR}/${NAME}.d/10.conf`]: dropIn("Environment=A=vendor"),
      [`${ETC}/crowdsec-.service.d/10.conf`]: dropIn("Environment=A=etc-prefix"),
      [`${ETC}/crowdsec-.service.d/20.conf`]: dropIn("Environment=B=etc-prefix"),
      [`${ETC}/${NAME}.d/20.conf`]: dropIn("Environment=B=etc"),
      [`${ETC}/service.d/30.conf`]: dropIn("Environment=C=etc-all"),
      [`${VENDOR}/${NAME}.d/30.conf`]: dropIn("Environment=C=vendor"),
      [`${ETC}/service.d/40.conf`]: dropIn("Environment=D=all"),
    },
    { A: "etc-prefix", B: "etc", C: "vendor", D: "all" },
  ],
  [
    "only [Service] counts",
    { [`${VENDOR}/${NAME}`]: `[Unit]\nEnvironment=A=1\n${service("Environment=B=1")}[Install]\nEnvironment=C=1\n` },
    { B: "1" },
  ],
];

test.each(RULES)("%s", async (_what, files, variables) => {
  expect(plain(await environmentIn(files))).toEqual(variables);
});

const SYSTEMD = ["/lib/systemd/systemd", "/usr/lib/systemd/systemd"].find((path) => existsSync(path));
const NOBODY = 65_534;

(SYSTEMD ? describe : describe.skip)("beside the systemd that is installed here, which only reads the units", () => {
  const folders: Folder[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) folder.remove();
  });

  test.each(RULES)("%s", (_what, files, variables) => {
    const folder = makeFolder();
    folders.push(folder);
    chmodSync(folder.path, 0o777);
    for (const [path, content] of Object.entries(files)) folder.write(path, content);
    // Every service wants these.
    for (const target of ["sysinit", "basic", "shutdown"]) folder.write(`${VENDOR}/${target}.target`, "[Unit]\n");
    const isRoot = process.getuid?.() === 0;
    // It refuses to try anything as root.
    const { stdout } = spawnSync(SYSTEMD ?? "", ["--test", "--system", "--no-pager", `--unit=${NAME}`], {
      env: {
        SYSTEMD_LOG_LEVEL: "crit",
        SYSTEMD_UNIT_PATH: `${folder.path}${ETC}:${folder.path}${VENDOR}`,
        XDG_RUNTIME_DIR: folder.path,
        HOME: folder.path,
      },
      encoding: "utf8",
      ...(isRoot && { uid: NOBODY, gid: NOBODY }),
    });
    const block = stdout.split(/-> Unit /).find((each) => each.startsWith(NAME)) ?? "";
    const shown = [...block.matchAll(/^\s*Environment: (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(shown)).toEqual(variables);
  });
});

test("a file's variables win over the unit's, the later file over the earlier one, each with its own line", async () => {
  const { variables } = await environmentIn({
    [`${VENDOR}/${NAME}`]: service(
      "EnvironmentFile=/etc/default/a",
      "Environment=A=unit B=unit",
      "EnvironmentFile=-/b",
    ),
    "/etc/default/a": "# proxies\nA=a\nC=a\n",
    "/b": "C=b\n",
  });
  expect([...variables]).toEqual([
    ["A", { value: "a", origin: "/etc/default/a:2" }],
    ["B", { value: "unit", origin: `${VENDOR}/${NAME}:3` }],
    ["C", { value: "b", origin: "/b:1" }],
  ]);
});

test("a missing file keeps the service from starting, unless a dash says that it may be missing", async () => {
  const at = `${VENDOR}/${NAME}`;
  const optional = await environmentIn({ [at]: service("EnvironmentFile=-/etc/none", "Environment=A=1") });
  expect(optional).toEqual({ variables: new Map([["A", { value: "1", origin: `${at}:3` }]]), denied: [], dropped: [] });
  const { stops } = await environmentIn({ [at]: service("EnvironmentFile=/etc/none") });
  expect(stops).toBe(`EnvironmentFile=/etc/none (${at}:2) is missing`);
});

test("a file that this user may not read is named: it may hold the proxy that is asked for", async () => {
  const files = { [`${VENDOR}/${NAME}`]: service("EnvironmentFile=/etc/default/a") };
  const found = await environmentIn(files, { files: { ...files, "/etc/default/a": denied } });
  expect(found).toEqual({ variables: new Map(), denied: ["/etc/default/a"], dropped: [] });
});

test("wildcards in a file's name are filled in, sorted, hidden files left out; without any match it is missing", async () => {
  const found = await environmentIn({
    [`${VENDOR}/${NAME}`]: service("EnvironmentFile=/etc/crowdsec.d/[a-c]?.env", "EnvironmentFile=/etc/cr*c.d/*.conf"),
    "/etc/crowdsec.d/b1.env": "A=b1",
    "/etc/crowdsec.d/a1.env": "A=a1\nB=a1",
    "/etc/crowdsec.d/d1.env": "A=d1",
    "/etc/crowdsec.d/.c.env": "A=hidden",
    "/etc/crowdsec.d": "",
  });
  expect(plain(found)).toEqual({ A: "b1", B: "a1" });
  expect(found.stops).toBe(`EnvironmentFile=/etc/cr*c.d/*.conf (${VENDOR}/${NAME}:3) is missing`);
});

test("UnsetEnvironment takes a variable away in the end, one with a value only if it has it", async () => {
  const found = await environmentIn({
    [`${VENDOR}/${NAME}`]: service("EnvironmentFile=/f", "UnsetEnvironment=A C=1 D=1", "Environment=B=1 C=1 D=2"),
    "/f": "A=1",
  });
  expect(plain(found)).toEqual({ B: "1", D: "2" });
});

test("PassEnvironment takes the manager's own variables over, and the unit's own win", async () => {
  const files = { [`${VENDOR}/${NAME}`]: service("PassEnvironment=A B", "PassEnvironment=C", "Environment=B=unit") };
  const environments = { 1: { A: "one", B: "one", D: "one" } };
  expect(plain(await environmentIn(files, { environments }))).toEqual({ A: "one", B: "unit" });
  const hidden = await environmentIn(files, { environments: { 1: denied } });
  expect(hidden.denied).toEqual(["/proc/1/environ"]);
});

describe("the manager's own variables", () => {
  const CONF = "/etc/systemd/system.conf";
  const files: Files = {
    [CONF]: "[Manager]\n#DefaultEnvironment=X=1\nDefaultEnvironment=A=main B=main\n",
    "/etc/systemd/system.conf.d/50-proxy.conf": '[Manager]\nDefaultEnvironment="HTTPS_PROXY=http://p:1" A=etc\n',
    "/usr/lib/systemd/system.conf.d/50-proxy.conf": "[Manager]\nDefaultEnvironment=V=hidden\n",
    "/usr/lib/systemd/system.conf.d/60-vendor.conf":
      "[Manager]\nDefaultEnvironment=V=vendor\n[Other]\nDefaultEnvironment=O=1\n",
  };
  const world = { files, folders: foldersOf(files) };
  const written = [
    ["A", { value: "etc", origin: "/etc/systemd/system.conf.d/50-proxy.conf:2" }],
    ["B", { value: "main", origin: `${CONF}:3` }],
    ["HTTPS_PROXY", { value: "http://p:1", origin: "/etc/systemd/system.conf.d/50-proxy.conf:2" }],
    ["V", { value: "vendor", origin: "/usr/lib/systemd/system.conf.d/60-vendor.conf:2" }],
  ];

  test("where systemd does not run they come from its configuration, and nothing is asked", async () => {
    const probe = fakeProber(world);
    expect([...(await managerEnvironment(probe))].sort()).toEqual(written);
    expect(probe.asked.filter((each) => each.startsWith("command"))).toEqual([]);
  });

  const ran = (output: string, exitCode = 0): CommandObservation => ({ ok: true, elapsedMs: 1, exitCode, output });
  const booted = (answer: CommandObservation): World => ({
    ...world,
    paths: { "/run/systemd/system": { kind: "folder" } },
    commands: ({ argv }) => (argv.join(" ") === "/usr/bin/systemctl show-environment" ? answer : ran("", 1)),
  });

  test("where it runs, it is asked: `systemctl set-environment` stands in no file", async () => {
    const probe = fakeProber(booted(ran("LANG=C.UTF-8\nHTTPS_PROXY=http://p:1\nQ=$'it\\'s\\ttab'\n")));
    expect([...(await managerEnvironment(probe))]).toEqual([
      ["LANG", { value: "C.UTF-8", origin: "systemctl set-environment" }],
      ["HTTPS_PROXY", { value: "http://p:1", origin: "/etc/systemd/system.conf.d/50-proxy.conf:2" }],
      ["Q", { value: "it's\ttab", origin: "systemctl set-environment" }],
    ]);
  });

  test("where it does not answer, its configuration has to do", async () => {
    expect([...(await managerEnvironment(fakeProber(booted(ran("Failed to connect to bus", 1)))))].sort()).toEqual(
      written,
    );
  });
});
