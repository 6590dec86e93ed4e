import { type App, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (cpuArchitecture?: string) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const role = new iam.Role(stack, 'HostRole', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
  const launchTemplate = (id: string, ami: ecs.AmiHardwareType) =>
    new ec2.LaunchTemplate(stack, id, {
      instanceType: new ec2.InstanceType(ami === ecs.AmiHardwareType.ARM ? 'm6g.large' : 'm6i.large'),
      machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ami),
      userData: ec2.UserData.forLinux(),
      securityGroup: new ec2.SecurityGroup(stack, `${id}SecurityGroup`, { vpc }),
      role,
    });
  const autoScalingGroup = new autoscaling.AutoScalingGroup(stack, 'Group', {
    vpc,
    mixedInstancesPolicy: {
      launchTemplate: launchTemplate('Intel', ecs.AmiHardwareType.STANDARD),
      launchTemplateOverrides: [
        { instanceType: new ec2.InstanceType('m6i.large') },
        {
          instanceType: new ec2.InstanceType('m6g.large'),
          launchTemplate: launchTemplate('Graviton', ecs.AmiHardwareType.ARM),
        },
      ],
    },
  });
  const capacityProvider = new ecs.AsgCapacityProvider(stack, 'Provider', { autoScalingGroup });
  cluster.addAsgCapacityProvider(capacityProvider);
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  if (cpuArchitecture !== undefined) {
    (taskDefinition.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture };
  }
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_AMD64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Service', {
    cluster,
    taskDefinition,
    capacityProviderStrategies: [{ capacityProvider: capacityProvider.capacityProviderName, weight: 1 }],
  });
};

export default checkedApp({
  title: 'one group launches both architectures, and the task takes whichever comes',
  variants: {
    fails: {
      build: service(),
      expect: [
        {
          container: 'web',
          verdict: 'fails',
          rules: ['runtime-platform-unset'],
          runsOn: ['linux/amd64', 'linux/arm64'],
        },
      ],
    },
    // One provider: a task declared for X86_64 waits for an instance of that kind.
    runs: {
      build: service('X86_64'),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/amd64'] }],
    },
  },
});
