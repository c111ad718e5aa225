import type { Missing } from "./entry.ts";

/** Each thing once: what was said of it first, and what else. */
export const distinctMissing = (missing: readonly Missing[]): readonly Missing[] => {
  const reasons = new Map<string, readonly string[]>();
  for (const { source, why } of missing) {
    const known = reasons.get(source) ?? [];
    if (!known.includes(why)) reasons.set(source, [...known, why]);
  }
  return [...reasons].map(([source, whys]) => ({ source, why: whys.join("; ") }));
};

const PROCESS = /\/proc\/(\d+)\//g;

/** The same of several processes as one, so that a shell takes it: `ls -ln /proc/{17,18}/ns`. */
export const byProcess = (sources: readonly string[]): readonly string[] => {
  const found = new Map<string, Set<string>>();
  for (const source of sources) {
    const pids = [...source.matchAll(PROCESS)].map(([, pid = ""]) => pid);
    const shape = source.replace(PROCESS, "/proc/{}/");
    const known = found.get(shape) ?? new Set<string>();
    for (const pid of pids) known.add(pid);
    found.set(shape, known);
  }
  return [...found].map(([shape, pids]) =>
    shape.replaceAll("/proc/{}/", pids.size === 1 ? `/proc/${[...pids][0]}/` : `/proc/{${[...pids].join(",")}}/`),
  );
};
