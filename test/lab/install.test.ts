import { afterEach, expect, jest, test } from "@jest/globals";
import type { Party, Remedy, Report } from "../../src/model/report.ts";
import {
  background,
  editZone,
  expectFault,
  filter,
  findingOf,
  inRoot,
  instancesOf,
  lab,
  newRoot,
  on,
  onlyWayOut,
  PROXIES,
  preflightInRoot,
  restart,
} from "./lab.ts";

/** A silent host costs cscli half a minute. */
jest.setTimeout(180_000);

afterEach(async () => {
  await lab("restore");
});

const HOST = "fresh";
const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";
const CAPI = "api.crowdsec.net";
const SCRIPT = "install-script@debian";

/** The bare Debian, as before any installation, in a root of its own. */
const bare = (): Promise<string> => newRoot(HOST);

/** Runs in it what must succeed. */
const shell = async (command: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await inRoot(HOST, command);
  expect({ command, exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ command, exitCode: 0 });
  return stdout;
};

/** As a user types it; the exit code, and what apt, dpkg and the packages' scripts have said. */
const install = async (name = "crowdsec"): Promise<{ readonly exitCode: number; readonly said: string }> => {
  const { exitCode, stdout, stderr } = await inRoot(HOST, `apt-get install ${name}`);
  return { exitCode, said: `${stdout}${stderr}` };
};

/** dpkg's two letters for a package: what is wanted, and what is. */
const stateOf = async (name: string): Promise<string> => {
  const { stdout } = await inRoot(HOST, `dpkg-query -W -f='\${db:Status-Abbrev}' ${name}`);
  return stdout.trim();
};

/** Types the commands of a report, just as they stand there. */
const type = async (commands: readonly string[] | undefined): Promise<void> => {
  expect(commands).not.toEqual([]);
  for (const command of commands ?? []) await shell(command);
};

const remedyOf = (remedies: readonly Remedy[], text: RegExp): Remedy => {
  const [found, ...others] = remedies.filter((remedy) => text.test(remedy.text));
  if (found === undefined || others.length > 0)
    throw new Error(`not one remedy for ${text} in: ${remedies.map((remedy) => remedy.text).join(" | ")}`);
  return found;
};

/** A way in which the Central API cannot be reached. */
interface Blocked {
  readonly block: () => Promise<unknown>;
  readonly open: () => Promise<unknown>;
  /** Of the fault that says so beforehand. */
  readonly phase: string;
  readonly party: Party;
  /** What cscli says then. */
  readonly cscli: RegExp;
}

const filtered = (verdict: string): Pick<Blocked, "block" | "open"> => ({
  block: () =>
    filter(
      HOST,
      "output",
      ...["ip daddr 10.77.1.11", "ip6 daddr fd77:0:1::11"].map((to) => `${to} tcp dport 443 ${verdict}`),
    ),
  open: () => on(HOST, "nft flush ruleset"),
});

const UNRESOLVED: Blocked = {
  block: () => editZone(`/"${CAPI}/d`),
  open: async () => {
    await on("resolver", "cp /etc/unbound/lab-zone.healthy /etc/unbound/lab-zone.conf");
    await restart("resolver", "unbound");
  },
  phase: "resolve",
  party: "resolver",
  cscli: /no such host/,
};
const REFUSED: Blocked = {
  ...filtered("reject with tcp reset"),
  phase: "connect",
  party: "network",
  cscli: /connection refused/,
};
const SILENT: Blocked = { ...filtered("drop"), phase: "connect", party: "network", cscli: /i\/o timeout/ };

/** Says beforehand where the installation will stop; and there it stops. Resolves to how the report mends it afterwards. */
const foretellAndStop = async ({ phase, party, cscli }: Blocked): Promise<readonly Remedy[]> => {
  const { report, exitCode } = await preflightInRoot(HOST, {});
  expect(exitCode).toBe(2);
  // Names are asked for as this version does.
  expect(report.run).toMatchObject({ phase: "install", candidateVersion: "1.4.6" });
  expectFault(report, SCRIPT, {
    status: "fail",
    phase,
    code: "install-stops",
    party,
    remedy: /online_api_credentials\.yaml/,
    summary:
      /^apt-get install crowdsec would stop at cscli capi register: .*api\.crowdsec\.net.*half-configured \(dpkg: iF\), without a hub and not enabled/,
  });

  const { exitCode: failed, said } = await install();
  expect(failed).toBe(100);
  // The step before that one is done; it is tried, and ends the script; the next is not reached.
  expect(said).toMatch(/I: Registering to LAPI .*I: Registering to CAPI .*FATA.*api client register/s);
  expect(said).toMatch(cscli);
  expect(said).not.toMatch(/offline hub/);
  // And what was said to be left behind.
  expect(await stateOf("crowdsec")).toBe("iF");
  await shell(`test -s /etc/crowdsec/local_api_credentials.yaml && test -e ${ONLINE} && test ! -s ${ONLINE}`);
  await shell("test ! -e /var/lib/crowdsec/hub/.index.json && ! systemctl -q is-enabled crowdsec");
  return diagnose();
};

const diagnose = async (): Promise<readonly Remedy[]> => {
  const { report, exitCode } = await preflightInRoot(HOST, {});
  expect(exitCode).toBe(2);
  expectFault(report, "package-state", {
    status: "fail",
    phase: "host",
    code: "package-half-configured",
    party: "this-host",
    remedy: /dpkg --configure -a/,
    summary:
      /dpkg: half-configured.*online_api_credentials\.yaml lacks url, login, password.*hub.*index.*is missing.*stops at cscli capi register, which has to reach api\.crowdsec\.net/,
  });
  expect(report.causes[0]).toMatchObject({ id: "package-half-configured" });
  return findingOf(report, "package-state").remedy;
};

const expectFinished = async (): Promise<Report> => {
  expect(await stateOf("crowdsec")).toBe("ii");
  expect(await shell("systemctl is-enabled crowdsec")).toBe("enabled\n");
  await shell("test -s /var/lib/crowdsec/hub/.index.json && test -e /etc/crowdsec/collections/linux.yaml");
  const { report } = await preflightInRoot(HOST, {}, "--only", "package-state,credentials");
  expect(findingOf(report, "package-state").status).toBe("pass");
  return report;
};

const expectRegistered = (): Promise<string> =>
  shell(`grep -q '^login: .' ${ONLINE} && grep -q '^password: .' ${ONLINE}`);

const START = "/usr/bin/crowdsec -c /etc/crowdsec/config.yaml";
/** Debian's own acquisition follows the journal too; no journald runs here, and crowdsec would end on that. */
const NO_JOURNAL =
  "touch /var/log/lab.log; printf 'filenames: [/var/log/lab.log]\\nlabels: {type: syslog}\\n' >/etc/crowdsec/acquis.yaml";

/** As its unit starts it; then this host is ready. */
const expectStarts = async (port: number): Promise<void> => {
  await shell(NO_JOURNAL);
  background(HOST, `chroot /run/bare/root ${START}`);
  await lab("wait", HOST, "127.0.0.1", String(port));
  await lab("wait", HOST, "127.0.0.1", "6060");
  const { report, exitCode } = await preflightInRoot(HOST, {});
  expect({ exitCode, bad: instancesOf(report, "fail", "unknown") }).toEqual({ exitCode: 0, bad: [] });
};

test("on a bare Debian it says that the installation will finish, and so it does; then CrowdSec starts and is ready", async () => {
  await bare();
  const { report, exitCode } = await preflightInRoot(HOST, {});
  expect({ exitCode, bad: instancesOf(report, "fail", "unknown") }).toEqual({ exitCode: 0, bad: [] });
  expect(report.run.phase).toBe("install");
  const { status, summary } = findingOf(report, SCRIPT);
  expect(status).toBe("pass");
  const { exitCode: installed, said } = await install();
  expect({ installed, said }).toMatchObject({ installed: 0 });
  // The very package that was named.
  const version = await shell(`dpkg-query -W -f='\${Version}' crowdsec`);
  expect(summary).toContain(`takes ${version} `);
  await expectFinished();
  await expectRegistered();
  await expectStarts(8080);
});

test("without api.crowdsec.net in the DNS: it stops where it was said to; finished without a network, and joined later, by the report's commands", async () => {
  await bare();
  await UNRESOLVED.block();
  const remedy = remedyOf(await foretellAndStop(UNRESOLVED), /^Without a network/);
  await type(remedy.commands);
  const offline = await expectFinished();
  expect(findingOf(offline, "credentials@capi").fault?.code).toBe("capi-unregistered");
  await UNRESOLVED.open();
  await type(remedy.undo);
  await expectRegistered();
  expect(findingOf(await expectFinished(), "credentials@capi").status).toBe("pass");
});

test("with api.crowdsec.net refused: it stops where it was said to, even with the bouncer beside it; finished with the network back", async () => {
  await bare();
  await REFUSED.block();
  const remedies = await foretellAndStop(REFUSED);
  // The bouncer's own script ends well: it has a key, and is enabled, for a Local API that does not run.
  const { exitCode, said } = await install("crowdsec-firewall-bouncer");
  expect({ exitCode, said }).toEqual({
    exitCode: 100,
    said: expect.stringMatching(/Setting up crowdsec-firewall-bouncer/),
  });
  expect([await stateOf("crowdsec"), await stateOf("crowdsec-firewall-bouncer")]).toEqual(["iF", "ii"]);
  await shell("systemctl -q is-enabled crowdsec-firewall-bouncer");
  await shell("grep -q '^api_key: .' /etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml.local");
  // It is still the package that is to be mended.
  expect(await diagnose()).toEqual(remedies);
  const { commands = [] } = remedyOf(remedies, /^With a network/);
  expect((await inRoot(HOST, commands[0] ?? "")).exitCode).toBe(1);
  expect(await stateOf("crowdsec")).toBe("iF");
  await REFUSED.open();
  await type(commands);
  await expectFinished();
  await expectRegistered();
});

test("with api.crowdsec.net silent: it stops where it was said to, half a minute later; finished with the network back", async () => {
  await bare();
  await SILENT.block();
  const { commands } = remedyOf(await foretellAndStop(SILENT), /^With a network/);
  await SILENT.open();
  await type(commands);
  await expectFinished();
  await expectRegistered();
});

test("what is to be done beforehand lets the installation finish without a network, and joins the Central API later", async () => {
  await bare();
  await REFUSED.block();
  const { report } = await preflightInRoot(HOST, {});
  const { commands = [], undo } = remedyOf(findingOf(report, SCRIPT).remedy, /without the Central API/);
  const last = commands.at(-1) ?? "";
  await type(commands.slice(0, -1));
  const { report: prepared } = await preflightInRoot(HOST, {}, "--only", "install-script");
  expect(prepared.run.phase).toBe("install");
  expect(findingOf(prepared, SCRIPT).status).toBe("pass");
  expect(await stateOf("crowdsec")).toBe("");
  await type([last]);
  await expectFinished();
  await REFUSED.open();
  await type(undo);
  await expectRegistered();
});

test("or the proxy that the report speaks of, in the shell: it is foretold, and the package's script goes through it", async () => {
  await bare();
  await onlyWayOut(HOST);
  const { report } = await preflightInRoot(HOST, {});
  expect(findingOf(report, SCRIPT).fault?.code).toBe("install-stops");
  const { commands = [] } = remedyOf(findingOf(report, SCRIPT).remedy, /set a proxy for this shell/);
  const typed = commands.join("\n").replace("http://PROXY:3128", PROXIES.open);
  expect(typed).toContain(PROXIES.open);
  const { report: through } = await preflightInRoot(HOST, { https_proxy: PROXIES.open }, "--only", "install-script");
  expect(findingOf(through, SCRIPT).status).toBe("pass");
  await shell(typed);
  await expectFinished();
  await expectRegistered();
});

/** Another process has the Local API's port. */
const takePort = async (): Promise<void> => {
  background(HOST, `${process.execPath} -e 'require("node:net").createServer().listen(8080, "127.0.0.1")'`);
  await lab("wait", HOST, "127.0.0.1", "8080");
};

const movePort = async (text: RegExp): Promise<readonly string[] | undefined> => {
  const { report, exitCode } = await preflightInRoot(HOST, {});
  expect(exitCode).toBe(2);
  expectFault(report, "port-lapi", {
    status: "fail",
    phase: "host",
    code: "port-in-use",
    party: "this-host",
    remedy: /8081 is the first free one/,
    summary: /127\.0\.0\.1:8080.* is held by node/,
  });
  return remedyOf(findingOf(report, "port-lapi").remedy, text).commands;
};

test("a taken port does not stop the installation but the start, as was said before; on the port that the report gives, it starts", async () => {
  await bare();
  await takePort();
  await movePort(/^Another port/);
  expect((await install()).exitCode).toBe(0);
  await expectFinished();
  await shell(NO_JOURNAL);
  await inRoot(HOST, `timeout 20 ${START}`);
  expect(await shell("cat /var/log/crowdsec.log")).toMatch(/127\.0\.0\.1:8080: bind: address already in use/);
  await type(await movePort(/^Another port/));
  await expectStarts(8081);
});

test("or the other port is written before the install, and the package's script takes it over", async () => {
  await bare();
  await takePort();
  await type(await movePort(/^Another port.*Before the install/));
  expect((await install()).exitCode).toBe(0);
  expect(await shell("cat /etc/crowdsec/local_api_credentials.yaml")).toMatch(/^url: http:\/\/127\.0\.0\.1:8081\/?$/m);
  await expectStarts(8081);
});
