/** Tells a monitoring service of a run. Whatever goes wrong changes nothing of the run. */
export interface Pinger {
  /** That the run has begun. */
  readonly started: () => Promise<PingResult>;
  /** How it ended, with a short text. */
  readonly ended: (exitCode: number, body: string) => Promise<PingResult>;
}

/** `problem` completes "the ping to HOST was not delivered: …"; it never holds the URL, which lets others ping too. */
export type PingResult = { readonly ok: true } | { readonly ok: false; readonly problem: string };
