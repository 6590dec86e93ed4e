import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const imported = (stack: Stack): ecs.ITaskDefinition =>
  ecs.TaskDefinition.fromTaskDefinitionArn(stack, 'Task', 'arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7');

const own = (stack: Stack): ecs.ITaskDefinition => {
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  return taskDefinition;
};

const service = (task: (stack: Stack) => ecs.ITaskDefinition) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  // The level-2 service refuses a task definition whose containers it cannot see.
  new ecs.CfnService(stack, 'Service', {
    cluster: cluster.clusterName,
    launchType: 'FARGATE',
    taskDefinition: task(stack).taskDefinitionArn,
    networkConfiguration: {
      awsvpcConfiguration: { subnets: cluster.vpc.privateSubnets.map((subnet) => subnet.subnetId) },
    },
  });
};

export default checkedApp({
  title: 'of a task definition that is not part of the app nothing is said',
  variants: {
    fails: {
      build: service(own),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    runs: { build: service(imported), expect: [] },
  },
});
