import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

interface Choices {
  readonly image: ecs.ContainerImage;
  readonly cpuArchitecture?: string;
}

const service = (choices: Choices) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Graviton', {
    instanceType: new ec2.InstanceType('m7g.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
  });
  cluster.addCapacity('Intel', {
    instanceType: new ec2.InstanceType('m7i.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(),
  });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', { image: choices.image, memoryLimitMiB: 512 });
  if (choices.cpuArchitecture !== undefined) {
    // Only the level-1 construct takes a runtime platform for EC2. ECS then places on matching instances alone.
    const task = taskDefinition.node.defaultChild as ecs.CfnTaskDefinition;
    task.runtimePlatform = { cpuArchitecture: choices.cpuArchitecture };
  }
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition });
};

const arm64 = ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 });
const both = ['linux/amd64', 'linux/arm64'];

export default checkedApp({
  title: 'a cluster of both architectures, an image for one, and nothing that keeps the task on that one',
  variants: {
    fails: {
      build: service({ image: arm64 }),
      expect: [{ container: 'web', verdict: 'fails', rules: ['runtime-platform-unset'], runsOn: both }],
    },
    'fails when declared for the other': {
      build: service({ image: arm64, cpuArchitecture: 'X86_64' }),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    'is not known for an image from a registry': {
      build: service({ image: ecs.ContainerImage.fromRegistry('nginx:1.27') }),
      expect: [{ container: 'web', verdict: 'unknown', imagePlatforms: null, runsOn: both }],
    },
    runs: {
      build: service({ image: arm64, cpuArchitecture: 'ARM64' }),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
