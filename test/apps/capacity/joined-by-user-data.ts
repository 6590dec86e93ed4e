import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (instanceType: string, ami: ecs.AmiHardwareType) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 1 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const instance = new ec2.Instance(stack, 'Host', {
    vpc,
    instanceType: new ec2.InstanceType(instanceType),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ami),
  });
  instance.addUserData(`echo ECS_CLUSTER=${cluster.clusterName} >> /etc/ecs/ecs.config`);
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_AMD64 }),
    memoryLimitMiB: 512,
  });
  // The CDK knows of no capacity in this cluster, and refuses; ECS does not.
  new ecs.CfnService(stack, 'Service', {
    cluster: cluster.clusterName,
    launchType: 'EC2',
    taskDefinition: taskDefinition.taskDefinitionArn,
  });
};

export default checkedApp({
  title: 'a single instance that joins the cluster in its user data',
  variants: {
    fails: {
      build: service('t4g.small', ecs.AmiHardwareType.ARM),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/arm64'] }],
    },
    runs: {
      build: service('t3a.small', ecs.AmiHardwareType.STANDARD),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/amd64'] }],
    },
  },
});
