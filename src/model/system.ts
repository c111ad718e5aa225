/** What kind of system this is, as far as that changes what a person types on it. */
export interface System {
  /**
   * What starts CrowdSec here. `container`: the container's own runtime, from outside; `kubernetes`: that one; `none`:
   * nothing that this tool knows.
   */
  readonly services: "systemd" | "openrc" | "freebsd" | "container" | "kubernetes" | "none";
  /** What installs packages here. */
  readonly packages: "deb" | "rpm" | "apk" | "freebsd" | "none";
  /** Of `container`: what runs it, from outside. Default docker. */
  readonly runtime?: "docker" | "podman";
  /** Of `rpm`: SUSE has an installer and places of its own. */
  readonly suse?: boolean;
}

/** What the tables of remedies are written for; every other system gets its own words for it. */
export const CANONICAL: System = { services: "systemd", packages: "deb" };
