import { describe, expect, test } from "@jest/globals";
import check from "../../checks/tls-inspection.ts";
import type { HttpAnswered, HttpObservation, HttpRequest } from "../../src/model/observation.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, runIn } from "../support/run.ts";
import { from } from "../support/topology.ts";
import { answered, CERTIFICATE, failedWith, failingAt, HEALTHY } from "../support/world.ts";

const BOX = { ...CERTIFICATE, issuer: "O=Corp, CN=Corp Inspection CA", publicAuthority: false };

const hostOf = ({ url }: HttpRequest): string => new URL(url).hostname;

/** The box opens the connections to these hosts; this system trusts it. */
const inspecting = (opens: (host: string) => boolean): World => ({
  ...HEALTHY,
  http: (request): HttpObservation => {
    const saw = HEALTHY.http(request) as HttpAnswered;
    return opens(hostOf(request)) ? { ...saw, tls: BOX } : saw;
  },
});
const EVERYWHERE = inspecting(() => true);

/** The same box, whose authority this system does not know. */
const UNTRUSTED: World = {
  ...HEALTHY,
  http: () => failedWith("tls-untrusted", { tls: BOX }),
};

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "tls-inspected": ["handshake", "warn", "network", { world: EVERYWHERE }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("a box that opens TLS", () => {
  test("everywhere is told once, with its issuer and on how many hosts it was seen", async () => {
    const { instance, summary, blame } = await findingOf(check, { world: EVERYWHERE });
    expect(instance).toBe("tls-inspection");
    expect(summary).toMatch(
      /^TLS is opened on the way: O=Corp, CN=Corp Inspection CA signed the certificates of (\d+) of \1 hosts, where a public authority should have; CrowdSec accepts that, since the system's CA store does$/,
    );
    expect(blame?.evidence).toContain("api.crowdsec.net: signed by O=Corp, CN=Corp Inspection CA");
  });

  test("with exemptions is told with the hosts that are exempt", async () => {
    const world = inspecting((host) => host !== "api.crowdsec.net");
    const { summary, blame } = await findingOf(check, { world });
    const [, seen, asked] = /of (\d+) of (\d+) hosts/.exec(summary) ?? [];
    expect(Number(seen)).toBe(Number(asked) - 1);
    expect(summary).toContain("(exempt: api.crowdsec.net)");
    expect(blame?.evidence.filter((sentence) => sentence.startsWith("api.crowdsec.net"))).toEqual([]);
  });

  test("that this system does not trust is one warning more beside the failed hosts, and names the way to mend it", async () => {
    const { status, summary, remedy } = await findingOf(check, { world: UNTRUSTED });
    expect(status).toBe("warn");
    expect(summary).toContain("CrowdSec refuses that, since the system's CA store does not hold that authority");
    expect(remedy.flatMap(({ commands = [] }) => commands)).toContain("update-ca-certificates");
    expect(remedy.at(-1)?.text).toContain("exempt *.crowdsec.net");
  });

  test("is to leave CrowdSec's names alone, and the others that it opens by name", async () => {
    const opened = (world: World) => findingOf(check, { world }).then(({ remedy }) => remedy.at(-1)?.text);
    expect(await opened(inspecting((host) => host.endsWith("crowdsec.net")))).toContain(
      "exempt *.crowdsec.net from it",
    );
    const bucket = "crowdsec-statics-assets.s3-eu-west-1.amazonaws.com";
    expect(await opened(inspecting((host) => host === bucket))).toContain(`exempt ${bucket} from it`);
    expect(await opened(EVERYWHERE)).toMatch(/exempt \*\.crowdsec\.net, \S+\.amazonaws\.com/);
  });

  test("that is trusted for some hosts only is not called trusted", async () => {
    const world: World = {
      ...EVERYWHERE,
      http: (request) =>
        hostOf(request) === "api.crowdsec.net"
          ? failedWith("tls-untrusted", { tls: BOX })
          : (EVERYWHERE.http?.(request) ?? answered()),
    };
    expect((await findingOf(check, { world })).summary).toContain("CrowdSec refuses that");
  });

  test("whose certificate has expired is not said to be of an authority that this system lacks", async () => {
    const world: World = { ...EVERYWHERE, http: () => failedWith("tls-expired", { tls: BOX }) };
    expect((await findingOf(check, { world })).summary).not.toContain("does not hold that authority");
  });

  test("and then stays silent was trusted all the same", async () => {
    const world: World = { ...HEALTHY, http: () => failedWith("http-timeout", { tls: BOX }) };
    expect((await findingOf(check, { world })).summary).toContain("CrowdSec accepts that");
  });

  test("with several authorities is told with each of them, once", async () => {
    const other = { ...BOX, issuer: "CN=Second box" };
    const world: World = {
      ...HEALTHY,
      http: (request) => answered({ tls: hostOf(request) === "api.crowdsec.net" ? other : BOX }),
    };
    expect((await findingOf(check, { world })).summary).toMatch(
      /: (\S.+ and CN=Second box|CN=Second box and .+) signed/,
    );
  });

  test("is the proxy, where all that it opened went through one", async () => {
    const layers = [
      { phase: "connect", ok: true, durationMs: 1 },
      { phase: "proxy", ok: true, durationMs: 1 },
    ] as const;
    const world: World = { ...HEALTHY, http: () => answered({ tls: BOX, layers }) };
    expect((await findingOf(check, { world })).blame?.party).toBe("proxy");
  });
});

test("without any the pass says how many hosts have shown a public authority's certificate", async () => {
  const { status, summary } = await findingOf(check, {});
  expect(status).toBe("pass");
  expect(summary).toMatch(/: [1-9]\d* hosts, all signed by public authorities$/);
});

test("a mirror of one's own with a certificate of one's own is no inspection", async () => {
  const world = inspecting((host) => host === "hub.corp.example");
  const hubTemplate = from("https://hub.corp.example/%s/%s", "/etc/crowdsec/config.yaml:30");
  const { findings, asked } = await runIn([check], { world, topology: { hubTemplate } });
  expect(asked.join("\n")).toContain("http GET https://hub.corp.example/");
  expect(findings[0]?.status).toBe("pass");
});

test("where no handshake was seen, nothing is judged", async () => {
  expect(await findingOf(check, { world: failingAt("tcp-refused") })).toMatchObject({
    status: "skip",
    reason: "not applicable: none of the outgoing hosts has shown a certificate",
  });
});
