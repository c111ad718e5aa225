import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { configurationLooks } from "../../src/bundle/configuration.ts";
import type { World } from "../support/fake-prober.ts";
import { fileRead, from } from "../support/topology.ts";
import { failedWith, holding } from "../support/world.ts";
import { contentOf, lookedAt, whyNot } from "./host.ts";

const taken = (world: World, overrides = {}, merged?: string) =>
  lookedAt((topology) => configurationLooks(topology, merged), world, overrides);

const names = ({ entries }: Awaited<ReturnType<typeof taken>>): readonly string[] => entries.map(({ name }) => name);

test("all settings of CrowdSec's folder are taken, whatever of it a check has read, and no key or certificate", async () => {
  const part = await taken(
    holding({
      "/etc/crowdsec/config.yaml": "a: 1\n",
      "/etc/crowdsec/config.yaml.local": "b: 1\n",
      "/etc/crowdsec/lapi.key": "canary",
      "/etc/crowdsec/acquis.d/nginx.yaml": "c: 1\n",
      "/etc/crowdsec/notifications/http.yaml": "d: 1\n",
      "/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf": "API_KEY=x\n",
      "/etc/crowdsec/ssl/x.pem": "canary",
    }),
    { files: [] },
  );
  expect(names(part).filter((name) => name.startsWith("files/"))).toEqual([
    "files/etc/crowdsec/config.yaml",
    "files/etc/crowdsec/config.yaml.local",
    "files/etc/crowdsec/acquis.d/nginx.yaml",
    "files/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf",
    "files/etc/crowdsec/notifications/http.yaml",
  ]);
  expect(JSON.stringify(part)).not.toContain("canary");
});

test("a file that the configuration names elsewhere is taken, too", async () => {
  const part = await taken(
    { files: { "/srv/creds.yaml": "url: x\n" } },
    { files: [fileRead("/srv/creds.yaml", "credentials for the Local API")] },
  );
  expect(names(part)).toContain("files/srv/creds.yaml");
});

test("of a folder with too many files, some are taken, and it is said", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 250 }, (_each, index) => [`/etc/crowdsec/acquis.d/${1000 + index}.yaml`, "a: 1\n"]),
  );
  const part = await taken(holding(many), { files: [] });
  expect(names(part).filter((name) => name.startsWith("files/"))).toHaveLength(200);
  expect(whyNot(part, "/etc/crowdsec/acquis.d")).toBe("cut off: 200 of its 250 files are kept");
});

test("a folder that this user may not see is named for root", async () => {
  expect((await taken({ folders: { "/etc/crowdsec/bouncers": failedWith("file-denied") } })).denied).toEqual([
    "/etc/crowdsec/bouncers",
  ]);
});

test("the configuration as CrowdSec reads it stands beside its files", async () => {
  expect(contentOf(await taken({}, {}, "api: {}\n"), "config/merged.yaml")).toBe("api: {}\n");
  expect(contentOf(await taken({}), "config/merged.yaml")).toBeUndefined();
});

test("which secrets are set, and whether they look too short or empty, is shown, and no value", async () => {
  const files = {
    "/etc/crowdsec/local_api_credentials.yaml": `url: http://127.0.0.1:8080\nlogin: ""\npassword: canary-${"x".repeat(60)}\n`,
    "/etc/crowdsec/online_api_credentials.yaml": "",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an installer's placeholder
    "/etc/crowdsec/bouncers/a.yaml": "api_key: canary-x\ncrowdsec_config:\n  lapi_key: ${API_KEY}\nempty:\n",
    "/etc/crowdsec/bouncers/b.conf": "API_KEY=canary-key-with-a-usual-length\nMODE='live'\n# OLD=1\n",
    "/etc/crowdsec/bouncers/c.yaml": "a: [canary",
    "/etc/crowdsec/bouncers/d.yaml": "api_url: http://127.0.0.1:8080\ncert_path: /x.pem\n",
    "/etc/crowdsec/config.yaml": `db_config:\n  type: mysql\n  password: canary\napi:\n  cti:\n    key: canary-${"y".repeat(40)}\n`,
    "/etc/crowdsec/notifications/http.yaml": `type: http\nurl: http://x/\nheaders:\n  Authorization: Bearer canary-${"z".repeat(30)}\n---\nsmtp_password:\n`,
    "/etc/crowdsec/notifications/slack.yaml": "type: slack\nformat: x\n",
  };
  const bouncers = ["a.yaml", "b.conf", "c.yaml", "d.yaml"].map((name) =>
    fileRead(`/etc/crowdsec/bouncers/${name}`, "bouncer"),
  );
  const part = await taken(holding(files), { files: bouncers });
  const text = contentOf(part, "config/credentials.txt");
  expect(text).toBe(
    [
      "/etc/crowdsec/local_api_credentials.yaml",
      "  password (usual length)",
      "",
      "/etc/crowdsec/online_api_credentials.yaml",
      "  empty",
      "",
      "/etc/crowdsec/bouncers/a.yaml",
      "  api_key (short)",
      "  crowdsec_config.lapi_key (a placeholder)",
      "",
      "/etc/crowdsec/bouncers/b.conf",
      "  API_KEY (usual length)",
      "",
      "/etc/crowdsec/bouncers/c.yaml",
      "  no YAML",
      "",
      "/etc/crowdsec/bouncers/d.yaml",
      "  no secret is set",
      "",
      "/etc/crowdsec/config.yaml",
      "  db_config.password (short)",
      "  api.cti.key (usual length)",
      "",
      "/etc/crowdsec/notifications/http.yaml",
      "  headers.Authorization (usual length)",
      "  smtp_password (empty)",
      "",
    ].join("\n"),
  );
});

test("what is installed of the hub is told with its version, and what was changed here as such", async () => {
  const content = "name: crowdsecurity/syslog-logs\n";
  const digest = createHash("sha256").update(content).digest("hex");
  const index = {
    parsers: {
      "crowdsecurity/syslog-logs": { version: "0.8", versions: { "0.7": { digest }, "0.8": { digest: "0" } } },
    },
    scenarios: null,
  };
  const part = await taken(
    holding({
      "/etc/crowdsec/parsers/s00-raw/syslog-logs.yaml": content,
      "/etc/crowdsec/scenarios/own.yaml": "name: me/own\n",
      "/var/lib/crowdsec/hub/.index.json": JSON.stringify(index),
    }),
    { hubIndex: from("/var/lib/crowdsec/hub/.index.json", "x"), files: [] },
  );
  const lines = (contentOf(part, "config/hub.txt") ?? "").split("\n");
  expect(lines[0]).toBe(
    `parsers/s00-raw/syslog-logs.yaml: crowdsecurity/syslog-logs 0.7 (the index has 0.8), sha256 ${digest}`,
  );
  expect(lines[1]).toMatch(/^scenarios\/own\.yaml: in no version of the index: changed here, or made here, sha256 /);
});

test.each([
  [
    "is missing",
    failedWith("file-missing"),
    /^the hub's index, \/x\/\.index\.json: there is no such file\nscenarios\/own\.yaml: sha256 /,
  ],
  ["is no JSON", "{", /^scenarios\/own\.yaml: sha256 /],
  ["is too large", failedWith("file-large"), /^scenarios\/own\.yaml: sha256 /],
])("where the hub's index %s, items are told by their hash", async (_how, index, text) => {
  const world = holding({ "/etc/crowdsec/scenarios/own.yaml": "name: me/own\n" });
  const part = await taken(
    { ...world, files: { ...world.files, "/x/.index.json": index } },
    { hubIndex: from("/x/.index.json", "x"), files: [] },
  );
  expect(contentOf(part, "config/hub.txt")).toMatch(text);
});

test("an item whose file is gone is a link to nothing", async () => {
  const part = await taken({ folders: { "/etc/crowdsec/scenarios": ["gone.yaml"] } });
  expect(contentOf(part, "config/hub.txt")).toBe("scenarios/gone.yaml: a link to nothing\n");
});

test("the agent's data sources are listed", async () => {
  const sources = [{ origin: "/etc/crowdsec/acquis.yaml:1", source: "file", hasLabels: false, mistakes: [] }];
  const part = await taken({}, { acquisition: { files: [], sources } });
  expect(contentOf(part, "config/acquisition.txt")).toBe("/etc/crowdsec/acquis.yaml:1: file, without labels\n");
});

test("a host without CrowdSec has nothing of it, and nothing is missed", async () => {
  expect(await taken({}, { files: [], acquisition: { absent: "x" } })).toEqual({
    entries: [],
    missing: [],
    denied: [],
  });
});

test("a file that the configuration names and that is not there is missed by name", async () => {
  const merged = `config_paths:
  simulation_path: /etc/crowdsec/simulation.yaml
api:
  server:
    console_path: /srv/console.yaml
`;
  const part = await taken(
    { files: { "/srv/console.yaml": "share_custom: true\n" } },
    { files: [fileRead("/etc/crowdsec/profiles.yaml", "profiles", { state: "missing" })] },
    merged,
  );
  expect(part.missing).toEqual([
    { source: "/etc/crowdsec/profiles.yaml", why: "not there, though the configuration names it" },
    { source: "/etc/crowdsec/simulation.yaml", why: "not there, though the configuration names it" },
  ]);
  expect(contentOf(part, "files/srv/console.yaml")).toBe("share_custom: true\n");
});

test("neither a variable nor another kind of file is looked for by what the configuration names", async () => {
  const merged = `config_paths:\n  simulation_path: \${X}/a.yaml\napi:\n  server:\n    console_path: /root/.ssh/id_rsa\n`;
  expect((await taken({ files: { "/root/.ssh/id_rsa": "canary" } }, { files: [] }, merged)).missing).toEqual([]);
  expect((await taken({}, { files: [] }, "")).missing).toEqual([]);
});

test("each file of the configuration is said to be what it is used for, wherever it is", async () => {
  const paths = ["acquis.yaml", "acquis.d/k.yaml", "local_api_credentials.yaml", "config.yaml", "own.yaml"];
  const files = Object.fromEntries(paths.map((name) => [`/etc/crowdsec/${name}`, "a: 1\n"]));
  const acquisition = { files: [fileRead("/etc/crowdsec/acquis.yaml", "acquisition")], sources: [] };
  const { entries } = await taken(holding(files), { files: [], acquisition });
  // Of several with one name the first counts.
  const what = new Map(
    entries.toReversed().map((entry) => [entry.name.replace("files/etc/crowdsec/", ""), entry.what]),
  );
  expect(paths.map((path) => what.get(path))).toEqual([
    "what the agent reads",
    "what the agent reads",
    "credentials of this machine, values taken out",
    "CrowdSec's configuration",
    "CrowdSec's configuration",
  ]);
});
