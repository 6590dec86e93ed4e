import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (cpuArchitecture?: string) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = ecs.Cluster.fromClusterAttributes(stack, 'Cluster', {
    clusterName: 'prod',
    vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-0123456789abcdef0',
      availabilityZones: ['eu-west-1a'],
      privateSubnetIds: ['subnet-0123456789abcdef0'],
    }),
  });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  if (cpuArchitecture !== undefined) {
    (taskDefinition.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture };
  }
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition });
};

export default checkedApp({
  title: 'a cluster that is not part of the app, and a task declared for another architecture than its image',
  variants: {
    // Nobody says whether it is Linux or Windows; the processor is wrong in either case.
    fails: {
      build: service('X86_64'),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: null }],
    },
    'is not known as nothing is declared': {
      build: service(),
      expect: [{ container: 'web', verdict: 'unknown', imagePlatforms: ['linux/arm64'], runsOn: null }],
    },
    // ECS places it on matching instances or not at all.
    runs: { build: service('ARM64'), expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }] },
  },
});
