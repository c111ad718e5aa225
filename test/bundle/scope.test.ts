import { describe, expect, test } from "@jest/globals";
import { createScope, findScope, ledOut, rootsOf } from "../../src/bundle/scope.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { fileRead, from, packageInstall } from "../support/topology.ts";
import { saying } from "./host.ts";

const CONFIG = "/etc/crowdsec/config.yaml";
const scope = createScope(packageInstall());

test.each([
  ["CrowdSec's own file", CONFIG],
  ["a file of the system", "/etc/hosts"],
  ["the list of users, which a check asked for", "/etc/passwd"],
  ["what a unit names in a home", "/home/bob/crowdsec.env"],
])("%s is taken where no link led to it", (_what, path) => {
  expect(scope.allows(path, undefined)).toBe(true);
});

test.each([
  ["within the configuration", CONFIG, "/etc/crowdsec/real/config.yaml"],
  ["from an installed item to the hub", "/etc/crowdsec/parsers/s00-raw/a.yaml", "/var/lib/crowdsec/hub/parsers/a.yaml"],
  ["from a log to the folder of CrowdSec's logs", "/var/log/crowdsec.log", "/var/log/crowdsec/crowdsec.log"],
  ["from a log to the one that is written now", "/var/log/crowdsec.log", "/var/log/crowdsec-2026.log"],
  ["from a unit to another name of it", "/etc/systemd/system/cs.service", "/usr/lib/systemd/system/crowdsec.service"],
  ["from an enabled unit to the old place", "/etc/systemd/system/x.service", "/lib/systemd/system/x.service"],
  ["by the merged /usr", "/lib/systemd/system/crowdsec.service", "/usr/lib/systemd/system/crowdsec.service"],
  ["by the merged /usr/bin", "/sbin/crowdsec-start", "/usr/bin/crowdsec-start"],
  ["by /var/run", "/var/run/crowdsec/x", "/run/crowdsec/x"],
  ["to systemd's resolver", "/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf"],
  ["to NetworkManager's", "/etc/resolv.conf", "/run/NetworkManager/resolv.conf"],
  ["to resolvconf's, by the old name of /run", "/etc/resolv.conf", "/var/run/resolvconf/resolv.conf"],
  ["to the distribution's own file", "/etc/os-release", "/usr/lib/os-release"],
  ["to authselect's", "/etc/nsswitch.conf", "/etc/authselect/nsswitch.conf"],
])("a link %s is followed", (_what, path, at) => {
  expect(scope.allows(path, at)).toBe(true);
});

test.each([
  ["passwords", CONFIG, "/etc/shadow"],
  ["users", "/etc/crowdsec/acquis.d/x.yaml", "/etc/passwd"],
  ["root's key", "/etc/crowdsec/notifications/http.yaml", "/root/.ssh/id_ed25519"],
  ["somebody's home", CONFIG, "/home/bob/config.yaml"],
  ["another program's log", "/var/log/crowdsec.log", "/var/log/auth.log"],
  ["another program's log, from a web server's", "/var/log/nginx/error.log", "/var/log/nginx/private.log"],
  ["another program's configuration", "/etc/crowdsec/acquis.d/x.yaml", "/etc/mysql/debian.cnf"],
  ["a neighbour with a like name", CONFIG, "/etc/crowdsec-private/config.yaml"],
  ["this process's own memory", CONFIG, "/proc/self/environ"],
  ["something that the resolver has no business in", "/etc/resolv.conf", "/run/secrets/resolv.conf"],
  ["something else by the resolver's way", "/etc/hosts", "/run/systemd/resolve/resolv.conf"],
  ["a unit out of systemd's folders", "/etc/systemd/system/crowdsec.service", "/opt/units/crowdsec.service"],
  ["a folder above, by dots", CONFIG, "/etc/crowdsec/../shadow"],
])("a link that leads to %s is not followed", (_what, path, at) => {
  expect(scope.allows(path, at)).toBe(false);
});

test.each([
  "/etc/shadow",
  "/etc/gshadow-",
  "/etc/ssl/private/lapi.key",
  "/root/.ssh/id_rsa",
  "/etc/crowdsec/.aws/credentials",
])("%s is never taken, whatever names it", (path) => {
  expect(scope.allows(path, undefined)).toBe(false);
  expect(ledOut(undefined)).toContain("never taken");
});

describe("a folder of acquisition elsewhere", () => {
  const at = (path: string) =>
    createScope(packageInstall({ acquisition: { files: [fileRead(path, "acquisition")], sources: [] } }));

  test("is one within which links may lead", () => {
    expect(at("/srv/acquis/a.yaml").allows("/srv/acquis/a.yaml", "/srv/acquis/real/a.yaml")).toBe(true);
  });

  test("gives nothing of CrowdSec's a way out into it", () => {
    expect(at("/srv/acquis/a.yaml").allows(CONFIG, "/srv/acquis/secret.env")).toBe(false);
  });

  test.each(["/root", "/home/bob", "/etc", "/", "/var/log"])(
    "is none when it is %s, which is others' too",
    (folder) => {
      expect(at(`${folder}/a.yaml`).allows(`${folder}/a.yaml`, `${folder}/other`)).toBe(false);
    },
  );
});

test("a database or a hub in a place of its own belongs to CrowdSec's folders", () => {
  const moved = createScope(
    packageInstall({
      database: { kind: "sqlite", path: from("/srv/cs/crowdsec.db", CONFIG) },
      hubIndex: from("/srv/hub/.index.json", CONFIG),
    }),
  );
  expect(moved.allows("/etc/crowdsec/scenarios/a.yaml", "/srv/hub/scenarios/a.yaml")).toBe(true);
  expect(moved.allows("/etc/crowdsec/scenarios/a.yaml", "/srv/cs/a.yaml")).toBe(true);
});

describe("where /etc/crowdsec itself is a link", () => {
  const led = (to: string) => {
    const { paths, commands } = saying({ "readlink -f": "", "readlink -f /etc/crowdsec": `${to}\n` });
    return findScope(fakeProber({ paths, commands }), packageInstall());
  };

  test("what lies in the folder that it leads to is CrowdSec's", async () => {
    const found = await led("/opt/crowdsec");
    expect(found.allows(CONFIG, "/opt/crowdsec/config.yaml")).toBe(true);
    expect(found.allows(CONFIG, "/opt/other/config.yaml")).toBe(false);
    expect(found.allows(CONFIG, "/etc/shadow")).toBe(false);
  });

  test("a folder in a home is CrowdSec's when it is for that alone", async () => {
    expect((await led("/root/crowdsec")).allows(CONFIG, "/root/crowdsec/config.yaml")).toBe(true);
  });

  test.each(["/root", "/home/bob"])("%s as a whole is not, and nothing there is taken", async (home) => {
    const found = await led(home);
    expect(found.allows(CONFIG, `${home}/config.yaml`)).toBe(false);
    expect(found.allows(CONFIG, `${home}/.netrc`)).toBe(false);
  });

  test("of a folder that others share, only the very file that was asked for is", async () => {
    const found = await led("/opt");
    expect(found.allows(CONFIG, "/opt/config.yaml")).toBe(true);
    expect(found.allows(CONFIG, "/opt/other.yaml")).toBe(false);
  });

  test("and nobody has looked, nothing there is taken", () => {
    expect(scope.allows(CONFIG, "/opt/crowdsec/config.yaml")).toBe(false);
  });
});

test("logs that were moved with their folder are taken, and no others of it", async () => {
  const { paths, commands } = saying({ "readlink -f": "", "readlink -f /var/log": "/data/log\n" });
  const found = await findScope(fakeProber({ paths, commands }), packageInstall());
  expect(found.allows("/var/log/crowdsec.log", "/data/log/crowdsec.log")).toBe(true);
  expect(found.allows("/var/log/crowdsec.log", "/data/log/auth.log")).toBe(false);
});

test("a host without readlink has its scope all the same", async () => {
  const found = await findScope(fakeProber({}), packageInstall());
  expect(found.allows(CONFIG, "/etc/crowdsec/real/config.yaml")).toBe(true);
  expect(found.allows(CONFIG, "/etc/shadow")).toBe(false);
});

test("the folders whose place decides are those of the configuration, the data and the logs", () => {
  expect(rootsOf(packageInstall())).toEqual(
    expect.arrayContaining(["/etc/crowdsec", "/var/lib/crowdsec/data", "/var/log"]),
  );
});

test("the sentence says where a link leads", () => {
  expect(ledOut("/root/x")).toBe("a link that leads to /root/x, which was not asked for");
});
