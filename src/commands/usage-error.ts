/** Bad input on the command line: one sentence with what was wrong and what instead. Exit code 3. */
export class UsageError extends Error {}
