import { afterEach, describe, expect, jest, test } from "@jest/globals";
import type { Finding, Remedy } from "../../src/model/report.ts";
import { asReport } from "../support/schema.ts";
import {
  asNobody,
  background,
  expectFault,
  findingOf,
  type Host,
  inRoot,
  instancesOf,
  lab,
  newRoot,
  on,
  preflight,
  preflightInRoot,
} from "./lab.ts";

jest.setTimeout(180_000);

afterEach(async () => {
  await lab("restore");
});

const NODE = process.execPath;
const NET = 'const net = require("node:net");';

/** Somebody who listens there; `rest`: further options of `listen`. */
const hold = async (host: Host, address: string, port = 8080, rest = ""): Promise<void> => {
  const server = `${NET} net.createServer().listen({ host: "${address}", port: ${port}${rest} }, () => console.log("ready"))`;
  await background(host, `${NODE} -e '${server}'`).prints(/ready/);
};

/** A program to its end. */
const ran = async (host: Host, program: string): Promise<void> => {
  const { exitCode, stderr } = await background(host, program).ended;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
};

const ports = async (host: Host, ...flags: readonly string[]) =>
  (await preflight(host, "--only", "port", ...flags)).report;

/** The remedy that gives CrowdSec another port. */
const moveIn = ({ remedy }: Finding): Remedy => {
  const found = remedy.find(({ text }) => text.startsWith("Another port for"));
  if (found === undefined) throw new Error("no other port is given");
  return found;
};

/** Types the commands of a report, but for those to systemd, which does not run here. */
const type = async (run: (command: string) => Promise<unknown>, commands: readonly string[] = []): Promise<void> => {
  for (const command of commands.filter((one) => !one.startsWith("systemctl "))) await run(command);
};

const HELD = { status: "fail", phase: "host", code: "port-in-use", party: "this-host" } as const;

/** A unit that is enabled, as files: systemd does not run here, so it is not started. */
const enable = (host: Host, unit: string, target: string, ...lines: readonly string[]): Promise<string> =>
  on(
    host,
    `cd /etc/systemd/system && mkdir -p ${target}.wants && printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} >${unit} && ln -s ../${unit} ${target}.wants/`,
  );

describe("before the install, on a host that is bare", () => {
  test.each([
    ["[::]", "::"],
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
  ])(
    "8080 held on %s is told by process, and the port that is given in its place can be had",
    async (shown, address) => {
      await hold("fresh", address);
      const report = await ports("fresh");
      const summary = new RegExp(
        `^127\\.0\\.0\\.1:8080 \\(default\\).* held by node \\(pid \\d+\\) on ${shown.replace(/[[\].]/g, "\\$&")}:8080$`,
      );
      expectFault(report, "port-lapi", { ...HELD, remedy: /8081 is the first free one/, summary });
      expect(findingOf(report, "port-metrics").status).toBe("pass");
      await hold("fresh", "127.0.0.1", 8081);
      // And now it is the next one.
      expectFault(await ports("fresh"), "port-lapi", { ...HELD, remedy: /8082 is the first free one/ });
    },
  );

  test.each([
    ["on all of IPv6 and nothing else", "::", ", ipv6Only: true"],
    ["on IPv6's loopback", "::1", ""],
    ["on another address of this host", "10.77.0.50", ""],
  ])("8080 held %s is no fault: the address that CrowdSec takes is free", async (_where, address, rest) => {
    await hold("fresh", address, 8080, rest);
    const { status, summary } = findingOf(await ports("fresh"), "port-lapi");
    expect({ status, summary }).toEqual({ status: "pass", summary: expect.stringMatching(/node .* leaves it free$/) });
    // As it will.
    await hold("fresh", "127.0.0.1");
  });

  test("6060 taken is a warning", async () => {
    await hold("fresh", "127.0.0.1", 6060);
    const { report, exitCode } = await preflight("fresh", "--only", "port");
    expectFault(report, "port-metrics", { ...HELD, status: "warn", remedy: /6061 is the first free one/ });
    expect([findingOf(report, "port-lapi").status, exitCode]).toEqual(["pass", 0]);
  });

  test("UDP on 8080 is no fault", async () => {
    const socket = 'require("node:dgram").createSocket("udp4").bind(8080, () => console.log("ready"))';
    await background("fresh", `${NODE} -e '${socket}'`).prints(/ready/);
    expect(findingOf(await ports("fresh"), "port-lapi").status).toBe("pass");
  });

  test("what a connection to 6060 has left behind (TIME_WAIT) is no fault", async () => {
    const once = `${NET} const server = net.createServer((socket) => { socket.end(); server.close(); }).listen(6060, "127.0.0.1", () => net.connect(6060, "127.0.0.1").resume())`;
    await ran("fresh", `${NODE} -e '${once}'`);
    expect(await on("fresh", "ss -Htan state time-wait 'sport = :6060'")).toMatch(/127\.0\.0\.1:6060/);
    expect(findingOf(await ports("fresh"), "port-metrics").status).toBe("pass");
  });

  test("a socket that is bound to 8080 and does not listen is found by the real try alone", async () => {
    const bound =
      'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(8080, INADDR_LOOPBACK)) or die; $| = 1; print "ready"; sleep';
    await background("fresh", `perl -e '${bound}'`).prints(/ready/);
    expect(await on("fresh", "ss -Hltn 'sport = :8080'")).toBe("");
    expectFault(await ports("fresh"), "port-lapi", {
      ...HELD,
      remedy: /ss -tanp 'sport = :8080'.*8081 is the first free one/s,
      summary: /held by something that does not listen/,
    });
  });

  test("who holds it in a process namespace of its own is told as one in a container", async () => {
    const server = `${NET} net.createServer().listen(8080, "127.0.0.1", () => console.log("ready"))`;
    await background("fresh", `unshare --mount --pid --fork --kill-child ${NODE} -e '${server}'`).prints(/ready/);
    expectFault(await ports("fresh"), "port-lapi", {
      ...HELD,
      remedy: /./,
      summary: /held by node \(pid \d+, in a container\) on 127\.0\.0\.1:8080$/,
    });
  });

  test("an address that this host does not have is told; and one below 1024 without root is not known", async () => {
    const plan = (uri: string): Promise<string> =>
      on(
        "fresh",
        `mkdir -p /etc/crowdsec && printf 'api:\\n  server:\\n    listen_uri: ${uri}\\n' >/etc/crowdsec/config.yaml.local`,
      );
    await plan("10.0.0.5:8080");
    expectFault(await ports("fresh"), "port-lapi", {
      status: "fail",
      phase: "host",
      code: "bind-no-address",
      party: "configuration",
      remedy: /10\.77\.0\.50/,
      summary: /10\.0\.0\.5:8080 \(\/etc\/crowdsec\/config\.yaml\.local:3\)/,
    });
    await plan("127.0.0.1:80");
    expect(findingOf(await ports("fresh"), "port-lapi").status).toBe("pass");
    expect(await asNobody("fresh", "--only port")).toMatch(/run as root: 127\.0\.0\.1:80 may not be listened on/);
  });

  test("what is enabled, does not run, and would take a port with the next start is told by unit, file and line", async () => {
    await enable("fresh", "web.socket", "sockets.target", "[Socket]", "ListenStream=8080");
    await enable("fresh", "debug.service", "multi-user.target", "[Service]", "ExecStart=/usr/bin/debug --listen :6060");
    await enable(
      "fresh",
      "far.service",
      "multi-user.target",
      "[Service]",
      "ExecStart=/usr/bin/far --upstream 127.0.0.1:8081",
    );
    const report = await ports("fresh");
    const told = { status: "warn", phase: "host", code: "port-taken-at-boot", party: "this-host" } as const;
    expectFault(report, "port-lapi", {
      ...told,
      remedy: /systemctl disable web\.socket.*8081 is the first free one/s,
      summary: /by web\.socket \(\/etc\/systemd\/system\/web\.socket:2: ListenStream=8080\)/,
    });
    expectFault(report, "port-metrics", {
      ...told,
      remedy: /systemctl disable debug\.service/,
      summary: /by debug\.service \(\/etc\/systemd\/system\/debug\.service:2: --listen :6060\)/,
    });
  });

  test("what was bound is given back, and nothing is left behind", async () => {
    await ports("fresh");
    expect(await on("fresh", "ss -Hltn '( sport = :8080 or sport = :6060 )'")).toBe("");
  });

  test("the report's commands lead Debian's packages around both ports, and CrowdSec starts there", async () => {
    await newRoot("fresh");
    await hold("fresh", "127.0.0.1", 8080);
    await hold("fresh", "127.0.0.1", 6060);
    const shell = async (command: string): Promise<string> => {
      const { exitCode, stdout, stderr } = await inRoot("fresh", command);
      expect({ command, exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ command, exitCode: 0, stderr: "" });
      return stdout;
    };
    const { report } = await preflightInRoot("fresh", {}, "--only", "port");
    const lapi = findingOf(report, "port-lapi");
    await type(shell, moveIn(lapi).commands);
    await type(shell, moveIn(findingOf(report, "port-metrics")).commands);
    const { report: moved } = await preflightInRoot("fresh", {}, "--only", "port");
    expect(instancesOf(moved, "pass")).toEqual(["port-lapi", "port-metrics"]);
    expect(findingOf(moved, "port-lapi").target).toMatchObject({ port: 8081 });

    await shell("apt-get install crowdsec");
    await shell("apt-get install crowdsec-firewall-bouncer");
    await type(shell, lapi.remedy.at(-1)?.commands);
    const of = (path: string): Promise<string> => shell(`cat /etc/crowdsec/${path}`);
    expect(await of("local_api_credentials.yaml")).toMatch(/^url: http:\/\/127\.0\.0\.1:8081\/?$/m);
    expect(await of("bouncers/crowdsec-firewall-bouncer.yaml")).toMatch(/^api_url: http:\/\/127\.0\.0\.1:8081\/$/m);
    // Debian's own line, which its script leaves out where there is such a file.
    expect(await of("config.yaml.local")).toMatch(/^db_config:\n {2}use_wal: true$/m);
    // Debian's acquisition follows the journal, and no journald runs here.
    await shell(
      "touch /var/log/lab.log; printf 'filenames: [/var/log/lab.log]\\nlabels: {type: syslog}\\n' >/etc/crowdsec/acquis.yaml",
    );
    background("fresh", "chroot /run/bare/root /usr/bin/crowdsec -c /etc/crowdsec/config.yaml");
    await lab("wait", "fresh", "127.0.0.1", "8081");
    await lab("wait", "fresh", "127.0.0.1", "6061");
    const { stdout } = await inRoot(
      "fresh",
      `${NODE} ${process.cwd()}/bin/crowdsec-preflight.js -o json --only port,lapi,metrics,config-agreement`,
    );
    const started = asReport(stdout);
    expect(instancesOf(started, "fail", "warn", "unknown")).toEqual([]);
    expect(instancesOf(started, "pass")).toEqual(
      expect.arrayContaining([
        "port-lapi",
        "port-metrics",
        "lapi-identity@agent",
        "lapi-identity@crowdsec-firewall-bouncer",
      ]),
    );
  });
});

describe("with CrowdSec installed", () => {
  const files = "/etc/crowdsec/config.yaml /etc/crowdsec/config.yaml.local /etc/crowdsec/local_api_credentials.yaml";

  test.each<[Host, string]>([
    ["allinone", "127.0.0.1"],
    ["lapi", "10.77.0.10"],
  ])(
    "on host %s the report's commands give the Local API another port, where it starts and is ready; and they can be undone",
    async (host, address) => {
      const before = await on(host, `md5sum ${files}`);
      await lab("stop", host, "crowdsec");
      await hold(host, address);
      const report = await ports(host);
      expectFault(report, "port-lapi", { ...HELD, remedy: /8081 is the first free one/, summary: /held by node/ });
      const move = moveIn(findingOf(report, "port-lapi"));
      expect(move.text.includes("Clients on other hosts")).toBe(host === "lapi");
      expect(move.commands?.filter((one) => one.startsWith("sed "))).toHaveLength(2);
      await type((command) => on(host, command), move.commands);
      await lab("start", host, "crowdsec");
      await lab("wait", host, address, "8081");
      await lab("wait", host, "127.0.0.1", "6060");
      const { report: moved, exitCode } = await preflight(host);
      expect({ exitCode, bad: instancesOf(moved, "fail", "unknown") }).toEqual({ exitCode: 0, bad: [] });
      expect(findingOf(moved, "port-lapi")).toMatchObject({ status: "pass", target: { port: 8081 } });

      await type((command) => on(host, command), move.undo);
      expect(await on(host, `md5sum ${files} && ls /etc/crowdsec/*.preflight 2>/dev/null || true`)).toBe(before);
      // With its files as they were nothing else would say that it has to be started again.
      await lab("stop", host, "crowdsec");
    },
  );

  test("the metrics' port as well", async () => {
    await lab("stop", "allinone", "crowdsec");
    await hold("allinone", "0.0.0.0", 6060);
    const report = await ports("allinone");
    expectFault(report, "port-metrics", { ...HELD, status: "warn", remedy: /6061 is the first free one/ });
    await type((command) => on("allinone", command), moveIn(findingOf(report, "port-metrics")).commands);
    await lab("start", "allinone", "crowdsec");
    await lab("wait", "allinone", "127.0.0.1", "6061");
    expect(instancesOf((await preflight("allinone", "--only", "port,metrics")).report, "fail", "warn")).toEqual([]);
  });

  test("an address that this host does not have is told without a try, and CrowdSec does not start on it", async () => {
    await on("allinone", "sed -i 's/127.0.0.1:8080/10.0.0.5:8080/' /etc/crowdsec/config.yaml.local");
    await lab("stop", "allinone", "crowdsec");
    await lab("start", "allinone", "crowdsec");
    const { report, exitCode } = await preflight("allinone");
    expect(exitCode).toBe(2);
    expectFault(report, "port-lapi", {
      status: "fail",
      phase: "host",
      code: "bind-no-address",
      party: "configuration",
      remedy: /10\.77\.0\.30.* as api\.server\.listen_uri/,
      summary:
        /10\.0\.0\.5:8080 \(\/etc\/crowdsec\/config\.yaml\.local:3\), an address that no interface of this host has/,
    });
    expect(await on("allinone", "cat /var/log/crowdsec.log")).toMatch(
      /10\.0\.0\.5:8080: bind: cannot assign requested address/,
    );
  });

  test("what would take 8080 at the next start is a warning while CrowdSec has it", async () => {
    await enable("allinone", "web.socket", "sockets.target", "[Socket]", "ListenStream=127.0.0.1:8080");
    const { report, exitCode } = await preflight("allinone");
    expect(exitCode).toBe(0);
    expectFault(report, "port-lapi", {
      status: "warn",
      phase: "host",
      code: "port-taken-at-boot",
      party: "this-host",
      remedy: /systemctl disable web\.socket/,
      summary: /web\.socket .*; crowdsec \(pid \d+\) on 127\.0\.0\.1:8080$/,
    });
    expect(instancesOf(report, "fail", "warn", "unknown")).toEqual(["port-lapi"]);
  });
});
