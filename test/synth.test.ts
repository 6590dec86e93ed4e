// The same apps under the real `cdk synth`, with `ArchitectureCheck` plugged in: they pass and fail as `ecs-arch check` says, in
// the same words, and every rule can be acknowledged.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe as group, test } from 'node:test';
import type { Report } from './apps/report.ts';
import { loadApps } from './apps/synthesize.ts';

const root = path.resolve(import.meta.dirname, '..');
const cli = process.env.ECS_ARCH_CLI ?? path.join(root, 'target', 'release', 'ecs-arch');
const cdk = path.join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk');
const out = path.join(root, 'test', 'out', 'synth');

interface Synthesis {
  readonly status: number | null;
  readonly said: string;
  readonly directory: string;
}

function synthesize(
  name: string,
  variant: string,
  options: { acknowledge?: { path: string; id: string }[]; lock?: string } = {},
): Synthesis {
  const directory = path.join(out, name, variant);
  fs.rmSync(directory, { recursive: true, force: true });
  const app = 'node --import tsx test/synth/run-app.ts';
  const args = [cdk, 'synth', '--quiet', '--no-notices', '--no-color', '--app', app, '--output', directory];
  const asked = { name, variant, lock: options.lock, acknowledge: options.acknowledge ?? [] };
  const env = { ...process.env, CHECKED_APP: JSON.stringify(asked), FORCE_COLOR: '0' };
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' });
  assert.equal(error, undefined);
  return { status, said: stdout + stderr, directory };
}

function check(directory: string, lock?: string): Report {
  const args = ['check', '--format', 'json', ...(lock ? ['--lock', lock] : []), directory];
  const { stdout, status, stderr } = spawnSync(cli, args, { encoding: 'utf8' });
  assert.notEqual(status, 2, stderr);
  return JSON.parse(stdout);
}

/** Apps of every kind; each fails in one edition and passes in the other. */
const apps = [
  'fargate/service',
  'fargate/sidecar',
  'patterns/load-balanced-fargate',
  'patterns/scheduled-ec2',
  'capacity/add-capacity',
  'capacity/asg-provider',
  'capacity/never-placed',
  'images/tarball',
  'dockerfiles/pinned',
  'dockerfiles/copied-program',
  'dockerfiles/entrypoint-script',
  'dockerfiles/stages',
  'l1/template',
  'builds/cdk-pipelines',
  'builds/codebuild-image',
  'builds/deploy-time-build',
  'stacks/stages',
  'stacks/nested-parameters',
  'synthesizers/app-staging',
];

group('cdk synth passes and fails as the check does', () => {
  for (const name of apps) {
    for (const variant of ['fails', 'runs']) {
      test(`${name}: ${variant}`, () => {
        const synthesis = synthesize(name, variant);
        const report = check(synthesis.directory);
        assert.equal(report.summary.errors > 0, variant === 'fails');
        assert.equal(synthesis.status, variant === 'fails' ? 1 : 0, synthesis.said);
        for (const finding of report.findings) {
          assert.ok(synthesis.said.includes(finding.message), `${finding.message}\nis not in\n${synthesis.said}`);
          assert.ok(
            synthesis.said.includes(`ecs-arch::${finding.rule}`),
            `${finding.rule} is not in\n${synthesis.said}`,
          );
        }
      });
    }
  }
});

const lockFile = path.join(out, 'ecs-arch.lock.json');
fs.mkdirSync(out, { recursive: true });
fs.writeFileSync(
  lockFile,
  JSON.stringify({
    schema: 1,
    images: {
      'public.ecr.aws/docker/library/redis:7': {
        platforms: ['linux/amd64'],
        mediaType: 'application/vnd.oci.image.index.v1+json',
      },
    },
  }),
);

/** For rules on each kind of resource an app that breaks it, and nothing else of error severity. */
const broken: Record<string, { name: string; variant: string; lock?: string }> = {
  'ami-instance-mismatch': { name: 'capacity/add-capacity', variant: 'fails' },
  'architecture-misspelled': { name: 'l1/template', variant: 'fails when misspelled' },
  'architecture-unsupported': { name: 'fargate/windows', variant: 'fails' },
  'asset-platform-unset': { name: 'fargate/platform-unset', variant: 'at risk on X86_64' },
  'base-image-single-architecture': { name: 'dockerfiles/stages', variant: 'fails' },
  'capacity-architecture-mismatch': { name: 'capacity/never-placed', variant: 'fails' },
  'capacity-mixed': { name: 'capacity/two-providers', variant: 'fails' },
  'entrypoint-not-found': { name: 'images/contents', variant: 'fails with an entrypoint that is not there' },
  'copied-binary-foreign': { name: 'dockerfiles/copied-program', variant: 'fails' },
  'dockerfile-final-stage-on-build-platform': {
    name: 'dockerfiles/stages',
    variant: 'is at risk by a final stage for the build host',
  },
  'dockerfile-foreign-download': { name: 'dockerfiles/stages', variant: 'is at risk by a download' },
  'dockerfile-foreign-target': { name: 'dockerfiles/stages', variant: 'is at risk by a constant GOARCH' },
  'dockerfile-invalid': { name: 'dockerfiles/stages', variant: 'fails without the stage that it names' },
  'dockerfile-platform-pinned': { name: 'dockerfiles/pinned', variant: 'fails' },
  'git-lfs-pointer-copied': { name: 'dockerfiles/entrypoint-script', variant: 'fails as a pointer of Git LFS' },
  'image-contents-mismatch': {
    name: 'images/tarball',
    variant: 'fails as the archive holds another architecture than it says',
  },
  'codebuild-builds-other-architecture': { name: 'builds/codebuild-repository', variant: 'fails' },
  'codebuild-image-mismatch': { name: 'builds/codebuild-image', variant: 'fails' },
  'image-platform-mismatch': { name: 'fargate/service', variant: 'fails' },
  'image-platform-missing': {
    name: 'images/registry',
    variant: 'is not known from the public gallery',
    lock: lockFile,
  },
  'library-foreign-architecture': { name: 'images/contents', variant: 'is at risk with a module of another processor' },
  'native-modules-copied': { name: 'dockerfiles/native-modules', variant: 'fails' },
  'operating-system-mismatch': { name: 'fargate/windows', variant: 'fails with a Linux image' },
  'runtime-platform-unset': { name: 'capacity/mixed-cluster', variant: 'fails' },
  'script-byte-order-mark': { name: 'dockerfiles/entrypoint-script', variant: 'fails with a byte order mark' },
  'script-carriage-return': { name: 'dockerfiles/entrypoint-script', variant: 'fails for arm64 with carriage returns' },
  'script-missing-shebang': { name: 'dockerfiles/entrypoint-script', variant: 'fails' },
};

/** Rules that ask for the kernel of a host, which no app shows. */
const inspectOnly = ['page-size-assumption'];

test('every rule has an app here that breaks it', async () => {
  const { stdout } = spawnSync(cli, ['rules', '--json'], { encoding: 'utf8' });
  const rules: string[] = JSON.parse(stdout).map((rule: { name: string }) => rule.name);
  const covered = new Set([...Object.keys(broken), ...inspectOnly]);
  for (const { variants } of (await loadApps()).values()) {
    for (const { expect } of Object.values(variants)) {
      for (const { rules: expected } of expect) for (const rule of expected ?? []) covered.add(rule);
    }
  }
  assert.deepEqual([...covered].sort(), rules);
});

group('an acknowledgement takes a finding out of the synth', () => {
  for (const [rule, { name, variant, lock }] of Object.entries(broken)) {
    test(rule, () => {
      const before = synthesize(name, variant, { lock });
      const found = check(before.directory, lock).findings.filter((finding) => finding.rule === rule);
      assert.ok(found.length > 0, `${name} does not break ${rule}`);
      assert.ok(before.said.includes(`ecs-arch::${rule}`), before.said);
      assert.equal(before.status, found.some((finding) => finding.severity === 'error') ? 1 : 0);

      const onApp = synthesize(name, variant, { lock, acknowledge: [{ path: '', id: `ecs-arch::${rule}` }] });
      assert.ok(!onApp.said.includes(`ecs-arch::${rule}`), onApp.said);
      assert.equal(
        onApp.status,
        check(onApp.directory, lock).findings.some((other) => other.rule !== rule && other.severity === 'error')
          ? 1
          : 0,
      );

      const container = (found[0] as unknown as { container: string | null }).container;
      if (container === null) return;
      const byContainer = (who: string) =>
        synthesize(name, variant, { lock, acknowledge: [{ path: '', id: `ecs-arch::${rule}[${who}]` }] });
      const right = byContainer(container);
      const all = found.every((finding) => (finding as unknown as { container: string }).container === container);
      if (all) assert.ok(!right.said.includes(`ecs-arch::${rule}`), right.said);
      const other = byContainer('another');
      assert.ok(other.said.includes(`ecs-arch::${rule}`), other.said);
      assert.equal(other.status, before.status);
    });
  }
});

test('a lock file that cannot be read is a finding, not a crash', () => {
  const lock = path.join(out, 'broken.lock.json');
  fs.writeFileSync(lock, '{');
  const synthesis = synthesize('fargate/service', 'runs', { lock });
  assert.equal(synthesis.status, 0, synthesis.said);
  assert.match(synthesis.said, /broken\.lock\.json/);
  assert.match(synthesis.said, /check-incomplete/);
});
