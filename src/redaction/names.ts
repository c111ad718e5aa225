import type { KnownVariables } from "./spans.ts";
import { type IsSet, isDuration, isNoSecret, isPath, isRandom } from "./values.ts";

/*
 * Which names say that their value is secret. The names were taken from: pkg/csconfig/{api,database}.go,
 * pkg/acquisition/modules/*, cmd/notification-*, build/docker/README.md in https://github.com/crowdsecurity/crowdsec at tags
 * v1.4.6 to v1.7.8, and the bouncers' and notification plugins' pages of https://docs.crowdsec.net. The rule goes by the words in a
 * name, so that it holds for bouncers and plugins that nobody has listed.
 */

/** `crowdsecLapiKey`, `CrowdsecAPIKey`, `X-Api-Key`, `smtp_password` as words in small letters. */
export const wordsOf = (name: string): readonly string[] =>
  name
    .slice(0, 120)
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** One of these words is enough. */
const SECRET =
  words(`password passwords passwd passphrase passcode pass pwd pw passwort secret secrets token tokens jwt psk
  credential credentials creds authorization cookie cookies bearer apikey apikeys lapikey authkey accesskey secretkey
  privatekey sharedkey enrollkey ctikey signingkey masterkey passkey bouncerkey apikeyvalue otp webhook webhooks userpwd userpass`);
/** And these when a word ends in them: `dbpassword`, `accesstoken`. */
const ENDINGS = /(?:password|passwd|passphrase|secret|token|apikey|pwd)$/;
/** Words that are secret as the last of a name in a file of settings; in a log they are words like others. */
const QUIET = words("pin seed salt hmac sas");
/** A name that ends in one of these speaks about a secret and does not hold it. */
const ABOUT =
  words(`path paths file files filename dir directory folder url urls uri endpoint host hostname name names type
  types enabled enable enabling ttl expiry expires expiration duration timeout length len size count max min limit algorithm
  algo policy id ids field mode method source ref every cert certificate env format provider scope age interval at cost version
  status issuer action bucket rotation sock socket required verification audience server port user username cache prefix
  regex regexp pattern description label labels header headers per code charset kind usage review agent reuse list hint
  sharing domain level class rule rules location`);
/** And one that begins with one of these asks yes or no, or counts. */
const ASKS = words(
  "use is has no enable disable require requires allow rotate regenerate skip ignore max min num public total",
);
/** Keys that open nothing. */
const PUBLIC =
  words(`public cache sort primary foreign partition group map index object trusted signed site uniq unknown accessor
  recaptcha_site gpg sort hot lookup unique dedup deduplication message row column label json yaml config registry sorting
  translation merge home end enter any`);
/** Keys that are written as a path to a file more often than not. */
const FILED = words("client server tls ssl private cert ca host ssh mtls lapi_tls pem");
/** Words of a configuration that stand under `auth` and say how, not with what. */
const WAYS = words(`basic plain login none digest ntlm mtls tls ldap oauth oauth2 jwt bearer headers basic_auth crammd5
  cram-md5 sasl iam cert certificate password scram negotiate kerberos default anonymous token required optional`);

/**
 * How a name speaks of its value: `value`: it is secret; `file`: unless it is a path; `way`: unless it is a known word; `quiet`: under
 * a key of a file, not in free text.
 */
export type NameKind = "value" | "file" | "way" | "bare" | "quiet";

/**
 * What a name says; undefined where it says nothing. `bare`: `key` alone, which stands for anything.
 */
export const kindOfName = (name: string): NameKind | undefined => {
  const parts = wordsOf(name);
  const last = parts.at(-1);
  const [first = ""] = parts;
  if (last === undefined) return undefined;
  // BOUNCER_KEY_<name> of CrowdSec's image (build/docker/README.md): whatever the bouncer is called.
  if (first === "bouncer" && parts[1] === "key" && parts.length > 2) return "value";
  if (parts.length === 1 && last === "key") return "bare";
  // systemd.exec(5): where a credential is found, not what it is.
  if (/^(?:load|import)_credential(?:_encrypted)?$/.test(parts.join("_"))) return undefined;
  // Whoever has the URL of a monitoring service's check can ping too.
  if (last === "url" && /^(?:ping|healthchecks?|heartbeat)$/.test(parts.at(-2) ?? "")) return "value";
  // PagerDuty's opens a service, a message queue's does not: what it looks like tells.
  if (last === "key" && parts.at(-2) === "routing") return "bare";
  if (/access_key_id$/.test(parts.join("_"))) return "value";
  if (last === "list" && parts.length > 1)
    return kindOfName(parts.slice(0, -1).join("_")) === "value" ? "file" : undefined;
  if (ABOUT.has(last) && !(last === "header" && parts.includes("authorization"))) return undefined;
  if (parts.length > 1 && ASKS.has(first)) return undefined;
  // nginx: proxy_pass, fastcgi_pass say where to; a secret's own name is its last word or stands before a word of a place.
  if (last === "pass" && /^(?:proxy|fastcgi|uwsgi|grpc|scgi|memcached|default|by)$/.test(parts.at(-2) ?? ""))
    return undefined;
  if (parts.some((word) => word === "credentials" || word === "creds" || word === "credential")) return "file";
  if (parts.some((word) => SECRET.has(word) || ENDINGS.test(word))) return "value";
  const keyAt = parts.findLastIndex((word) => word === "key" || word === "keys");
  if (keyAt > 0) {
    const before = parts[keyAt - 1] ?? "";
    if (PUBLIC.has(before) || parts.includes("public")) return undefined;
    if (FILED.has(before)) return "file";
    // `keys` of whom nobody knows are lists of names.
    if (parts[keyAt] === "keys" || keyAt < parts.length - 1)
      return /^(?:api|lapi|secret|access|auth|shared|enroll|signing|encryption|app|bouncer|cti|master|service)$/.test(
        before,
      )
        ? "value"
        : undefined;
    return "value";
  }
  if (QUIET.has(last) || (last === "plain" && parts.includes("sasl"))) return "quiet";
  return last === "auth" ? "way" : undefined;
};

const NAMING =
  words(`user username login db_name database host hostname name type group unit machine_id source sni server_name
  listen_addr listen_uri dbname program path file dir url`);
/** Whether what stands under a name says how something is called: such words are no secrets where they stand alone. */
export const isNaming = (name: string): boolean => NAMING.has(name.toLowerCase());

/** Whether what such a name holds is a list of secrets, or a mapping to them: everything in it is secret. */
export const holdsSecrets = (name: string, isList: boolean): boolean => {
  const kind = kindOfName(name);
  if (kind !== "value" && kind !== "file") return false;
  return (
    isList ||
    /^(?:secrets?|tokens|passwords?|passwd|passphrase|pwd|credentials|creds|cookies|keys|apikeys?|users)$/.test(
      wordsOf(name).at(-1) ?? "",
    )
  );
};

/** Of a mapping whose values are secret, those keys that say where these are, or how long they are good. */
export const isAboutSecrets = (name: string): boolean =>
  kindOfName(name) === undefined &&
  (ABOUT.has(wordsOf(name).at(-1) ?? "") || ASKS.has(wordsOf(name)[0] ?? "") || /^(?:optional|login)$/i.test(name));

/** Names whose value is a password, whatever it looks like. */
const PASSWORD = words("password passwords passwd passphrase passcode pass pwd pw passwort userpwd userpass");
const TIME = /autodelete|expir|ttl|timeout|interval|duration|retention|lifetime|flush|age|rotat|refresh/i;

/** Whether a value says when, and not what. */
const isTime = (name: string, value: string, parents: readonly string[]): boolean => {
  if (!isDuration(value)) return false;
  if (TIME.test(parents.at(-1) ?? "")) return true;
  return value.trim().length <= 5 && !wordsOf(name).some((word) => PASSWORD.has(word) || /pass(?:word|wd)$/.test(word));
};

/** Below these a `key` alone is one that opens something (api.cti.key of config.yaml, since CrowdSec 1.5.0). */
const OPENED = words("cti api lapi capi secret license auth account service enroll");

/**
 * Why a value is secret by the name that it stands under; undefined where it is not.
 * @param parents names of the mappings around it, the nearest last
 * @param isSet as of `isNoSecret`: given for what stands under a key of a file
 */
export const secretBy = (
  name: string,
  value: string,
  parents: readonly string[] = [],
  isSet?: IsSet,
): string | undefined => {
  // A shell's working directory, and the one before.
  if (/^(?:OLD)?PWD$/.test(name)) return undefined;
  const kind = kindOfName(name);
  if (kind === undefined || isNoSecret(value, isSet) || isTime(name, value, parents)) return undefined;
  const rule = `key ${name.slice(0, 60)}`;
  switch (kind) {
    case "value":
      return rule;
    case "quiet":
      return isSet === undefined || isPath(value) ? undefined : rule;
    case "file":
      return isPath(value) ? undefined : rule;
    case "way":
      return WAYS.has(value.trim().toLowerCase()) || isPath(value) ? undefined : rule;
    case "bare": {
      const around = wordsOf(parents.at(-1) ?? "");
      // secretKeyRef of Kubernetes names the key, and holds none.
      const opened = around.some((word) => OPENED.has(word)) && !/^(?:ref|selector)$/.test(around.at(-1) ?? "");
      return (opened || isRandom(value)) && !isPath(value) ? rule : undefined;
    }
  }
};

/** Variables that say nothing about anybody, and those that checks judge. */
const HARMLESS =
  words(`PATH HOME USER LOGNAME SHELL TERM COLORTERM PWD OLDPWD SHLVL _ HOSTNAME MAIL TMPDIR TMP TEMP EDITOR PAGER
  LANG LANGUAGE TZ DISPLAY DEBIAN_FRONTEND container KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT REQUEST_METHOD
  http_proxy https_proxy no_proxy all_proxy ftp_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY FTP_PROXY
  SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
  LOCALDOMAIN RES_OPTIONS HOSTALIASES GODEBUG GOMAXPROCS GOMEMLIMIT GOGC GOTRACEBACK LD_LIBRARY_PATH MALLOC_ARENA_MAX
  INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID SYSTEMD_LOG_LEVEL NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC MAINPID MANAGERPID
  LISTEN_PID LISTEN_FDS LISTEN_FDNAMES MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE CREDENTIALS_DIRECTORY RUNTIME_DIRECTORY
  STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY CONFIGURATION_DIRECTORY SERVICE_RESULT EXIT_CODE EXIT_STATUS
  SUDO_USER SUDO_UID SUDO_GID RC_SVCNAME RC_CONF_FILE SVCNAME SUPERVISE_DAEMON_OPTS
  CONFIG_FILE CONFIG_DIR CUSTOM_HOSTNAME LOCAL_API_URL AGENT_USERNAME COLLECTIONS PARSERS SCENARIOS POSTOVERFLOWS CONTEXTS
  APPSEC_CONFIGS APPSEC_RULES CAPI_WHITELISTS_PATH CACERT_FILE LAPI_CERT_FILE LAPI_KEY_FILE CLIENT_CERT_FILE CLIENT_KEY_FILE
  CERT_FILE KEY_FILE INSECURE_SKIP_VERIFY AGENTS_ALLOWED_OU BOUNCERS_ALLOWED_OU USE_TLS USE_WAL METRICS_PORT PLUGIN_DIR
  NO_HUB_UPGRADE TEST_MODE DEBUG TYPE DSN GID UNREGISTER_ON_EXIT CI_TESTING ENROLL_INSTANCE_NAME ENROLL_TAGS
  CROWDSEC_URL CROWDSEC_CONFIG BUILD_VERSION`);
/**
 * Whole families of them: the locale (locale(7)), CrowdSec's image (build/docker/README.md), its feature flags
 * (pkg/csconfig/fflag.go), XDG folders.
 */
const HARMLESS_FAMILY =
  /^(?:LC_[A-Z]+|XDG_[A-Z_]+|DISABLE_[A-Z_]+|LEVEL_[A-Z]+|ENABLE_CONSOLE_[A-Z]+|CROWDSEC_(?:FEATURE|BYPASS)_\w+)$/;

export type VariableKind = "plain" | "private" | "secret";

/**
 * What is to be done with a variable's value: `secret` is noted and looked for everywhere, `private` is only taken out. A URL
 * with a login in it is `plain`: its login is found by pattern.
 */
export const variableIs = (
  name: string,
  value: string,
  known: KnownVariables = { plain: new Set(), secret: new Set(), isSet: () => false },
): VariableKind => {
  if (isNoSecret(value, known.isSet)) return "plain";
  if (/^(?:OLD)?PWD$/.test(name)) return "plain";
  if (known.secret.has(name) || secretBy(name, value, [], known.isSet) !== undefined) return "secret";
  // `KEY=…` in an environment is no placeholder of a list.
  if (kindOfName(name) === "bare" && !isPath(value)) return "secret";
  if (HARMLESS.has(name) || HARMLESS_FAMILY.test(name) || known.plain.has(name)) return "plain";
  return "private";
};

/** Variables whose value is a proxy's address, which Go takes without a scheme too. */
export const isProxyVariable = (name: string): boolean => /^(?:https?|all|ftp|no|rsync)_proxy$/i.test(name);
