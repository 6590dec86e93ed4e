import { type App, NestedStack, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const stacks = (platform: Platform) => (app: App) => {
  const shop = new Stack(app, 'Shop');
  const capacity = new NestedStack(shop, 'Capacity');
  const cluster = new ecs.Cluster(capacity, 'Cluster', { vpc: new ec2.Vpc(shop, 'Vpc', { maxAzs: 2 }) });
  cluster.addCapacity('Graviton', {
    instanceType: new ec2.InstanceType('r8g.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
  });

  const web = new NestedStack(shop, 'Web');
  const taskDefinition = new ecs.Ec2TaskDefinition(web, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(web, 'Service', { cluster, taskDefinition });
};

const web = { container: 'web', stack: 'Shop/Web', runsOn: ['linux/arm64'] };

export default checkedApp({
  title: 'the cluster goes from one nested stack to another, through outputs and parameters of their parent',
  variants: {
    fails: {
      build: stacks(Platform.LINUX_AMD64),
      expect: [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'] }],
    },
    runs: { build: stacks(Platform.LINUX_ARM64), expect: [{ ...web, verdict: 'runs' }] },
  },
});
