import { type App, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (cpuManufacturers: string[], ami: ecs.AmiHardwareType) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const role = new iam.Role(stack, 'HostRole', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
  const launchTemplate = new ec2.LaunchTemplate(stack, 'LaunchTemplate', {
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ami),
    userData: ec2.UserData.forLinux(),
    securityGroup: new ec2.SecurityGroup(stack, 'SecurityGroup', { vpc }),
    role,
  });
  const autoScalingGroup = new autoscaling.AutoScalingGroup(stack, 'Group', {
    vpc,
    mixedInstancesPolicy: {
      launchTemplate,
      launchTemplateOverrides: [
        { instanceRequirements: { vCpuCount: { min: 2, max: 8 }, memoryMiB: { min: 4096 }, cpuManufacturers } },
      ],
    },
  });
  const capacityProvider = new ecs.AsgCapacityProvider(stack, 'Provider', { autoScalingGroup });
  cluster.addAsgCapacityProvider(capacityProvider);
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
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
  title: "instances chosen by their processor's maker, which is AWS for Graviton",
  variants: {
    fails: {
      build: service([ec2.CpuManufacturer.AWS], ecs.AmiHardwareType.ARM),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/arm64'] }],
    },
    runs: {
      build: service([ec2.CpuManufacturer.INTEL, ec2.CpuManufacturer.AMD], ecs.AmiHardwareType.STANDARD),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/amd64'] }],
    },
  },
});
