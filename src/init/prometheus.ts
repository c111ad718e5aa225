import { alertRules } from "./alerts.ts";
import { dashboard } from "./dashboard.ts";
import type { InitFile, InitInput } from "./file.ts";
import { cronCommand } from "./quoting.ts";

const RULES = "/etc/prometheus/rules/crowdsec-preflight.yml";
const DASHBOARD = "/var/lib/grafana/dashboards/crowdsec-preflight.json";
const CRON = "/etc/cron.d/crowdsec-preflight-textfile";
/** Where Debian's prometheus-node-exporter looks for files of others. */
const TEXTFILE = "/var/lib/prometheus/node-exporter/crowdsec-preflight.prom";

const cronTable = ({ command, version }: InitInput): string => `\
# crowdsec-preflight ${version}, for node_exporter's textfile collector.
# Every five minutes: the alert on what fails wants to have seen it for ten, so that one bad run wakes nobody. What changes
# is mailed as well. It takes the place of the file of "crowdsec-preflight init cron": one of them is enough.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
*/5 * * * * root ${cronCommand([...command, "--cron", "--splay", "30s", "--report", `prometheus=${TEXTFILE}`])}
`;

/** What Prometheus, Grafana and the hosts that they watch need, each a file of its own place. */
export const prometheusFiles = (input: InitInput): readonly InitFile[] => [
  {
    path: CRON,
    content: cronTable(input),
    what: "On each host with CrowdSec and prometheus-node-exporter: cron looks every five minutes, and node_exporter reads what was seen.",
  },
  {
    path: RULES,
    content: alertRules(input.version),
    what: "On the host of Prometheus: alert rules; /etc/prometheus/prometheus.yml names them under rule_files.",
    afterwards: [`promtool check rules ${RULES}`, "systemctl reload prometheus"],
  },
  {
    path: DASHBOARD,
    content: dashboard(input.version),
    what: "On the host of Grafana, where it is told to look for dashboards in this folder: a dashboard; it can also be imported as a file.",
  },
];
