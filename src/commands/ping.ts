import type { Secret } from "../model/secret.ts";
import { pingBody } from "../ping/body.ts";
import type { Pinger } from "../ping/pinger.ts";
import { createPinger } from "../ping/send.ts";
import { createProber } from "../probes/index.ts";
import { createRedactor } from "../redaction/create.ts";
import { type Tool, userAgent } from "./session.ts";
import type { Streams } from "./streams.ts";

/** A report holds no secret; this is the net below, for what leaves this host. */
const redacted = (text: string): string => {
  const redactor = createRedactor();
  redactor.study(text, "text", "ping");
  return redactor.redact(text, "text").text;
};

/** Pings go the way of this shell: through its proxy, with this system's CA store. */
export const createPing = (url: Secret, runId: string, tool: Tool, environment: Streams["environment"]): Pinger => {
  const pinger = createPinger(url, {
    runId,
    probe: (limits) => createProber({ ...limits, platform: process.platform, userAgent: userAgent(tool) }),
    environment,
  });
  return { ...pinger, ended: (exitCode, body) => pinger.ended(exitCode, pingBody(body, redacted)) };
};
