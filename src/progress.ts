import type { Finding } from "./model/report.ts";
import { printable } from "./model/text.ts";
import type { RunEvent } from "./runner/index.ts";
import type { WaitEvent } from "./runner/wait.ts";

/** Shows what the run waits for on stderr: on a terminal all the time; elsewhere only what `--wait` waits for, a line each. */
export interface Progress {
  readonly observe: (event: RunEvent) => void;
  readonly wait: (event: WaitEvent) => void;
  /** What is done after the checks. */
  readonly say: (doing: string) => void;
  readonly stop: () => void;
}

type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** How many of the slow ones are named. */
const NAMED = 3;
/** Of what is waited for, this much is told in a line that stays, characters each. */
const NAME = 80;
const SENTENCE = 160;

/** As `--wait` takes it: `500ms`, `42s`, `4m 12s`, `5m`. */
const span = (ms: number): string => {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const seconds = Math.round(ms / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes === 0) return `${seconds}s`;
  return rest === 0 ? `${minutes}m` : `${minutes}m ${rest}s`;
};

const named = (findings: readonly Finding[]): string => {
  const shown = findings
    .slice(0, NAMED)
    .map(({ instance, summary }) => `${printable(instance, NAME)} (${printable(summary, SENTENCE)})`);
  const more = findings.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
};

/** One line, for the log of whatever set this host up. */
export const waitWords = (event: WaitEvent): string => {
  if (event.type === "waiting")
    return `waiting ${event.first ? "up to" : "another"} ${span(event.leftMs)} for ${named(event.for)}`;
  const { why, waitedMs, of } = event;
  switch (why) {
    case "good":
      return `waited ${span(waitedMs)}: nothing is left to wait for`;
    case "time":
      return `waited ${span(waitedMs)}, and no longer: still ${named(of)}`;
    case "lasting":
      return `not waiting${waitedMs < 1000 ? "" : " any longer"}: waiting does not mend ${named(of)}`;
  }
};

/**
 * @param ids the checks that the run is about; what else finishes is not counted.
 * @param name stands before each line that stays
 */
export const startProgress = async (
  stream: Stream,
  ids: readonly string[],
  name = "crowdsec-preflight",
): Promise<Progress> => {
  const say = (event: WaitEvent): void => {
    stream.write(`${name}: ${waitWords(event)}\n`);
  };
  // A terminal of no width, as a serial console can be, has no room; ora would draw for ever.
  if (stream.isTTY !== true || stream.columns === 0)
    return { observe: () => {}, wait: say, say: () => {}, stop: () => {} };
  const { default: ora } = await import("ora");
  const running = new Set<string>();
  const open = new Set(ids);
  // discardStdin would put the terminal into raw mode, and Ctrl-C would not reach us.
  const spinner = ora({ stream, discardStdin: false, text: `0/${ids.length} checks` }).start();
  let clock: NodeJS.Timeout | undefined;
  return {
    observe: (event) => {
      // From then on the spinner is about that.
      if (clock !== undefined) return;
      if (event.type === "started") running.add(event.id);
      else {
        running.delete(event.id);
        open.delete(event.id);
      }
      const waiting = [...running].slice(0, NAMED).join(", ");
      spinner.text = `${ids.length - open.size}/${ids.length} checks${waiting === "" ? "" : ` · waiting for ${waiting}${running.size > NAMED ? ", …" : ""}`}`;
    },
    wait: (event) => {
      spinner.clear();
      say(event);
      if (event.type === "over") return;
      const until = performance.now() + event.leftMs;
      const instances = event.for.map(({ instance }) => printable(instance, NAME));
      const names = `${instances.slice(0, NAMED).join(", ")}${instances.length > NAMED ? ", …" : ""}`;
      const show = (): void => {
        spinner.text = `${span(Math.max(0, until - performance.now()))} left · waiting for ${names}`;
      };
      clearInterval(clock);
      clock = setInterval(show, 1000);
      show();
    },
    say: (doing) => {
      spinner.text = doing;
    },
    stop: () => {
      clearInterval(clock);
      spinner.stop();
    },
  };
};
