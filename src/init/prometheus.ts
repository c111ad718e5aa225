import { alertRules } from "./alerts.ts";
import { dashboard } from "./dashboard.ts";
import type { InitFile, InitInput } from "./file.ts";
import { cronCommand } from "./quoting.ts";

const RULES = "/etc/prometheus/rules/crowdsec-preflight.yml";
const DASHBOARD = "/var/lib/grafana/dashboards/crowdsec-preflight.json";
const CRON = "/etc/cron.d/crowdsec-preflight-textfile";
/** Where Debian's prometheus-node-exporter looks for files of others. */
const TEXTFILE = "/var/lib/prometheus/node-exporter/crowdsec-preflight.prom";
/** Not that of "init cron": of two runs with one state at the same moment, one would not look, and write no file. */
const FOLDER = "/var/lib/crowdsec-preflight";
const STATE = `${FOLDER}/textfile.json`;

const FLAGS = ["--cron", "--splay", "30s", "--state", STATE, "--report", `prometheus=${TEXTFILE}`] as const;

const cronTable = ({ command, version }: InitInput): string => `\
# crowdsec-preflight ${version}, for node_exporter's textfile collector.
# Every five minutes: the alert on what fails wants to have seen it for ten, so that one bad run wakes nobody. What changes
# is not mailed, since alerts tell it: hence >/dev/null, and a mail is about a run that could not do its work. Beside "init cron",
# which mails, each has a state of its own.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
*/5 * * * * root mkdir -p -m 0700 ${FOLDER} && ${cronCommand([...command, ...FLAGS])} >/dev/null
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
