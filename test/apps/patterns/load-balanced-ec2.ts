import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platform?: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Intel', {
    instanceType: new ec2.InstanceType('m7i.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(),
  });
  new patterns.ApplicationLoadBalancedEc2Service(stack, 'Web', {
    cluster,
    memoryLimitMiB: 512,
    taskImageOptions: {
      containerPort: 8080,
      image: ecs.ContainerImage.fromAsset(dockerContext, { platform }),
    },
  });
};

const web = { container: 'web', runsOn: ['linux/amd64'] };

export default checkedApp({
  title: 'ApplicationLoadBalancedEc2Service with an arm64 image, in a cluster of x86 instances',
  variants: {
    fails: {
      build: service(Platform.LINUX_ARM64),
      expect: [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'] }],
    },
    'at risk without a platform': {
      build: service(),
      expect: [{ ...web, verdict: 'at-risk', rules: ['asset-platform-unset'], imagePlatforms: null }],
    },
    runs: { build: service(Platform.LINUX_AMD64), expect: [{ ...web, verdict: 'runs' }] },
  },
});
