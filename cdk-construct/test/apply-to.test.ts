import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type App,
  CfnParameter,
  type InjectionContext,
  type IPropertyInjector,
  PropertyInjectors,
  Stack,
  Stage,
} from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { ArchImage, TargetArchitecture } from '../lib/index';
import { loadedBindings, type NativeBinding, nativeBindingFile } from '../lib/native-binding';
import { assetPlatforms, errors, newApp, only, runtimePlatform, WEB, warnings } from './synthesized';

const { ARM64, X86_64 } = TargetArchitecture;
const LINUX_ARM64 = { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' };
const LINUX_X86_64 = { CpuArchitecture: 'X86_64', OperatingSystemFamily: 'LINUX' };

// The rule itself is the native core's, tested with it: this is a fake of it, so that these tests run without a build.
const fakeCore = {
  architectureOfInstanceType: (name: string) =>
    ({ 't3.micro': 'x86_64', 'm7i.large': 'x86_64', 'm7g.large': 'arm64' })[name] ?? null,
} as NativeBinding;
loadedBindings.set(nativeBindingFile(), fakeCore);

function armApp(): App {
  const app = newApp();
  ARM64.applyTo(app);
  return app;
}

function armStack(): Stack {
  return new Stack(armApp(), 'Stack');
}

function web(task: ecs.TaskDefinition, image: ecs.ContainerImage = ecs.ContainerImage.fromAsset(WEB)) {
  return task.addContainer('web', { image, memoryLimitMiB: 128 });
}

/** An injector of the user's own. */
class Injector implements IPropertyInjector {
  public constructor(
    public readonly constructUniqueId: string,
    // biome-ignore lint/suspicious/noExplicitAny: the properties of any construct
    private readonly change: (props: any) => any,
  ) {}
  public inject(props: unknown, _context: InjectionContext): unknown {
    return this.change(props);
  }
}

test('a Fargate task and its asset get the architecture of the app', () => {
  const stack = armStack();
  web(new ecs.FargateTaskDefinition(stack, 'Task'));
  assert.deepEqual(runtimePlatform(stack), LINUX_ARM64);
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
  assert.deepEqual(errors(stack), []);
});

test('X86_64 is applied the same way', () => {
  const app = newApp();
  X86_64.applyTo(app);
  const stack = new Stack(app, 'Stack');
  web(new ecs.FargateTaskDefinition(stack, 'Task'));
  assert.deepEqual(runtimePlatform(stack), LINUX_X86_64);
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});

test('without it nothing changes', () => {
  const stack = new Stack(newApp(), 'Stack');
  web(new ecs.FargateTaskDefinition(stack, 'Task'));
  assert.equal(runtimePlatform(stack), undefined);
  assert.deepEqual(assetPlatforms(stack), ['unset']);
});

test('EC2 and external tasks get it through the L1, in a stage too', () => {
  const stage = new Stage(armApp(), 'Prod');
  const ec2Stack = new Stack(stage, 'Ec2');
  const externalStack = new Stack(stage, 'External');
  web(new ecs.Ec2TaskDefinition(ec2Stack, 'Task'));
  web(new ecs.ExternalTaskDefinition(externalStack, 'Task'));
  for (const stack of [ec2Stack, externalStack]) {
    assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
    assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
  }
});

test('a task of the general class gets it by its compatibility', () => {
  for (const [compatibility, expected] of [
    [ecs.Compatibility.EC2, { CpuArchitecture: 'ARM64' }],
    [ecs.Compatibility.EC2_AND_FARGATE, LINUX_ARM64],
    [ecs.Compatibility.MANAGED_INSTANCES, LINUX_ARM64],
  ] as const) {
    const stack = armStack();
    web(new ecs.TaskDefinition(stack, 'Task', { compatibility, cpu: '256', memoryMiB: '512' }));
    assert.deepEqual(runtimePlatform(stack), expected);
  }
});

test('a runtime platform given to a task stays, and its asset follows it', () => {
  const stack = armStack();
  web(
    new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.X86_64 } }),
  );
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});

test('a runtime platform given to the L1 of an EC2 task stays, and its asset follows it', () => {
  const stack = armStack();
  const task = new ecs.Ec2TaskDefinition(stack, 'Task');
  (task.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture: 'X86_64' };
  web(task);
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});

test('a property override on the L1 stays', () => {
  const stack = armStack();
  const task = new ecs.Ec2TaskDefinition(stack, 'Task');
  (task.node.defaultChild as ecs.CfnTaskDefinition).addPropertyOverride('RuntimePlatform.CpuArchitecture', 'X86_64');
  web(task, ecs.ContainerImage.fromRegistry('nginx'));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
});

test('an operating system alone gets the architecture added', () => {
  const stack = armStack();
  const runtime = { operatingSystemFamily: ecs.OperatingSystemFamily.LINUX };
  web(new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: runtime }));
  assert.deepEqual(runtimePlatform(stack), LINUX_ARM64);
});

test('a Windows task and its asset are left alone', () => {
  const stack = armStack();
  const task = new ecs.FargateTaskDefinition(stack, 'Task', {
    cpu: 1024,
    memoryLimitMiB: 2048,
    runtimePlatform: { operatingSystemFamily: ecs.OperatingSystemFamily.WINDOWS_SERVER_2022_CORE },
  });
  web(task);
  assert.deepEqual(runtimePlatform(stack), { OperatingSystemFamily: 'WINDOWS_SERVER_2022_CORE' });
  assert.deepEqual(assetPlatforms(stack), ['unset']);
});

test('an EC2 task made for Windows through the L1 is left alone', () => {
  const stack = armStack();
  const task = new ecs.Ec2TaskDefinition(stack, 'Task');
  const resource = task.node.defaultChild as ecs.CfnTaskDefinition;
  resource.runtimePlatform = { operatingSystemFamily: 'WINDOWS_SERVER_2022_CORE' };
  web(task);
  assert.deepEqual(runtimePlatform(stack), { OperatingSystemFamily: 'WINDOWS_SERVER_2022_CORE' });
  assert.deepEqual(assetPlatforms(stack), ['unset']);
});

test('a platform given to an asset stays', () => {
  const stack = armStack();
  new ecrAssets.DockerImageAsset(stack, 'Given', { directory: WEB, platform: ecrAssets.Platform.LINUX_AMD64 });
  new ecrAssets.DockerImageAsset(stack, 'Open', { directory: WEB });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64', 'linux/arm64']);
});

test('a Lambda function keeps building for itself', () => {
  const stack = armStack();
  new lambda.DockerImageFunction(stack, 'Default', { code: lambda.DockerImageCode.fromImageAsset(WEB) });
  assert.deepEqual(assetPlatforms(stack), ['unset']);
  const other = armStack();
  new lambda.DockerImageFunction(other, 'Given', {
    code: lambda.DockerImageCode.fromImageAsset(WEB),
    architecture: X86_64.lambdaArchitecture,
  });
  assert.deepEqual(assetPlatforms(other), ['linux/amd64']);
});

test('a runtime platform that only the deployment knows leaves task and asset alone', () => {
  const stack = armStack();
  const parameter = new CfnParameter(stack, 'Architecture');
  web(
    new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.of(parameter.valueAsString) },
    }),
  );
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: { Ref: 'Architecture' } });
  assert.deepEqual(assetPlatforms(stack), ['unset']);
});

test('a task made before is left alone, and so is an asset added to it later', () => {
  for (const make of [ecs.FargateTaskDefinition, ecs.Ec2TaskDefinition]) {
    const stack = new Stack(newApp(), 'Stack');
    const task = new make(stack, 'Task');
    ARM64.applyTo(stack);
    web(task);
    assert.equal(runtimePlatform(stack), undefined);
    assert.deepEqual(assetPlatforms(stack), ['unset']);
  }
});

test('the inner scope counts', () => {
  const app = armApp();
  const inner = new Stack(app, 'Inner');
  const outer = new Stack(app, 'Outer');
  X86_64.applyTo(inner);
  for (const stack of [inner, outer]) {
    web(new ecs.FargateTaskDefinition(stack, 'Fargate'));
  }
  assert.deepEqual(runtimePlatform(inner), LINUX_X86_64);
  assert.deepEqual(runtimePlatform(outer), LINUX_ARM64);
  assert.deepEqual(assetPlatforms(inner), ['linux/amd64']);
  assert.deepEqual(assetPlatforms(outer), ['linux/arm64']);
});

test('the inner scope counts for EC2 tasks, whichever call came first', () => {
  const app = newApp();
  const stack = new Stack(app, 'Stack');
  X86_64.applyTo(stack);
  ARM64.applyTo(app);
  web(new ecs.Ec2TaskDefinition(stack, 'Task'));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
});

test('the last call on one scope counts from then on', () => {
  const stack = armStack();
  const first = new ecs.Ec2TaskDefinition(stack, 'First');
  X86_64.applyTo(stack);
  const second = new ecs.Ec2TaskDefinition(stack, 'Second');
  for (const task of [first, second]) {
    web(task, ecs.ContainerImage.fromRegistry('nginx'));
  }
  const asked = Object.values(Template.fromStack(stack).findResources('AWS::ECS::TaskDefinition')).map(
    (resource) => resource.Properties.RuntimePlatform.CpuArchitecture,
  );
  assert.deepEqual(asked.sort(), ['ARM64', 'X86_64']);
});

test('patterns of aws-ecs-patterns get it, though they hand on an undefined runtimePlatform', () => {
  const stack = armStack();
  new patterns.ApplicationLoadBalancedFargateService(stack, 'Service', {
    taskImageOptions: { image: ecs.ContainerImage.fromAsset(WEB) },
  });
  assert.deepEqual(runtimePlatform(stack), LINUX_ARM64);
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
});

test('a runtime platform given to a pattern stays', () => {
  const stack = armStack();
  new patterns.ApplicationLoadBalancedFargateService(stack, 'Service', {
    runtimePlatform: X86_64.runtimePlatform,
    taskImageOptions: { image: ecs.ContainerImage.fromAsset(WEB) },
  });
  assert.deepEqual(runtimePlatform(stack), LINUX_X86_64);
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});

test('an ArchImage without architecture takes the one of the scope, in EC2 tasks too', () => {
  const stack = armStack();
  web(new ecs.Ec2TaskDefinition(stack, 'Task'), ArchImage.fromAsset(WEB));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
});

test('the architecture given to an ArchImage wins over the one of the scope', () => {
  for (const make of [ecs.FargateTaskDefinition, ecs.Ec2TaskDefinition]) {
    const stack = armStack();
    web(new make(stack, 'Task'), ArchImage.fromAsset(WEB, { architecture: X86_64 }));
    assert.equal((runtimePlatform(stack) as { CpuArchitecture: string }).CpuArchitecture, 'X86_64');
    assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
    assert.deepEqual(errors(stack), []);
  }
});

test('an ArchImage against an asset that was built for the scope is an error that names both containers', () => {
  const stack = armStack();
  const task = new ecs.FargateTaskDefinition(stack, 'Task');
  web(task);
  task.addContainer('sidecar', { image: ArchImage.fromRegistry('sidecar', { architecture: X86_64 }) });
  assert.match(errors(stack).join(), /container `sidecar` is for X86_64, but container `web` .* is for ARM64/);
});

test('a CodeBuild project without a build image gets one, and one with its own keeps it', () => {
  const buildSpec = codebuild.BuildSpec.fromObject({ version: '0.2' });
  const environmentOf = (environment?: codebuild.BuildEnvironment) => {
    const stack = armStack();
    new codebuild.Project(stack, 'Project', { buildSpec, environment });
    return only(stack, 'AWS::CodeBuild::Project').Environment;
  };
  assert.equal(environmentOf().Type, 'ARM_CONTAINER');
  assert.match(environmentOf({ privileged: true }).Image, /aarch64/);
  assert.equal(environmentOf({ privileged: true }).PrivilegedMode, true);
  assert.equal(environmentOf({ buildImage: codebuild.LinuxBuildImage.STANDARD_7_0 }).Type, 'LINUX_CONTAINER');
  const pipeline = armStack();
  new codebuild.PipelineProject(pipeline, 'Project');
  assert.equal(only(pipeline, 'AWS::CodeBuild::Project').Environment.Type, 'ARM_CONTAINER');
});

function imageParameters(stack: Stack): string {
  return JSON.stringify(Template.fromStack(stack).findParameters('*'));
}

test('addCapacity without a machine image takes one that the instance type can start', () => {
  const capacity = (instanceType: string, machineImage?: ec2.IMachineImage) => {
    const stack = armStack();
    const cluster = new ecs.Cluster(stack, 'Cluster', { vpc: new ec2.Vpc(stack, 'Vpc') });
    const given = machineImage ? { machineImage } : {};
    cluster.addCapacity('Capacity', { instanceType: new ec2.InstanceType(instanceType), ...given });
    return imageParameters(stack);
  };
  assert.match(capacity('m7g.large'), /amazon-linux-2023\/arm64\/recommended/);
  assert.match(capacity('m7i.large'), /amazon-linux-2\/recommended/, "the CDK's own choice fits");
  assert.match(
    capacity('m7g.large', ecs.EcsOptimizedImage.amazonLinux2(ecs.AmiHardwareType.STANDARD)),
    /amazon-linux-2\/recommended/,
    'an explicit image stays, even a wrong one',
  );
});

test('without applyTo addCapacity keeps what the CDK chooses', () => {
  const stack = new Stack(newApp(), 'Stack');
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc: new ec2.Vpc(stack, 'Vpc') });
  cluster.addCapacity('Capacity', { instanceType: new ec2.InstanceType('m7g.large') });
  assert.match(imageParameters(stack), /amazon-linux-2\/recommended/);
});

test('an Auto Scaling group without a machine image takes the ECS-optimized one of its instance type', () => {
  const group = (instanceType: string, machineImage?: ec2.IMachineImage) => {
    const stack = armStack();
    new autoscaling.AutoScalingGroup(stack, 'Group', {
      vpc: new ec2.Vpc(stack, 'Vpc'),
      instanceType: new ec2.InstanceType(instanceType),
      machineImage,
    });
    return imageParameters(stack);
  };
  assert.match(group('m7g.large'), /ecs\/optimized-ami\/amazon-linux-2023\/arm64\/recommended/);
  assert.match(group('t3.micro'), /ecs\/optimized-ami\/amazon-linux-2023\/recommended/);
  assert.match(group('t3.micro', ec2.MachineImage.latestAmazonLinux2023()), /ami-amazon-linux-latest/);
});

test('a group whose instance type is not known gets no machine image, and a warning says why', () => {
  const stack = armStack();
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc: new ec2.Vpc(stack, 'Vpc') });
  cluster.addCapacity('Capacity', { instanceType: new ec2.InstanceType('z99q.large') });
  assert.match(imageParameters(stack), /amazon-linux-2\/recommended/);
  assert.match(warnings(stack).join(), /no machine image was chosen for Auto Scaling group `Capacity`: .*`z99q.large`/);
});

test('a launch template and a mixed instances policy bring their own image', () => {
  const stack = armStack();
  const launchTemplate = new ec2.LaunchTemplate(stack, 'Template', {
    instanceType: new ec2.InstanceType('m7g.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
    userData: ec2.UserData.forLinux(),
  });
  const vpc = new ec2.Vpc(stack, 'Vpc');
  new autoscaling.AutoScalingGroup(stack, 'Group', { vpc, launchTemplate });
  new autoscaling.AutoScalingGroup(stack, 'Mixed', { vpc, mixedInstancesPolicy: { launchTemplate } });
  assert.match(imageParameters(stack), /amazon-linux-2023\/arm64/);
});

test('a launch template without an image keeps having none', () => {
  const stack = armStack();
  new ec2.LaunchTemplate(stack, 'Template', { instanceType: new ec2.InstanceType('m7g.large') });
  assert.equal(only(stack, 'AWS::EC2::LaunchTemplate').LaunchTemplateData.ImageId, undefined);
});

const ASSET = ecrAssets.DockerImageAsset.PROPERTY_INJECTION_ID;
const withPlatform = new Injector(ASSET, (props) => ({ ...props, platform: ecrAssets.Platform.LINUX_AMD64 }));
const withTarget = new Injector(ASSET, (props) => ({ ...props, buildArgs: { FROM: 'injector' } }));

function buildArgs(stack: Stack): string {
  const artifact = (stack.node.root as App).synth().stacks[0];
  const manifest = require(artifact.templateFullPath.replace('.template.json', '.assets.json'));
  return JSON.stringify(manifest.dockerImages);
}

test('an injector that was on the scope is kept, and what it sets stays', () => {
  const app = newApp();
  PropertyInjectors.of(app).add(withPlatform);
  ARM64.applyTo(app);
  const stack = new Stack(app, 'Stack');
  new ecrAssets.DockerImageAsset(stack, 'Asset', { directory: WEB });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});

test('an injector that leaves the platform open is completed, on the same scope and on an outer one', () => {
  for (const inner of [true, false]) {
    const app = newApp();
    PropertyInjectors.of(app).add(withTarget);
    const stack = new Stack(app, 'Stack');
    ARM64.applyTo(inner ? stack : app);
    X86_64.applyTo(inner ? stack : app);
    ARM64.applyTo(inner ? stack : app);
    new ecrAssets.DockerImageAsset(stack, 'Asset', { directory: WEB });
    assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
    assert.match(buildArgs(stack), /"FROM":"injector"/);
  }
});

test('an injector between two calls is kept by the inner one', () => {
  const app = newApp();
  PropertyInjectors.of(app).add(withTarget);
  ARM64.applyTo(app);
  const stack = new Stack(app, 'Stack');
  X86_64.applyTo(stack);
  new ecrAssets.DockerImageAsset(stack, 'Asset', { directory: WEB });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
  assert.match(buildArgs(stack), /"FROM":"injector"/);
});

test('an injector for Fargate tasks goes before', () => {
  const app = newApp();
  ARM64.applyTo(app);
  PropertyInjectors.of(app).add(
    new Injector(ecs.FargateTaskDefinition.PROPERTY_INJECTION_ID, (props) => ({
      ...props,
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.X86_64 },
    })),
  );
  const stack = new Stack(app, 'Stack');
  web(new ecs.FargateTaskDefinition(stack, 'Task'));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});
