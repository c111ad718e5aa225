import { describe, expect, test } from "@jest/globals";
import { systemdFiles } from "../../src/init/systemd.ts";

const command = ["/opt/node js/node", "/opt/50%/bin/crowdsec-preflight.js"];
const [service, timer, ...others] = systemdFiles({ command, version: "1.2.3" });

/** `Key=value` lines of a unit, in their order. */
const settingsOf = (text = ""): readonly (readonly [string, string])[] =>
  text
    .split("\n")
    .filter((line) => /^[A-Z]/.test(line))
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const);
const valuesOf = (text: string | undefined, key: string): readonly string[] =>
  settingsOf(text).flatMap(([name, value]) => (name === key ? [value] : []));

test("a service, and a timer of the same name that starts it", () => {
  expect([service?.path, timer?.path, others]).toEqual([
    "/etc/systemd/system/crowdsec-preflight.service",
    "/etc/systemd/system/crowdsec-preflight.timer",
    [],
  ]);
  expect(timer?.afterwards).toEqual(["systemctl daemon-reload", "systemctl enable --now crowdsec-preflight.timer"]);
});

test("every line of both is a section, a setting, a comment or empty", () => {
  for (const { content } of [service, timer].filter((file) => file !== undefined)) {
    expect(content.endsWith("\n")).toBe(true);
    for (const line of content.split("\n")) expect(line).toMatch(/^(\[\w+\]|[A-Z]\w*=.*|#.*|)$/);
  }
});

describe("the service", () => {
  const of = (key: string): readonly string[] => valuesOf(service?.content, key);

  test("calls the tool with quoted paths, and without a wait of its own: the timer has one", () => {
    expect(of("ExecStart")).toEqual([
      `"/opt/node js/node" "/opt/50%%/bin/crowdsec-preflight.js" --cron --splay none --deadline 30s --report short=/var/lib/crowdsec-preflight/report.txt --report json=/var/lib/crowdsec-preflight/report.json`,
    ]);
  });

  test("says that nobody is mailed, and where the last run's words are", () => {
    expect(service?.content.replaceAll("\n# ", " ")).toContain("Nobody is mailed unless OnFailure= is added");
    expect(service?.content).toMatch(/^#.*\/var\/lib\/crowdsec-preflight\/report\.txt says/m);
  });

  test("is ended by systemd only long after its own deadline", () => {
    expect([of("Type"), of("TimeoutStartSec")]).toEqual([["oneshot"], ["2min"]]);
  });

  test("fails on each exit code that means something wrong, so that OnFailure= can tell somebody", () => {
    expect(of("SuccessExitStatus")).toEqual([]);
  });

  test.each(["PrivateTmp", "PrivateNetwork", "PrivateUsers", "ProtectProc", "ProcSubset", "DynamicUser", "User"])(
    "does without %s=, with which it would not see what CrowdSec sees, and says so",
    (key) => {
      expect(of(key)).toEqual([]);
      expect(service?.content).toMatch(new RegExp(`^#.*${key === "User" ? "as root" : `${key}=`}`, "m"));
    },
  );

  test("leaves /etc/crowdsec and /var writable: whether crowdsec can write there is a check", () => {
    expect([of("ProtectSystem"), of("ReadWritePaths")]).toEqual([["full"], ["-/etc/crowdsec"]]);
  });

  test("keeps V8 alive", () => {
    expect(of("MemoryDenyWriteExecute")).toEqual([]);
  });
});
