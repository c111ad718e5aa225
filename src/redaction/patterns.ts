import { named } from "./assignments.ts";
import { loginsWithoutScheme, mysqlAddresses, queries, urls } from "./logins.ts";
import { phrases } from "./phrases.ts";
import { pings } from "./pings.ts";
import { otherKeys, privateKeys } from "./private-keys.ts";
import type { Kind } from "./redactor.ts";
import { inOrder, type Span } from "./spans.ts";
import { crowdsecs, schemed, tokens } from "./tokens.ts";

/** What looks like a secret in any text. @param isOrdinary whether a word is known to name something plain */
export const patternSpans = (text: string, kind: Kind, isOrdinary: (word: string) => boolean): readonly Span[] =>
  inOrder([
    ...privateKeys(text),
    ...urls(text, isOrdinary),
    ...pings(text),
    ...mysqlAddresses(text),
    ...loginsWithoutScheme(text),
    ...phrases(text),
    ...otherKeys(text),
    ...queries(text),
    ...named(text, kind === "yaml"),
    ...schemed(text),
    ...tokens(text),
    ...crowdsecs(text),
  ]);
