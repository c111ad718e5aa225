import { expect, test } from "@jest/globals";
import { withoutPrivate } from "../../src/bundle/private.ts";
import type { Recorded } from "../../src/bundle/recording.ts";
import type { FileRead, FolderRead } from "../../src/model/observation.ts";

const folder = (path: string, ...names: string[]): Recorded => ({
  probe: "folder",
  question: path,
  answer: { ok: true, elapsedMs: 1, names },
});
const file = (path: string, content = ""): Recorded => ({
  probe: "file",
  question: path,
  answer: { ok: true, elapsedMs: 1, content },
});
const namesIn = (recorded: readonly Recorded[], path: string): unknown =>
  (recorded.find(({ probe, question }) => probe === "folder" && question === path)?.answer as FolderRead | undefined)
    ?.names;

test("of others' folders, only the names that a check went on to ask for are told", () => {
  const kept = withoutPrivate([
    folder("/", "etc", "home", "secret-project"),
    folder("/home", "alice", "bob"),
    folder("/home/alice", "docker-compose.yml", ".bash_history", "diary.txt"),
    file("/home/alice/docker-compose.yml"),
    folder("/opt", "stack", "other"),
    { probe: "path", question: "/opt/stack/compose.yaml", answer: { ok: false } },
    folder("/root", ".ssh"),
  ]);
  expect(namesIn(kept, "/")).toEqual(["home"]);
  expect(namesIn(kept, "/home")).toEqual(["alice"]);
  expect(namesIn(kept, "/home/alice")).toEqual(["docker-compose.yml"]);
  expect(namesIn(kept, "/opt")).toEqual(["stack"]);
  expect(namesIn(kept, "/root")).toEqual([]);
});

test("CrowdSec's folders and the system's stay whole", () => {
  const kept = withoutPrivate([
    folder("/etc/crowdsec/acquis.d", "a.yaml", "b.txt"),
    folder("/etc/systemd/system", "x.service"),
  ]);
  expect(namesIn(kept, "/etc/crowdsec/acquis.d")).toEqual(["a.yaml", "b.txt"]);
  expect(namesIn(kept, "/etc/systemd/system")).toEqual(["x.service"]);
});

test("of debconf's answers, only those about CrowdSec are told", () => {
  const path = "/var/cache/debconf/config.dat";
  const [kept] = withoutPrivate([
    file(
      path,
      "Name: crowdsec/capi\nValue: true\nOwners: crowdsec\n\nName: postfix/root_address\nValue: me@corp.example\n\nName: crowdsec/lapi\nValue: false\n",
    ),
  ]);
  expect((kept?.answer as FileRead | undefined)?.content).toBe(
    "Name: crowdsec/capi\nValue: true\nOwners: crowdsec\n\nName: crowdsec/lapi\nValue: false\n",
  );
});
