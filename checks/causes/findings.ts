import type { Finding } from "../../src/model/report.ts";
import { isOwnAddress, type Topology } from "../../src/model/topology.ts";

/** What the causes ask of a finding: small questions with one answer. */

export const isOutgoing = ({ id }: Finding): boolean => id.startsWith("outgoing-");
export const isLapi = ({ id }: Finding): boolean => id.startsWith("lapi-");

export const hasFailed = ({ status }: Finding): boolean => status === "fail";
/** It found something wrong, as a failure or a warning. */
export const isFaulty = ({ status }: Finding): boolean => status === "fail" || status === "warn";

export const codeOf = ({ fault }: Finding): string => fault?.code ?? "";
export const hasCode = (finding: Finding, ...codes: readonly string[]): boolean =>
  isFaulty(finding) && codes.includes(codeOf(finding));

export const hostOf = ({ target, instance }: Finding): string => target?.host ?? target?.path ?? instance;

/** Hosts in words, each once. */
export const hostsOf = (findings: readonly Finding[]): string => [...new Set(findings.map(hostOf))].join(", ");

export const isProxied = ({ vantage }: Finding): boolean => vantage.route === "proxy";

/** Of the outgoing list, asked straight from here. */
export const isDirect = (finding: Finding): boolean => isOutgoing(finding) && !isProxied(finding);

/** Whether any address of it took the connection. */
export const isConnected = ({ status, addresses = [] }: Finding): boolean =>
  status === "pass" || addresses.some(({ ok }) => ok);

/** Whether its name led to an address. */
export const isResolved = (finding: Finding): boolean =>
  isConnected(finding) || (isFaulty(finding) && finding.fault?.phase !== "resolve");

/** It was asked and judged: neither skipped nor cut off. */
export const isJudged = ({ status }: Finding): boolean => status === "pass" || status === "warn" || status === "fail";

/** The part of the instance behind the @; empty for a check without targets. */
export const nameOf = ({ id, instance }: Finding): string => instance.slice(id.length + 1);

/** What was asked there is a service of this host itself. */
export const isHere = ({ target, addresses = [] }: Finding, topology: Topology): boolean =>
  (target?.path !== undefined && target.host === undefined) ||
  addresses.some(({ address }) => isOwnAddress(topology, address));

/** Failures, and warnings with the same fault that would be gone with them: names that CrowdSec can do without. */
export const withWarnings = (failures: readonly Finding[], all: readonly Finding[]): readonly Finding[] => [
  ...failures,
  ...all.filter(
    (one) =>
      one.status === "warn" &&
      failures.some(
        (failure) =>
          isOutgoing(failure) === isOutgoing(one) &&
          codeOf(failure) === codeOf(one) &&
          failure.vantage.proxy === one.vantage.proxy,
      ),
  ),
];

/** Sentences that are enough as evidence; a report holds every finding in full. */
const MOST_TOLD = 4;

/** What several findings say, each sentence once. */
export const told = (findings: readonly Finding[]): readonly string[] =>
  [...new Set(findings.map(({ summary }) => summary))].slice(0, MOST_TOLD);
