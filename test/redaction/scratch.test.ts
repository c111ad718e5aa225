import fs from "node:fs";
import { execFileSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import { kindOf } from "../../src/redaction/kind.ts";

const git = (repo: string, ...args: string[]) => execFileSync("git", [`--git-dir=/work/.mirror/${repo}/repo`, ...args], { encoding: "utf8", maxBuffer: 1e9 });
test("shipped", () => {
  const out: string[] = [];
  const started = Date.now();
  let bytes = 0;
  for (const [repo, tags] of [["crowdsecurity+crowdsec", ["v1.4.6", "v1.6.3", "v1.7.8"]], ["crowdsecurity+crowdsec-docs", ["HEAD"]], ["crowdsecurity+helm-charts", ["HEAD"]], ["crowdsecurity+lua-cs-bouncer", ["HEAD"]],["crowdsecurity+cs-haproxy-spoa-bouncer", ["HEAD"]]] as const)
    for (const tag of tags) {
      const files = git(repo, "ls-tree", "-r", "--name-only", tag).split("\n").filter((f) => /\.(ya?ml|conf|service|env|md|mdx|sh|json)$|postinst|rules$|cron/.test(f) && !/versioned_docs|package-lock|node_modules|hub\/|pkg\/parser|swagger|CHANGELOG/.test(f)).slice(0, 1200);
      for (const f of files) {
        let text = git(repo, "show", `${tag}:${f}`);
        if (text.length > 300000) continue;
        bytes += text.length;
        const kind = f.endsWith(".conf") ? "settings" as const : kindOf(`/${f}`);
        const r = createRedactor();
        r.study(text, kind, f);
        const res = r.redact(text, kind);
        const leaks = r.leaks(res.text);
        const again = r.redact(res.text, kind).text;
        const a = text.split("\n"), b = res.text.split("\n");
        if (a.length !== b.length) out.push(`!! LINES ${f}`);
        if (leaks.length) out.push(`!! LEAK ${f} ${JSON.stringify(leaks)}`);
        if (again !== res.text) out.push(`!! IDEMP ${f}`);
        a.forEach((line, i) => { if (line !== b[i]) out.push(`${tag}:${f}:${i + 1} [${kind}]\n   - ${line}\n   + ${b[i]}`); });
      }
    }
  out.push(`${bytes} bytes ${Date.now() - started} ms`);
  fs.writeFileSync("/tmp/redaction-scratch/out.txt", out.join("\n"));
  expect(1).toBe(1);
}, 600000);
