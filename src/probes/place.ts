import type { FileHandle } from "node:fs/promises";
import { readlink, realpath } from "node:fs/promises";
import { resolve } from "node:path";

/** What Linux adds to the name of a file that has none any more. */
const GONE = " (deleted)";

/**
 * Where the kernel has an open file; undefined where it does not tell (no /proc, or out of reach of this process's root).
 * @param links how many names the file has
 */
const placeOfOpen = async ({ fd }: FileHandle, links: number): Promise<string | undefined> => {
  const place = await readlink(`/proc/self/fd/${fd}`).catch(() => "");
  if (!place.startsWith("/")) return undefined;
  return links === 0 && place.endsWith(GONE) ? place.slice(0, -GONE.length) : place;
};

/**
 * Where the file really is that was opened at a path, as `at` of what was read; nothing where no link led elsewhere. Asked
 * of what is open, since a link may be another one by now.
 */
export const placeOf = async (
  path: string,
  opened?: { readonly handle: FileHandle; readonly links: number },
): Promise<{ readonly at?: string }> => {
  const place =
    (opened && (await placeOfOpen(opened.handle, opened.links))) ?? (await realpath(path).catch(() => undefined));
  return place === undefined || place === resolve(path) ? {} : { at: place };
};
