import { type App, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (byDefault: 'Graviton' | 'Intel') => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const provider = (id: string, instanceType: string, ami: ecs.AmiHardwareType) => {
    const autoScalingGroup = new autoscaling.AutoScalingGroup(stack, id, {
      vpc,
      instanceType: new ec2.InstanceType(instanceType),
      machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ami),
    });
    const capacityProvider = new ecs.AsgCapacityProvider(stack, `${id}Provider`, { autoScalingGroup });
    cluster.addAsgCapacityProvider(capacityProvider);
    return capacityProvider.capacityProviderName;
  };
  const providers = {
    Graviton: provider('Graviton', 'r7g.large', ecs.AmiHardwareType.ARM),
    Intel: provider('Intel', 'r7i.large', ecs.AmiHardwareType.STANDARD),
  };
  cluster.addDefaultCapacityProviderStrategy([{ capacityProvider: providers[byDefault], weight: 1 }]);

  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  // With no launch type and no strategy of its own, the service follows the cluster's default strategy.
  new ecs.CfnService(stack, 'Service', {
    cluster: cluster.clusterName,
    taskDefinition: taskDefinition.taskDefinitionArn,
    desiredCount: 2,
  });
};

export default checkedApp({
  title: "the cluster's default strategy leads to the other architecture",
  variants: {
    fails: {
      build: service('Intel'),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    runs: {
      build: service('Graviton'),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
