import { afterEach, expect, jest, test } from "@jest/globals";
import {
  environment,
  expectFault,
  findingOf,
  type Host,
  instancesOf,
  lab,
  on,
  PROXIES,
  preflight,
  preflightWith,
  rows,
  stopClients,
} from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

const HUB = ["outgoing-hub-legacy", "outgoing-hub-data", "outgoing-version"];
const CREDENTIALS = "/etc/crowdsec/local_api_credentials.yaml";

/** The engine again, with its log begun anew; resolves to what it logs of its first way to the Central API. */
const capiLog = async (variables: Readonly<Record<string, string>> = {}): Promise<string> => {
  await on("allinone", ": >/var/log/crowdsec.log");
  await environment("allinone", "crowdsec", variables);
  // The last that it opens.
  await lab("wait", "allinone", "127.0.0.1", "6060");
  return on(
    "allinone",
    "for i in $(seq 100); do grep -m 1 'capi metrics' /var/log/crowdsec.log && exit; sleep 0.05; done",
  );
};

/** What the lab's Central API answers the engine: it got there. */
const REACHED = /capi metrics: failed: API error: Missing Authentication Token/;

const trustInspector = (host: Host): Promise<string> =>
  on(host, "cat $LAB_STATE/ca/inspector.crt >>/etc/ssl/certs/ca-certificates.crt");

/** nginx of the internet shows another of the lab's certificates. */
const serve = async (certificate: string): Promise<void> => {
  await on("internet", `cp $LAB_STATE/ca/${certificate}.crt $LAB_STATE/ca/served.crt`);
  await lab("stop", "internet", "nginx");
  await lab("start", "internet", "nginx");
  await lab("wait", "internet", "127.0.0.1", "443");
};

test("TLS inspection with its CA in the system's store: CrowdSec works, and one warning names the issuer and how many hosts", async () => {
  await trustInspector("allinone");
  expect(await capiLog({ HTTPS_PROXY: PROXIES.inspecting })).toMatch(REACHED);
  const { report, exitCode } = await preflightWith("allinone", { HTTPS_PROXY: PROXIES.inspecting });
  expect(exitCode).toBe(0);
  for (const instance of ["outgoing-capi", ...HUB]) expect(findingOf(report, instance).status).toBe("pass");
  expect(instancesOf(report, "warn")).toEqual(["tls-inspection"]);
  expectFault(report, "tls-inspection", {
    status: "warn",
    phase: "handshake",
    code: "tls-inspected",
    party: "proxy",
    remedy: /./,
    summary: /CN=inspector CA.*\d+ of \d+/s,
  });
});

test("TLS inspection with a CA that the system does not trust: every host is untrusted, as it is for the engine", async () => {
  expect(await capiLog({ HTTPS_PROXY: PROXIES.inspecting })).toMatch(/x509: certificate signed by unknown authority/);
  const { report, exitCode } = await preflightWith("allinone", { HTTPS_PROXY: PROXIES.inspecting });
  expect(exitCode).toBe(2);
  for (const instance of ["outgoing-capi", ...HUB])
    expectFault(report, instance, {
      status: "fail",
      phase: "handshake",
      code: "tls-untrusted",
      party: "proxy",
      remedy: /add its CA to the system's store/,
      summary: /CN=inspector CA/,
    });
});

test("up to 1.5.1 the agent's ca_cert_path takes the system's place for the Central API too, and for nothing else", async () => {
  await on("allinone", `echo "ca_cert_path: $LAB_STATE/ca/stranger.crt" >>${CREDENTIALS}`);
  expect(await capiLog()).toMatch(/x509: certificate signed by unknown authority/);
  const { report } = await preflight("allinone");
  expectFault(report, "outgoing-capi", {
    status: "fail",
    phase: "handshake",
    code: "tls-untrusted",
    party: "configuration",
    remedy: /ca_cert_path/,
  });
  expect(findingOf(report, "outgoing-capi").vantage?.env).toMatch(/^crowdsec: process \d+/);
  for (const instance of HUB) expect(findingOf(report, instance).status).toBe("pass");
});

test("insecure_skip_verify of the client holds for the whole engine: it is said, and cscli's downloads are verified all the same", async () => {
  await on(
    "allinone",
    "sed -i 's/^api:/api:\\n  client:\\n    insecure_skip_verify: true/' /etc/crowdsec/config.yaml.local",
  );
  await serve("stranger-signed");
  expect(await capiLog()).toMatch(REACHED);
  const { report } = await preflight("allinone", "--only", "outgoing");
  expect(findingOf(report, "outgoing-capi")).toMatchObject({
    status: "pass",
    summary: expect.stringContaining("insecure_skip_verify"),
  });
  for (const instance of HUB)
    expect(findingOf(report, instance)).toMatchObject({ status: "fail", fault: { code: "tls-untrusted" } });
});

/** Host `lapi` over TLS with this certificate of the lab; its client `agent` goes there by https, with the lab's CA. */
const lapiOverTls = async (certificate: string, ...settings: readonly string[]): Promise<void> => {
  const tls = ["tls:", "  cert_file: /etc/crowdsec/tls.crt", "  key_file: /etc/crowdsec/tls.key", ...settings];
  const text = tls.map((line) => `"    ${line}"`).join(" ");
  await on(
    "lapi",
    `cp $LAB_STATE/ca/${certificate}.crt /etc/crowdsec/tls.crt && cp $LAB_STATE/ca/server.key /etc/crowdsec/tls.key &&
     printf '%s\\n' ${text} >/run/tls && sed -i '/listen_uri/r /run/tls' /etc/crowdsec/config.yaml.local && sed -i 's/http:/https:/' ${CREDENTIALS}`,
  );
  await on(
    "agent",
    `sed -i 's/http:/https:/' ${CREDENTIALS} && echo "ca_cert_path: $LAB_STATE/ca/lab.crt" >>${CREDENTIALS}`,
  );
  await lab("stop", "lapi", "crowdsec");
  await lab("start", "lapi", "crowdsec");
  await lab("wait", "lapi", "10.77.0.10", "8080");
};

const cscli = (): Promise<string> => on("agent", "cscli lapi status 2>&1 | tail -n 1");

test.each([
  {
    certificate: "othername",
    name: "for another name",
    told: { code: "tls-wrong-host", party: "configuration", summary: /portal\.example\.net/ },
  },
  {
    certificate: "commonname",
    name: "with a common name only",
    told: { code: "tls-no-san", party: "remote-service", summary: /common name/ },
  },
] as const)("a Local API with a certificate $name is refused, by cscli as here", async ({ certificate, told }) => {
  await lapiOverTls(certificate);
  expect(await cscli()).toMatch(/x509: /);
  const { report, exitCode } = await preflight("agent", "--only", "lapi");
  expect(exitCode).toBe(2);
  for (const client of ["agent", "cscli"])
    expectFault(report, `lapi-tls@${client}`, {
      status: "fail",
      phase: "handshake",
      remedy: /subject alternative name|subjectAltName|SAN/i,
      ...told,
    });
});

const REQUIRED = [
  "  ca_cert_path: $LAB_STATE/ca/lab.crt",
  "  client_verification: RequireAndVerifyClientCert",
  "  agents_allowed_ou: [agent-ou]",
  "  bouncers_allowed_ou: [bouncer-ou]",
];

/** Whether Go still reads the alert, or writes its request into a connection that is closed by then, is chance in TLS 1.3. */
const REFUSED = /tls: bad certificate|tls: unknown certificate authority|broken pipe|connection reset/;

test("a Local API that demands a client's certificate: the lack of one is told", async () => {
  await lapiOverTls("good", ...REQUIRED);
  expect(await cscli()).toMatch(REFUSED);
  const { report } = await preflight("agent", "--only", "lapi");
  expectFault(report, "lapi-tls@agent", {
    status: "fail",
    phase: "handshake",
    code: "tls-client-cert",
    party: "configuration",
    remedy: /cert_path/,
  });
});

/** The agent's own certificate, signed by this authority of the lab, in place of its password. */
const ownCertificate = (authority: "lab" | "stranger"): Promise<string> =>
  on(
    "agent",
    `cd /etc/crowdsec && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout client.key -out client.csr -subj /OU=agent-ou/CN=agent 2>/dev/null &&
     printf 'extendedKeyUsage=clientAuth\\n' >client.cnf &&
     openssl x509 -req -in client.csr -CA $LAB_STATE/ca/${authority}.crt -CAkey $LAB_STATE/ca/${authority}.key -set_serial 77 -days 300 -extfile client.cnf -out client.crt 2>/dev/null &&
     printf 'url: https://10.77.0.10:8080\\nca_cert_path: %s\\nkey_path: /etc/crowdsec/client.key\\ncert_path: /etc/crowdsec/client.crt\\n' $LAB_STATE/ca/lab.crt >${CREDENTIALS}`,
  );

test("with the client's own certificate the same Local API is reached, no password is missed, and no machine comes to be", async () => {
  await lapiOverTls("good", ...REQUIRED);
  await ownCertificate("lab");
  // Whoever logs in with a certificate becomes a machine there: with these two ended, every row is held against before.
  await stopClients();
  const { report } = await preflight("agent", "--only", "lapi,credentials");
  for (const what of ["reachable", "tls", "identity"])
    expect(findingOf(report, `lapi-${what}@agent`).status).toBe("pass");
  expect(findingOf(report, "credentials@agent").status).toBe("pass");
  expect(instancesOf(report, "fail", "warn")).toEqual([]);
  expect(await rows()).not.toMatch(/agent@10\.77\.0\.20/);
  expect(await cscli()).toMatch(/You can successfully interact/);
});

test("a client's certificate of another authority is refused, by cscli as here", async () => {
  await lapiOverTls("good", ...REQUIRED);
  await ownCertificate("stranger");
  expect(await cscli()).toMatch(REFUSED);
  const { report } = await preflight("agent", "--only", "lapi");
  expect(findingOf(report, "lapi-tls@agent")).toMatchObject({
    status: "fail",
    fault: { phase: "handshake", code: expect.stringMatching(/^tls-(client-cert|alert)$/) },
  });
});

test("an empty store of the system: untrusted for the engine, and the store itself is named", async () => {
  await on(
    "allinone",
    ": >/etc/ssl/certs/ca-certificates.crt; mkdir -p /var/lab/certs && mount --bind /var/lab/certs /etc/ssl/certs",
  );
  try {
    expect(await capiLog()).toMatch(/x509: certificate signed by unknown authority/);
    const { report } = await preflight("allinone", "--only", "trust-store,outgoing");
    expect(findingOf(report, "trust-store")).toMatchObject({ status: "fail", fault: { code: "no-ca-store" } });
    expect(["fail", "skip"]).toContain(findingOf(report, "outgoing-capi").status);
  } finally {
    await on("allinone", "umount /etc/ssl/certs");
  }
});
