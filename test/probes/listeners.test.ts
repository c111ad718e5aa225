import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, symlinkSync } from "node:fs";
import net from "node:net";
import { basename, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import type { Listener } from "../../src/model/observation.ts";
import { containerOf, parseTcpTable, probeListeners, publishedBy, unitOf } from "../../src/probes/listeners.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";
import { closedPort, createServers } from "../support/servers.ts";

const folder = makeFolder();
afterAll(folder.remove);

const servers = createServers();
const children: ChildProcess[] = [];
afterEach(async () => {
  await servers.close();
  for (const child of children.splice(0)) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
});

const listenersAt = async (port: number): Promise<readonly Listener[]> => {
  const seen = await probeListeners();
  if (!seen.ok) throw new Error(seen.message);
  return seen.listeners.filter((listener) => listener.port === port);
};

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ";
const row = (local: string, state = "0A"): string =>
  `   0: ${local} ${"0".repeat(local.indexOf(":"))}:0000 ${state} 00000000:00000000 00:00000000 00000000   113        0 41234 1 0000000000000000 100 0 0 10 0`;

// As x86 and ARM print them.
test.each([
  ["0100007F:1F90", "127.0.0.1", 4, 8080],
  ["00000000:0016", "0.0.0.0", 4, 22],
  ["0B02000A:FFFF", "10.0.2.11", 4, 65_535],
  ["00000000000000000000000000000000:1F90", "::", 6, 8080],
  ["00000000000000000000000001000000:17BA", "::1", 6, 6074],
  ["B80D0120000000000000000001000000:0050", "2001:db8::1", 6, 80],
  ["B80D0120040302010807060500CDAB00:0050", "2001:db8:102:304:506:708:ab:cd00", 6, 80],
  ["000080FE00000000FF005450654321FE:0050", "fe80::5054:ff:fe21:4365", 6, 80],
  ["0000000000000000FFFF00000100007F:1F90", "127.0.0.1", 4, 8080],
])("the kernel's %s is %s", (local, address, family, port) => {
  expect(parseTcpTable(`${HEAD}\n${row(local)}\n`)).toEqual([{ address, family, port, inode: "41234" }]);
});

test("connections are no listeners, and neither is a line that is none", () => {
  const table = [HEAD, row("0100007F:1F90"), row("0100007F:1F91", "01"), row("0100007F:1F92", "06"), "broken", ""];
  expect(parseTcpTable(table.join("\n")).map(({ port }) => port)).toEqual([8080]);
});

const ID = "4f1c3e0f9a6b4d7e8c2a1b0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f";

test.each([
  ["0::/system.slice/crowdsec.service", "crowdsec.service"],
  ["0::/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgresql@15-main.service"],
  ["0::/system.slice/cups.socket", "cups.socket"],
  ["0::/system.slice/crowdsec.service/worker", "crowdsec.service"],
  ["12:pids:/user.slice\n1:name=systemd:/system.slice/nginx.service\n0::/system.slice/nginx.service", "nginx.service"],
  ["4:memory:/system.slice/wrong.service\n1:name=systemd:/system.slice/right.service", "right.service"],
  ["0::/user.slice/user-1000.slice/user@1000.service/app.slice/podman.service", "podman.service"],
  ["0::/../../system.slice/crowdsec.service", "crowdsec.service"],
  ["0::/user.slice/user-1000.slice/session-2.scope", undefined],
  ["0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-terminal-12.scope", undefined],
  ["0::/init.scope", undefined],
  [`0::/system.slice/docker-${ID}.scope`, undefined],
  [`0::/system.slice/docker.service/${ID}`, undefined],
  [`1:name=systemd:/docker/${ID}`, undefined],
  [`0::/system.slice/containerd.service/kubepods-burstable.slice:cri-containerd:${ID}`, undefined],
  ["0::/", undefined],
  ["", undefined],
])("the unit of a process in the control group %j is %s", (cgroup, unit) => {
  expect(unitOf(`${cgroup}\n`)).toBe(unit);
});

const OUTER = ID.split("").reverse().join("");

test.each([
  [`0::/system.slice/docker-${ID}.scope`, "4f1c3e0f9a6b"],
  [`1:name=systemd:/docker/${ID}`, "4f1c3e0f9a6b"],
  [`0::/machine.slice/libpod-${ID}.scope/container`, "4f1c3e0f9a6b"],
  [`0::/../crowdsec-${ID}.scope`, "4f1c3e0f9a6b"],
  [`0::/kubepods.slice/kubepods-pod0a1b.slice/cri-containerd-${ID}.scope`, "4f1c3e0f9a6b"],
  // The one that this host's own runtime knows.
  [`0::/system.slice/docker-${OUTER}.scope/docker/${ID}`, OUTER.slice(0, 12)],
  ["0::/system.slice/crowdsec.service", undefined],
  ["0::/lxc.payload.web/system.slice/crowdsec.service", undefined],
  ["", undefined],
])("the container of a process in the control group %j is %s", (cgroup, container) => {
  expect(containerOf(`${cgroup}\n`)).toBe(container);
});

const PROXY = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080";

test.each([
  [`${PROXY} -container-ip 172.17.0.2 -container-port 8080`, "172.17.0.2:8080"],
  [`${PROXY} -container-ip 172.18.0.5 -container-port 80 -use-listen-fd`, "172.18.0.5:80"],
  [`${PROXY} -container-ip fd00:dead::2 -container-port 8080`, "[fd00:dead::2]:8080"],
  ["docker-proxy --container-ip=172.17.0.2 --container-port=6060", "172.17.0.2:6060"],
  [`${PROXY} -container-ip lapi -container-port 8080`, undefined],
  [`${PROXY} -container-ip 172.17.0.2`, undefined],
  [`${PROXY} -container-ip`, undefined],
  ["/usr/bin/haproxy -container-ip 172.17.0.2 -container-port 8080", undefined],
  ["", undefined],
])("a published port with the command line %j leads to %s", (command, container) => {
  expect(publishedBy(`${command.replaceAll(" ", "\0")}\0`)).toBe(container);
});

test.each([
  ["127.0.0.1", 4],
  ["0.0.0.0", 4],
  ["::1", 6],
  ["::", 6],
] as const)("a listener at %s is found with its owner", async (address, family) => {
  const port = await servers.listen(net.createServer(), address);
  expect(await listenersAt(port)).toEqual([
    { address, family, port, owner: { pid: process.pid, name: basename(process.execPath), elsewhere: false } },
  ]);
});

test("an IPv4 address that is listened to as an IPv6 one is the address that clients dial", async () => {
  const port = await servers.listen(net.createServer(), "::ffff:127.0.0.1");
  expect(await listenersAt(port)).toMatchObject([{ address: "127.0.0.1", family: 4 }]);
});

test("a port that was given up, and one that is only connected to, have no listener", async () => {
  const port = await servers.listen(net.createServer());
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  expect(await listenersAt(socket.localPort ?? 0)).toEqual([]);
  socket.destroy();
  expect(await listenersAt(await closedPort(servers, net.createServer()))).toEqual([]);
});

test("listeners come by port, each address by itself", async () => {
  const port = await servers.listen(net.createServer(), "127.0.0.1");
  const other = net.createServer().listen(port, "127.0.0.2");
  await once(other, "listening");
  const seen = await probeListeners();
  other.close();
  const ports = seen.ok ? seen.listeners.map((listener) => listener.port) : [];
  expect(ports).toEqual([...ports].sort((a, b) => a - b));
  expect(seen.ok && seen.listeners.filter((listener) => listener.port === port).map(({ address }) => address)).toEqual([
    "127.0.0.1",
    "127.0.0.2",
  ]);
});

/** Listens at a free port, says which, and then goes on as told; in a Node of its own. */
const listening = (then = ""): string =>
  `const server = require("node:net").createServer().listen(0, "127.0.0.1", () => { ${then}; console.log(server.address().port); });`;

const start = async (
  command: string,
  args: readonly string[],
  argv0 = command,
): Promise<[pid: number, port: number]> => {
  const child = spawn(command, args, { argv0, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = await once(child.stdout, "data");
  return [child.pid ?? 0, Number(line)];
};

test("a port that Docker publishes is the container's, not docker-proxy's", async () => {
  const args = ["-proto", "tcp", "-host-port", "8080", "-container-ip", "172.17.0.2", "-container-port", "8080"];
  const [pid, port] = await start("node", ["-e", listening(), "--", ...args], "docker-proxy");
  expect(await listenersAt(port)).toMatchObject([
    { owner: { pid, name: "docker-proxy", container: "172.17.0.2:8080" } },
  ]);
});

test("of several processes that hold a listener, the oldest is its owner", async () => {
  // The child gets the listening socket as its descriptor 3.
  const fork = `require("node:child_process").spawn("/bin/sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", server._handle.fd] })`;
  const [pid, port] = await start(process.execPath, [
    "-e",
    `${listening(`child = ${fork}`)} let child; process.on("SIGTERM", () => { child.kill("SIGKILL"); process.exit(); })`,
  ]);
  expect(await listenersAt(port)).toMatchObject([{ owner: { pid } }]);
  const [server] = children;
  const gone = once(server as ChildProcess, "exit");
  server?.kill("SIGTERM");
  await gone;
  children.length = 0;
});

test.each([
  ["its base name", "/usr/sbin/crowdsec", "crowdsec"],
  [
    "the kernel's name for it, where it has made a sentence of its arguments",
    "nginx: master process /usr/sbin/nginx",
    "short-name",
  ],
  ["the kernel's name for it, where its own says nothing", "/sbin/init", "short-name"],
])("a process is called by %s", async (_what, argv0, name) => {
  const comm = 'require("node:fs").writeFileSync("/proc/self/comm", "short-name")';
  const [pid, port] = await start(process.execPath, ["-e", listening(comm)], argv0);
  expect(await listenersAt(port)).toMatchObject([{ owner: { pid, name } }]);
});

const mayUnshare = ((): boolean => {
  try {
    execFileSync("unshare", ["-m", "-n", "-p", "-f", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** A script for a Node of its own that prints what the probe sees. */
const probeScript = (): string => {
  const module = compileInto(folder, ["probes/listeners", "probes/clock", "probes/failure", "model/text"]);
  const packages = `${folder.path}/compiled/node_modules`;
  if (!existsSync(packages)) symlinkSync(resolve("node_modules"), packages);
  return folder.write(
    "compiled/listeners.mjs",
    `import { probeListeners } from ${JSON.stringify(module)};
     console.log(JSON.stringify(await probeListeners()));`,
  );
};

/** A control group named like a service, in the hierarchy that systemd would use; undefined where none can be made. */
const controlGroup = (): string | undefined => {
  for (const hierarchy of ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup"]) {
    if (!existsSync(`${hierarchy}/cgroup.procs`)) continue;
    try {
      const path = `${hierarchy}/preflight-${process.pid}.service`;
      mkdirSync(path);
      return path;
    } catch {
      return undefined;
    }
  }
  return undefined;
};

/** A control group can go as soon as its last process is gone for good. */
const removeEmptied = async (path: string): Promise<void> => {
  for (let turn = 0; turn < 500 && existsSync(path); turn++) {
    try {
      rmdirSync(path);
    } catch {
      await pause(10);
    }
  }
  expect(existsSync(path)).toBe(false);
};

describe("in and beside namespaces", () => {
  const having = mayUnshare ? test : test.skip;

  having("a process of a container that shares this host's network is elsewhere", async () => {
    const [, port] = await start("unshare", ["-m", "-p", "-f", "--kill-child", process.execPath, "-e", listening()]);
    expect(await listenersAt(port)).toMatchObject([{ owner: { elsewhere: true } }]);
  });

  having("a service that systemd gave mounts of its own is here", async () => {
    const [pid, port] = await start("unshare", ["-m", process.execPath, "-e", listening()]);
    expect(await listenersAt(port)).toMatchObject([{ owner: { pid, elsewhere: false } }]);
  });

  having("what listens in another network is not seen here", async () => {
    const [, port] = await start("unshare", [
      ...["-n", "sh", "-c", 'ip link set lo up 2> /dev/null; exec "$0" -e "$1"'],
      ...[process.execPath, listening()],
    ]);
    expect(await listenersAt(port)).toEqual([]);
  });

  having("where systemd holds a listener for a service, its owner is the service and its unit the socket", async () => {
    // Process 1 of a namespace of its own, called as systemd is, opens the socket, and its child inherits it.
    const init = `const { spawn } = require("node:child_process");
      const { mkdirSync, writeFileSync } = require("node:fs");
      const [probe, group] = process.argv.slice(1);
      writeFileSync("/proc/self/comm", "systemd");
      const server = require("node:net").createServer().listen(0, "127.0.0.1", () => {
        const service = spawn("/bin/sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", server._handle.fd] });
        if (group) writeFileSync(group + "/cgroup.procs", String(service.pid));
        const idle = require("node:net").createServer().listen(0, "127.0.0.1", () => {
          spawn(process.execPath, [probe], { stdio: "inherit" }).on("exit", () => {
            console.log(JSON.stringify({ pid: service.pid, held: server.address().port, idle: idle.address().port }));
            process.exit();
          });
        });
      });`;
    const group = controlGroup();
    const child = spawn(
      "unshare",
      [
        ...["-m", "-p", "-f", "--mount-proc", "--kill-child", "bash", "-c", 'exec -a /sbin/init "$0" -e "$@"'],
        ...[process.execPath, init, probeScript(), ...(group === undefined ? [] : [group])],
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
    if (group !== undefined) await removeEmptied(group);
    const [seen, { pid, held, idle }] = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const ownerAt = (port: number) => seen.listeners.find((listener: Listener) => listener.port === port).owner;
    const unit = group === undefined ? {} : { unit: `preflight-${process.pid}.socket` };
    expect(ownerAt(held)).toEqual({ pid, name: "sleep", ...unit, elsewhere: false });
    expect(ownerAt(idle)).toEqual({ pid: 1, name: "systemd", elsewhere: false });
  });

  having("where there is no /proc, that is said", async () => {
    const output = execFileSync("unshare", [
      ...["-m", "--propagation", "private", "sh", "-c", 'mount -t tmpfs none /proc && exec "$0" "$1"'],
      ...[process.execPath, probeScript()],
    ]);
    expect(JSON.parse(String(output))).toMatchObject({
      ok: false,
      phase: "host",
      code: "file-missing",
      errno: "ENOENT",
    });
  });
});
