/**
 * What CrowdSec has published: its commands and options, its variables, its files, each with the releases that know it.
 * Remedies name nothing else (remedies.test.ts). The keys of its configuration are in src/topology/*-shapes.ts.
 *
 * Made with a throw-away script from CrowdSec's own git: at each of the 28 releases from 1.4.6 to 1.7.8 it read every
 * cobra command of cmd/crowdsec-cli with the options declared on it, the flags of cmd/crowdsec, the variables that
 * docker_start.sh expands, and those that the Go sources ask for. A range ends open where 1.7.8 knows the name; one that
 * begins with 1.4.6 may be older. Options that come and go are given from their first release to their last. Held
 * against the help of the real cscli 1.4.6, it differed in nothing but three options that are hidden or marked old.
 * `source` is the last path, in https://github.com/crowdsecurity/crowdsec unless another repository stands before it.
 */

/** The oldest and the newest release that were read. */
export const OLDEST = "1.4.6";
export const NEWEST = "1.7.8";

/** `1.5.0..` or `1.4.6..1.6.11`: the first release and, unless that is the newest, the last. */
export type Releases = `${string}..${string}`;

/** Names, separated by spaces, by the releases that know them. */
export type Names = Readonly<Record<Releases, string>>;

export interface PublishedCommand {
  readonly source: string;
  readonly known: Releases;
  /** Of this command itself; those of the commands above it count too. */
  readonly options?: Names;
}

/** Of cscli; the empty name is cscli itself, whose options every command takes. */
export const COMMANDS: Readonly<Record<string, PublishedCommand>> = {
  "": {
    source: "cmd/crowdsec-cli/main.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--branch --color --config --debug --error --info --output --trace --warning -c -o" },
  },
  alerts: { source: "cmd/crowdsec-cli/clialert/alerts.go", known: "1.4.6.." },
  "alerts delete": {
    source: "cmd/crowdsec-cli/clialert/alerts.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --contained --id --ip --range --scenario --scope --value -a -i -r -s -v" },
  },
  "alerts flush": {
    source: "cmd/crowdsec-cli/clialert/alerts.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--max-age --max-items" },
  },
  "alerts inspect": {
    source: "cmd/crowdsec-cli/clialert/alerts.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--details -d" },
  },
  "alerts list": {
    source: "cmd/crowdsec-cli/clialert/alerts.go",
    known: "1.4.6..",
    options: {
      "1.4.6..":
        "--all --contained --ip --limit --machine --range --scenario --scope --since --type --until --value -a -i -l -m -r -s -v",
      "1.7.7..": "--kind",
      "1.5.0..": "--origin",
    },
  },
  allowlists: { source: "cmd/crowdsec-cli/cliallowlists/allowlists.go", known: "1.6.6.." },
  "allowlists add": {
    source: "cmd/crowdsec-cli/cliallowlists/allowlists.go",
    known: "1.6.6..",
    options: { "1.6.6..": "--comment --expiration -d -e" },
  },
  "allowlists check": { source: "cmd/crowdsec-cli/cliallowlists/allowlists.go", known: "1.6.10.." },
  "allowlists create": {
    source: "cmd/crowdsec-cli/cliallowlists/allowlists.go",
    known: "1.6.6..",
    options: { "1.6.6..": "--description -d" },
  },
  "allowlists delete": { source: "cmd/crowdsec-cli/cliallowlists/allowlists.go", known: "1.6.6.." },
  "allowlists import": {
    source: "cmd/crowdsec-cli/cliallowlists/import.go",
    known: "1.7.7..",
    options: { "1.7.7..": "--input -i" },
  },
  "allowlists inspect": { source: "cmd/crowdsec-cli/cliallowlists/allowlists.go", known: "1.6.6.." },
  "allowlists list": { source: "cmd/crowdsec-cli/cliallowlists/allowlists.go", known: "1.6.6.." },
  "allowlists remove": { source: "cmd/crowdsec-cli/cliallowlists/allowlists.go", known: "1.6.6.." },
  "appsec-configs": { source: "cmd/crowdsec-cli", known: "1.6.0.." },
  "appsec-configs inspect": {
    source: "cmd/crowdsec-cli/cliitem/cmdinspect.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--diff --no-metrics --rev --url -u" },
  },
  "appsec-configs install": {
    source: "cmd/crowdsec-cli/cliitem/cmdinstall.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--download-only --force --ignore -d", "1.6.5..": "--dry-run --interactive -i" },
  },
  "appsec-configs list": {
    source: "cmd/crowdsec-cli/cliitem/item.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--all -a" },
  },
  "appsec-configs remove": {
    source: "cmd/crowdsec-cli/cliitem/cmdremove.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--all --force --purge", "1.6.5..": "--dry-run --interactive -i" },
  },
  "appsec-configs upgrade": {
    source: "cmd/crowdsec-cli/cliitem/cmdupgrade.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--all --force -a", "1.6.5..": "--dry-run --interactive -i" },
  },
  "appsec-rules": { source: "cmd/crowdsec-cli", known: "1.6.5.." },
  "appsec-rules inspect": {
    source: "cmd/crowdsec-cli/cliitem/cmdinspect.go",
    known: "1.6.5..",
    options: { "1.6.5..": "--diff --no-metrics --rev --url -u" },
  },
  "appsec-rules install": {
    source: "cmd/crowdsec-cli/cliitem/cmdinstall.go",
    known: "1.6.5..",
    options: { "1.6.5..": "--download-only --dry-run --force --ignore --interactive -d -i" },
  },
  "appsec-rules list": {
    source: "cmd/crowdsec-cli/cliitem/item.go",
    known: "1.6.5..",
    options: { "1.6.5..": "--all -a" },
  },
  "appsec-rules remove": {
    source: "cmd/crowdsec-cli/cliitem/cmdremove.go",
    known: "1.6.5..",
    options: { "1.6.5..": "--all --dry-run --force --interactive --purge -i" },
  },
  "appsec-rules upgrade": {
    source: "cmd/crowdsec-cli/cliitem/cmdupgrade.go",
    known: "1.6.5..",
    options: { "1.6.5..": "--all --dry-run --force --interactive -a -i" },
  },
  bouncers: { source: "cmd/crowdsec-cli/clibouncer/bouncers.go", known: "1.4.6.." },
  "bouncers add": {
    source: "cmd/crowdsec-cli/clibouncer/add.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--key --length -k -l" },
  },
  "bouncers delete": {
    source: "cmd/crowdsec-cli/clibouncer/delete.go",
    known: "1.4.6..",
    options: { "1.6.3..": "--ignore-missing" },
  },
  "bouncers inspect": { source: "cmd/crowdsec-cli/clibouncer/inspect.go", known: "1.6.3.." },
  "bouncers list": { source: "cmd/crowdsec-cli/clibouncer/list.go", known: "1.4.6.." },
  "bouncers prune": {
    source: "cmd/crowdsec-cli/clibouncer/prune.go",
    known: "1.5.3..",
    options: { "1.5.3..": "--duration --force -d" },
  },
  capi: { source: "cmd/crowdsec-cli/clicapi/capi.go", known: "1.4.6.." },
  "capi register": {
    source: "cmd/crowdsec-cli/clicapi/capi.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--file --schmilblick -f" },
  },
  "capi status": { source: "cmd/crowdsec-cli/clicapi/capi.go", known: "1.4.6.." },
  collections: { source: "cmd/crowdsec-cli", known: "1.4.6.." },
  "collections inspect": {
    source: "cmd/crowdsec-cli/cliitem/cmdinspect.go",
    known: "1.4.6..",
    options: { "1.6.0..": "--diff --no-metrics --rev", "1.4.6..": "--url -u" },
  },
  "collections install": {
    source: "cmd/crowdsec-cli/cliitem/cmdinstall.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--download-only --force --ignore -d", "1.6.5..": "--dry-run --interactive -i" },
  },
  "collections list": {
    source: "cmd/crowdsec-cli/cliitem/item.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all -a" },
  },
  "collections remove": {
    source: "cmd/crowdsec-cli/cliitem/cmdremove.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force --purge", "1.6.5..": "--dry-run --interactive -i" },
  },
  "collections upgrade": {
    source: "cmd/crowdsec-cli/cliitem/cmdupgrade.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force -a", "1.6.5..": "--dry-run --interactive -i" },
  },
  completion: { source: "cmd/crowdsec-cli/completion.go", known: "1.4.6.." },
  config: { source: "cmd/crowdsec-cli/cliconfig/config.go", known: "1.4.6.." },
  "config backup": { source: "cmd/crowdsec-cli/cliconfig/backup.go", known: "1.4.6.." },
  "config feature-flags": {
    source: "cmd/crowdsec-cli/cliconfig/feature_flags.go",
    known: "1.5.0..",
    options: { "1.5.0..": "--retired" },
  },
  "config restore": {
    source: "cmd/crowdsec-cli/cliconfig/restore.go",
    known: "1.4.6..",
    options: { "1.4.6..1.6.0": "--old-backup" },
  },
  "config show": { source: "cmd/crowdsec-cli/cliconfig/show.go", known: "1.4.6..", options: { "1.4.6..": "--key" } },
  "config show-yaml": { source: "cmd/crowdsec-cli/cliconfig/showyaml.go", known: "1.5.0.." },
  console: { source: "cmd/crowdsec-cli/cliconsole/console.go", known: "1.4.6.." },
  "console disable": {
    source: "cmd/crowdsec-cli/cliconsole/console.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all -a" },
  },
  "console enable": {
    source: "cmd/crowdsec-cli/cliconsole/console.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all -a" },
  },
  "console enroll": {
    source: "cmd/crowdsec-cli/cliconsole/console.go",
    known: "1.4.6..",
    options: {
      "1.6.6..": "--disable -d",
      "1.6.0..": "--enable -e",
      "1.4.6..": "--name --overwrite --tags -n -t",
      "1.7.8..": "--quick -q",
    },
  },
  "console status": { source: "cmd/crowdsec-cli/cliconsole/console.go", known: "1.4.6.." },
  contexts: { source: "cmd/crowdsec-cli", known: "1.6.0.." },
  "contexts inspect": {
    source: "cmd/crowdsec-cli/cliitem/cmdinspect.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--diff --no-metrics --rev --url -u" },
  },
  "contexts install": {
    source: "cmd/crowdsec-cli/cliitem/cmdinstall.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--download-only --force --ignore -d", "1.6.5..": "--dry-run --interactive -i" },
  },
  "contexts list": { source: "cmd/crowdsec-cli/cliitem/item.go", known: "1.6.0..", options: { "1.6.0..": "--all -a" } },
  "contexts remove": {
    source: "cmd/crowdsec-cli/cliitem/cmdremove.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--all --force --purge", "1.6.5..": "--dry-run --interactive -i" },
  },
  "contexts upgrade": {
    source: "cmd/crowdsec-cli/cliitem/cmdupgrade.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--all --force -a", "1.6.5..": "--dry-run --interactive -i" },
  },
  dashboard: { source: "cmd/crowdsec-cli/dashboard_unsupported.go", known: "1.4.6.." },
  "dashboard remove": {
    source: "cmd/crowdsec-cli/dashboard.go",
    known: "1.4.6..1.6.11",
    options: { "1.4.6..1.6.11": "--force --yes -f -y" },
  },
  "dashboard setup": {
    source: "cmd/crowdsec-cli/dashboard.go",
    known: "1.4.6..1.6.11",
    options: {
      "1.4.6..1.6.11": "--dir --force --listen --password --port --user --yes -d -f -l -p -u -y",
      "1.6.5..1.6.11": "--env -e",
      "1.5.3..1.6.11": "--metabase-image",
    },
  },
  "dashboard show-password": { source: "cmd/crowdsec-cli/dashboard.go", known: "1.4.6..1.6.11" },
  "dashboard start": {
    source: "cmd/crowdsec-cli/dashboard.go",
    known: "1.4.6..1.6.11",
    options: { "1.5.3..1.6.11": "--yes -y" },
  },
  "dashboard stop": { source: "cmd/crowdsec-cli/dashboard.go", known: "1.4.6..1.6.11" },
  decisions: { source: "cmd/crowdsec-cli/clidecision/decisions.go", known: "1.4.6.." },
  "decisions add": {
    source: "cmd/crowdsec-cli/clidecision/decisions.go",
    known: "1.4.6..",
    options: {
      "1.6.6..": "--bypass-allowlist -B",
      "1.4.6..": "--duration --ip --range --reason --scope --type --value -R -d -i -r -t -v",
    },
  },
  "decisions delete": {
    source: "cmd/crowdsec-cli/clidecision/decisions.go",
    known: "1.4.6..",
    options: {
      "1.4.6..": "--all --contained --id --ip --range --scenario --type --value -i -r -s -t -v",
      "1.5.0..": "--origin",
    },
  },
  "decisions import": {
    source: "cmd/crowdsec-cli/clidecision/import.go",
    known: "1.4.6..",
    options: {
      "1.5.0..": "--batch",
      "1.4.6..": "--duration --input --reason --scope --type -R -d -i -t",
      "1.5.3..": "--format",
    },
  },
  "decisions list": {
    source: "cmd/crowdsec-cli/clidecision/decisions.go",
    known: "1.4.6..",
    options: {
      "1.4.6..":
        "--all --contained --ip --limit --machine --no-simu --origin --range --scenario --scope --since --type --until --value -a -i -l -m -r -s -t -v",
    },
  },
  explain: {
    source: "cmd/crowdsec-cli/cliexplain/explain.go",
    known: "1.4.6..",
    options: {
      "1.5.0..": "--crowdsec --only-successful-parsers",
      "1.4.6..": "--dsn --failures --file --log --type --verbose -d -f -l -t -v",
      "1.5.3..": "--labels",
      "1.6.0..": "--no-clean",
    },
  },
  hub: { source: "cmd/crowdsec-cli/clihub/hub.go", known: "1.4.6..", options: { "1.4.6..1.5.5": "--branch -b" } },
  "hub branch": { source: "cmd/crowdsec-cli/clihub/hub.go", known: "1.6.7..", options: { "1.6.7..": "--all -a" } },
  "hub list": { source: "cmd/crowdsec-cli/clihub/hub.go", known: "1.4.6..", options: { "1.4.6..": "--all -a" } },
  "hub types": { source: "cmd/crowdsec-cli/clihub/hub.go", known: "1.6.0.." },
  "hub update": {
    source: "cmd/crowdsec-cli/clihub/hub.go",
    known: "1.4.6..",
    options: { "1.6.3..": "--with-content" },
  },
  "hub upgrade": {
    source: "cmd/crowdsec-cli/clihub/hub.go",
    known: "1.4.6..",
    options: { "1.6.5..": "--dry-run --interactive -i", "1.4.6..": "--force" },
  },
  hubtest: {
    source: "cmd/crowdsec-cli/clihubtest/hubtest.go",
    known: "1.4.6..",
    options: { "1.6.0..": "--appsec", "1.4.6..": "--crowdsec --cscli --hub" },
  },
  "hubtest clean": {
    source: "cmd/crowdsec-cli/clihubtest/clean.go",
    known: "1.4.6..",
    options: { "1.6.6..": "--all" },
  },
  "hubtest coverage": {
    source: "cmd/crowdsec-cli/clihubtest/coverage.go",
    known: "1.4.6..",
    options: { "1.6.0..": "--appsec", "1.4.6..": "--parsers --percent --scenarios" },
  },
  "hubtest create": {
    source: "cmd/crowdsec-cli/clihubtest/create.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--ignore-parsers --parsers --postoverflows --scenarios --type -p -s -t" },
  },
  "hubtest eval": {
    source: "cmd/crowdsec-cli/clihubtest/eval.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--expr -e" },
  },
  "hubtest explain": {
    source: "cmd/crowdsec-cli/clihubtest/explain.go",
    known: "1.4.6..",
    options: { "1.6.4..": "--failures --verbose -v" },
  },
  "hubtest info": { source: "cmd/crowdsec-cli/clihubtest/info.go", known: "1.4.6.." },
  "hubtest list": { source: "cmd/crowdsec-cli/clihubtest/list.go", known: "1.4.6.." },
  "hubtest run": {
    source: "cmd/crowdsec-cli/clihubtest/run.go",
    known: "1.4.6..",
    options: {
      "1.4.6..": "--all --clean --no-clean",
      "1.6.0..": "--host --target",
      "1.6.6..": "--max-jobs --report-success",
    },
  },
  lapi: { source: "cmd/crowdsec-cli/clilapi/lapi.go", known: "1.4.6.." },
  "lapi context": { source: "cmd/crowdsec-cli/clilapi/context.go", known: "1.5.0.." },
  "lapi context add": {
    source: "cmd/crowdsec-cli/clilapi/context.go",
    known: "1.5.0..",
    options: { "1.5.0..": "--key --value -k" },
  },
  "lapi context delete": {
    source: "cmd/crowdsec-cli/clilapi/context.go",
    known: "1.5.0..",
    options: { "1.5.0..1.5.5": "--key --value -k" },
  },
  "lapi context detect": {
    source: "cmd/crowdsec-cli/clilapi/context.go",
    known: "1.5.0..",
    options: { "1.5.0..": "--all -a" },
  },
  "lapi context status": { source: "cmd/crowdsec-cli/clilapi/context.go", known: "1.5.0.." },
  "lapi register": {
    source: "cmd/crowdsec-cli/clilapi/register.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--file --machine --url -f -u", "1.6.3..": "--token" },
  },
  "lapi status": { source: "cmd/crowdsec-cli/clilapi/status.go", known: "1.4.6.." },
  machines: { source: "cmd/crowdsec-cli/climachine/machines.go", known: "1.4.6.." },
  "machines add": {
    source: "cmd/crowdsec-cli/climachine/add.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--auto --file --force --interactive --password --url -a -f -i -p -u" },
  },
  "machines delete": {
    source: "cmd/crowdsec-cli/climachine/delete.go",
    known: "1.4.6..",
    options: { "1.6.3..": "--ignore-missing", "1.4.6..1.4.6": "--machine -m" },
  },
  "machines inspect": {
    source: "cmd/crowdsec-cli/climachine/inspect.go",
    known: "1.6.3..",
    options: { "1.6.3..": "--hub -H" },
  },
  "machines list": { source: "cmd/crowdsec-cli/climachine/list.go", known: "1.4.6.." },
  "machines prune": {
    source: "cmd/crowdsec-cli/climachine/prune.go",
    known: "1.5.3..",
    options: { "1.5.3..": "--duration --force --not-validated-only -d" },
  },
  "machines validate": { source: "cmd/crowdsec-cli/climachine/validate.go", known: "1.4.6.." },
  metrics: {
    source: "cmd/crowdsec-cli/climetrics/metrics.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--no-unit --url -u" },
  },
  "metrics list": { source: "cmd/crowdsec-cli/climetrics/list.go", known: "1.6.1.." },
  "metrics show": {
    source: "cmd/crowdsec-cli/climetrics/show.go",
    known: "1.6.1..",
    options: { "1.6.1..": "--no-unit --url -u" },
  },
  notifications: { source: "cmd/crowdsec-cli/clinotifications/notifications.go", known: "1.4.6.." },
  "notifications inspect": { source: "cmd/crowdsec-cli/clinotifications/notifications.go", known: "1.4.6.." },
  "notifications list": { source: "cmd/crowdsec-cli/clinotifications/notifications.go", known: "1.4.6.." },
  "notifications reinject": {
    source: "cmd/crowdsec-cli/clinotifications/notifications.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--alert -a", "1.4.6..1.5.5": "--remediation -r" },
  },
  "notifications test": {
    source: "cmd/crowdsec-cli/clinotifications/notifications.go",
    known: "1.6.0..",
    options: { "1.6.0..": "--alert -a" },
  },
  papi: { source: "cmd/crowdsec-cli/clipapi/papi.go", known: "1.5.0.." },
  "papi status": { source: "cmd/crowdsec-cli/clipapi/papi.go", known: "1.5.0.." },
  "papi sync": { source: "cmd/crowdsec-cli/clipapi/papi.go", known: "1.5.0.." },
  parsers: { source: "cmd/crowdsec-cli", known: "1.4.6.." },
  "parsers inspect": {
    source: "cmd/crowdsec-cli/cliitem/cmdinspect.go",
    known: "1.4.6..",
    options: { "1.6.0..": "--diff --no-metrics --rev", "1.4.6..": "--url -u" },
  },
  "parsers install": {
    source: "cmd/crowdsec-cli/cliitem/cmdinstall.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--download-only --force --ignore -d", "1.6.5..": "--dry-run --interactive -i" },
  },
  "parsers list": { source: "cmd/crowdsec-cli/cliitem/item.go", known: "1.4.6..", options: { "1.4.6..": "--all -a" } },
  "parsers remove": {
    source: "cmd/crowdsec-cli/cliitem/cmdremove.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force --purge", "1.6.5..": "--dry-run --interactive -i" },
  },
  "parsers upgrade": {
    source: "cmd/crowdsec-cli/cliitem/cmdupgrade.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force", "1.6.5..": "--dry-run --interactive -i", "1.6.0..": "-a" },
  },
  postoverflows: { source: "cmd/crowdsec-cli", known: "1.4.6.." },
  "postoverflows inspect": {
    source: "cmd/crowdsec-cli/cliitem/cmdinspect.go",
    known: "1.4.6..",
    options: { "1.6.0..": "--diff --no-metrics --rev --url -u" },
  },
  "postoverflows install": {
    source: "cmd/crowdsec-cli/cliitem/cmdinstall.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--download-only --force --ignore -d", "1.6.5..": "--dry-run --interactive -i" },
  },
  "postoverflows list": {
    source: "cmd/crowdsec-cli/cliitem/item.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all -a" },
  },
  "postoverflows remove": {
    source: "cmd/crowdsec-cli/cliitem/cmdremove.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force --purge", "1.6.5..": "--dry-run --interactive -i" },
  },
  "postoverflows upgrade": {
    source: "cmd/crowdsec-cli/cliitem/cmdupgrade.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force -a", "1.6.5..": "--dry-run --interactive -i" },
  },
  scenarios: { source: "cmd/crowdsec-cli", known: "1.4.6.." },
  "scenarios inspect": {
    source: "cmd/crowdsec-cli/cliitem/cmdinspect.go",
    known: "1.4.6..",
    options: { "1.6.0..": "--diff --no-metrics --rev", "1.4.6..": "--url -u" },
  },
  "scenarios install": {
    source: "cmd/crowdsec-cli/cliitem/cmdinstall.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--download-only --force --ignore -d", "1.6.5..": "--dry-run --interactive -i" },
  },
  "scenarios list": {
    source: "cmd/crowdsec-cli/cliitem/item.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all -a" },
  },
  "scenarios remove": {
    source: "cmd/crowdsec-cli/cliitem/cmdremove.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force --purge", "1.6.5..": "--dry-run --interactive -i" },
  },
  "scenarios upgrade": {
    source: "cmd/crowdsec-cli/cliitem/cmdupgrade.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--all --force -a", "1.6.5..": "--dry-run --interactive -i" },
  },
  setup: { source: "cmd/crowdsec-cli/clisetup/setup.go", known: "1.5.0..1.6.11" },
  "setup datasources": {
    source: "cmd/crowdsec-cli/clisetup/setup.go",
    known: "1.5.0..1.6.11",
    options: { "1.5.0..1.6.11": "--to-dir" },
  },
  "setup detect": {
    source: "cmd/crowdsec-cli/clisetup/detect.go",
    known: "1.5.0..",
    options: {
      "1.5.0..1.6.2":
        "--detect-config --force-os-family --force-os-id --force-os-version --force-process --force-unit --skip-service --snub-systemd",
      "1.5.0..": "--list-supported-services --yaml",
    },
  },
  "setup install-acquisition": {
    source: "cmd/crowdsec-cli/clisetup/acquisition.go",
    known: "1.7.0..",
    options: { "1.7.0..": "--dry-run" },
  },
  "setup install-hub": {
    source: "cmd/crowdsec-cli/clisetup/hub.go",
    known: "1.5.0..",
    options: { "1.5.0..": "--dry-run", "1.6.6..": "--interactive -i", "1.6.5..1.6.5": "--yes -y" },
  },
  "setup interactive": {
    source: "cmd/crowdsec-cli/clisetup/interactive.go",
    known: "1.7.0..",
    options: { "1.7.0..": "--dry-run" },
  },
  "setup unattended": {
    source: "cmd/crowdsec-cli/clisetup/unattended.go",
    known: "1.7.0..",
    options: { "1.7.0..": "--dry-run" },
  },
  "setup validate": { source: "cmd/crowdsec-cli/clisetup/validate.go", known: "1.5.0.." },
  simulation: { source: "cmd/crowdsec-cli/clisimulation/simulation.go", known: "1.4.6.." },
  "simulation disable": {
    source: "cmd/crowdsec-cli/clisimulation/simulation.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--global -g" },
  },
  "simulation enable": {
    source: "cmd/crowdsec-cli/clisimulation/simulation.go",
    known: "1.4.6..",
    options: { "1.4.6..": "--global -g" },
  },
  "simulation status": { source: "cmd/crowdsec-cli/clisimulation/simulation.go", known: "1.4.6.." },
  support: { source: "cmd/crowdsec-cli/clisupport/support.go", known: "1.4.6.." },
  "support dump": {
    source: "cmd/crowdsec-cli/clisupport/support.go",
    known: "1.4.6..",
    options: { "1.7.4..": "--fast", "1.4.6..": "--outFile -f" },
  },
  version: { source: "cmd/crowdsec-cli/version.go", known: "1.4.6.." },
};

/** Of crowdsec (cmd/crowdsec/main.go, flags.go). */
export const FLAGS: Names = {
  "1.4.6..": "-c -debug -dsn -dump-data -info -label -no-api -no-capi -no-cs -t -trace -type -version -warning -winsvc",
  "1.5.0..": "-error -transform",
  "1.5.3..": "-fatal -order-event",
  "1.6.0..": "-cpu-profile",
};

/** Variables that the container image reads (docker/docker_start.sh, build/docker/docker_start.sh). */
export const IMAGE_VARIABLES: Names = {
  "1.4.6..":
    "AGENTS_ALLOWED_OU AGENT_PASSWORD AGENT_USERNAME BOUNCERS_ALLOWED_OU CACERT_FILE CERT_FILE CLIENT_CERT_FILE CLIENT_KEY_FILE COLLECTIONS CONFIG_FILE CUSTOM_HOSTNAME DEBUG DISABLE_AGENT DISABLE_COLLECTIONS DISABLE_LOCAL_API DISABLE_ONLINE_API DISABLE_PARSERS DISABLE_POSTOVERFLOWS DISABLE_SCENARIOS DSN ENROLL_INSTANCE_NAME ENROLL_KEY ENROLL_TAGS GID INSECURE_SKIP_VERIFY KEY_FILE LAPI_CERT_FILE LAPI_KEY_FILE LEVEL_DEBUG LEVEL_INFO LEVEL_TRACE LOCAL_API_URL METRICS_PORT PARSERS PLUGIN_DIR POSTOVERFLOWS SCENARIOS TEST_MODE TYPE USE_TLS USE_WAL",
  "1.5.2..": "CAPI_WHITELISTS_PATH",
  "1.6.0..":
    "APPSEC_CONFIGS APPSEC_RULES CONTEXTS DISABLE_APPSEC_CONFIGS DISABLE_APPSEC_RULES DISABLE_CONTEXTS ENABLE_CONSOLE_MANAGEMENT",
  "1.6.1..1.6.1": "DO_HUB_UPGRADE",
  "1.6.10..":
    "ENABLE_CONSOLE_ALL ENABLE_CONSOLE_CONTEXT ENABLE_CONSOLE_CUSTOM ENABLE_CONSOLE_MANUAL ENABLE_CONSOLE_TAINTED",
  "1.6.2..": "NO_HUB_UPGRADE",
  "1.6.3..": "LEVEL_ERROR LEVEL_FATAL LEVEL_WARN",
  "1.6.9..": "UNREGISTER_ON_EXIT",
  "1.7.0..": "CROWDSEC_BYPASS_DB_VOLUME_CHECK",
};

/** Variables that crowdsec and cscli read themselves (os.Getenv, os.LookupEnv; CROWDSEC_FEATURE_* of pkg/fflag beside them). */
export const OWN_VARIABLES: Names = {
  "1.7.0..": "CROWDSEC_SETUP_DETECT_CONFIG CROWDSEC_SETUP_UNATTENDED_DISABLE",
  "1.4.6..": "CS_LAPI_SECRET",
  "1.5.0..": "CTI_API_KEY",
};

/** Keys of bouncers' files: those in Go (crowdsecurity/go-cs-bouncer 5e664e6695fd, *.go) and those of web servers (crowdsecurity/lua-cs-bouncer 3e82dd61508e, lib/plugins/crowdsec/config.lua). */
export const BOUNCER_KEYS: readonly string[] = [
  "api_key",
  "api_url",
  "ca_cert_path",
  "cert_path",
  "insecure_skip_verify",
  "key_path",
  "origins",
  "retry_initial_connect",
  "scenarios_containing",
  "scenarios_not_containing",
  "scopes",
  "update_frequency",
  "ALWAYS_SEND_TO_APPSEC",
  "API_KEY",
  "API_URL",
  "APPSEC_CONNECT_TIMEOUT",
  "APPSEC_DROP_UNREADABLE_BODY",
  "APPSEC_FAILURE_ACTION",
  "APPSEC_PROCESS_TIMEOUT",
  "APPSEC_SEND_TIMEOUT",
  "APPSEC_URL",
  "BAN_TEMPLATE_PATH",
  "BOUNCING_ON_TYPE",
  "CACHE_EXPIRATION",
  "CACHE_SIZE",
  "CAPTCHA_EXPIRATION",
  "CAPTCHA_PROVIDER",
  "CAPTCHA_RET_CODE",
  "CAPTCHA_TEMPLATE_PATH",
  "ENABLED",
  "ENABLE_INTERNAL",
  "EXCLUDE_LOCATION",
  "FALLBACK_REMEDIATION",
  "MODE",
  "REDIRECT_LOCATION",
  "REQUEST_TIMEOUT",
  "RET_CODE",
  "SECRET_KEY",
  "SITE_KEY",
  "SSL_VERIFY",
  "STREAM_REQUEST_TIMEOUT",
  "TLS_CLIENT_CERT",
  "TLS_CLIENT_KEY",
  "UPDATE_FREQUENCY",
  "USE_TLS_AUTH",
];

/** Values of the helm chart (crowdsecurity/helm-charts 84b8d10ff705, charts/crowdsec/values.yaml, chart 0.24.0). */
export const CHART_VALUES: readonly string[] = [
  "lapi.env",
  "agent.env",
  "appsec.env",
  "agent.lapiURL",
  "appsec.lapiURL",
  "lapi.extraVolumes",
  "lapi.extraVolumeMounts",
  "lapi.resources",
  "agent.extraVolumes",
  "agent.extraVolumeMounts",
  "agent.resources",
  "agent.enabled",
  "lapi.enabled",
];

/** Files and folders that packages and the image bring along, and who says so. */
export const FILES: Readonly<Record<string, string>> = {
  "/etc/crowdsec": "config/config.yaml",
  "/etc/crowdsec/config.yaml": "cmd/crowdsec/flags.go",
  "/etc/crowdsec/config.yaml.local": "pkg/csconfig/config.go",
  "/etc/crowdsec/local_api_credentials.yaml": "config/config.yaml",
  "/etc/crowdsec/online_api_credentials.yaml": "config/config.yaml",
  "/etc/crowdsec/acquis.yaml": "config/config.yaml",
  "/etc/crowdsec/acquis.d": "config/config.yaml",
  "/etc/crowdsec/profiles.yaml": "config/config.yaml",
  "/etc/crowdsec/hub": "config/config.yaml",
  "/var/lib/crowdsec": "config/config.yaml",
  "/var/lib/crowdsec/data": "config/config.yaml",
  "/var/log/crowdsec.log": "pkg/csconfig/common.go",
  "/var/log/crowdsec_api.log": "cmd/crowdsec/api.go",
  "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml":
    "crowdsecurity/cs-firewall-bouncer: config/crowdsec-firewall-bouncer.yaml",
  "/usr/bin/crowdsec": "config/crowdsec.service",
  "/usr/bin/cscli": "wizard.sh",
  "/staging": "build/docker/docker_start.sh",
  "/usr/local/etc/crowdsec": "freebsd/freebsd-ports: security/crowdsec/Makefile",
  "/usr/local/etc/crowdsec/config.yaml": "freebsd/freebsd-ports: security/crowdsec/pkg-plist",
  "/usr/local/etc/crowdsec/config.yaml.local": "pkg/csconfig/config.go",
  "/usr/local/etc/crowdsec/local_api_credentials.yaml": "freebsd/freebsd-ports: security/crowdsec/pkg-plist",
  "/usr/local/etc/crowdsec/online_api_credentials.yaml": "freebsd/freebsd-ports: security/crowdsec/pkg-plist",
  "/var/db/crowdsec": "freebsd/freebsd-ports: security/crowdsec/Makefile",
  "/var/db/crowdsec/data": "freebsd/freebsd-ports: security/crowdsec/Makefile",
  "/var/log/crowdsec/crowdsec.log": "alpinelinux/aports: testing/crowdsec/APKBUILD",
};

/** Services, as their manager calls them, and who installs them. */
export const SERVICES: Readonly<Record<string, string>> = {
  crowdsec: "config/crowdsec.service",
  "crowdsec-hubupdate": "build/debian/crowdsec-hubupdate.service",
  "crowdsec-firewall-bouncer": "crowdsecurity/cs-firewall-bouncer: config/crowdsec-firewall-bouncer.service",
  crowdsec_firewall: "freebsd/freebsd-ports: security/crowdsec-firewall-bouncer/files/crowdsec_firewall.in",
};
