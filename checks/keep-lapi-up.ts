import type { ConditionalRemedy } from "../src/model/check.ts";
import type { Topology } from "../src/model/topology.ts";

const DROP_IN = "/etc/systemd/system/crowdsec.service.d/no-agent.conf";

/**
 * Keeps the Local API running while the agent's configuration is broken: a drop-in for its unit that leaves the agent
 * out. `ExecStartPre` is emptied because the packages' `crowdsec -t` there would refuse the broken configuration too.
 * `{program}` and `{config}` come from `runningAs`.
 */
export const KEEP_LAPI_UP = {
  text: "To keep the Local API up meanwhile, run it without the agent (-no-cs), and take that back once the agent's configuration is mended.",
  commands: [
    "mkdir -p /etc/systemd/system/crowdsec.service.d",
    `printf '[Service]\\nExecStartPre=\\nExecStart=\\nExecStart=%s -c %s -no-cs\\n' {program} {config} > ${DROP_IN}`,
    "systemctl daemon-reload && systemctl restart crowdsec",
  ],
  undo: [`rm ${DROP_IN}`, "systemctl daemon-reload && systemctl restart crowdsec"],
} as const satisfies ConditionalRemedy;

/** What the sentences of `KEEP_LAPI_UP` need. */
export const runningAs = ({ program, config }: Topology): { readonly program: string; readonly config: string } => ({
  program: program?.path ?? "/usr/bin/crowdsec",
  config: config.value,
});
