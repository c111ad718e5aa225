import { expect, test } from "@jest/globals";
import { together } from "../../src/bundle/gather.ts";
import { serviceLooks } from "../../src/bundle/services.ts";
import { crowdsecWith, cscliWith } from "../support/topology.ts";
import { contentOf, deskOf, lookedAt, saying, whyNot } from "./host.ts";

const SHOWN = [
  "Id=crowdsec.service",
  "LoadState=loaded",
  "NRestarts=7",
  "MemoryMax=infinity",
  "IPAddressDeny=",
  "MemoryCurrent=[not set]",
  "RestrictAddressFamilies=AF_UNIX",
  "FragmentPath=/lib/systemd/system/crowdsec.service",
  "DropInPaths=/etc/systemd/system/crowdsec.service.d/proxy.conf",
].join("\n");

const UNIT = {
  "/lib/systemd/system/crowdsec.service": {
    ok: true,
    elapsedMs: 0,
    content: "[Service]\n",
    at: "/usr/lib/systemd/system/crowdsec.service",
  },
} as const;
const DROP_IN = {
  "/etc/systemd/system/crowdsec.service.d/proxy.conf": "[Service]\nEnvironment=HTTPS_PROXY=http://p:1\n",
};

const commands = ({ argv }: { readonly argv: readonly string[] }) =>
  ({
    ok: true,
    elapsedMs: 1,
    exitCode: 0,
    output: argv.at(-1) === "crowdsec.service" ? SHOWN : "LoadState=not-found",
  }) as const;

const world = {
  ...saying({ systemctl: "" }),
  commands,
  services: { crowdsec: { restarts: 7 } },
  files: { ...UNIT, ...DROP_IN },
};

test("of a service, its state, its restarts and what keeps it from connections are told, but nothing that is not set", async () => {
  const text = contentOf(await lookedAt(serviceLooks, world), "services/crowdsec.txt") ?? "";
  expect(text).toContain("state: running\n");
  expect(text).toContain("restarts: 7\n");
  expect(text).toContain("RestrictAddressFamilies=AF_UNIX");
  expect(text).not.toMatch(/MemoryMax|IPAddressDeny|MemoryCurrent/);
});

test("its unit and drop-ins are taken as files, also by the merged /usr, to be redacted as units", async () => {
  const part = await lookedAt(serviceLooks, world);
  const units = part.entries.filter(({ name }) => name.startsWith("files/"));
  expect(units.map(({ name, kind }) => [name, kind])).toEqual([
    ["files/lib/systemd/system/crowdsec.service", "unit"],
    ["files/etc/systemd/system/crowdsec.service.d/proxy.conf", "unit"],
  ]);
});

test("a unit that is a link out of systemd's folders is not taken", async () => {
  const files = {
    "/lib/systemd/system/crowdsec.service": { ok: true, elapsedMs: 0, content: "canary", at: "/root/x" } as const,
  };
  const part = await lookedAt(serviceLooks, { ...world, files });
  expect(JSON.stringify(part.entries)).not.toContain("canary");
  expect(whyNot(part, "/lib/systemd/system/crowdsec.service")).toContain("/root/x");
});

test("environments and command lines stand in the unit's files alone, where they are redacted as what they are", async () => {
  const asked: string[] = [];
  const listening = (question: { readonly argv: readonly string[] }) => {
    asked.push(question.argv.join(" "));
    return commands(question);
  };
  await lookedAt(serviceLooks, { ...world, commands: listening });
  expect(asked.length).toBeGreaterThan(0);
  expect(
    asked.filter((line) =>
      /\bEnvironment\b|ExecStart\b(?!Main)|systemctl (?!show )/.test(line.replace(/ExecMainStart\w+/g, "")),
    ),
  ).toEqual([]);
});

test("each bouncer's service is asked for, cscli has none", async () => {
  const components = [crowdsecWith({}), cscliWith({}), crowdsecWith({}, { name: "cs-fw", unit: "cs-fw.service" })];
  const part = await lookedAt(serviceLooks, { services: { crowdsec: {}, "cs-fw": {}, cscli: {} } }, { components });
  expect(part.entries.map(({ name }) => name)).toEqual(["services/crowdsec.txt", "services/cs-fw.txt"]);
});

test("a service that nobody knows leaves no file, and is said to be asked for", async () => {
  const part = await lookedAt(serviceLooks, {
    ...saying({ systemctl: "LoadState=not-found" }),
    services: { crowdsec: { known: false } },
  });
  expect(part.entries).toEqual([]);
  expect(whyNot(part, "the service crowdsec")).toBe("no service of that name here: no state, no count of restarts");
  const containers = { system: { services: "container", packages: "deb" } } as const;
  expect(whyNot(await lookedAt(serviceLooks, {}, containers), "the service crowdsec")).toBe(
    "no manager of services here: no state, no count of restarts",
  );
});

test("that nobody counts restarts is said, and not where systemd does", async () => {
  const source = "how often crowdsec was restarted";
  const desk = deskOf({ services: { crowdsec: {} } }, { system: { services: "openrc", packages: "apk" } });
  // OpenRC tells everything but that.
  const service = async (name: string) => {
    const { restarts: _, ...saw } = { restarts: 0, ...(await desk.probe.service(name)) };
    return saw;
  };
  const looks = serviceLooks(desk.topology).map(({ look }) => look({ ...desk, probe: { ...desk.probe, service } }));
  expect(whyNot(together(await Promise.all(looks)), source)).toBe("nothing here counts it");
  expect(whyNot(await lookedAt(serviceLooks, world), source)).toBeUndefined();
});

test("only CrowdSec's own processes are listed, as command lines, with what the kernel grants them", async () => {
  const processes = {
    crowdsec: [
      { pid: 4711, argv: ["/usr/bin/crowdsec", "-c", "x"], uid: 0, executable: "/usr/bin/crowdsec", ageSeconds: 61.4 },
    ],
  };
  const part = await lookedAt(serviceLooks, {
    ...saying({ head: "==> /proc/4711/limits <==" }),
    processes,
    folders: { "/proc/4711/fd": ["0", "1", "2"] },
  });
  const entry = part.entries.find(({ name }) => name === "services/processes.txt");
  expect(entry?.kind).toBe("arguments");
  expect(entry?.content).toBe(
    "pid 4711, user 0, since 61 s, /usr/bin/crowdsec: /usr/bin/crowdsec -c x\nopen files of process 4711: 3\n",
  );
  expect(contentOf(part, "services/limits-4711.txt")).toContain("/proc/4711/limits");
});

test("that nothing of it runs is said", async () => {
  expect(whyNot(await lookedAt(serviceLooks, {}), "processes of CrowdSec and its bouncers")).toBe("none runs");
});

test.each([
  ["openrc", "apk", "/etc/init.d/crowdsec"],
  ["freebsd", "freebsd", "/usr/local/etc/rc.d/crowdsec"],
] as const)("with %s, the scripts are taken", async (services, packages, path) => {
  const part = await lookedAt(serviceLooks, { files: { [path]: "#!/bin/sh\n" } }, { system: { services, packages } });
  expect(contentOf(part, `files${path}`)).toBe("#!/bin/sh\n");
});
