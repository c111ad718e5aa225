import { describe, expect, test } from "@jest/globals";
import type { Failed } from "../../src/model/observation.ts";
import { pamVariables, type SudoEnvironment, sudoEnvironment } from "../../src/topology/sudo.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";

const SHELL = {
  HTTPS_PROXY: "http://proxy:3128",
  no_proxy: "lapi",
  PATH: "/bin",
  LANG: "C.UTF-8",
  LC_ALL: "a/b",
  FUNCTION: "() { :; }",
  LD_PRELOAD: "/x.so",
};

/** The lines that Debian 12's package installs, without comments (https://sources.debian.org/src/sudo/1.9.13p3-1+deb12u1/debian/etc/sudoers/). */
const DEBIAN = `Defaults	env_reset
Defaults	mail_badpass
Defaults	secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults	use_pty
#Defaults:%sudo env_keep += "http_proxy https_proxy ftp_proxy all_proxy no_proxy"
root	ALL=(ALL:ALL) ALL
%sudo	ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
`;

const leftBy = async (sudoers: string, world: World = {}, shell: Readonly<Record<string, string>> = SHELL) => {
  const probe = fakeProber({ ...world, files: { "/etc/sudoers": sudoers, ...world.files } });
  const found = await sudoEnvironment(probe, shell, "ada");
  if ("hidden" in found) throw new Error(found.hidden);
  return found;
};
const namesLeft = async (sudoers: string, world?: World): Promise<readonly string[]> =>
  Object.keys((await leftBy(sudoers, world)).variables).sort();

const KEPT = ["LANG", "PATH"];

// All of these were tried with sudo 1.9.13p3 too; it gives a PATH of its own where none is kept.
test.each([
  ["as Debian configures it, no proxy", DEBIAN, KEPT],
  ["without any word on it, no proxy", "", KEPT],
  [
    "env_keep with quotes, what it names",
    'Defaults env_keep += "HTTPS_PROXY no_proxy"',
    ["HTTPS_PROXY", ...KEPT, "no_proxy"],
  ],
  ["env_keep without quotes, what it names", "Defaults env_keep+=HTTPS_PROXY", ["HTTPS_PROXY", ...KEPT]],
  ["env_keep with a wildcard, what fits", 'Defaults env_keep += "*_PROXY"', ["HTTPS_PROXY", ...KEPT]],
  ["env_keep with a wildcard at its end, what fits", 'Defaults env_keep += "HTTPS_*"', ["HTTPS_PROXY", ...KEPT]],
  [
    "env_keep with a value, only that value",
    'Defaults env_keep += "no_proxy=lapi HTTPS_PROXY=x"',
    [...KEPT, "no_proxy"],
  ],
  ["env_keep set anew, nothing but that", 'Defaults env_keep = "no_proxy"', ["LANG", "no_proxy"]],
  [
    "env_keep taken back, what is left",
    'Defaults env_keep += "HTTPS_PROXY no_proxy"\nDefaults env_keep -= no_proxy',
    ["HTTPS_PROXY", ...KEPT],
  ],
  ["env_keep switched off, what env_check lets pass", "Defaults !env_keep", ["LANG"]],
  [
    "env_reset switched off, all but what is dangerous",
    "Defaults !env_reset",
    ["HTTPS_PROXY", "LANG", "PATH", "no_proxy"],
  ],
  [
    "env_delete on top, not that either",
    "Defaults !env_reset, env_delete += HTTPS_PROXY",
    ["LANG", "PATH", "no_proxy"],
  ],
  [
    "several parameters on a line, all of them",
    'Defaults insults, env_keep += "HTTPS_PROXY", passwd_tries=3',
    ["HTTPS_PROXY", ...KEPT],
  ],
  [
    "a line that goes on, all of it",
    'Defaults env_keep += "HTTPS_PROXY \\\n  no_proxy"',
    ["HTTPS_PROXY", ...KEPT, "no_proxy"],
  ],
  ["a default for this user, that too", "Defaults:ada env_keep += HTTPS_PROXY", ["HTTPS_PROXY", ...KEPT]],
  ["a default for all users but this one, not that", "Defaults:ALL,!ada env_keep += HTTPS_PROXY", KEPT],
  ["a default for another user, not that", "Defaults:bob env_keep += HTTPS_PROXY", KEPT],
  [
    "a default for commands that run as root, that too",
    "Defaults>root env_keep += HTTPS_PROXY",
    ["HTTPS_PROXY", ...KEPT],
  ],
  ["a default for commands that run as another, not that", "Defaults>www env_keep += HTTPS_PROXY", KEPT],
  ["a default for a user in quotes, that too", 'Defaults:"ada" env_keep += HTTPS_PROXY', ["HTTPS_PROXY", ...KEPT]],
  ["env_check without a slash in it, that too", "Defaults env_check += no_proxy", [...KEPT, "no_proxy"]],
  ["env_check with a slash in it, not that", "Defaults env_check += HTTPS_PROXY", KEPT],
  ["two names without quotes, neither: that is a mistake", "Defaults env_keep += HTTPS_PROXY no_proxy", KEPT],
  ["a blank before the colon, nothing: that is a mistake", "Defaults : ada env_keep += no_proxy", KEPT],
  ["a comment, not that", "# Defaults env_keep += HTTPS_PROXY\nDefaults insults # env_keep += HTTPS_PROXY", KEPT],
])("under sudo there is, %s", async (_what, sudoers, names) => {
  expect(await namesLeft(sudoers)).toEqual([...names].sort());
});

test("what sudo keeps has the shell's value", async () => {
  expect(await leftBy("Defaults env_keep += HTTPS_PROXY")).toEqual({
    variables: { HTTPS_PROXY: "http://proxy:3128", PATH: "/bin", LANG: "C.UTF-8" },
    origins: new Map(),
    reset: true,
  } satisfies SudoEnvironment);
});

describe("included files", () => {
  const keep = "Defaults env_keep += HTTPS_PROXY\n";

  test.each([
    "@includedir /etc/sudoers.d",
    "#includedir /etc/sudoers.d",
    '@includedir "/etc/sudoers.d"',
    "@includedir sudoers.d",
  ])("%s: every file counts, but for names with a dot or with a tilde at the end", async (line) => {
    const folders = { "/etc/sudoers.d": ["proxy", "README.md", "old~"] };
    const files = {
      "/etc/sudoers.d/proxy": keep,
      "/etc/sudoers.d/README.md": "Defaults env_keep += no_proxy",
      "/etc/sudoers.d/old~": "Defaults env_keep += no_proxy",
    };
    expect(await namesLeft(line, { folders, files })).toEqual(["HTTPS_PROXY", ...KEPT]);
  });

  test("they count where they stand, and the later line wins", async () => {
    const files = { "/etc/other": keep };
    expect(await namesLeft("@include other\nDefaults !env_keep", { files })).toEqual(["LANG"]);
    expect(await namesLeft("Defaults !env_keep\n#include /etc/other", { files })).toEqual(["HTTPS_PROXY", "LANG"]);
  });

  test("files that include each other have an end", async () => {
    expect(await namesLeft("@include /etc/sudoers")).toEqual(KEPT);
  });
});

const denied: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };

test.each([
  [{ files: { "/etc/sudoers": denied } }, "/etc/sudoers"],
  [{ files: { "/etc/sudoers": DEBIAN }, folders: { "/etc/sudoers.d": denied } }, "/etc/sudoers.d"],
  [
    { files: { "/etc/sudoers": DEBIAN, "/etc/sudoers.d/a": denied }, folders: { "/etc/sudoers.d": ["a"] } },
    "/etc/sudoers.d/a",
  ],
] satisfies readonly (readonly [World, string])[])(
  "rules that this user may not read are no guess: %#",
  async (world, path) => {
    const found = await sudoEnvironment(fakeProber(world), SHELL, "ada");
    expect(found).toEqual({ hidden: `run as root: only root may read ${path}` });
  },
);

test.each([
  "Defaults:%sudo env_keep += https_proxy",
  "Defaults@web !env_reset",
  "Defaults!CSCLI env_keep += https_proxy",
  "Defaults:ADMINS env_keep += x",
  "Defaults:#4711 env_keep += x",
])("a rule of which nobody can say here whether it holds is said to be one: %s", async (sudoers) => {
  const found = await sudoEnvironment(fakeProber({ files: { "/etc/sudoers": sudoers } }), SHELL, "ada");
  expect(found).toEqual({ hidden: expect.stringMatching(/^sudoers treats the environment of some only/) });
});

test("a rule for some that is not about the environment changes nothing", async () => {
  expect(await namesLeft("Defaults:%sudo !lecture\nDefaults!/bin/x noexec")).toEqual(KEPT);
});

describe("what PAM adds", () => {
  /** Lines of Ubuntu 24.04's file, and of Fedora's with the one that it includes. */
  const UBUNTU =
    "session    required   pam_env.so readenv=1 user_readenv=0\nsession required pam_env.so readenv=1 envfile=/etc/default/locale user_readenv=0\n@include common-auth\n";
  const files = {
    "/etc/environment": 'PATH="/usr/bin"\nHTTPS_PROXY="http://pam:1"\nhttp_proxy=http://pam:2\n',
    "/etc/default/locale": "LANG=de_DE.UTF-8\nLC_X=1\n",
  };

  test("variables of /etc/environment come in with their lines, and those that were preserved stay as they were", async () => {
    const found = await leftBy(
      "Defaults env_keep += http_proxy",
      { files: { ...files, "/etc/pam.d/sudo": UBUNTU } },
      { ...SHELL, http_proxy: "http://own:1" },
    );
    expect(found.variables).toEqual({
      PATH: "/bin",
      LANG: "C.UTF-8",
      HTTPS_PROXY: "http://pam:1",
      http_proxy: "http://own:1",
      LC_X: "1",
    });
    expect([...found.origins]).toEqual([
      ["HTTPS_PROXY", "/etc/environment:2"],
      ["LC_X", "/etc/default/locale:2"],
    ]);
  });

  test.each([
    [
      "where a file that it includes says so",
      {
        "/etc/pam.d/sudo": "auth include system-auth\n",
        "/etc/pam.d/system-auth": "auth        required      pam_env.so\n",
      },
      3,
    ],
    [
      "where the line's control is in brackets",
      { "/etc/pam.d/sudo": "-session [default=ignore success=ok] /lib/security/pam_env.so\n" },
      3,
    ],
    [
      "not where it is switched off",
      { "/etc/pam.d/sudo": "session required pam_env.so readenv=0 user_readenv=1\n" },
      0,
    ],
    ["not where the line is a comment", { "/etc/pam.d/sudo": "#session required pam_env.so\n" }, 0],
    ["not where another module stands", { "/etc/pam.d/sudo": "session required pam_limits.so\n" }, 0],
    ["not where there is no PAM", {}, 0],
  ] as readonly (readonly [string, Readonly<Record<string, string>>, number])[])(
    "/etc/environment is read %s",
    async (_what, pam, count) => {
      expect(await pamVariables(fakeProber({ files: { ...files, ...pam } }), "sudo")).toHaveLength(count);
    },
  );

  test("files of PAM that include each other have an end", async () => {
    const pam = { "/etc/pam.d/sudo": "@include a\n", "/etc/pam.d/a": "@include sudo\nsession required pam_env.so\n" };
    expect(await pamVariables(fakeProber({ files: { ...files, ...pam } }), "sudo")).toHaveLength(3);
  });
});

test("env_file adds what is not there yet", async () => {
  const found = await leftBy('Defaults env_file="/etc/sudo.env"', {
    files: { "/etc/sudo.env": "export HTTPS_PROXY='http://f:1'\nPATH=/f\n" },
  });
  expect(found.variables).toEqual({ PATH: "/bin", LANG: "C.UTF-8", HTTPS_PROXY: "http://f:1" });
  expect([...found.origins]).toEqual([["HTTPS_PROXY", "/etc/sudo.env:1"]]);
});
