import { type AllowList, type InRule, isIn, isOut, type OutRule } from "./rule.ts";
import { commented, FLAG, familyOfRange, PLACEHOLDER, placeOf, preamble, quotable, WHO } from "./words.ts";

interface Step {
  /** What follows `ufw`. */
  readonly rule: string;
  readonly about: string;
}

const outSteps = (rule: OutRule): readonly Step[] =>
  rule.protocols.flatMap((protocol) =>
    rule.addresses.map(({ address }) => ({
      rule: `allow out proto ${protocol} to ${address} port ${rule.port}`,
      about: `crowdsec: ${placeOf(rule)}`,
    })),
  );

const inSteps = ({ addresses, port, from, clients }: InRule): readonly Step[] => {
  const sources = from.length > 0 ? from : [PLACEHOLDER[clients]];
  return sources.flatMap((source) => {
    const own = addresses.filter(({ family }) => from.length === 0 || family === familyOfRange(source));
    const at = addresses.length === 0 ? ["any"] : own.map(({ address }) => address);
    return at.map((to) => ({ rule: `allow in proto tcp from ${source} to ${to} port ${port}`, about: "crowdsec" }));
  });
};

const command = ({ rule, about }: Step): string => `ufw ${rule} comment '${quotable(about, 80)}'`;
const undo = ({ rule }: Step): string => `# ufw delete ${rule}`;

const CLOSE = [
  "These rules open; only a default closes. The next line closes EVERYTHING ELSE THAT GOES OUT FROM THIS HOST (updates, mail, backups, NTP): take its # away when that is meant. ssh, which comes in, is answered all the same.",
];
const CLOSING = ["# ufw allow out proto udp to any port 67,123,547", "# ufw default deny outgoing"];
const OPENING = ["# ufw default allow outgoing", "# ufw delete allow out proto udp to any port 67,123,547"];

/** Commands for a shell, and at the end those that take them back. */
export const ufw = (list: AllowList): string => {
  const out = list.rules.filter(isOut);
  const inbound = list.rules.filter(isIn);
  const inward = inbound.flatMap((rule) => {
    const steps = inSteps(rule).map(command);
    const about = commented(["", rule.why]);
    if (rule.from.length > 0) return [...about, ...steps];
    const ask = `Put ${WHO[rule.clients]} in place of ${PLACEHOLDER[rule.clients]} (or use ${FLAG[rule.clients]} CIDR), and take the # away:`;
    return [...about, ...commented([ask]), ...steps.map((step) => `# ${step}`)];
  });
  return [
    ...commented([...preamble(list), ""]),
    "",
    ...out.flatMap((rule) => [
      ...commented([`${placeOf(rule)}: ${rule.components.join(", ")}: ${rule.why}`]),
      ...outSteps(rule).map(command),
    ]),
    ...inward,
    "",
    ...commented(CLOSE),
    ...CLOSING,
    "",
    "# Undo:",
    ...OPENING,
    ...[...out.flatMap(outSteps), ...inbound.flatMap(inSteps)].map(undo),
    "",
  ].join("\n");
};
