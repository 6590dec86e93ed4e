import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const beside = (command: (cluster: ecs.ICluster) => string) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, maxAzs: 1 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  cluster.addCapacity('Intel', { instanceType: new ec2.InstanceType('m7i.large') });
  const bastion = new ec2.Instance(stack, 'Bastion', {
    vpc,
    instanceType: new ec2.InstanceType('t4g.nano'),
    machineImage: ec2.MachineImage.latestAmazonLinux2023({ cpuType: ec2.AmazonLinuxCpuType.ARM_64 }),
    vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
  });
  bastion.userData.addCommands(command(cluster));
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_AMD64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition });
};

export default checkedApp({
  title: 'an instance whose user data names the cluster',
  variants: {
    'runs where it is only mentioned': {
      build: beside(
        (cluster) => `echo "alias tasks='aws ecs list-tasks --cluster ${cluster.clusterName}'" >> ~/.bashrc`,
      ),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/amd64'] }],
    },
    'fails where the instance joins it': {
      build: beside((cluster) => `echo ECS_CLUSTER=${cluster.clusterName} >> /etc/ecs/ecs.config`),
      expect: [
        {
          container: 'web',
          verdict: 'fails',
          rules: ['runtime-platform-unset'],
          runsOn: ['linux/amd64', 'linux/arm64'],
        },
      ],
    },
  },
});
