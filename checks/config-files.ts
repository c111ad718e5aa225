import { defineCheck } from "../src/model/check.ts";
import type { ConfigFile } from "../src/model/topology.ts";

/** CrowdSec stops at the first file that it cannot read or parse. */
export default defineCheck({
  id: "config-files",
  title: "CrowdSec's files can be read and parsed",
  why: "CrowdSec does not start when its configuration cannot be parsed, and an overlay (.local) of another shape counts as broken too. The message goes to the journal, not to crowdsec.log.",
  roles: ["lapi", "agent", "cscli"],
  phase: "run",
  contacts: "reads config.yaml, local_api_credentials.yaml, their .local overlays and online_api_credentials.yaml",
  faults: {
    "config-syntax": {
      blame: "configuration",
      confidence: "certain",
      says: "{place} ({purpose}) cannot be parsed: {message}",
      remedy: [
        {
          text: "Correct {place}. YAML wants spaces, no tabs, and each key once.",
          commands: ["sed -n '{from},{to}p' {path}"],
        },
      ],
    },
    "config-unreadable": {
      blame: "configuration",
      confidence: "certain",
      says: "{path} ({purpose}) cannot be read: {message}",
      remedy: [{ text: "Put a plain text file in its place.", commands: ["ls -l {path}"] }],
    },
    "config-missing": {
      blame: "configuration",
      confidence: "certain",
      says: "{path} ({purpose}) does not exist",
      remedy: [
        {
          text: "On the Local API's host, register this machine anew.",
          when: "credentials for the Local API",
          commands: ["cscli machines add -a", "systemctl restart crowdsec"],
        },
        {
          text: "Register with the Central API, or take online_client out of config.yaml.",
          when: "credentials for the Central API",
          commands: ["cscli capi register", "systemctl restart crowdsec"],
        },
        { text: "Name the right file with --config, or install CrowdSec anew.", when: "CrowdSec's configuration" },
      ],
    },
  },
  async run({ topology: { files } }) {
    const judge = ({ path, purpose, state, line, message }: ConfigFile) => {
      const evidence = { target: { path } };
      if (state === "denied")
        return { status: "unknown", reason: `run as root: ${path} may not be read by this user`, evidence } as const;
      if (state === "missing")
        return { status: "fault", fault: "config-missing", data: { path, purpose }, when: purpose, evidence } as const;
      if (state === "unreadable") {
        const data = { path, purpose, message: message ?? "" };
        return { status: "fault", fault: "config-unreadable", data, message: data.message, evidence } as const;
      }
      if (state === "invalid") {
        const place = line === undefined ? path : `${path}:${line}`;
        const data = {
          path,
          place,
          purpose,
          message: message ?? "",
          from: Math.max(1, (line ?? 1) - 2),
          to: (line ?? 1) + 2,
        };
        return { status: "fault", fault: "config-syntax", data, message: message ?? "", evidence } as const;
      }
      return { status: "pass", evidence } as const;
    };
    const present = files.filter(({ state }) => state !== "optional-missing");
    if (present.length === 0)
      return { status: "skip", reason: "not applicable: there is no CrowdSec configuration here" };
    return present.map((file) => ({ target: file.path, verdict: judge(file) }));
  },
});
