import type { Version } from "../model/version.ts";
import { type Shape, type Struct, since } from "./shape.ts";

/** The newest release that the tables of CrowdSec's files were taken from; of a newer one, a key may be missing here. */
export const SHAPES_KNOW: Version = [1, 7, 8];

const texts: Shape = { list: "text" };

/** A proxy is often looked for here; there is no key for it in any version. */
const PROXY = "proxies are set in the environment of the service (HTTPS_PROXY), not here";
const PROXIES = Object.fromEntries(
  ["proxy", "proxies", "http_proxy", "https_proxy", "http_proxies", "no_proxy"].map((key) => [key, PROXY]),
);

/**
 * CommonCfg and LogConfig
 * (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/common.go, logging.go beside it).
 */
const common: Struct = {
  keys: {
    daemonize: "text", // a boolean until 1.6.8
    pid_dir: "text",
    working_dir: "text",
    force_color_logs: "boolean",
    log_level: "level",
    log_media: "text",
    log_dir: "text",
    compress_logs: "boolean",
    log_max_size: "integer",
    log_format: since(1, 6, 5, "text"),
    log_max_age: "integer",
    log_max_files: "integer",
  },
  elsewhere: PROXIES,
};

/** ConfigurationPaths (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/config_paths.go). */
const paths: Struct = {
  keys: {
    config_dir: "text",
    data_dir: "text",
    simulation_path: "text",
    index_path: "text",
    hub_dir: "text",
    plugin_dir: "text",
    notification_dir: "text",
    pattern_dir: since(1, 6, 1, "text"),
  },
};

/**
 * CrowdsecServiceCfg (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/crowdsec_service.go);
 * `dns_cache` is on the main branch after 1.7.8, in no release yet.
 */
const service: Struct = {
  keys: {
    enable: since(1, 4, 2, "boolean"),
    acquisition_path: "text",
    acquisition_dir: "text",
    console_context_path: since(1, 5, 0, "text"),
    console_context_value_length: since(1, 5, 0, "integer"),
    parser_routines: "integer",
    buckets_routines: "integer",
    output_routines: "integer",
    state_input_file: "text",
    state_output_dir: "text",
    dns_cache: since(1, 7, 9, "any"),
  },
};

/** CscliCfg (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/cscli.go). */
const cscli: Struct = {
  keys: {
    output: "text",
    color: since(1, 4, 2, "text"),
    hub_branch: "text",
    __hub_url_template__: since(1, 6, 1, "text"),
    hub_with_content: since(1, 6, 5, "boolean"),
    prometheus_uri: "text",
  },
};

/** AuthGCCfg (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/database.go). */
const autodelete: Struct = {
  keys: {
    cert: "text",
    certduration: "duration",
    api_key: "text",
    apiduration: "duration",
    login_password: "text",
    loginpasswordduration: "duration",
  },
};

/**
 * DatabaseCfg and FlushDBCfg (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/database.go). The
 * ages there are durations that may hold days, since 1.6.9 at the latest.
 */
const database: Struct = {
  keys: {
    user: "text",
    password: "text",
    db_name: "text",
    sslmode: "text",
    ssl_ca_cert: since(1, 6, 6, "text"),
    ssl_client_cert: since(1, 6, 6, "text"),
    ssl_client_key: since(1, 6, 6, "text"),
    host: "text",
    port: "integer",
    db_path: "text",
    type: "text",
    flush: {
      keys: {
        max_items: "integer",
        max_age: "text",
        bouncers_autodelete: autodelete,
        agents_autodelete: autodelete,
        metrics_max_age: since(1, 6, 3, "text"),
      },
    },
    log_level: "level",
    max_open_conns: "integer",
    use_wal: since(1, 4, 2, "boolean"),
    decision_bulk_size: since(1, 5, 3, "integer"),
  },
};

/** TLSCfg (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/tls.go). */
const tls: Struct = {
  keys: {
    cert_file: "text",
    key_file: "text",
    client_verification: "text",
    server_name: "text",
    ca_cert_path: "text",
    agents_allowed_ou: texts,
    bouncers_allowed_ou: texts,
    crl_path: "text",
    cache_expiration: "duration",
  },
};

/** LocalApiClientCfg (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/api.go). */
const client: Struct = {
  keys: { credentials_path: "text", insecure_skip_verify: "boolean", unregister_on_exit: since(1, 6, 9, "boolean") },
};

/** OnlineApiClientCfg and CapiPullConfig (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/api.go). */
const onlineClient: Struct = {
  keys: {
    credentials_path: "text",
    pull: since(1, 6, 4, { keys: { community: "boolean", blocklists: "boolean" } }),
    sharing: since(1, 6, 4, "boolean"),
  },
  elsewhere: PROXIES,
};

/**
 * LocalApiServerCfg and LocalAPIAutoRegisterCfg
 * (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/api.go).
 */
const server: Struct = {
  keys: {
    enable: since(1, 4, 2, "boolean"),
    listen_uri: "text",
    listen_socket: since(1, 6, 1, "text"),
    tls,
    online_client: onlineClient,
    profiles_path: "text",
    console_path: "text",
    log_level: "level",
    use_forwarded_for_headers: "boolean",
    trusted_proxies: texts,
    trusted_ips: texts,
    papi_log_level: since(1, 5, 0, "level"),
    disable_remote_lapi_registration: since(1, 5, 0, "boolean"),
    capi_whitelists_path: since(1, 5, 0, "text"),
    auto_registration: since(1, 6, 3, { keys: { enabled: "boolean", token: "text", allowed_ranges: texts } }),
    disable_usage_metrics_export: since(1, 7, 4, "boolean"),
  },
};

/** CTICfg (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/api.go). */
const cti: Struct = {
  keys: { key: "text", cache_timeout: "duration", cache_size: "integer", enabled: "boolean", log_level: "level" },
};

/**
 * config.yaml: Config (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/config.go), with APICfg,
 * PrometheusCfg and PluginCfg (api.go, prometheus.go, plugin_config.go beside it). Decoded strictly in every version.
 */
export const CONFIG_SHAPE: Struct = {
  keys: {
    common,
    prometheus: { keys: { enabled: "boolean", level: "text", listen_addr: "text", listen_port: "integer" } },
    crowdsec_service: service,
    cscli,
    db_config: database,
    api: { keys: { client, server, cti: since(1, 5, 0, cti) } },
    config_paths: paths,
    plugin_config: { keys: { user: "text", group: "text" } },
  },
  elsewhere: PROXIES,
};

/**
 * local_api_credentials.yaml: ApiCredentialsCfg
 * (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/api.go). Decoded strictly in every version.
 */
export const CREDENTIALS_SHAPE: Struct = {
  keys: {
    papi_url: since(1, 5, 0, "text"),
    url: "text",
    login: "text",
    password: "text",
    ca_cert_path: "text",
    key_path: "text",
    cert_path: "text",
  },
  elsewhere: PROXIES,
};

/** online_api_credentials.yaml: the same. */
export const ONLINE_SHAPE: Struct = CREDENTIALS_SHAPE;

/**
 * One document of profiles.yaml: ProfileCfg
 * (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/csconfig/profiles.go) and Decision, whose fields go by
 * their names in small letters (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/models/decision.go).
 * Decoded strictly in every version.
 */
export const PROFILE_SHAPE: Struct = {
  keys: {
    name: "text",
    debug: "boolean",
    filters: texts,
    decisions: {
      list: {
        keys: {
          duration: "text",
          id: "integer",
          origin: "text",
          scenario: "text",
          scope: "text",
          simulated: "boolean",
          type: "text",
          until: "text",
          uuid: since(1, 5, 0, "text"),
          value: "text",
        },
      },
    },
    duration_expr: "text",
    on_success: "text",
    on_failure: "text",
    on_error: since(1, 5, 0, "text"),
    notifications: texts,
  },
};

/**
 * feature.yaml, read since 1.5.0: a list of names; CrowdSec passes over one that it does not know
 * (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/fflag/features.go).
 */
export const FEATURE_SHAPE: Shape = texts;
