import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import { candidateVersion, firstSource, packageSources, vendorRepository } from "../../checks/package-source.ts";
import type { Context } from "../../src/model/check.ts";
import type { CommandObservation } from "../../src/model/observation.ts";
import { createProber } from "../../src/probes/index.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { NOW } from "../support/run.ts";
import { SYSTEMS, type SystemName } from "../support/systems.ts";
import { BEFORE_INSTALL, packageInstall } from "../support/topology.ts";
import { failedWith, ranWith } from "../support/world.ts";

/** As apt 2.6.1 printed it, on Debian 12 with these archives in private lists (Dir::State::lists). The probe hands lines on without indentation. */
const RECORDED = {
  debian: `crowdsec:
  Installed: (none)
  Candidate: 1.4.6-6~deb12u1+b1
  Version table:
     1.4.6-6~deb12u1+b1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
`,
  vendor: `crowdsec:
  Installed: (none)
  Candidate: 1.7.8
  Version table:
     1.7.8 500
        500 https://packagecloud.io/crowdsec/crowdsec/any any/main amd64 Packages
     1.7.7 500
        500 https://packagecloud.io/crowdsec/crowdsec/any any/main amd64 Packages
`,
  both: `crowdsec:
  Installed: (none)
  Candidate: 1.7.8
  Version table:
     1.7.8 500
        500 https://packagecloud.io/crowdsec/crowdsec/any any/main amd64 Packages
     1.7.7 500
        500 https://packagecloud.io/crowdsec/crowdsec/any any/main amd64 Packages
     1.4.6-6~deb12u1+b1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
`,
  pinned: `crowdsec:
  Installed: (none)
  Candidate: 1.4.6-6~deb12u1+b1
  Version table:
     1.7.8 500
        500 https://packagecloud.io/crowdsec/crowdsec/any any/main amd64 Packages
     1.4.6-6~deb12u1+b1 1001
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
`,
  forbidden: `crowdsec:
  Installed: (none)
  Candidate: (none)
  Version table:
     1.7.8 -1
        500 https://packagecloud.io/crowdsec/crowdsec/any any/main amd64 Packages
`,
  nothing: `crowdsec:
  Installed: (none)
  Candidate: (none)
  Version table:
`,
  half: `crowdsec:
  Installed: 1.4.6-6~deb12u1+b1
  Candidate: 1.4.6-6~deb12u1+b1
  Version table:
 *** 1.4.6-6~deb12u1+b1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
`,
  alone: `crowdsec:
  Installed: 1.7.8
  Candidate: 1.7.8
  Version table:
 *** 1.7.8 100
        100 /var/lib/dpkg/status
     1.4.6-6~deb12u1+b1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
`,
} as const;

const APT = "/usr/bin/apt-cache";
const PROGRAM = { executable: true } as const;
const LISTS = "/var/lib/apt/lists";
const UPDATED = { [LISTS]: ["lock", "deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4"] };
const VENDORS_LINE =
  "deb [signed-by=/etc/apt/keyrings/crowdsec.gpg] https://packagecloud.io/crowdsec/crowdsec/any any main\n";
const CONFIGURED = {
  folders: { ...UPDATED, "/etc/apt/sources.list.d": ["crowdsec.list", "crowdsec.list.save", "debian.sources"] },
  files: { "/etc/apt/sources.list.d/crowdsec.list": VENDORS_LINE },
} as const satisfies World;
const VENDORS_FILE = "/etc/apt/sources.list.d/crowdsec.list";

const contextOn = (name: SystemName, world: World): { context: Context; asked: readonly string[] } => {
  const probe = fakeProber(world);
  const topology = packageInstall({ ...BEFORE_INSTALL, system: SYSTEMS[name].system });
  return {
    context: { topology, probe, now: NOW, version: async () => undefined, allowWrites: false },
    asked: probe.asked,
  };
};
const apt = (said: string | CommandObservation, { paths, ...world }: World = {}): World => ({
  commands: () => (typeof said === "string" ? ranWith(0, said.replace(/^ +/gm, "")) : said),
  paths: { [APT]: PROGRAM, ...paths },
  folders: UPDATED,
  ...world,
});
const sourcesOn = (name: SystemName, world: World) => packageSources(contextOn(name, world).context);

const DEBIAN = {
  kind: "debian",
  version: [1, 4, 6],
  release: "1.4.6-6~deb12u1+b1",
  origin: "apt-cache policy: http://deb.debian.org/debian bookworm/main",
  archive: "http://deb.debian.org/debian bookworm/main",
} as const;
const VENDOR = {
  kind: "vendor-deb",
  version: [1, 7, 8],
  release: "1.7.8",
  origin: "apt-cache policy: https://packagecloud.io/crowdsec/crowdsec/any any/main",
  archive: "https://packagecloud.io/crowdsec/crowdsec/any any/main",
} as const;
/** Of what apt need not fetch. */
const fetched = <T extends { readonly archive: string }>({ archive, ...source }: T, origin = archive) => ({
  ...source,
  origin: `apt-cache policy: ${origin}`,
  fetched: true,
});
const SCRIPT = { kind: "script", origin: "CrowdSec's own repository is not set up here" } as const;

describe("on Debian, what apt would take comes first", () => {
  test.each<[string, World, readonly unknown[]]>([
    ["Debian's own; else the vendor's, by its script", apt(RECORDED.debian), [DEBIAN, SCRIPT]],
    ["the vendor's, whose repository is configured", apt(RECORDED.vendor, CONFIGURED), [VENDOR]],
    ["the newest of both", apt(RECORDED.both, CONFIGURED), [VENDOR, DEBIAN]],
    ["the one that is pinned", apt(RECORDED.pinned, CONFIGURED), [DEBIAN, VENDOR]],
    ["none: the script sets the vendor's up", apt(RECORDED.nothing), [SCRIPT]],
    ["what is there already, half-configured", apt(RECORDED.half), [fetched(DEBIAN), SCRIPT]],
    [
      "what is installed from nowhere",
      apt(RECORDED.alone),
      [fetched(VENDOR, "only what is installed here already"), DEBIAN],
    ],
  ])("%s", async (_name, world, expected) => {
    expect(await sourcesOn("debian", world)).toEqual(expected);
  });

  test("and is told when the vendor's is configured, but its list was never fetched", async () => {
    const [first, ...others] = (await sourcesOn("debian", apt(RECORDED.debian, CONFIGURED))) as readonly unknown[];
    expect(first).toEqual({
      ...DEBIAN,
      note: `CrowdSec's repository is configured in ${VENDORS_FILE}, and apt has no list of it: apt-get update`,
    });
    expect(others).toEqual([]);
  });

  test.each<[string, string, string]>([
    ["a mirror of Debian's", "https://mirror.corp.example/debian bookworm/main amd64 Packages", "debian"],
    ["Ubuntu's", "http://archive.ubuntu.com/ubuntu noble/universe amd64 Packages", "debian"],
  ])("%s is one of the distribution's by the revision in its version", async (_name, archive, kind) => {
    const said = RECORDED.debian.replace(/http:.*/, archive);
    expect((await firstSource(contextOn("debian", apt(said)).context))?.kind).toBe(kind);
  });

  test("a mirror of the vendor's is the vendor's, and its password is not repeated", async () => {
    const said = RECORDED.vendor.replaceAll("packagecloud.io/crowdsec", "me:canary-password@mirror.corp.example");
    expect(await firstSource(contextOn("debian", apt(said)).context)).toEqual({
      ...VENDOR,
      origin: "apt-cache policy: https://mirror.corp.example/crowdsec/any any/main",
      archive: "https://mirror.corp.example/crowdsec/any any/main",
    });
  });

  const MIRROR = "https://mirror.corp.example/repo stable/main";
  const mirrored = (version: string, signer?: string): World => ({
    ...apt(""),
    commands: ({ argv }) =>
      ranWith(
        0,
        argv.at(-1) === "crowdsec"
          ? `crowdsec:\nInstalled: (none)\nCandidate: ${version}\nVersion table:\n${version} 500\n500 ${MIRROR} amd64 Packages\n`
          : // As apt 2.6.1 prints it, of every archive.
            `Package files:\n100 /var/lib/dpkg/status\nrelease a=now\n500 ${MIRROR} amd64 Packages\n${signer === undefined ? "" : `release v=1,o=${signer},a=any,n=any,l=any,c=main,b=amd64\n`}origin mirror.corp.example\nPinned packages:\n`,
      ),
  });
  test.each<[string, string, string | undefined, string]>([
    ["the vendor's, whatever its version looks like", "1.7.8-1", "packagecloud.io/crowdsec/crowdsec", "vendor-deb"],
    ["Debian's, whatever its version looks like", "1.7.8", "Debian", "debian"],
    ["Ubuntu's", "1.7.8", "Ubuntu", "debian"],
    ["a company's own, with a revision", "1.7.8-1", "Corp", "debian"],
    ["nobody's, without one", "1.7.8", undefined, "vendor-deb"],
  ])("a mirror of %s, is told by its Release file", async (_name, version, signer, kind) => {
    expect((await firstSource(contextOn("debian", mirrored(version, signer)).context))?.kind).toBe(kind);
  });

  test("a mirror whose Release file tells nothing is told by its address", async () => {
    const said = RECORDED.vendor
      .replaceAll("packagecloud.io/crowdsec", "mirror.corp.example")
      .replaceAll("1.7.8", "1.7.8-1");
    expect((await firstSource(contextOn("debian", apt(said)).context))?.kind).toBe("vendor-deb");
  });

  test.each<[string, string, boolean]>([
    ["its file is there", "crowdsec_1.4.6-6~deb12u1+b1_amd64.deb", true],
    ["another version's is", "crowdsec_1.4.6-6~deb12u1_amd64.deb", false],
    ["only a bouncer's is", "crowdsec-firewall-bouncer_1.4.6-6~deb12u1+b1_amd64.deb", false],
  ])("what apt has fetched already needs no archive: %s", async (_name, file, is) => {
    const world = { ...apt(RECORDED.debian), folders: { ...UPDATED, "/var/cache/apt/archives": ["lock", file] } };
    expect(await firstSource(contextOn("debian", world).context)).toEqual(is ? fetched(DEBIAN) : DEBIAN);
  });

  test("an epoch's colon is written otherwise in the name of a file", async () => {
    const said = RECORDED.debian.replaceAll("1.4.6-6", "1:1.4.6-6");
    const name = "crowdsec_1%3a1.4.6-6~deb12u1+b1_amd64.deb";
    const world = { ...apt(said), folders: { ...UPDATED, "/var/cache/apt/archives": [name] } };
    expect(await firstSource(contextOn("debian", world).context)).toMatchObject({ fetched: true });
  });
});

test("apt's own indentation changes nothing", async () => {
  const indented = apt(ranWith(0, RECORDED.both), CONFIGURED);
  expect(await sourcesOn("debian", indented)).toEqual([VENDOR, DEBIAN]);
});

test("the real apt-cache, where there is one, is understood through the real probe", async () => {
  const signal = new AbortController().signal;
  const probe = createProber({ platform: process.platform, userAgent: "test", timeoutMs: 5000, signal });
  const context = { ...contextOn("debian", {}).context, probe };
  const sources = await packageSources(context);
  const policy = spawnSync(APT, ["policy", "crowdsec"], { encoding: "utf8", env: {} });
  const candidate = /Candidate: ([^(\s]+)$/m.exec(policy.stdout ?? "")?.[1];
  const [first] = "unknown" in sources ? [] : sources;
  expect(first?.release).toBe(candidate);
});

describe("what cannot be told is told as such", () => {
  test.each<[string, World, string]>([
    [
      "no lists yet",
      apt(RECORDED.nothing, { folders: { [LISTS]: ["lock", "partial"] } }),
      "apt has no lists of packages here yet: run apt-get update first",
    ],
    [
      "no list of the vendor's yet",
      apt(RECORDED.nothing, CONFIGURED),
      `apt has no list of the repository in ${VENDORS_FILE} here yet: run apt-get update first`,
    ],
    [
      "a pin forbids it",
      apt(RECORDED.forbidden, CONFIGURED),
      "apt's preferences (apt_preferences(5)) let no crowdsec be installed",
    ],
    [
      "apt-cache hangs",
      apt(failedWith("command-timeout")),
      `${APT} gave no answer: the system's words for command-timeout`,
    ],
    ["apt-cache fails", apt(ranWith(100, "E: broken")), `${APT} policy ended with exit code 100`],
    ["no apt-cache", {}, `what would be installed cannot be told: there is no ${APT}`],
    ["this user may not look", { paths: { [APT]: failedWith("file-denied") } }, `${APT} is not one that can be asked`],
  ])("%s", async (_name, world, unknown) => {
    const { context } = contextOn("debian", world);
    expect(await packageSources(context)).toEqual({ unknown });
    expect(await candidateVersion(context)).toBeUndefined();
  });

  test("an apt-cache that others may change is not run", async () => {
    const { context, asked } = contextOn(
      "debian",
      apt(RECORDED.debian, { paths: { [APT]: { ...PROGRAM, guarded: false } } }),
    );
    expect(await packageSources(context)).toEqual({ unknown: `${APT} is not one that can be asked` });
    expect(asked.filter((question) => question.startsWith("command"))).toEqual([]);
  });
});

test("apt-cache is asked so that it writes no index, and nothing else is run", async () => {
  const { context, asked } = contextOn("debian", apt(RECORDED.debian));
  await packageSources(context);
  expect(asked.filter((question) => question.startsWith("command"))).toEqual([
    `command ${APT} -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy crowdsec`,
  ]);
});

describe("elsewhere nothing is run at all", () => {
  const REPO = "[crowdsec_crowdsec]\nbaseurl=https://packagecloud.io/crowdsec/crowdsec/rpm_any/rpm_any/$basearch\n";

  test.each<[string, SystemName, World, readonly unknown[]]>([
    [
      "an rpm system with the vendor's repository",
      "rhel",
      {
        folders: { "/etc/yum.repos.d": ["crowdsec.repo"] },
        files: { "/etc/yum.repos.d/crowdsec.repo": `${REPO}enabled=1\n` },
      },
      [{ kind: "vendor-rpm", origin: "/etc/yum.repos.d/crowdsec.repo" }],
    ],
    [
      "SUSE with it",
      "suse",
      { folders: { "/etc/zypp/repos.d": ["crowdsec.repo"] }, files: { "/etc/zypp/repos.d/crowdsec.repo": REPO } },
      [{ kind: "vendor-rpm", origin: "/etc/zypp/repos.d/crowdsec.repo" }],
    ],
    [
      "one that has it switched off",
      "rhel",
      {
        folders: { "/etc/yum.repos.d": ["crowdsec.repo"] },
        files: { "/etc/yum.repos.d/crowdsec.repo": `${REPO}enabled=0\n` },
      },
      [SCRIPT],
    ],
    ["one without it", "rhel", { folders: { "/etc/yum.repos.d": ["rocky.repo"] } }, [SCRIPT]],
    ["Alpine", "alpine", {}, [{ kind: "alpine", origin: "apk: Alpine's own repositories" }]],
    ["FreeBSD", "freebsd", {}, [{ kind: "freebsd", origin: "pkg: security/crowdsec" }]],
    ["a host with no package manager that is known", "bare", {}, []],
    [
      "a host with docker beside it",
      "bare",
      { paths: { "/usr/bin/docker": PROGRAM } },
      [{ kind: "image", origin: "/usr/bin/docker" }],
    ],
    [
      "a container, which starts none",
      "docker",
      { paths: { "/usr/bin/docker": PROGRAM } },
      [{ kind: "alpine", origin: "apk: Alpine's own repositories" }],
    ],
  ])("%s", async (_name, system, world, expected) => {
    const { context, asked } = contextOn(system, world);
    expect(await packageSources(context)).toEqual(expected);
    expect(asked.filter((question) => question.startsWith("command"))).toEqual([]);
  });

  test("an image is never what the package manager would take", async () => {
    const { context } = contextOn("bare", { paths: { "/usr/bin/podman": PROGRAM } });
    expect(await firstSource(context)).toBeUndefined();
  });
});

describe("the vendor's repository counts", () => {
  const file = (name: string, content: string): World => ({
    folders: { "/etc/apt/sources.list.d": [name] },
    files: { [`/etc/apt/sources.list.d/${name}`]: content },
  });
  const DEB822 = "Types: deb\nURIs: https://packagecloud.io/crowdsec/crowdsec/any\nSuites: any\nComponents: main\n";

  test.each<[string, World, boolean]>([
    ["a line", file("crowdsec.list", VENDORS_LINE), true],
    ["a line behind a #", file("crowdsec.list", `# ${VENDORS_LINE}`), false],
    ["a paragraph", file("crowdsec.sources", DEB822), true],
    ["a paragraph that is switched off", file("crowdsec.sources", `${DEB822}Enabled: no\n`), false],
    ["one paragraph of two", file("crowdsec.sources", `${DEB822}\nTypes: deb-src\nEnabled: no\n`), true],
    ["a file with an ending that apt passes over", file("crowdsec.list.save", VENDORS_LINE), false],
    ["another's repository at the same place", file("x.list", "deb https://packagecloud.io/other/x any main\n"), false],
    ["sources.list itself", { files: { "/etc/apt/sources.list": VENDORS_LINE } }, true],
  ])("%s", async (_name, world, counts) => {
    const found = await vendorRepository(contextOn("debian", world).context);
    expect(found !== undefined).toBe(counts);
  });
});

test("the version that would be installed is that of the first source", async () => {
  expect(await candidateVersion(contextOn("debian", apt(RECORDED.pinned, CONFIGURED)).context)).toEqual([1, 4, 6]);
  expect(await candidateVersion(contextOn("rhel", {}).context)).toBeUndefined();
});
