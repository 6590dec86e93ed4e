// The real thing, end to end: a Docker engine builds images with foreign and broken programs and runs them; `ecs-arch inspect`
// reads what `docker save` gives of each, and must have said the same in the same words. Every failing image has a twin that starts.
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

interface Image {
  /** Files by path; a mode other than 0755 stands behind the content. */
  readonly files: Record<string, string | Buffer | readonly [string | Buffer, number]>;
  /** What follows `COPY` in the Dockerfile. */
  readonly dockerfile: string;
}

type Make = (programs: Programs) => Image;

const shell = (programs: Programs) => ({ 'bin/sh': programs.amd64 });
const entrypoint = (...words: string[]) => `ENTRYPOINT ${JSON.stringify(words)}`;

/** What starts, and what stops it; the twin is the same image without the mistake. */
const cases: Record<string, { fails: Make; starts: Make }> = {
  'a program for arm64': {
    fails: ({ arm64 }) => ({ files: { app: arm64 }, dockerfile: entrypoint('/app') }),
    starts: ({ amd64 }) => ({ files: { 'bin/true': amd64 }, dockerfile: entrypoint('/bin/true') }),
  },
  'a program for s390x, found on the PATH': {
    fails: ({ s390x }) => ({ files: { 'usr/bin/app': s390x }, dockerfile: entrypoint('app') }),
    starts: ({ amd64 }) => ({ files: { 'usr/bin/true': amd64 }, dockerfile: entrypoint('true') }),
  },
  'a script whose interpreter is for arm64': {
    fails: ({ arm64 }) => ({ files: { run: '#!/bin/sh\nexit 0\n', 'bin/sh': arm64 }, dockerfile: entrypoint('/run') }),
    starts: (programs) => ({
      files: { run: '#!/bin/sh\nexit 0\n', ...shell(programs) },
      dockerfile: entrypoint('/run'),
    }),
  },
  'a script without #!': {
    fails: (programs) => ({ files: { run: 'exit 0\n', ...shell(programs) }, dockerfile: entrypoint('/run') }),
    starts: (programs) => ({
      files: { run: 'exit 0\n', ...shell(programs) },
      dockerfile: entrypoint('/bin/sh', '/run'),
    }),
  },
  'a script with a byte order mark': {
    fails: (programs) => ({
      files: { run: '\ufeff#!/bin/sh\nexit 0\n', ...shell(programs) },
      dockerfile: entrypoint('/run'),
    }),
    starts: (programs) => ({ files: { run: '#!/bin/sh\nexit 0\n', ...shell(programs) }, dockerfile: 'CMD ["/run"]' }),
  },
  'a script with carriage returns': {
    fails: (programs) => ({
      files: { run: '#!/bin/sh\r\nexit 0\r\n', ...shell(programs) },
      dockerfile: entrypoint('/run'),
    }),
    starts: (programs) => ({
      files: { run: '#!/bin/sh\nexit 0\r\n', ...shell(programs) },
      dockerfile: entrypoint('/run'),
    }),
  },
  'a script whose interpreter is missing': {
    fails: (programs) => ({
      files: { run: '#!/bin/bash\nexit 0\n', ...shell(programs) },
      dockerfile: entrypoint('/run'),
    }),
    starts: ({ amd64 }) => ({
      files: { run: '#!/bin/ash\nexit 0\n', 'bin/ash': amd64 },
      dockerfile: entrypoint('/run'),
    }),
  },
  'a program whose loader is missing': {
    fails: ({ dynamic }) => ({ files: { 'bin/true': dynamic }, dockerfile: entrypoint('/bin/true') }),
    starts: ({ dynamic, libraries }) => ({
      files: { 'bin/true': dynamic, ...libraries },
      dockerfile: entrypoint('/bin/true'),
    }),
  },
  'a program whose loader is for arm64': {
    fails: ({ dynamic, arm64, loader }) => ({
      files: { 'bin/true': dynamic, [loader]: arm64 },
      dockerfile: entrypoint('/bin/true'),
    }),
    starts: ({ dynamic, libraries }) => ({
      files: { 'bin/false': dynamic, ...libraries },
      dockerfile: entrypoint('/bin/false'),
    }),
  },
  'a program that may not be executed': {
    fails: ({ amd64 }) => ({ files: { 'bin/true': [amd64, 0o644] }, dockerfile: entrypoint('/bin/true') }),
    starts: ({ amd64 }) => ({ files: { 'bin/true': [amd64, 0o711] }, dockerfile: entrypoint('/bin/true') }),
  },
  'a program that this user may not execute': {
    fails: ({ amd64 }) => ({
      files: { 'bin/true': [amd64, 0o700] },
      dockerfile: `USER 1000\n${entrypoint('/bin/true')}`,
    }),
    starts: ({ amd64 }) => ({
      files: { 'bin/true': [amd64, 0o755] },
      dockerfile: `USER 1000\n${entrypoint('/bin/true')}`,
    }),
  },
  'a program that is not there': {
    fails: (programs) => ({ files: shell(programs), dockerfile: entrypoint('serve') }),
    starts: (programs) => ({ files: shell(programs), dockerfile: entrypoint('sh', '-c', 'exit 0') }),
  },
  'a pointer of Git LFS': {
    fails: () => ({
      files: { app: 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' },
      dockerfile: entrypoint('/app'),
    }),
    starts: ({ amd64 }) => ({ files: { 'bin/true': amd64 }, dockerfile: entrypoint('bin/true') }),
  },
  'a working directory that is a file': {
    fails: ({ amd64 }) => ({ files: { 'bin/true': amd64, srv: 'x' }, dockerfile: entrypoint('/bin/true') }),
    starts: ({ amd64 }) => ({
      files: { 'bin/true': amd64, 'srv/x': 'x' },
      dockerfile: `WORKDIR /srv\n${entrypoint('../bin/true')}`,
    }),
  },
  'a shell command': {
    fails: ({ arm64 }) => ({ files: { 'bin/sh': arm64 }, dockerfile: 'CMD exit 0' }),
    starts: (programs) => ({ files: shell(programs), dockerfile: 'CMD exit 0' }),
  },
};

let engine: Engine | undefined;
let programs: Programs;
let missing: string | undefined;

before(async () => {
  try {
    engine = await startEngine();
    programs = debianPrograms();
  } catch (error) {
    if (!(error instanceof NoEngine) || process.env.CI === 'true') throw error;
    missing = error.message;
  }
});
after(() => engine?.stop());

let count = 0;

/** Builds an image and gives its name. */
function build(running: Engine, image: Image): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ecs-arch-context-'));
  const files = path.join(directory, 'files');
  for (const [name, file] of Object.entries(image.files)) {
    const [content, mode] = typeof file === 'string' || Buffer.isBuffer(file) ? [file, 0o755] : file;
    const target = path.join(files, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, content);
    fs.chmodSync(target, mode);
  }
  fs.writeFileSync(path.join(directory, 'Dockerfile'), `FROM scratch\nCOPY files/ /\n${image.dockerfile}\n`);
  count += 1;
  const name = `test-${count}`;
  const built = running.docker(['build', '--quiet', '--tag', name, directory]);
  assert.equal(built.status, 0, built.stderr);
  fs.rmSync(directory, { recursive: true });
  return name;
}

/** Runs an image; `said` is what the log or the engine says where it does not start. */
function start(running: Engine, name: string, options: string[]): { stage: string; said: string } {
  const created = running.docker(['create', '--network', 'none', '--name', `of-${name}`, ...options, name]);
  if (created.status !== 0) return { stage: 'create', said: created.stderr };
  const started = running.docker(['start', '--attach', `of-${name}`]);
  if (started.status === 126 || started.status === 127 || /OCI runtime create failed/.test(started.stderr)) {
    return { stage: 'create', said: started.stderr };
  }
  const logs = running.docker(['logs', `of-${name}`]);
  const line = `${logs.stdout}${logs.stderr}`.trim();
  return /^exec \S+: /.test(line) ? { stage: 'exec', said: line } : { stage: 'start', said: line };
}

/** The prediction for what `docker save` gives, as a file and as a stream: both must be the same. */
function predicted(running: Engine, name: string, options: string[]) {
  const archive = running.bytes(['save', name]);
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'ecs-arch-saved-')), 'image.tar');
  fs.writeFileSync(file, archive);
  const answers = [`docker-archive:${file}`, '-'].map((image) => {
    const input = image === '-' ? archive : undefined;
    const ran = spawnSync(cli, ['inspect', image, '--format', 'json', ...options], { input, encoding: 'utf8' });
    assert.ok(ran.status === 0 || ran.status === 1, ran.stderr);
    return JSON.parse(ran.stdout).platforms;
  });
  fs.rmSync(path.dirname(file), { recursive: true });
  assert.deepEqual(answers[0], answers[1]);
  assert.equal(answers[0].length, 1);
  return answers[0][0];
}

/** A refusal has more words around those that are predicted; the log has one line, which is predicted to the letter. */
function agrees(prediction: ReturnType<typeof predicted>, truth: ReturnType<typeof start>) {
  assert.equal(prediction.outcome.stage, truth.stage, truth.said);
  assert.equal(prediction.starts, truth.stage === 'start');
  if (truth.stage === 'exec') assert.equal(prediction.outcome.text, truth.said);
  if (truth.stage === 'create') {
    const words = prediction.outcome.text.split(': ').pop();
    assert.ok(truth.said.includes(words), `${truth.said} does not say ${words}`);
  }
}

for (const [name, { fails, starts }] of Object.entries(cases)) {
  for (const [make, expected] of [
    [fails, 'does not start'],
    [starts, 'has a twin that starts'],
  ] as const) {
    test(`${name} ${expected}`, (context) => {
      if (!engine) return context.skip(`no Docker engine: ${missing}`);
      const overrides = name.startsWith('a working directory') && make === fails ? ['--workdir', '/srv'] : [];
      const image = build(engine, make(programs));
      const truth = start(engine, image, overrides);
      assert.equal(truth.stage === 'start', make === starts, truth.said);
      agrees(predicted(engine, image, overrides), truth);
    });
  }
}
