import { type Context, defineCheck } from "../src/model/check.ts";
import { CONNECT_CODES, lapiLayers } from "./lapi-faults.ts";
import { isHere, lapiRoute, layerFaultOf } from "./lapi-way.ts";
import { connect, layerFaults } from "./layers.ts";

/** A process younger than this may still die of its agent's configuration. */
const YOUNG_SECONDS = 10;

const FAULTS = {
  ...layerFaults(lapiLayers(...CONNECT_CODES)),
  "lapi-url-invalid": {
    blame: "configuration",
    confidence: "certain",
    says: "the Local API's URL {url} ({origin}) is {problem}",
    remedy: [{ text: "Write it as http://HOST:PORT/ or https://HOST:PORT/ in {origin}." }],
  },
  "lapi-went-away": {
    blame: "configuration",
    phase: "connect",
    says: "{host}:{port} answered, and no longer did at a second look: the Local API is dying or restarting",
    remedy: [
      {
        text: "Where agent and Local API share the process, an error in the agent's configuration does exactly this: the Local API listens for half a second, then the whole process ends. Its last words name the file.",
        commands: ["journalctl -u crowdsec -n 50 --no-pager", "systemctl status crowdsec --no-pager"],
      },
      {
        text: "To keep the Local API up meanwhile, run it without the agent, then mend the agent's configuration.",
        commands: [
          "mkdir -p /etc/systemd/system/crowdsec.service.d",
          "printf '[Service]\\nExecStartPre=\\nExecStart=\\nExecStart=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml -no-cs\\n' > /etc/systemd/system/crowdsec.service.d/no-agent.conf",
          "systemctl daemon-reload && systemctl restart crowdsec",
        ],
        undo: [
          "rm /etc/systemd/system/crowdsec.service.d/no-agent.conf",
          "systemctl daemon-reload && systemctl restart crowdsec",
        ],
      },
    ],
  },
} as const;

const look = (context: Context, url: { value: string; origin: string }, count?: number) =>
  connect(context, { url: url.value, origin: url.origin, public: false }, count);

/** Agents and bouncers are useless when they cannot open a connection to the Local API. */
export default defineCheck({
  id: "lapi-reachable",
  title: "Local API accepts connections",
  why: "Agents, bouncers and cscli work through the Local API; without it nothing is decided and nothing blocked. A Local API that dies of its agent's configuration still answers for half a second, so it is looked at twice.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "tcp to the Local API's URL of this host's configuration, 8080 by default",
  faults: FAULTS,
  async run(context) {
    const { lapi, sharedProcess } = context.topology;
    if ("malformed" in lapi)
      return {
        status: "fault",
        fault: "lapi-url-invalid",
        data: { url: lapi.malformed.value, origin: lapi.malformed.origin, problem: lapi.problem },
      };
    const found = lapiRoute(context);
    if ("verdict" in found) return found.verdict;
    const walked = await look(context, found.route.url);
    if (walked.failed) return layerFaultOf(walked, walked.failed, context.topology, FAULTS);
    const coupled = sharedProcess && isHere(walked.evidence, context.topology);
    return {
      status: "pass",
      ...(coupled && {
        note: "agent and Local API share one process here: an error in the agent's configuration would stop both",
      }),
      evidence: walked.evidence,
    };
  },
  again(context, first) {
    const found = lapiRoute(context);
    if ("verdict" in found || !("status" in first) || first.status !== "pass") return undefined;
    const { engine } = context.topology;
    if (engine && engine.ageSeconds >= YOUNG_SECONDS && isHere(first.evidence ?? {}, context.topology))
      return undefined;
    return async () => {
      const walked = await look(context, found.route.url, 2);
      if (!walked.failed) return first;
      return {
        status: "fault",
        fault: "lapi-went-away",
        data: walked.data,
        failed: walked.failed,
        evidence: walked.evidence,
      };
    };
  },
});
