import { execFile } from "node:child_process";
import { afterAll, afterEach, describe, expect, jest, test } from "@jest/globals";
import { type ArchiveFile, readZip } from "../../src/archive/zip.ts";
import { READ_LIMITS } from "../../src/bundle/limits.ts";
import type { Finding, Report } from "../../src/model/report.ts";
import { asReport } from "../support/schema.ts";
import { dropIn, environment, filter, type Host, lab, on, PROXIES, restart, rows, settle, stopClients } from "./lab.ts";

jest.setTimeout(120_000);

afterEach(async () => {
  await lab("restore");
});

/** Of this run of the tests: /tmp is the machine's. */
const PLACE = `/tmp/preflight-lab-${process.pid}`;
afterAll(() => on("allinone", `rm -rf ${PLACE}`));

const TOOL = `${process.execPath} ${process.cwd()}/bin/crowdsec-preflight.js`;

interface Opened {
  /** The archive's own bytes. */
  readonly bytes: Buffer;
  readonly files: readonly ArchiveFile[];
  readonly names: readonly string[];
  readonly text: (name: string) => string;
  readonly report: Report;
}

const opened = async (bytes: Buffer): Promise<Opened> => {
  const files = await readZip(bytes, READ_LIMITS);
  const text = (name: string): string => {
    const found = files.find((file) => file.name === name);
    if (found === undefined) throw new Error(`no ${name}: ${files.find((file) => file.name === "README.md")?.content}`);
    return found.content.toString("utf8");
  };
  return { bytes, files, names: files.map(({ name }) => name), text, report: asReport(text("report.json")) };
};

/** A bundle of a host, as its file in the host's /tmp; resolves to that file too. */
const bundle = async (host: Host, ...flags: readonly string[]): Promise<Opened> => {
  const encoded = await on(
    host,
    `mkdir -p ${PLACE} && rm -f ${PLACE}/b.zip && ${TOOL} bundle -f ${PLACE}/b.zip ${flags.join(" ")} >${PLACE}/b.said && base64 -w0 ${PLACE}/b.zip`,
  );
  return opened(Buffer.from(encoded, "base64"));
};

/** Judges the bundle of a host there, where no network is at all and every other file is hidden. */
const judgeAgain = (host: Host, ...flags: readonly string[]): Promise<Report> =>
  new Promise((resolve, reject) => {
    const command = `unshare -n ${TOOL} check --from ${PLACE}/b.zip -o json ${flags.join(" ")}`;
    execFile(
      "bash",
      ["scripts/lab", "exec", host, "bash", "-c", command],
      { maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => (stderr === "" ? resolve(asReport(stdout)) : reject(new Error(stderr))),
    );
  });

/** What a finding says, without the times of the second look. */
const said = ({ findings, causes }: Report): unknown => ({ findings, causes });

const FORMS: readonly (readonly [string, (secret: string) => readonly string[]])[] = [
  ["plain", (secret) => [secret]],
  ["URL-escaped", (secret) => [encodeURIComponent(secret)]],
  ["JSON-escaped", (secret) => [JSON.stringify(secret).slice(1, -1)]],
  ["hex", (secret) => [Buffer.from(secret).toString("hex")]],
  [
    "base64",
    (secret) =>
      ["", "a", "bb"].map((before) => {
        // Whole groups only: what stands around it changes the others.
        const encoded = Buffer.from(`${before}${secret}`).toString("base64");
        return encoded.slice(before === "" ? 0 : 4, encoded.length - 4);
      }),
  ],
];

/** Where a text of a bundle holds one of these, in any form. */
const found = ({ files }: Opened, secrets: readonly string[]): readonly string[] =>
  files.flatMap(({ name, content }) => {
    const text = content.toString("utf8");
    return secrets.flatMap((secret) =>
      FORMS.filter(([, write]) => write(secret).some((form) => text.includes(form) || name.includes(form))).map(
        ([form]) => `${secret} ${form} in ${name}`,
      ),
    );
  });

describe("of a host on which all is well", () => {
  test("it holds what a volunteer asks for, for its owner alone, and judged again it says the same", async () => {
    const made = await bundle("allinone");
    expect(await on("allinone", `stat -c '%a %U' ${PLACE}/b.zip`)).toBe("600 root\n");
    expect(await on("allinone", `ls -A ${PLACE} | grep -c preflight || true`)).toBe("0\n");
    expect(await on("allinone", `cat ${PLACE}/b.said`)).toMatch(
      /\/b\.zip, for you alone to read \(mode 0600\): \d+ files, .*\nJudged: READY/,
    );
    expect(made.names).toEqual(
      expect.arrayContaining([
        "README.md",
        "manifest.json",
        "report.json",
        "report.md",
        "observations.json",
        "removals.txt",
        "config/merged.yaml",
        "files/etc/crowdsec/config.yaml",
        "files/etc/crowdsec/local_api_credentials.yaml",
        "files/etc/crowdsec/acquis.yaml",
        "files/etc/resolv.conf",
        "files/etc/hosts",
      ]),
    );
    expect(made.text("files/etc/crowdsec/local_api_credentials.yaml")).toMatch(/login: \S+\npassword: REDACTED-\d+\n/);
    expect(made.text("README.md")).toContain("check --from");
    const again = await judgeAgain("allinone");
    expect(said(again)).toEqual(said(made.report));
    expect(again.run).toMatchObject({ id: made.report.run.id, host: made.report.run.host });
    expect(again.run.from).toMatchObject({ bundle: "b.zip", toolVersion: made.report.tool.version });
  });

  test("nobody logs in, and no row of the Local API changes", async () => {
    await stopClients();
    const before = await rows();
    await bundle("lapi");
    expect(await rows()).toBe(before);
    expect(await on("lapi", "grep -c 'watchers/login' /var/log/crowdsec_api.log || true")).toBe(
      await on("lapi", "sleep 1; grep -c 'watchers/login' /var/log/crowdsec_api.log || true"),
    );
  });

  test("the bouncer's and the agent's hosts have theirs, and an unprivileged user a smaller one", async () => {
    for (const host of ["agent", "bouncer"] as const) {
      const made = await bundle(host);
      expect(said(await judgeAgain(host))).toEqual(said(made.report));
    }
  });
});

describe("of a host on which something is broken", () => {
  const SCENES: readonly (readonly [string, Host, () => Promise<unknown>])[] = [
    ["the engine is stopped", "allinone", () => lab("stop", "allinone", "crowdsec")],
    [
      "the agent's configuration takes the Local API down",
      "allinone",
      async () => {
        await on("allinone", "printf 'filenames: [/x]\\n' >/etc/crowdsec/acquis.yaml");
        await lab("stop", "allinone", "crowdsec");
        await lab("start", "allinone", "crowdsec").catch(() => {});
        await settle();
      },
    ],
    [
      "its configuration is no YAML",
      "allinone",
      () => on("allinone", "printf 'api:\\n\\tserver: x\\n' >/etc/crowdsec/config.yaml.local"),
    ],
    ["nothing of CrowdSec is there", "fresh", async () => {}],
    [
      "the way out is closed",
      "agent",
      () => filter("agent", "output", "oif lo accept", "tcp dport { 80, 443, 8080 } reject"),
    ],
    ["the nameserver is silent", "agent", () => filter("agent", "output", "udp dport 53 drop", "tcp dport 53 drop")],
    [
      "the proxy wants a login",
      "allinone",
      () => environment("allinone", "crowdsec", { HTTPS_PROXY: PROXIES.withWrongCredentials }),
    ],
    ["its configuration is gone", "lapi", () => on("lapi", "mv /etc/crowdsec/config.yaml /root/")],
  ];

  test.each(SCENES)("%s: there is a bundle, and judged again it says the same", async (_words, host, scene) => {
    await scene();
    const made = await bundle(host);
    const again = await judgeAgain(host);
    expect(said(again)).toEqual(said(made.report));
    expect(again.summary.counts).toEqual(made.report.summary.counts);
    expect(found(made, ["canary-wrong-password", "canary-allinone-password", "canary-agent-password"])).toEqual([]);
  });

  test("a run that the deadline cut off is cut off again", async () => {
    await filter("agent", "output", "udp dport 53 drop", "tcp dport { 53, 8080 } drop");
    const made = await bundle("agent", "--deadline 8s --timeout 30s");
    const cut = (report: Report): readonly Finding[] =>
      report.findings.filter(({ reason = "" }) => reason.includes("cut off by --deadline"));
    expect(cut(made.report).length).toBeGreaterThan(0);
    expect(said(await judgeAgain("agent"))).toEqual(said(made.report));
  });
});

describe("secrets", () => {
  let count = 0;
  const planted: string[] = [];
  /** Another one for each place, so that a leak names its place. */
  const canary = (place: string, shape: (word: string) => string = (word) => word): string => {
    count += 1;
    const secret = shape(`cAn4ry-${place}-${count}zQ`);
    planted.push(secret);
    return secret;
  };
  const write = (host: Host, path: string, text: string, ...more: readonly string[]): Promise<string> =>
    on(
      host,
      [
        `mkdir -p $(dirname ${path})`,
        `echo ${Buffer.from(text).toString("base64")} | base64 -d >${path}`,
        ...more,
      ].join(" && "),
    );

  test("planted wherever CrowdSec can keep one, none is in the archive, in no form", async () => {
    const host = "allinone";
    const jwt = `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${Buffer.from(`{"id":"${canary("jwt")}"}`).toString("base64url")}.c2lnbmF0dXJlLWNhbmFyeQ`;
    const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(canary("pem").repeat(4)).toString("base64")}\n-----END PRIVATE KEY-----\n`;
    await write(
      host,
      "/etc/crowdsec/config.yaml.local",
      `# old: password: ${canary("comment")}
db_config:
  password: ${canary("db")}
api:
  server:
    auto_registration:
      token: "${canary("autoreg")}"
  cti:
    key: '${canary("cti")}'
`,
    );
    await write(
      host,
      "/etc/crowdsec/online_api_credentials.yaml",
      `url: https://api.crowdsec.net/\nlogin: ${"a".repeat(48)}\npassword: ${canary("capi")}\n`,
    );
    await write(
      host,
      "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml",
      `api_url: http://127.0.0.1:8080/\napi_key: ${canary("bouncer")}\nlog_dir: /var/log/\n`,
    );
    await write(
      host,
      "/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf",
      `API_URL=http://127.0.0.1:8080\nAPI_KEY=${canary("nginx")}\nSECRET_KEY=${canary("captcha")}\n`,
    );
    await write(
      host,
      "/etc/crowdsec/notifications/http.yaml",
      `type: http\nname: http_default\nurl: https://user:${canary("hook")}@hooks.example/${canary("path")}\nheaders:\n  Authorization: Bearer ${canary("bearer")}\n`,
    );
    await write(
      host,
      "/etc/crowdsec/notifications/email.yaml",
      `type: email\nsmtp_username: me\nsmtp_password: |\n  ${canary("smtp")}\n`,
    );
    await write(
      host,
      "/etc/crowdsec/acquis.d/more.yaml",
      `source: loki\nurl: http://loki:${canary("loki")}@127.0.0.1:3100/\nauth: {username: x, password: "${canary("auth")}"}\nlabels: {type: syslog}\n---\nsource: kafka\nsasl_password: ${canary("kafka")}\nlabels: {type: syslog}\n`,
    );
    await dropIn(
      host,
      "crowdsec.service",
      "secrets",
      `Environment=HTTPS_PROXY=http://u:${canary("unit")}@10.77.0.80:3129 DB_PASSWORD=${canary("env")}`,
      "EnvironmentFile=-/etc/default/crowdsec",
      `ExecStart=`,
      `ExecStart=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml -dsn loki://u:${canary("dsn")}@127.0.0.1/`,
    );
    await write(host, "/etc/default/crowdsec", `ENROLL_KEY=${canary("enroll")}\nMY_OWN=${canary("private")}\n`);
    await write(
      host,
      "/etc/cron.d/crowdsec-report",
      `0 * * * * root curl -u bob:${canary("curl")} -H 'X-Api-Key: ${canary("header")}' https://x.example/?token=${canary("query")}\n`,
    );
    await on(
      host,
      `cat >>/var/log/crowdsec.log <<'X'
time="2026-11-23T07:00:00Z" level=error msg="POST https://bob:${canary("logurl")}@api.example/ failed: Authorization: Bearer ${jwt}"
time="2026-11-23T07:00:01Z" level=error msg="password=${canary("log")} api_key: ${canary("logkey", (word) => `${word}%41+/=`)}"
${pem}
X
cat >>/var/log/crowdsec_api.log <<'X'
127.0.0.1 - [Mon, 23 Nov 2026 07:00:00 UTC] "GET /v1/decisions?api_key=${canary("access")} HTTP/1.1 403 1ms "x/1" "
X`,
    );
    await environment(host, "crowdsec", {
      HTTPS_PROXY: `http://proxyuser:${canary("process")}@10.77.0.80:3129`,
      CTI_KEY: canary("variable", (word) => `${word} with 'quotes" and \\`),
    }).catch(() => {});
    const made = await bundle(host);
    expect(found(made, [...planted, jwt.split(".")[1] ?? "", "c2lnbmF0dXJlLWNhbmFyeQ"])).toEqual([]);
    // They were not left out: they were read, and taken out.
    for (const name of [
      "files/etc/crowdsec/config.yaml.local",
      "files/etc/crowdsec/online_api_credentials.yaml",
      "files/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml",
      "files/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf",
      "files/etc/crowdsec/acquis.d/more.yaml",
      "files/etc/default/crowdsec",
      "files/etc/systemd/system/crowdsec.service.d/secrets.conf",
      "logs/crowdsec.log",
    ])
      expect(`${name} ${made.text(name)}`).toMatch(/REDACTED-\d+/);
    // crowdsec starts anew at this moment: where its access log is not there, README.md says so.
    const access = made.names.includes("logs/crowdsec_api.log")
      ? made.text("logs/crowdsec_api.log")
      : made.text("README.md");
    expect(access).toMatch(/REDACTED-\d+|crowdsec_api\.log`: /);
    expect(made.text("removals.txt")).toMatch(/files\/etc\/crowdsec\/config\.yaml\.local:\d+ /);
    expect(
      found(
        { ...made, files: [{ name: "said", content: Buffer.from(await on(host, `cat ${PLACE}/b.said`)) }] },
        planted,
      ),
    ).toEqual([]);
    expect(said(await judgeAgain(host))).toEqual(said(made.report));
  });

  test("the machine's real password and the bouncer's real key are in no bundle", async () => {
    const read = async (host: Host, pattern: string): Promise<string> =>
      (await on(host, `grep -rhoP '${pattern}' /etc/crowdsec/ | grep -v '[$]' | head -1`)).trim();
    const secrets = [
      await read("agent", "^password: *\\K\\S+"),
      await read("bouncer", "^api_key: *\\K\\S+"),
      await read("lapi", "^password: *\\K\\S+"),
    ];
    expect(secrets.filter((secret) => secret.length > 7)).toHaveLength(3);
    for (const host of ["agent", "bouncer", "lapi"] as const) expect(found(await bundle(host), secrets)).toEqual([]);
  });

  test("a link in CrowdSec's folder that leads to somebody's key is not followed", async () => {
    await on(
      "allinone",
      "mkdir -p /root/.ssh && echo 'labels: {type: my-own-private-text}' >/root/.ssh/id && ln -s /root/.ssh/id /etc/crowdsec/acquis.d/evil.yaml && ln -sf /root/.ssh/id /var/log/crowdsec_api.log",
    );
    const made = await bundle("allinone");
    expect(found(made, ["my-own-private-text"])).toEqual([]);
    expect(made.text("README.md")).toMatch(/acquis\.d\/evil\.yaml.*\/root\/\.ssh\/id/);
  });
});

describe("--anonymize", () => {
  const OWN = /10\.77\.\d+\.\d+|fd77:|canary/;

  test("no address and no name of the lab is left, and the findings are the same but for them", async () => {
    await filter("agent", "output", "ip daddr 10.77.0.10 tcp dport 8080 reject");
    const plain = await bundle("agent");
    const made = await bundle("agent", "--anonymize");
    for (const { name, content } of made.files) {
      expect(`${name}: ${OWN.exec(content.toString("utf8"))?.[0] ?? "nothing"}`).toBe(`${name}: nothing`);
      expect(name).not.toMatch(OWN);
    }
    const outcomes = ({ findings }: Report): unknown =>
      findings.map(({ id, status, fault }) => `${id} ${status} ${fault?.code ?? ""}`).sort();
    expect(outcomes(made.report)).toEqual(outcomes(plain.report));
    const again = await judgeAgain("agent");
    expect(said(again)).toEqual(said(made.report));
    expect(await on("agent", `stat -c %a ${PLACE}/b.zip.map.json`)).toBe("600\n");
    expect(await on("agent", `cat ${PLACE}/b.zip.map.json`)).toContain("10.77.0.10");
    // With the same map, the next one has the same pseudonyms.
    const second = await bundle("agent", "--anonymize");
    const targets = ({ findings }: Report): unknown => findings.flatMap(({ target }) => target?.url ?? []);
    expect(targets(second.report)).toEqual(targets(made.report));
  });
});

describe("whatever is wrong with the place that it goes to", () => {
  const refused = (host: Host, flags: string): Promise<string> =>
    on(host, `${TOOL} bundle ${flags} 2>&1; echo "exit $?"`);

  test("a full disk, a read-only folder, a folder that is not there: one sentence, and nothing is left", async () => {
    await on(
      "fresh",
      "mkdir -p /mnt/full /mnt/ro && mount -t tmpfs -o size=16k tmpfs /mnt/full && mount -t tmpfs -o ro tmpfs /mnt/ro",
    );
    try {
      expect(await refused("fresh", "-f /mnt/full/b.zip")).toMatch(
        /^crowdsec-preflight: \/mnt\/full\/b\.zip: no space is left.*\nexit 3\n$/,
      );
      expect(await on("fresh", "ls -A /mnt/full | wc -l")).toBe("0\n");
      expect(await refused("fresh", "-f /mnt/ro/b.zip")).toMatch(/^crowdsec-preflight: .*\nexit 3\n$/);
      expect(await refused("fresh", "-f /mnt/none/b.zip")).toMatch(/^crowdsec-preflight: .*\nexit 3\n$/);
    } finally {
      await on("fresh", "umount /mnt/full; umount /mnt/ro");
    }
  });

  test("to standard output it is the archive and nothing else", async () => {
    const encoded = await on("fresh", `${TOOL} bundle -f - 2>${PLACE}/said | base64 -w0`);
    const made = await opened(Buffer.from(encoded, "base64"));
    expect(made.names).toContain("report.json");
    expect(await on("fresh", `cat ${PLACE}/said`)).toContain("Written to standard output: ");
  });

  test("ended by a signal, it leaves nothing", async () => {
    // Long enough under way to be caught in the middle.
    await filter("agent", "output", "tcp dport 8080 drop");
    const ended = await on(
      "agent",
      `mkdir -p ${PLACE}/empty && cd ${PLACE}/empty && (${TOOL} bundle --timeout 20s & tool=$!; sleep 5; kill -TERM $tool; wait $tool; echo "exit $?") 2>&1; ls -A ${PLACE}/empty | wc -l`,
    );
    expect(ended).toMatch(/interrupted: no bundle was written\.\nexit 143\n0\n$/);
  });
});

test("what was changed between two bundles is told by diff, and what several have in common by merge", async () => {
  const before = await bundle("agent");
  await on("agent", `cp ${PLACE}/b.zip ${PLACE}/a.zip`);
  await filter("agent", "output", "tcp dport 8080 reject with tcp reset");
  await bundle("agent");
  const told = await on("agent", `${TOOL} diff ${PLACE}/a.zip ${PLACE}/b.zip; echo "exit $?"`);
  expect(told).toMatch(/lapi-reachable@agent.*pass.*fail/s);
  expect(told).toMatch(/exit 2\n$/);
  expect(await on("agent", `${TOOL} merge ${PLACE}/a.zip ${PLACE}/b.zip; echo "exit $?"`)).toMatch(/exit [02]\n$/);
  expect(before.report.summary.counts.fail).toBe(0);
  await restart("resolver", "unbound");
});
