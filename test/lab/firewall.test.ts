import { execFile } from "node:child_process";
import { afterEach, expect, jest, test } from "@jest/globals";
import type { Finding } from "../../src/model/report.ts";
import {
  background,
  environment,
  type Host,
  instancesOf,
  lab,
  on,
  PROXIES,
  preflight,
  preflightWith,
  type Variables,
} from "./lab.ts";

jest.setTimeout(90_000);

const FILE = "/run/allow-list";

/** What the command prints on a host, kept there too. */
const printed = async (host: Host, flags: readonly string[], variables: Variables = {}): Promise<string> => {
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const command = [
    ...assignments,
    process.execPath,
    `${process.cwd()}/bin/crowdsec-preflight.js`,
    "firewall",
    ...flags,
  ];
  return on(host, `env ${command.join(" ")} >${FILE} && cat ${FILE}`);
};

/** Printed for nft, and loaded as it is: twice, since it takes its own place. */
const closed = async (host: Host, flags: readonly string[] = [], variables: Variables = {}): Promise<void> => {
  await printed(host, ["-o", "nft", ...flags], variables);
  await on(host, `nft -c -f ${FILE} && nft -f ${FILE} && nft -f ${FILE}`);
};

/** Whether a host gets a TCP connection to ADDRESS/PORT within a second. */
const connects = (host: Host, ...places: readonly string[]): Promise<Readonly<Record<string, boolean>>> =>
  Promise.all(
    places.map(async (place) => {
      const answer = await on(host, `timeout 1 bash -c 'exec 3<>/dev/tcp/${place}' 2>/dev/null && echo yes || echo no`);
      return [place, answer === "yes\n"] as const;
    }),
  ).then((pairs) => Object.fromEntries(pairs));

const same = (places: readonly string[], open: boolean): Readonly<Record<string, boolean>> =>
  Object.fromEntries(places.map((place) => [place, open]));

/** Something listens there until the test ends. */
const serve = async (host: Host, address: string, port: number): Promise<void> => {
  const server = `net.createServer((socket) => socket.end()).listen(${port}, "${address}")`;
  background(host, `${process.execPath} -e '${server}'`);
  await lab("wait", host, address, String(port));
};

afterEach(async () => {
  await lab("restore");
});

const INTERNET = "10.77.1.11/443";
const INTERNET_6 = "fd77:0:1::11/443";
const LAPI = "10.77.0.10/8080";
/** Of host `database`, which no role needs here; another port of the internet; and another host of it. */
const ELSEWHERE = ["10.77.0.60/5432", "10.77.1.11/8443", "10.77.1.1/443"];

test.each<{ host: Host; open: readonly string[] }>([
  { host: "lapi", open: [INTERNET, INTERNET_6, "10.77.0.53/53"] },
  { host: "agent", open: ["10.77.1.16/443", LAPI, "10.77.0.53/53"] },
  { host: "allinone", open: [INTERNET, INTERNET_6, "10.77.0.53/53"] },
  { host: "bouncer", open: [LAPI, "10.77.0.53/53"] },
])(
  "on $host the list loads in nft as it is printed: the preflight stays green, and everything else is closed",
  async ({ host, open }) => {
    await serve("internet", "10.77.1.11", 8443);
    const before = await preflight(host);
    expect(await connects(host, ...open, ...ELSEWHERE)).toEqual(same([...open, ...ELSEWHERE], true));
    await closed(host);
    const after = await preflight(host);
    expect(before.report.summary.verdict).toMatch(/^ready/);
    expect(after.report.summary.verdict).toBe(before.report.summary.verdict);
    const statuses = (findings: readonly Finding[]) => findings.map(({ instance, status }) => `${instance} ${status}`);
    expect(statuses(after.report.findings)).toEqual(statuses(before.report.findings));
    expect(await connects(host, ...open, ...ELSEWHERE)).toEqual({ ...same(open, true), ...same(ELSEWHERE, false) });
    if (host === "bouncer") expect(await connects(host, INTERNET)).toEqual({ [INTERNET]: false });
  },
);

test("8080 lets in whom --from names and nobody else; without it nobody, and other ports stay as they are", async () => {
  await serve("lapi", "10.77.0.10", 2222);
  const places = [LAPI, "10.77.0.10/2222"];
  await closed("lapi", ["--from", "10.77.0.20"]);
  expect(await connects("agent", ...places)).toEqual(same(places, true));
  expect(await connects("prometheus", ...places)).toEqual({ [LAPI]: false, "10.77.0.10/2222": true });
  await closed("lapi");
  expect(await connects("agent", ...places)).toEqual({ [LAPI]: false, "10.77.0.10/2222": true });
  // As its comment says.
  await on("lapi", "nft add element inet crowdsec_preflight clients4 '{ 10.77.0.0/24 }'");
  expect(await connects("agent", ...places)).toEqual(same(places, true));
});

test("6060 lets Prometheus in by --metrics-from, and not those who may come to 8080", async () => {
  const metrics = "10.77.0.10/6060";
  await on("lapi", "printf 'prometheus:\\n  listen_addr: 10.77.0.10\\n' >>/etc/crowdsec/config.yaml.local");
  await lab("stop", "lapi", "crowdsec");
  await lab("start", "lapi", "crowdsec");
  await lab("wait", "lapi", "10.77.0.10", "6060");
  expect(await connects("bouncer", metrics)).toEqual({ [metrics]: true });
  await closed("lapi", ["--from", "10.77.0.20", "--metrics-from", "10.77.0.40/32"]);
  expect(await connects("prometheus", metrics, LAPI)).toEqual({ [metrics]: true, [LAPI]: false });
  expect(await connects("agent", metrics, LAPI)).toEqual({ [metrics]: false, [LAPI]: true });
});

test("behind a proxy the proxy is all that is open, and the preflight stays green", async () => {
  const variables = { HTTPS_PROXY: PROXIES.withCredentials };
  await environment("allinone", "crowdsec", variables);
  await lab("wait", "allinone", "127.0.0.1", "6060");
  const before = await preflightWith("allinone", variables);
  await closed("allinone", [], variables);
  const after = await preflightWith("allinone", variables);
  expect(instancesOf(before.report, "fail", "unknown")).toEqual([]);
  expect(instancesOf(after.report, "fail", "warn", "unknown")).toEqual(
    instancesOf(before.report, "fail", "warn", "unknown"),
  );
  const shut = [INTERNET, INTERNET_6, "10.77.0.80/3128", ...ELSEWHERE];
  expect(await connects("allinone", "10.77.0.80/3129", ...shut)).toEqual({
    "10.77.0.80/3129": true,
    ...same(shut, false),
  });
  expect(await on("allinone", `cat ${FILE}`)).not.toMatch(/canary|10\.77\.1\./);
});

test("squid takes the lines, lets CrowdSec's names through and nothing else", async () => {
  const lines = await printed("allinone", ["-o", "squid"]);
  await on(
    "proxy",
    `cat >/run/allow-list.conf <<'END'
http_port 3140
visible_hostname proxy.lab
pid_filename none
shutdown_lifetime 1 seconds
cache deny all
access_log none
cache_log /run/squid-allow.log
dns_nameservers 10.77.0.53
${lines}
http_access deny all
END
squid -k parse -f /run/allow-list.conf 2>&1 | tee /run/parsed; ! grep -E 'ERROR|FATAL|WARNING' /run/parsed`,
  );
  background("proxy", "squid -N -f /run/allow-list.conf");
  await lab("wait", "proxy", "10.77.0.80", "3140");
  const answer = (host: Host, url: string): Promise<string> =>
    on(host, `curl -s -m 5 -o /dev/null -w '%{http_connect} ' --proxy http://10.77.0.80:3140 '${url}' || true`);
  expect(await answer("allinone", "https://api.crowdsec.net/")).toBe("200 ");
  expect(await answer("allinone", "https://version.crowdsec.net/latest")).toBe("200 ");
  expect(await answer("allinone", "https://cdn-hub.crowdsec.net/")).toBe("403 ");
  expect(await answer("allinone", "https://api.crowdsec.net:8443/")).toBe("403 ");
  expect(await answer("agent", "https://api.crowdsec.net/")).toBe("403 ");
});

test("a list that nobody could complete says so: exit code 3 after a deadline, and unresolved names by name", async () => {
  await lab("stop", "resolver", "unbound");
  const unresolved = await printed("agent", ["--timeout", "500ms"]);
  expect(unresolved).toMatch(/NO ADDRESS KNOWN for hub-data\.crowdsec\.net tcp\/443/);
  const program = `${process.cwd()}/bin/crowdsec-preflight.js`;
  // By address such a list would shut CrowdSec off: it is printed, and not a success.
  const said = await on(
    "agent",
    `${process.execPath} ${program} firewall -o nft --timeout 500ms 2>&1 >${FILE}; echo $?; nft -c -f ${FILE} && echo loads`,
  );
  expect(said).toMatch(/hub-data\.crowdsec\.net.*this list would shut CrowdSec off\.\n3\nloads\n$/);
  const run = new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(
      "bash",
      ["scripts/lab", "exec", "agent", process.execPath, program, "firewall", "--deadline", "1s"],
      (error, _stdout, stderr) => resolve({ code: error?.code, stderr }),
    );
  });
  expect(await run).toMatchObject({ code: 3, stderr: expect.stringMatching(/cut off by --deadline 1\.0 s/) });
});
