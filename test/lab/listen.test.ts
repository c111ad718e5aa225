import { afterEach, describe, expect, jest, test } from "@jest/globals";
import type { ListenReport, PeerReport } from "../../src/listen/table.ts";
import {
  background,
  type Ended,
  expectFault,
  filter,
  findingOf,
  type Host,
  lab,
  on,
  PROXIES,
  preflightWith,
  type Ran,
  type Variables,
} from "./lab.ts";

jest.setTimeout(120_000);

afterEach(async () => {
  await lab("restore");
});

/*
 * The Local API to come is played by host `lapi`, on a port of its own beside the one that is there; once in its place.
 */
const PORT = "18080";
const LAPI = `10.77.0.10:${PORT}`;
/** Of host `proxy`: what a router, a relay or nginx there hands on to LAPI. */
const BETWEEN = `10.77.0.80:${PORT}`;
const PROGRAM = `${process.execPath} ${process.cwd()}/bin/crowdsec-preflight.js`;

/** The other end, as somebody starts it on host `lapi`. */
interface Listening {
  readonly token: string;
  readonly ended: Promise<Ended>;
  readonly signal: (name: "INT" | "TERM") => Promise<unknown>;
  readonly prints: (pattern: RegExp) => Promise<RegExpExecArray>;
}

/** Host `proxy` as a router that puts its own address in place of the peers': the kernel's own NAT and its table of connections. */
const router = (...rules: readonly string[]): Promise<string> =>
  on(
    "proxy",
    `echo 1 >/proc/sys/net/ipv4/ip_forward && nft -f - <<'END'
table ip scene {
  chain first {
    type filter hook prerouting priority mangle
    ${rules.join("\n    ")}
  }
  chain there {
    type nat hook prerouting priority dstnat
    ip daddr 10.77.0.80 tcp dport ${PORT} dnat to ${LAPI}
  }
  chain back {
    type nat hook postrouting priority srcnat
    ip daddr 10.77.0.10 masquerade
  }
}
END`,
  );

/** It forgets connections that are silent for two seconds, and from then on lets nothing of them through. */
const forgetfulRouter = async (): Promise<void> => {
  const settings = "/proc/sys/net/netfilter/nf_conntrack_tcp";
  await on("proxy", `echo 2 >${settings}_timeout_established && echo 0 >${settings}_loose`);
  await router("ct state invalid drop");
};

/** A load balancer in miniature: what is silent for two seconds is ended on both sides. */
const relay = async (end: "destroy" | "resetAndDestroy"): Promise<void> => {
  const [host = "", port = ""] = LAPI.split(":");
  const program = `const cut = (...both) => both.forEach((one) => one.on("error", () => {}).setTimeout(2000, () => both.forEach((each) => each.${end}())));
net.createServer((one) => { const other = net.connect(${port}, "${host}"); cut(one, other); one.pipe(other).pipe(one); }).listen(${port}, "10.77.0.80")`;
  background("proxy", `${process.execPath} -e '${program}'`);
  await lab("wait", "proxy", "10.77.0.80", PORT);
};

/** nginx in front of it, as many have it in front of a Local API. */
const reverseProxy = async (...settings: readonly string[]): Promise<void> => {
  const location = `location / { proxy_pass http://${LAPI}; ${settings.join(" ")} }`;
  await on(
    "proxy",
    `mkdir -p /var/log/nginx /var/lib/nginx && printf 'pid /run/nginx.pid; events {} http { access_log off; server { listen ${BETWEEN}; ${location} } }' >/etc/nginx/lab.conf`,
  );
  await lab("start", "proxy", "nginx");
  await lab("wait", "proxy", "10.77.0.80", PORT);
};

/** `listen` on host `lapi`, as far as its invitation. */
const listen = async (flags: string, { port = PORT } = {}): Promise<Listening> => {
  const { ended, signal, prints } = background("lapi", `${PROGRAM} listen --port ${port} ${flags}`);
  const [, token = ""] = await prints(/ CROWDSEC_PREFLIGHT_TOKEN=(\S+) crowdsec-preflight check(?: --peer \S+)+\n/);
  return { token, ended, signal, prints };
};

/** What `listen -o json` prints at its end. */
const tableOf = ({ stdout }: Ended): ListenReport => JSON.parse(stdout);

interface Asking {
  readonly token: string;
  readonly peer?: string;
  /** Of the silence; `default`, which takes long, is for one scene. */
  readonly idle?: string;
  readonly variables?: Variables;
  readonly flags?: readonly string[];
}

/** `check --peer` on a host, alone. */
const ask = (host: Host, { token, peer = LAPI, idle = "1s", variables = {}, flags = [] }: Asking): Promise<Ran> =>
  preflightWith(
    host,
    { CROWDSEC_PREFLIGHT_TOKEN: token, ...variables },
    ...["--only", "peer", "--peer", peer, ...(idle === "default" ? [] : ["--idle", idle]), ...flags],
  );

/** What stands in the report about a peer: its instance has no scheme. */
const instance = (peer: string): string => `peer@${peer}`;

/** Why it ended, who came, and who did not. */
const outcomeOf = ({ ended, peers, missing }: ListenReport) => ({
  ended,
  came: peers.map(({ name }) => name),
  missing,
});

/** A peer in the listener's table. */
const seenOf = ({ peers }: ListenReport, name: string): PeerReport => {
  const found = peers.find((peer) => peer.name === name);
  if (found === undefined) throw new Error(`no peer ${name} in ${peers.map((peer) => peer.name).join(", ")}`);
  return found;
};

describe("with the path open", () => {
  test("both ends say who reached whom, and the listener ends by itself when the last one has come", async () => {
    const { token, ended } = await listen("-o json --expect agent --expect bouncer");
    const [agent, bouncer] = await Promise.all([ask("agent", { token }), ask("bouncer", { token })]);
    for (const [{ report, exitCode }, address] of [
      [agent, "10.77.0.20"],
      [bouncer, "10.77.0.70"],
    ] as const) {
      expect({ exitCode, verdict: report.summary.verdict }).toEqual({ exitCode: 0, verdict: "ready" });
      const { status, summary } = findingOf(report, instance(LAPI));
      expect({ status, summary }).toEqual({ status: "pass", summary: expect.stringContaining(address) });
      expect(summary).toMatch(/1(\.\d)? s/);
    }
    const end = await ended;
    const table = tableOf(end);
    expect({ exitCode: end.exitCode, ended: table.ended, missing: table.missing, strangers: table.strangers }).toEqual({
      exitCode: 0,
      ended: "all-came",
      missing: [],
      strangers: [],
    });
    for (const [name, address] of [
      ["agent", "10.77.0.20"],
      ["bouncer", "10.77.0.70"],
    ] as const)
      expect(seenOf(table, name)).toMatchObject({
        seen: { address },
        at: { address: "10.77.0.10", port: Number(PORT) },
        expected: name,
        bytes: { received: expect.any(Number), sent: expect.any(Number), arrived: true },
        silence: { askedMs: 1000, end: "answered", arrived: true },
        complaints: [],
        refused: 0,
      });
  });
});

/** Speaks to a listener what no peer would: resolves to how many bytes each of them was answered. */
const SCANNER = `
import net from "node:net";
import { randomBytes } from "node:crypto";
const [host, port] = process.argv.slice(2);
const large = "x".repeat(1024 * 1024);
const post = (path, body, head = "") => "POST /crowdsec-preflight/1/" + path + " HTTP/1.1\\r\\nHost: x\\r\\n" + head + "Content-Length: " + body.length + "\\r\\n\\r\\n" + body;
const hello = JSON.stringify({ name: "\\u001b[31mred", nonce: "0".repeat(32) });
const words = {
  silence: "",
  bytes: randomBytes(4096),
  tls: Buffer.from("16030100c8010000c40303" + "ab".repeat(190), "hex"),
  ssh: "SSH-2.0-OpenSSH_9.2p1\\r\\n",
  http2: "PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n",
  proxied: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\\r\\n\\r\\n",
  root: "GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
  lapi: "GET /v1/heartbeat HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
  traversal: "GET /../../../../etc/passwd HTTP/1.0\\r\\n\\r\\n",
  connect: "CONNECT api.crowdsec.net:443 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
  upgrade: "GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n",
  expect: post("hello", hello, "Expect: 100-continue\\r\\n"),
  head: "GET /" + large + " HTTP/1.1\\r\\n\\r\\n",
  fields: "GET / HTTP/1.1\\r\\n" + "X: y\\r\\n".repeat(100000) + "\\r\\n",
  json: post("hello", "{\\"name\\":[]}"),
  deep: post("hello", "[".repeat(2000)),
  body: post("hello", large),
  prove: post("prove", JSON.stringify({ nonce: "0".repeat(32), said: "{}", seal: "0".repeat(64) })),
  filler: post("prove", large),
  idle: post("idle", JSON.stringify({ nonce: "0".repeat(32), said: "{\\"idleMs\\":1e9}", seal: "" })),
  smuggled: "POST /crowdsec-preflight/1/hello HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n",
};
const speak = (word) => new Promise((resolve) => {
  let answered = 0;
  const socket = net.connect(Number(port), host, () => socket.write(word));
  socket.on("data", (chunk) => { answered += chunk.length; });
  socket.on("error", () => {});
  socket.on("close", () => resolve(answered));
});
const pairs = await Promise.all(Object.entries(words).map(async ([name, word]) => [name, await speak(word)]));
console.log(JSON.stringify(Object.fromEntries(pairs)));
`;

/** Two hundred at once, in one process: as many programs would take this machine a minute to start. */
const CROWD = `
const [dist, port, token, count] = process.argv.slice(2);
const { createProber } = await import(dist + "/probes/index.js");
const { Secret } = await import(dist + "/model/secret.js");
const end = new AbortController();
const probe = createProber({ signal: end.signal, timeoutMs: 10000, platform: "linux", userAgent: "crowdsec-preflight/lab" });
const question = { url: "http://127.0.0.1:" + port + "/", address: "127.0.0.1", token: new Secret(token), idleMs: 2000 };
const saw = await Promise.all(Array.from({ length: Number(count) }, (_, index) => probe.peer({ ...question, name: "peer-" + index })));
end.abort();
console.log(JSON.stringify(saw.map((one) => (one.ok ? one.idle.survived : one.code + ": " + one.message))));
`;

/** A module on a host, from its text. */
const runModule = async (host: Host, text: string, ...args: readonly string[]): Promise<string> =>
  on(host, `cat >/run/scene.mjs <<'END'\n${text}\nEND\n${process.execPath} /run/scene.mjs ${args.join(" ")}`);

test("where the Local API is to be: its own port, all that the others need of it, and then free for CrowdSec at once", async () => {
  await lab("stop", "lapi", "crowdsec");
  const place = "10.77.0.10:8080";
  const { token, ended } = await listen("-o json --expect agent", { port: "8080" });
  const { report, exitCode } = await ask("agent", { token, peer: place });
  expect({ exitCode, status: findingOf(report, instance(place)).status }).toEqual({ exitCode: 0, status: "pass" });
  expect((await ended).exitCode).toBe(0);
  await lab("start", "lapi", "crowdsec");
  await lab("wait", "lapi", "10.77.0.10", "8080");
  // A socket of the listener's that is still closing would have kept it from binding.
  expect(await on("agent", "curl -s -m 5 http://10.77.0.10:8080/v1/heartbeat")).toMatch(/cookie token is empty/);
});

test("by IPv6, and by a port that --port adds: each is a way of its own in both tables", async () => {
  const { token, ended } = await listen("-o json --port 18081 --expect agent");
  const [v6, other] = [`[fd77::10]:${PORT}`, "10.77.0.10:18081"];
  const { report, exitCode } = await ask("agent", { token, peer: v6, flags: ["--peer", other] });
  expect(exitCode).toBe(0);
  for (const peer of [v6, other]) expect(findingOf(report, instance(peer)).status).toBe("pass");
  expect(tableOf(await ended).peers).toMatchObject([
    { name: "agent", seen: { address: expect.stringMatching(/^fd77::20$|^10\.77\.0\.20$/) } },
    { name: "agent", seen: { address: expect.stringMatching(/^fd77::20$|^10\.77\.0\.20$/) } },
  ]);
});

describe("with the path closed", () => {
  test.each([
    { how: "drop", code: "tcp-timeout", party: "network" },
    { how: "reject with tcp reset", code: "tcp-refused", party: "remote-service" },
    { how: "reject with icmpx type admin-prohibited", code: "tcp-unreachable", party: "network" },
  ] as const)(
    "$how: the peer names the layer and whose it is, the listener who never came",
    async ({ how, code, party }) => {
      await filter("lapi", "input", `ip saddr 10.77.0.20 tcp dport ${PORT} ${how}`);
      const { token, signal, ended } = await listen("-o json --expect agent --expect bouncer");
      const [agent, bouncer] = await Promise.all([
        ask("agent", { token, flags: ["--timeout", "2s"] }),
        ask("bouncer", { token }),
      ]);
      expect([agent.exitCode, bouncer.exitCode]).toEqual([2, 0]);
      expect(findingOf(agent.report, instance(LAPI))).toMatchObject({
        status: "fail",
        fault: { phase: "connect", code },
        blame: { party },
      });
      expect(agent.report.causes).toHaveLength(1);
      await signal("INT");
      const end = await ended;
      expect({ exitCode: end.exitCode, ...outcomeOf(tableOf(end)) }).toEqual({
        exitCode: 130,
        ended: "interrupted",
        came: ["bouncer"],
        missing: [{ expected: "agent", ports: [Number(PORT)], begun: false }],
      });
    },
  );

  test("when its time is up: exit code 2, who came and who never did, in words, and no secret beside the first line", async () => {
    await filter("lapi", "input", `ip saddr 10.77.0.20 tcp dport ${PORT} drop`);
    const { token, ended } = await listen("--ttl 10s --expect agent --expect bouncer");
    await ask("bouncer", { token });
    const { stdout, stderr, exitCode } = await ended;
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(
      /^Listening on port 18080 of every address of this host, until \d\d:\d\d:\d\dZ \(10 s\)\.\n/,
    );
    expect(stdout).toMatch(/\n[^\n]*bouncer[^\n]*10\.77\.0\.70/);
    expect(stdout).toMatch(/agent never came\n/);
    expect(stdout).not.toMatch(/bouncer never came/);
    expect(stderr).toMatch(/bouncer \(10\.77\.0\.70\) knows the token/);
    expect(`${stdout}${stderr}`.match(new RegExp(token, "g"))).toHaveLength(1);
  });
});

describe("with something in between", () => {
  test("NAT: both ends say by which address the other sees the peer", async () => {
    await router();
    const { token, ended } = await listen("-o json --expect agent");
    const { report, exitCode } = await ask("agent", { token, peer: BETWEEN });
    expect(exitCode).toBe(0);
    const { status, summary } = findingOf(report, instance(BETWEEN));
    expect(status).toBe("pass");
    // Its own, what the listener saw, and what the listener is to itself.
    for (const address of ["10.77.0.20", "10.77.0.80", "10.77.0.10"]) expect(summary).toContain(address);
    expect(seenOf(tableOf(await ended), "agent").seen.address).toBe("10.77.0.80");
  });

  test.each([
    { name: "squid", proxy: PROXIES.open, via: /via added on the way there \(1\.1 proxy\.lab \(squid/ },
    { name: "squid with a login", proxy: PROXIES.withCredentials, via: /via added on the way there,/ },
    { name: "tinyproxy", proxy: PROXIES.tiny, via: /via added on the way there \(1\.1 proxy \(tinyproxy/ },
  ])(
    "an HTTP proxy, $name: the way is open, and said is that it goes through a proxy and what that adds",
    async ({ proxy, via }) => {
      const { token, ended } = await listen("-o json --expect agent");
      const { report, exitCode } = await ask("agent", {
        token,
        variables: { HTTP_PROXY: proxy },
        flags: ["--env", "shell"],
      });
      expect(exitCode).toBe(0);
      const { vantage, summary } = findingOf(report, instance(LAPI));
      expect(vantage?.route).toBe("proxy");
      expect(summary).toMatch(/10\.77\.0\.80/);
      expect(summary).toMatch(via);
      expect(JSON.stringify(report)).not.toMatch(/canary/);
      expect(seenOf(tableOf(await ended), "agent")).toMatchObject({
        seen: { address: "10.77.0.80" },
        bytes: { arrived: true },
        silence: { end: "answered", arrived: true },
        complaints: [],
      });
    },
  );

  test("a proxy that denies, and one that is not there: both are to be left out of this", async () => {
    const NO_PROXY = expect.arrayContaining([
      expect.objectContaining({ text: expect.stringMatching(/NO_PROXY of \S+ name 10\.77\.0\.10/) }),
    ]);
    const { token } = await listen("--ttl 30s --tls");
    const peer = `https://${LAPI}`;
    const [denied, dead] = await Promise.all(
      [PROXIES.tiny, PROXIES.dead].map((proxy) =>
        ask("agent", { token, peer, variables: { HTTPS_PROXY: proxy }, flags: ["--env", "shell"] }),
      ),
    );
    expect(denied && findingOf(denied.report, instance(LAPI))).toMatchObject({
      status: "fail",
      fault: { phase: "proxy", code: "proxy-denied" },
      remedy: NO_PROXY,
    });
    expect(dead && findingOf(dead.report, instance(LAPI))).toMatchObject({
      status: "fail",
      fault: { phase: "proxy", code: "proxy-unreachable" },
      remedy: NO_PROXY,
    });
  });

  test("nginx as a reverse proxy: the way is open, and what it changes of the messages is said", async () => {
    await reverseProxy();
    const { token, ended } = await listen("-o json --expect agent");
    const { report } = await ask("agent", { token, peer: BETWEEN });
    expect(findingOf(report, instance(BETWEEN))).toMatchObject({ status: "warn", fault: { code: "peer-altered" } });
    expect(findingOf(report, instance(BETWEEN)).summary).toMatch(/nginx|Host|Connection/i);
    expect(seenOf(tableOf(await ended), "agent")).toMatchObject({
      seen: { address: "10.77.0.80" },
      complaints: ["peer-altered"],
    });
  });

  test("a path that loses full packets without a word: small messages pass, and said is what lists of decisions would meet", async () => {
    await filter("lapi", "input", `tcp dport ${PORT} meta length gt 1400 drop`);
    const { token, signal, ended } = await listen("-o json --expect agent");
    const { report } = await ask("agent", { token, flags: ["--timeout", "3s"] });
    expectFault(report, instance(LAPI), {
      status: "fail",
      phase: "request",
      code: "peer-stalled",
      party: "network",
      remedy: /MTU/,
    });
    await signal("INT");
    expect(tableOf(await ended)).toMatchObject({ peers: [], strangers: [{ address: "10.77.0.20" }] });
  });

  test.each([
    { name: "a router that forgets it: silence", arrange: forgetfulRouter, says: /./ },
    { name: "a load balancer that closes it", arrange: () => relay("destroy"), says: /./ },
    { name: "a load balancer that resets it", arrange: () => relay("resetAndDestroy"), says: /./ },
    { name: "nginx with proxy_read_timeout", arrange: () => reverseProxy("proxy_read_timeout 2s;"), says: /504/ },
  ])("an idle connection is cut, by $name: after how long, and what waits that long", async ({ arrange, says }) => {
    await arrange();
    const { token, ended } = await listen("-o json --ttl 15s --expect agent");
    const { report } = await ask("agent", { token, peer: BETWEEN, idle: "4s", flags: ["--timeout", "2s"] });
    const { fault, summary, remedy } = findingOf(report, instance(BETWEEN));
    expect(fault?.code).toBe("peer-idle-cut");
    expect(summary).toMatch(says);
    expect(JSON.stringify(remedy)).toMatch(/idle timer/);
    const seen = seenOf(tableOf(await ended), "agent");
    expect(seen.silence).toMatchObject({ askedMs: 4000, arrived: false });
  });

  test("the full default: 45 seconds of silence, directly and through a proxy", async () => {
    const { token, ended } = await listen("-o json --expect agent --expect bouncer");
    const [direct, proxied] = await Promise.all([
      ask("agent", { token, idle: "default" }),
      ask("bouncer", { token, idle: "default", variables: { HTTP_PROXY: PROXIES.open }, flags: ["--env", "shell"] }),
    ]);
    for (const { report } of [direct, proxied]) {
      expect(findingOf(report, instance(LAPI))).toMatchObject({
        status: "pass",
        summary: expect.stringMatching(/45(\.0)? s/),
      });
    }
    const table = tableOf(await ended);
    for (const name of ["agent", "bouncer"])
      expect(seenOf(table, name).silence).toMatchObject({ askedMs: 45_000, end: "answered", arrived: true });
  });
});

describe("with TLS", () => {
  const peer = `https://${LAPI}`;

  test("a throw-away certificate: the conversation is the listener's own, nobody opened it", async () => {
    const { token, ended } = await listen("-o json --tls --expect agent");
    const { report, exitCode } = await ask("agent", { token, peer });
    expect({ exitCode, status: findingOf(report, instance(LAPI)).status }).toEqual({ exitCode: 0, status: "pass" });
    expect(tableOf(await ended)).toMatchObject({ tls: { given: false }, peers: [{ name: "agent", complaints: [] }] });
  });

  test("the certificate that the Local API is to have is judged as its clients will: good, expired, for another name", async () => {
    for (const [certificate, status, code] of [
      ["good", "pass", undefined],
      ["expired", "fail", "tls-expired"],
      ["othername", "fail", "tls-wrong-host"],
    ] as const) {
      const { token, signal, ended } = await listen(
        `--cert $LAB_STATE/ca/${certificate}.crt --key $LAB_STATE/ca/server.key`,
      );
      const { report } = await ask("agent", { token, peer });
      const finding = findingOf(report, instance(LAPI));
      expect({ certificate, status: finding.status, code: finding.fault?.code }).toEqual({ certificate, status, code });
      await signal("TERM");
      expect((await ended).exitCode).toBe(143);
    }
  });

  test("a proxy that opens TLS is found out, though its certificate is from an authority that this host trusts", async () => {
    await on("agent", "cat $LAB_STATE/ca/inspector.crt >>/etc/ssl/certs/ca-certificates.crt");
    // Squid verifies what it opens, by name only.
    await on(
      "lapi",
      "cd $LAB_STATE/ca && openssl x509 -req -in server.csr -CA lab.crt -CAkey lab.key -CAcreateserial -CAserial /run/serial -days 30 -extfile <(echo subjectAltName=DNS:lapi.lab) -out /run/lapi.crt 2>/dev/null",
    );
    const { token, ended } = await listen("-o json --expect agent --cert /run/lapi.crt --key $LAB_STATE/ca/server.key");
    const named = `lapi.lab:${PORT}`;
    const { report } = await ask("agent", {
      token,
      peer: `https://${named}`,
      variables: { HTTPS_PROXY: PROXIES.inspecting },
      flags: ["--env", "shell"],
    });
    const { fault, summary } = findingOf(report, instance(named));
    expect(fault?.code).toBe("peer-intercepted");
    expect(summary).toMatch(/inspector CA/);
    expect(seenOf(tableOf(await ended), "agent").complaints).toContain("peer-intercepted");
  });

  test("plain on one side and TLS on the other is said on both", async () => {
    const { token, signal, ended } = await listen("-o json --tls");
    const { report } = await ask("agent", { token });
    expect(findingOf(report, instance(LAPI))).toMatchObject({ status: "fail" });
    await signal("INT");
    expect(tableOf(await ended).strangers).toMatchObject([{ address: "10.77.0.20", kinds: { "spoke-no-tls": 1 } }]);
    const plain = await listen("-o json");
    const { report: other } = await ask("agent", { token: plain.token, peer });
    expect(findingOf(other, instance(LAPI)).fault?.code).toMatch(/^tls-/);
    await plain.signal("INT");
    expect(tableOf(await plain.ended).strangers).toMatchObject([{ address: "10.77.0.20", kinds: { "spoke-tls": 1 } }]);
  });
});

describe("with those who are not meant", () => {
  test("two hundred peers at once on loopback, and five real programs beside them: each is served", async () => {
    const { token, ended } = await listen(
      "-o json --ttl 60s --expect agent --expect bouncer --expect fresh --expect prometheus --expect allinone",
    );
    const hosts = ["agent", "bouncer", "fresh", "prometheus", "allinone"] as const;
    const [crowd, ...programs] = await Promise.all([
      runModule("lapi", CROWD, `${process.cwd()}/dist/src`, PORT, token, "200"),
      ...hosts.map((host) => ask(host, { token, idle: "10s", flags: ["--role", "agent", "--timeout", "10s"] })),
    ]);
    expect(JSON.parse(crowd)).toEqual(Array.from({ length: 200 }, () => true));
    expect(programs.map(({ report }) => findingOf(report, instance(LAPI)).status)).toEqual(hosts.map(() => "pass"));
    const { peers, missing, strangers } = tableOf(await ended);
    expect({ missing, strangers, came: peers.length }).toEqual({ missing: [], strangers: [], came: 205 });
    expect(peers.filter(({ finishedAt, complaints }) => finishedAt === undefined || complaints.length > 0)).toEqual([]);
  });

  test("a scanner gets no byte out of it, costs it little, is told of in plain characters, and keeps no peer away", async () => {
    const { token, ended } = await listen("-o json --ttl 60s --expect agent");
    const [answered, { report }] = await Promise.all([
      runModule("bouncer", SCANNER, "10.77.0.10", PORT),
      ask("agent", { token, idle: "12s" }),
    ]);
    const bytes: Readonly<Record<string, number>> = JSON.parse(answered);
    expect(Object.keys(bytes).length).toBeGreaterThan(15);
    expect(Object.entries(bytes).filter(([, count]) => count > 0)).toEqual([]);
    expect(findingOf(report, instance(LAPI)).status).toBe("pass");
    const { exitCode, stderr, ...rest } = await ended;
    const { strangers, peers } = tableOf({ exitCode, stderr, ...rest });
    expect({ exitCode, came: peers.map(({ name }) => name) }).toEqual({ exitCode: 0, came: ["agent"] });
    expect(strangers).toMatchObject([{ address: "10.77.0.70", connections: Object.keys(bytes).length }]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    expect(`${stderr}${rest.stdout}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });

  test("a flood of silent connections leaves room for the peer that comes after it", async () => {
    const { token, ended } = await listen("-o json --ttl 60s --expect agent");
    const flood = `const open = Array.from({ length: 600 }, () => net.connect(${PORT}, "10.77.0.10").on("error", () => {})); setTimeout(() => console.log("open"), 1500); setInterval(() => open, 1000);`;
    await background("bouncer", `${process.execPath} -e '${flood}'`).prints(/open/);
    const { report } = await ask("agent", { token });
    expect(findingOf(report, instance(LAPI)).status).toBe("pass");
    const end = await ended;
    expect(end.exitCode).toBe(0);
    expect(tableOf(end).strangers).toMatchObject([{ address: "10.77.0.70" }]);
    const seen = await on("lapi", `ss -Htn state established sport = :${PORT} | wc -l`);
    expect(seen).toBe("0\n");
  });

  test("a wrong token is refused on both sides, and says nothing of the right one", async () => {
    const { token, signal, ended } = await listen("-o json --expect agent");
    const wrong = `${token.slice(0, -2)}xx`;
    const { report, exitCode } = await ask("agent", { token: wrong });
    expect(exitCode).toBe(2);
    expect(findingOf(report, instance(LAPI))).toMatchObject({ status: "fail", fault: { code: "peer-token-refused" } });
    expect(JSON.stringify(report)).not.toMatch(new RegExp(`${wrong}|${token}`));
    await signal("INT");
    const end = await ended;
    expect(end.exitCode).toBe(130);
    expect(tableOf(end)).toMatchObject({
      peers: [],
      missing: [{ expected: "agent" }],
      strangers: [{ address: "10.77.0.20", names: ["agent"], kinds: { "wrong-token": 1 } }],
    });
    expect(end.stdout).not.toContain(token);
  });

  test("a token that this host has used already: refused, with when and from where", async () => {
    const { token, signal, ended } = await listen("-o json");
    expect((await ask("agent", { token })).exitCode).toBe(0);
    const { report, exitCode } = await ask("agent", { token });
    expect(exitCode).toBe(2);
    expect(findingOf(report, instance(LAPI))).toMatchObject({
      status: "fail",
      fault: { code: "peer-token-used" },
      summary: expect.stringContaining("10.77.0.20"),
    });
    // What one host has used is still good for another.
    expect((await ask("bouncer", { token })).exitCode).toBe(0);
    await signal("INT");
    expect(tableOf(await ended).peers).toMatchObject([
      { name: "agent", refused: 1 },
      { name: "bouncer", refused: 0 },
    ]);
  });
});

describe("with a real Local API", () => {
  test("on its port a listener refuses to start, and says what to run instead", async () => {
    const { ended } = background("lapi", `${PROGRAM} listen`);
    const { exitCode, stdout, stderr } = await ended;
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
    expect(stderr).toMatch(/Local API .* answers on 10\.77\.0\.10:8080.* --lapi-url http:\/\/10\.77\.0\.10:8080/);
  });

  test("a check with --peer that meets one says so, and what to run instead; no row of it changes", async () => {
    const { report, exitCode } = await ask("agent", { token: "0123456789abcdef0123", peer: "10.77.0.10:8080" });
    expect(exitCode).toBe(0);
    expectFault(report, instance("10.77.0.10:8080"), {
      status: "warn",
      phase: "response",
      code: "peer-is-lapi",
      party: "configuration",
      remedy: /--lapi-url/,
    });
  });

  test("nginx there is no listener: what answers is named", async () => {
    const { report } = await ask("agent", { token: "0123456789abcdef0123", peer: "10.77.1.11:443" });
    expect(findingOf(report, instance("10.77.1.11:443"))).toMatchObject({
      status: "fail",
      fault: { code: "peer-foreign" },
      summary: expect.stringMatching(/nginx|400/),
    });
  });
});

describe("an end", () => {
  test("Ctrl-C: the table of who came until then, 130, and no port is left open", async () => {
    const { token, signal, ended } = await listen("--expect agent --expect bouncer");
    expect((await ask("agent", { token })).exitCode).toBe(0);
    await signal("INT");
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(130);
    expect(stdout).toMatch(/interrupted\.\n.*agent.*10\.77\.0\.20.*bouncer never came/s);
    expect(await on("lapi", `ss -Htln sport = :${PORT}`)).toBe("");
  });

  test("in the middle of a silence: the listener ends at once, and its peer says what became of it", async () => {
    const { token, signal, ended, prints } = await listen("-o json --expect agent");
    const asked = ask("agent", { token, idle: "60s", flags: ["--timeout", "2s"] });
    await prints(/1(:00)? min of silence|60(\.0)? s of silence/);
    await signal("TERM");
    expect(await ended).toMatchObject({ exitCode: 143 });
    const { report } = await asked;
    expect(findingOf(report, instance(LAPI)).status).not.toBe("pass");
  });

  test.each(["--token", "--token-file"])(
    "a token given by %s stands in no argument list while the check waits",
    async (how) => {
      const { token, prints } = await listen("--ttl 60s");
      await on("agent", `umask 077; echo ${token} >/run/token`);
      const value = how === "--token" ? token : "/run/token";
      const { ended } = background("agent", `${PROGRAM} --only peer --peer ${LAPI} --idle 3s ${how} ${value} -o json`);
      await prints(/agent \(10\.77\.0\.20\): 3(\.0)? s of silence/);
      const seen = await on("agent", "for each in /proc/[0-9]*; do tr '\\0' ' ' <$each/cmdline; echo; done");
      expect(seen).toMatch(/preflight/);
      expect(seen).not.toContain(token);
      expect((await ended).exitCode).toBe(0);
    },
  );
});
