import type { ConfigMistake } from "../model/topology.ts";
import type { VersionRange } from "../model/version.ts";
import { judgeTree, type Key, meant, type Shape, type Struct, since, until } from "./shape.ts";
import { at, type Tree } from "./yaml-tree.ts";

const texts: Shape = { list: "text" };
const textMap: Shape = { mapOf: "text" };
const basicAuth: Struct = { keys: { username: "text", password: "text" } };

/**
 * What every data source has besides its own keys: DataSourceCommonCfg
 * (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/configuration/configuration.go).
 */
const COMMON: Struct["keys"] = {
  mode: "text",
  labels: textMap,
  log_level: "level",
  source: "text",
  name: "text",
  use_time_machine: "boolean",
  unique_id: since(1, 5, 0, "text"),
  transform: since(1, 5, 0, "text"),
};

const withCommon = (keys: Struct["keys"], lenient?: VersionRange): Struct => ({
  keys: { ...COMMON, ...keys },
  ...(lenient && { lenient }),
});

/**
 * https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/appsec/config.go.
 * Numbers are numerals in all of these: since 1.7.0 they may stand in quotes.
 */
const appsec = withCommon({
  listen_addr: "text",
  listen_socket: since(1, 6, 1, "text"),
  cert_file: "text",
  key_file: "text",
  path: "text",
  routines: "numeral",
  appsec_config: "text",
  appsec_configs: since(1, 6, 4, texts),
  appsec_config_path: "text",
  auth_cache_duration: "duration",
  body_read_timeout: since(1, 7, 8, "duration"),
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/cloudwatch/config.go */
const cloudwatch = withCommon({
  group_name: "text",
  stream_regexp: "text",
  stream_name: "text",
  describelogstreams_limit: "numeral",
  getlogeventspages_limit: "numeral",
  poll_new_stream_interval: "duration",
  max_stream_age: "duration",
  poll_stream_interval: "duration",
  stream_read_timeout: "duration",
  aws_api_timeout: "duration",
  aws_profile: "text",
  prepend_cloudwatch_timestamp: "boolean",
  aws_config_dir: "text",
  aws_region: "text",
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/docker/config.go */
const docker = withCommon({
  check_interval: "text",
  follow_stdout: "boolean",
  follow_stderr: "boolean",
  until: "text",
  since: "text",
  docker_host: "text",
  container_name: texts,
  container_id: texts,
  container_name_regexp: texts,
  container_id_regexp: texts,
  service_name: since(1, 7, 0, texts),
  service_id: since(1, 7, 0, texts),
  service_name_regexp: since(1, 7, 0, texts),
  service_id_regexp: since(1, 7, 0, texts),
  use_service_labels: since(1, 7, 0, "boolean"),
  use_container_labels: since(1, 6, 2, "boolean"),
  force_inotify: until(1, 6, 1, "boolean"),
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/file/config.go */
const file = withCommon({
  filename: "text",
  filenames: texts,
  exclude_regexps: since(1, 4, 2, texts),
  force_inotify: "boolean",
  max_buffer_size: since(1, 5, 0, "numeral"),
  poll_without_inotify: since(1, 5, 0, "boolean"),
  discovery_poll_enable: since(1, 6, 9, "boolean"),
  discovery_poll_interval: since(1, 6, 9, "duration"),
});

/**
 * https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/http/config.go; not strict before
 * 1.7.5, so `listen_socket`, there since 1.6.9, troubles none.
 */
const http = withCommon(
  {
    listen_addr: "text",
    listen_socket: "text",
    path: "text",
    auth_type: "text",
    basic_auth: { ...basicAuth, lenient: { until: [1, 7, 4] } },
    headers: textMap,
    tls: {
      keys: { insecure_skip_verify: "boolean", server_cert: "text", server_key: "text", ca_cert: "text" },
      lenient: { until: [1, 7, 4] },
    },
    custom_status_code: "numeral",
    custom_headers: textMap,
    max_body_size: "numeral",
    timeout: "duration",
  },
  { until: [1, 7, 4] },
);

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/journalctl/config.go */
const journalctl = withCommon({ journalctl_filter: texts });

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/kafka/config.go */
const kafka = withCommon({
  brokers: texts,
  topic: "text",
  group_id: "text",
  partition: since(1, 6, 0, "numeral"),
  timeout: "text",
  tls: { keys: { insecure_skip_verify: "boolean", client_cert: "text", client_key: "text", ca_cert: "text" } },
  batch: since(1, 6, 9, {
    keys: {
      min_bytes: "numeral",
      max_bytes: "numeral",
      max_wait: "duration",
      queue_size: "numeral",
      commit_interval: "duration",
    },
  }),
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/kinesis/config.go */
const kinesis = withCommon({
  stream_name: "text",
  stream_arn: "text",
  use_enhanced_fanout: "boolean",
  aws_profile: "text",
  aws_region: "text",
  aws_endpoint: "text",
  consumer_name: "text",
  from_subscription: "boolean",
  max_retries: "numeral",
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/kubernetesaudit/config.go */
const k8sAudit = withCommon({ listen_addr: "text", listen_port: "numeral", webhook_path: "text" });

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/victorialogs/config.go */
const victorialogs = withCommon({
  url: "text",
  prefix: "text",
  query: "text",
  limit: "numeral",
  since: "duration",
  headers: textMap,
  wait_for_ready: "duration",
  auth: basicAuth,
  max_failure_duration: "duration",
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/loki/config.go */
const loki = withCommon({
  ...victorialogs.keys,
  delay_for: "duration",
  no_ready_check: since(1, 6, 4, "boolean"),
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/s3/config.go */
const s3 = withCommon({
  aws_profile: "text",
  aws_region: "text",
  aws_endpoint: "text",
  bucket_name: "text",
  prefix: "text",
  polling_method: "text",
  polling_interval: "numeral",
  sqs_name: "text",
  sqs_format: "text",
  max_buffer_size: "numeral",
});

/** https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/syslog/config.go */
const syslog = withCommon({
  protocol: "text",
  listen_port: "numeral",
  listen_addr: "text",
  max_message_len: "numeral",
  disable_rfc_parser: since(1, 6, 6, "boolean"),
});

/**
 * https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules/wineventlog/config_windows.go, where
 * the field EventFile lost its tag in 1.6.4.
 */
const wineventlog = withCommon({
  event_channel: "text",
  event_level: "text",
  event_ids: { list: "numeral" },
  xpath_query: "text",
  event_file: until(1, 6, 3, "text"),
  eventfile: since(1, 6, 4, "text"),
  pretty_name: "text",
});

/** By the name that `source` gives (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/acquisition/modules). */
const SOURCES: ReadonlyMap<string, Struct | Key> = new Map<string, Struct | Key>([
  ["file", file],
  ["journalctl", journalctl],
  ["syslog", syslog],
  ["docker", docker],
  ["cloudwatch", cloudwatch],
  ["kinesis", kinesis],
  ["wineventlog", wineventlog],
  ["kafka", since(1, 4, 2, kafka)],
  ["k8s-audit", since(1, 5, 0, k8sAudit)],
  ["s3", since(1, 5, 0, s3)],
  ["appsec", since(1, 6, 0, appsec)],
  ["loki", since(1, 6, 0, loki)],
  ["http", since(1, 6, 4, http)],
  ["victorialogs", since(1, 6, 5, victorialogs)],
]);

const judgeAs = (tree: Tree, source: string): readonly ConfigMistake[] => {
  const known = SOURCES.get(source);
  const mistake = { origin: (at(tree, "source") ?? tree).origin, key: "source", kind: "wrong-kind" } as const;
  if (known === undefined) {
    const hint = meant(source, [...SOURCES.keys()]);
    return [{ ...mistake, problem: "is none that CrowdSec knows", ...(hint && { hint }) }];
  }
  if (!("versions" in known)) return judgeTree(tree, known);
  const { shape, versions } = known;
  return [
    { ...mistake, problem: "is one that only some versions of CrowdSec know", versions },
    ...judgeTree(tree, shape),
  ];
};

/**
 * What CrowdSec would not take of one document of acquis.yaml or of a file in acquis.d, of this data source. Its
 * decoders are strict for every source, but for `http` before 1.7.5.
 */
export const judgeSource = (tree: Tree, source: string): readonly ConfigMistake[] => {
  if (source.includes("$")) return [];
  const written = judgeAs(tree, source);
  // Before 1.7.0 these keys win over `source`: what either reading takes is let pass.
  const guess =
    (at(tree, "filename") ?? at(tree, "filenames")) ? "file" : at(tree, "journalctl_filter") ? "journalctl" : source;
  const guessed = judgeAs(tree, guess);
  return guessed.length < written.length ? guessed : written;
};
