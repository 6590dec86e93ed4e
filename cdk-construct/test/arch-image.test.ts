import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type App, CfnParameter, Lazy, NestedStack, Stack, Stage, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import { ArchImage, TargetArchitecture } from '../lib/index';
import { assetPlatforms, errors, newApp, only, runtimePlatform, WEB, warnings } from './synthesized';

const { ARM64, X86_64 } = TargetArchitecture;

function stackIn(app: App = newApp()): Stack {
  return new Stack(app, 'Stack');
}

function fargate(stack: Stack, runtimePlatform?: ecs.RuntimePlatform): ecs.FargateTaskDefinition {
  return new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform });
}

function ec2Task(stack: Stack): ecs.Ec2TaskDefinition {
  return new ecs.Ec2TaskDefinition(stack, 'Task');
}

function add(task: ecs.TaskDefinition, name: string, image: ecs.ContainerImage): ecs.ContainerDefinition {
  return task.addContainer(name, { image, memoryLimitMiB: 128 });
}

test('an asset for ARM64 builds for linux/arm64 and makes a Fargate task ask for ARM64', () => {
  const stack = stackIn();
  add(fargate(stack), 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
  assert.deepEqual(errors(stack), []);
});

test('an asset for X86_64 builds for linux/amd64 and makes a Fargate task ask for X86_64', () => {
  const stack = stackIn();
  add(fargate(stack), 'web', ArchImage.fromAsset(WEB, { architecture: X86_64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});

test('an asset without architecture is built for what the task asks for', () => {
  const stack = stackIn();
  add(fargate(stack, ARM64.runtimePlatform), 'web', ArchImage.fromAsset(WEB));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
});

test('an asset without architecture in a task that does not ask is X86_64, as ECS takes it', () => {
  const stack = stackIn();
  add(fargate(stack), 'web', ArchImage.fromAsset(WEB));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/amd64']);
});

test('a runtime platform with an operating system only gets the architecture added', () => {
  const stack = stackIn();
  const task = fargate(stack, { operatingSystemFamily: ecs.OperatingSystemFamily.LINUX });
  add(task, 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' });
});

test('an EC2 task gets the architecture through the L1', () => {
  const stack = stackIn();
  add(ec2Task(stack), 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
});

test('an external task gets the architecture through the L1', () => {
  const stack = stackIn();
  add(new ecs.ExternalTaskDefinition(stack, 'Task'), 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
});

test('an EC2 task whose L1 asks for ARM64 is followed', () => {
  const stack = stackIn();
  const task = ec2Task(stack);
  (task.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture: 'ARM64' };
  add(task, 'web', ArchImage.fromAsset(WEB));
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
});

test('a property override, the usual way to set the architecture of an EC2 task, is followed', () => {
  const stack = stackIn();
  const task = ec2Task(stack);
  (task.node.defaultChild as ecs.CfnTaskDefinition).addPropertyOverride('RuntimePlatform.CpuArchitecture', 'ARM64');
  add(task, 'web', ArchImage.fromAsset(WEB));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
});

test('a property override against an image is an error, before and after the image is added', () => {
  for (const before of [true, false]) {
    const stack = stackIn();
    const task = ec2Task(stack);
    const override = () =>
      (task.node.defaultChild as ecs.CfnTaskDefinition).addPropertyOverride('RuntimePlatform.CpuArchitecture', 'ARM64');
    if (before) {
      override();
    }
    add(task, 'web', ArchImage.fromAsset(WEB, { architecture: X86_64 }));
    if (before) {
      assert.match(errors(stack).join(), /`web` is for X86_64, but .* is ARM64/);
    } else {
      override();
      assert.throws(() => (stack.node.root as App).synth(), /`web` is for X86_64, but .* was set to ARM64 afterwards/);
    }
  }
});

test('other kinds of images set the architecture too', () => {
  const images: Record<string, (stack: Stack) => ecs.ContainerImage> = {
    registry: () => ArchImage.fromRegistry('nginx', { architecture: ARM64 }),
    ecr: (stack) => ArchImage.fromEcrRepository(new ecr.Repository(stack, 'Repo'), '1.0', { architecture: ARM64 }),
    asset: (stack) =>
      ArchImage.fromDockerImageAsset(
        new ecrAssets.DockerImageAsset(stack, 'Asset', { directory: WEB, platform: ecrAssets.Platform.LINUX_ARM64 }),
        { architecture: ARM64 },
      ),
    tarball: () => ArchImage.fromTarball(`${WEB}/hello`, { architecture: ARM64 }),
    wrapped: () => ArchImage.wrap(ecs.ContainerImage.fromRegistry('nginx'), { architecture: ARM64 }),
  };
  for (const [kind, image] of Object.entries(images)) {
    const stack = stackIn();
    add(fargate(stack), 'web', image(stack));
    assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' }, kind);
  }
});

test('the wrapped image, its tag and its credentials are passed on', () => {
  const stack = stackIn();
  const task = fargate(stack);
  const repository = ecr.Repository.fromRepositoryName(stack, 'Repo', 'shop');
  add(task, 'ecr', ArchImage.fromEcrRepository(repository, '1.0'));
  add(task, 'hub', ArchImage.fromRegistry('nginx:1.27'));
  const images = only(stack, 'AWS::ECS::TaskDefinition').ContainerDefinitions.map((c: { Image: unknown }) => c.Image);
  assert.match(JSON.stringify(images[0]), /shop:1\.0/);
  assert.equal(images[1], 'nginx:1.27');
});

test('build options reach the asset', () => {
  const plain = stackIn();
  add(
    fargate(plain),
    'web',
    ArchImage.fromAsset(WEB, { architecture: ARM64, buildArgs: { A: 'b' }, assetName: 'web' }),
  );
  const other = stackIn();
  add(
    fargate(other),
    'web',
    ecs.ContainerImage.fromAsset(WEB, {
      platform: ecrAssets.Platform.LINUX_ARM64,
      buildArgs: { A: 'b' },
      assetName: 'web',
    }),
  );
  const image = (stack: Stack) => only(stack, 'AWS::ECS::TaskDefinition').ContainerDefinitions[0].Image;
  assert.deepEqual(image(plain), image(other), 'same hash as the CDK with the same options and platform');
});

test('a registry image without architecture decides nothing', () => {
  const stack = stackIn();
  add(ec2Task(stack), 'web', ArchImage.fromRegistry('nginx'));
  assert.equal(runtimePlatform(stack), undefined);
});

test('an image that decides nothing leaves the choice to a later one', () => {
  const stack = stackIn();
  const task = fargate(stack);
  add(task, 'proxy', ArchImage.fromRegistry('nginx'));
  add(task, 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  add(task, 'helper', ArchImage.fromAsset(WEB));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
  assert.deepEqual(errors(stack), []);
});

test('an image against its task is an error that names both', () => {
  for (const [wanted, asked] of [
    [ARM64, X86_64],
    [X86_64, ARM64],
  ]) {
    const stack = stackIn();
    add(fargate(stack, asked.runtimePlatform), 'web', ArchImage.fromAsset(WEB, { architecture: wanted }));
    const found = errors(stack);
    assert.equal(found.length, 1);
    assert.match(
      found[0],
      new RegExp(`container \`web\` is for ${wanted}, but .*task definition \`Stack/Task\` is ${asked}`),
    );
    assert.match(found[0], /ecs-arch:architecture-disagreement/);
  }
});

test('two images against each other are an error that names both containers', () => {
  const stack = stackIn();
  const task = ec2Task(stack);
  add(task, 'web', ArchImage.fromRegistry('web', { architecture: ARM64 }));
  add(task, 'sidecar', ArchImage.fromRegistry('sidecar', { architecture: X86_64 }));
  const found = errors(stack);
  assert.equal(found.length, 1);
  assert.match(found[0], /container `sidecar` is for X86_64, but container `web` of the same task .* is for ARM64/);
});

test('an asset built by default for X86_64 before another asks for ARM64 is an error that names both', () => {
  const stack = stackIn();
  const task = fargate(stack);
  add(task, 'helper', ArchImage.fromAsset(WEB));
  add(task, 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  const found = errors(stack);
  assert.equal(found.length, 1);
  assert.match(found[0], /`web` is for ARM64, but container `helper` .* is for X86_64/);
});

test('a task definition changed after its images were bound fails the synthesis', () => {
  const stack = stackIn();
  const task = fargate(stack);
  add(task, 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  (task.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture: 'X86_64' };
  assert.throws(
    () => (stack.node.root as App).synth(),
    /container `web` is for ARM64, but .* was set to X86_64 afterwards/,
  );
});

test('a runtime platform that only the deployment knows is left, with a warning that says so', () => {
  const stack = stackIn();
  const parameter = new CfnParameter(stack, 'Architecture', { default: 'ARM64' });
  const task = fargate(stack, { cpuArchitecture: ecs.CpuArchitecture.of(parameter.valueAsString) });
  add(task, 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: { Ref: 'Architecture' } });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
  assert.match(warnings(stack).join(), /container `web` is for ARM64, but .*`Stack\/Task` could not be set/);
});

test('a whole runtime platform that is a token is left, with a warning', () => {
  const stack = stackIn();
  const task = ec2Task(stack);
  const resource = task.node.defaultChild as ecs.CfnTaskDefinition;
  resource.runtimePlatform = Lazy.any({ produce: () => ({ cpuArchitecture: 'X86_64' }) });
  add(task, 'web', ArchImage.fromRegistry('nginx', { architecture: X86_64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'X86_64' });
  assert.equal(warnings(stack).length, 1);
});

test('a registry image without architecture in such a task says nothing', () => {
  const stack = stackIn();
  const parameter = new CfnParameter(stack, 'Architecture', { default: 'ARM64' });
  const task = fargate(stack, { cpuArchitecture: ecs.CpuArchitecture.of(parameter.valueAsString) });
  add(task, 'web', ArchImage.fromRegistry('nginx'));
  assert.deepEqual(warnings(stack), []);
});

test('the warning can be acknowledged', () => {
  const stack = stackIn();
  const parameter = new CfnParameter(stack, 'Architecture');
  const task = fargate(stack, { cpuArchitecture: ecs.CpuArchitecture.of(parameter.valueAsString) });
  add(task, 'web', ArchImage.fromRegistry('nginx', { architecture: ARM64 }));
  Validations.of(task).acknowledge({ id: 'ecs-arch:runtime-platform-not-set', reason: 'set by the pipeline' });
  assert.deepEqual(warnings(stack), []);
});

test('an imported task definition has nothing to set: the image binds with a warning', () => {
  const stack = stackIn();
  const imported = ecs.TaskDefinition.fromTaskDefinitionArn(
    stack,
    'Task',
    'arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1',
  );
  // The CDK lets nobody add a container to an imported task definition; a construct of another library may call bind.
  const container = Object.assign(new Stack(stack, 'Container'), { containerName: 'web', taskDefinition: imported });
  const image = ArchImage.fromRegistry('nginx', { architecture: ARM64 });
  const bound = image.bind(container, container as unknown as ecs.ContainerDefinition);
  assert.equal(bound.imageName, 'nginx');
  assert.match(
    warnings(container).join(),
    /`Stack\/Task` could not be set: the task definition is not a resource of this app/,
  );
});

test('a Windows task stays X86_64 on Windows', () => {
  const stack = stackIn();
  const task = new ecs.FargateTaskDefinition(stack, 'Task', {
    cpu: 1024,
    memoryLimitMiB: 2048,
    runtimePlatform: { operatingSystemFamily: ecs.OperatingSystemFamily.WINDOWS_SERVER_2022_CORE },
  });
  add(task, 'web', ArchImage.fromAsset(WEB));
  assert.deepEqual(runtimePlatform(stack), {
    CpuArchitecture: 'X86_64',
    OperatingSystemFamily: 'WINDOWS_SERVER_2022_CORE',
  });
  assert.deepEqual(assetPlatforms(stack), ['windows/amd64']);
});

test('an ARM64 image in a Windows task is an error', () => {
  for (const cpuArchitecture of [undefined, ecs.CpuArchitecture.X86_64]) {
    const stack = stackIn();
    const task = new ecs.FargateTaskDefinition(stack, 'Task', {
      cpu: 1024,
      memoryLimitMiB: 2048,
      runtimePlatform: { operatingSystemFamily: ecs.OperatingSystemFamily.WINDOWS_SERVER_2022_CORE, cpuArchitecture },
    });
    add(task, 'web', ArchImage.fromRegistry('nginx', { architecture: ARM64 }));
    assert.match(errors(stack).join(), /`web` is for ARM64, but task definition `Stack\/Task` is a Windows task/);
  }
});

test('an image inside a pattern of aws-ecs-patterns sets the task of the pattern', () => {
  const stack = stackIn();
  new patterns.ApplicationLoadBalancedFargateService(stack, 'Service', {
    taskImageOptions: { image: ArchImage.fromAsset(WEB, { architecture: ARM64 }) },
  });
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
});

test('an image inside a pattern follows the runtime platform of the pattern', () => {
  const stack = stackIn();
  new patterns.ApplicationLoadBalancedFargateService(stack, 'Service', {
    runtimePlatform: ARM64.runtimePlatform,
    taskImageOptions: { image: ArchImage.fromAsset(WEB) },
  });
  assert.deepEqual(assetPlatforms(stack), ['linux/arm64']);
  assert.deepEqual(errors(stack), []);
});

test('an image inside an EC2 pattern sets the task through the L1', () => {
  const stack = stackIn();
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc: new ec2.Vpc(stack, 'Vpc') });
  cluster.addCapacity('Capacity', { instanceType: new ec2.InstanceType('m7g.large') });
  new patterns.QueueProcessingEc2Service(stack, 'Service', {
    cluster,
    image: ArchImage.fromAsset(WEB, { architecture: ARM64 }),
    memoryLimitMiB: 128,
  });
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
});

test('one image object serves several tasks, each with its own architecture', () => {
  const app = newApp();
  const image = ArchImage.fromAsset(WEB);
  const arm = new Stack(app, 'Arm');
  const intel = new Stack(app, 'Intel');
  add(fargate(arm, ARM64.runtimePlatform), 'web', image);
  add(fargate(intel), 'web', image);
  assert.deepEqual(assetPlatforms(arm), ['linux/arm64']);
  assert.deepEqual(assetPlatforms(intel), ['linux/amd64']);
});

test('an asset of one stack sets a task of another, in a stage, and one in a nested stack', () => {
  const app = newApp();
  const stage = new Stage(app, 'Prod');
  const images = new Stack(stage, 'Images');
  const asset = new ecrAssets.DockerImageAsset(images, 'Web', { directory: WEB, platform: ARM64.platform });
  const stack = new Stack(stage, 'Stack');
  const task = new ecs.FargateTaskDefinition(stack, 'Task');
  add(task, 'web', ArchImage.fromDockerImageAsset(asset, { architecture: ARM64 }));
  const nested = new NestedStack(stack, 'Nested');
  add(ec2Task(nested), 'web', ArchImage.fromAsset(WEB, { architecture: ARM64 }));
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(runtimePlatform(nested), { CpuArchitecture: 'ARM64' });
  assert.deepEqual(assetPlatforms(images), ['linux/arm64']);
});

test('a FireLens router is a container as any other', () => {
  const stack = stackIn();
  const task = fargate(stack);
  task.addFirelensLogRouter('log', {
    image: ArchImage.fromRegistry('fluent-bit', { architecture: ARM64 }),
    firelensConfig: { type: ecs.FirelensLogRouterType.FLUENTBIT },
  });
  assert.deepEqual(runtimePlatform(stack), { CpuArchitecture: 'ARM64' });
});

test('a tarball without architecture decides nothing', () => {
  const stack = stackIn();
  add(fargate(stack), 'web', ArchImage.fromTarball(`${WEB}/hello`));
  assert.equal(runtimePlatform(stack), undefined);
});
