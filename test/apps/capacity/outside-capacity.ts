import { type App, Fn, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const on = (add: (stack: Stack, cluster: ecs.Cluster) => void) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc: new ec2.Vpc(stack, 'Vpc', { natGateways: 0, maxAzs: 1 }) });
  cluster.addCapacity('Intel', { instanceType: new ec2.InstanceType('m7i.large') });
  add(stack, cluster);
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  (taskDefinition.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture: 'ARM64' };
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition });
};

const runs = [{ container: 'web', verdict: 'runs' as const, imagePlatforms: ['linux/arm64'], runsOn: ['linux/arm64'] }];

export default checkedApp({
  title: 'an x86_64 cluster that may get Graviton instances in a way that is not written out',
  variants: {
    'fails where nothing else may join it': {
      build: on(() => {}),
      expect: [{ container: 'web', verdict: 'fails', rules: ['capacity-architecture-mismatch'] }],
    },
    'by an imported Auto Scaling group': {
      build: on((stack, cluster) => {
        const provider = new ecs.CfnCapacityProvider(stack, 'Graviton', {
          autoScalingGroupProvider: { autoScalingGroupArn: Fn.importValue('graviton-group') },
        });
        new ecs.CfnClusterCapacityProviderAssociations(stack, 'Association', {
          cluster: cluster.clusterName,
          capacityProviders: [provider.ref],
          defaultCapacityProviderStrategy: [],
        });
      }),
      expect: runs,
    },
    'by cfn-init': {
      build: on((stack, cluster) => {
        new autoscaling.AutoScalingGroup(stack, 'Graviton', {
          vpc: cluster.vpc,
          vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
          instanceType: new ec2.InstanceType('m7g.large'),
          machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
          signals: autoscaling.Signals.waitForAll(),
          init: ec2.CloudFormationInit.fromElements(
            ec2.InitFile.fromString('/etc/ecs/ecs.config', `ECS_CLUSTER=${cluster.clusterName}\n`),
          ),
        });
      }),
      expect: runs,
    },
  },
});
