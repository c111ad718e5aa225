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
