import { describe, expect, jest, test } from "@jest/globals";
import { catalogue } from "../../checks/index.ts";
import { type ArchiveFile, readZip } from "../../src/archive/zip.ts";
import type { Bundle } from "../../src/bundle/make.ts";
import { openBundle } from "../../src/bundle/open.ts";
import { createReplay } from "../../src/bundle/replay.ts";
import { findDeployment } from "../../src/commands/session.ts";
import type { LayerCode } from "../../src/model/observation.ts";
import type { Finding, Report } from "../../src/model/report.ts";
import { runChecks } from "../../src/runner/index.ts";
import { bundleIn } from "../support/bundles.ts";
import type { World } from "../support/fake-prober.ts";
import { failedWith, failingAt, HEALTHY, holding, ranWith } from "../support/world.ts";

jest.setTimeout(60_000);

const FOLDER = "/etc/crowdsec";
/** Fit to be searched for: long, and no word. */
const canary = (place: string): string => `cAn4ry-${place}-7x1`;

const FILES = {
  [`${FOLDER}/config.yaml`]: `common:
  log_level: info
crowdsec_service:
  acquisition_path: ${FOLDER}/acquis.yaml
db_config:
  type: postgresql
  host: db.corp.example
  port: 5432
  user: crowdsec
  db_name: crowdsec
  password: ${canary("db")}
  sslmode: disable
api:
  client:
    credentials_path: ${FOLDER}/local_api_credentials.yaml
  cti:
    key: ${canary("cti")}
  server:
    listen_uri: 0.0.0.0:8080
    online_client:
      credentials_path: ${FOLDER}/online_api_credentials.yaml
prometheus:
  enabled: true
`,
  [`${FOLDER}/config.yaml.local`]: `api:\n  server:\n    listen_uri: 10.4.0.7:8080\n`,
  [`${FOLDER}/local_api_credentials.yaml`]: `url: http://lapi.corp.example:8080\nlogin: web-1\npassword: ${canary("machine")}\n`,
  [`${FOLDER}/online_api_credentials.yaml`]: `url: https://api.crowdsec.net/\nlogin: me\npassword: ${canary("capi")}\n`,
  [`${FOLDER}/acquis.yaml`]: `filenames: [/var/log/auth.log]\nlabels: {type: syslog}\n`,
  [`${FOLDER}/bouncers/crowdsec-firewall-bouncer.yaml`]: `api_url: http://10.4.0.7:8080/\napi_key: ${canary("bouncer")}\n`,
  "/etc/hosts": "127.0.0.1 localhost\n10.4.0.7 lapi.corp.example\n",
};

const { files, folders, paths } = holding(FILES);
const ENGINE = {
  pid: 42,
  argv: ["/usr/bin/crowdsec", "-c", `${FOLDER}/config.yaml`, "-dsn", `loki://bob:${canary("argument")}@127.0.0.1/`],
  uid: 0,
  ageSeconds: 3600,
};
const HOST: World = {
  ...HEALTHY,
  files,
  folders,
  paths: { ...HEALTHY.paths, ...paths, "/usr/bin/crowdsec": { executable: true } },
  processes: { crowdsec: [ENGINE] },
  environments: {
    42: {
      PATH: "/usr/bin",
      HTTPS_PROXY: `http://bob:${canary("proxy")}@proxy.corp.example:3128`,
      DB_PASSWORD: canary("variable"),
      SOMETHING: "mine alone",
    },
  },
  commands: ({ argv }) => ranWith(0, argv.includes("-version") ? "version: v1.7.8-debian" : ""),
};

const LIMITS = { maxBytes: 100_000_000, maxUnpackedBytes: 100_000_000, maxFiles: 1000 };
const unpacked = ({ bytes }: Bundle): Promise<readonly ArchiveFile[]> => readZip(bytes, LIMITS);
const textOf = async (bundle: Bundle, name: string): Promise<string> => {
  const file = (await unpacked(bundle)).find((each) => each.name === name);
  if (file === undefined) throw new Error(`no ${name} in ${bundle.names.join(", ")}`);
  return file.content.toString("utf8");
};

/** Judges a bundle as `check --from` does. */
const again = async ({ bytes }: Bundle): Promise<readonly Finding[]> => {
  const { recording } = await openBundle(bytes);
  const { environment, user, platform, run, version, candidate } = recording;
  const { context } = await findDeployment(
    {
      probe: createReplay(recording),
      environment,
      user,
      platform,
      now: new Date(run.startedAt),
      versions: { here: version, candidate },
    },
    { overrides: {}, env: "auto", allowWrites: false },
  );
  return runChecks({
    checks: catalogue,
    isSelected: () => true,
    context,
    concurrency: 64,
    signal: new AbortController().signal,
    observe: () => {},
    secondLookMs: 0,
  });
};

/** Without what only a whole report gives a finding: texts fit to show, and the version that was found in the end. */
const told = (findings: readonly Finding[]): unknown =>
  findings.map(({ instance, status, summary, reason, fault, layers, addresses, target, because }) => ({
    ...{ instance, status, summary, reason, layers, addresses, target, because },
    code: fault?.code,
  }));

const expectSame = async (bundle: Bundle): Promise<void> => {
  const report = JSON.parse(await textOf(bundle, "report.json")) as Report;
  expect(JSON.parse(JSON.stringify(told(await again(bundle))))).toEqual(
    JSON.parse(JSON.stringify(told(report.findings))),
  );
};

describe("judged again, a bundle says the same", () => {
  const CODES: readonly LayerCode[] = ["dns-nxdomain", "tcp-refused", "tls-untrusted", "http-status", "proxy-denied"];
  test.each<[string, World]>([
    ["all is well", HOST],
    ["nothing of CrowdSec is there", { ...HEALTHY, listeners: [] }],
    [
      "the files may not be read",
      { ...HOST, files: { ...files, [`${FOLDER}/config.yaml`]: failedWith("file-denied") } },
    ],
    ["the configuration is no YAML", { ...HOST, files: { ...files, [`${FOLDER}/config.yaml`]: "api: [" } }],
    ["the engine does not run", { ...HOST, processes: [], services: { crowdsec: { state: "failed" } } }],
    ...CODES.map((code): [string, World] => [
      code,
      { ...HOST, ...failingAt(code), files, folders, processes: { crowdsec: [ENGINE] } },
    ]),
  ])("%s", async (_words, world) => {
    await expectSame((await bundleIn(world)).bundle);
  });

  test("with a password that breaks PostgreSQL's connection string: the stand-in breaks it too", async () => {
    const main = FILES[`${FOLDER}/config.yaml`] ?? "";
    const awkward = main.replace(canary("db"), `"${canary("db")} it's"`);
    const { bundle, report } = await bundleIn({ ...HOST, files: { ...files, [`${FOLDER}/config.yaml`]: awkward } });
    expect(report.findings.map(({ fault }) => fault?.code)).toContain("db-config-unescaped");
    await expectSame(bundle);
  });

  test("what was cut off is cut off again", async () => {
    const end = new AbortController();
    const world: World = {
      ...HOST,
      // The run ends while the first name is asked for.
      dns: (name) => {
        end.abort("cut off by --deadline 2.0 s");
        return (HEALTHY.dns as NonNullable<World["dns"]>)(name);
      },
    };
    const { bundle, report } = await bundleIn(world, { signal: end.signal });
    expect(report.findings.filter(({ reason = "" }) => reason.startsWith("cut off")).length).toBeGreaterThan(5);
    const cut = (findings: readonly Finding[]): readonly string[] =>
      findings.filter(({ reason = "" }) => reason.startsWith("cut off")).map(({ id }) => id);
    const mine = new Set(cut(report.findings));
    for (const id of cut(await again(bundle))) expect([...mine]).toContain(id);
  });
});

describe("secrets", () => {
  const SECRETS = ["db", "cti", "machine", "capi", "bouncer", "proxy", "variable", "argument"].map(canary);
  const holds = async (bundle: Bundle): Promise<readonly string[]> =>
    (await unpacked(bundle)).flatMap(({ name, content }) =>
      SECRETS.filter((secret) => content.includes(secret)).map((secret) => `${secret} in ${name}`),
    );

  test("of files, environments and questions are in no file of the archive", async () => {
    const { bundle } = await bundleIn(HOST);
    expect(await holds(bundle)).toEqual([]);
    const files = await unpacked(bundle);
    expect(files.filter(({ content }) => content.includes("mine alone"))).toEqual([]);
  });

  test("have the same stand-in wherever the value stands", async () => {
    const { bundle } = await bundleIn(HOST);
    const standIn = /api_key: (REDACTED-\d+)/.exec(
      await textOf(bundle, `files${FOLDER}/bouncers/crowdsec-firewall-bouncer.yaml`),
    )?.[1];
    expect(standIn).toBeDefined();
    expect(await textOf(bundle, "observations.json")).toContain(`{"$secret":"${standIn}"}`);
    expect(await textOf(bundle, "services/environment/crowdsec-42.env")).toMatch(
      /^HTTPS_PROXY=http:\/\/\S+:REDACTED-\d+@proxy\.corp\.example:3128$/m,
    );
  });

  test("are told by file, line, rule and count, never by value", async () => {
    const { bundle } = await bundleIn(HOST);
    const removals = await textOf(bundle, "removals.txt");
    expect(removals).toMatch(/^files\/etc\/crowdsec\/config\.yaml:11 +key password +1$/m);
    expect(removals).toMatch(/^services\/environment\/crowdsec-42\.env:\d +variable SOMETHING +1$/m);
    expect(bundle.removals.length).toBeGreaterThan(7);
  });

  test("that get past all that takes them out stop the bundle, with a sentence that does not hold them", async () => {
    // The manifest has the host's name as it is.
    const error = await bundleIn(HOST, { host: canary("bouncer") }).then(
      () => undefined,
      (thrown: unknown) => String(thrown),
    );
    expect(error).toMatch(
      /No bundle was written: manifest\.json:\d+ would still hold a secret \(key api_key, .*; plain\)/,
    );
    expect(error).not.toContain(canary("bouncer"));
  });
});

test("a link out of what was asked for is not followed, and is named", async () => {
  const path = `${FOLDER}/acquis.yaml`;
  const led = { ok: true, elapsedMs: 1, content: "private: text\n", at: "/root/private.yaml" } as const;
  const { bundle } = await bundleIn({ ...HOST, files: { ...files, [path]: led } });
  for (const { content } of await unpacked(bundle)) expect(content.includes("private: text")).toBe(false);
  expect(bundle.missing).toContainEqual({ source: path, why: expect.stringContaining("/root/private.yaml") });
});

test("its manifest says what every file is, and holds against it", async () => {
  const { bundle } = await bundleIn(HOST);
  const manifest = JSON.parse(await textOf(bundle, "manifest.json"));
  expect(manifest.files.map(({ name }: { name: string }) => name).sort()).toEqual(
    bundle.names.filter((name) => name !== "manifest.json").sort(),
  );
  await expect(openBundle(bundle.bytes)).resolves.toBeDefined();
});

test("what does not fit is left out of the observations, the largest replies first; what cannot be left out is an error", async () => {
  const huge = "# HELP x\n".repeat(100_000);
  const world: World = {
    ...HOST,
    http: (request) => {
      const answer = (HEALTHY.http as NonNullable<World["http"]>)(request);
      return answer.ok && request.url.endsWith("/metrics") ? { ...answer, body: huge } : answer;
    },
  };
  const { bundle } = await bundleIn(world, { maxBytes: 1_000_000 });
  expect(await textOf(bundle, "observations.json")).not.toContain("# HELP x");
  expect((await again(bundle)).find(({ id }) => id === "metrics")).toMatchObject({
    status: "unknown",
    reason: expect.stringContaining("not in this bundle"),
  });
  await expect(bundleIn(HOST, { maxBytes: 10_000 })).rejects.toThrow(/--max-size/);
});

test("with pseudonyms, no address and no name of the host is left, and judged again it says the same", async () => {
  const { bundle } = await bundleIn(HOST, { anonymity: {} });
  for (const { name, content } of await unpacked(bundle)) {
    const text = content.toString("utf8");
    expect([name, /10\.4\.0\.7|corp\.example|lapi\.corp|web-1/.exec(text)?.[0]]).toEqual([name, undefined]);
  }
  expect(Object.values(bundle.map?.addresses ?? {})).toContain("10.4.0.7");
  await expectSame(bundle);
});
