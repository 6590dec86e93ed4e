// What `ecs-arch check` says of a Dockerfile and its context before anything is built, and what becomes of it: a Docker engine builds each
// case and runs it. Every case that fails has a twin that starts, and of that one nothing may be said.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type Engine, NoEngine, startEngine } from './engine/docker.ts';
import { debianPrograms, type Programs } from './engine/programs.ts';

const root = path.resolve(import.meta.dirname, '..');
const cli = process.env.ECS_ARCH_CLI ?? path.join(root, 'target', 'release', 'ecs-arch');

type Content = string | Buffer;

interface Build {
  readonly files: Record<string, Content>;
  /** Of the asset: `dockerBuildTarget` and others. */
  readonly options?: Record<string, unknown>;
  /** Of the container definition. */
  readonly container?: { readonly EntryPoint?: string[]; readonly Command?: string[] };
}

/** How a case ends: the build fails; the engine refuses the container; `execve` fails; it starts and ends with a status. */
type End = 'build' | 'create' | 'exec' | 'status 0' | `status ${number}`;

interface Case {
  readonly rule: string;
  readonly severity?: 'warning';
  readonly ends: End;
  readonly fails: (programs: Programs) => Build;
  readonly starts: (programs: Programs) => Build;
}

const script = '#!/bin/sh\nexit 0\n';
const executable = Buffer.from(script);
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`;
/** Busybox does what its name says, so that the twin's program is called `true`. */
const program = 'FROM example/base\nCOPY true /opt/true\nENTRYPOINT ["/opt/true"]\n';
const onScratch = 'FROM scratch\nCOPY true /true\nENTRYPOINT ["/true"]\n';
const entry = 'FROM example/base\nWORKDIR /srv\nCOPY run.sh ./run.sh\nRUN chmod +x run.sh\nENTRYPOINT ["./run.sh"]\n';
const written = (dockerfile: string, run: Content) => () => ({ files: { Dockerfile: dockerfile, 'run.sh': run } });

const cases: Record<string, Case> = {
  'a program for another processor': {
    rule: 'copied-binary-foreign',
    ends: 'exec',
    fails: ({ arm64 }) => ({ files: { Dockerfile: program, true: arm64 } }),
    starts: ({ amd64 }) => ({ files: { Dockerfile: program, true: amd64 } }),
  },
  'a program for another processor in an image without anything else': {
    rule: 'copied-binary-foreign',
    ends: 'exec',
    fails: ({ s390x }) => ({ files: { Dockerfile: onScratch, true: s390x } }),
    starts: ({ amd64 }) => ({ files: { Dockerfile: onScratch, true: amd64 } }),
  },
  'a program for macOS': {
    rule: 'copied-binary-foreign',
    ends: 'exec',
    fails: () => ({ files: { Dockerfile: program, true: Buffer.from('cffaedfe0c00000100000000', 'hex') } }),
    starts: ({ amd64 }) => ({ files: { Dockerfile: program, true: amd64 } }),
  },
  'a program for another processor behind a shell': {
    rule: 'copied-binary-foreign',
    // Busybox reads what the kernel does not execute as a script.
    ends: 'status 2',
    fails: ({ arm64 }) => ({ files: { Dockerfile: program.replace('["/opt/true"]', 'exec /opt/true'), true: arm64 } }),
    starts: ({ amd64 }) => ({ files: { Dockerfile: program.replace('["/opt/true"]', 'exec /opt/true'), true: amd64 } }),
  },
  'a program for another processor that comes through a stage': {
    rule: 'copied-binary-foreign',
    ends: 'exec',
    fails: ({ arm64 }) => ({
      files: {
        Dockerfile: `FROM example/base AS files\nCOPY true /x/true\n${'FROM scratch\nCOPY --from=files /x /y\nENTRYPOINT ["/y/true"]\n'}`,
        true: arm64,
      },
    }),
    starts: ({ amd64 }) => ({
      files: {
        Dockerfile: `FROM example/base AS files\nCOPY true /x/true\n${'FROM scratch\nCOPY --from=files /x /y\nENTRYPOINT ["/y/true"]\n'}`,
        true: amd64,
      },
    }),
  },
  'a script with carriage returns': {
    rule: 'script-carriage-return',
    ends: 'exec',
    fails: written(entry, '#!/bin/sh\r\nexit 0\r\n'),
    starts: written(entry.replace('RUN chmod', "RUN sed -i 's/\\r$//' run.sh && chmod"), '#!/bin/sh\r\nexit 0\r\n'),
  },
  'a script with carriage returns whose interpreter env looks for': {
    rule: 'script-carriage-return',
    ends: 'status 127',
    fails: written(entry, '#!/usr/bin/env sh\r\nexit 0\r\n'),
    starts: written(entry, '#!/usr/bin/env sh\nexit 0\n'),
  },
  'a script without a first line': {
    rule: 'script-missing-shebang',
    ends: 'exec',
    fails: written(entry, 'exit 0\n'),
    starts: written(entry.replace('["./run.sh"]', '["sh", "./run.sh"]'), 'exit 0\n'),
  },
  'a script behind an empty line': {
    rule: 'script-missing-shebang',
    ends: 'exec',
    fails: written(entry, `\n${script}`),
    starts: written(entry, script),
  },
  'a script behind a byte order mark': {
    rule: 'script-byte-order-mark',
    ends: 'exec',
    fails: written(entry, `\ufeff${script}`),
    starts: written(entry, script),
  },
  'a pointer of Git LFS': {
    rule: 'git-lfs-pointer-copied',
    ends: 'exec',
    fails: written(entry, pointer),
    starts: written(entry, script),
  },
  'a script in an image without a shell': {
    rule: 'interpreter-missing',
    ends: 'exec',
    fails: written('FROM scratch\nCOPY run.sh /\nENTRYPOINT ["/run.sh"]\n', executable),
    starts: written('FROM example/base\nCOPY run.sh /\nENTRYPOINT ["/run.sh"]\n', executable),
  },
  'a shell command in an image without a shell': {
    rule: 'entrypoint-not-found',
    ends: 'create',
    fails: written('FROM scratch\nCOPY run.sh /\nCMD /run.sh\n', executable),
    starts: written('FROM example/base\nCOPY run.sh /\nCMD /run.sh\n', executable),
  },
  'an entrypoint of the task that is a broken script': {
    rule: 'script-missing-shebang',
    ends: 'exec',
    fails: () => ({
      files: {
        Dockerfile: 'FROM example/base\nCOPY *.sh /srv/\nENTRYPOINT ["true"]\n',
        'run.sh': executable,
        'bare.sh': Buffer.from('exit 0\n'),
      },
      container: { EntryPoint: ['/srv/bare.sh'] },
    }),
    starts: () => ({
      files: {
        Dockerfile: 'FROM example/base\nCOPY *.sh /srv/\nENTRYPOINT ["true"]\n',
        'run.sh': executable,
        'bare.sh': Buffer.from('exit 0\n'),
      },
      container: { EntryPoint: ['/srv/run.sh'] },
    }),
  },
  'a script that may not be executed': {
    rule: 'entrypoint-not-executable',
    severity: 'warning',
    ends: 'create',
    fails: written(entry.replace('RUN chmod +x run.sh\n', 'RUN chmod 600 /etc/profile\n'), script),
    starts: written(entry, script),
  },
  'a base image for another processor': {
    rule: 'base-image-single-architecture',
    ends: 'exec',
    fails: () => ({ files: { Dockerfile: 'FROM arm64v8/busybox\nCMD ["/bin/true"]\n' } }),
    starts: () => ({ files: { Dockerfile: 'FROM amd64/busybox\nCMD ["/bin/true"]\n' } }),
  },
  'a final stage that is pinned': {
    rule: 'dockerfile-platform-pinned',
    ends: 'exec',
    fails: () => ({
      files: { Dockerfile: 'FROM --platform=linux/arm64 example/arm AS base\nFROM base\nENTRYPOINT ["/bin/true"]\n' },
    }),
    starts: () => ({
      files: { Dockerfile: 'FROM --platform=linux/amd64 example/base AS base\nFROM base\nENTRYPOINT ["/bin/true"]\n' },
    }),
  },
  'an instruction that there is not': {
    rule: 'dockerfile-invalid',
    ends: 'build',
    fails: () => ({ files: { Dockerfile: 'FROM example/base\nINSTALL curl\n' } }),
    starts: () => ({ files: { Dockerfile: 'FROM example/base\nENTRYPOINT ["true"]\n' } }),
  },
  'a stage that there is not': {
    rule: 'dockerfile-invalid',
    ends: 'build',
    fails: () => ({
      files: { Dockerfile: 'FROM example/base AS app\nENTRYPOINT ["true"]\n' },
      options: { dockerBuildTarget: 'prod' },
    }),
    starts: () => ({
      files: { Dockerfile: 'FROM example/base AS app\nENTRYPOINT ["true"]\n' },
      options: { dockerBuildTarget: 'app' },
    }),
  },
  'a Dockerfile that there is not': {
    rule: 'dockerfile-invalid',
    ends: 'build',
    fails: () => ({ files: { 'readme.txt': 'x', 'docker/Dockerfile': 'FROM example/base\nENTRYPOINT ["true"]\n' } }),
    starts: () => ({
      files: { 'readme.txt': 'x', 'docker/Dockerfile': 'FROM example/base\nENTRYPOINT ["true"]\n' },
      options: { dockerFile: 'docker/Dockerfile' },
    }),
  },
};

let engine: Engine | undefined;
let programs: Programs;
let missing: string | undefined;
let count = 0;

before(async () => {
  try {
    engine = await startEngine();
    programs = debianPrograms();
  } catch (error) {
    if (!(error instanceof NoEngine) || process.env.CI === 'true') throw error;
    missing = error.message;
    return;
  }
  for (const [name, platform, busybox] of [
    ['example/base', 'linux/amd64', programs.amd64],
    ['amd64/busybox', 'linux/amd64', programs.amd64],
    ['arm64v8/busybox', 'linux/arm64', programs.arm64],
    ['example/arm', 'linux/arm64', programs.arm64],
  ] as const) {
    importBase(engine, name, platform, busybox);
  }
});
after(() => engine?.stop());

/** A base image with the usual commands, all of them Busybox. */
function importBase(running: Engine, name: string, platform: string, busybox: Buffer) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ecs-arch-base-'));
  for (const folder of ['bin', 'usr/bin', 'etc', 'tmp'])
    fs.mkdirSync(path.join(directory, folder), { recursive: true });
  fs.writeFileSync(path.join(directory, 'bin', 'busybox'), busybox, { mode: 0o755 });
  fs.writeFileSync(path.join(directory, 'etc', 'profile'), '');
  for (const applet of ['sh', 'true', 'chmod', 'sed']) fs.symlinkSync('busybox', path.join(directory, 'bin', applet));
  fs.symlinkSync('../../bin/busybox', path.join(directory, 'usr', 'bin', 'env'));
  const packed = spawnSync('tar', ['-C', directory, '-cf', '-', '.'], { maxBuffer: 1 << 28 });
  assert.equal(packed.status, 0);
  const imported = running.docker(['import', '--platform', platform, '-', name], packed.stdout);
  assert.equal(imported.status, 0, imported.stderr);
  fs.rmSync(directory, { recursive: true });
}

/** Writes the cloud assembly of a Fargate task whose image is built from a directory. */
function assembly({ files, options, container }: Build): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ecs-arch-assembly-'));
  const write = (name: string, content: Content, mode = 0o644) => {
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content, { mode });
  };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation fills it in.
  const image = { 'Fn::Sub': '${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/repo:abc' };
  const properties = {
    RequiresCompatibilities: ['FARGATE'],
    ContainerDefinitions: [{ Name: 'web', Image: image, ...container }],
  };
  write(
    'manifest.json',
    JSON.stringify({
      version: '36.0.0',
      artifacts: {
        'A.assets': { type: 'cdk:asset-manifest', properties: { file: 'A.assets.json' } },
        A: {
          type: 'aws:cloudformation:stack',
          properties: { templateFile: 'A.template.json' },
          dependencies: ['A.assets'],
        },
      },
    }),
  );
  write(
    'A.assets.json',
    JSON.stringify({
      dockerImages: {
        abc: {
          source: { directory: 'asset.abc', platform: 'linux/amd64', ...options },
          destinations: { d: { repositoryName: 'repo', imageTag: 'abc' } },
        },
      },
    }),
  );
  write(
    'A.template.json',
    JSON.stringify({ Resources: { Task: { Type: 'AWS::ECS::TaskDefinition', Properties: properties } } }),
  );
  for (const [name, content] of Object.entries(files))
    write(path.join('asset.abc', name), content, Buffer.isBuffer(content) ? 0o755 : 0o644);
  return directory;
}

/** Builds and runs it; what is said where it does not start. */
function truth(running: Engine, directory: string, { options, container }: Build): { ends: string; said: string } {
  count += 1;
  const name = `build-${count}`;
  const context = path.join(directory, 'asset.abc');
  const file = path.join(context, String(options?.dockerFile ?? 'Dockerfile'));
  const target = options?.dockerBuildTarget ? ['--target', String(options.dockerBuildTarget)] : [];
  const built = running.docker([
    'build',
    '--quiet',
    '--network',
    'none',
    '--tag',
    name,
    '--file',
    file,
    ...target,
    context,
  ]);
  if (built.status !== 0) return { ends: 'build', said: built.stderr };
  const entrypoint = container?.EntryPoint ? ['--entrypoint', container.EntryPoint[0] as string] : [];
  const created = running.docker(['create', '--network', 'none', '--name', name, ...entrypoint, name]);
  if (created.status !== 0) return { ends: 'create', said: created.stderr };
  const started = running.docker(['start', '--attach', name]);
  if (/OCI runtime create failed/.test(started.stderr)) return { ends: 'create', said: started.stderr };
  const line = `${started.stdout}${started.stderr}`.trim();
  return { ends: /^exec \S+: /m.test(line) ? 'exec' : `status ${started.status}`, said: line };
}

function checked(directory: string) {
  const ran = spawnSync(cli, ['check', directory, '--format', 'json'], { encoding: 'utf8' });
  assert.ok(ran.status === 0 || ran.status === 1, ran.stderr);
  return JSON.parse(ran.stdout);
}

for (const [name, { rule, severity, ends, fails, starts }] of Object.entries(cases)) {
  test(`${name} is foreseen`, (context) => {
    if (!engine) return context.skip(`no Docker engine: ${missing}`);
    const build = fails(programs);
    const directory = assembly(build);
    const { findings, workloads } = checked(directory);
    assert.deepEqual(
      findings.map((finding: { rule: string; severity: string }) => `${finding.severity} ${finding.rule}`),
      [`${severity ?? 'error'} ${rule}`],
    );
    assert.equal(workloads[0].verdict, severity ? 'at-risk' : 'fails');
    const happened = truth(engine, directory, build);
    assert.equal(happened.ends, ends, happened.said);
    // Where the log's one line is foreseen, it is foreseen to the letter.
    const notes: string[] = findings[0].notes.map((note: { message: string }) => note.message);
    const line = notes.map((note) => /would stop at once: `(exec \/\S+: .*)`/.exec(note)?.[1]).find(Boolean);
    if (line && ends === 'exec')
      assert.ok(happened.said.includes(line.replace(/^exec \S+/, '')), `${happened.said} is not ${line}`);
    fs.rmSync(directory, { recursive: true });
  });

  test(`${name} has a twin that starts`, (context) => {
    if (!engine) return context.skip(`no Docker engine: ${missing}`);
    const build = starts(programs);
    const directory = assembly(build);
    const { findings, workloads } = checked(directory);
    assert.deepEqual(findings, []);
    assert.equal(workloads[0].verdict, 'runs');
    const happened = truth(engine, directory, build);
    assert.equal(happened.ends, 'status 0', happened.said);
    fs.rmSync(directory, { recursive: true });
  });
}
