import { afterAll, afterEach, describe, expect, jest, test } from "@jest/globals";
import { readZip } from "../../src/archive/zip.ts";
import { READ_LIMITS } from "../../src/bundle/limits.ts";
import type { Recorded, Recording } from "../../src/bundle/recording.ts";
import type { DryRunDocument } from "../../src/dry-run/document.ts";
import type { Plan } from "../../src/dry-run/shape.ts";
import { familyOf } from "../../src/model/hosts.ts";
import type { DnsObservation, HttpRequest } from "../../src/model/observation.ts";
import { hostAndPort } from "../../src/model/url.ts";
import { editZone, environment, type Host, lab, on, PROXIES, serve } from "./lab.ts";

jest.setTimeout(120_000);

const TOOL = `${process.execPath} ${process.cwd()}/bin/crowdsec-preflight.js`;
/** Of this run of the tests: /tmp is the machine's. */
const PLACE = `/tmp/preflight-dry-run-${process.pid}`;
/** Whatever leaves a socket of this group is the tool's. */
const GROUP = 4242;

/** Hosts whose files are as they were after "up" need no more than that; a scene that changes one asks for `restore`. */
const afterwards: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const tidy of afterwards.splice(0)) await tidy();
});
afterAll(() => on("agent", `rm -rf ${PLACE}`));
const restoredAfterwards = (scene: () => Promise<unknown>) => async (): Promise<void> => {
  afterwards.push(() => lab("restore"));
  await scene();
};

/** Counts packets of the tool's own sockets on a host, those to loopback too. */
const countPackets = (host: Host): Promise<string> => {
  afterwards.unshift(() => on(host, "nft delete table inet scene || true"));
  return on(
    host,
    [
      "nft add table inet scene",
      "nft add chain inet scene output '{ type filter hook output priority 0; }'",
      `nft 'add rule inet scene output meta skgid ${GROUP} counter'`,
    ].join(" && "),
  );
};
const packets = async (host: Host): Promise<number> =>
  Number(/packets (\d+)/.exec(await on(host, "nft list chain inet scene output"))?.[1]);

const asGroup = `setpriv --regid ${GROUP} --clear-groups`;

/** What a run on this host would touch, as the dry run says it. */
const dryRun = async (host: Host, ...flags: readonly string[]): Promise<DryRunDocument> =>
  JSON.parse(await on(host, `${asGroup} ${TOOL} check --dry-run -o json ${flags.join(" ")}`)) as DryRunDocument;

/** The dry runs of hosts on which all was well, without flags. */
const dryRuns = new Map<Host, DryRunDocument>();
/** That of a host, made once. */
const knownDryRun = async (host: Host): Promise<DryRunDocument> => {
  const dry = dryRuns.get(host) ?? (await dryRun(host));
  dryRuns.set(host, dry);
  return dry;
};

/** What a run on this host really asks: the recording in its bundle. */
const realRun = async (host: Host, flags: readonly string[] = []): Promise<Recording> => {
  const encoded = await on(
    host,
    `mkdir -p ${PLACE} && rm -f ${PLACE}/b.zip && ${asGroup} ${TOOL} bundle -f ${PLACE}/b.zip ${flags.join(" ")} >/dev/null && base64 -w0 ${PLACE}/b.zip`,
  );
  const files = await readZip(Buffer.from(encoded, "base64"), READ_LIMITS);
  const found = files.find(({ name }) => name === "observations.json");
  return JSON.parse(found?.content.toString("utf8") ?? "{}") as Recording;
};

const TRIES = 3;

/** Before an install, apt is asked which version would come; on a busy machine it may not answer in time. */
const untilKnown = async <T>(host: Host, run: () => Promise<T>, isKnown: (ran: T) => boolean): Promise<T> => {
  for (let tries = 1; ; tries++) {
    const ran = await run();
    if (host !== "fresh" || isKnown(ran) || tries === TRIES) return ran;
  }
};

/** The requests of the tool that stand in the Local API's own access log, `GET /v1/heartbeat`, in order of the alphabet. */
const atLocalApi = async (): Promise<readonly string[]> =>
  [...(await on("lapi", "cat /var/log/crowdsec_api.log")).matchAll(/"(\w+ \S+) HTTP[^"]*"crowdsec-preflight/g)]
    .map(([, request = ""]) => request)
    .sort();
const atInternet = async (): Promise<readonly string[]> =>
  (await on("internet", "cat $LAB_STATE/hosts/internet/access.log"))
    .split("\n")
    .filter((line) => line.includes("crowdsec-preflight"))
    .map((line) => line.replace(/ \d+ ".*$/, ""))
    .sort();

/** What stands in the second list and not in the first. */
const since = (before: readonly string[], after: readonly string[]): readonly string[] => {
  const left = [...before];
  return after.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
};

/** Requests of a plan that are sent in any case, each as often as it says, to this port. */
const planned = ({ destinations }: Plan, isMeant: (port: number | undefined) => boolean): readonly string[] =>
  destinations
    .filter(({ port }) => isMeant(port))
    .flatMap(({ host, requests }) =>
      requests.flatMap(({ method, path, times, when, through }) =>
        when === undefined
          ? Array.from({ length: times }, () => `${(through ?? host).replace(/:443$/, "")} ${method} ${path}`)
          : [],
      ),
    )
    .sort();

/** Where a redirect of packagecloud.io leads, only that one can tell. */
const CDN = "d3fo0g5hm7lbuv.cloudfront.net";
const named = (text: string): string => text.replaceAll(CDN, "redirected.invalid");

/** A service that was started anew is another process. */
const withoutPid = (path: string): string => path.replace(/^\/proc\/\d+\/environ$/, "/proc/PID/environ");

/** Everything that a plan names, as words that can be compared. */
const inPlan = ({ names, nameservers, destinations, commands, binds, files }: Plan): ReadonlySet<string> =>
  new Set([
    ...names.map(({ name }) => `name ${name}`),
    ...destinations.map(({ host }) => `name ${host}`),
    ...nameservers.map(({ server }) => `nameserver ${server}`),
    ...destinations.map(({ host, port }) => `connect ${host} ${port}`),
    ...destinations.flatMap(({ host, port, requests }) =>
      requests.map(({ method, path, through }) => `request ${host} ${port} ${method} ${path} ${through ?? ""}`),
    ),
    ...destinations.flatMap(({ host, port, dialogues }) =>
      dialogues.map(({ protocol }) => `dialogue ${host} ${port} ${protocol}`),
    ),
    ...commands.map(({ argv }) => `command ${argv.join(" ")}`),
    ...binds.map(({ address, port }) => `bind ${address} ${port}`),
    ...files.map(({ path, how }) => `${how} ${withoutPid(path)}`),
    // Who reads a file has looked at it.
    ...files.map(({ path }) => `looked-at ${path}`),
  ]);

const HOWS = { file: "read", tail: "end", folder: "listed", path: "looked-at", build: "read" } as const;

/** Everything that a run has touched, in the same words. */
const inRun = (observations: readonly Recorded[]): readonly string[] => {
  const names = new Map<string, string>();
  for (const { probe, question, answer } of observations) {
    if (probe !== "dns") continue;
    const { name } = question as { readonly name: string };
    const saw = answer as DnsObservation;
    if (saw.ok && saw.from !== "hosts" && saw.from !== "literal")
      for (const { address } of saw.addresses) names.set(address, name);
  }
  const place = (address: string): string => names.get(address) ?? address;
  const words = observations.flatMap(({ probe, question, answer }): readonly string[] => {
    const asked = question as Readonly<Record<string, unknown>>;
    switch (probe) {
      case "dns":
        if (asked["by"] === "libc") return [`name of the C library ${asked["name"]}`];
        return familyOf(String(asked["name"])) === undefined ? [`name ${asked["name"]}`] : [];
      case "nameserver":
        return [`nameserver ${asked["server"]}`];
      case "tcp":
        return [`connect ${place(String(asked["address"]))} ${asked["port"]}`];
      case "socket":
        return [`connect ${asked["path"]} undefined`];
      case "http": {
        const { url, address, proxy, method = "GET" } = question as HttpRequest;
        const target = hostAndPort(url);
        const through = proxy ? `${target.host}:${target.port}` : "";
        const port = proxy?.port ?? target.port;
        const path = place(address) === CDN ? "…" : new URL(url).pathname;
        return [`request ${place(address)} ${port} ${method} ${path} ${through}`];
      }
      case "database":
        return [`dialogue ${asked["host"]} ${asked["port"]} ${asked["protocol"]}`];
      case "command":
        return [`command ${(asked["argv"] as readonly string[]).join(" ")}`];
      case "bind":
        return [`bind ${asked["address"]} ${asked["port"]}`];
      case "file":
      case "tail":
      case "folder":
      case "path":
      case "build":
        return [`${HOWS[probe]} ${question}`];
      case "environment":
        return [`read ${withoutPid(`/proc/${question}/environ`)}`];
      case "service":
        return (answer as { readonly ok: boolean }).ok ? [`command systemctl show ${question}.service`] : [];
      default:
        return [];
    }
  });
  return [...new Set(words.map(named))].sort();
};

/** What the run touched and the dry run did not say. */
const untold = ({ plan }: DryRunDocument, observations: readonly Recorded[]): readonly string[] => {
  const told = inPlan(plan);
  return inRun(observations).filter((word) => !told.has(word));
};

const isLocalApi = (port: number | undefined): boolean => port === 8080;

/** Nothing is changed. */
const asUp = async (): Promise<void> => {};

describe("a dry run on a host on which all is well", () => {
  const HOSTS: readonly (readonly [string, Host, readonly string[], () => Promise<unknown>])[] = [
    ["of the Local API", "lapi", [], asUp],
    ["of an agent", "agent", [], asUp],
    ["of a bouncer", "bouncer", [], asUp],
    ["before the install", "fresh", [], asUp],
    ["of Prometheus", "prometheus", ["--target", "10.77.0.10:6060", "--target", "allinone.lab:6060"], asUp],
    [
      "behind a proxy",
      "agent",
      [],
      restoredAfterwards(() => environment("agent", "crowdsec", { HTTPS_PROXY: PROXIES.open })),
    ],
  ];

  test.each(HOSTS)("%s sends nothing, and names all that the run then touches", async (_words, host, flags, scene) => {
    await scene();
    await countPackets(host);
    const logs = async (): Promise<readonly [readonly string[], readonly string[]]> => [
      await atLocalApi(),
      await atInternet(),
    ];
    const quiet = await logs();
    const dry = await untilKnown(
      host,
      () => dryRun(host, ...flags),
      ({ crowdsecVersion }) => crowdsecVersion !== undefined,
    );
    expect(dry.complete).toBe(true);
    if (scene === asUp && flags.length === 0) dryRuns.set(host, dry);
    expect(await packets(host)).toBe(0);
    expect(await logs()).toEqual(quiet);

    const { before, real } = await untilKnown(
      host,
      async () => ({ before: await logs(), real: await realRun(host, flags) }),
      (ran) => ran.real.candidate !== undefined,
    );
    expect(untold(dry, real.observations)).toEqual([]);
    // What leaves is counted: the run has sent something.
    expect(await packets(host)).toBeGreaterThan(0);
    const after = await logs();
    const asked = planned(dry.plan, isLocalApi).map((request) => request.replace(/^\S+ /, ""));
    expect(since(before[0], after[0])).toEqual(asked);
    const outside = planned(dry.plan, (port) => port === 443 || port === 3128).filter(
      (one) => !one.startsWith("redirected"),
    );
    const seen = since(before[1], after[1]).filter((one) => !one.startsWith(CDN));
    expect(seen).toEqual(outside);
  });
});

/** Found beforehand, on a host on which all is still well. */
describe("what only the run can know is told in words, once something fails:", () => {
  const SCENES: readonly (readonly [string, Host, () => Promise<unknown>, RegExp, readonly string[], RegExp])[] = [
    [
      "the Local API is stopped",
      "lapi",
      () => lab("stop", "lapi", "crowdsec"),
      /^the Local API is not reached/,
      ["looked-at /proc/1"],
      /\/proc\/1/,
    ],
    [
      "a name is gone",
      "agent",
      () => editZone("/hub-data/d"),
      /^a name does not exist/,
      ["name of the C library hub-data.crowdsec.net"],
      /the C library/,
    ],
    [
      "certificates are somebody else's",
      "agent",
      () => serve("stranger-signed"),
      /^TLS or the answer fails/,
      [],
      /the other family/,
    ],
    [
      "the nameserver is dead",
      "agent",
      () => lab("stop", "resolver", "unbound"),
      /^a nameserver does not answer/,
      [],
      /again/,
    ],
  ];
  test.each(SCENES)("%s", async (_words, host, scene, when, expected, what) => {
    const dry = await knownDryRun(host);
    await restoredAfterwards(scene)();
    expect(untold(dry, (await realRun(host)).observations)).toEqual(expected);
    expect(dry.more.find((one) => when.test(one.when))?.what).toMatch(what);
  });
});
