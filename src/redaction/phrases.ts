import { HAS_STAND_IN } from "./assignments.ts";
import { type Span, spanOf } from "./spans.ts";
import { isNoSecret, isPath } from "./values.ts";

/*
 * No expression here may take more than a bounded number of steps for a place at which it begins: what is read comes from
 * outside.
 */

/** Where a password is told otherwise than behind a sign: SQL, .netrc, nginx, redis, XML. */
const PHRASES: readonly RegExp[] = [
  /\bIDENTIFIED[ \t]{1,4}(?:WITH[ \t]{1,4}[\w'"]{1,40}[ \t]{1,4})?(?:BY|AS)[ \t]{1,4}(?:PASSWORD[ \t]{1,4})?['"]([^'"\n]{1,200})['"]/gi,
  /\b(?:WITH|ENCRYPTED|UNENCRYPTED)[ \t]{1,4}PASSWORD[ \t]{1,4}['"]([^'"\n]{1,200})['"]/gi,
  /\blogin[ \t]{1,4}\S{1,100}\s{1,8}password[ \t]{1,4}(\S{1,200})/gi,
  /\b(?:proxy_set_header|set-header|add-header|RequestHeader[ \t]{1,8}(?:set|add|append|setifempty))[ \t]{1,8}["']?(?:X-[\w-]{0,40}(?:key|token|secret)|authorization)["']?[ \t]{1,8}["']?(?:Bearer |Basic )?([^\s"';$]{1,300})/gi,
  /\bset[ \t]{1,8}\$\w{0,40}(?:key|token|secret|pass(?:word)?)[ \t]{1,8}["']?([^\s"';$]{1,300})/gi,
  /(?:^|\n)[ \t]{0,8}(?:requirepass|masterauth)[ \t]{1,8}["']?([^\s"']{1,200})/g,
  /<(?:[\w-]{0,20}(?:password|passwd|secret|token|api[_-]?key))>([^<>\n]{1,300})<\//gi,
  /\bdefine\(\s{0,3}['"]\w{0,40}(?:PASSWORD|PASS|KEY|TOKEN|SECRET|SALT)['"]\s{0,3},\s{0,3}['"]([^'"\n]{1,200})['"]/gi,
  /\bSET[ \t]{1,4}PASSWORD\b[^=\n]{0,100}=[ \t]{0,4}(?:PASSWORD[ \t]{0,2}\()?[ \t]{0,2}['"]([^'"\n]{1,200})['"]/gi,
  /\b(?:PHPSESSID|JSESSIONID|ASP\.NET_SessionId|connect\.sid)=([\w%.-]{6,200})/gi,
  /\bsession_?id["']?[=:][ \t]?["']?([A-Za-z0-9]{16,128})(?![\w-])/gi,
  /\bAUTH[ \t]{1,3}(?:PLAIN|LOGIN|XOAUTH2)[ \t]{1,3}([A-Za-z0-9+/]{8,500}={0,2})/g,
  /[?&](?:u|user|username)=[^&\s]{0,100}&(?:amp;)?p=([^\s&"'<>#]{1,200})/gi,
];
/** `password Hunter2zz`: a sentence has no digits there. */
const BESIDE =
  /\b(?:password|passwd|passphrase|(?:api|lapi|bouncer|enrollment|access|secret)[ ]key)(?:[ \t]{1,3}(?:for|of)[ \t]{1,3}[^\s:]{1,60}:|[:=])?[ \t]{1,3}(?:(?:is|was)[ \t])?["']?((?=[^\s"']{0,60}\d)(?=[^\s"']{0,60}[A-Za-z])[^\s"'<>:=()]{5,119}[^\s"'<>:=().,;])(?=["')\s.,;]|$)/gi;

export const phrases = (text: string): readonly Span[] =>
  [...PHRASES, BESIDE].flatMap((expression) =>
    [...text.matchAll(expression)].flatMap(({ index, 0: whole, 1: value = "" }) =>
      isNoSecret(value) ||
      isPath(value) ||
      /^(?:ok|failed|wrong|rejected|accepted)$/i.test(value) ||
      HAS_STAND_IN.test(value)
        ? []
        : [spanOf(index + whole.lastIndexOf(value), value, "password in a text")],
    ),
  );
