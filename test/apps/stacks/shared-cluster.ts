import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const references = (strength: 'strong' | 'weak' | 'both') => ({
  context: { '@aws-cdk/core:defaultCrossStackReferences': strength },
});

const stacks = (platform: Platform) => (app: App) => {
  const platformStack = new Stack(app, 'Platform');
  const cluster = new ecs.Cluster(platformStack, 'Cluster');
  cluster.addCapacity('Graviton', {
    instanceType: new ec2.InstanceType('m7g.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
  });

  const shop = new Stack(app, 'Shop');
  const taskDefinition = new ecs.Ec2TaskDefinition(shop, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(shop, 'Service', { cluster, taskDefinition });
};

const web = { container: 'web', stack: 'Shop', runsOn: ['linux/arm64'] };
const fails = [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'] }] as const;
const runs = [{ ...web, verdict: 'runs' }] as const;

export default checkedApp({
  title: 'the cluster and its capacity belong to another stack',
  variants: {
    fails: { build: stacks(Platform.LINUX_AMD64), expect: fails, app: references('strong') },
    'fails with weak references': { build: stacks(Platform.LINUX_AMD64), expect: fails, app: references('weak') },
    'fails with both': { build: stacks(Platform.LINUX_AMD64), expect: fails, app: references('both') },
    runs: { build: stacks(Platform.LINUX_ARM64), expect: runs, app: references('strong') },
    'runs with weak references': { build: stacks(Platform.LINUX_ARM64), expect: runs, app: references('weak') },
  },
});
