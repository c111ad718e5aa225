import type { ConditionalRemedy } from "./check.ts";
import { commandsOn } from "./commands.ts";
import type { Remedy } from "./report.ts";
import type { System } from "./system.ts";
import { fill } from "./text.ts";

/** Commands are there to be copied, and what fills them may come from outside: anything special to a shell is quoted. */
export const shellQuote = (text: string): string =>
  /^[\w@%+=:,./[\]-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Where a person edits files and restarts a service. */
export const HOSTS = ["systemd", "openrc", "freebsd", "none"] as const;
/** Where a change to a file that is not mounted is gone with the next start. */
export const IMAGES = ["container", "kubernetes"] as const;

/** What a remedy is chosen and filled by. */
export interface Here {
  /** `Verdict.when`, or `Group.when`. */
  readonly when?: string | undefined;
  readonly data: Readonly<Record<string, string | number>>;
  readonly system: System;
}

const fits = ({ when, services, packages }: ConditionalRemedy, here: Pick<Here, "when" | "system">): boolean =>
  (when === undefined || when === here.when) &&
  (services?.includes(here.system.services) ?? true) &&
  (packages?.includes(here.system.packages) ?? true);

/** The remedies of a table that fit here, in the words of this system, filled. Commands are translated first, so that data never is. */
export const remediesFor = (remedy: readonly ConditionalRemedy[], { when, data, system }: Here): readonly Remedy[] => {
  const quoted = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, shellQuote(String(value))]));
  const typed = (commands: readonly string[] = []): readonly string[] =>
    commandsOn(system, commands).map((command) => fill(command, quoted));
  return remedy
    .filter((one) => fits(one, { when, system }))
    .map(({ text, commands, undo, url }) => {
      const [doing, undoing] = [typed(commands), typed(undo)];
      return {
        text: fill(text, data),
        ...(doing.length > 0 && { commands: doing }),
        ...(undoing.length > 0 && { undo: undoing }),
        ...(url !== undefined && { url }),
      };
    });
};
