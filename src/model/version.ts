/** A CrowdSec version: major, minor, patch. */
export type Version = readonly [number, number, number];

/** `v1.4.6-6~deb12u1` → [1, 4, 6]; undefined when the text does not begin like a version. */
export const parseVersion = (text: string): Version | undefined => {
  const match = /^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?/.exec(text.trim());
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
};

/** Negative when `a` is older than `b`, zero when equal. */
export const compareVersions = (a: Version, b: Version): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

/** Whether it is that version or a newer one; an unknown one counts as the newest. */
export const atLeast = (version: Version | undefined, first: Version): boolean =>
  version === undefined || compareVersions(version, first) >= 0;

export const showVersion = (version: Version): string => version.join(".");

/** The versions of CrowdSec for which something holds; both ends belong to the range. */
export interface VersionRange {
  readonly since?: Version;
  readonly until?: Version;
}

export const within = (version: Version, { since, until }: VersionRange): boolean =>
  (since === undefined || compareVersions(version, since) >= 0) &&
  (until === undefined || compareVersions(version, until) <= 0);

/** `1.5.0 and later`, `up to 1.6.2`, `1.2.0 to 1.6.2`. */
export const showRange = ({ since, until }: VersionRange): string => {
  if (since && until) return `${showVersion(since)} to ${showVersion(until)}`;
  if (since) return `${showVersion(since)} and later`;
  return until ? `up to ${showVersion(until)}` : "every version";
};
