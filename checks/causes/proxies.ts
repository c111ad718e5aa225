import type { NamedCause } from "../../src/model/cause.ts";
import type { Finding } from "../../src/model/report.ts";
import { hasCode, hostsOf, isOutgoing, isProxied, told, withWarnings } from "./findings.ts";

interface ProxyCause extends Omit<NamedCause, "find"> {
  readonly code: string;
  readonly confidence: "certain" | "likely";
}

/** Of one proxy: what goes through it fails for one reason. */
const proxyCause = ({ code, confidence, ...cause }: ProxyCause): NamedCause => ({
  ...cause,
  find(failures, { findings }) {
    const own = failures.filter((finding) => isOutgoing(finding) && isProxied(finding) && hasCode(finding, code));
    const proxies = [...new Set(own.map(({ vantage }) => vantage.proxy ?? ""))];
    return proxies.map((proxy) => {
      const members = own.filter(({ vantage }) => (vantage.proxy ?? "") === proxy);
      const all = withWarnings(members, findings);
      const through = findings.filter(
        (finding) => finding.status === "pass" && isOutgoing(finding) && finding.vantage.proxy === proxy,
      );
      const [first] = members;
      return {
        members: all,
        ...(proxies.length > 1 && { about: proxy }),
        data: {
          proxy,
          n: all.length,
          hosts: hostsOf(all),
          host: first?.target?.host ?? "",
          component: componentOf(first),
        },
        confidence,
        // What the checks say of the blame decides: a login that was given and refused is not the proxy's fault.
        ...(first?.blame && { party: first.blame.party }),
        evidence: [
          ...told(members),
          ...(through.length > 0 ? [`${through.length} other hosts answer through it`] : []),
        ],
      };
    });
  },
});

/** `crowdsec (process 4711)`: whose environment names the proxy. */
const componentOf = (finding: Finding | undefined): string =>
  finding?.vantage.env?.replace(/^([^:]+): (.*)$/, "$1 ($2)") ?? "CrowdSec";

const THROUGH = "curl -sS -o /dev/null -w '%{http_code}\\n' --max-time 10 --proxy {proxy} https://{host}/";

export const proxyDead = proxyCause({
  id: "proxy-dead",
  code: "proxy-unreachable",
  confidence: "certain",
  title: "The proxy cannot be reached",
  why: "What CrowdSec is told to use as a proxy does not take a connection, or its name does not resolve; nothing behind it was looked at. Go has no way around a proxy that is set.",
  blame: "proxy",
  says: "the proxy {proxy} cannot be reached, and with it {n} hosts that CrowdSec needs: {hosts}",
  remedy: [
    {
      text: "See that the proxy runs, that this host may connect to it, and that the variables of {component} name it rightly. Without a proxy, take the variables out and restart the service: Go reads them once.",
      commands: [THROUGH],
    },
  ],
});

export const proxyDenies = proxyCause({
  id: "proxy-denies",
  code: "proxy-denied",
  confidence: "certain",
  title: "The proxy denies what CrowdSec needs",
  why: "The proxy takes the connection and answers CONNECT with a refusal (403 and its kin). Its allow-list lacks these names; other hosts may pass.",
  blame: "proxy",
  says: "the proxy {proxy} denies {n} hosts that CrowdSec needs: {hosts}",
  remedy: [
    {
      text: "Have the proxy allow CONNECT to port 443 of these hosts; a rule for .crowdsec.net covers CrowdSec's own. `crowdsec-preflight firewall -o squid` prints the rules.",
      commands: [THROUGH],
    },
  ],
});

export const proxyWantsLogin = proxyCause({
  id: "proxy-wants-login",
  code: "proxy-auth-required",
  confidence: "certain",
  title: "The proxy wants a login, or refuses the one that it gets",
  why: "The proxy answers 407. CrowdSec sends the user and the password of the proxy's URL (Basic), and nothing where there is none.",
  blame: "proxy",
  says: "the proxy {proxy} wants a login, or refuses the one that it gets, for {n} hosts: {hosts}",
  remedy: [],
});

export const proxyWithoutWay = proxyCause({
  id: "proxy-without-way",
  code: "proxy-upstream",
  confidence: "likely",
  title: "The proxy does not get out itself",
  why: "The proxy takes the request and says that it cannot connect (502, 503, 504): its nameserver, or its own way out, is at fault.",
  blame: "proxy",
  says: "the proxy {proxy} does not get to {n} hosts itself: {hosts}",
  remedy: [
    {
      text: "Look at the proxy: its nameserver and its own way out to these hosts, tcp/443. Its log says which.",
      commands: [THROUGH],
    },
  ],
});

export const proxies: readonly NamedCause[] = [proxyDead, proxyDenies, proxyWantsLogin, proxyWithoutWay];
