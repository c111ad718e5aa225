import type { RunEvent } from "./runner/index.ts";

/** Shows what the run waits for, on a terminal's stderr; nowhere else. */
export interface Progress {
  readonly observe: (event: RunEvent) => void;
  readonly stop: () => void;
}

const SILENT: Progress = { observe: () => {}, stop: () => {} };

/** How many of the slow ones are named. */
const NAMED = 3;

export const startProgress = async (
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
  total: number,
): Promise<Progress> => {
  if (stream.isTTY !== true) return SILENT;
  const { default: ora } = await import("ora");
  const running = new Set<string>();
  let done = 0;
  // discardStdin would put the terminal into raw mode, and Ctrl-C would not reach us.
  const spinner = ora({ stream, discardStdin: false, text: `0/${total} checks` }).start();
  return {
    observe: (event) => {
      if (event.type === "started") running.add(event.id);
      else {
        running.delete(event.id);
        done = Math.min(total, done + 1);
      }
      const waiting = [...running].slice(0, NAMED).join(", ");
      spinner.text = `${done}/${total} checks${waiting === "" ? "" : ` · waiting for ${waiting}${running.size > NAMED ? ", …" : ""}`}`;
    },
    stop: () => spinner.stop(),
  };
};
