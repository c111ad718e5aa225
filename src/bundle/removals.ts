import type { Removal } from "../redaction/redactor.ts";

/** A removal, and the bundle's file that it was made in. */
export interface FileRemoval extends Removal {
  readonly file: string;
}

/** The same rule in the same line is one row, whatever it was applied to. */
const summed = (removals: readonly FileRemoval[]): readonly FileRemoval[] => {
  const rows = new Map<string, FileRemoval>();
  for (const each of removals) {
    const key = JSON.stringify([each.file, each.line, each.rule]);
    rows.set(key, { ...each, count: each.count + (rows.get(key)?.count ?? 0) });
  }
  return [...rows.values()];
};

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const HEAD = ["file:line", "rule", "count"] as const;

/** removals.txt: where something was taken out, by which rule, and how often; never what. */
export const removalsText = (removals: readonly FileRemoval[]): string => {
  if (removals.length === 0) return "Nothing was taken out: no secret was found.\n";
  const sorted = summed(removals).toSorted(
    (a, b) => byText(a.file, b.file) || a.line - b.line || byText(a.rule, b.rule),
  );
  const rows = [
    HEAD,
    ...sorted.map(({ file, line, rule, count }) => [`${file}:${line}`, rule, String(count)] as const),
  ];
  const widths = [0, 1].map((column) => rows.reduce((width, row) => Math.max(width, (row[column] ?? "").length), 0));
  return rows
    .map(([at, rule, count]) => `${at.padEnd(widths[0] ?? 0)}  ${rule.padEnd(widths[1] ?? 0)}  ${count}\n`)
    .join("");
};

/** How much was taken out by each rule, the most frequent first. */
export const countByRule = (
  removals: readonly Removal[],
): readonly { readonly rule: string; readonly count: number }[] => {
  const counts = new Map<string, number>();
  for (const { rule, count } of removals) counts.set(rule, (counts.get(rule) ?? 0) + count);
  return [...counts]
    .map(([rule, count]) => ({ rule, count }))
    .sort((a, b) => b.count - a.count || byText(a.rule, b.rule));
};
