import type { ConditionalRemedy } from "./check.ts";
import type { Blame, Finding, Party, Remedy } from "./report.ts";
import type { Topology } from "./topology.ts";
import type { Version } from "./version.ts";

/** What there is to find causes in: a finished run. */
export interface Diagnosed {
  readonly findings: readonly Finding[];
  readonly topology: Topology;
  /** CrowdSec's version; undefined when nothing tells it, and then nothing is concluded from it. */
  readonly version: Version | undefined;
}

/** One finding is the consequence of another: with the reason mended, it would be gone. */
export interface Link {
  readonly effect: Finding;
  readonly reason: Finding;
  /** What connects the two, a clause: it stands among the cause's evidence. */
  readonly why: string;
  /** What comes of it, a clause that begins with "so": it stands behind the cause's sentence. */
  readonly so?: string;
  /** What has to be done about the effect before the reason is mended. */
  readonly before?: readonly Remedy[];
  /** What is still to be done about the effect once the reason is mended. */
  readonly after?: readonly Remedy[];
  /** Of a connection that was not seen but follows from CrowdSec's source: what, and where that is written. */
  readonly modelled?: string;
}

/** Failures that have one reason, and how sure that is. */
export interface Group {
  /** Not empty; the first is the one that shows it best. */
  readonly members: readonly Finding[];
  /** What it is about, where a report may have the same cause twice; unique among those of one cause. */
  readonly about?: string;
  /** Fills the cause's sentence and its remedies. */
  readonly data: Readonly<Record<string, string | number>>;
  readonly when?: string;
  readonly confidence: Blame["confidence"];
  /** In place of the cause's own. */
  readonly party?: Party;
  /** Sentences of what was seen that says so. */
  readonly evidence: readonly string[];
}

/** A cause that has a name: what several failures have in common, or what one of them really means. */
export interface NamedCause {
  /** kebab-case; never the id of a check or the code of a fault. */
  readonly id: string;
  /** In a few words. */
  readonly title: string;
  /** For `explain`: how it shows, and what it is told apart from. */
  readonly why: string;
  readonly blame: Party;
  /** One sentence with `{placeholders}`. */
  readonly says: string;
  /** Empty: those of the finding that shows it best. */
  readonly remedy: readonly ConditionalRemedy[];
  /**
   * Groups of failures of which this is the reason.
   * @param failures failures that no other finding explains, and findings that explain one, as far as no earlier cause has taken them
   */
  find(failures: readonly Finding[], run: Diagnosed): readonly Group[];
}

/** What the diagnosis knows of CrowdSec: which finding follows from which, and the causes that have a name, in the order in which they are tried. */
export interface CauseCatalogue {
  readonly named: readonly NamedCause[];
  links(run: Diagnosed): readonly Link[];
}
