/** What is shown in place of a secret. */
const MASK = "[secret]";

/**
 * A password, key or token, wrapped the moment it is read: JSON, templates and the debugger show a mask. Only what sends
 * it to its own service, or hides it in text from outside, may `reveal` it.
 */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return MASK;
  }
  toJSON(): string {
    return MASK;
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}

/** Whether a request carries something that must not be kept: a password, a key, a text for one receiver. */
export const holdsSecret = ({
  body,
  headers = {},
}: {
  readonly url: string;
  readonly body?: string | Secret;
  readonly headers?: Readonly<Record<string, string | Secret>>;
}): boolean => [body, ...Object.values(headers)].some((value) => value instanceof Secret);
