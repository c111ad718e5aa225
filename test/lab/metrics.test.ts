import { afterEach, expect, jest, test } from "@jest/globals";
import { expectFault, findingOf, lab, on, preflight, restart } from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

test("metrics that are switched off are a skip with the line that says so", async () => {
  await on("allinone", "printf 'prometheus:\\n  enabled: false\\n' >>/etc/crowdsec/config.yaml.local");
  await restart("allinone", "crowdsec");
  await lab("wait", "allinone", "127.0.0.1", "8080");
  const { report, exitCode } = await preflight("allinone");
  expect(exitCode).toBe(0);
  for (const id of ["metrics", "pprof-exposure"]) {
    expect(findingOf(report, id)).toMatchObject({
      status: "skip",
      reason: expect.stringContaining("config.yaml.local:7"),
    });
  }
  // Without metrics, the installed program tells its version.
  expect(report.run.engineVersion).toBe("1.4.6");
  expect([findingOf(report, "outgoing-hub").status, findingOf(report, "outgoing-hub-legacy").status]).toEqual([
    "skip",
    "pass",
  ]);
});

test("dropped metrics are a warning, and cost the rest of the run a second at most", async () => {
  await on(
    "allinone",
    "nft add table inet scene && nft add chain inet scene input '{ type filter hook input priority 0; }' && nft add rule inet scene input tcp dport 6060 drop",
  );
  const { report, exitCode } = await preflight("allinone", "--timeout", "2s");
  expect(exitCode).toBe(0);
  expectFault(report, "metrics", {
    status: "warn",
    phase: "connect",
    code: "tcp-timeout",
    party: "this-host",
    remedy: /packet filter/,
  });
  expect(report.summary.verdict).toBe("ready-with-warnings");
});

test("another service on 6060 is told by what it answers", async () => {
  await lab("stop", "allinone", "crowdsec");
  await on(
    "allinone",
    `mkdir -p /var/log/nginx /var/lib/nginx && printf 'pid /run/nginx.pid; events {} http { server { listen 127.0.0.1:6060; default_type text/html; return 200 "<title>Grafana</title>"; } }' >/etc/nginx/lab.conf`,
  );
  await lab("start", "allinone", "nginx");
  await lab("wait", "allinone", "127.0.0.1", "6060");
  // The engine only logs a warning and runs on.
  await lab("start", "allinone", "crowdsec");
  await lab("wait", "allinone", "127.0.0.1", "8080");
  const { report } = await preflight("allinone");
  expectFault(report, "metrics", {
    status: "warn",
    phase: "response",
    code: "identity-mismatch",
    party: "this-host",
    remedy: /listen_port/,
    summary: /Grafana/,
  });
});

test("the real Prometheus is Prometheus, and not CrowdSec", async () => {
  await on(
    "prometheus",
    "mkdir -p /etc/crowdsec && printf 'prometheus:\\n  enabled: true\\n  listen_port: 9090\\ncrowdsec_service: {}\\n' >/etc/crowdsec/config.yaml",
  );
  const { report } = await preflight("prometheus", "--only", "metrics");
  expectFault(report, "metrics", {
    status: "warn",
    phase: "response",
    code: "identity-mismatch",
    party: "this-host",
    remedy: /Another service holds the port/,
    summary: /without cs_info/,
  });
});

test("a profiler open to others is a security warning, and Prometheus can scrape there", async () => {
  await on(
    "lapi",
    "printf 'prometheus:\\n  enabled: true\\n  listen_addr: 0.0.0.0\\n  listen_port: 6060\\n' >>/etc/crowdsec/config.yaml.local",
  );
  await restart("lapi", "crowdsec");
  await lab("wait", "lapi", "127.0.0.1", "6060");
  const { report, exitCode } = await preflight("lapi");
  expect(exitCode).toBe(0);
  expectFault(report, "pprof-exposure", {
    status: "warn",
    phase: "response",
    code: "pprof-exposed",
    party: "configuration",
    remedy: /listen_addr: 127\.0\.0\.1/,
    summary: /10\.77\.0\.10:6060/,
  });
  expect(findingOf(report, "metrics").status).toBe("pass");
  // The lab's real Prometheus scrapes every second.
  const up = async (): Promise<string> => on("prometheus", "curl -s 'http://127.0.0.1:9090/api/v1/query?query=up'");
  for (let tries = 0; tries < 40 && !(await up()).includes('"1"]'); tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await up()).toContain('"1"]');
  // --fail-on warn makes the warning count.
  expect((await preflight("lapi", "--fail-on", "warn")).exitCode).toBe(1);
});
