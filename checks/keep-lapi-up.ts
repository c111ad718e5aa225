import type { ConditionalRemedy } from "../src/model/check.ts";
import type { Topology } from "../src/model/topology.ts";

const DROP_IN = "/etc/systemd/system/crowdsec.service.d/no-agent.conf";

const MEANWHILE = "To keep the Local API up meanwhile,";
const TAKE_BACK = "and take that back once the agent's configuration is mended.";

/**
 * Keeps the Local API running while the agent's configuration is broken. With systemd, a drop-in for its unit leaves the
 * agent out: `ExecStartPre` is emptied because the packages' `crowdsec -t` there would refuse the broken configuration
 * too. Elsewhere the configuration does it (pkg/csconfig/crowdsec_service.go), or the image's own variable
 * (build/docker/docker_start.sh). `{program}` and `{config}` come from `runningAs`.
 */
export const KEEP_LAPI_UP = [
  {
    services: ["systemd"],
    text: `${MEANWHILE} run it without the agent (-no-cs), ${TAKE_BACK}`,
    commands: [
      "mkdir -p /etc/systemd/system/crowdsec.service.d",
      `printf '[Service]\\nExecStartPre=\\nExecStart=\\nExecStart=%s -c %s -no-cs\\n' {program} {config} > ${DROP_IN}`,
      "systemctl daemon-reload && systemctl restart crowdsec",
    ],
    undo: [`rm ${DROP_IN}`, "systemctl daemon-reload && systemctl restart crowdsec"],
  },
  {
    services: ["openrc", "freebsd", "none"],
    text: `${MEANWHILE} switch the agent off (crowdsec_service.enable: false in {config}.local), ${TAKE_BACK}`,
    commands: ["systemctl restart crowdsec"],
  },
  {
    services: ["container"],
    text: `${MEANWHILE} make the container anew with DISABLE_AGENT=true in its environment, ${TAKE_BACK}`,
  },
  {
    services: ["kubernetes"],
    text: `${MEANWHILE} give its pod DISABLE_AGENT=true, as CrowdSec's helm chart does, whose agents are pods of their own; ${TAKE_BACK}`,
  },
] as const satisfies readonly ConditionalRemedy[];

/** What the sentences of `KEEP_LAPI_UP` need. */
export const runningAs = ({ program, config }: Topology): { readonly program: string; readonly config: string } => ({
  program: program?.path ?? "/usr/bin/crowdsec",
  config: config.value,
});
