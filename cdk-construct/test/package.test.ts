/** What the package says of itself, read from the built jsii assembly: `npm run build` makes it. */

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { ArchitectureCheck } from '../lib/architecture-check';
import { loadNativeBinding, nativeBindingFile } from '../lib/native-binding';

interface Member {
  readonly name: string;
  readonly docs?: { readonly summary?: string; readonly default?: string };
  readonly optional?: boolean;
}

interface Type extends Member {
  readonly properties?: Member[];
  readonly methods?: Member[];
  readonly kind: string;
}

function assembly(packageDirectory: string): Record<string, Type> {
  const read = (name: string) => fs.readFileSync(path.join(packageDirectory, name));
  const plain = JSON.parse(read('.jsii').toString());
  return (plain.schema === 'jsii/file-redirect' ? JSON.parse(zlib.gunzipSync(read(plain.filename)).toString()) : plain)
    .types;
}

const root = path.join(__dirname, '..');
const built = fs.existsSync(path.join(root, '.jsii'));
const skip = built ? false : '.jsii is not built';
const types = built ? assembly(root) : {};

test('an asset image has every option of the CDK, with architecture in the place of platform', { skip }, () => {
  const cdk = assembly(path.dirname(require.resolve('aws-cdk-lib/package.json')));
  const names = (type: Type) => (type.properties ?? []).map((property) => property.name).sort();
  const theirs = names(cdk['aws-cdk-lib.aws_ecr_assets.DockerImageAssetOptions']).filter((name) => name !== 'platform');
  // What has come after the lowest supported version stays out until the floor rises.
  const ours = names(types['cdk-ecs-arch.ArchAssetImageProps']).filter((name) => name !== 'architecture');
  assert.deepEqual(
    ours.filter((name) => !theirs.includes(name)),
    [],
  );
  const { version } = require('aws-cdk-lib/package.json');
  if (version === '2.262.0') {
    assert.deepEqual(ours, theirs);
  }
});

test('everything public is documented, and what is optional says its default', { skip }, () => {
  for (const type of Object.values(types)) {
    assert.ok(type.docs?.summary, type.name);
    for (const member of [...(type.properties ?? []), ...(type.methods ?? [])]) {
      assert.ok(member.docs?.summary, `${type.name}.${member.name}`);
      if (type.kind === 'interface' && member.optional) {
        assert.ok(member.docs?.default, `${type.name}.${member.name}`);
      }
    }
  }
});

test('the public types are these and no others', { skip }, () => {
  assert.deepEqual(Object.keys(types).sort(), [
    'cdk-ecs-arch.ArchAssetImageProps',
    'cdk-ecs-arch.ArchImage',
    'cdk-ecs-arch.ArchImageProps',
    'cdk-ecs-arch.ArchRegistryImageProps',
    'cdk-ecs-arch.ArchitectureCheck',
    'cdk-ecs-arch.ArchitectureCheckProps',
    'cdk-ecs-arch.TargetArchitecture',
  ]);
});

const file = nativeBindingFile();
const noBinary = fs.existsSync(file) ? false : `${file} is not built`;

test('the rules of the plugin are those of the core', { skip: noBinary }, () => {
  const rules = JSON.parse(loadNativeBinding().rules()) as { name: string }[];
  assert.ok(rules.length > 0);
  assert.deepEqual(new ArchitectureCheck().ruleIds, [...rules.map((rule) => rule.name), 'check-incomplete']);
});
