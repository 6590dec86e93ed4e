// Every app under apps/, synthesized with the real aws-cdk-lib and judged by the real `ecs-arch check`.
//
//   node --import tsx --test test/apps.test.ts
//
// ECS_ARCH_CLI names another binary than target/release/ecs-arch.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe as group, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { apart, describe, differences, type Report } from './apps/report.ts';
import { type FlagSet, flagSets, loadApps, synthesize } from './apps/synthesize.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = process.env.ECS_ARCH_CLI ?? join(root, 'target/release/ecs-arch');
const out = join(root, 'test/out/apps');

for (const [name, app] of await loadApps()) {
  group(`${name}: ${app.title}`, () => {
    for (const [variantName, variant] of Object.entries(app.variants)) {
      for (const flags of Object.keys(flagSets) as FlagSet[]) {
        test(`${variantName} (${flags})`, () => {
          const outdir = join(out, flags, name, variantName);
          synthesize(variant, flags, outdir);
          const { report, status } = check(outdir);
          const problems = [...differences(report, variant.expect), ...apart(report, variant.apart)];
          const fails = variant.expect.some(({ verdict }) => verdict === 'fails') || (variant.apart ?? []).length > 0;
          const expectedStatus = fails ? 1 : 0;
          if (status !== expectedStatus) problems.push(`exit status: expected ${expectedStatus}, got ${status}`);
          assert.equal(problems.length, 0, `${problems.join('\n')}\n\n${describe(report)}\n  in ${outdir}`);
        });
      }
    }
  });
}

function check(outdir: string): { report: Report; status: number | null } {
  const { error, status, stdout, stderr } = spawnSync(cli, ['check', '--format', 'json', outdir], { encoding: 'utf8' });
  assert.equal(error, undefined, `cannot run ${cli}: ${error?.message}. Build it with \`cargo build --release\``);
  assert.notEqual(status, 2, `ecs-arch check ${outdir} could not do its work:\n${stderr}`);
  return { report: JSON.parse(stdout), status };
}
