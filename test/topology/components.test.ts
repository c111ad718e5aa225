import { posix } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Failed, ProcessSeen } from "../../src/model/observation.ts";
import { readProxies } from "../../src/model/proxy.ts";
import type { Component, ComponentEnvironment, Hidden } from "../../src/model/topology.ts";
import { type ComponentsInput, type FoundComponents, findComponents } from "../../src/topology/components.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";

/** crowdsec.service of Debian 12's package crowdsec 1.4.6-6~deb12u1. */
const DEBIAN_UNIT = `[Unit]
Description=Crowdsec agent
After=network.target remote-fs.target nss-lookup.target
# Ensure configuration happened:
ConditionPathExists=/etc/crowdsec/local_api_credentials.yaml
ConditionPathExists=/etc/crowdsec/online_api_credentials.yaml

[Service]
Type=notify
Environment=LC_ALL=C LANG=C
ExecStartPre=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml -t
ExecStart=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml
ExecReload=/bin/kill -HUP $MAINPID

[Install]
WantedBy=multi-user.target
`;
/** https://github.com/crowdsecurity/crowdsec/blob/master/build/debian/crowdsec-hubupdate.service */
const HUB_UNIT = `[Unit]
Description=CrowdSec Hub update

[Service]
Type=oneshot
Environment=LC_ALL=C LANG=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=/usr/libexec/crowdsec/hubupdate.sh
`;
/** The drop-in of https://docs.crowdsec.net/u/troubleshooting/security_engine, with a port. */
const PROXY_DROP_IN = `[Service]
Environment=HTTP_PROXY=http://proxy.corp:3128
Environment=HTTPS_PROXY=http://proxy.corp:3128
Environment=NO_PROXY=127.0.0.1,localhost,0.0.0.0
`;

const VENDOR = "/usr/lib/systemd/system";
const ETC = "/etc/systemd/system";
const UNIT = `${VENDOR}/crowdsec.service`;
const DROP_IN = `${ETC}/crowdsec.service.d/proxy.conf`;
const PACKAGED = { [UNIT]: DEBIAN_UNIT };

const SHELL = { HTTPS_PROXY: "http://shell:1", DB: "of the shell" };
const denied: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };
const gone: Failed = { ok: false, phase: "host", code: "file-missing", message: "ENOENT", elapsedMs: 0 };

const running = (pid: number, executable?: string): ProcessSeen => ({
  pid,
  argv: ["x"],
  uid: 0,
  ageSeconds: 100,
  ...(executable !== undefined && { executable }),
});

type Options = Partial<Omit<ComponentsInput, "probe">>;

/** A host on which these files are; folders and paths follow from them. */
const find = (world: World, options: Options = {}): Promise<FoundComponents> => {
  const paths = Object.keys(world.files ?? {});
  const inside = (folder: string): readonly string[] =>
    paths.filter((path) => posix.dirname(path) === folder).map((path) => posix.basename(path));
  const folders = Object.fromEntries(paths.map((path) => [posix.dirname(path), inside(posix.dirname(path))]));
  return findComponents({
    probe: fakeProber({
      // Without a name, fakeProber would give the same processes to every program.
      processes: {},
      ...world,
      folders: { ...folders, ...world.folders },
      paths: { ...Object.fromEntries(paths.map((path) => [path, {}])), ...world.paths },
    }),
    environment: SHELL,
    user: "root",
    env: "auto",
    bouncers: [],
    ...options,
  });
};

const componentIn = (found: FoundComponents, name: string): Component => {
  const component = found.components.find((each) => each.name === name);
  if (component === undefined) throw new Error(`no ${name}`);
  return component;
};

const environmentIn = (found: FoundComponents, name = "crowdsec"): ComponentEnvironment => {
  const { environment } = componentIn(found, name);
  if ("hidden" in environment) throw new Error(environment.hidden);
  return environment;
};

const shownOf = ({ proxies }: ComponentEnvironment): string | undefined =>
  proxies.https && "shown" in proxies.https.value ? proxies.https.value.shown : undefined;

/** Where an environment is from, what is said of it, and its proxy for https. */
const said = async (world: World, options: Options = {}, name = "crowdsec"): Promise<readonly unknown[]> => {
  const environment = environmentIn(await find(world, options), name);
  return [environment.from, environment.origin, shownOf(environment)];
};

const hiddenIn = async (world: World, options: Options = {}, name = "crowdsec"): Promise<Hidden> => {
  const { environment } = componentIn(await find(world, options), name);
  if (!("hidden" in environment)) throw new Error(environment.origin);
  return environment;
};

describe("crowdsec", () => {
  test("runs: it has the environment of its process, not that of the shell", async () => {
    const world: World = {
      files: PACKAGED,
      processes: { crowdsec: [running(4711)] },
      environments: {
        4711: { HTTPS_PROXY: "http://own:2", SSL_CERT_FILE: "/ca.pem", SSL_CERT_DIR: "/a:/b", DB: "own" },
      },
    };
    const found = await find(world);
    expect(environmentIn(found)).toEqual({
      from: "process",
      origin: "process 4711; crowdsec.service has others",
      proxies: readProxies({ HTTPS_PROXY: "http://own:2" }),
      store: { file: "/ca.pem", directories: "/a:/b" },
      storeOrigin: "process 4711; crowdsec.service has others",
    });
    expect(found.variablesOf("crowdsec")["DB"]).toBe("own");
    expect(componentIn(found, "crowdsec").unit).toBe("crowdsec.service");
  });

  test("runs with the proxy of its drop-in: the file and its lines are named", async () => {
    const files = { ...PACKAGED, [DROP_IN]: PROXY_DROP_IN };
    const variables = {
      HTTP_PROXY: "http://proxy.corp:3128",
      HTTPS_PROXY: "http://proxy.corp:3128",
      NO_PROXY: "127.0.0.1,localhost,0.0.0.0",
    };
    const world: World = { files, processes: { crowdsec: [running(4711)] }, environments: { 4711: variables } };
    expect(await said(world)).toEqual(["process", `process 4711, by ${DROP_IN}:2, 3, 4`, "http://proxy.corp:3128"]);
  });

  test("runs since before its drop-in came: that differs, and where it stands is told", async () => {
    const files = { ...PACKAGED, [DROP_IN]: PROXY_DROP_IN };
    const world: World = { files, processes: { crowdsec: [running(4711)] }, environments: { 4711: {} } };
    expect(await said(world)).toEqual([
      "process",
      `process 4711; crowdsec.service has others (${DROP_IN}:2, 3, 4)`,
      undefined,
    ]);
  });

  test("runs without any proxy, as its unit says", async () => {
    const world: World = { files: PACKAGED, processes: { crowdsec: [running(4711)] }, environments: { 4711: {} } };
    expect(await said(world)).toEqual(["process", "process 4711", undefined]);
  });

  test("does not run: it will have the environment of its unit", async () => {
    const found = await find({ files: PACKAGED });
    expect(environmentIn(found)).toMatchObject({ from: "unit", origin: UNIT, proxies: { ignored: [] }, store: {} });
    expect(found.variablesOf("crowdsec")).toEqual({ LC_ALL: "C", LANG: "C" });
  });

  test.each([
    ["a drop-in", { [DROP_IN]: PROXY_DROP_IN }, `${DROP_IN}:2, 3, 4`],
    [
      "one line of a drop-in",
      { [DROP_IN]: '[Service]\nEnvironment="HTTPS_PROXY=http://proxy.corp:3128"\n' },
      `${DROP_IN}:2`,
    ],
    [
      "a file that a drop-in names",
      {
        [DROP_IN]: "[Service]\nEnvironmentFile=/etc/default/crowdsec\n",
        "/etc/default/crowdsec": "\nHTTPS_PROXY=proxy.corp:3128\n",
      },
      "/etc/default/crowdsec:2",
    ],
    [
      "two files",
      {
        [DROP_IN]: "[Service]\nEnvironment=NO_PROXY=a\n",
        [`${ETC}/service.d/all.conf`]: "[Service]\nEnvironment=HTTPS_PROXY=http://proxy.corp:3128\n",
      },
      `${ETC}/service.d/all.conf:2 and ${DROP_IN}:2`,
    ],
    [
      "the manager's configuration",
      { "/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=HTTPS_PROXY=http://proxy.corp:3128\n" },
      "/etc/systemd/system.conf:2",
    ],
  ])("does not run, and its proxy stands in %s: that is where to look", async (_what, files, origin) => {
    expect(await said({ files: { ...PACKAGED, ...files } })).toEqual(["unit", origin, "http://proxy.corp:3128"]);
  });

  test("will not be started, since a file of its environment is missing: that is said", async () => {
    const files = { ...PACKAGED, [DROP_IN]: "[Service]\nEnvironmentFile=/etc/default/crowdsec\n" };
    const missing = `EnvironmentFile=/etc/default/crowdsec (${DROP_IN}:2) is missing`;
    expect(environmentIn(await find({ files }))).toMatchObject({ from: "unit", origin: UNIT, stops: missing });
    // It was started before: no user is told that it does not run.
    for (const saw of [{}, denied]) {
      const world: World = { files, processes: { crowdsec: [running(4711)] }, environments: { 4711: saw } };
      expect(environmentIn(await find(world))).not.toHaveProperty("stops");
    }
    expect(environmentIn(await find({ files: PACKAGED }))).not.toHaveProperty("stops");
  });

  test("neither runs nor has a unit: then it is the shell's, and that is said", async () => {
    const found = await find({});
    expect(environmentIn(found)).toMatchObject({
      from: "shell",
      origin: "this shell: crowdsec does not run and has no unit",
    });
    expect(found.variablesOf("crowdsec")).toEqual(SHELL);
    expect(await hiddenIn({}, { env: "service" })).toEqual({ hidden: "crowdsec does not run and has no unit" });
  });

  test("has a masked unit: that will not start it", async () => {
    const mask: Failed = { ...gone, code: "file-error" };
    const files = { ...PACKAGED, [`${ETC}/crowdsec.service`]: mask };
    const masked = `crowdsec does not run and ${ETC}/crowdsec.service is masked`;
    const paths = { [`${ETC}/crowdsec.service`]: { kind: "other", guarded: false } } as const;
    expect(await said({ files, paths })).toEqual(["shell", `this shell: ${masked}`, "http://shell:1"]);
  });

  test("has a unit that nobody can read: it is not called masked, and what it would say is left open", async () => {
    const loop: Failed = { ...gone, code: "file-error", message: "ELOOP: too many symbolic links" };
    const world: World = {
      files: { ...PACKAGED, [`${ETC}/crowdsec.service`]: loop },
      paths: { [`${ETC}/crowdsec.service`]: loop },
    };
    const reason = `crowdsec does not run and ${ETC}/crowdsec.service cannot be read: ELOOP: too many symbolic links`;
    expect(environmentIn(await find(world))).toMatchObject({
      from: "shell",
      origin: `this shell: ${reason}`,
      uncertain: reason,
    });
    expect(await hiddenIn(world, { env: "service" })).toEqual({ hidden: reason });
  });

  test.each([
    ["a drop-in", { [DROP_IN]: "[Service]\nEnvironment=A=1\nEnvironment=SSL_CERT_FILE=/ca.pem\n" }, `${DROP_IN}:3`],
    [
      "a drop-in and the file that it names",
      {
        [DROP_IN]: "[Service]\nEnvironment=SSL_CERT_DIR=/a\nEnvironmentFile=/etc/default/x\n",
        "/etc/default/x": "SSL_CERT_FILE=/ca.pem\n",
      },
      `/etc/default/x:1 and ${DROP_IN}:2`,
    ],
  ])("has its own CA store by %s: that is named, not the file of its proxy", async (_what, more, storeOrigin) => {
    const other = { [`${ETC}/crowdsec.service.d/a.conf`]: "[Service]\nEnvironment=HTTPS_PROXY=http://unit:4\n" };
    const files = { ...PACKAGED, ...other, ...more };
    expect(environmentIn(await find({ files }))).toMatchObject({
      origin: `${ETC}/crowdsec.service.d/a.conf:2`,
      storeOrigin,
    });
    const variables = {
      SSL_CERT_FILE: "/ca.pem",
      ...(storeOrigin.includes("default") && { SSL_CERT_DIR: "/a" }),
    };
    const runs = { files, processes: { crowdsec: [running(4711)] }, environments: { 4711: variables } };
    expect(environmentIn(await find(runs))).toMatchObject({
      origin: `process 4711; crowdsec.service has others (${ETC}/crowdsec.service.d/a.conf:2)`,
      storeOrigin: `process 4711, by ${storeOrigin}`,
    });
  });

  test("has no CA store of its own: then there is no place to name", async () => {
    expect(environmentIn(await find({ files: { ...PACKAGED, [DROP_IN]: PROXY_DROP_IN } }))).not.toHaveProperty(
      "storeOrigin",
    );
  });

  describe("started by anybody", () => {
    const PASSWD = "root:x:0:0::/root:/bin/sh\nbob:x:1001:1001::/:/bin/sh\ncrowdsec:x:998:998::/:/bin/sh\n";
    const evil = { HTTPS_PROXY: "http://evil:1", CANARY: "evil" };
    const strangers = (...processes: readonly ProcessSeen[]): World => ({
      processes: { crowdsec: processes },
      environments: Object.fromEntries(processes.map(({ pid }) => [pid, evil])),
    });
    const stranger = { ...running(58, "/tmp/crowdsec"), uid: 65_534 };
    const passedOver = "process 58 of user 65534 is not believed";

    test("sends root's probes nowhere: the unit counts, or what is left, and that is said", async () => {
      const world = strangers(stranger);
      const idle = `crowdsec does not run and has no unit; ${passedOver}`;
      const found = await find(world);
      expect(await said(world)).toEqual(["shell", `this shell: ${idle}`, "http://shell:1"]);
      expect(found.variablesOf("crowdsec")).not.toHaveProperty("CANARY");
      expect(componentIn(found, "crowdsec")).not.toHaveProperty("program");
      expect(await hiddenIn(world, { env: "service" })).toEqual({ hidden: idle });
      const served = { ...world, files: PACKAGED };
      expect(await said(served)).toEqual(["unit", `${UNIT}; ${passedOver}`, undefined]);
      expect(environmentIn(await find(served))).not.toHaveProperty("uncertain");
    });

    test("gets no bouncer's key either", async () => {
      const world: World = { processes: { "cs-bouncer": [stranger] }, environments: { 58: evil } };
      expect(await said(world, { bouncers: ["cs-bouncer"] }, "cs-bouncer")).toEqual([
        "shell",
        `this shell: cs-bouncer does not run and has no unit; ${passedOver}`,
        "http://shell:1",
      ]);
    });

    test("does not come before the real one, whatever their pids", async () => {
      const world = { ...strangers(stranger, running(4711)), environments: { 58: evil, 4711: {} } };
      expect(await said(world)).toEqual(["process", "process 4711", undefined]);
    });

    test("of unknown owner is not believed", async () => {
      const { uid: _uid, ...unknown } = running(58);
      expect(await said(strangers(unknown))).toMatchObject([
        "shell",
        expect.stringContaining("process 58 of user unknown is not believed"),
        "http://shell:1",
      ]);
    });

    test.each([
      ["root", { uid: 0 }, ""],
      ["this tool's own user", { uid: 1000, own: true }, ""],
      ["the user whom its unit names", { uid: 998 }, "User=crowdsec"],
      ["the user whom its unit names by number", { uid: 4242 }, "User=4242"],
    ] as const)("is believed of %s", async (_who, owner, line) => {
      const files = { "/etc/passwd": PASSWD, [UNIT]: DEBIAN_UNIT, [DROP_IN]: `[Service]\n${line}\n` };
      const world = { ...strangers({ ...running(58), ...owner }), files };
      expect(await said(world)).toMatchObject(["process", expect.stringMatching(/^process 58/), "http://evil:1"]);
    });

    test.each(["", "User=crowdsec", "User=nobody-knows", "User=100", "User=crowdsec\nUser="])(
      "is not believed of another user, with %j in its unit",
      async (lines) => {
        const files = { "/etc/passwd": PASSWD, [UNIT]: DEBIAN_UNIT, [DROP_IN]: `[Service]\n${lines}\n` };
        const uid = lines.endsWith("=") ? 998 : 1001;
        const world = { ...strangers({ ...running(58), uid }), files };
        expect(await said(world)).toEqual(["unit", `${UNIT}; process 58 of user ${uid} is not believed`, undefined]);
      },
    );
  });

  test.each([
    [[42, 58], "process 42 (also 58)"],
    [[42, 58, 59, 60, 61, 62], "process 42 (also 58, 59, 60 and 2 more)"],
  ])("runs more than once (%j): the first counts, and the others are named", async (pids, origin) => {
    const world = { processes: { crowdsec: pids.map((pid) => running(pid)) }, environments: { 42: {} } };
    expect(await said(world)).toEqual(["process", origin, undefined]);
  });

  test("has ended between two looks: then it does not run", async () => {
    const world: World = { processes: { crowdsec: [running(4711)] }, environments: { 4711: gone } };
    expect(await said(world)).toEqual(["shell", "this shell: crowdsec does not run and has no unit", "http://shell:1"]);
  });

  describe("of another user", () => {
    const world: World = { processes: { crowdsec: [running(4711)] }, environments: { 4711: denied } };
    const root = "run as root to read /proc/4711/environ";

    test("with a unit, it is what that says", async () => {
      expect(await said({ ...world, files: PACKAGED })).toEqual(["unit", `${UNIT}; ${root}`, undefined]);
      expect(await said({ ...world, files: PACKAGED }, { env: "service" })).toEqual([
        "unit",
        `${UNIT}; ${root}`,
        undefined,
      ]);
    });

    test("leaves in doubt whatever is said in its place, with what would settle it", async () => {
      for (const given of [world, { ...world, files: PACKAGED }]) {
        expect(environmentIn(await find(given))).toMatchObject({ uncertain: root });
      }
      const files = { ...PACKAGED, [DROP_IN]: denied };
      expect(environmentIn(await find({ ...world, files }))).toMatchObject({
        uncertain: `run as root to read ${DROP_IN}; ${root}`,
      });
      for (const given of [{}, { files: PACKAGED }]) {
        expect(environmentIn(await find(given))).not.toHaveProperty("uncertain");
      }
    });

    test("without one, the shell's has to do; --env service has no answer, and says why", async () => {
      expect(await said(world)).toEqual(["shell", `this shell: ${root}`, "http://shell:1"]);
      expect(await hiddenIn(world, { env: "service" })).toEqual({ hidden: root });
    });

    test("with a file of its unit that only root may read: it may hold the proxy", async () => {
      const files = { ...PACKAGED, [DROP_IN]: denied };
      const hidden = `run as root to read ${DROP_IN}`;
      expect(await said({ files })).toEqual(["unit", `${UNIT}; ${hidden}`, undefined]);
      expect(await hiddenIn({ files }, { env: "service" })).toEqual({ hidden });
    });
  });
});

describe("in a container", () => {
  const container: World = {
    namespace: { container: "docker" },
    environments: { 1: { HTTPS_PROXY: "http://docker:3" } },
  };
  const idle = "crowdsec does not run and has no unit";

  test("its environment is that of its first process", async () => {
    expect(await said(container)).toEqual([
      "container",
      `process 1 of this container (docker): ${idle}`,
      "http://docker:3",
    ]);
    expect(await said(container, { env: "service" })).toMatchObject([
      "container",
      expect.anything(),
      "http://docker:3",
    ]);
  });

  test("where that is denied, it is this shell's", async () => {
    const world = { ...container, environments: { 1: denied } };
    expect(await said(world)).toEqual(["container", `this shell, in a container (docker): ${idle}`, "http://shell:1"]);
  });

  test("a running crowdsec has its own", async () => {
    const world: World = {
      ...container,
      processes: { crowdsec: [running(7)] },
      environments: { 7: { HTTPS_PROXY: "http://own:2" } },
    };
    expect(await said(world)).toEqual(["process", "process 7", "http://own:2"]);
  });

  test("a package's unit counts only where systemd runs", async () => {
    expect(await said({ ...container, files: PACKAGED })).toEqual([
      "container",
      "process 1 of this container (docker): crowdsec does not run and systemd does not run here",
      "http://docker:3",
    ]);
    const booted = { ...container, files: PACKAGED, paths: { "/run/systemd/system": { kind: "folder" } } } as const;
    expect(await said(booted)).toEqual(["unit", UNIT, undefined]);
  });
});

describe("bouncers", () => {
  test.each([
    ["crowdsec-firewall-bouncer", "crowdsec-firewall-bouncer"],
    ["crowdsec-cloudflare-worker-bouncer", "crowdsec-cloudflare-worker-bouncer"],
    ["crowdsec-blocklist-mirror", "crowdsec-blocklist-mirror"],
    ["crowdsec-spoa-bouncer", "crowdsec-spoa-bouncer"],
    ["crowdsec-nginx-bouncer", "nginx"],
    ["crowdsec-openresty-bouncer", "openresty"],
    ["crowdsec-openresty-bouncer", "nginx"],
    ["crowdsec-apache2-bouncer", "apache2"],
    ["crowdsec-apache2-bouncer", "httpd"],
    ["crowdsec-haproxy-bouncer", "haproxy"],
  ])("%s has the environment of the process %s, and of its unit where that does not run", async (name, program) => {
    const world: World = {
      processes: { [program]: [running(9)] },
      environments: { 9: { HTTPS_PROXY: "http://own:2" } },
    };
    expect(await said(world, { bouncers: [name] }, name)).toEqual(["process", "process 9", "http://own:2"]);
    const path = `${VENDOR}/${program}.service`;
    const idle = await find(
      { files: { [path]: "[Service]\nEnvironment=HTTPS_PROXY=http://unit:4\n" } },
      { bouncers: [name] },
    );
    expect(environmentIn(idle, name)).toMatchObject({ from: "unit", origin: `${path}:2` });
    expect(componentIn(idle, name).unit).toBe(`${program}.service`);
  });

  test("each has its own, whatever crowdsec's is", async () => {
    const found = await find(
      {
        processes: { crowdsec: [running(1000)], "crowdsec-firewall-bouncer": [running(1001)] },
        environments: { 1000: { A: "engine" }, 1001: { A: "bouncer" } },
      },
      { bouncers: ["crowdsec-firewall-bouncer", "crowdsec-custom-bouncer"] },
    );
    expect(found.components.map(({ name }) => name)).toEqual([
      "crowdsec",
      "cscli",
      "crowdsec-firewall-bouncer",
      "crowdsec-custom-bouncer",
    ]);
    expect(
      ["crowdsec", "crowdsec-firewall-bouncer", "cscli", "unknown"].map((name) => found.variablesOf(name)["A"]),
    ).toEqual(["engine", "bouncer", undefined, undefined]);
    expect(found.variablesOf("unknown")).toEqual(SHELL);
  });
});

describe("the hub's update", () => {
  const hub = "crowdsec-hubupdate";

  test("is a component only where a package brought one", async () => {
    expect((await find({ files: PACKAGED })).components.map(({ name }) => name)).toEqual(["crowdsec", "cscli"]);
  });

  test("has a unit of its own, and crowdsec's drop-in does not reach it", async () => {
    const files = { ...PACKAGED, [DROP_IN]: PROXY_DROP_IN, [`${VENDOR}/${hub}.service`]: HUB_UNIT };
    expect(await said({ files }, {}, hub)).toEqual(["unit", `${VENDOR}/${hub}.service`, undefined]);
    expect(componentIn(await find({ files }), hub).unit).toBe(`${hub}.service`);
  });

  test("as a cron job, it has what the crontab and PAM give", async () => {
    const files = {
      "/etc/cron.daily/crowdsec": "#!/bin/sh\n",
      "/etc/crontab": '# m h\nSHELL=/bin/sh\nNO_PROXY = "a b"\n17 * * * * root x=1\n',
      "/etc/pam.d/cron": "session required pam_env.so\n",
      "/etc/environment": "HTTPS_PROXY=http://pam:5\nNO_PROXY=pam\n",
    };
    expect(await said({ files }, {}, hub)).toEqual(["unit", "/etc/environment:1 and /etc/crontab:3", "http://pam:5"]);
    const alone = { "/etc/cron.daily/crowdsec": "#!/bin/sh\n" };
    expect(await said({ files: alone }, {}, hub)).toEqual([
      "unit",
      "/etc/cron.daily/crowdsec, as cron starts it",
      undefined,
    ]);
  });
});

describe("cscli", () => {
  test("has the shell's environment", async () => {
    expect(await said({}, {}, "cscli")).toEqual(["shell", "this shell", "http://shell:1"]);
  });

  test("under sudo, that is what sudo left", async () => {
    const environment = { ...SHELL, SUDO_USER: "ada" };
    expect(await said({}, { environment }, "cscli")).toEqual(["shell", "this shell, under sudo", "http://shell:1"]);
  });

  const SUDO = { paths: { "/usr/bin/sudo": {} } };

  test("as root through sudo has what sudo leaves: no proxy, unless it is told to keep it", async () => {
    const user = "ada";
    expect(await said({ ...SUDO, files: { "/etc/sudoers": "Defaults env_reset\n" } }, { user }, "cscli-sudo")).toEqual([
      "sudo",
      "what sudo leaves of this shell",
      undefined,
    ]);
    const keep = { "/etc/sudoers": 'Defaults env_keep += "HTTPS_PROXY"\n' };
    expect(await said({ ...SUDO, files: keep }, { user }, "cscli-sudo")).toEqual([
      "sudo",
      "what sudo leaves of this shell",
      "http://shell:1",
    ]);
    const all = { "/etc/sudoers": "Defaults !env_reset\n" };
    expect(await said({ ...SUDO, files: all }, { user }, "cscli-sudo")).toEqual([
      "sudo",
      "this shell, which sudo leaves as it is",
      "http://shell:1",
    ]);
    const pam = {
      "/etc/sudoers": "",
      "/etc/pam.d/sudo": "session required pam_env.so\n",
      "/etc/environment": "https_proxy=http://pam:5\n",
    };
    expect(await said({ ...SUDO, files: pam }, { user }, "cscli-sudo")).toEqual([
      "sudo",
      "what sudo leaves of this shell, and /etc/environment:1",
      "http://pam:5",
    ]);
  });

  test("as root through sudo is not guessed at where its rules cannot be read", async () => {
    const world = { ...SUDO, files: { "/etc/sudoers": denied } };
    expect(await hiddenIn(world, { user: "ada" }, "cscli-sudo")).toEqual({
      hidden: "run as root: only root may read /etc/sudoers",
    });
  });

  test.each([
    ["for root", SUDO, "root"],
    ["where there is no sudo", {}, "ada"],
  ])("as root through sudo is no component %s", async (_what, world, user) => {
    expect((await find(world, { user })).components.map(({ name }) => name)).not.toContain("cscli-sudo");
  });
});

describe("what the command line says", () => {
  const world: World = {
    ...{ files: { ...PACKAGED, [`${VENDOR}/crowdsec-hubupdate.service`]: HUB_UNIT } },
    processes: { crowdsec: [running(4711)] },
    environments: { 4711: { HTTPS_PROXY: "http://own:2", NO_PROXY: "lapi", SSL_CERT_FILE: "/ca.pem" } },
  };

  test("--env shell: every component has the shell's environment, files and all", async () => {
    const found = await find(world, { env: "shell" });
    expect(found.components.map(({ environment }) => environment)).toEqual([found.shell, found.shell, found.shell]);
    expect(found.shell).toMatchObject({ from: "shell", origin: "this shell" });
    expect(found.variablesOf("crowdsec")).toEqual(SHELL);
  });

  const proxy = { scheme: "http", host: "p", port: 1, shown: "http://p:1" } as const;

  test("--proxy: every component goes through it, past what its own NO_PROXY excepts", async () => {
    const found = await find(world, { proxy });
    const variable = { name: "--proxy", value: proxy };
    expect(environmentIn(found)).toEqual({
      from: "flag",
      origin: "--proxy",
      proxies: {
        http: variable,
        https: variable,
        noProxy: readProxies({ NO_PROXY: "lapi" }).noProxy,
        ignored: [],
        cgi: false,
      },
      store: { file: "/ca.pem" },
      storeOrigin: "process 4711; crowdsec.service has others",
    });
    expect(environmentIn(found, "cscli").proxies).toEqual({ http: variable, https: variable, ignored: [], cgi: false });
    // For comparison the shell stays what it is.
    expect(shownOf(found.shell)).toBe("http://shell:1");
  });

  test("--proxy none: every component goes without", async () => {
    expect(environmentIn(await find(world, { proxy: "none" }), "cscli").proxies).toEqual({ ignored: [], cgi: false });
  });

  test("--proxy makes known what could not be known", async () => {
    expect(environmentIn(await find({}, { env: "service", proxy }))).toMatchObject({ from: "flag", store: {} });
  });
});

describe("programs", () => {
  const built = { ok: true, elapsedMs: 1, resolver: "libc", goVersion: "go1.19.8" } as const;

  test("of a running component its own, with how it was built; of others the installed one", async () => {
    const found = await find({
      processes: { crowdsec: [running(4711, "/opt/crowdsec")] },
      environments: { 4711: {} },
      paths: { "/usr/local/bin/cscli": {} },
      builds: { "/opt/crowdsec": built, "/usr/local/bin/cscli": { ...built, resolver: "go" } },
    });
    expect(componentIn(found, "crowdsec")).toMatchObject({
      program: "/opt/crowdsec",
      build: { resolver: "libc", goVersion: "go1.19.8" },
    });
    expect(componentIn(found, "cscli")).toMatchObject({ program: "/usr/local/bin/cscli", build: { resolver: "go" } });
  });

  test.each([
    ["that another user could have put there", { "/usr/bin/crowdsec": { guarded: false } }, undefined],
    ["that is a folder", { "/usr/bin/crowdsec": { kind: "folder" } }, undefined],
    [
      "of the package before that of the installer",
      { "/usr/bin/crowdsec": {}, "/usr/local/bin/crowdsec": {} },
      "/usr/bin/crowdsec",
    ],
  ] as const)("one %s", async (_what, paths, program) => {
    expect(componentIn(await find({ paths }), "crowdsec").program).toBe(program);
  });

  test("a program that is no Go program is left without a build, and a web server is not looked into", async () => {
    const world: World = {
      paths: { "/usr/bin/crowdsec": {} },
      processes: { nginx: [running(9, "/usr/sbin/nginx")] },
      environments: { 9: {} },
      builds: { "/usr/sbin/nginx": built },
    };
    const found = await find(world, { bouncers: ["crowdsec-nginx-bouncer"] });
    expect(componentIn(found, "crowdsec")).not.toHaveProperty("build");
    expect(componentIn(found, "crowdsec-nginx-bouncer")).toMatchObject({ program: "/usr/sbin/nginx" });
    expect(componentIn(found, "crowdsec-nginx-bouncer")).not.toHaveProperty("build");
  });
});

test("no value of an environment is shown: a proxy's password least of all", async () => {
  const files = {
    ...PACKAGED,
    [DROP_IN]: "[Service]\nEnvironment=HTTPS_PROXY=http://ada:canary-password@proxy.corp:3128\n",
  };
  const { components, shell } = await find({ files });
  expect(JSON.stringify({ components, shell })).not.toContain("canary-password");
  expect(environmentIn({ components, shell, variablesOf: () => ({}) }).proxies.https?.value).toMatchObject({
    shown: "http://proxy.corp:3128",
  });
});

test("a proxy that systemd passes over because of its % is told, with its line", async () => {
  const files = { [UNIT]: DEBIAN_UNIT, [DROP_IN]: "[Service]\nEnvironment=HTTPS_PROXY=http://u:p%40w@proxy:1 A=%40\n" };
  const { components } = await find({ files, folders: { [`${ETC}/crowdsec.service.d`]: ["proxy.conf"] } });
  const environment = components.find(({ name }) => name === "crowdsec")?.environment;
  expect(environment).toMatchObject({ dropped: [{ value: "HTTPS_PROXY", origin: `${DROP_IN}:2` }] });
  expect(environment).not.toHaveProperty("proxies.https");
});
