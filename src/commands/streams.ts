/** The part of the process that a command may touch; tests hand in their own. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Whether to colour what goes to a stream: the flag, then NO_COLOR, FORCE_COLOR, TERM, then whether it is a terminal. */
export const wantsColor = (
  flag: boolean | undefined,
  stream: { readonly isTTY?: boolean },
  { NO_COLOR, FORCE_COLOR, TERM }: Streams["environment"],
): boolean => {
  if (flag !== undefined) return flag;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0";
  return stream.isTTY === true && TERM !== "dumb";
};

/** What could not be written, and why: the report is lost then, so the run has not done its job. */
export class WriteError extends Error {}

/** Resolves when the stream has taken everything. A reader that left early (EPIPE) is no error; a full disk is. */
export const write = (stream: NodeJS.WritableStream, text: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(text, (error?: NodeJS.ErrnoException | null) => {
      if (error && error.code !== "EPIPE") reject(new WriteError(`the output could not be written: ${error.message}`));
      else resolve();
    });
  });
