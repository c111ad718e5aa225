import https from "node:https";
import net from "node:net";
import { domainToASCII } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { parseIp } from "../../src/model/address.ts";
import type { DnsObservation } from "../../src/model/observation.ts";
import { readProxies, routeTo } from "../../src/model/proxy.ts";
import { probeHttp } from "../../src/probes/http.ts";
import { createTrustContexts } from "../../src/probes/trust-store.ts";
import { type CertificateCase, type CertificateCases, makeCertificateCases } from "../support/certificate-cases.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { askGo, askGoLater, asLines, compileGo, fromLines, goVersion } from "./go.ts";
import { lab, on } from "./lab.ts";

// The tool and a Go program on the same inputs: no difference but those that are listed, and each of those is looked at too.

jest.setTimeout(120_000);

let folder: Folder;
let program: string;

beforeAll(() => {
  folder = makeFolder();
  program = compileGo(folder.path);
});
afterAll(() => {
  folder.remove();
});

type Variables = Readonly<Record<string, string>>;

describe("proxies, beside http.ProxyFromEnvironment", () => {
  interface Said {
    readonly via: "direct" | "proxy" | "refused" | "no request";
    readonly scheme: string;
    readonly host: string;
    readonly port: string;
    readonly user: string | null;
    readonly password: string | null;
  }

  const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, socks5: 1080 };

  /** Of what Go takes for a proxy: where it would connect, or that it cannot work. */
  const dialed = ({ scheme, host, port, user, password }: Said, { HTTP_PROXY = "", HTTPS_PROXY = "" }: Variables) => {
    const number = port === "" ? PORTS[scheme] : Number(port);
    const isMisread = [HTTP_PROXY, HTTPS_PROXY].some(
      (value) => host !== "" && value.toLowerCase().includes(`${host}://`),
    );
    const isUsable =
      number !== undefined && number > 0 && number < 65_536 && (host !== "" || port !== "") && !isMisread;
    if (!isUsable || (host.includes(":") && !net.isIPv6(host.replace(/%.*$/, "")))) return "fails";
    // Go dials this host itself for `:3128`.
    return {
      scheme,
      host: host === "" ? "127.0.0.1" : /^[ -~]*$/.test(host) ? host : domainToASCII(host),
      port: number,
      user,
      password,
    };
  };

  /** Go's answer and the tool's, in the same words. */
  const compared = (questions: readonly { readonly environment: Variables; readonly url: string }[]) => {
    const version = goVersion(program);
    return askGo<Said>(program, "proxy", questions).flatMap((said, index) => {
      const { environment = {}, url = "" } = questions[index] ?? {};
      // What is no URL to Go is never asked for.
      if (said.via === "no request") return [];
      const route = routeTo(readProxies(environment, version), url);
      const isCgi = (environment["REQUEST_METHOD"] ?? "") !== "" && url.startsWith("http:");
      const credentials = route.via === "proxy" ? route.proxy.credentials : undefined;
      const ours =
        route.via === "direct"
          ? "direct"
          : route.via === "refused"
            ? isCgi
              ? "refused"
              : "fails"
            : {
                scheme: route.proxy.scheme,
                host: route.proxy.host,
                port: route.proxy.port,
                user: credentials?.user.reveal() ?? null,
                password: credentials?.password.reveal() ?? null,
              };
      return [{ environment, url, go: said.via === "proxy" ? dialed(said, environment) : said.via, ours }];
    });
  };

  const expectAlike = (
    questions: readonly { readonly environment: Variables; readonly url: string }[],
    least: number,
  ) => {
    const pairs = compared(questions);
    expect(pairs.length).toBeGreaterThanOrEqual(least);
    expect(pairs.filter(({ go, ours }) => !isDeepStrictEqual(go, ours))).toEqual([]);
  };

  const cross = (environments: readonly Variables[], urls: readonly string[]) =>
    environments.flatMap((environment) => urls.map((url) => ({ environment, url })));

  const URLS = [
    "https://api.crowdsec.net/",
    "https://API.CrowdSec.net:443/v3",
    "https://api.crowdsec.net./",
    "https://crowdsec.net:8443/",
    "https://notcrowdsec.net/",
    "http://lapi:8080/",
    "http://lapi.lan/",
    "http://LOCALHOST:8080/",
    "http://localhost.:8080/",
    "http://localhost:8080/",
    "http://sub.localhost/",
    "http://0.0.0.0:8080/",
    "http://127.0.0.1:8080/",
    "http://127.8.8.8/",
    "http://10.0.0.5:8080/",
    "http://10.0.0.5/",
    "http://192.168.10.200/",
    "https://[::1]:8080/",
    "http://[::]:8080/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:10.0.0.5]/",
    "http://[2001:DB8::5]:8080/",
    "http://[2001:db8:0:1::5]/",
    "http://b\u00fccher.example/",
    "http://STRASSE.xn--bcher-kva.example:080/",
    "http://foo_bar.lan:8080/",
    "ftp://api.crowdsec.net/",
  ];

  const ENTRIES = [
    "*",
    " * ",
    "crowdsec.net",
    ".crowdsec.net",
    "*.crowdsec.net",
    "*crowdsec.net",
    "**.crowdsec.net",
    "api.*",
    "CROWDSEC.net",
    "crowdsec.net.",
    ".crowdsec.net.",
    "crowdsec.net:443",
    "crowdsec.net:8443",
    ".crowdsec.net:80",
    "crowdsec.net:",
    "crowdsec.net:https",
    "http://crowdsec.net",
    "https://api.crowdsec.net/",
    "crowdsec.net/",
    "net",
    ".",
    "*.",
    "..",
    "..crowdsec.net",
    ":8080",
    ":",
    "lapi",
    "lapi,lapi.lan",
    "lapi lapi.lan",
    "lapi;lapi.lan",
    "a.example, ,,lapi\t,\u00a0lapi.lan\u3000",
    '"lapi,lapi.lan"',
    "localhost",
    "localhost:8080,.localhost",
    "0.0.0.0",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.9.9.9/8",
    "10.0.0.0/8:8080",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.0/08",
    "10.0.0.5",
    "10.0.0.5:8080",
    "10.0.0.5:80",
    "010.0.0.5",
    "10.0.0.*",
    "10.0.0.",
    "10.",
    "192.168.10.0/24",
    "192.168.10.200/32,*.lan",
    "::ffff:10.0.0.5",
    "::ffff:10.0.0.0/104",
    "::ffff:10.0.0.0/90",
    "2001:db8::/32",
    "2001:db8::/129",
    "2001:DB8:0:0:0:0:0:5",
    "[2001:db8::5]",
    "[2001:db8::5]:8080",
    "[2001:db8::5]:80",
    "2001:db8::5:8080",
    "[10.0.0.5]:8080",
    "[lapi]:8080",
    "::1",
    "b\u00fccher.example",
    "B\u00dcCHER.EXAMPLE",
    "b\u00fccher\u3002example",
    ".xn--bcher-kva.example",
    "stra\u00dfe.xn--bcher-kva.example",
    "stra\u00dfe.b\u00fccher.example:080",
    "foo_bar.lan",
    "lan:8080",
    "a.example,*,crowdsec.net",
  ];

  test("NO_PROXY: what matches for Go matches here, and nothing else does", () => {
    const environments = ENTRIES.map((entries) => ({
      HTTP_PROXY: "proxy:3128",
      HTTPS_PROXY: "proxy:3128",
      NO_PROXY: entries,
    }));
    expectAlike(cross(environments, URLS), 1500);
  });

  test("variables: which of them counts, for which scheme", () => {
    const [one, other] = ["http://one:1", "http://other:2"];
    const environments: readonly Variables[] = [
      {},
      { HTTP_PROXY: one },
      { HTTPS_PROXY: one },
      { http_proxy: one },
      { https_proxy: one },
      { HTTP_PROXY: one, http_proxy: other },
      { HTTPS_PROXY: one, https_proxy: other },
      { HTTP_PROXY: "", http_proxy: other, HTTPS_PROXY: "", https_proxy: other },
      { Http_Proxy: one, Https_Proxy: one },
      { ALL_PROXY: one, all_proxy: one, FTP_PROXY: one, ftp_proxy: one, SOCKS_PROXY: one },
      { HTTP_PROXY: one, HTTPS_PROXY: other, NO_PROXY: "lapi", no_proxy: "crowdsec.net" },
      { HTTP_PROXY: one, HTTPS_PROXY: other, NO_PROXY: "", no_proxy: "crowdsec.net" },
      { HTTP_PROXY: one, HTTPS_PROXY: other, NO_PROXY: " ", no_proxy: "crowdsec.net" },
      { HTTP_PROXY: one, HTTPS_PROXY: other, No_Proxy: "crowdsec.net" },
      { HTTP_PROXY: one, HTTPS_PROXY: other, REQUEST_METHOD: "GET" },
      { HTTP_PROXY: one, HTTPS_PROXY: other, REQUEST_METHOD: "GET", NO_PROXY: "*" },
      { HTTP_PROXY: one, HTTPS_PROXY: other, REQUEST_METHOD: "" },
      { HTTPS_PROXY: other, REQUEST_METHOD: "GET" },
      { HTTP_PROXY: "http://o\u0001ne", REQUEST_METHOD: "GET" },
      { HTTP_PROXY: "http://one:x", REQUEST_METHOD: "GET" },
    ];
    expectAlike(cross(environments, URLS), 400);
  });

  const VALUES = [
    "proxy",
    "proxy:3128",
    "proxy:",
    ":3128",
    ":",
    "proxy:0",
    "proxy:65535",
    "proxy:65536",
    "proxy:99999999999999999999",
    "proxy:x",
    "proxy:3128/",
    "proxy:3128/path?query#fragment",
    "PROXY.Corp:3128",
    "10.0.0.1",
    "10.0.0.1:3128",
    "10.0.0.1:x",
    "[2001:db8::1]:3128",
    "[2001:db8::1]",
    "2001:db8::1",
    "[2001:db8::1",
    "//proxy:3128",
    "///proxy:3128",
    "/proxy:3128",
    "*",
    " ",
    " proxy:3128",
    "proxy:3128 ",
    "proxy:3128\n",
    "http://proxy",
    "HTTP://proxy:3128",
    "http://proxy:3128/",
    "http://proxy:3128 ",
    "http://proxy:3128\t",
    " http://proxy:3128",
    '"http://proxy:3128"',
    "'proxy:3128'",
    "http://",
    "http:",
    "http:/proxy:3128",
    "http:proxy:3128",
    "http:///proxy:3128",
    "http://:3128",
    "http://:",
    "http://proxy:0x50",
    "http://proxy:99999",
    "http://[::1]:3128",
    "http://[::1]x:3128",
    "http://[fe80::1%25eth0]:3128",
    "http://[fe80::1%eth0]:3128",
    "http://[fe80::1%25%20x]:3128",
    "http://2001:db8::1:3128",
    "http://pro xy:3128",
    "http://pro%20xy:3128",
    "http://pro%C3%BCxy:3128",
    "http://b\u00fccher.example:3128",
    "http://pro_xy:3128",
    "http://pro<xy>:3128",
    "http://pro{xy}:3128",
    "http://$PROXY:3128",
    "https://proxy",
    "https://proxy:3128",
    "socks5://proxy",
    "SOCKS5://user:pass@proxy:1081",
    "socks5h://proxy:1080",
    "socks4://proxy",
    "socks://proxy:1080",
    "ftp://proxy:3128",
    "proxy://proxy:3128",
    "http//proxy:3128",
    "http://http://proxy:3128",
    "user@proxy:3128",
    "user:pass@proxy:3128",
    "user:@proxy",
    "@proxy:3128",
    "http://user@proxy",
    "http://user:pass@proxy:3128",
    "http://user:p%40ss%3A%2f@proxy",
    "http://DOMAIN%5Cuser:p%C3%BC@proxy",
    "http://DOMAIN\\user:pass@proxy",
    "http://user:p@ss@proxy:3128",
    "http://user:p:ss@proxy:3128",
    "http://user:p#ss@proxy:3128",
    "http://user:p/ss@proxy:3128",
    "http://user:p?ss@proxy:3128",
    "http://user:p%ss@proxy:3128",
    "http://user:100%@proxy:3128",
    "http://user:p ss@proxy:3128",
    "http://user:p\u00fcss@proxy:3128",
    "http://user:p[ss]@proxy:3128",
    "http://user:~!$&'()*+,;=%25@proxy:3128",
    "http://user:pass%40proxy:3128",
    "http://user:pass:3128",
    "user:p/ss@proxy:3128",
    "user:p#ss@proxy:3128",
    "user:100%@proxy:3128",
    "us/er:pass@proxy:3128",
    "http://proxy:3128/%zz",
    "http://proxy:3128/#%zz",
    "http://proxy:3128?%zz",
    "pac+http://proxy/proxy.pac",
    "DIRECT",
    "none",
  ];

  test("values: what Go can use is used as Go does, and what fails there is said to", () => {
    const environments = VALUES.flatMap((value) => [
      { HTTP_PROXY: value, HTTPS_PROXY: value },
      { HTTP_PROXY: value, HTTPS_PROXY: value, NO_PROXY: "api.crowdsec.net" },
    ]);
    expectAlike(cross(environments, ["https://api.crowdsec.net/", "http://lapi:8080/", "http://localhost/"]), 600);
  });

  // Go up to 1.23.6 and 1.24.0 held addresses against names too, and knew no zones (CVE-2025-22870). CrowdSec's own
  // builds are of later Go since 1.6.6; Debian's 1.4.6 is of Go 1.19.
  test.each([
    { entry: "0.0.5", url: "http://10.0.0.5/", go: "direct" },
    { entry: ".5", url: "http://10.0.0.5/", go: "direct" },
    { entry: "*.0.0.5", url: "http://10.0.0.5/", go: "direct" },
    { entry: "fe80::/10", url: "http://[fe80::1%25eth0]/", ours: "direct" },
    { entry: "fe80::1", url: "http://[fe80::1%25eth0]/", ours: "direct" },
    { entry: "", url: "http://[::1%25lo]/", ours: "direct" },
    { entry: "fe80::1%eth0", url: "http://[fe80::1%25eth0]/", go: "direct" },
  ])("known difference: $entry and $url, where Go since 1.23.7 does as the tool says", ({ entry, url, ...direct }) => {
    const environment = { HTTP_PROXY: "proxy:3128", NO_PROXY: entry };
    const [pair] = compared([{ environment, url }]);
    const proxied = { scheme: "http", host: "proxy", port: 3128, user: null, password: null };
    expect({ go: pair?.go, ours: pair?.ours }).toEqual({ go: proxied, ours: proxied, ...direct });
  });
});

describe("certificates, beside crypto/tls and crypto/x509", () => {
  interface Said {
    readonly class: string;
    readonly above: boolean;
    readonly message: string;
  }

  let made: Folder;
  let certificates: CertificateCases;

  beforeAll(() => {
    made = makeFolder();
    certificates = makeCertificateCases(made);
  });
  afterAll(() => {
    made.remove();
  });

  /** What the tool calls what Go says. */
  const CODES: Readonly<Record<string, string>> = {
    "": "good",
    early: "tls-not-yet-valid",
    late: "tls-expired",
    host: "tls-wrong-host",
    "no-names": "tls-no-san",
    signer: "tls-untrusted",
    usage: "tls-untrusted",
    constraint: "tls-untrusted",
    unreadable: "tls-untrusted",
  };

  const listening = (server: net.Server): Promise<number> =>
    new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port));
    });

  /** One server of a case, asked by both for each of its hosts. */
  const judged = async ({ title, shown, trusted, hosts }: CertificateCase) => {
    const server = https.createServer(
      // A server may show what its clients refuse.
      { ciphers: "DEFAULT@SECLEVEL=0", cert: certificates.pem(shown), key: certificates.key(title) },
      (_request, response) => response.end("here"),
    );
    server.on("tlsClientError", () => {});
    const port = await listening(server);
    const roots = made.write(`roots-${port}.pem`, certificates.pem(trusted));
    const context = createTrustContexts(() => {
      throw new Error("the system's store is not asked");
    });
    const tools = { limits: { timeoutMs: 5000, signal: AbortSignal.timeout(20_000) }, userAgent: "test/1", context };
    const said = await askGoLater<Said>(
      program,
      "verify",
      hosts.map((host) => ({ address: `127.0.0.1:${port}`, host, roots })),
    );
    const saw = await Promise.all(
      hosts.map((host) =>
        probeHttp(
          {
            url: `https://${host.includes(":") ? `[${host}]` : host}:${port}/`,
            address: "127.0.0.1",
            trust: { caFiles: [roots], only: true, skipVerify: false },
          },
          tools,
        ),
      ),
    );
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return hosts.map((host, index) => {
      const [go, ours] = [said[index], saw[index]];
      return {
        certificate: title,
        host,
        go: CODES[go?.class ?? "none"] ?? go?.class,
        ours: ours?.ok ? "good" : ours?.code,
        said: go?.message,
        saw: ours?.ok ? "" : ours?.message,
      };
    });
  };

  /** Where OpenSSL is stricter than Go in a way that Node shows no way around. All of them err on the side of a fault. */
  const KNOWN = [
    // The name in the certificate ends with a dot, and the URL's too: that dot is cut off here.
    { certificate: "final dot", host: "lapi.test.", go: "good", ours: "tls-wrong-host" },
    // OpenSSL cannot be told not to ask what the key may do, and says nothing else then.
    {
      certificate: "self-signed, an authority that only signs, trusted",
      host: "lapi.test",
      go: "good",
      ours: "tls-untrusted",
    },
    // To Go such an identifier is a hint only.
    { certificate: "another authority's key identifier", host: "lapi.test", go: "good", ours: "tls-untrusted" },
  ];

  test("of real servers: what Go takes is taken, and what Go refuses is refused for the same reason", async () => {
    const pairs = (await Promise.all(certificates.cases.map(judged))).flat();
    expect(pairs.length).toBeGreaterThanOrEqual(150);
    const different = pairs.filter(({ go, ours }) => go !== ours);
    expect(different).toEqual(KNOWN.map((known) => expect.objectContaining(known)));
  });
});

describe("names, beside net.Resolver with PreferGo", () => {
  interface Said {
    readonly addresses: readonly string[];
    readonly class: string;
    readonly message: string;
  }

  /** What the lab's resolver knows besides, and how it fails. */
  const ZONE = [
    ...["A 10.77.1.11", "AAAA fd77:1::11"].map((record) => `local-data: "both.lab. 60 ${record}"`),
    ...[5, 1, 3].map((last) => `local-data: "many.lab. 60 A 10.77.1.${last}"`),
    'local-data: "v4.lab. 60 A 10.77.1.12"',
    'local-data: "v6.lab. 60 AAAA fd77:1::12"',
    'local-data: "text.lab. 60 TXT text"',
    'local-data: "my_name.lab. 60 A 10.77.1.13"',
    'local-data: "both.lab.example.lab. 60 A 10.77.1.14"',
    'local-data: "lab.lab. 60 A 10.77.1.15"',
    'local-data: "pinned.lab. 60 A 10.77.1.16"',
    'local-data: "name.local. 60 A 10.77.1.17"',
    'local-data: "dangling.lab. 60 CNAME nowhere.lab."',
    'local-zone: "refused.lab." always_refuse',
    'local-zone: "nodata.lab." always_nodata',
    'local-zone: "silent.lab." deny',
    ...["servfail.lab", "chain.lab"].map((name) => `local-zone: "${name}." always_transparent`),
    // Not of the server any more, so they come last.
    ...["forward-zone:", 'name: "servfail.lab."', "forward-addr: 127.0.0.1@9"],
    ...["auth-zone:", 'name: "chain.lab."', "zonefile: /etc/unbound/chain.zone", "for-downstream: no"],
  ];
  /** Aliases, followed by the resolver. */
  const CHAIN = [
    "$ORIGIN chain.lab.",
    ...["@ 60 SOA ns.chain.lab. root.chain.lab. 1 60 60 60 60", "@ 60 NS ns.chain.lab.", "ns 60 A 10.77.0.53"],
    ...["one 60 CNAME two", "two 60 CNAME both", "both 60 A 10.77.1.18", "both 60 AAAA fd77:1::18"],
    ...["to-six 60 CNAME six", "six 60 AAAA fd77:1::19"],
    ...[
      "to-text 60 CNAME text",
      'text 60 TXT "text"',
      "to-nowhere 60 CNAME nowhere",
      "loop 60 CNAME pool",
      "pool 60 CNAME loop",
    ],
  ];

  const HOSTS = [
    "10.77.1.40 pinned.lab Short",
    "fd77:1::40 pinned6.lab",
    "fd77:1::41 twice.lab",
    "10.77.1.41 twice.lab # and no more",
    "10.77.1.42\tdotted.lab. name.local",
    "10.77.1.999 broken.lab",
    "# 10.77.1.43 comment.lab",
    "fe80::1%lo zoned.lab",
  ];

  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const writeTo = (path: string, lines: readonly string[]): string =>
    `printf '%s\\n' ${lines.map(quoted).join(" ")} >${path}`;

  /** Milliseconds between two ICMP messages of a host that has no DNS service: a kernel keeps some of them back. */
  const limitRefusals = (between: string): Promise<string> =>
    on("lapi", `for f in ipv4/icmp_ratelimit ipv6/icmp/ratelimit; do echo ${between} >/proc/sys/net/$f; done`);

  beforeAll(async () => {
    await on(
      "resolver",
      `${writeTo(">/etc/unbound/lab-zone.conf", ZONE)}; ${writeTo("/etc/unbound/chain.zone", CHAIN)}`,
    );
    await lab("stop", "resolver", "unbound");
    await lab("start", "resolver", "unbound");
    await lab("wait", "resolver", "127.0.0.1", "53");
    await on("fresh", writeTo(">/etc/hosts", HOSTS));
    await limitRefusals("0");
  });
  afterAll(async () => {
    await limitRefusals("1000");
    await lab("restore");
  });

  /** The same on the tool's side, by its own files: what a run would do, on that host. */
  const PROGRAM = `
    import { probeDns } from "${process.cwd()}/dist/src/probes/dns.js";
    import { loadResolver } from "${process.cwd()}/dist/src/probes/resolver.js";
    import { readFileSync } from "node:fs";
    const names = readFileSync(process.argv[2], "utf8").split("\\n").filter(Boolean).map((line) => JSON.parse(line).name);
    const resolver = await loadResolver();
    const limits = { timeoutMs: 60_000, signal: AbortSignal.timeout(100_000) };
    for (const name of names) console.log(JSON.stringify(await probeDns({ name }, resolver, limits)));
  `;

  const CLASSES: Readonly<Record<string, string>> = {
    "dns-nxdomain": "not-found",
    "dns-nodata": "not-found",
    "dns-timeout": "timeout",
    "dns-servfail": "misbehaving",
    "dns-refused": "misbehaving",
    "dns-no-resolver": "no-service",
    "dns-unreachable": "no-service",
  };

  /** One way to write each address. */
  const sorted = (addresses: readonly string[]): readonly string[] =>
    addresses.map((address) => String(parseIp(address) ?? address)).sort();

  /** Of several nameservers that fail in different ways Go names the last, and the tool the one to look at. */
  const told = (answer: unknown): unknown => (typeof answer === "string" && answer !== "not-found" ? "failed" : answer);

  /** Both on host `fresh`, by the files that it has at the moment. */
  const compared = async (names: readonly string[], isSingle: boolean) => {
    const questions = folder.write("names", asLines(names.map((name) => ({ name }))));
    const [go, ours] = await Promise.all([
      on("fresh", `${program} resolve <${questions}`),
      on("fresh", `${process.execPath} ${folder.write("resolve.mjs", PROGRAM)} ${questions}`),
    ]);
    const said = fromLines<Said>(go);
    const saw = fromLines<DnsObservation>(ours);
    return names.map((name, index) => {
      const [theirs, own] = [said[index], saw[index]];
      // With nothing to ask, Go 1.19 finds no address and says no word; Go since calls that "no such host".
      const go = theirs?.class || (theirs?.addresses.length === 0 ? "not-found" : sorted(theirs?.addresses ?? []));
      const found = own?.ok ? sorted(own.addresses.map(({ address }) => address)) : own && CLASSES[own.code];
      return {
        name,
        go: isSingle ? go : told(go),
        ours: isSingle ? found : told(found),
        said: theirs?.message,
        saw: own?.ok ? own.from : own?.message,
      };
    });
  };

  const expectAlike = async (
    names: readonly string[],
    { isSingle = true, known = [] }: { readonly isSingle?: boolean; readonly known?: readonly string[] } = {},
  ): Promise<void> => {
    const pairs = await compared(names, isSingle);
    const different = pairs.filter(({ go, ours }) => !isDeepStrictEqual(go, ours));
    expect(different).toEqual(known.map((name) => expect.objectContaining({ name })));
    // Neither side may have failed as a whole.
    expect(new Set(pairs.map(({ go }) => JSON.stringify(go))).size).toBeGreaterThanOrEqual(Math.min(2, names.length));
  };

  const NAMES = [
    ...["both.lab", "both.lab.", "BOTH.Lab", "many.lab", "v4.lab", "v6.lab", "text.lab", "my_name.lab", "both"],
    ...[
      "one.chain.lab",
      "to-six.chain.lab",
      "to-text.chain.lab",
      "to-nowhere.chain.lab",
      "loop.chain.lab",
      "dangling.lab",
      "nodata.lab",
      "nowhere.lab",
      "nowhere",
      "lab",
      "lab.",
    ],
    ...["both.lab.example", "api.crowdsec.net", "api.crowdsec.net.", "name.local", "other.local"],
    ...[
      "pinned.lab",
      "PINNED.lab",
      "pinned.lab.",
      "pinned6.lab",
      "twice.lab",
      "dotted.lab",
      "dotted.lab.",
      "broken.lab",
    ],
    ...["comment.lab", "zoned.lab", "short", "Short", "short.", "short.lab"],
    ...["localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.lab"],
    ...[
      "10.0.0.5",
      "::1",
      "2001:DB8::5",
      "::ffff:10.0.0.5",
      "fe80::1%eth0",
      "[::1]",
      "10.0.0.5.",
      "010.0.0.5",
      "127.1",
      "10.0.0",
    ],
    ...[
      "123",
      "0x7f000001",
      "1.lab",
      "a..lab",
      ".both.lab",
      ".",
      "-a.lab",
      "a-.lab",
      "a b.lab",
      "*.lab",
      "both.lab..",
      "b\u00fccher.lab",
    ],
    ...[
      `${"a".repeat(63)}.lab`,
      `${"a".repeat(64)}.lab`,
      `${"a.".repeat(125)}lab`,
      `${"a.".repeat(127)}lab`,
      "name.onion",
    ],
  ];

  const SERVER = "nameserver 10.77.0.53";

  test.each<[string, readonly string[]]>([
    ["one nameserver", [SERVER]],
    ["a search list", [SERVER, "search example.lab lab"]],
    ["a search list, ndots 2", ["search lab", SERVER, "options ndots:2"]],
    ["a search list, ndots 0", ["search lab.", SERVER, "options ndots:0"]],
    ["a search list, ndots 15", ["search lab example.lab", SERVER, "options ndots:15"]],
    ["a domain", [SERVER, "domain lab"]],
    ["TCP only", [SERVER, "options use-vc"]],
    [
      "comments, tabs and unknown words",
      ["# nameserver 10.77.0.10", `${SERVER}\t`, "sortlist 10.0.0.0", "options rotate edns0 trust-ad"],
    ],
  ])("%s: every name gets the same answer", async (_what, lines) => {
    await on("fresh", writeTo("/etc/resolv.conf", lines));
    // Of the names without a dot inside, Go holds "short." apart from "short", which the hosts file has.
    await expectAlike(NAMES, { known: ["short."] });
  });

  test.each<[string, readonly string[], readonly string[]]>([
    [
      "a nameserver that fails for one name",
      [SERVER, "options timeout:1 attempts:1"],
      ["refused.lab", "servfail.lab", "silent.lab", "both.lab"],
    ],
    [
      "one that fails, asked twice",
      [SERVER, SERVER, "options timeout:1 attempts:2"],
      ["refused.lab", "servfail.lab", "both.lab"],
    ],
    [
      "one that fails, below a search list",
      [SERVER, "search lab", "options timeout:1 attempts:1"],
      ["refused", "refused.", "silent.x", "both"],
    ],
    [
      "a first one that is not there",
      ["nameserver 10.77.0.99", SERVER, "options timeout:1 attempts:1"],
      ["both.lab", "nowhere.lab", "text.lab"],
    ],
    [
      "a first one without a DNS service",
      ["nameserver 10.77.0.10", SERVER, "options timeout:1 attempts:1"],
      ["both.lab", "nowhere.lab", "text.lab", "one.chain.lab"],
    ],
    [
      "a first one over IPv6 without a DNS service",
      ["nameserver fd77:0::10", SERVER, "options timeout:1"],
      ["both.lab", "nowhere.lab"],
    ],
    [
      "none but one without a DNS service",
      ["nameserver 10.77.0.10", "options timeout:1 attempts:1"],
      ["both.lab", "pinned.lab"],
    ],
    [
      "none but one that is not there",
      ["nameserver 10.77.0.99", "options timeout:1 attempts:1"],
      ["both.lab", "pinned.lab"],
    ],
    ["no nameserver", ["search lab", "options timeout:1 attempts:1"], ["both.lab", "pinned.lab", "short"]],
    ["a broken nameserver's address", ["nameserver 10.77.53", "nameserver lab", SERVER], ["both.lab", "nowhere.lab"]],
  ])("%s: the same is lost and the same is found", async (_what, lines, names) => {
    await on("fresh", writeTo("/etc/resolv.conf", lines));
    const isSingle = lines.filter((line) => line.startsWith("nameserver")).length === 1;
    await expectAlike(names, { isSingle });
  });

  // Where nsswitch.conf has something unusual, Go 1.19 goes back to "files dns", and for a name in .local it always does.
  // Later Go does as the tool says: it keeps the order, and takes a module that it does not know for "dns".
  test.each<[string, readonly string[]]>([
    ["hosts: files dns", []],
    ["hosts: dns files", ["name.local"]],
    ["hosts: files", []],
    ["hosts: dns", ["name.local"]],
    ["hosts: files mdns4_minimal [NOTFOUND=return] dns", []],
    ["hosts: files myhostname", ["both.lab"]],
    ["hosts: resolve [!UNAVAIL=return] files dns", []],
    ["passwd: files", []],
  ])("nsswitch.conf with %j: the same order is kept, but for %j", async (line, known) => {
    await on("fresh", `${writeTo("/etc/resolv.conf", [SERVER])}; ${writeTo("/etc/nsswitch.conf", [line])}`);
    await expectAlike(["pinned.lab", "both.lab", "short", "nowhere.lab", "localhost", "name.local"], { known });
  });

  test("without the files themselves, the same is asked", async () => {
    await on("fresh", "rm /etc/resolv.conf /etc/nsswitch.conf");
    await expectAlike(["pinned.lab", "nowhere.lab"]);
  });
});
