import { spawnSync } from "node:child_process";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { NamespaceSeen } from "../../src/model/observation.ts";
import { probeNamespace } from "../../src/probes/namespace.ts";
import { compileInto } from "../support/compiled.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

const compiled = makeFolder();
afterAll(compiled.remove);
const module = compileInto(compiled, [
  "probes/namespace",
  ...["probes/environment", "probes/clock", "probes/failure", "model/secret", "model/text"],
] as [string, ...string[]]);

const SCRIPT = `const { probeNamespace } = await import(process.argv[1]);
console.log(JSON.stringify([await probeNamespace(process.argv[2] || undefined), process.pid]));`;

/** The probe in a process of its own, which `wrapper` starts. */
const seenBy = (wrapper: readonly string[], root = "", env: Readonly<Record<string, string>> = {}): NamespaceSeen => {
  const node = [process.execPath, "--input-type=module", "-e", SCRIPT, module, root];
  const [program = "", ...rest] = [...wrapper, ...node];
  const { stdout, stderr } = spawnSync(program, rest, {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(stderr);
  return (JSON.parse(stdout) as [NamespaceSeen])[0];
};

describe("a container is known by what its manager leaves there", () => {
  let root: Folder;
  beforeEach(() => {
    root = makeFolder();
  });
  afterEach(() => root.remove());

  test.each([
    [".dockerenv", "", "docker"],
    ["run/.containerenv", 'engine="podman-5.2.2"\n', "podman"],
    ["run/systemd/container", "lxc\n", "lxc"],
    ["run/systemd/container", "systemd-nspawn", "systemd-nspawn"],
  ])("%s", async (file, content, container) => {
    root.write(file, content);
    expect((await probeNamespace(root.path)).container).toBe(container);
  });

  test("Kubernetes, by the variable that every pod has, whatever runs its containers", () => {
    root.write(".dockerenv", "");
    const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };
    expect(seenBy([], root.path, env).container).toBe("kubernetes");
    expect(seenBy([], root.path).container).toBe("docker");
  });
});

/** What this machine itself is, by the same signs as far as another root cannot hide them. */
const bare = seenBy([]).container;

const mayUnshare = spawnSync("unshare", ["-n", "-p", "-f", "--mount-proc", "true"]).status === 0;

(mayUnshare ? describe : describe.skip)("in a namespace of its own", () => {
  test("a container's first process tells it by `container=`", () => {
    const folder = makeFolder();
    try {
      // The variable stands in the environment of process 1, which is the shell here.
      const wrapper = [
        "unshare",
        "-p",
        "-f",
        "--mount-proc",
        "env",
        "container=podman",
        "sh",
        "-c",
        'env -u container "$@"; exit $?',
        "sh",
      ];
      expect(seenBy(wrapper, folder.path).container).toBe("podman");
    } finally {
      folder.remove();
    }
  });

  test.each([
    ["of process 1", ["unshare", "-p", "-f", "--mount-proc", "sh", "-c", 'unshare -n "$@"; exit $?', "sh"]],
    // Process 1 may be unreadable: then it is compared with this test's.
    ["of the process that started it", ["unshare", "-n"]],
  ])("a network that is not that %s is told by its number", (_what, wrapper) => {
    const { network, container } = seenBy(wrapper);
    expect(network).toMatch(/^\d{4,}$/);
    expect(container).toBe(bare);
  });

  test("a network that `ip netns` named is told by its name", () => {
    const root = makeFolder();
    try {
      root.write("run/netns/lab-lapi", "");
      root.write("run/netns/other", "");
      // As `ip netns add` does it: the namespace is bound to a file of that name, here in a mount namespace of its own.
      const script = 'mount --bind /proc/self/ns/net "$0/run/netns/lab-lapi" && exec "$@"';
      expect(seenBy(["unshare", "-n", "-m", "sh", "-c", script, root.path], root.path).network).toBe("lab-lapi");
    } finally {
      root.remove();
    }
  });

  test("the host's own network is none", () => {
    expect(seenBy([])).not.toHaveProperty("network");
  });

  test("inside a process namespace, process 1 is that namespace's own: a shared network is none", () => {
    expect(seenBy(["unshare", "-n", "-p", "-f", "--mount-proc"])).not.toHaveProperty("network");
  });
});
