import { type App, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

interface Choices {
  readonly graviton: { base?: number; weight?: number };
  readonly intel: { base?: number; weight?: number };
  readonly cpuArchitecture?: string;
}

const service = (choices: Choices) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const provider = (id: string, instanceType: string, ami: ecs.AmiHardwareType) => {
    const capacityProvider = new ecs.AsgCapacityProvider(stack, `${id}Provider`, {
      autoScalingGroup: new autoscaling.AutoScalingGroup(stack, id, {
        vpc,
        instanceType: new ec2.InstanceType(instanceType),
        machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ami),
      }),
    });
    cluster.addAsgCapacityProvider(capacityProvider);
    return capacityProvider.capacityProviderName;
  };
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  (taskDefinition.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = choices.cpuArchitecture
    ? { cpuArchitecture: choices.cpuArchitecture }
    : undefined;
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Service', {
    cluster,
    taskDefinition,
    capacityProviderStrategies: [
      { capacityProvider: provider('Graviton', 'm7g.large', ecs.AmiHardwareType.ARM), ...choices.graviton },
      { capacityProvider: provider('Intel', 'm7i.large', ecs.AmiHardwareType.STANDARD), ...choices.intel },
    ],
  });
};

const fails = [{ container: 'web', verdict: 'fails', rules: ['capacity-mixed'] }] as const;

export default checkedApp({
  title: 'a strategy over providers of both architectures: ECS picks the provider first, and does not pick again',
  variants: {
    fails: { build: service({ graviton: { weight: 3 }, intel: { weight: 1 } }), expect: fails },
    'fails though the task is declared for ARM64': {
      build: service({ graviton: { weight: 1 }, intel: { weight: 1 }, cpuArchitecture: 'ARM64' }),
      expect: fails,
    },
    'fails for the base alone': {
      build: service({ graviton: { weight: 1 }, intel: { base: 1, weight: 0 } }),
      expect: fails,
    },
    runs: {
      build: service({ graviton: { weight: 1 }, intel: { weight: 0 } }),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
