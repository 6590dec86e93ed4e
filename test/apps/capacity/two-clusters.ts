import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const services = (otherInstanceType: string, otherAmi: ecs.AmiHardwareType) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const cluster = (id: string, instanceType: string, ami: ecs.AmiHardwareType) => {
    const cluster = new ecs.Cluster(stack, id, { vpc });
    cluster.addCapacity('Capacity', {
      instanceType: new ec2.InstanceType(instanceType),
      machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ami),
    });
    return cluster;
  };
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Main', {
    cluster: cluster('MainCluster', 'm7g.large', ecs.AmiHardwareType.ARM),
    taskDefinition,
  });
  new ecs.Ec2Service(stack, 'Canary', {
    cluster: cluster('CanaryCluster', otherInstanceType, otherAmi),
    taskDefinition,
  });
};

export default checkedApp({
  title: 'one task definition runs in two clusters, and only one of them fits',
  variants: {
    fails: {
      build: services('t3.small', ecs.AmiHardwareType.STANDARD),
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
      build: services('t4g.small', ecs.AmiHardwareType.ARM),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
