import { type App, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import { checkedApp, dockerContext } from '../checked-app.ts';

const hourly = (stack: Stack, cluster: ecs.ICluster, taskDefinition: ecs.TaskDefinition) =>
  new events.Rule(stack, 'Hourly', {
    schedule: events.Schedule.rate(Duration.hours(1)),
    targets: [new targets.EcsTask({ cluster, taskDefinition })],
  });

const onFargate = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Cleanup');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task');
  taskDefinition.addContainer('sweeper', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
  hourly(stack, new ecs.Cluster(stack, 'Cluster'), taskDefinition);
};

const onEc2 = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Cleanup');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Intel', {
    instanceType: new ec2.InstanceType('t3.medium'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(),
  });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('sweeper', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform }),
    memoryLimitMiB: 256,
  });
  hourly(stack, cluster, taskDefinition);
};

const sweeper = { container: 'sweeper', runsOn: ['linux/amd64'] };
const fails = [{ ...sweeper, verdict: 'fails', rules: ['image-platform-mismatch'] }] as const;
const runs = [{ ...sweeper, verdict: 'runs' }] as const;

export default checkedApp({
  title: 'an EventBridge rule starts the task',
  variants: {
    fails: { build: onFargate(Platform.LINUX_ARM64), expect: fails },
    runs: { build: onFargate(Platform.LINUX_AMD64), expect: runs },
    'fails on EC2': { build: onEc2(Platform.LINUX_ARM64), expect: fails },
    'runs on EC2': { build: onEc2(Platform.LINUX_AMD64), expect: runs },
  },
});
