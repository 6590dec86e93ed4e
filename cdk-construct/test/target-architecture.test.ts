import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { CfnParameter, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { TargetArchitecture } from '../lib/index';
import { nativeBindingFile } from '../lib/native-binding';

const { ARM64, X86_64 } = TargetArchitecture;

const skip = fs.existsSync(nativeBindingFile()) ? false : `${nativeBindingFile()} is not built`;

test('each architecture has the spelling of every service', () => {
  assert.deepEqual(
    [ARM64, X86_64].map((architecture) => [
      architecture.name,
      `${architecture}`,
      architecture.platform.platform,
      architecture.cpuArchitecture._cpuArchitecture,
      architecture.runtimePlatform.cpuArchitecture?._cpuArchitecture,
      architecture.runtimePlatform.operatingSystemFamily?._operatingSystemFamily,
      architecture.amiHardwareType,
      architecture.instanceArchitecture,
      architecture.lambdaArchitecture.name,
    ]),
    [
      ['ARM64', 'ARM64', 'linux/arm64', 'ARM64', 'ARM64', 'LINUX', ecs.AmiHardwareType.ARM, 'arm64', 'arm64'],
      [
        'X86_64',
        'X86_64',
        'linux/amd64',
        'X86_64',
        'X86_64',
        'LINUX',
        ecs.AmiHardwareType.STANDARD,
        'x86_64',
        'x86_64',
      ],
    ],
  );
  assert.equal(ARM64.lambdaArchitecture, lambda.Architecture.ARM_64);
  assert.equal(ARM64.instanceArchitecture, ec2.InstanceArchitecture.ARM_64);
});

test('the CodeBuild image is of the environment type that runs the architecture', () => {
  assert.equal(ARM64.codeBuildImage.type, codebuild.EnvironmentType.ARM_CONTAINER);
  assert.match(ARM64.codeBuildImage.imageId, /amazonlinux-aarch64-standard/);
  assert.equal(X86_64.codeBuildImage.type, codebuild.EnvironmentType.LINUX_CONTAINER);
  assert.match(X86_64.codeBuildImage.imageId, /amazonlinux-x86_64-standard/);
});

test('a build environment has the image, the environment type and the privileges that building images takes', () => {
  for (const [architecture, type] of [
    [ARM64, 'ARM_CONTAINER'],
    [X86_64, 'LINUX_CONTAINER'],
  ] as const) {
    const stack = new Stack();
    new codebuild.PipelineProject(stack, 'Build', {
      environment: architecture.buildEnvironment({ computeType: codebuild.ComputeType.LARGE }),
    });
    Template.fromStack(stack).hasResourceProperties('AWS::CodeBuild::Project', {
      Environment: {
        Type: type,
        Image: architecture.codeBuildImage.imageId,
        PrivilegedMode: true,
        ComputeType: 'BUILD_GENERAL1_LARGE',
      },
    });
  }
});

test('a build environment keeps what is given, and refuses an image that does not run there', () => {
  const given = codebuild.LinuxBuildImage.STANDARD_7_0;
  const kept = X86_64.buildEnvironment({ buildImage: given, privileged: false });
  assert.deepEqual([kept.buildImage, kept.privileged], [given, false]);
  assert.throws(() => ARM64.buildEnvironment({ buildImage: given }), /LINUX_CONTAINER, which does not run on ARM64/);
  const arm = codebuild.LinuxArmBuildImage.AMAZON_LINUX_2_STANDARD_3_0;
  assert.throws(() => X86_64.buildEnvironment({ buildImage: arm }), /ARM_CONTAINER, which does not run on X86_64/);
});

test('instance types on which aws-cdk-lib fails or errs have an architecture', { skip }, () => {
  for (const [name, architecture] of [
    ['m7g.large', ARM64],
    ['c8gn.large', ARM64],
    ['a1.medium', ARM64],
    ['im4gn.large', ARM64],
    ['p6e-gb200.36xlarge', ARM64],
    ['m7i.large', X86_64],
    ['g5.xlarge', X86_64],
    ['p6-b200.48xlarge', X86_64],
    ['u7i-12tb.224xlarge', X86_64],
  ] as const) {
    assert.equal(TargetArchitecture.ofInstanceType(new ec2.InstanceType(name)), architecture, name);
  }
});

test('an instance type that the core does not know is an error that names it', { skip }, () => {
  assert.throws(
    () => TargetArchitecture.ofInstanceType(new ec2.InstanceType('nonsense')),
    /architecture of instance type `nonsense` is not known/,
  );
});

test('an instance type that only the deployment knows is an error that says so', () => {
  const parameter = new CfnParameter(new Stack(), 'Type');
  assert.throws(
    () => TargetArchitecture.ofInstanceType(new ec2.InstanceType(parameter.valueAsString)),
    /known only at deployment/,
  );
});
