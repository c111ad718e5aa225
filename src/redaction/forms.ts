import { ALPHABET } from "./base64.ts";
import { foldedText } from "./views.ts";

/** How a value may be written. */
export interface Form {
  readonly text: string;
  readonly form: "plain" | "base64" | "hex" | "URL-escaped" | "JSON-escaped" | "HTML-escaped" | "quoted";
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hexOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Those characters of base64 that say these bytes and nothing else, when `before` bytes stand before them in a group of three. */
const base64At = (bytes: Uint8Array, before: number): string => {
  const padded = new Uint8Array(before + bytes.length);
  padded.set(bytes, before);
  let text = "";
  // Characters that are of the padding, or of what follows, are left away.
  const first = Math.ceil((before * 8) / 6);
  const last = Math.floor((padded.length * 8) / 6);
  for (let index = first; index < last; index += 1) {
    const bit = index * 6;
    const pair = ((padded[bit >> 3] ?? 0) << 8) | (padded[(bit >> 3) + 1] ?? 0);
    text += ALPHABET[(pair >> (10 - (bit & 7))) & 63];
  }
  return text;
};

const urlAlphabet = (text: string): string => text.replaceAll("+", "-").replaceAll("/", "_");

/** What has to be looked for as it is: no reading of the text brings the value to light. */
const encodedForms = (value: string): readonly Form[] => {
  const bytes = bytesOf(value);
  const hex = hexOf(bytes);
  const base64 = [0, 1, 2].map((before) => base64At(bytes, before));
  return [
    { text: hex, form: "hex" },
    { text: hex.toUpperCase(), form: "hex" },
    ...[...base64, ...base64.map(urlAlphabet)].map((text): Form => ({ text, form: "base64" })),
  ];
};

const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const ascii = (text: string): string =>
  text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
/** Go's encoding/json, which makes JSON safe for HTML. */
const goJson = (text: string): string =>
  json(text).replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);

/** Escapes as `%41` all that `keep` does not match. */
const percented = (text: string, keep: RegExp): string =>
  Array.from(text, (char) => (keep.test(char) ? char : hexOf(bytesOf(char)).toUpperCase().replace(/../g, "%$&"))).join(
    "",
  );
const lowerEscapes = (text: string): string => text.replace(/%[\dA-F]{2}/g, (escaped) => escaped.toLowerCase());

/** Every way in which a value may stand somewhere, made from the value: the proof against what was found by reading. */
export const formsOf = (value: string): readonly Form[] => {
  const urls = [
    percented(value, /[\w.~-]/),
    // JavaScript's encodeURIComponent, Go's url.UserPassword and url.PathEscape, curl's own.
    percented(value, /[\w.~!*'()-]/),
    percented(value, /[\w.~$&+,;=-]/),
    percented(value, /[\w.~$&+:=@-]/),
    percented(value, /[\w.~!#$&'()*+,/:;=?@[\]-]/),
  ].flatMap((text) => [text, lowerEscapes(text), text.replaceAll("%20", "+")]);
  const escaped = [
    json(value),
    ascii(json(value)),
    goJson(value),
    ascii(goJson(value)),
    json(value).replaceAll("/", "\\/"),
  ].flatMap((text) => [text, json(text)]);
  const html = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const quoted = [
    value.replaceAll("'", "''"),
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    value.replaceAll('"', '""'),
    value.replace(/["\\$`]/g, "\\$&"),
    value.replace(/["\\]/g, "\\$&"),
    value.replace(/[^\w/.,:@%+-]/g, "\\$&"),
  ];
  const all: readonly Form[] = [
    { text: value, form: "plain" },
    { text: foldedText(value), form: "plain" },
    ...escaped.map((text): Form => ({ text, form: "JSON-escaped" })),
    ...urls.map((text): Form => ({ text, form: "URL-escaped" })),
    ...[
      html.replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
      html.replaceAll('"', "&#34;").replaceAll("'", "&#39;"),
      html.replaceAll('"', "&quot;").replaceAll("'", "&apos;"),
      html.replaceAll('"', "&quot;").replaceAll("'", "&#x27;"),
      html,
    ].map((text): Form => ({ text, form: "HTML-escaped" })),
    ...quoted.flatMap((text): Form[] => [
      { text, form: "quoted" },
      // In a report or an observation, which are JSON.
      { text: json(text), form: "quoted" },
    ]),
    ...encodedForms(value),
  ];
  const seen = new Set<string>();
  return all.filter(({ text }) => {
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
};
