import { describe, expect, test } from "@jest/globals";
import check from "../../checks/package-state.ts";
import type { CommandObservation } from "../../src/model/observation.ts";
import type { Capi, Topology } from "../../src/model/topology.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { BEFORE_INSTALL, from } from "../support/topology.ts";
import { failedWith, HEALTHY, ranWith } from "../support/world.ts";

const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";
const INDEX = from("/etc/crowdsec/hub/.index.json", "/etc/crowdsec/config.yaml:14");
const DEBIANS = { "/usr/share/crowdsec/hub/.index.json": {} };
const PROGRAM = { executable: true } as const;
const HUB_THERE = { [INDEX.value]: {} };

const UNREGISTERED: Capi = {
  state: "unregistered",
  incomplete: { path: ONLINE, missing: ["url", "login", "password"] },
  url: from("https://api.crowdsec.net/", "default"),
  papiUrl: from("https://papi.api.crowdsec.net/", "default"),
};

/** What each package database says, by its program; those that are not named are not there. */
const hostWith = (
  said: Readonly<Record<string, CommandObservation>>,
  { paths = {}, ...world }: World = {},
  topology: Partial<Topology> = {},
): Given => ({
  world: {
    ...HEALTHY,
    // Of the other package that dpkg is asked for, none knows anything here.
    commands: ({ argv }) =>
      argv.at(-1) === "crowdsec-firewall-bouncer"
        ? ranWith(1, "no packages found matching crowdsec-firewall-bouncer")
        : (said[argv[0]] ?? failedWith("command-missing")),
    paths: { ...Object.fromEntries(Object.keys(said).map((program) => [program, PROGRAM])), ...paths },
    ...world,
  },
  topology: { hubIndex: INDEX, ...topology },
});
const dpkg = (letters: string, version = "1.4.6-6~deb12u1+b1", world: World = {}, topology: Partial<Topology> = {}) =>
  hostWith({ "/usr/bin/dpkg-query": ranWith(0, `${letters}|${version}\n`) }, world, topology);
const rpm = (version: string, topology: Partial<Topology> = {}, world: World = {}) =>
  hostWith({ "/usr/bin/rpm": ranWith(0, version) }, world, topology);

/** Debian's own package after an installation without a network: no credentials, no hub, and the unit is not enabled. */
const WITHOUT_NETWORK = dpkg(
  "iF ",
  undefined,
  { paths: DEBIANS, services: { crowdsec: { state: "stopped", enabled: false } } },
  { capi: UNREGISTERED },
);

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "package-half-configured": ["host", "fail", "this-host", WITHOUT_NETWORK],
  "package-incomplete": ["host", "warn", "this-host", rpm("1.7.8", { capi: UNREGISTERED })],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("Debian's own package", () => {
  test("without a network: what is missing, and which host its script stops at", async () => {
    const { summary, blame } = await findingOf(check, WITHOUT_NETWORK);
    expect(summary).toBe(
      `the installation of crowdsec 1.4.6-6~deb12u1+b1 did not finish (dpkg: half-configured): ${ONLINE} lacks url, login, password, the hub's index ${INDEX.value} is missing, crowdsec.service is not enabled; its script stops at cscli capi register, which has to reach api.crowdsec.net`,
    );
    expect(blame?.evidence[0]).toBe("dpkg: crowdsec 1.4.6-6~deb12u1+b1 is iF");
  });

  test("is finished with a network, or without one and without the Central API, and both can be taken back", async () => {
    const { remedy } = await findingOf(check, WITHOUT_NETWORK);
    expect(remedy.map(({ commands, undo }) => [commands, undo])).toEqual([
      [["dpkg --configure -a", "systemctl status crowdsec --no-pager"], undefined],
      [
        [`printf '# no thanks\\n' > ${ONLINE}`, "dpkg --configure crowdsec"],
        [`truncate -s 0 ${ONLINE}`, "cscli capi register", "systemctl restart crowdsec"],
      ],
    ]);
  });

  test("that is registered needs no way around", async () => {
    const { remedy, summary } = await findingOf(check, dpkg("iF ", undefined, { paths: DEBIANS }));
    expect(remedy.map(({ commands }) => commands?.[0])).toEqual(["dpkg --configure -a"]);
    expect(summary).not.toContain("its script stops");
  });
});

describe("the vendor's package", () => {
  const vendor = (version: string, world: World = {}, topology: Partial<Topology> = {}) =>
    findingOf(check, dpkg("iF ", version, world, topology));

  test.each<[string, string, World, Partial<Topology>, string]>([
    [
      "at the registration, which it does not try again, and then at the hub",
      "1.7.8",
      {},
      { capi: UNREGISTERED },
      "its script stops at cscli capi register, which has to reach api.crowdsec.net, or the next time at cscli hub update, which has to reach version.crowdsec.net and cdn-hub.crowdsec.net",
    ],
    [
      "at the registration",
      "1.7.8",
      { paths: HUB_THERE },
      { capi: UNREGISTERED },
      "its script stops at cscli capi register, which has to reach api.crowdsec.net",
    ],
    [
      "at the hub",
      "1.6.3",
      {},
      {},
      "its script stops at cscli hub update, which has to reach version.crowdsec.net and cdn-hub.crowdsec.net",
    ],
    [
      "at the hub of before 1.6.3, which had another name",
      "1.6.2",
      {},
      {},
      "its script stops at cscli hub update, which has to reach version.crowdsec.net and hub-cdn.crowdsec.net",
    ],
    [
      "behind both",
      "1.7.0",
      { paths: HUB_THERE },
      {},
      "its script stops at cscli hub upgrade or cscli setup unattended, which have to reach hub-data.crowdsec.net too",
    ],
  ])("stops %s", async (_name, version, world, topology, sentence) => {
    expect((await vendor(version, world, topology)).summary).toMatch(new RegExp(`; ${sentence}$`));
  });

  test("before 1.7, with nothing missing, says no more than that it did not finish", async () => {
    expect((await vendor("1.6.4", { paths: HUB_THERE })).summary).toBe(
      "the installation of crowdsec 1.6.4 did not finish (dpkg: half-configured)",
    );
  });

  test("does not register the second time: that is for the person to do", async () => {
    const { remedy } = await vendor("1.7.8", {}, { capi: UNREGISTERED });
    expect(remedy[0]).toMatchObject({
      commands: ["dpkg --configure -a", "cscli capi register", "systemctl restart crowdsec"],
      undo: [`truncate -s 0 ${ONLINE}`, "systemctl restart crowdsec"],
    });
    expect(remedy[1]?.text).toMatch(/^Without a network it cannot finish/);
    expect((await vendor("1.7.8")).remedy[0]?.commands).not.toContain("cscli capi register");
  });
});

describe("each state of dpkg", () => {
  const LOST = { paths: {}, services: { crowdsec: { state: "stopped", enabled: false } } } as const;

  test.each<[string, string, string]>([
    ["iF ", "half-configured", "dpkg --configure -a"],
    ["iU ", "unpacked, not configured", "dpkg --configure -a"],
    ["iW ", "waiting for another package", "dpkg --configure -a"],
    ["hF ", "half-configured", "dpkg --configure -a"],
    ["iH ", "half-installed", "apt-get install --reinstall crowdsec"],
    ["iHR", "half-installed", "apt-get install --reinstall crowdsec"],
    ["iFR", "half-configured", "apt-get install --reinstall crowdsec"],
    ["rH ", "half-installed", "dpkg --remove crowdsec"],
    ["pF ", "half-configured", "dpkg --remove crowdsec"],
  ])("%s is told, and mended in its own way", async (letters, words, command) => {
    const { status, fault, summary, remedy } = await findingOf(check, dpkg(letters, undefined, LOST));
    expect([status, fault?.code]).toEqual(["fail", "package-half-configured"]);
    expect(summary).toContain(`did not finish (dpkg: ${words})`);
    expect(remedy[0]?.commands?.[0]).toBe(command);
  });

  test.each(["rH ", "pF "])("%s, a removal, is finished or taken back: one of two, not both", async (letters) => {
    const { remedy } = await findingOf(check, dpkg(letters, undefined, LOST));
    expect(remedy.map(({ text, commands }) => [text, commands])).toEqual([
      ["Its removal did not finish: finish it.", ["dpkg --remove crowdsec"]],
      ["Or keep it: install it again.", ["apt-get install --reinstall crowdsec"]],
    ]);
  });

  test.each(["iU ", "iH ", "rH "])("%s has run no script that could have stopped anywhere", async (letters) => {
    expect((await findingOf(check, dpkg(letters, undefined, LOST, { capi: UNREGISTERED }))).summary).not.toContain(
      "its script stops",
    );
  });

  test.each(["ii ", "hi ", "it "])("%s is an installation that has finished", async (letters) => {
    expect(await findingOf(check, dpkg(letters, "1:1.7.8"))).toMatchObject({
      status: "pass",
      summary: `${check.title}: crowdsec 1.7.8 (dpkg)`,
    });
  });

  test.each<[string, string]>([
    ["rc ", "not applicable: the package was removed, and left its configuration"],
    ["un ", "not applicable: crowdsec is not installed"],
  ])("%s is none", async (letters, reason) => {
    expect(await findingOf(check, dpkg(letters, "1.4.6"))).toMatchObject({ status: "skip", reason });
  });
});

describe("a package whose script fails without a word", () => {
  test.each<[string, CommandObservation, string]>([
    ["/usr/bin/rpm", ranWith(0, "1.7.8"), "1.7.8"],
    ["/sbin/apk", ranWith(0, "crowdsec-1.7.8-r0 x86_64 {crowdsec} (MIT) [installed]\n"), "1.7.8-r0"],
    ["/usr/bin/dpkg-query", ranWith(0, "ii |1.7.8\n"), "1.7.8"],
  ])("of %s is told by what is missing", async (program, answer, version) => {
    const { status, summary } = await findingOf(check, hostWith({ [program]: answer }, {}, { capi: UNREGISTERED }));
    expect([status, summary]).toEqual([
      "warn",
      `crowdsec ${version} is installed, and its installation left things undone without a word: ${ONLINE} lacks url, login, password, the hub's index ${INDEX.value} is missing; what failed is cscli capi register, which has to reach api.crowdsec.net, and cscli hub update, which has to reach version.crowdsec.net and cdn-hub.crowdsec.net`,
    ]);
  });

  test.each<[string, string, string]>([
    ["1.7.0", "cscli setup unattended", "cscli collections install"],
    ["1.6.11", "cscli collections install crowdsecurity/linux", "setup unattended"],
  ])("%s is made up for with what that version has", async (version, has, hasNot) => {
    const { remedy } = await findingOf(check, rpm(version, { capi: UNREGISTERED }));
    const commands = remedy.flatMap((one) => one.commands ?? []);
    expect(commands.slice(0, 2)).toEqual(["cscli capi register", "cscli hub update"]);
    expect(commands).toContain(has);
    expect(commands.join("\n")).not.toContain(hasNot);
  });

  test.each<[string, Given]>([
    ["a hub", rpm("1.7.8", { capi: UNREGISTERED }, { paths: HUB_THERE })],
    ["credentials", rpm("1.7.8")],
    ["the Central API switched off", rpm("1.7.8", { capi: { ...UNREGISTERED, state: "off" } })],
    ["credentials that this user may not read", rpm("1.7.8", { capi: { hidden: "run as root: x" } })],
  ])("with %s it is no fault", async (_name, given) => {
    expect((await findingOf(check, given)).status).toBe("pass");
  });
});

describe("where there is nothing to ask", () => {
  test.each<[string, Given, string]>([
    ["no package manager", hostWith({}), "this host has no package manager that can be asked for crowdsec"],
    [
      "one that does not know it",
      hostWith({ "/usr/bin/dpkg-query": ranWith(1, "no packages found"), "/usr/bin/rpm": ranWith(1) }),
      "crowdsec is not installed",
    ],
  ])("%s: not applicable", async (_name, given, reason) => {
    expect(await findingOf(check, given)).toMatchObject({ status: "skip", reason: `not applicable: ${reason}` });
  });

  test("a program that others may change is not run", async () => {
    const { world, topology } = dpkg("iF ");
    const { findings, asked } = await runIn([check], {
      world: { ...world, paths: { "/usr/bin/dpkg-query": { ...PROGRAM, guarded: false } } },
      ...(topology && { topology }),
    });
    expect(findings[0]?.status).toBe("skip");
    expect(asked.filter((question) => question.startsWith("command"))).toEqual([]);
  });

  test("dpkg is asked for its own letters, and nothing that changes anything", async () => {
    const { asked } = await runIn([check], WITHOUT_NETWORK);
    expect(asked.filter((question) => question.startsWith("command"))).toEqual([
      // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it
      "command /usr/bin/dpkg-query -W -f=${db:Status-Abbrev}|${Version}\\n crowdsec",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it
      "command /usr/bin/dpkg-query -W -f=${db:Status-Abbrev}|${Version}\\n crowdsec-firewall-bouncer",
    ]);
  });

  test.each(["/usr/bin/dpkg-query", "/usr/bin/rpm"])("%s that does not answer: unknown", async (program) => {
    expect(await findingOf(check, hostWith({ [program]: failedWith("command-timeout") }))).toMatchObject({
      status: "unknown",
      reason: `${program} gave no answer: the system's words for command-timeout`,
    });
  });

  test("before an installation, where dpkg does not know it yet: not applicable", async () => {
    const given = hostWith({ "/usr/bin/dpkg-query": ranWith(1, "no packages found") });
    expect((await findingOf(check, { ...given, topology: BEFORE_INSTALL })).status).toBe("skip");
  });
});

describe("an installation that did not finish, on a host that counts as not installed", () => {
  const notInstalled = (letters: string, world: World = {}): Given => ({
    ...dpkg(letters, undefined, { services: {}, ...world }),
    topology: BEFORE_INSTALL,
  });

  test("because its configuration was removed: what is gone, and that no script can finish without it", async () => {
    const { status, summary, remedy } = await findingOf(check, notInstalled("iF ", { paths: DEBIANS }));
    expect([status, summary]).toEqual([
      "fail",
      `the installation of crowdsec 1.4.6-6~deb12u1+b1 did not finish (dpkg: half-configured): /etc/crowdsec/config.yaml is missing, ${ONLINE} is missing, the hub's index /var/lib/crowdsec/hub/.index.json is missing`,
    ]);
    expect(remedy.map(({ commands }) => commands)).toEqual([
      ["apt-get install --reinstall -o Dpkg::Options::=--force-confmiss crowdsec"],
    ]);
  });

  test("of the vendor's package, whose hub is elsewhere", async () => {
    const world = { paths: { [ONLINE]: { bytes: 0 }, "/etc/crowdsec/hub/.index.json": {} } };
    expect((await findingOf(check, notInstalled("iF ", world))).summary).toMatch(
      /: \/etc\/crowdsec\/config.yaml is missing, \S+ is empty$/,
    );
  });

  test("by --phase install, with its configuration there: as in any other phase", async () => {
    const given = { ...WITHOUT_NETWORK, topology: { ...WITHOUT_NETWORK.topology, phase: from("install", "--phase") } };
    const [asInstall, asRun] = await Promise.all([findingOf(check, given as Given), findingOf(check, WITHOUT_NETWORK)]);
    expect(asInstall.summary).toBe(asRun.summary);
  });

  test("only unpacked so far: nothing is missing yet", async () => {
    const { summary, remedy } = await findingOf(check, notInstalled("iU "));
    expect(summary).toBe(
      "the installation of crowdsec 1.4.6-6~deb12u1+b1 did not finish (dpkg: unpacked, not configured)",
    );
    expect(remedy[0]?.commands?.[0]).toBe("dpkg --configure -a");
  });
});

describe("the firewall bouncer beside it", () => {
  const PENDING = "/var/lib/crowdsec/pending-registration";
  const beside = (bouncer: CommandObservation, paths: World["paths"] = {}): Given => {
    const given = dpkg("iF ", undefined, { paths: { ...DEBIANS, ...paths } }, { capi: UNREGISTERED });
    const commands: World["commands"] = ({ argv }) =>
      argv.at(-1) === "crowdsec-firewall-bouncer" ? bouncer : ranWith(0, "iF |1.4.6-6~deb12u1+b1\n");
    return { ...given, world: { ...given.world, commands } };
  };

  test("that stopped as well is named, and so is the key that waits for crowdsec's script", async () => {
    const { summary } = await findingOf(check, beside(ranWith(0, "iF |0.0.25-4\n"), { [PENDING]: { bytes: 90 } }));
    expect(summary).toMatch(
      new RegExp(`; crowdsec-firewall-bouncer is half-configured too; its key waits in ${PENDING} to be registered$`),
    );
  });

  test.each<[string, CommandObservation]>([
    ["is configured", ranWith(0, "ii |0.0.25-4\n")],
    ["is not there", ranWith(1, "no packages found")],
    ["cannot be asked for", failedWith("command-timeout")],
  ])("that %s is not", async (_name, answer) => {
    expect((await findingOf(check, beside(answer))).summary).not.toContain("bouncer");
  });
});
