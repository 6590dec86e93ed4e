import { type App, Size, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (allowedInstanceTypes: string[], runtimePlatform?: ecs.RuntimePlatform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const capacityProvider = new ecs.ManagedInstancesCapacityProvider(stack, 'Provider', {
    subnets: vpc.privateSubnets,
    securityGroups: [new ec2.SecurityGroup(stack, 'SecurityGroup', { vpc })],
    instanceRequirements: { vCpuCountMin: 2, memoryMin: Size.gibibytes(4), allowedInstanceTypes },
  });
  cluster.addManagedInstancesCapacityProvider(capacityProvider);
  const taskDefinition = new ecs.TaskDefinition(stack, 'Task', {
    compatibility: ecs.Compatibility.MANAGED_INSTANCES,
    cpu: '1024',
    memoryMiB: '2048',
    networkMode: ecs.NetworkMode.AWS_VPC,
    runtimePlatform,
  });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  new ecs.FargateService(stack, 'Service', {
    cluster,
    taskDefinition,
    capacityProviderStrategies: [{ capacityProvider: capacityProvider.capacityProviderName, weight: 1 }],
  });
};

const arm64 = { cpuArchitecture: ecs.CpuArchitecture.ARM64 };

export default checkedApp({
  title: 'Managed Instances for an ARM64 task may only take x86 instances',
  variants: {
    fails: {
      build: service(['m7i.*', 'c7a.*'], arm64),
      expect: [{ container: 'web', verdict: 'fails', rules: ['capacity-architecture-mismatch'] }],
    },
    runs: {
      build: service(['m7g.*', 'c8g.*'], arm64),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
