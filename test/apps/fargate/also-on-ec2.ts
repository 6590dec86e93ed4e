import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const services = (runtimePlatform?: ecs.RuntimePlatform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Graviton', {
    instanceType: new ec2.InstanceType('m7g.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
  });
  const taskDefinition = new ecs.TaskDefinition(stack, 'Task', {
    compatibility: ecs.Compatibility.EC2_AND_FARGATE,
    cpu: '256',
    memoryMiB: '512',
    networkMode: ecs.NetworkMode.AWS_VPC,
    runtimePlatform,
  });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  new ecs.Ec2Service(stack, 'Steady', { cluster, taskDefinition });
  new ecs.FargateService(stack, 'Burst', { cluster, taskDefinition });
};

export default checkedApp({
  title: 'a task that runs on Graviton instances overflows to Fargate, which takes it for X86_64',
  variants: {
    fails: {
      build: services(),
      expect: [
        {
          container: 'web',
          verdict: 'fails',
          rules: ['image-platform-mismatch'],
          runsOn: ['linux/amd64', 'linux/arm64'],
        },
      ],
    },
    runs: {
      build: services({ cpuArchitecture: ecs.CpuArchitecture.ARM64 }),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
