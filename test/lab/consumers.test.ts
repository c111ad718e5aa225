import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { sudoersCommand } from "../../src/init/quoting.ts";
import { shellQuote } from "../../src/model/remedy.ts";
import { ODD_WORDS } from "../init/words.ts";
import { background, lab, on } from "./lab.ts";
import { installOddly, TOOL, uninstall } from "./odd-place.ts";

jest.setTimeout(120_000);

const PLUGINS = "/usr/lib/nagios/plugins";
const UNITS = "/etc/systemd/system/crowdsec-preflight";

beforeAll(() => installOddly("agent"));
afterAll(() => uninstall("agent"));
afterEach(async () => {
  // They leave the process that `restore` would end.
  await on("agent", "pkill -9 -x 'nagios4|icinga2|nrpe'; true");
  await lab("restore");
  await on(
    "agent",
    "rm -rf /run/monitoring /var/lib/crowdsec-preflight /run/crowdsec-preflight; rm -f /etc/sudoers.d/odd /etc/sudoers.d/crowdsec-preflight",
  );
});

/** What a command printed, and how it ended. */
const ran = async (command: string): Promise<{ readonly code: number; readonly output: string }> => {
  const output = await on("agent", `${command} 2>&1; echo "code $?"`);
  const [, text = "", code] = /^([\s\S]*)code (\d+)\n$/.exec(output) ?? [];
  return { code: Number(code), output: text };
};

/**
 * What Debian's packages of Nagios, NRPE, Icinga and sudo make as they are installed: user nagios, and folders of its own;
 * and this host's name where sudo asks for it, as Debian's installer writes it.
 */
const asInstalled = (): Promise<string> =>
  on(
    "agent",
    `echo 'nagios:x:901:901::/var/lib/nagios:/usr/sbin/nologin' >>/etc/passwd && echo 'nagios:x:901:' >>/etc/group && echo 'nagios:*:19000:0:99999:7:::' >>/etc/shadow
    chmod 0440 /etc/sudoers && echo '127.0.1.1 agent' >>/etc/hosts
    mkdir -p /run/monitoring/results && chown -R nagios: /run/monitoring`,
  );

/** Waits on the host until a command succeeds. */
const until = (command: string, seconds = 40): Promise<string> =>
  on("agent", `for _ in $(seq ${seconds * 5}); do ${command} && exit 0; sleep 0.2; done; exit 1`);

describe("systemd", () => {
  /** What the real systemd makes of the unit, which it only reads. */
  const readBySystemd = async (): Promise<string> => {
    const shown = await on(
      "agent",
      `mkdir -p /run/monitoring && chmod 777 /run/monitoring && cd / &&
      XDG_RUNTIME_DIR=/run/monitoring HOME=/run/monitoring SYSTEMD_LOG_LEVEL=crit setpriv --reuid=65534 --regid=65534 --clear-groups \
        /lib/systemd/systemd --test --system --no-pager --unit=crowdsec-preflight.service`,
    );
    return shown.split("-> Unit ").find((unit) => unit.startsWith("crowdsec-preflight.service:")) ?? "";
  };
  const fieldOf = (unit: string, key: string): string => new RegExp(`^\\s*${key}: (.*)$`, "m").exec(unit)?.[1] ?? "";

  test("takes both units without a word, and calls the service well confined", async () => {
    await on("agent", `${TOOL} init systemd --write`);
    expect(await ran(`systemd-analyze verify ${UNITS}.timer ${UNITS}.service`)).toEqual({ code: 0, output: "" });
    const judged = await ran(`systemd-analyze security --offline=true --no-pager --threshold=28 ${UNITS}.service`);
    expect(judged.code).toBe(0);
    expect(judged.output).toMatch(/Overall exposure level for crowdsec-preflight\.service: 2\.\d OK/);
  });

  test("starts the very program, whatever its path; confined as the unit says it sees the same as without", async () => {
    await on("agent", `${TOOL} init systemd --write`);
    const unit = await readBySystemd();
    expect([fieldOf(unit, "ProtectSystem"), fieldOf(unit, "ProtectHome")]).toEqual(["full", "read-only"]);
    const capabilities = fieldOf(unit, "CapabilityBoundingSet").replaceAll("cap_", "+").replaceAll(" ", ",");
    expect(capabilities).toMatch(/^\+\w+(,\+\w+)*$/);
    // As a shell would quote it, but for the dollar signs, which systemd makes one of two as it starts the program.
    const call = fieldOf(unit, "Command Line").replaceAll("\\$\\$", "\\$");
    const inside = `set -e
      mount -o bind,ro /usr /usr; mount --bind /etc /etc; mount --bind ${fieldOf(unit, "ReadWritePaths").replace("-", "")} /etc/crowdsec; mount -o remount,bind,ro /etc; mount -o bind,ro /root /root
      umask ${fieldOf(unit, "UMask")}; mkdir -p ${fieldOf(unit, "RuntimeDirectory").replace(/^/, "/run/")} ${fieldOf(unit, "StateDirectory").replace(/^/, "/var/lib/")}
      export ${fieldOf(unit, "Environment")}
      exec setpriv --bounding-set=-all,${capabilities} --inh-caps=-all --no-new-privs ${call} </dev/null`;
    await on("agent", `mkdir -p /run/monitoring && cat >/run/monitoring/start <<'END'\n${inside}\nEND`);
    expect(call).toContain(String.raw`it's 50%;\$HOME \"odd\"`);
    expect(await ran("unshare --mount bash /run/monitoring/start")).toEqual({ code: 0, output: "" });
    const seen = await on("agent", "cat /var/lib/crowdsec-preflight/report.json");
    const plain = await on("agent", `${TOOL} -o json`);
    const statuses = (text: string): readonly string[] =>
      (JSON.parse(text).findings as readonly { readonly instance: string; readonly status: string }[]).map(
        ({ instance, status }) => `${instance}: ${status}`,
      );
    expect(statuses(seen)).toEqual(statuses(plain));
    // What it has written, it has written there alone, and for root alone.
    expect(
      await on("agent", "ls -A /run/crowdsec-preflight; stat -c '%a %n' /var/lib/crowdsec-preflight/*.json"),
    ).toMatch(/^\d+ \/var\/lib\/crowdsec-preflight\/report\.json\n600 \/var\/lib\/crowdsec-preflight\/state\.json\n$/);
  });
});

describe("monitoring-plugins", () => {
  test("negate takes it for a plugin: well is critical, and what failed is well", async () => {
    const well = await ran(`${PLUGINS}/negate -s -t 60 ${TOOL} -o nagios`);
    expect(well.code).toBe(2);
    expect(well.output).toMatch(/^\S+ CRITICAL\b/);
    await lab("stop", "agent", "crowdsec");
    const failed = await ran(`${PLUGINS}/negate -s -t 60 ${TOOL} -o nagios`);
    expect(failed.code).toBe(0);
    expect(failed.output).toMatch(/^\S+ OK\b/);
  });
});

describe("sudo", () => {
  /** A command line of user nagios, from a folder that it may read. */
  const asNagios = (command: string) =>
    ran(`cd / && env -i setpriv --reuid=901 --regid=901 --clear-groups /usr/bin/sudo -n ${command}`);

  test("takes the printed file, and lets user nagios run these very words as root, and nothing else", async () => {
    await asInstalled();
    await on("agent", `${TOOL} init nagios --write`);
    const file = "/etc/sudoers.d/crowdsec-preflight";
    expect(await ran(`visudo -cf ${file}`)).toEqual({ code: 0, output: `${file}: parsed OK\n` });
    const whole = await ran("visudo -c");
    expect(whole.code).toBe(0);
    expect(whole.output).toContain(`${file}: parsed OK\n`);
    await lab("stop", "lapi", "crowdsec");
    const seen = await asNagios(`${TOOL} -o nagios --deadline 30s`);
    expect(seen.code).toBe(2);
    expect(seen.output).toMatch(/^CROWDSEC CRITICAL: .*10\.77\.0\.10:8080/);
    for (const other of [`${TOOL} -o nagios`, `${TOOL} -o nagios --deadline 30s -v`, `${process.execPath} -e 0`])
      expect(await asNagios(other)).toEqual({ code: 1, output: "sudo: a password is required\n" });
  });

  test("allows a script whatever its path, and none that its path would mean as a pattern", async () => {
    const paths = ODD_WORDS.map((word) => `/opt/${word}/script.js`);
    const lines = paths.map((path) => `nagios ALL=(root) NOPASSWD: ${sudoersCommand(["/usr/bin/env", path, "-o"])}`);
    await asInstalled();
    await on("agent", `cat >/etc/sudoers.d/odd <<'END'\n${lines.join("\n")}\nEND`);
    expect(await ran("visudo -cqf /etc/sudoers.d/odd")).toEqual({ code: 0, output: "" });
    const others = ["/opt/xya/script.js", "/opt/two words/other.js"];
    const asked = [...paths, ...others].map(shellQuote).join(" ");
    const { output } = await ran(
      `for path in ${asked}; do sudo -n -l -U nagios /usr/bin/env "$path" -o >/dev/null && printf '%s\\n' "$path"; done`,
    );
    expect(output.trimEnd().split("\n")).toEqual(paths);
  });
});

describe("Nagios", () => {
  /** What Debian's own has too, but for one host in place of its examples, and no waiting. */
  const MAIN = `
log_file=/run/monitoring/nagios.log
cfg_file=/etc/nagios4/objects/commands.cfg
cfg_file=/etc/nagios4/objects/contacts.cfg
cfg_file=/etc/nagios4/objects/timeperiods.cfg
cfg_file=/etc/nagios4/objects/templates.cfg
cfg_file=/run/monitoring/localhost.cfg
cfg_dir=/etc/nagios4/conf.d
object_cache_file=/run/monitoring/objects.cache
status_file=/run/monitoring/status.dat
status_update_interval=1
command_file=/run/monitoring/nagios.cmd
query_socket=/run/monitoring/nagios.qh
check_result_path=/run/monitoring/results
lock_file=/run/monitoring/nagios.pid
temp_file=/run/monitoring/nagios.tmp
temp_path=/run/monitoring
nagios_user=nagios
nagios_group=nagios
use_syslog=0
enable_notifications=0
illegal_macro_output_chars=\`~$&|'"<>
service_inter_check_delay_method=n
check_workers=1
service_check_timeout=60
`;
  const HOST =
    "define host { use generic-host\n host_name localhost\n address 127.0.0.1\n max_check_attempts 1\n contact_groups admins\n }";

  test("takes the printed file, makes the check, and keeps state, words and performance data", async () => {
    await asInstalled();
    await on(
      "agent",
      `${TOOL} init nagios --write && echo '${HOST}' >/run/monitoring/localhost.cfg && cat >/run/monitoring/nagios.cfg <<'END'\n${MAIN}\nEND`,
    );
    const verified = await ran("nagios4 -v /run/monitoring/nagios.cfg");
    expect(verified.output).toMatch(/Total Warnings: 0\nTotal Errors: {3}0/);
    expect(verified.code).toBe(0);
    await lab("stop", "lapi", "crowdsec");
    background("agent", "nagios4 /run/monitoring/nagios.cfg");
    await until("grep -qs 'current_state=[123]' /run/monitoring/status.dat");
    const status = await on("agent", "sed -n '/^servicestatus/,/}/p' /run/monitoring/status.dat");
    const fieldOf = (key: string): string => new RegExp(`^\\t${key}=(.*)$`, "m").exec(status)?.[1] ?? "";
    expect([fieldOf("service_description"), fieldOf("current_state")]).toEqual(["CrowdSec", "2"]);
    expect(fieldOf("plugin_output")).toMatch(/^CROWDSEC CRITICAL: .*10\.77\.0\.10:8080/);
    expect(fieldOf("plugin_output").length).toBeLessThan(80);
    expect(fieldOf("performance_data")).toMatch(/^\S+=\d+/);
    expect(fieldOf("long_plugin_output")).toContain("FAIL: 10.77.0.10:8080");
    expect(fieldOf("long_plugin_output")).not.toContain("run as root");
  });

  test("NRPE hands on that the Local API is down, and its code", async () => {
    await asInstalled();
    await on("agent", `${TOOL} init nagios --write && mkdir -p /run/nagios && chown nagios: /run/nagios`);
    background("agent", "/usr/sbin/nrpe -c /etc/nagios/nrpe.cfg -f");
    await lab("wait", "agent", "127.0.0.1", "5666");
    await lab("stop", "lapi", "crowdsec");
    // Neither NRPE nor sudo keeps variables, such as the lab's CA among the public ones is made known by.
    const direct = await ran(`env -i ${TOOL} -o nagios --deadline 30s`);
    expect(direct.code).toBe(2);
    const asked = await ran(`${PLUGINS}/check_nrpe -H 127.0.0.1 -t 60 -c check_crowdsec_preflight`);
    expect(asked.code).toBe(direct.code);
    const head = (text: string): string => /^[^|\n]*/.exec(text)?.[0].replaceAll(/\d/g, "0").trim() ?? "";
    expect(head(asked.output)).toBe(head(direct.output));
    expect(asked.output).toContain("|");
  });
});

describe("Icinga", () => {
  test("takes the printed file, makes the check, and keeps what came of it", async () => {
    await asInstalled();
    await on(
      "agent",
      `${TOOL} init nagios --write
      for folder in lib cache log; do mkdir -p /var/$folder/icinga2; chown -R nagios: /var/$folder/icinga2; done
      mkdir -p /run/icinga2 && chown nagios: /run/icinga2
      # Of the example that comes along, its host and templates; what its services ask is not here.
      sed -i '/^apply/,$d' /etc/icinga2/conf.d/services.conf /etc/icinga2/conf.d/downtimes.conf /etc/icinga2/conf.d/notifications.conf /etc/icinga2/conf.d/apt.conf
      ln -sf ../features-available/checker.conf /etc/icinga2/features-enabled/`,
    );
    const verified = await ran("icinga2 daemon -C");
    expect(verified.output).not.toMatch(/warning\/|critical\//);
    expect(verified.output).toContain("Instantiated 1 Service.");
    expect(verified.code).toBe(0);
    await lab("stop", "lapi", "crowdsec");
    const daemon = background("agent", "icinga2 daemon");
    await until("pgrep -f '[c]rowdsec-preflight.js -o nagios' >/dev/null", 60);
    await until("! pgrep -f '[c]rowdsec-preflight.js -o nagios' >/dev/null");
    await daemon.signal("TERM");
    await daemon.ended;
    const state = await on("agent", "grep -ao '\"last_check_result\":{.*' /var/lib/icinga2/icinga2.state");
    expect(state).toMatch(/"output":"CROWDSEC CRITICAL: [^"]*10\.77\.0\.10:8080/);
    expect(state).toMatch(/"performance_data":\["/);
    expect(state).toContain(`it's 50%;$HOME \\"odd\\"`);
  });
});
