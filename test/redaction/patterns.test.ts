import { expect, test } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import type { Kind } from "../../src/redaction/redactor.ts";

const redacted = (text: string, kind: Kind = "text"): string => {
  const redactor = createRedactor();
  redactor.study(text, kind, "a log");
  const result = redactor.redact(text, kind).text;
  expect(redactor.leaks(result)).toEqual([]);
  expect(redactor.redact(result, kind).text).toBe(result);
  return result;
};

const KEY43 = "26WsbH6MLaKUaRilA1zQ4LyYbMz3LvOsDel9bEZXv+U";
const PASSWORD64 = "kX3bT9aLqW2eRtYuIoP5sDfGhJkLmNbVcXaSdFgHjKlQwErTyUiOp1234567890a";
const JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6ImxhcGkiLCJleHAiOjE3MDB9.s5Nq3wT8vTx_abcDEF-0123456789";
const BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

/** What stands in a log, and what must stand there afterwards. */
const TAKEN: readonly (readonly [string, string, string])[] = [
  ["a password behind its name", "level=info password=canary-1x user=bob", "level=info password=REDACTED-1 user=bob"],
  ["a password in quotes", `set password="can ary" for bob`, `set password="REDACTED-1" for bob`],
  ["a key in JSON", `{"api_key":"canary-1x","n":1}`, `{"api_key":"REDACTED-1","n":1}`],
  [
    "a key in JSON within a log line",
    `msg="{\\"api_key\\":\\"canary-1x\\"}"`,
    `msg="{\\"api_key\\":\\"REDACTED-1\\"}"`,
  ],
  ["a token at the end of a line", "token: canary-1x\nnext", "token: REDACTED-1\nnext"],
  ["a proxy's login", "via http://proxy:canary-1x@10.0.0.1:3128/", "via http://proxy:REDACTED-1@10.0.0.1:3128/"],
  ["a login of any scheme", "loki://login:can%40ary@h:3102/?x=1", "loki://login:REDACTED-1@h:3102/?x=1"],
  ["a user who is somebody", "http://jane.doe7:canary-1x@h/", "http://REDACTED-1:REDACTED-2@h/"],
  ["a token in place of a user", "https://canaryT0ken9@github.com/x", "https://REDACTED-1@github.com/x"],
  ["a password that should have been escaped", "http://user:can/ary#1@proxy:3128", "http://user:REDACTED-1@proxy:3128"],
  ["a login in JSON's escaped slashes", `"http:\\/\\/user:canary-1x@h\\/p"`, `"http:\\/\\/user:REDACTED-1@h\\/p"`],
  ["a DSN of MySQL", "crowdsec:canary-1x@tcp(db:3306)/crowdsec", "crowdsec:REDACTED-1@tcp(db:3306)/crowdsec"],
  [
    "a connection string",
    "host=db user=crowdsec password='can ary' port=5432",
    "host=db user=crowdsec password='REDACTED-1' port=5432",
  ],
  ["a header with a token", "Authorization: Bearer canary-1x", "Authorization: Bearer REDACTED-1"],
  ["a header with a login", "> Authorization: Basic dXNlcjpjYW5hcnk=", "> Authorization: Basic REDACTED-1"],
  ["a bouncer's header", "X-Api-Key: canary-1x", "X-Api-Key: REDACTED-1"],
  ["cookies", "Set-Cookie: sid=canary; Path=/", "Set-Cookie: REDACTED-1"],
  ["a token behind its scheme", "sent Bearer abcdef0123456789", "sent Bearer REDACTED-1"],
  [
    "a parameter of a query",
    "GET /x?page=2&token=canary-1x&y=1 HTTP/1.1",
    "GET /x?page=2&token=REDACTED-1&y=1 HTTP/1.1",
  ],
  ["a signature of a query", "GET /x?sig=canary%2B1x HTTP/1.1", "GET /x?sig=REDACTED-1 HTTP/1.1"],
  ["a JSON web token", `token ${JWT} expired`, "token REDACTED-1 expired"],
  ["an AWS key", "id AKIAIOSFODNN7EXAMPLE used", "id REDACTED-1 used"],
  ["a GitHub token", `x ghp_${"a1B2".repeat(9)} y`, "x REDACTED-1 y"],
  ["a GitLab token", "glpat-aaaaBBBB1111cccc2222", "REDACTED-1"],
  ["a Slack token", "xoxb-123456789012-abcdefGHIJ", "REDACTED-1"],
  ["a Google key", `AIza${"Ab1".repeat(11)}xy`, "REDACTED-1"],
  ["Slack's webhook", "https://hooks.slack.com/services/T0/B0/canary", "https://hooks.slack.com/services/REDACTED-1"],
  ["Discord's webhook", "https://discord.com/api/webhooks/12/canary-1x", "https://discord.com/api/webhooks/REDACTED-1"],
  ["Teams' webhook", "https://x.webhook.office.com/webhookb2/canary@1/y", "https://x.webhook.office.com/REDACTED-1"],
  [
    "Telegram's bot",
    "https://api.telegram.org/bot123:canary/sendMessage",
    "https://api.telegram.org/botREDACTED-1/sendMessage",
  ],
  ["a bouncer's key since 1.5.3", `key ${KEY43} given`, "key REDACTED-1 given"],
  [
    "what cscli prints for a new bouncer",
    "API key for 'x':\n\n   837be58e22a28738066de1be8f53636b\n\n",
    "API key for 'x':\n\n   REDACTED-1\n\n",
  ],
  ["a machine's password", `machine ${PASSWORD64} added`, "machine REDACTED-1 added"],
  ["the hash of a bouncer's key", `| ${"0123456789abcdef".repeat(8)} |`, "| REDACTED-1 |"],
  [
    "an enrolment",
    "cscli console enroll -e context ckqlyuz9700000vji4abcdefg",
    "cscli console enroll -e context REDACTED-1",
  ],
  [
    "a private key",
    `-----BEGIN PRIVATE KEY-----\n${BODY}\n${BODY}\n-----END PRIVATE KEY-----\nz`,
    "-----BEGIN PRIVATE KEY-----\nREDACTED-1\n\n-----END PRIVATE KEY-----\nz",
  ],
  [
    "a private key on one line",
    `"-----BEGIN RSA PRIVATE KEY-----\\n${BODY}\\n-----END RSA PRIVATE KEY-----\\n"`,
    `"-----BEGIN RSA PRIVATE KEY-----\\nREDACTED-1\\n-----END RSA PRIVATE KEY-----\\n"`,
  ],
  [
    "a private key that was cut off",
    `-----BEGIN EC PRIVATE KEY-----\n${BODY}\n${BODY.slice(9)}`,
    "-----BEGIN EC PRIVATE KEY-----\nREDACTED-1\n",
  ],
  ["a header in Go's map", "map[X-Api-Key:[GoMapKey1122] A:[b]]", "map[X-Api-Key:[REDACTED-1] A:[b]]"],
  ["a header in JSON's list", `{"headers":{"X-Api-Key":["Hunter2zz"]}}`, `{"headers":{"X-Api-Key":["REDACTED-1"]}}`],
  [
    "a header as Go prints it",
    `http.Header{"X-Api-Key":[]string{"Hunter2zz"}, "A":[]string{"b"}}`,
    `http.Header{"X-Api-Key":[]string{"REDACTED-1"}, "A":[]string{"b"}}`,
  ],
  ["a password in brackets", "password: (Third4bb)", "password: (REDACTED-1)"],
  ["a password behind a lone bracket", "password=[Four5cc x", "password=[REDACTED-1 x"],
  ["a password that begins with a percent sign", "pass: %Fif6dd", "pass: REDACTED-1"],
  ["a password behind an angle", "password: <Six7ee", "password: <REDACTED-1"],
  ["a password behind two signs", "password==x1y2z3", "password==REDACTED-1"],
  ["a password that begins with a tilde", "password=~x1y2", "password=REDACTED-1"],
  ["a password with a quote in it", "password=fo'Nin0hh x", "password=REDACTED-1 x"],
  ["a password with a backtick in it", "password=fo`Nin0hh x", "password=REDACTED-1 x"],
  [
    "a quote in JSON within a log line",
    `msg="{\\"password\\":\\"Hun\\\\\\"ter2zz\\",\\"n\\":1}"`,
    `msg="{\\"password\\":\\"REDACTED-1\\",\\"n\\":1}"`,
  ],
  ["a line break in JSON's value", `{"password": "Hun\nter2zz", "n": 1}`, `{"password": "REDACTED-1\n", "n": 1}`],
  ["signs of addresses in a password", "http://bob:Hun@ter2/zz@host/path", "http://bob:REDACTED-1@host/path"],
  ["a login without a scheme", "proxy: bob:Secnd3aa@proxy:3128", "proxy: bob:REDACTED-1@proxy:3128"],
  ["a login behind two slashes", "url: //bob:Hunter2zz@host", "url: //bob:REDACTED-1@host"],
  ["a login in a query", "GET /?u=admin&p=Hunter2zz HTTP/1.1", "GET /?u=admin&p=REDACTED-1 HTTP/1.1"],
  ["a password in a sentence", "with password Hunter2zz now", "with password REDACTED-1 now"],
  ["a password in a sentence's brackets", `(password "Hunter2zz")`, `(password "REDACTED-1")`],
  ["a password in XML", "<password>hunterzz</password>", "<password>REDACTED-1</password>"],
  ["MySQL's user", "CREATE USER x IDENTIFIED BY 'hunterzz';", "CREATE USER x IDENTIFIED BY 'REDACTED-1';"],
  ["PostgreSQL's user", "CREATE ROLE x WITH PASSWORD 'hunterzz';", "CREATE ROLE x WITH PASSWORD 'REDACTED-1';"],
  [".netrc", "machine h login bob password hunterzz", "machine h login bob password REDACTED-1"],
  ["nginx' header", "proxy_set_header X-Api-Key hunterzz;", "proxy_set_header X-Api-Key REDACTED-1;"],
  ["nginx' variable", `set $api_key "hunterzz";`, `set $api_key "REDACTED-1";`],
  ["Redis' password", "requirepass hunterzz\n", "requirepass REDACTED-1\n"],
  [
    "a key that a log wrote line by line, and was cut off",
    `Nov 23 07:00:00 h app[1]: -----BEGIN RSA PRIVATE KEY-----\nNov 23 07:00:01 h app[1]: ${BODY}\nNov 23 07:00:02 h x`,
    "Nov 23 07:00:00 h app[1]: -----BEGIN RSA PRIVATE KEY-----\nNov 23 07:00:01 h app[1]: REDACTED-1\nNov 23 07:00:02 h x",
  ],
  [
    "a key whose first line was cut off",
    `${BODY}\n${BODY}\nAbCd\n-----END PRIVATE KEY-----\nz`,
    "REDACTED-1\nREDACTED-1\nREDACTED-2\n-----END PRIVATE KEY-----\nz",
  ],
  [
    "a key of SSH2",
    `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n${BODY}\n${BODY}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----`,
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nREDACTED-1\n\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
  ],
  ["a key of PuTTY", `Private-Lines: 1\n${BODY}\nPrivate-MAC: a`, "Private-Lines: 1\nREDACTED-1\nPrivate-MAC: a"],
  [
    "a key in base64",
    `tls: ${Buffer.from(`-----BEGIN PRIVATE KEY-----\n${BODY}\n-----END PRIVATE KEY-----\n`).toString("base64")}`,
    "tls: REDACTED-1",
  ],
  [
    "a password in colours",
    "\x1b[36mpassword\x1b[0m=hunterzz \x1b[36mx\x1b[0m=1",
    "\x1b[36mpassword\x1b[0m=REDACTED-1 \x1b[36mx\x1b[0m=1",
  ],
  ["a value in colours", "password=\x1b[31mhunterzz\x1b[0m x", "password=\x1b[31mREDACTED-1\x1b[0m x"],
  ["a password in escaped colours", "\\x1b[31mpassword\\x1b[0m=hunterzz x", "\\x1b[31mpassword\\x1b[0m=REDACTED-1 x"],
  [
    "an escaped parameter",
    "GET /?r=%2Fx%3Fpassword%3Dhunterzz%26b%3D1 HTTP",
    "GET /?r=%2Fx%3Fpassword%3DREDACTED-1%26b%3D1 HTTP",
  ],
  ["JSON in an address", "?q=%7B%22password%22%3A%22hunterzz%22%7D", "?q=%7B%22password%22%3A%22REDACTED-1%22%7D"],
  [
    "JSON in JSON for HTML",
    "\\u0022password\\u0022:\\u0022hunterzz\\u0022,",
    "\\u0022password\\u0022:\\u0022REDACTED-1\\u0022,",
  ],
  ["JSON in HTML", "&quot;password&quot;:&quot;hunterzz&quot;,", "&quot;password&quot;:&quot;REDACTED-1&quot;,"],
  ["a key in two words", "api key: Hunter2zz", "api key: REDACTED-1"],
  ["a key for somebody", "API key for x: Hunter2zz", "API key for x: REDACTED-1"],
  ["a password for somebody", "Password for bob: Hunter2zz", "Password for bob: REDACTED-1"],
  ["what a password was", "the password was Hunter2zz", "the password was REDACTED-1"],
  ["a password behind a blank", "password= Hunter2zz", "password= REDACTED-1"],
  ["a constant of PHP", "define('API_KEY', 'hunterzz');", "define('API_KEY', 'REDACTED-1');"],
  ["HAProxy's header", "http-request set-header X-Api-Key hunterzz", "http-request set-header X-Api-Key REDACTED-1"],
  ["Apache's header", 'RequestHeader set X-Api-Key "hunterzz"', 'RequestHeader set X-Api-Key "REDACTED-1"'],
  ["MySQL's new password", "SET PASSWORD = PASSWORD('hunterzz')", "SET PASSWORD = PASSWORD('REDACTED-1')"],
  ["PHP's session", "Cookies PHPSESSID=hunterzz1; x", "Cookies PHPSESSID=REDACTED-1; x"],
  ["a hash of htpasswd", "bob:$apr1$abcdefgh$0123456789ABCDEFGHIJ./", "bob:REDACTED-1"],
  [
    "a line of shadow",
    `root:$6$abcdefgh$${"aB1.".repeat(21)}ab:19000:0:99999:7:::`,
    "root:REDACTED-1:19000:0:99999:7:::",
  ],
  ["a hash of bcrypt", `bob:$2y$10$${"aB1.".repeat(13)}a`, "bob:REDACTED-1"],
  ["a login of SMTP", "AUTH PLAIN AGJvYgBIdW50ZXIy", "AUTH PLAIN REDACTED-1"],
  ["a number in JSON", '{"token":12}', '{"token":"REDACTED-1"}'],
  [
    "a key that logrus wrote line by line",
    `level=info msg="-----BEGIN PRIVATE KEY-----"\nlevel=info msg=${BODY}\nlevel=info msg=${BODY} file=x`,
    `level=info msg="-----BEGIN PRIVATE KEY-----"\nlevel=info msg=REDACTED-1\nlevel=info msg=REDACTED-1 file=x`,
  ],
];

test.each(TAKEN)("%s is taken out, and what is around it stays", (_what, text, expected) => {
  expect(redacted(text)).toBe(expected);
});

/** What looks like one and is none. */
const LEFT: readonly (readonly [string, string])[] = [
  ["a digest of an image", `image: crowdsec@sha256:${"0af3".repeat(16)}`],
  ["a hash of the hub", `"digest": "${"0af3".repeat(16)}"`],
  ["a UUID", "id 123e4567-e89b-12d3-a456-426614174000"],
  ["a commit", "a88b497b4a88b497b4a88b497b4a88b497b4aaaa"],
  ["a machine's id", `${"0af3".repeat(8)}kX3bT9aLqW2eRtYu`],
  ["a certificate", `-----BEGIN CERTIFICATE-----\n${PASSWORD64}\n${PASSWORD64}\nMIIB==\n-----END CERTIFICATE-----`],
  ["a fingerprint", `SHA256:${KEY43}`],
  ["a public key", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"],
  ["a sentence about tokens", "token: unexpected end of input, invalid token: expired"],
  ["a sentence about passwords", "Failed password for root from 192.0.2.1 port 22 ssh2"],
  ["MySQL's word about a password", "Access denied for user 'x'@'h' (using password: YES)"],
  [
    "CrowdSec's word about a key",
    `time="x" level=error msg="auth-api: auth with api key failed return nil response, error: dial tcp 127.0.0.1:8080: connect: connection refused"`,
  ],
  ["CrowdSec's word about a password", "401: incorrect Username or Password"],
  ["addresses without a login", "https://api.crowdsec.net/v3/signals http://[::1]:8080/ postgres://db:5432/crowdsec"],
  ["an address with a sign in its path", "https://example.com/@scope/package user@example.com"],
  ["a login of git", "ssh://git@github.com/x"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CrowdSec's, not JavaScript's
  ["references", "password=${DB_PASSWORD} api_key: <API_KEY> token={{ .Env.TOKEN }} password=$DB_PASSWORD"],
  ["booleans and nothing", "password: true token= secret: null password="],
  ["paths of keys", "key_path: /etc/ssl/private/x.key key_file=/etc/x.pem client_key: /etc/c.key"],
  [
    "what is about a secret",
    "token_url=https://x/t secret_name: db cookie_name: sid auth_type: basic public_key: abcdef sort_key=ab12",
  ],
  ["a life time", "login_password: 6h api_key: 1h30m"],
  ["a comparison", `evt.Parsed.password == "x" && token != "y"`],
  ["what was taken out already", "password=REDACTED-4 [secret] token: ******** key=REDACTED-1"],
  ["words of HTTP", "WWW-Authenticate: JWT realm=Crowdsec API local; Basic authentication is required"],
  ["a long path", "/usr/share/Crowdsec/Plugins/Notification1/Bin2/abcdefgh"],
  ["an error about a token", `could not get jwt token: Post "https://api.crowdsec.net/v3/x": EOF`],
  ["an answer's number", "failed to get token: 403 Forbidden"],
  ["a cookie that is not there", "no token found in cookie, cookie: none"],
  ["what counts the checks", `PASS: lapi-reachable\npass=3 fail=1\npass: 1\n{"pass": 11, "fail": 0}`],
  ["a number of tokens", "tokens_used=17 cookies=3"],
  ["a state", "token=expired auth: ok"],
  ["a user of that name", "Invalid user token: from 1.2.3.4 port 22"],
  ["a hash of a file", `sha512: ${"0123456789abcdef".repeat(8)}\n${"0123456789abcdef".repeat(8)}  /boot/x`],
  ["a template's place", "password: {{ .Password }} api_key: <API_KEY> password: <your password>"],
  ["a query with an address of mail", "http://user@example.com/x?mail=bob@example.org https://h:80/a:b/@x"],
  ["an image of a registry", "image: registry:5000/crowdsec:v1.7.8@sha256:0af3 at 10:00:01 bob@example.org"],
  ["base64 of a certificate", Buffer.from("-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n").toString("base64")],
  ["what is not set", "password=unset api_key=missing"],
  ["an item of the hub", "hub token: crowdsecurity/sshd"],
  ["a count of tokens", "tokens: 12/50"],
  ["where a key is", "using api_key: /etc/crowdsec/key"],
  ["a kind of cookie", "cookie: SameSite=Lax"],
  ["an example of a query", "GET /?key=value HTTP/1.1"],
  ["how a login went", "login bob password ok"],
  ["where a key was looked for", 'expected "-----BEGIN PRIVATE KEY-----" in /etc/crowdsec/ssl/key.pem'],
  ["a failed login", "Failed password for root from 192.0.2.1 port 22 ssh2; auth with api key failed: 403"],
];

test.each(LEFT)("%s stays", (_what, text) => {
  expect(redacted(text)).toBe(text);
});

test("the password of a login in base64 is known then, wherever it stands", () => {
  const basic = Buffer.from("user:cA9n4rY7x2Qw").toString("base64");
  const text = `Authorization: Basic ${basic}\nlogged in with cA9n4rY7x2Qw`;
  expect(redacted(text)).toBe("Authorization: Basic REDACTED-1\nlogged in with REDACTED-1");
});

const MEGABYTE = 1 << 20;
/** Lines that make a careless expression, or a parser, go back and forth. */
const HOSTILE: readonly (readonly [Kind, readonly string[]])[] = [
  ["text", ["password=", "?key=", "eyJ-", "http://a:b@", "\\", "-----BEGIN PRIVATE KEY-----", "Authorization: Basic "]],
  ["text", ["-----END PRIVATE KEY-----", `${BODY}\n-----END PRIVATE KEY-----`, "LS0tLS1CRUdJTi", "a:b1", "login a1 "]],
  ["text", ["password%3D", "%22password%22%3A%22", "api key for ", "$6$a", "-----BEGIN PRIVATE KEY-----\\"]],
  ["text", ["password ", "?u=", "password='", 'password":"\\\\', "token=a'b", "BEGIN PRIVATE KEY-----\nx: AAAA"]],
  ["yaml", ["a: ", "[", '{"a":', "a: &a *a\n", "- \n", 'password: "\n', "api_key: |\n x\n"]],
  ["json", ["[", '{"a":', '"', '"\\', '""']],
  ["environment", ["X=\\\n", 'A="\n', "A='"]],
  ["settings", ["A=b "]],
  ["directives", ["A "]],
  ["unit", ['Environment="\n', "Environment=A=b \\\n"]],
  ["arguments", ["--password ", "-H '", '"']],
  ["accounts", [":"]],
];

test.each(HOSTILE.flatMap(([kind, pieces]) => pieces.map((piece) => [kind, piece] as const)))(
  "a megabyte made for it does not hold up who reads %s (%j)",
  (kind, piece) => {
    const text = piece.repeat(Math.ceil(MEGABYTE / piece.length));
    const redactor = createRedactor();
    redactor.note(`canary "secret" %${KEY43}`, "test");
    const begun = performance.now();
    redactor.study(text, kind, "hostile");
    redactor.leaks(redactor.redact(text, kind).text);
    expect(performance.now() - begun).toBeLessThan(45_000);
  },
  90_000,
);

test("millions of names without an end are read in a moment", () => {
  const text = "password=".repeat(300_000);
  const redactor = createRedactor();
  const begun = performance.now();
  redactor.study(text, "text", "hostile");
  redactor.redact(text, "text");
  expect(performance.now() - begun).toBeLessThan(45_000);
}, 90_000);
