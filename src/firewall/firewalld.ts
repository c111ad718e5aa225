import { type AllowList, type InRule, isIn, isOut, type OutRule } from "./rule.ts";
import { commented, FLAG, familyOfRange, PLACEHOLDER, placeOf, preamble, WHO } from "./words.ts";

const POLICY = "crowdsec-out";
const POLICY_COMMAND = `firewall-cmd --permanent --policy=${POLICY}`;

const outRules = ({ protocols, port, addresses }: OutRule): readonly string[] =>
  protocols.flatMap((protocol) =>
    addresses.map(
      ({ address, family }) =>
        `rule family="ipv${family}" destination address="${address}" port port="${port}" protocol="${protocol}" accept`,
    ),
  );

const inRules = ({ addresses, port, from, clients }: InRule): readonly string[] => {
  const sources = from.length > 0 ? from : [PLACEHOLDER[clients]];
  return sources.flatMap((source) => {
    const family = from.length > 0 ? familyOfRange(source) : (addresses[0]?.family ?? 4);
    const own = addresses
      .filter((each) => each.family === family)
      .map(({ address }) => ` destination address="${address}"`);
    return (addresses.length === 0 ? [""] : own).map(
      (at) => `rule family="ipv${family}" source address="${source}"${at} port port="${port}" protocol="tcp" accept`,
    );
  });
};

const addIn = (rule: string): string => `firewall-cmd --permanent --add-rich-rule='${rule}'`;
const RELOAD = "firewall-cmd --reload";

const CLOSE = [
  `So far nothing is closed. The next lines close EVERYTHING ELSE THAT GOES OUT FROM THIS HOST (updates, mail, backups): take their # away when that is meant. ssh, which comes in, is answered all the same. ICMP, DHCP and NTP stay open.`,
];
const CLOSING = [
  `# ${POLICY_COMMAND} --add-protocol=icmp`,
  `# ${POLICY_COMMAND} --add-protocol=ipv6-icmp`,
  ...[67, 123, 547].map((port) => `# ${POLICY_COMMAND} --add-port=${port}/udp`),
  `# ${POLICY_COMMAND} --set-target=DROP`,
];

/** Commands for a shell: a policy from this host to everywhere, rich rules for the default zone, and their undo. */
export const firewalld = (list: AllowList): string => {
  const out = list.rules.filter(isOut);
  const inbound = list.rules.filter(isIn);
  const inward = inbound.flatMap((rule) => {
    const steps = inRules(rule).map(addIn);
    const about = commented(["", rule.why]);
    if (rule.from.length > 0) return [...about, ...steps];
    const ask = `Put ${WHO[rule.clients]} in place of ${PLACEHOLDER[rule.clients]} (or use ${FLAG[rule.clients]} CIDR), and take the # away:`;
    return [...about, ...commented([ask]), ...steps.map((step) => `# ${step}`)];
  });
  return [
    ...commented([...preamble(list), "", "Policies need firewalld 0.9 or newer."]),
    "",
    `firewall-cmd --permanent --new-policy=${POLICY}`,
    `${POLICY_COMMAND} --add-ingress-zone=HOST`,
    `${POLICY_COMMAND} --add-egress-zone=ANY`,
    ...out.flatMap((rule) => [
      ...commented([`${placeOf(rule)}: ${rule.components.join(", ")}: ${rule.why}`]),
      ...outRules(rule).map((rich) => `${POLICY_COMMAND} --add-rich-rule='${rich}'`),
    ]),
    ...inward,
    "",
    ...commented(CLOSE),
    ...CLOSING,
    "",
    RELOAD,
    "",
    "# Undo:",
    `# firewall-cmd --permanent --delete-policy=${POLICY}`,
    ...inbound.flatMap(inRules).map((rule) => `# firewall-cmd --permanent --remove-rich-rule='${rule}'`),
    `# ${RELOAD}`,
    "",
  ].join("\n");
};
