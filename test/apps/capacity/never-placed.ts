import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (instanceType: string, ami: ecs.AmiHardwareType) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Capacity', {
    instanceType: new ec2.InstanceType(instanceType),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ami),
  });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  (taskDefinition.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture: 'ARM64' };
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition });
};

export default checkedApp({
  title: 'a task declared for ARM64 in a cluster that has no such instance stays pending',
  variants: {
    // g4dn and g5 have a g that stands for graphics.
    fails: {
      build: service('g5.xlarge', ecs.AmiHardwareType.GPU),
      expect: [{ container: 'web', verdict: 'fails', rules: ['capacity-architecture-mismatch'] }],
    },
    runs: {
      build: service('g5g.xlarge', ecs.AmiHardwareType.ARM),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
