import type { RunEvent } from "./runner/index.ts";

/** Shows what the run waits for, on a terminal's stderr; nowhere else. */
export interface Progress {
  readonly observe: (event: RunEvent) => void;
  readonly stop: () => void;
}

const SILENT: Progress = { observe: () => {}, stop: () => {} };

/** How many of the slow ones are named. */
const NAMED = 3;

/** @param ids the checks that the run is about; what else finishes is not counted. */
export const startProgress = async (
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number },
  ids: readonly string[],
): Promise<Progress> => {
  // A terminal of no width, as a serial console can be, has no room; ora would draw for ever.
  if (stream.isTTY !== true || stream.columns === 0) return SILENT;
  const { default: ora } = await import("ora");
  const running = new Set<string>();
  const open = new Set(ids);
  // discardStdin would put the terminal into raw mode, and Ctrl-C would not reach us.
  const spinner = ora({ stream, discardStdin: false, text: `0/${ids.length} checks` }).start();
  return {
    observe: (event) => {
      if (event.type === "started") running.add(event.id);
      else {
        running.delete(event.id);
        open.delete(event.id);
      }
      const waiting = [...running].slice(0, NAMED).join(", ");
      spinner.text = `${ids.length - open.size}/${ids.length} checks${waiting === "" ? "" : ` · waiting for ${waiting}${running.size > NAMED ? ", …" : ""}`}`;
    },
    stop: () => spinner.stop(),
  };
};
