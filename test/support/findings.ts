import type { Phase } from "../../src/model/observation.ts";
import type { Blame, Finding, Status } from "../../src/model/report.ts";

interface Overrides extends Partial<Omit<Finding, "blame" | "fault">> {
  readonly code?: string;
  readonly phase?: Phase;
  readonly blame?: Partial<Blame>;
}

/** A finding as the schema wants it, with no more in it than a test says. */
export const finding = (
  instance: string,
  status: Status,
  { code, phase = "connect", blame, ...rest }: Overrides = {},
): Finding => {
  const faulty = status === "fail" || status === "warn";
  const summary = rest.summary ?? `summary of ${instance}`;
  return {
    id: instance.split("@")[0] ?? instance,
    instance,
    title: `title of ${instance}`,
    status,
    summary,
    vantage: { user: "root", route: "direct" },
    layers: [],
    remedy: faulty ? [{ text: `Mend ${instance}.` }] : [],
    ...((faulty || code !== undefined) && {
      fault: { code: code ?? "tcp-timeout", phase, message: `message of ${instance}` },
    }),
    ...(faulty && {
      blame: { party: "network", confidence: "likely", evidence: [], ...blame },
    }),
    ...((status === "skip" || status === "unknown") && { reason: summary }),
    ...rest,
  };
};
