import { expect, test } from "@jest/globals";
import { describeListener } from "../../src/model/listener.ts";

const OWNER = { pid: 4711, name: "java", elsewhere: false } as const;
const at = { address: "::", family: 6, port: 8080 } as const;

test.each([
  [{ ...at }, {}, "a process that this user may not see on [::]:8080"],
  [{ ...at, owner: OWNER }, {}, "java (pid 4711) on [::]:8080"],
  [
    { ...at, owner: { ...OWNER, unit: "tomcat10.service" } },
    { unit: "other.socket" },
    "java (pid 4711, tomcat10.service) on [::]:8080",
  ],
  [
    { ...at, owner: { ...OWNER, pid: 1, name: "systemd" } },
    { unit: "web.socket" },
    "systemd (pid 1, web.socket) on [::]:8080",
  ],
  [{ ...at, owner: { ...OWNER, elsewhere: true } }, {}, "java (pid 4711, in a container) on [::]:8080"],
  [
    { ...at, owner: { ...OWNER, elsewhere: true, container: "f00d" } },
    {},
    "java (pid 4711, in container f00d) on [::]:8080",
  ],
  [
    { ...at, address: "10.0.0.5", owner: { ...OWNER, name: "docker-proxy", container: "172.17.0.2:80" } },
    { container: "web" },
    "docker-proxy (pid 4711, for the container web at 172.17.0.2:80) on 10.0.0.5:8080",
  ],
] as const)("who has a port is told by process, unit and container: %#", (listener, names, words) => {
  expect(describeListener(listener, names)).toBe(words);
});
