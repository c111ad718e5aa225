import { describe, expect, test } from "@jest/globals";
import {
  type EngineWords,
  engineWords,
  SIGNATURES,
  type Signature,
  signatureOf,
  withoutSecrets,
} from "../../checks/engine-words.ts";
import type { JournalLine } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { NOW } from "../support/run.ts";
import { packageInstall } from "../support/topology.ts";
import { failedWith } from "../support/world.ts";

const LOG = "/var/log/crowdsec.log";
/** What is left of a host that was up for a day when nothing tells of its processes. */
const DOWN: Partial<Topology> = { engines: [] };

const wordsIn = (world: World, topology: Partial<Topology> = {}): Promise<EngineWords> => {
  const { engine: _engine, ...host } = packageInstall({ ...DOWN, ...topology });
  return engineWords({
    topology: { ...host, ...topology },
    probe: fakeProber(world),
    now: NOW,
    version: async () => undefined,
    allowWrites: false,
  });
};
const logged = (...lines: readonly string[]): World => ({ tails: { [LOG]: `${lines.join("\n")}\n` } });
const line = (time: string, level: string, words: string): string => `time="${time}" level=${level} msg="${words}"`;
const journal = (at: string, text: string, pid = 700): JournalLine => ({ at, text, pid });
const journaled = (...lines: readonly JournalLine[]): World => ({ journals: { "crowdsec.service": lines } });

const START = line("2026-06-15T11:00:00Z", "info", "Crowdsec v1.7.8-bb94a5ad");
const TAKEN =
  "local API server stopped with error: listening on 127.0.0.1:8080: listen tcp 127.0.0.1:8080: bind: address already in use";

describe("how a line is read", () => {
  const textOf = async (world: World, topology: Partial<Topology> = {}) =>
    (await wordsIn(world, topology)).lastStart.map(({ level, text }) => `${level}: ${text}`);

  test("as CrowdSec writes it since 1.6.0, with its time in UTC and where it stands", async () => {
    const { lastStart } = await wordsIn(logged(START, line("2026-06-15T13:00:02+02:00", "fatal", TAKEN)));
    expect(lastStart).toEqual([{ at: "2026-06-15T11:00:02.000Z", level: "fatal", text: TAKEN, from: LOG }]);
  });

  test("up to 1.5.5, by this machine's own clock", async () => {
    const { lastStart } = await wordsIn(
      logged(
        line("15-06-2026 13:00:00", "info", "Crowdsec v1.4.6-6~deb12u1"),
        line("15-06-2026 13:00:02", "fatal", "crowdsec init: no datasource enabled"),
      ),
    );
    expect(lastStart[0]?.at).toBe(new Date(2026, 5, 15, 13, 0, 2).toISOString());
  });

  test("with quotes inside, and the fields behind it", async () => {
    const fields = String.raw`level=error msg="cannot \"use\" it" error="listen tcp 127.0.0.1:6060: bind: address already in use" type=x`;
    expect(await textOf(logged(`time="2026-06-15T11:00:02Z" ${fields}`))).toEqual([
      'error: cannot "use" it error="listen tcp 127.0.0.1:6060: bind: address already in use" type=x',
    ]);
  });

  test("with a message of one plain word, which logrus does not quote", async () => {
    expect(await textOf(logged('time="2026-06-15T11:00:02Z" level=fatal msg=EOF'))).toEqual(["fatal: EOF"]);
  });

  test("with line breaks inside, as one line", async () => {
    const words = String.raw`/etc/crowdsec/config.yaml: yaml: unmarshal errors:\n  line 1: field test not found in type csconfig.Config`;
    expect(await textOf(logged(line("2026-06-15T11:00:02Z", "fatal", words)))).toEqual([
      "fatal: /etc/crowdsec/config.yaml: yaml: unmarshal errors: line 1: field test not found in type csconfig.Config",
    ]);
  });

  test("as JSON (common.log_format), fields too", async () => {
    const json = `{"error":"listen tcp 127.0.0.1:6060","level":"error","msg":"serving metrics","time":"2026-06-15T11:00:02Z"}`;
    const mark = `{"level":"info","msg":"Crowdsec v1.7.8-bb94a5ad","time":"2026-06-15T11:00:00Z"}`;
    const old = `{"level":"fatal","msg":"old","time":"2026-06-15T10:00:00Z"}`;
    expect(await textOf(logged(old, mark, "{broken", '{"a":1}', json))).toEqual([
      'error: serving metrics error="listen tcp 127.0.0.1:6060"',
    ]);
  });

  test("in colours (force_color_logs), which have four letters for a level", async () => {
    const at = "2026-06-15T11:00:02Z";
    expect(
      await textOf(logged(`\u001b[31mFATA\u001b[0m[${at}] no datasource enabled      \u001b[31mtype\u001b[0m=x`)),
    ).toEqual(["fatal: no datasource enabled type=x"]);
  });

  test("at a level below error it is no word", async () => {
    const lines = ["debug", "info", "warning"].map((level) => line("2026-06-15T11:00:02Z", level, "x"));
    expect(await textOf(logged(START, ...lines, line("2026-06-15T11:00:03Z", "panic", "y")))).toEqual(["fatal: y"]);
  });

  test.each<[string, readonly string[], readonly string[]]>([
    [
      "the copy of a fatal line on stderr since 1.6.1, over several lines",
      [
        "\u001b[31mFATAL\u001b[0m /etc/crowdsec/acquis.yaml: failed to parse: yaml:",
        "  line 12: field x not found in type y",
        "",
        "and then something else",
      ],
      ["fatal: /etc/crowdsec/acquis.yaml: failed to parse: yaml: line 12: field x not found in type y"],
    ],
    [
      "a flag that it does not have",
      ["flag provided but not defined: -nope", "Usage of crowdsec:", "  -c string"],
      ["fatal: flag provided but not defined: -nope"],
    ],
    [
      "a stray argument",
      ["\u001b[31mError:\u001b[0m argument provided but not defined: stray"],
      ["fatal: Error: argument provided but not defined: stray"],
    ],
    [
      "a mistake in config.yaml, from before its log is set up",
      ["yaml: unmarshal errors:", "line 24: field color not found in type csconfig.CscliCfg"],
      ["fatal: yaml: unmarshal errors: line 24: field color not found in type csconfig.CscliCfg"],
    ],
    [
      "a panic, without its stack",
      ["panic: runtime error: invalid memory address", "goroutine 1 [running]:", "main.main()"],
      ["fatal: panic: runtime error: invalid memory address"],
    ],
    ["what is none of all that", ["hello", "Starting to run"], []],
  ])("in the journal: %s", async (_name, texts, expected) => {
    const world = journaled(...texts.map((text) => journal("2026-06-15T11:00:02.100Z", text)));
    expect(await textOf(world)).toEqual(expected);
  });

  test("another process does not go on with its message", async () => {
    const world = journaled(
      journal("2026-06-15T11:00:02.100Z", "FATAL no datasource enabled", 700),
      journal("2026-06-15T11:00:02.200Z", "of somebody else", 701),
      journal("2026-06-15T11:00:09.200Z", "too late", 700),
    );
    expect(await textOf(world)).toEqual(["fatal: no datasource enabled"]);
  });

  test("unprintable characters do not reach the reader", async () => {
    expect(await textOf(logged(line("2026-06-15T11:00:02Z", "fatal", "a\\u001b[2Jb\\x07c")))).toEqual([
      "fatal: a [2Jb c",
    ]);
  });
});

describe("which lines belong to the last start", () => {
  const OLD = line("2026-06-15T10:59:00Z", "fatal", "old");
  const lastOf = async (world: World, topology: Partial<Topology> = {}) =>
    (await wordsIn(world, topology)).lastStart.map(({ text }) => text);

  test.each([
    ["1.4.6", "Crowdsec v1.4.6-6~deb12u1-linux-debian"],
    ["1.7.8", "Crowdsec v1.7.8-bb94a5ad"],
    ["a build without a v", "Crowdsec 1.7.8"],
  ])("those behind the first line of a start, as %s writes it", async (_version, mark) => {
    expect(await lastOf(logged(OLD, line("2026-06-15T11:00:00Z", "info", mark)))).toEqual([]);
    expect(
      await lastOf(
        logged(OLD, line("2026-06-15T11:00:00Z", "info", mark), line("2026-06-15T11:00:01Z", "error", "new")),
      ),
    ).toEqual(["new"]);
  });

  test.each(["Crowdsec engine shutting down", "Crowdsec CTI helper enabled", "Crowdsec service shutting down"])(
    "%s begins no start",
    async (words) => {
      expect(await lastOf(logged(OLD, line("2026-06-15T11:00:00Z", "info", words)))).toEqual(["old"]);
    },
  );

  test("those behind a reload, which starts everything anew", async () => {
    expect(await lastOf(logged(OLD, line("2026-06-15T11:00:00Z", "warning", "SIGHUP received, reloading")))).toEqual(
      [],
    );
  });

  test("a trial run with -error writes no first line: what it ends with is told all the same", async () => {
    const tried = line("2026-06-15T11:30:00Z", "fatal", "tried");
    expect(await lastOf(logged(START, tried))).toEqual(["tried"]);
  });

  test.each(["Starting crowdsec.service - Crowdsec agent...", "Starting Crowdsec agent..."])(
    "those behind systemd's own %p, in log and journal alike, to the second",
    async (text) => {
      const world = {
        ...journaled(
          journal("2026-06-15T10:59:00.500Z", "FATAL old on stderr"),
          journal("2026-06-15T11:00:00.700Z", text, 1),
        ),
        ...logged(OLD, line("2026-06-15T11:00:00Z", "fatal", "new")),
      };
      expect(await lastOf(world)).toEqual(["new"]);
    },
  );

  test("crowdsec itself may say Starting as often as it likes", async () => {
    const lines = [
      journal("2026-06-15T10:59:00Z", "FATAL old"),
      journal("2026-06-15T11:00:00Z", "Starting crowdsec.service"),
    ];
    expect(await lastOf(journaled(...lines))).toEqual(["old"]);
  });

  test("a first line in the log outdates the journal", async () => {
    const world = { ...journaled(journal("2026-06-15T10:59:00Z", "FATAL old on stderr")), ...logged(START) };
    expect(await lastOf(world)).toEqual([]);
  });

  test("with log_level: error there is no first line: the age of the service's process tells", async () => {
    const newer = line("2026-06-15T11:30:00Z", "error", "newer");
    expect(await lastOf({ ...logged(OLD, newer), services: { crowdsec: { startedSecondsAgo: 3600 } } })).toEqual([
      "newer",
    ]);
    expect(await lastOf({ ...logged(OLD, newer), services: { crowdsec: { startedSecondsAgo: 7200 } } })).toEqual([
      "old",
      "newer",
    ]);
  });

  test("without a manager, the age of the engine's process tells", async () => {
    const engine = { pid: 1, argv: ["crowdsec"], ageSeconds: 60 };
    expect(await lastOf(logged(OLD), { engine, engines: [engine] })).toEqual([]);
  });

  test("all of them are told apart from it, oldest first", async () => {
    const world = {
      ...journaled(journal("2026-06-15T11:00:03.500Z", "FATAL in the journal")),
      ...logged(
        OLD,
        START,
        line("2026-06-15T11:00:02Z", "error", "in the log"),
        line("2026-06-15T11:00:05Z", "error", "later"),
      ),
    };
    const { all } = await wordsIn(world);
    expect(all.map(({ text, from }) => [text, from])).toEqual([
      ["old", LOG],
      ["in the log", LOG],
      ["in the journal", "journal"],
      ["later", LOG],
    ]);
  });

  test("a fatal line that stands in log and journal is told once; the same a minute later is another", async () => {
    const world = {
      ...journaled(
        journal("2026-06-15T11:00:02.200Z", `FATAL ${TAKEN}   `),
        journal("2026-06-15T11:01:02.200Z", `FATAL ${TAKEN}`),
      ),
      ...logged(START, line("2026-06-15T11:00:02Z", "fatal", TAKEN), line("2026-06-15T11:01:02Z", "fatal", TAKEN)),
    };
    expect((await wordsIn(world)).all.map(({ at, from }) => [at, from])).toEqual([
      ["2026-06-15T11:00:02.000Z", LOG],
      ["2026-06-15T11:01:02.000Z", LOG],
    ]);
  });

  test("starts are counted, a trial run with the start that it is for", async () => {
    const world = {
      ...journaled(journal("2026-06-15T10:00:00.900Z", "Starting crowdsec.service - Crowdsec agent...", 1)),
      ...logged(
        line("2026-06-15T10:00:01Z", "info", "Crowdsec v1.4.6"),
        line("2026-06-15T10:00:03Z", "info", "Crowdsec v1.4.6"),
        START,
      ),
    };
    expect((await wordsIn(world)).starts).toEqual(["2026-06-15T10:00:00.000Z", "2026-06-15T11:00:00.000Z"]);
  });
});

describe("what cannot be read", () => {
  test.each<[string, World, Partial<Topology>, string | undefined]>([
    ["a log that is not there yet is no matter", {}, {}, undefined],
    [
      "a log that this user may not read",
      { tails: { [LOG]: failedWith("file-denied") } },
      {},
      `run as root: ${LOG} may not be read by this user`,
    ],
    [
      "a log that is no text",
      { tails: { [LOG]: failedWith("file-binary") } },
      {},
      `${LOG} cannot be read: the system's words for file-binary`,
    ],
    [
      "a journal that this user may not read, beside the log",
      { tails: { [LOG]: failedWith("file-denied") }, journals: { "crowdsec.service": failedWith("command-denied") } },
      {},
      `run as root: ${LOG} may not be read by this user; run as root: the journal may not be read by this user`,
    ],
    [
      "a journal that takes too long",
      { journals: { "crowdsec.service": failedWith("command-timeout") } },
      {},
      "the journal cannot be read: the system's words for command-timeout",
    ],
    [
      "a container's output",
      {},
      { system: { services: "container", packages: "none" }, log: undefined as never },
      "crowdsec writes to its output here, which only what started it keeps",
    ],
  ])("%s", async (_name, world, topology, unread) => {
    const words = await wordsIn(world, topology);
    expect([words.unread, words.all]).toEqual([unread, []]);
  });

  test("the journal is systemd's: elsewhere nobody is asked for it", async () => {
    const world = journaled(journal("2026-06-15T11:00:02Z", "FATAL x"));
    expect((await wordsIn(world, { system: { services: "openrc", packages: "apk" } })).all).toEqual([]);
  });
});

describe("a secret is not told", () => {
  test.each([
    [
      "in a URL",
      "dial http://machine:canary-1@10.0.0.5:8080/: refused",
      "dial http://[secret]@10.0.0.5:8080/: refused",
    ],
    ["in a DSN of MySQL", "bad crowdsec:canary-2@tcp(db:3306)/crowdsec", "bad [secret]@tcp(db:3306)/crowdsec"],
    ["after password:", "bad password: canary-3 here", "bad password: [secret] here"],
    ["after api_key=", 'bad api_key="canary-4 canary-5" here', "bad api_key=[secret] here"],
    ["in JSON", '{"password":"canary-6"}', '{"password":[secret]}'],
    ["as a bearer", "Authorization: Bearer canary-7, so", "Authorization: [secret], so"],
    ["as a token of its own", "got eyJcanary-8.eyJcanary.sig", "got [secret]"],
    ["as a YAML error quotes it", "cannot unmarshal !!str `canary-9` into int", "cannot unmarshal !!str `…` into int"],
    [
      "as Go quotes a URL",
      'parse "http://x:canary-10": invalid port ":canary-10" after host',
      'parse "…": invalid port "…" after host',
    ],
    ["in a DSN with an @ in it", "bad crowdsec:canary-11@canary-12@tcp(db:3306)/x", "bad [secret]@tcp(db:3306)/x"],
    ["in a DSN behind a scheme", "mysql://crowdsec:canary-13@unix(/run/x)/y", "mysql://[secret]@unix(/run/x)/y"],
    ["after psw=", "bad psw=canary-14", "bad psw=[secret]"],
    ["after apikey", "bad apikey c4naryCANARY0015 here", "bad apikey [secret] here"],
    ["after api_key", "bad api_key c4nary/CANARY+0016= here", "bad api_key [secret] here"],
    ["after psw", "bad psw c4naryCANARY0017", "bad psw [secret]"],
    ["in a header", "sent X-Api-Key c4naryCANARY0018, got 403", "sent X-Api-Key [secret], got 403"],
    ["of several words in quotes", 'Authorization: Bearer "canary 19"', "Authorization: [secret]"],
    ["of letters alone", "bad password: canary, so", "bad password: [secret], so"],
  ])("%s", (_name, words, expected) => {
    expect(withoutSecrets(words)).toBe(expected);
  });

  test.each([
    'could not get jwt token: Post "http://10.0.0.5:8080/v1/watchers/login": dial tcp 10.0.0.5:8080: i/o timeout',
    'could not get jwt token: Get "http://unix/v1/decisions": EOF',
    "the api key of this bouncer",
    "no api_key in /etc/crowdsec/bouncers/x.yaml",
    "Error 1045 (28000): Access denied for user 'crowdsec'@'10.0.0.5' (using password: YES)",
    'key "api" already set in map',
    "failed to connect to `host=db.example user=crowdsec database=crowdsec`: dial error",
    "API error: incorrect Username or Password",
    "dial tcp 127.0.0.1:8080: connect: connection refused",
  ])("and what is none stays: %s", (words) => {
    expect(withoutSecrets(words)).toBe(words);
  });

  test("neither in log nor in journal", async () => {
    const words = "canary: password: canary-1 at http://a:canary-2@b/";
    const world = {
      ...logged(line("2026-06-15T11:00:02Z", "fatal", words)),
      ...journaled(journal("2026-06-15T11:09:02Z", `FATAL ${words}`)),
    };
    expect(JSON.stringify(await wordsIn(world))).not.toMatch(/canary-\d/);
  });
});

const MACHINE = "fcb7303c4df44c03ada289dd7ec3dbe7cU3GaseSWdqUaVg6";
const LOGIN = 'Post "https://api.crowdsec.net/v3/watchers/login"';
const LAPI = 'Post "http://127.0.0.1:8080/v1/watchers/login"';

/** What CrowdSec 1.4.6 to 1.7.8 writes: from its source, its documentation, and what its users paste. */
const LINES: readonly (readonly [Signature["about"], string])[] = [
  ["port", "while serving local API: listen tcp 127.0.0.1:8080: bind: address already in use"],
  ["port", TAKEN],
  ["port", "starting acquisition error: appsec server failed: listen tcp 127.0.0.1:7422: bind: address already in use"],
  ["port", "while serving local API: listen tcp 10.9.9.9:8080: bind: cannot assign requested address"],
  ["port", "local API server stopped with error: listening on :80: listen tcp :80: bind: permission denied"],
  [
    "port",
    "local API server stopped with error: while creating unix listener: listen unix /run/x/crowdsec.sock: bind: no such file or directory",
  ],
  [
    "disk",
    'api server init: unable to run local API: unable to init database client: failed creating schema resources: sql/schema: create "machines" table: database or disk is full',
  ],
  ["disk", "crowdsec init: while loading hub index: write /var/lib/crowdsec/data/x: no space left on device"],
  ["disk", "unable to set perms on /var/lib/crowdsec/data/crowdsec.db: chmod: read-only file system"],
  ["metrics-port", "prometheus: listen tcp 127.0.0.1:6060: bind: address already in use"],
  ["metrics-port", 'serving metrics error="listen tcp 127.0.0.1:6060: bind: address already in use"'],
  [
    "acquisition",
    "crowdsec init: Error while loading acquisition config : failed to yaml decode /etc/crowdsec/acquis.yaml: yaml: line 2: did not find expected key",
  ],
  [
    "acquisition",
    "crowdsec init: while loading acquisition config: missing labels in /etc/crowdsec/acquis.yaml (position 0)",
  ],
  [
    "acquisition",
    "crowdsec init: while loading acquisition config: /etc/crowdsec/acquis.yaml: datasource of type file: cannot unmarshal: field filenmaes not found in type x",
  ],
  ["acquisition", "crowdsec init: while loading acquisition config: no datasource enabled"],
  ["datasource", "starting acquisition error : journalctl error : No journal files were found."],
  ["acquisition", "while checking acquisition_path: stat /etc/crowdsec/acquis.yaml: no such file or directory"],
  [
    "hub",
    "crowdsec init: Failed to load hub index : unable to read index file: open /etc/crowdsec/hub/.index.json: no such file or directory",
  ],
  [
    "hub",
    "crowdsec init: while loading hub index : unable to read index file: open /var/lib/crowdsec/hub/.index.json: no such file or directory",
  ],
  [
    "hub",
    "invalid hub index: unable to read index file: open /etc/crowdsec/hub/.index.json: no such file or directory. Run 'sudo cscli hub update' to download the index again",
  ],
  ["hub", "crowdsec init: Failed to load parsers: failed to load parser config"],
  ["hub", "crowdsec init: while loading scenarios: scenario loading failed: x"],
  [
    "credentials",
    "loading api client: no credentials or URL found in api client configuration '/etc/crowdsec/local_api_credentials.yaml'",
  ],
  ["credentials", "loading api client: open /etc/crowdsec/local_api_credentials.yaml: no such file or directory"],
  ["credentials", "missing local API credentials for crowdsec agent, abort"],
  ["credentials", "loading api client: user/password authentication and TLS authentication are mutually exclusive"],
  [
    "credentials",
    "loading online client credentials: failed to read api server credentials configuration file '/etc/crowdsec/online_api_credentials.yaml': open /etc/crowdsec/online_api_credentials.yaml: no such file or directory",
  ],
  [
    "capi",
    `api server init: unable to run local API: authenticate watcher (${MACHINE}): ${LOGIN}: could not get jwt token: ${LOGIN}: dial tcp: lookup api.crowdsec.net on 10.0.0.53:53: no such host`,
  ],
  [
    "capi",
    `api server init: unable to run local API: authenticate watcher (${MACHINE}): ${LOGIN}: performing jwt auth: dial tcp 52.48.215.1:443: i/o timeout`,
  ],
  [
    "capi",
    `api server init: unable to run local API: authenticate watcher (${MACHINE}): ${LOGIN}: performing jwt auth: Forbidden`,
  ],
  [
    "capi",
    `api server init: unable to run local API: authenticate watcher (${MACHINE}): API error: http code 503, no response body`,
  ],
  ["capi", "error while performing request: dial tcp 52.48.215.1:443: connect: network is unreachable; 4 retries left"],
  [
    "capi",
    'capi pull top: get stream: Get "https://api.crowdsec.net/v2/decisions/stream?startup=true": could not get jwt token',
  ],
  ["capi", "sending signal to central API: dial tcp 52.48.215.1:443: i/o timeout"],
  ["capi-refused", `api server init: unable to run local API: authenticate watcher (${MACHINE}): API error: Forbidden`],
  [
    "capi-refused",
    `reload handler failure: unable to init api server: unable to run local API: authenticate watcher (${MACHINE}): API error: http code 403, invalid body: x`,
  ],
  ["capi-refused", "max attempts reached for status code 403"],
  ["capi-refused", "sending signal to central API: API error: Forbidden"],
  ["capi-refused", "capi metrics: failed: API error: Forbidden"],
  [
    "configuration",
    "/etc/crowdsec/config.yaml: yaml: unmarshal errors: line 1: field test not found in type csconfig.Config",
  ],
  [
    "configuration",
    "while loading configuration file: /etc/crowdsec/config.yaml: yaml: unmarshal errors: line 24: field http_proxies not found in type csconfig.CommonCfg",
  ],
  ["configuration", 'while loading configuration file: [4:1] mapping key "api" already set in map'],
  ["configuration", "yaml: line 3: found character that cannot start any token"],
  ["configuration", "while loading configuration file: merge error: can't merge a scalar into a mapping"],
  ["configuration", "flag provided but not defined: -nope"],
  ["configuration", "Error: argument provided but not defined: stray"],
  ["configuration", "while serving local API: missing TLS key file"],
  ["configuration", "local API server stopped with error: missing TLS cert file"],
  ["configuration", "You must run at least the API Server or crowdsec"],
  ["configuration", "you must run at least the API Server or crowdsec"],
  ["configuration", "no listen_uri or listen_socket specified"],
  ["configuration", "api server init: unable to run plugin broker: while loading plugin: x"],
  [
    "database",
    "unable to create database client: failed creating schema resources: querying server version: dial tcp 10.0.0.7:5432: connect: connection refused",
  ],
  ["database", "unable to create database client: unknown database type 'postgre'"],
  [
    "database",
    "failed to get database client: failed creating schema resources: mysql: querying mysql version Error 1045: Access denied for user 'crowdsec'@'10.0.0.5' (using password: YES)",
  ],
  [
    "database",
    'unable to create database client: failed to create SQLite database file "/var/lib/crowdsec/data/crowdsec.db": open /var/lib/crowdsec/data/crowdsec.db: permission denied',
  ],
  [
    "database",
    "unable to create database client: unable to set perms on /var/lib/crowdsec/data/crowdsec.db: chmod: operation not permitted",
  ],
  [
    "database",
    "api server init: unable to run local API: unable to init database client: failed creating schema resources: pq: SSL is not enabled on the server",
  ],
  [
    "database",
    `crowdsec init: while initializing LAPIClient: authenticate watcher (${MACHINE}): API error: failed to connect to \`host=db user=crowdsec database=crowdsec\`: dial error`,
  ],
  ["database", "while fetching bouncer info: select bouncer: dial tcp 10.0.0.7:5432: connect: connection refused"],
  ["lapi-refused", `starting outputs error : authenticate watcher (${MACHINE}): API error: ent: machine not found`],
  [
    "lapi-refused",
    `crowdsec init: while initializing LAPIClient: authenticate watcher (${MACHINE}): API error: incorrect Username or Password`,
  ],
  [
    "lapi-refused",
    `starting outputs error : authenticate watcher (${MACHINE}): API error: machine ${MACHINE} not validated`,
  ],
  [
    "lapi-unreachable",
    `starting outputs error : authenticate watcher (${MACHINE}): ${LAPI}: could not get jwt token: ${LAPI}: dial tcp 127.0.0.1:8080: connect: connection refused`,
  ],
  [
    "lapi-unreachable",
    `crowdsec init: while initializing LAPIClient: authenticate watcher (${MACHINE}): ${LAPI}: performing jwt auth: dial tcp: lookup lapi on 127.0.0.11:53: no such host`,
  ],
  [
    "lapi-unreachable",
    "error while performing request: dial tcp 127.0.0.1:8080: connect: connection refused; 4 retries left",
  ],
  [
    "lapi-unreachable",
    "while performing request: dial tcp 127.0.0.1:8080: connect: connection refused; 4 retries left",
  ],
  [
    "lapi-unreachable",
    `authenticate watcher (${MACHINE}): API error: http code 405, invalid body: unexpected end of JSON input`,
  ],
  ["secret", "api server init: unable to run local API: controller init: CS_LAPI_SECRET not strong enough"],
];

const HARMLESS: readonly string[] = [
  "while serving local API: http: Server closed",
  "Failed to notify(sent: false): <nil>",
  "Machine is not enrolled in the console, can't synchronize with the console",
  "API key not found",
  "no crl_path, skipping CRL check",
  "capi/community-blocklist : received 0 new entries (expected if you just installed crowdsec)",
  "scenario list is empty, will not pull yet",
  "No matching files for pattern /var/log/nginx/*.log",
  "can't load CAPI credentials from '/etc/crowdsec/online_api_credentials.yaml' (missing field)",
  "can't load CAPI credentials from '/etc/crowdsec/online_api_credentials.yaml' (missing login field)",
];

describe("known last lines", () => {
  test.each(LINES)("are about the %s: %s", (about, text) => {
    const found = signatureOf(text);
    expect([found?.about, found?.harmless ?? false]).toEqual([about, false]);
  });

  test.each(HARMLESS)("that only look like trouble: %s", (text) => {
    expect(signatureOf(text)?.harmless).toBe(true);
  });

  test.each([
    "",
    "loading acquisition file : /etc/crowdsec/acquis.yaml",
    "panic: runtime error",
    "too many open files",
  ])("are none of these: %p", (text) => {
    expect(signatureOf(text)).toBeUndefined();
  });

  test("each of the table is seen above, says what it means, and where it is written", () => {
    const seen = new Set([...LINES.map(([, text]) => text), ...HARMLESS].map(signatureOf));
    expect(SIGNATURES.filter((signature) => !seen.has(signature))).toEqual([]);
    for (const { means, source } of SIGNATURES) {
      expect(means).toMatch(/^[a-zA-Z0-9].*[^.]$/);
      expect(source).toMatch(/^https:\/\/(github\.com\/crowdsecurity\/|docs\.crowdsec\.net\/|www\.sqlite\.org\/)/);
    }
  });

  test("stay known without their secrets", () => {
    for (const [about, text] of LINES) expect(signatureOf(withoutSecrets(text))?.about).toBe(about);
  });
});

describe("a line of 256 KiB, which anybody may bring into a log, holds up nothing", () => {
  const BYTES = 256 * 1024;
  /** Milliseconds. It takes some hundred; an expression that looks at all of it from each of its characters takes minutes. */
  const SOON = 10_000;
  const BEGINNINGS = {
    "a fatal line": `time="2026-06-15T11:00:02Z" level=fatal msg="`,
    "its fields": `time="2026-06-15T11:00:02Z" level=fatal msg=x error="`,
    "a coloured one": "FATAL ",
    "what Go writes": "panic: ",
    "a known line": "while performing request: authenticate watcher ",
    "nothing known": "",
  };
  const SHAPES = [
    "a=",
    "a:",
    "a@",
    'a="',
    '"\\\\',
    "\\",
    "(",
    "@",
    "/",
    "//",
    " ",
    "\u2028",
    "eyJ-",
    "eyJ.",
    "key ",
    "key=",
    "apikey a",
    "a:b@tcp",
    "a:b@tcp(",
    "field a",
    "API error: ",
    ":443 ",
    "while performing request: :443",
    "cannot unmarshal !!",
    "\u001b[1",
    "\u001b[m\n",
    "a\n",
  ];
  const within = async (work: () => Promise<unknown> | unknown): Promise<number> => {
    const from = performance.now();
    await work();
    return performance.now() - from;
  };
  const filled = (beginning: string, shape: string): string =>
    beginning + shape.repeat(Math.ceil(BYTES / shape.length)).slice(0, BYTES - beginning.length);

  test.each(SHAPES)("of %j", async (shape) => {
    for (const beginning of Object.values(BEGINNINGS)) {
      const text = filled(beginning, shape);
      const spent = await within(async () => {
        const { all } = await wordsIn(logged(text));
        for (const word of all) signatureOf(word.text);
        signatureOf(text);
        withoutSecrets(text);
      });
      expect(spent).toBeLessThan(SOON);
    }
  });

  test("and many such lines neither", async () => {
    for (const shape of SHAPES.filter((one) => !one.includes("\n"))) {
      const one = filled(BEGINNINGS["a fatal line"], shape).slice(0, 4000);
      const text = `${one}\n`.repeat(BYTES / 4000);
      expect(await within(() => wordsIn(logged(text)))).toBeLessThan(SOON);
    }
  });

  test("is told by its beginning, without its secrets", async () => {
    const told = async (text: string) =>
      (await wordsIn(logged(text))).all.map(({ level, text: said }) => [level, said]);
    const words = `cannot say http://u:canary@10.0.0.5/ and ${"x ".repeat(BYTES / 2)}`;
    const expected = [
      ["fatal", expect.stringMatching(/^cannot say http:\/\/\[secret\]@10\.0\.0\.5\/ and x x [x ]*…$/)],
    ];
    expect(await told(line("2026-06-15T11:00:02Z", "fatal", words))).toEqual(expected);
    expect(await told(`{"level":"fatal","msg":"${words}","time":"2026-06-15T11:00:02Z"}`)).toEqual(expected);
    expect(await told(`FATAL ${words}`)).toEqual(expected);
  });
});
