import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import type { Failed } from "../../src/model/observation.ts";
import type { LapiClient, Role } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import { machineClients, overridden, selfClient } from "../../src/topology/clients.ts";
import { loadFile, readerOf } from "../../src/topology/crowdsec-files.ts";
import { NO_TRUST } from "../../src/topology/route.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { agentTo, bouncerTo, from, routeTo } from "../support/topology.ts";

const CANARY = "canary-4dd1-secret";
const FILE = "/etc/crowdsec/local_api_credentials.yaml";
const DENIED: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };
const PASSWORD = `login: me\npassword: ${CANARY}\n`;

/** `${NAME}`, which the linter would take for a mistake. */
const braced = (name: string): string => `$\{${name}}`;

interface Given {
  readonly local?: string;
  readonly main?: string;
  readonly version?: Version;
  readonly roles?: readonly Role[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The clients of a credentials file with this content. */
const clients = async (content: string | Failed, given: Given = {}): Promise<readonly LapiClient[]> => {
  const { local, main = "", version, roles = ["lapi", "agent", "cscli"], environment = {} } = given;
  const files = { [FILE]: content, ...(local !== undefined && { [`${FILE}.local`]: local }) };
  const loaded = await loadFile(fakeProber({ files }), FILE, "credentials");
  const parsed = parseYaml(main, "c.yaml");
  if (!parsed.ok) throw new Error(parsed.message);
  const reader = readerOf(parsed.tree, environment);
  const found = machineClients(roles, { ...loaded, path: FILE }, reader, environment, version);
  // Whatever a test is about: the password does not get out.
  expect(JSON.stringify(found)).not.toContain(CANARY);
  expect(inspect(found, { depth: null })).not.toContain(CANARY);
  return found;
};
/** The agent of such a file, and of no other program. */
const agent = async (content: string | Failed, given: Given = {}): Promise<LapiClient> => {
  const [found, ...more] = await clients(content, { roles: ["agent"], ...given });
  if (found === undefined || more.length > 0) throw new Error("not one client");
  return found;
};

describe("agent and cscli", () => {
  test("share one file, and each is a client of its own", async () => {
    const found = await clients(`url: http://127.0.0.1:8080\n${PASSWORD}`);
    const same = {
      kind: "machine",
      path: FILE,
      way: { url: { value: "http://127.0.0.1:8080/", origin: `${FILE}:1` }, trust: NO_TRUST },
      credentials: {
        kind: "password",
        login: { value: "me", origin: `${FILE}:2` },
        password: expect.objectContaining({ reveal: expect.any(Function) }),
      },
    };
    expect(found).toEqual([
      { name: "agent", component: "crowdsec", ...same },
      { name: "cscli", component: "cscli", ...same },
    ]);
  });

  test.each<[readonly Role[], readonly string[]]>([
    [["agent"], ["agent"]],
    [["cscli"], ["cscli"]],
    [["lapi", "bouncer", "prometheus"], []],
  ])("are asked about as this host's roles say: %j", async (roles, names) => {
    expect((await clients(`url: http://a/\n${PASSWORD}`, { roles })).map(({ name }) => name)).toEqual(names);
  });

  test("are none where config.yaml names no file", () => {
    expect(machineClients(["agent"], undefined, undefined, {}, undefined)).toEqual([]);
  });

  test("may have their values in an overlay", async () => {
    const { way, credentials } = await agent("url: http://a/\nlogin: me\n", {
      local: `url: http://lapi.test:9090/\npassword: ${CANARY}\n`,
    });
    expect(way).toMatchObject({ url: { value: "http://lapi.test:9090/", origin: `${FILE}.local:1` } });
    expect("password" in credentials && credentials.password.reveal()).toBe(CANARY);
  });

  test("may go by a unix socket", async () => {
    expect((await agent(`url: /run/crowdsec.sock\n${PASSWORD}`)).way).toEqual({
      url: { value: "http://unix/", origin: `${FILE}:1` },
      socket: "/run/crowdsec.sock",
      trust: NO_TRUST,
    });
    expect(await agent(`url: /run/crowdsec.sock\n${PASSWORD}`)).toMatchObject({ neverProxied: "a unix socket" });
    expect(await agent(`url: https://a/\n${PASSWORD}`)).not.toHaveProperty("neverProxied");
  });

  test.each([`http://me:${CANARY}@lapi.test:8080/`, `http://me:${CANARY}@la pi/`])(
    "with credentials in their url (%s) have no way, and it is not shown",
    async (url) => {
      expect((await agent(`url: "${url}"\n${PASSWORD}`)).way).toMatchObject({
        malformed: { value: "[secret]", origin: `${FILE}:1` },
      });
    },
  );
});

describe("a credentials file", () => {
  const noUrl = { absent: `${FILE} names no Local API (url)` };

  test("that names no url leaves no way", async () => {
    expect((await agent(PASSWORD)).way).toEqual(noUrl);
    expect((await agent("")).way).toEqual(noUrl);
  });

  test.each<[string, Failed | string, string]>([
    ["is not there", { ...DENIED, code: "file-missing" }, "does not exist"],
    ["is no YAML", "url: http://a/\nurl: http://b/\n", "cannot be read"],
    ["is no text", { ...DENIED, code: "file-binary" }, "cannot be read"],
  ])("that %s leaves neither way nor credentials", async (_what, content, words) => {
    const absent = { absent: `${FILE} ${words}` };
    expect(await agent(content)).toMatchObject({ way: absent, credentials: absent });
  });

  test("that this user may not read hides both, as does its overlay", async () => {
    const hidden = (path: string) => ({ hidden: `run as root: ${path} may not be read by this user` });
    expect(await agent(DENIED)).toMatchObject({ way: hidden(FILE), credentials: hidden(FILE) });
  });
});

describe("credentials", () => {
  test.each<[string, string, readonly string[]]>([
    ["nothing", "", ["url", "login", "password"]],
    ["a url only", "url: http://a/\n", ["login", "password"]],
    ["no password", "url: http://a/\nlogin: me\n", ["password"]],
    ["an empty login", `url: http://a/\nlogin: ''\npassword: ${CANARY}\n`, ["login"]],
    ["no url", PASSWORD, ["url"]],
  ])("of %s are incomplete, and what is missing is named", async (_what, content, missing) => {
    expect((await agent(content)).credentials).toEqual({ kind: "incomplete", missing, origin: FILE });
  });

  test("by certificate need no password", async () => {
    const content = "url: https://a/\ncert_path: /etc/me.pem\nkey_path: /etc/me.key\n";
    expect((await agent(content)).credentials).toEqual({ kind: "certificate", origin: `${FILE}:2` });
  });

  test("by certificate and by login at once exclude each other", async () => {
    const content = `url: https://a/\ncert_path: /etc/me.pem\nkey_path: /etc/me.key\n${PASSWORD}`;
    expect((await agent(content)).credentials).toEqual({ kind: "both", origin: `${FILE}:2` });
  });
});

describe("trust", () => {
  const TLS = "url: https://a/\nca_cert_path: etc/ca.pem\ncert_path: /etc/me.pem\nkey_path: etc/me.key\n";
  const trustOf = async (content: string, given?: Given): Promise<unknown> => {
    const { way } = await agent(content, given);
    return "trust" in way ? way.trust : way;
  };

  test("is in the files that the credentials name, below / where they are relative", async () => {
    expect(await trustOf(TLS)).toEqual({
      caFiles: ["/etc/ca.pem"],
      only: false,
      skipVerify: false,
      certificate: { certFile: "/etc/me.pem", keyFile: "/etc/me.key" },
    });
  });

  test.each<[string, Version | undefined, boolean]>([
    ["1.4.6", [1, 4, 6], true],
    ["1.5.1", [1, 5, 1], true],
    ["1.5.2", [1, 5, 2], false],
    ["1.7.8", [1, 7, 8], false],
    ["a version that nobody knows", undefined, false],
  ])("in %s a private CA replaces the system's store, or joins it", async (_name, version, only) => {
    const given = version ? { version } : {};
    expect(await trustOf(TLS, given)).toMatchObject({ caFiles: ["/etc/ca.pem"], only });
    expect(await trustOf("url: https://a/\n", given)).toMatchObject({ caFiles: [], only: false });
  });

  test("is not asked for where config.yaml says so", async () => {
    const main = "api:\n  client:\n    insecure_skip_verify: true\n";
    expect(await trustOf(TLS, { main })).toMatchObject({ skipVerify: true });
  });

  test("has no client certificate where its key is not named", async () => {
    expect(await trustOf("url: https://a/\ncert_path: /etc/me.pem\n")).not.toHaveProperty("certificate");
  });
});

describe("variables", () => {
  const content = `url: http://${braced("LAPI_HOST")}:8080/\nlogin: me\npassword: ${braced("LAPI_PASSWORD")}\n`;
  const environment = { LAPI_HOST: "lapi.test", LAPI_PASSWORD: CANARY };
  const read = async (version?: Version): Promise<unknown> => {
    const { way, credentials } = await agent(content, { environment, ...(version && { version }) });
    return [
      "url" in way ? way.url.value : "problem" in way && way.problem,
      "password" in credentials && credentials.password.reveal(),
    ];
  };

  test.each<[string, Version | undefined]>([
    ["1.6.3", [1, 6, 3]],
    ["1.7.8", [1, 7, 8]],
    ["a version that nobody knows", undefined],
  ])("of the credentials are expanded in %s", async (_name, version) => {
    expect(await read(version)).toEqual(["http://lapi.test:8080/", CANARY]);
  });

  test.each<[string, Version]>([
    ["1.4.6", [1, 4, 6]],
    ["1.6.2", [1, 6, 2]],
  ])("of the credentials stay as they stand in %s", async (_name, version) => {
    expect(await read(version)).toEqual(["a URL with a placeholder that was never replaced", braced("LAPI_PASSWORD")]);
  });
});

describe("the Local API itself", () => {
  const MAIN = "/etc/crowdsec/config.yaml";
  const listening = { tls: false, appsec: [] };
  const uri = from({ host: "0.0.0.0", port: 8080 }, `${MAIN}:47`);

  test("is reached where it listens, whoever signed its certificate", () => {
    expect(selfClient({ ...listening, tls: true, uri }, MAIN, undefined)).toMatchObject({
      name: "lapi",
      kind: "self",
      path: MAIN,
      way: { url: from("https://127.0.0.1:8080/", `${MAIN}:47`), trust: { skipVerify: true } },
      credentials: { absent: expect.any(String) },
      neverProxied: "this host asks itself",
    });
  });

  test("is reached by its address where it has a socket too, else by the socket", () => {
    const socket = from("/run/crowdsec.sock", `${MAIN}:48`);
    expect(selfClient({ ...listening, uri, socket }, MAIN, undefined)?.way).not.toHaveProperty("socket");
    expect(selfClient({ ...listening, socket }, MAIN, undefined)?.way).toMatchObject({ socket: "/run/crowdsec.sock" });
  });

  test("has the fault of its address, is hidden with its file, and is none where it listens nowhere", () => {
    const malformed = { malformed: from("8080", `${MAIN}:47`), problem: "not of the form host:port" };
    expect(selfClient({ ...listening, uri: malformed }, MAIN, undefined)?.way).toEqual(malformed);
    expect(selfClient(listening, MAIN, "run as root")?.way).toEqual({ hidden: "run as root" });
    expect(selfClient(listening, MAIN, undefined)).toBeUndefined();
  });
});

describe("--lapi-url", () => {
  const url = from("https://lapi.test/", "--lapi-url");
  const trust = { caFiles: ["/etc/ca.pem"], only: false, skipVerify: true };

  test("is for every client of this host, each with its own trust; the Local API's own address is left alone", () => {
    const self = agentTo(routeTo("http://127.0.0.1:8080/"), { name: "lapi", kind: "self" });
    const found = overridden(
      [self, agentTo(routeTo("http://a/", { trust })), bouncerTo({ absent: "no url" })],
      ["lapi", "agent", "bouncer"],
      url,
    );
    expect(found.map(({ name, way }) => [name, way])).toEqual([
      ["agent", { url, trust }],
      ["crowdsec-firewall-bouncer", { url, trust: NO_TRUST }],
    ]);
  });

  test("of a client that had a socket goes by the address", () => {
    const [found] = overridden([agentTo(routeTo("http://unix/", { socket: "/run/a.sock" }))], ["agent"], url);
    expect(found?.way).toEqual({ url, trust: NO_TRUST });
  });

  test("decides over the proxy anew: a bouncer that took one for http takes none for https, and the other way", () => {
    const why = (client: LapiClient, value: string) =>
      overridden([client], ["agent", "bouncer"], from(value, "--lapi-url")).map(({ neverProxied }) => neverProxied);
    const firewall = bouncerTo(routeTo("http://a/"));
    expect(why(firewall, "https://lapi.test/")).toEqual([expect.stringContaining("go-cs-bouncer")]);
    expect(why({ ...firewall, neverProxied: "old" }, "http://lapi.test/")).toEqual([undefined]);
    expect(why(agentTo(routeTo("http://a/")), "/run/crowdsec.sock")).toEqual(["a unix socket"]);
    expect(why(agentTo(routeTo("http://unix/"), { neverProxied: "a unix socket" }), "http://b/")).toEqual([undefined]);
  });

  test("is for those who would be there, before they are", () => {
    const found = overridden([], ["lapi", "agent", "bouncer", "prometheus"], url);
    expect(found.map(({ name, kind }) => [name, kind])).toEqual([
      ["agent", "machine"],
      ["bouncer", "bouncer"],
    ]);
    for (const { name, way, credentials, component, neverProxied } of found) {
      expect(way).toEqual({ url, trust: NO_TRUST });
      // With which library a bouncer will be built, and what it will be called, nobody knows yet.
      expect([component, neverProxied]).toEqual([name === "agent" ? "crowdsec" : undefined, undefined]);
      expect(credentials).toHaveProperty("absent");
    }
  });
});
