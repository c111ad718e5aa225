import { Secret } from "../model/secret.ts";

/** Tells secrets apart without looking into them: each has a number of its own. */
const createNumbering = (): ((secret: Secret) => number) => {
  const numbers = new WeakMap<Secret, number>();
  let next = 0;
  return (secret) => {
    const number = numbers.get(secret) ?? next++;
    numbers.set(secret, number);
    return number;
  };
};
const numberOf = createNumbering();

/** The question as text; equal secrets count as different questions, unless they are the same one. */
const keyOf = (question: unknown): string =>
  JSON.stringify(question, function (this: Readonly<Record<string, unknown>>, name, value: unknown) {
    // `value` has been through toJSON already, where all secrets look alike.
    const secret = this[name];
    return secret instanceof Secret ? { secret: numberOf(secret) } : value;
  });

/** Remembers the answer to each question, so that it is asked once a run. */
export const once = <Question, Answer>(
  ask: (question: Question) => Promise<Answer>,
): ((question: Question) => Promise<Answer>) => {
  const answers = new Map<string, Promise<Answer>>();
  return (question) => {
    const key = keyOf(question);
    const known = answers.get(key);
    if (known) return known;
    const answer = ask(question);
    answers.set(key, answer);
    return answer;
  };
};
