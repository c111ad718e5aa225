import type { Answer, Check, Evidence, Verdict } from "../model/check.ts";
import { remediesFor } from "../model/remedy.ts";
import type {
  AddressResult,
  Blame,
  Finding,
  FindingCertificate,
  FindingFault,
  FindingLayer,
  Status,
  Target,
  Vantage,
} from "../model/report.ts";
import { fill, printable } from "../model/text.ts";
import { environmentOf, hasRole, type Topology } from "../model/topology.ts";

const layersOf = ({ dns, tcp, http, socket, database, peer, route }: Evidence): FindingLayer[] => {
  const layers: FindingLayer[] = [];
  const whose = route?.via === "proxy" ? "the proxy: " : "";
  if (dns) {
    const detail = dns.ok
      ? `${whose}${dns.addresses.map(({ address }) => address).join(", ")} from ${dns.from}`
      : `${whose}${dns.message}`;
    layers.push({ phase: "resolve", ok: dns.ok, durationMs: dns.elapsedMs, detail });
  }
  if (tcp && tcp.length > 0) {
    // Of several addresses the quickest speaks for the layer; when none connects, the one that took longest.
    const [quickest] = tcp.filter(({ saw }) => saw.ok).sort((a, b) => a.saw.elapsedMs - b.saw.elapsedMs);
    const [slowest] = [...tcp].sort((a, b) => b.saw.elapsedMs - a.saw.elapsedMs);
    const told = quickest ?? slowest;
    if (told)
      layers.push({
        phase: "connect",
        ok: told.saw.ok,
        durationMs: told.saw.elapsedMs,
        detail: `${whose}${told.saw.ok ? told.at.address : `${told.at.address}: ${told.saw.message}`}`,
      });
  }
  if (socket)
    layers.push({
      phase: "connect",
      ok: socket.ok,
      durationMs: socket.elapsedMs,
      ...(!socket.ok && { detail: socket.message }),
    });
  layers.push(...(database?.layers ?? []));
  // Its own connection repeats the layer above, unless that is where it failed.
  const further = [...(http?.layers ?? []), ...(peer?.layers ?? [])].filter(
    ({ phase, ok }) => phase !== "connect" || !ok,
  );
  return [...layers, ...further];
};

const addressesOf = ({ tcp }: Evidence): AddressResult[] | undefined =>
  tcp?.map(({ at: { address, family }, saw }) => ({
    address,
    family,
    ok: saw.ok,
    ...(!saw.ok && { code: saw.code }),
    durationMs: saw.elapsedMs,
    ...(saw.source !== undefined && { source: saw.source }),
  }));

const certificateOf = ({ http, peer }: Evidence): FindingCertificate | undefined => {
  const seen = http?.tls ?? (peer?.ok ? peer.tls : undefined);
  return seen && { issuer: seen.issuer, validFrom: seen.validFrom, validTo: seen.validTo };
};

const LOOPBACK = /^(127\.|::1$)/;

const wayOf = ({ route, dns, tcp }: Evidence): Pick<Vantage, "route" | "proxy" | "noProxy"> => {
  if (route?.via === "proxy") return { route: "proxy", proxy: route.proxy.shown };
  const dialed = tcp?.[0]?.at;
  if (dns === undefined || (dialed && LOOPBACK.test(dialed.address))) return { route: "local" };
  const exempt = route?.via === "direct" && route.because === "no-proxy" ? route.detail : undefined;
  return { route: "direct", ...(exempt !== undefined && { noProxy: exempt }) };
};

const vantageOf = (check: Check, evidence: Evidence, topology: Topology): Vantage => {
  const role = check.roles.find((candidate) => hasRole(topology, candidate));
  const { component, tcp } = evidence;
  const environment = environmentOf(component)?.origin;
  // Of the addresses that connect, one of IPv6, as Go does.
  const [used = tcp?.[0]] = (tcp ?? []).filter(({ saw }) => saw.ok).sort((a, b) => b.at.family - a.at.family);
  return {
    ...(role && { role }),
    user: topology.user,
    ...(topology.namespace !== undefined && { namespace: topology.namespace }),
    ...(component && environment !== undefined && { env: `${component.name}: ${environment}` }),
    ...wayOf(evidence),
    ...(used && { family: used.at.family }),
  };
};

/** Sentences that say how far it got: the evidence of a blame. */
const told = (layers: readonly FindingLayer[]): string[] =>
  layers.map(({ phase, ok, durationMs, detail }) =>
    printable(`${phase} ${ok ? "ok" : "failed"} after ${Math.round(durationMs)} ms${detail ? `: ${detail}` : ""}`),
  );

interface Made {
  readonly status: Status;
  readonly summary: string;
  readonly fault?: FindingFault;
  readonly blame?: Blame;
  readonly remedy: Finding["remedy"];
  readonly reason?: string;
}

const make = (check: Check, verdict: Verdict, layers: readonly FindingLayer[], { system }: Topology): Made => {
  if (verdict.status === "pass")
    return { status: "pass", summary: verdict.note ? `${check.title}: ${verdict.note}` : check.title, remedy: [] };
  if (verdict.status !== "fault") {
    const { status, reason, stack } = verdict;
    return {
      status,
      summary: reason,
      reason,
      remedy: [],
      ...(stack !== undefined && { fault: { code: "internal-error", phase: "host", message: stack } }),
    };
  }
  const fault = check.faults[verdict.fault];
  if (fault === undefined) throw new Error(`check ${check.id} has no fault ${verdict.fault}`);
  const { failed, data } = verdict;
  const summary = [fill(fault.says, data), ...(verdict.also ?? [])].join("; ");
  const { httpStatus } = verdict;
  return {
    status: (verdict.severity ?? fault.severity) === "warning" ? "warn" : "fail",
    summary,
    fault: {
      code: verdict.fault,
      phase: failed?.phase ?? fault.phase ?? PHASE_OF_ANSWER[verdict.fault] ?? "host",
      message: failed?.message ?? verdict.message ?? summary,
      ...(failed?.errno !== undefined && { errno: failed.errno }),
      ...(failed?.tlsCode !== undefined && { tlsCode: failed.tlsCode }),
      ...(failed?.sqlState !== undefined && { sqlState: failed.sqlState }),
      ...(httpStatus !== undefined && { httpStatus }),
    },
    blame: {
      party: verdict.blame?.party ?? fault.blame,
      confidence: verdict.blame?.confidence ?? fault.confidence ?? "likely",
      evidence: [...(verdict.blame?.evidence ?? []), ...told(layers)],
    },
    remedy: remediesFor([...fault.remedy, ...(verdict.remedy ?? [])], { when: verdict.when, data, system }),
  };
};

/** Codes of the closed list that a check reads out of an answer, not out of a failed probe. */
const PHASE_OF_ANSWER: Readonly<Record<string, FindingFault["phase"]>> = {
  "http-status": "response",
  "http-redirect": "response",
  "http-invalid": "response",
  "identity-mismatch": "response",
};

const isMany = (answer: Answer): answer is Extract<Answer, readonly unknown[]> => Array.isArray(answer);

export interface Asked {
  /** What was asked, of a check with targets. */
  readonly target?: string;
  /** The instances because of which it was not asked. */
  readonly because?: readonly string[] | undefined;
}

/** A check's answer as findings: one, or one for each target. */
export const toFindings = (
  check: Check,
  answer: Answer,
  topology: Topology,
  { target: asked = "", because }: Asked = {},
): readonly Finding[] => {
  const finding = (name: string, verdict: Verdict): Finding => {
    const evidence = verdict.evidence ?? {};
    const layers = layersOf(evidence);
    const addresses = addressesOf(evidence);
    const certificate = certificateOf(evidence);
    const target: Target | undefined = evidence.target;
    return {
      id: check.id,
      instance: name === "" ? check.id : `${check.id}@${name}`,
      title: check.title,
      ...(target && { target }),
      vantage: vantageOf(check, evidence, topology),
      layers,
      ...(addresses && { addresses }),
      ...(certificate && { certificate }),
      ...make(check, verdict, layers, topology),
      ...(because && { because }),
    };
  };
  if (!isMany(answer)) return [finding(asked, answer)];
  return answer.map(({ target, verdict }) => finding(target, verdict));
};
