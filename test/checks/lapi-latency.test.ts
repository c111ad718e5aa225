import { describe, expect, test } from "@jest/globals";
import lapiIdentity from "../../checks/lapi-identity.ts";
import check from "../../checks/lapi-latency.ts";
import type { HttpObservation, HttpRequest, Layer } from "../../src/model/observation.ts";
import type { LapiClient, Topology } from "../../src/model/topology.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { agentTo, bouncerTo, crowdsecWith, from, itself, routeBySocket, routeTo } from "../support/topology.ts";
import { failedWith, HEALTHY, lapiSays, recording } from "../support/world.ts";

const URL_HERE = "http://192.0.2.10:8080/";
const FILE = "/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf";
const LIMIT = from(500, `${FILE}:11`);
const nginx = (rest: Partial<LapiClient> = {}): LapiClient =>
  bouncerTo(routeTo(URL_HERE), {
    name: "crowdsec-nginx-bouncer",
    path: FILE,
    neverProxied: "takes no proxy from the environment",
    limitMs: LIMIT,
    ...rest,
  });

/** The layers of an answer: connecting, and the rest of the time the answer. */
const layersOf = (connect: number, response: number): readonly Layer[] => [
  { phase: "connect", ok: true, durationMs: connect },
  { phase: "response", ok: true, durationMs: response },
];

/** A Local API whose answers take these milliseconds, one after the other; the last one goes on. */
const taking = (...times: readonly (number | HttpObservation)[]): World => {
  let count = 0;
  return {
    ...HEALTHY,
    http: (): HttpObservation => {
      const time = times[Math.min(count, times.length - 1)] ?? 0;
      count += 1;
      if (typeof time !== "number") return time;
      return { ...lapiSays("cookie token is empty"), elapsedMs: time, layers: layersOf(0, time) };
    },
  };
};
const asking = (client: LapiClient, ...times: readonly (number | HttpObservation)[]): Given => ({
  topology: { clients: [client] },
  world: taking(...times),
});

const AGENT = agentTo(routeTo(URL_HERE));

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "lapi-too-slow": ["response", "fail", "remote-service", asking(nginx(), 700)],
  "lapi-slow": ["response", "warn", "remote-service", asking(AGENT, 1200)],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("a bouncer with a limit", () => {
  test.each([
    [[12, 900, 700], "warn"],
    [[501, 501, 501], "fail"],
    [[501, 501, 500], "warn"],
    [[12, 12, 501], "warn"],
    [[251, 251, 12], "warn"],
    [[250, 250, 499], "pass"],
    [[12, 13, 11], "pass"],
  ])("whose Local API takes %p ms is a %s", async (times, status) => {
    expect((await findingOf(check, asking(nginx(), ...times))).status).toBe(status);
  });

  test("that is kept passes with the median and the limit", async () => {
    expect((await findingOf(check, asking(nginx(), 30.4, 9.96, 12.3))).summary).toBe(
      `${check.title}: median 12 ms of 3, crowdsec-nginx-bouncer gives up after 500 ms (${FILE}:11)`,
    );
  });

  test("that is not is told with every time, and with the line to change", async () => {
    const { summary, remedy, fault } = await findingOf(check, asking(nginx(), 700, 900, 800));
    expect(summary).toBe(
      `192.0.2.10:8080 takes 800 ms (median of 700, 900, 800 ms), and crowdsec-nginx-bouncer gives up after 500 ms (${FILE}:11): all of 3 took longer`,
    );
    expect(fault?.message).toBe("700, 900, 800 ms");
    expect(remedy[0]?.commands).toEqual([`grep -sn REQUEST_TIMEOUT ${FILE} ${FILE}.local`]);
  });

  test("applies it to each step anew, as nginx does: two that keep it are no fault, whatever they add up to", async () => {
    const steps = (connect: number, response: number): HttpObservation => ({
      ...lapiSays("cookie token is empty"),
      elapsedMs: connect + response,
      layers: layersOf(connect, response),
    });
    expect((await findingOf(check, asking(nginx(), steps(240, 240)))).status).toBe("pass");
    const slow = await findingOf(check, asking(nginx(), steps(600, 10)));
    expect([slow.status, slow.blame?.party]).toEqual(["fail", "network"]);
  });

  test("never learns what comes after it: silence until the probe gives up is too slow", async () => {
    const silent = failedWith("http-timeout", {
      elapsedMs: 5003,
      layers: [
        { phase: "connect", ok: true, durationMs: 3 },
        { phase: "response", ok: false, durationMs: 5000 },
      ],
    });
    const { status, fault } = await findingOf(check, asking(nginx(), silent));
    expect([status, fault?.code, fault?.message]).toEqual(["fail", "lapi-too-slow", "5000, 5000, 5000 ms"]);
  });

  test("longer than the probe waits is not known to be kept or not", async () => {
    const silent = failedWith("http-timeout", { elapsedMs: 5000 });
    const client = nginx({ limitMs: from(15_000, `${FILE}:11`) });
    expect(await findingOf(check, asking(client, silent))).toMatchObject({
      status: "unknown",
      reason: "the system's words for http-timeout",
    });
  });
});

describe("AppSec", () => {
  const listen: Topology["listen"] = {
    tls: false,
    appsec: [from({ host: "127.0.0.1", port: 7422 }, "/etc/crowdsec/acquis.yaml:9")],
  };
  const appsec = (version: Given["version"], ...times: readonly number[]): Given => ({
    ...(version && { version }),
    topology: { clients: [AGENT], listen },
    world: taking(...times),
  });

  test("gives up after 200 ms, in the agent's place", async () => {
    const { status, summary, remedy } = await findingOf(check, appsec([1, 7, 8], 201));
    expect(status).toBe("fail");
    expect(summary).toContain("AppSec (/etc/crowdsec/acquis.yaml:9) gives up after 200 ms: all of 3 took longer");
    expect(remedy.map(({ text }) => text).join()).not.toContain("REQUEST_TIMEOUT");
    expect((await findingOf(check, appsec([1, 6, 0], 100))).summary).toContain(
      "median 100 ms of 3, AppSec (/etc/crowdsec/acquis.yaml:9) gives up after 200 ms",
    );
  });

  test("has its limit in an engine that nobody knows the version of, and none before there was an AppSec", async () => {
    expect((await findingOf(check, appsec(undefined, 300))).status).toBe("fail");
    expect((await findingOf(check, appsec([1, 5, 5], 300))).status).toBe("pass");
  });

  test("counts the whole time, unlike nginx", async () => {
    const answer = { ...lapiSays("cookie token is empty"), elapsedMs: 210, layers: layersOf(105, 105) };
    const given = { topology: { clients: [AGENT], listen }, world: taking(answer) };
    expect((await findingOf(check, given)).status).toBe("fail");
  });

  test("goes past the proxy that the agent takes", async () => {
    const proxied = async (given: Topology["listen"]) => {
      const { world, requests } = recording();
      const components = [crowdsecWith({ HTTP_PROXY: "http://proxy.corp:3128" })];
      await findingOf(check, { world, topology: { clients: [AGENT], listen: given, components } });
      return requests.map(({ proxy }) => proxy?.shown);
    };
    expect(await proxied({ ...listen, appsec: [] })).toEqual([1, 2, 3].map(() => "http://proxy.corp:3128"));
    expect(await proxied(listen)).toEqual([undefined, undefined, undefined]);
  });

  test("is no limit of cscli, nor of a bouncer", async () => {
    for (const client of [agentTo(routeTo(URL_HERE), { name: "cscli" }), bouncerTo(routeTo(URL_HERE))]) {
      const given = { topology: { clients: [client], listen }, world: taking(300) };
      expect((await findingOf(check, given)).status).toBe("pass");
    }
  });
});

describe("a client without a limit", () => {
  test.each([
    [1000, "pass"],
    [1001, "warn"],
  ])("whose Local API takes %d ms is a %s", async (time, status) => {
    expect((await findingOf(check, asking(AGENT, time))).status).toBe(status);
  });

  test("passes with the median, and it is said that it would wait", async () => {
    expect((await findingOf(check, asking(AGENT, 3, 2.25, 9))).summary).toBe(
      `${check.title}: median 3 ms of 3; this client sets itself no limit`,
    );
  });
});

describe("what is asked", () => {
  const latencyOnly = async (client: LapiClient): Promise<readonly HttpRequest[]> => {
    const { world, requests } = recording();
    await findingOf(check, { world, topology: { clients: [client] } });
    return requests;
  };

  test("is the Local API, three times anew, without any credentials", async () => {
    const requests = await latencyOnly(nginx());
    expect(requests.map(({ url }) => url)).toEqual([1, 2, 3].map(() => `${URL_HERE}v1/heartbeat`));
    expect(new Set(requests.map(({ look }) => look)).size).toBe(3);
    expect(requests.every(({ look, headers, body }) => look !== undefined && !headers && !body)).toBe(true);
  });

  test("goes by the socket, where the client does", async () => {
    const requests = await latencyOnly(agentTo(routeBySocket("/run/crowdsec.sock")));
    expect(requests.map(({ address }) => address)).toEqual([1, 2, 3].map(() => "/run/crowdsec.sock"));
  });

  test("is nothing where another service answers: what that takes is no latency of a Local API", async () => {
    const world = { ...HEALTHY, http: () => failedWith("http-invalid") };
    const { findings } = await runIn([lapiIdentity, check], { world, topology: { clients: [nginx()] } });
    expect(findings.find(({ id }) => id === check.id)).toMatchObject({ status: "skip" });
  });

  test("is each client by itself; the Local API does not ask itself", async () => {
    const clients = [itself(), AGENT, nginx()];
    const { findings } = await runIn([check], { topology: { clients } });
    expect(findings.map(({ instance }) => instance)).toEqual([
      "lapi-latency@agent",
      "lapi-latency@crowdsec-nginx-bouncer",
    ]);
  });

  test("ends at the first look that gets no answer", async () => {
    const refused = failedWith("tcp-refused");
    expect(await findingOf(check, asking(nginx(), 10, refused))).toMatchObject({
      status: "unknown",
      reason: "the system's words for tcp-refused",
    });
  });
});
