/** An address of CrowdSec's configuration, fit to be asked and shown; or why it is not, with what may be shown of it. */
export type ReadUrl =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly shown: string; readonly problem: string };

/**
 * Reads a URL of CrowdSec's files: http or https, no credentials. The result has no query and no fragment, where a
 * secret could stand, and ends with a slash: CrowdSec adds one too, and appends its paths (pkg/csconfig/api.go).
 */
export const readUrl = (text: string): ReadUrl => {
  // Whatever stands before an @ may be a password, also where the rest is no URL.
  const shown = text.includes("@") ? "[secret]" : (text.split(/[?#]/)[0] ?? "");
  const refuse = (problem: string): ReadUrl => ({ ok: false, shown, problem });
  if (!URL.canParse(text)) return refuse("not a URL");
  const { protocol, username, password, port, origin, pathname } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:") return refuse("neither http:// nor https://");
  if (username !== "" || password !== "") return refuse("a URL with credentials in it");
  if (port === "0") return refuse("a URL with port 0");
  return { ok: true, url: `${origin}${pathname}${pathname.endsWith("/") ? "" : "/"}` };
};
