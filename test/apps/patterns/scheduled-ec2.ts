import { type App, Stack } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-applicationautoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import { checkedApp, dockerContext } from '../checked-app.ts';

const nightly = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Reports');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Graviton', {
    instanceType: new ec2.InstanceType('c7g.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
  });
  new patterns.ScheduledEc2Task(stack, 'Nightly', {
    cluster,
    schedule: Schedule.expression('rate(1 day)'),
    scheduledEc2TaskImageOptions: {
      image: ecs.ContainerImage.fromAsset(dockerContext, { platform }),
      memoryLimitMiB: 512,
    },
  });
};

const task = { container: 'ScheduledContainer', runsOn: ['linux/arm64'] };

export default checkedApp({
  title: 'ScheduledEc2Task with an image for amd64, in a cluster of Graviton instances',
  variants: {
    fails: {
      build: nightly(Platform.LINUX_AMD64),
      expect: [{ ...task, verdict: 'fails', rules: ['image-platform-mismatch'] }],
    },
    runs: { build: nightly(Platform.LINUX_ARM64), expect: [{ ...task, verdict: 'runs' }] },
  },
});
