import { describe, expect, test } from "@jest/globals";
import type { ConditionalRemedy } from "../../src/model/check.ts";
import { remediesFor, shellQuote } from "../../src/model/remedy.ts";
import { occasionsOf, REMEDY_TABLES } from "../support/remedies.ts";
import { SYSTEM_NAMES, SYSTEMS, type SystemName } from "../support/systems.ts";

/** Words that are typed on some systems only, and where that is. */
const WORDS: readonly (readonly [RegExp, readonly SystemName[]])[] = [
  [/\b(systemctl|journalctl|timedatectl)\b|\/etc\/systemd\b/, ["debian", "ubuntu", "rhel", "suse"]],
  [/\b(apt-get|apt|dpkg|ufw)\b/, ["debian", "ubuntu"]],
  [/\bupdate-ca-certificates\b/, ["debian", "ubuntu", "suse", "alpine"]],
  [/\/usr\/local\/share\/ca-certificates\b/, ["debian", "ubuntu", "alpine"]],
  [/\b(dnf|update-ca-trust)\b|\/etc\/pki\/ca-trust\b/, ["rhel"]],
  [/\bzypper\b|\/etc\/pki\/trust\b/, ["suse"]],
  [/\bfirewall-cmd\b/, ["rhel", "suse"]],
  [/\b(rc-service|rc-update|apk|iptables)\b/, ["alpine"]],
  [/\b(sysrc|pkg|sockstat|certctl|pfctl|drill)\b|^service |^route |\/usr\/local\/etc\b/, ["freebsd"]],
  [/\b(ss|namei|findmnt|runuser|dig)\b(?!-)|\bping .*-M\b/, ["debian", "ubuntu", "rhel", "suse", "podman", "bare"]],
  [
    /(^|\s)(ip|nft) |\bgetent ahosts\b|(?<!\/usr\/local)\/etc\/crowdsec\b|\/var\/lib\/crowdsec\b/,
    SYSTEM_NAMES.filter((name) => name !== "freebsd"),
  ],
  // A container, or a file for compose or Kubernetes, that was found on this host is its own command's, whatever the host is.
  [/\bdocker (?!compose\b|update\b)/, ["docker"]],
  [/\bpodman\b/, ["podman"]],
  [/\bkubectl (?!apply -f )/, ["kubernetes"]],
];

const strangersIn = (name: SystemName, commands: readonly string[]): readonly string[] =>
  commands.filter((command) => WORDS.some(([words, systems]) => words.test(command) && !systems.includes(name)));

test("a word of another system is seen", () => {
  expect(strangersIn("alpine", ["systemctl restart crowdsec", "rc-service crowdsec restart"])).toEqual([
    "systemctl restart crowdsec",
  ]);
  expect(
    strangersIn("freebsd", ["ss -ltnp", "cat /etc/crowdsec/config.yaml", "cat /usr/local/etc/crowdsec/config.yaml"]),
  ).toHaveLength(2);
  expect(strangersIn("debian", ["docker restart CONTAINER", "dpkg --audit"])).toEqual(["docker restart CONTAINER"]);
});

const MANAGED = ["systemd", "openrc", "freebsd"];
/** Occasions that only these managers of services can bring, since it is they who say so. */
const SAID_BY: Readonly<Record<string, readonly string[]>> = {
  "service-manager: no-service-manager: undefined": ["openrc", "container", "kubernetes", "none"],
  "service-manager: no-service-manager: wsl": ["none"],
  "service: service-stopped: never": MANAGED,
  "service: service-stopped: masked": ["systemd"],
  "service: service-stopped: condition": ["systemd"],
  "service: service-crashed: limit": ["systemd"],
  "service: service-not-enabled: undefined": MANAGED,
};

describe.each(SYSTEM_NAMES)("on %s", (name) => {
  const { system } = SYSTEMS[name];

  test.each(REMEDY_TABLES)("$of: there is something to do, in words that this system knows", (table) => {
    const occasions = occasionsOf(table).filter(
      (when) => SAID_BY[`${table.of}: ${when}`]?.includes(system.services) ?? true,
    );
    for (const when of occasions) {
      const remedies = remediesFor(table.remedy, { when, data: {}, system });
      expect([when, remedies.length]).not.toEqual([when, 0]);
      const commands = remedies.flatMap(({ commands = [], undo = [] }) => [...commands, ...undo]);
      expect(strangersIn(name, commands)).toEqual([]);
    }
  });
});

test("every occasion that some systems do not have is one of a remedy", () => {
  const occasions = REMEDY_TABLES.flatMap((table) => occasionsOf(table).map((when) => `${table.of}: ${when}`));
  expect(Object.keys(SAID_BY).filter((occasion) => !occasions.includes(occasion))).toEqual([]);
});

const DOOR: readonly ConditionalRemedy[] = [
  {
    text: "Open {host}.",
    commands: ["systemctl restart {host}"],
    undo: ["systemctl stop {host}"],
    url: "https://door.example/",
  },
  { text: "Ask the neighbours.", when: "elsewhere" },
  { text: "Ring.", services: ["openrc", "container"] },
  { text: "Knock.", packages: ["rpm"] },
];
const textsOn = (name: SystemName, when?: string): readonly string[] =>
  remediesFor(DOOR, { when, data: { host: "a" }, system: SYSTEMS[name].system }).map(({ text }) => text);

describe("which remedies are shown", () => {
  test("those of another occasion are not", () => {
    expect(textsOn("debian")).toEqual(["Open a."]);
    expect(textsOn("debian", "elsewhere")).toEqual(["Open a.", "Ask the neighbours."]);
  });

  test("those of another system are not, by its services and by its packages", () => {
    expect(textsOn("alpine")).toEqual(["Open a.", "Ring."]);
    expect(textsOn("podman")).toEqual(["Open a.", "Ring."]);
    expect(textsOn("rhel")).toEqual(["Open a.", "Knock."]);
  });
});

describe("what is to be typed", () => {
  test("is this system's own, filled with quoted data", () => {
    const [remedy] = remediesFor(DOOR, { data: { host: "my door" }, system: SYSTEMS.alpine.system });
    expect(remedy).toEqual({
      text: "Open my door.",
      commands: ["rc-service 'my door' restart"],
      undo: ["rc-service 'my door' stop"],
      url: "https://door.example/",
    });
  });

  test("data that looks like a command of another system is left alone", () => {
    const path = "/etc/crowdsec/systemctl restart crowdsec";
    const [remedy] = remediesFor([{ text: "See {path}.", commands: ["ls -l {path}"] }], {
      data: { path },
      system: SYSTEMS.freebsd.system,
    });
    expect(remedy).toEqual({ text: `See ${path}.`, commands: [`ls -l '${path}'`] });
  });

  test("is left out where this system has no word for it", () => {
    expect(remediesFor(DOOR, { data: { host: "a" }, system: SYSTEMS.bare.system })).toEqual([
      { text: "Open a.", url: "https://door.example/" },
    ]);
  });
});

test.each([
  ["/etc/crowdsec/config.yaml", "/etc/crowdsec/config.yaml"],
  ["a b", "'a b'"],
  ["it's", "'it'\\''s'"],
  ["$(reboot)", "'$(reboot)'"],
])("the shell reads %s as one word", (text, quoted) => {
  expect(shellQuote(text)).toBe(quoted);
});
