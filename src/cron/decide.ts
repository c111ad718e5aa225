import { LEVELS, type Level, type Remembered, type Rule, type Seen } from "./state.ts";

/** What was seen of one instance, and what counts of that. */
export type History = Pick<Remembered, "confirmed" | "since" | "seen" | "at">;

/** What counts now, and since when. */
type Decision = Pick<History, "confirmed" | "since">;

/** The higher, the worse. */
export const weightOf = (level: Level): number => LEVELS.indexOf(level);

const isSame = (one: Seen, other: Seen): boolean => one.level === other.level && one.code === other.code;

/** So often back and forth within the runs that are looked at, and the current one: neither is a state that lasts. */
const RESTLESS = 3;

const isRestless = (seen: readonly Seen[]): boolean =>
  seen.filter((one, index) => index > 0 && !isSame(one, seen[index - 1] ?? one)).length >= RESTLESS;

/**
 * What files and processes say counts at once. It takes the place of what came over the network only where that was not as
 * bad: whether that is gone too, one run does not know. And of a service that crashes and starts again and again not every
 * start is news.
 */
const atOnce = (past: History, now: Seen, at: string, of: number): Decision | undefined => {
  const { confirmed, since } = past;
  const difference = weightOf(now.level) - weightOf(confirmed.level);
  if (now.sure && difference > 0) return { confirmed: now, since: at };
  const isCertain = confirmed.sure && (now.sure || now.level === "fine");
  if (!isCertain || isSame(now, confirmed) || isRestless([...past.seen.slice(-of), now])) return undefined;
  return { confirmed: now, since: difference === 0 ? since : at };
};

/** As bad as `needed` of the runs saw it, the last one among them: what is fine now does not get worse. */
const worse = ({ confirmed, seen, at }: History, { level: current }: Seen, { needed }: Rule): Decision | undefined => {
  const level = LEVELS.findLast(
    (one) =>
      weightOf(one) > weightOf(confirmed.level) &&
      weightOf(one) <= weightOf(current) &&
      seen.filter((each) => weightOf(each.level) >= weightOf(one)).length >= needed,
  );
  const shows = seen.findLast((each) => each.level === level);
  const first = seen.findIndex((each) => level !== undefined && weightOf(each.level) >= weightOf(level));
  return shows && { confirmed: shows, since: at[first] ?? "" };
};

/** No better than the worst of the last `needed` runs, when all of them saw less than what is confirmed. */
const better = ({ confirmed, seen, at }: History, { needed }: Rule): Decision | undefined => {
  const isBetter = ({ level }: Seen): boolean => weightOf(level) < weightOf(confirmed.level);
  const last = seen.slice(-needed);
  if (last.length < needed || !last.every(isBetter)) return undefined;
  const highest = Math.max(...last.map(({ level }) => weightOf(level)));
  const shows = last.findLast(({ level }) => weightOf(level) === highest);
  const first = seen.findLastIndex((one) => !isBetter(one)) + 1;
  return shows && { confirmed: shows, since: at[first] ?? "" };
};

/** Another fault, as bad as the confirmed one, in all of the last `needed` runs. The trouble is as old as it was. */
const other = ({ confirmed, since, seen }: History, now: Seen, { needed }: Rule): Decision | undefined => {
  const last = seen.slice(-needed);
  const isOther = now.level === confirmed.level && now.code !== confirmed.code;
  return isOther && last.length === needed && last.every((one) => isSame(one, now))
    ? { confirmed: now, since }
    : undefined;
};

/** Of an instance that was looked at for the first time, by the first of all runs. */
export const begin = (now: Seen, at: string): History => ({ confirmed: now, since: at, seen: [now], at: [at] });

/**
 * What counts after one more run.
 * @param at its end, RFC 3339
 */
export const decide = (past: History, now: Seen, at: string, rule: Rule): History => {
  const next: History = {
    ...past,
    seen: [...past.seen, now].slice(-rule.of),
    at: [...past.at, at].slice(-rule.of),
  };
  const sudden = atOnce(past, now, at, rule.of) ?? worse(next, now, rule);
  if (sudden) return { ...next, ...sudden };
  const relief = better(next, rule);
  // What was bad before that has counted once, and is no evidence for the next trouble.
  if (relief) return { ...relief, seen: next.seen.slice(-rule.needed), at: next.at.slice(-rule.needed) };
  return { ...next, ...other(next, now, rule) };
};
