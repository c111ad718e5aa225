import { afterEach, expect, jest, test } from "@jest/globals";
import { expectFault, findingOf, instancesOf, lab, on, preflight } from "./lab.ts";

jest.setTimeout(60_000);

const ADDRESSES = Array.from({ length: 10 }, (_, index) => `10.77.0.${101 + index}`);

afterEach(async () => {
  await on(
    "lapi",
    ADDRESSES.map((address) => `ip address del ${address}/32 dev eth0 2>/dev/null`)
      .join("; ")
      .concat("; true"),
  );
  await lab("restore");
});

test("ten live and ten dead targets, seen from Prometheus: which, why, and one cause for the dead", async () => {
  await on("lapi", ADDRESSES.map((address) => `ip address add ${address}/32 dev eth0`).join("; "));
  await on("lapi", "printf 'prometheus:\\n  listen_addr: 0.0.0.0\\n' >>/etc/crowdsec/config.yaml.local");
  await lab("stop", "lapi", "crowdsec");
  await lab("start", "lapi", "crowdsec");
  await lab("wait", "lapi", "10.77.0.101", "6060");
  const dead = ADDRESSES.map((_, index) => `10.77.0.10:${7001 + index}`);
  const live = ADDRESSES.map((address) => `${address}:6060`);
  await on(
    "prometheus",
    `printf '# agents\\n\\n${live.join("  # alive\\n")}\\n${dead.join("\\n")}\\n' >/var/lab/targets`,
  );
  const { report, exitCode } = await preflight("prometheus", "--role", "prometheus", "--targets", "/var/lab/targets");
  expect(exitCode).toBe(2);
  expect(instancesOf(report, "pass")).toEqual(live.map((name) => `metrics-target@${name}`));
  expect(instancesOf(report, "fail")).toEqual(dead.map((name) => `metrics-target@${name}`));
  expect(findingOf(report, `metrics-target@${live[0]}`).summary).toMatch(/CrowdSec v1\.4\.6.*, [\d.]+ KiB in \d+ ms/);
  expectFault(report, `metrics-target@${dead[0]}`, {
    status: "fail",
    phase: "connect",
    code: "tcp-refused",
    party: "remote-service",
    remedy: /prometheus\.listen_addr is 127\.0\.0\.1/,
  });
  expect(report.causes).toHaveLength(1);
  expect(report.causes[0]?.explains).toHaveLength(10);
});

test("a target that is no CrowdSec is told from one that is", async () => {
  const { report } = await preflight(
    "prometheus",
    "--role",
    "prometheus",
    "--target",
    "127.0.0.1:9090",
    "--target",
    "http://127.0.0.1:9090/graph",
  );
  expectFault(report, "metrics-target@127.0.0.1:9090", {
    status: "fail",
    phase: "response",
    code: "identity-mismatch",
    party: "configuration",
    remedy: /Another service answers there/,
    summary: /without cs_info/,
  });
  expect(findingOf(report, "metrics-target@127.0.0.1:9090/graph").fault?.code).toBe("http-status");
});
