import { catalogue, causes } from "../../checks/index.ts";
import { KEEP_LAPI_UP } from "../../checks/keep-lapi-up.ts";
import type { ConditionalRemedy } from "../../src/model/check.ts";

/** A list of remedies of which a person sees those that fit. */
export interface RemedyTable {
  /** Whose it is: `check: code`, or the cause. */
  readonly of: string;
  readonly remedy: readonly ConditionalRemedy[];
}

/** Every list of remedies that this tool can show; a cause with none shows those of its findings. */
export const REMEDY_TABLES: readonly RemedyTable[] = [
  ...catalogue.flatMap(({ id, faults }) =>
    Object.entries(faults).map(([code, { remedy }]) => ({ of: `${id}: ${code}`, remedy })),
  ),
  ...causes.named.map(({ id, remedy }) => ({ of: `cause ${id}`, remedy })),
  { of: "keep-lapi-up", remedy: KEEP_LAPI_UP },
].filter(({ remedy }) => remedy.length > 0);

/** The words of `when` by which a list is asked; undefined, where some of it needs none. */
export const occasionsOf = ({ remedy }: RemedyTable): readonly (string | undefined)[] => {
  const named = [...new Set(remedy.flatMap(({ when }) => when ?? []))];
  return named.length === 0 || remedy.some(({ when }) => when === undefined) ? [undefined, ...named] : named;
};
